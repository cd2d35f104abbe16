//! What goes: what is due and found room, and cover. Attempts are counted before cells leave; that a node took them is recorded
//! after, cell by cell. What a node did not take is made anew for the addressee's next one, at
//! once; a node that failed is left alone for the rest of the sync.

use super::pack::Packer;
use super::{Report, class, cover, fill, listening, node};
use crate::client::cover::speak;
use crate::client::desk::Desk;
use crate::client::dispatch::{Avoided, Made, Sender};
use crate::client::enclosure::{coming, going};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::loops::{self, Loop};
use crate::client::restored;
use crate::core::bucket::{Bucket, Class};
use crate::core::cell::{self, Cell};
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::plan::Post;
use crate::core::plan::slots::{Slots, Visit};
use crate::core::time::Time;
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
    /// Where these uploads go with a pace, whatever is in them.
    pub visits: Vec<Visit>,
}

impl Out {
    /// Whether anybody could see when it goes: at a directory nobody does.
    pub fn is_seen(&self) -> bool {
        self.posts.iter().any(|post| !node(post.node.clone()).directory)
    }
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

/// One round of posting: the first one; one that makes up for nodes that failed in the one before;
/// or, without a pace alone, one for what was more than goes at once.
#[derive(Default)]
pub struct Round {
    /// The cells that each node visited gets in each class.
    pub pace: usize,
    /// Whether there is no pace, and all that waits is posted.
    pub whole: bool,
    /// The nodes that failed in the round before, and its visits, unless this is the first one.
    pub before: Option<(BTreeSet<String>, Vec<Visit>)>,
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

/// Gives what is due its places and makes it, then fills the slots that are left with cells of
/// enclosures and with cover, which stands for whatever else may take only slots that would carry
/// cover. What goes wrong with one person or letter stops no other. Nothing is posted here: all is
/// made before the first POST.
pub fn plan(
    env: &mut Env<'_>,
    round: &Round,
    daily: bool,
    report: &mut Report,
) -> Result<Out, Error> {
    let mut desk = Desk::open(env)?;
    let now = env.now();
    let sender = Sender { avoided: round.avoided.clone(), ..Sender::of(env, &desk)? };
    let mut said = Vec::new();
    let visits = cover::visits(env, &desk, round, daily, now);
    let slots = match round.whole {
        true => Slots::unpaced(),
        false => Slots::paced(&visits),
    };
    let mut packer = Packer::new(round, sender, daily, now, slots);
    if let Err(error) = restored::may_send(env) {
        report.soft(error);
    } else if desk.card.card.series != desk.transit.series.number {
        let what =
            "the card does not have the newest keys yet, so letters wait; see: poste publish";
        report.soft(Error::new(Kind::Offline, what));
    } else if desk.card.card.day_key(now.day()).is_some() {
        packer.letters(env, &mut desk, report);
        fill::cells(env, &mut desk, &mut packer, report);
        packer.spare(env, &mut desk, report);
        if !round.whole && round.before.is_none() {
            let (bucket, room) = (Bucket::at(Class::Hourly, now), packer.slots.free(Class::Hourly));
            said = speak(env, &desk, &packer.sender, bucket, room).unwrap_or_else(|error| {
                report.soft(error);
                Vec::new()
            });
        }
    } else {
        let what = match now.day() > desk.transit.chain().last() {
            true => "the last day of one's keys is over, so letters wait; see: poste card renew",
            false => "the card does not list today, so letters wait; see: poste publish",
        };
        report.soft(Error::new(Kind::Offline, what));
    }
    let (made, more) = (packer.made, packer.slots.left_some());
    let cargo: Vec<&Made> = made.iter().map(|attempted| &attempted.made).chain(&said).collect();
    let mut loops = Vec::new();
    if round.before.is_none() && round.pace > 0 {
        let progress = Progress::load(env.home.places())?;
        loops = loops::due(env, &listening(env, &desk, &progress), class(&desk))?;
    }
    let posts = cover::batches(env, (round, &visits), now, &cargo, &loops);
    loops.retain(|looping| posts.iter().any(|post| post.cells.contains(&looping.cell)));
    loops::begin(env, &desk.lock, &loops)?;
    Ok(Out { posts, made, loops, more, visits })
}

/// What an attempt changes of the exchange, once it is taken.
pub(super) fn sent(peer: &mut Peer, made: &Made, now: Time) {
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
        (env.progress)(&format!("posting to {node}, {} cells so far", report.posted));
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
