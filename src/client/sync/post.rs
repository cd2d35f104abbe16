//! What goes: letters that are due, acknowledgements and offers that found no letter to ride
//! with, and cover. Attempts are counted before cells leave; that a node took them is recorded
//! after, cell by cell. What a node did not take is made anew for the addressee's next one, at
//! once; a node that failed is left alone for the rest of the sync.

use super::{Report, class, cover, due, fill, listening, node};
use crate::client::cover::speak;
use crate::client::desk::Desk;
use crate::client::dispatch::{self, Avoided, Cargo, Made, Sender};
use crate::client::enclosure::{coming, going};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::loops::{self, Loop};
use crate::client::{queue, restored};
use crate::core::bucket::Class;
use crate::core::cell::{self, Cell};
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::plan::{self, Post};
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::outbox::Attempt;
use crate::store::peers::Peer;
use crate::store::progress::Progress;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Uploads, and the attempts in them.
#[derive(Default)]
pub struct Out {
    posts: Vec<Post>,
    made: Vec<Attempted>,
    loops: Vec<Loop>,
    /// Somebody is to get more letters than go at once.
    pub more: bool,
}

/// An attempt at reaching somebody.
pub(super) struct Attempted {
    pub to: Fingerprint,
    pub what: What,
    pub made: Made,
}

/// What an attempt carries.
pub(super) enum What {
    /// These cells of a letter's enclosure.
    Cells(LetterId, Vec<u16>),
    /// Control data alone.
    Control,
    /// A letter of the outbox.
    Letter(LetterId),
}

/// One round of posting: the first one, one that makes up for nodes that failed in the one before,
/// or one for what was more than goes at once.
#[derive(Default)]
pub struct Round {
    /// The fewest cells that a node gets.
    pub pace: usize,
    /// Whether there is no pace, and all that waits is posted.
    pub whole: bool,
    /// The nodes that failed in the round before, unless this is the first one.
    pub failed: Option<BTreeSet<String>>,
    /// Nodes that letters do not go to.
    pub avoided: Avoided,
}

/// What became of a round.
#[derive(Default)]
pub struct Posted {
    /// The points of the cells that a node took.
    taken: HashSet<[u8; 32]>,
    /// Nodes that did not take everything.
    pub failed: BTreeSet<String>,
}

/// Makes the attempts that are due and fills the batches, with cells of enclosures and then with
/// cover. What goes wrong with one person or letter stops no other.
pub fn plan(
    env: &mut Env<'_>,
    round: &Round,
    daily: bool,
    report: &mut Report,
) -> Result<Out, Error> {
    let mut desk = Desk::open(env)?;
    let sender = Sender { avoided: round.avoided.clone(), ..Sender::of(env, &desk)? };
    let mut made = Vec::new();
    let mut said = Vec::new();
    let mut more = false;
    if let Err(error) = restored::may_send(env) {
        report.soft(error);
    } else if desk.card.card.series != desk.transit.series.number {
        let what = "the card does not have the newest keys yet, so letters wait; run poste publish";
        report.soft(Error::new(Kind::Offline, what));
    } else if desk.card.card.day_key(env.now().day()).is_some() {
        for contact in desk.contacts.clone() {
            match attempts(env, &mut desk, &sender, &contact, daily, report, &mut made) {
                Ok(some_left) => more |= some_left,
                Err(error) => report.soft(error),
            }
        }
        more |= fill::cells(env, &mut desk, round, daily, report, &mut made);
        // Of what is left for cover.
        let (bucket, mut room) = cover::room(env, &desk, round, &made);
        said = speak(env, &desk, &sender, bucket, &mut room).unwrap_or_else(|error| {
            report.soft(error);
            Vec::new()
        });
    } else {
        let what = "the card does not list today, so letters wait; run poste publish";
        report.soft(Error::new(Kind::Offline, what));
    }
    let cargo: Vec<&Made> = made.iter().map(|attempted| &attempted.made).chain(&said).collect();
    let mut loops = Vec::new();
    if round.failed.is_none() && round.pace > 0 {
        let progress = Progress::load(env.home.places())?;
        loops = loops::due(env, &listening(env, &desk, &progress), class(&desk))?;
    }
    let posts = cover::batches(env, &desk, round, daily, &cargo, &loops)?;
    loops.retain(|looping| posts.iter().any(|post| post.cells.contains(&looping.cell)));
    loops::begin(env, &desk.lock, &loops)?;
    Ok(Out { posts, made, loops, more })
}

/// What is due to one person, as long as it is no more than a POST holds: of what is lost, the
/// addressee walks over that many cells. Says whether more is due.
fn attempts(
    env: &mut Env<'_>,
    desk: &mut Desk,
    sender: &Sender,
    contact: &Contact,
    daily: bool,
    report: &mut Report,
    out: &mut Vec<Attempted>,
) -> Result<bool, Error> {
    let places = env.home.places().clone();
    let (to, now, own) = (contact.fingerprint, env.now(), class(desk));
    // As it will be if all is taken; on disk it changes only when it was.
    let mut peer = Peer::load(&places, to)?;
    let mut owed = if daily { peer.owed(now) } else { Vec::new() };
    let mut wants = coming::wants(&places, to, now)?;
    for at in 0..desk.outbox.len() {
        let item = &desk.outbox[at];
        let due = due::due(item, (contact, peer.awake), own, daily, now).filter(|_| item.to == to);
        let Some(due) = due else { continue };
        if item.enclosure.is_some() && going::must_wait(&desk.transit, &peer, to) {
            continue;
        }
        let to_them = out.iter().filter(|attempted| attempted.to == to);
        if to_them.map(|attempted| attempted.made.cells.len()).sum::<usize>() >= plan::POST_CELLS {
            return Ok(true);
        }
        let cargo = match queue::contents(&places, &desk.transit, item, desk.me.fingerprint()) {
            Ok(contents) => due::letter(item, contents),
            Err(error) => {
                report.soft(error);
                continue;
            }
        };
        for fallback in due::ways(item, contact, own, due, now) {
            let (want, tries) = (wants.last().cloned(), desk.outbox[at].tries);
            let cargo = Cargo { fallback: *fallback, want, tries, ..cargo.clone() };
            match attempt(env, desk, sender, (contact, &peer), &cargo, due) {
                Ok(None) => {}
                Ok(Some(made)) => {
                    let item = &mut desk.outbox[at];
                    item.tries += 1;
                    item.save(&places)?;
                    sent(&mut peer, &made, now);
                    wants.retain(|want| made.want != Some(want.id));
                    out.push(Attempted { to, what: What::Letter(item.id), made });
                }
                Err(error) => report.soft(error),
            }
        }
    }
    for want in wants {
        let Some(due) = due::control_class(contact, own, daily) else { break };
        let cargo = Cargo { want: Some(want), ..due::control_letter(env, false) };
        let made = attempt(env, desk, sender, (contact, &peer), &cargo, due)?;
        let Some(made) = made else { break };
        sent(&mut peer, &made, now);
        out.push(Attempted { to, what: What::Control, made });
    }
    for with_card in [false, true] {
        let (control, card) = dispatch::control_due(sender, &desk.transit, contact, &peer, now);
        let due = due::control_class(contact, own, daily);
        let due = due.filter(|_| if with_card { card } else { control });
        let Some(due) = due else { continue };
        let cargo = due::control_letter(env, with_card);
        let made = attempt(env, desk, sender, (contact, &peer), &cargo, due)?;
        let Some(made) = made else { continue };
        sent(&mut peer, &made, now);
        out.push(Attempted { to, what: What::Control, made });
    }
    // Who wrote by the daily class may be asleep whenever this home is awake.
    for attempted in out.iter().filter(|attempted| attempted.to == to) {
        let acks = if attempted.made.bucket.class() == Class::Daily {
            &attempted.made.acks[..]
        } else {
            &[]
        };
        owed.retain(|ack| !acks.contains(ack));
    }
    if !owed.is_empty() && peer.card_seen != Time::default() {
        let peer = Peer { acks: owed, again: Vec::new(), ..peer };
        let cargo = due::control_letter(env, false);
        let made = attempt(env, desk, sender, (contact, &peer), &cargo, Class::Daily)?;
        out.extend(made.map(|made| Attempted { to, what: What::Control, made }));
    }
    Ok(false)
}

/// What an attempt changes of the exchange, once it is taken.
fn sent(peer: &mut Peer, made: &Made, now: Time) {
    peer.acknowledged(&made.acks, now);
    if made.offer {
        peer.offer_sent = now;
    }
    if made.card {
        peer.card_sent = now;
    }
}

/// Posts the batches. A node that fails once is left alone, since more failures would only lose
/// more cells.
pub fn post(env: &mut Env<'_>, out: &Out, report: &mut Report) -> Posted {
    let mut posted = Posted::default();
    for posts in out.posts.chunk_by(|a, b| a.node == b.node) {
        let node = &posts[0].node;
        report.asked.insert(node.clone());
        let courier =
            env.address(node).and_then(|address| Ok(env.network.courier(&address, env.rng)?));
        let courier = match courier {
            Ok(courier) => courier,
            Err(error) => {
                report.soft(error);
                posted.failed.insert(node.clone());
                continue;
            }
        };
        for post in posts {
            match courier.post(post.bucket, post.cells.as_flattened()) {
                Ok(heard) => {
                    report.hear(node, heard);
                    report.posted += post.cells.len();
                    posted.taken.extend(post.cells.iter().map(cell::point_of));
                }
                Err(error) => {
                    posted.failed.insert(node.clone());
                    report.blame(node, error);
                    break;
                }
            }
        }
    }
    posted
}

/// Records which attempts were taken, to the last cell. Gives the number of letters and batches of
/// an enclosure's cells among them.
pub fn record(env: &mut Env<'_>, out: Out, posted: &Posted) -> Result<usize, Error> {
    let mut letters = 0;
    let places = env.home.places().clone();
    let now = env.now();
    let mut desk = Desk::open(env)?;
    let mut peers: BTreeMap<Fingerprint, Peer> = BTreeMap::new();
    // The last one first, as numbers are given back.
    for Attempted { to, what, made } in out.made.into_iter().rev() {
        // Removed meanwhile: nothing is to be remembered of them.
        if !desk.incomplete && desk.contacts.iter().all(|c| c.fingerprint != to) {
            continue;
        }
        let peer = match peers.entry(to) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Peer::load(&places, to)?),
        };
        let taken = |cell: &Cell| posted.taken.contains(cell::point_of(cell));
        if let Some((first, end)) = made.numbers {
            match made.cells.iter().rposition(taken) {
                Some(last) => peer.took(made.bucket, first + last as u32 + 1),
                // A relay that did not answer may have seen the cells; a directory has not.
                None if node(made.node.clone()).directory => {
                    peer.give_back(made.bucket, first, end);
                }
                None => {}
            }
        }
        if let What::Cells(id, cells) = &what {
            let took = made.cells.iter().zip(cells).filter(|(cell, _)| taken(cell));
            let took: Vec<u16> = took.map(|(_, index)| *index).collect();
            let item = desk.outbox.iter_mut().find(|item| item.id == *id && item.is_waiting());
            if let Some(item) = item.filter(|_| !took.is_empty()) {
                going::took(env, item, &took)?;
                letters += 1;
            }
            continue;
        }
        if !made.cells.iter().all(taken) {
            continue;
        }
        sent(peer, &made, now);
        if let Some(id) = made.want {
            coming::asked(&places, to, id, now)?;
        }
        let What::Letter(id) = what else { continue };
        peer.last_letter = now;
        if let Some(item) = desk.outbox.iter_mut().find(|item| item.id == id) {
            let bucket = made.bucket.to_string();
            item.attempt.push(Attempt { at: now, bucket, node: made.node });
            item.save(&places)?;
            letters += 1;
        }
    }
    loops::taken(env, &desk.lock, &out.loops, &|cell| posted.taken.contains(cell::point_of(cell)))?;
    for (to, peer) in &peers {
        peer.save(&places, *to)?;
    }
    Ok(letters)
}

fn attempt(
    env: &mut Env<'_>,
    desk: &mut Desk,
    sender: &Sender,
    (contact, peer): (&Contact, &Peer),
    cargo: &Cargo,
    class: Class,
) -> Result<Option<Made>, Error> {
    let Desk { lock, transit, .. } = desk;
    dispatch::make(env, lock, sender, transit, (contact, peer), cargo, class).map_err(|error| {
        Error { what: format!("a letter to {}: {}", contact.petname, error.what), ..error }
    })
}
