//! What goes: letters that are due, acknowledgements and offers that found no letter to ride
//! with, and cover. Attempts are counted before cells leave; that a node took them is recorded
//! after.

use super::{Options, Report, class, hear, node};
use crate::client::desk::Desk;
use crate::client::dispatch::{self, Cargo, Made, Sender};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::queue;
use crate::core::bucket::{Bucket, Class};
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::letter::Kind as LetterKind;
use crate::core::plan::{self, GIVE_UP, Past, Post};
use crate::core::stamp::Stamp;
use crate::core::time::{DAY, HOUR, Time};
use crate::store::contacts::Contact;
use crate::store::outbox::{Attempt, Item};
use crate::store::peers::Peer;
use crate::store::progress::Progress;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A letter unacknowledged for this many seconds is sealed to the public prekey: the offer seems
/// to be lost. Longer if either side listens once a day.
const FALLBACK: u64 = 3 * DAY;
const FALLBACK_DAILY: u64 = 8 * DAY;

/// Uploads, and the attempts in them.
#[derive(Default)]
pub struct Out {
    posts: Vec<Post>,
    made: Vec<(Fingerprint, Option<LetterId>, Made)>,
}

/// Batches that a node took: node and bucket.
pub type Taken = HashSet<(String, Bucket)>;

/// Makes the attempts that are due and fills the batches with cover.
pub fn plan(
    env: &mut Env<'_>,
    options: &Options,
    daily: bool,
    report: &mut Report,
) -> Result<Out, Error> {
    let places = env.home.places().clone();
    let mut desk = Desk::open(env)?;
    let sender = Sender {
        chain: desk.transit.chain(),
        card: desk.card.clone(),
        material: Progress::load(&places)?.material,
    };
    let mut made = Vec::new();
    for contact in desk.contacts.clone() {
        let mut peer = Peer::load(&places, contact.fingerprint)?;
        for at in 0..desk.outbox.len() {
            let item = &desk.outbox[at];
            if item.to != contact.fingerprint {
                continue;
            }
            let Some(due) = due(item, &contact, class(&desk), daily, env.now()) else { continue };
            let mail = queue::open(&places, &desk.transit, item)?;
            let cargo = letter(item, mail, &contact, class(&desk), env.now());
            let attempt = attempt(env, &mut desk, &sender, (&contact, &mut peer), &cargo, due);
            let item = &mut desk.outbox[at];
            item.tries += 1;
            match attempt {
                Ok(attempt) => {
                    item.stamp = attempt.stamp.map(|stamp| stamp.text()).or(item.stamp.take());
                    item.save(&places)?;
                    peer.acks.retain(|ack| !attempt.acks.contains(ack));
                    made.push((contact.fingerprint, Some(item.id), attempt));
                }
                Err(error) => report.soft(error),
            }
        }
        let rode = |f: fn(&Made) -> bool| {
            made.iter().any(|(to, _, made)| *to == contact.fingerprint && f(made))
        };
        let (has_offer, has_card) = (rode(|m| m.offer), rode(|m| m.card));
        let (control, card) =
            dispatch::control_due(&sender, &desk.transit, &contact, &peer, env.now());
        let may = class(&desk) == Class::Hourly || daily;
        let wanted =
            [(control && !(has_offer && peer.acks.is_empty()), false), (card && !has_card, true)];
        for (_, with_card) in wanted.into_iter().filter(|(wanted, _)| *wanted && may) {
            let cargo = control_letter(env, with_card);
            let to =
                if class(&desk) == Class::Daily { Class::Daily } else { contact.card.card.class };
            let to = if to == Class::Daily && !daily { continue } else { to };
            match attempt(env, &mut desk, &sender, (&contact, &mut peer), &cargo, to) {
                Ok(attempt) => made.push((contact.fingerprint, None, attempt)),
                Err(error) => report.soft(error),
            }
        }
    }
    let posts = batches(env, &desk, options, daily, &made)?;
    Ok(Out { posts, made })
}

/// What [`plan`] would post, without making anything.
pub fn preview(env: &mut Env<'_>, daily: bool) -> Result<Vec<String>, Error> {
    let desk = Desk::open(env)?;
    let mut lines = Vec::new();
    for item in &desk.outbox {
        let Some(contact) = desk.contacts.iter().find(|c| c.fingerprint == item.to) else {
            continue;
        };
        if let Some(due) = due(item, contact, class(&desk), daily, env.now()) {
            lines.push(format!("post letter {} in the {} class", item.id, due.name()));
        }
    }
    Ok(lines)
}

/// Posts the batches. Gives those that were taken to the last cell.
pub fn post(env: &mut Env<'_>, out: &Out, report: &mut Report) -> Taken {
    let mut taken = Taken::new();
    let mut failed = HashSet::new();
    let mut witnesses = Vec::new();
    for posts in out.posts.chunk_by(|a, b| a.node == b.node) {
        let address = env.address(&posts[0].node);
        let courier = address.and_then(|a| Ok(env.network.courier(&a, env.rng)?));
        for post in posts {
            let batch = (post.node.clone(), post.bucket);
            let done = match &courier {
                Ok(courier) => courier.post(post.bucket, post.cells.as_flattened()),
                Err(_) => continue,
            };
            match done {
                Ok(heard) => {
                    hear(report, &mut witnesses, &post.node, heard);
                    report.posted += post.cells.len();
                    taken.insert(batch);
                }
                Err(error) => {
                    failed.insert(batch);
                    report.soft(error.into());
                }
            }
        }
        if let Err(error) = courier {
            report.soft(error);
        }
    }
    taken.retain(|batch| !failed.contains(batch));
    taken
}

/// Records which attempts were taken.
pub fn record(
    env: &mut Env<'_>,
    out: Out,
    taken: &Taken,
    _report: &mut Report,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let mut desk = Desk::open(env)?;
    let mut peers: BTreeMap<Fingerprint, Peer> = BTreeMap::new();
    for (to, id, made) in out.made {
        if !taken.contains(&(made.node.clone(), made.bucket)) {
            continue;
        }
        let peer = match peers.entry(to) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Peer::load(&places, to)?),
        };
        peer.acks.retain(|ack| !made.acks.contains(ack));
        if made.offer {
            peer.offer_sent = now;
        }
        if made.card {
            peer.card_sent = now;
        }
        let Some(id) = id else { continue };
        peer.last_letter = now;
        if let Some(item) = desk.outbox.iter_mut().find(|item| item.id == id) {
            let bucket = made.bucket.to_string();
            item.attempt.push(Attempt { at: now, bucket, node: made.node });
            item.save(&places)?;
        }
    }
    for (to, peer) in &peers {
        peer.save(&places, *to)?;
    }
    for item in &desk.outbox {
        if item.acknowledged.is_some_and(|at| now.since(at) > DAY) {
            item.remove(&places)?;
        }
    }
    Ok(())
}

fn attempt(
    env: &mut Env<'_>,
    desk: &mut Desk,
    sender: &Sender,
    (contact, peer): (&Contact, &mut Peer),
    cargo: &Cargo,
    class: Class,
) -> Result<Made, Error> {
    let Desk { lock, transit, .. } = desk;
    dispatch::make(env, lock, sender, transit, (contact, peer), cargo, class).map_err(|error| {
        Error { what: format!("a letter to {}: {}", contact.petname, error.what), ..error }
    })
}

fn due(item: &Item, contact: &Contact, own: Class, daily: bool, now: Time) -> Option<Class> {
    if item.acknowledged.is_some() || now.since(item.date) > GIVE_UP {
        return None;
    }
    let past: Vec<Past> = item
        .attempt
        .iter()
        .filter_map(|a| Some(Past { at: a.at, class: a.bucket.parse::<Bucket>().ok()?.class() }))
        .collect();
    let directories = contact.card.card.nodes.iter().all(|n| n.starts_with("file:"));
    if directories && !contact.card.card.nodes.is_empty() {
        let today = past.iter().any(|p| p.at.day() == now.day());
        return (!today).then_some(Class::Daily);
    }
    let only_daily = own == Class::Daily || item.daily || contact.card.card.class == Class::Daily;
    plan::due(&past, if only_daily { Class::Daily } else { Class::Hourly }, now, daily)
}

fn letter(item: &Item, mail: Vec<u8>, contact: &Contact, own: Class, now: Time) -> Cargo {
    let daily = own == Class::Daily || contact.card.card.class == Class::Daily;
    let patience = if daily { FALLBACK_DAILY } else { FALLBACK };
    let first = item.attempt.first();
    Cargo {
        id: item.id,
        kind: LetterKind::Mail,
        date: item.date,
        mail,
        stamp: item.stamp.as_deref().and_then(Stamp::parse),
        fallback: first.is_some_and(|first| now.since(first.at) > patience),
        with_card: false,
        tries: item.tries,
    }
}

fn control_letter(env: &mut Env<'_>, with_card: bool) -> Cargo {
    Cargo {
        id: LetterId::generate(env.rng),
        kind: LetterKind::Control,
        date: env.now().minute(),
        mail: Vec::new(),
        stamp: None,
        fallback: false,
        with_card,
        tries: 0,
    }
}

fn batches(
    env: &mut Env<'_>,
    desk: &Desk,
    options: &Options,
    daily: bool,
    made: &[(Fingerprint, Option<LetterId>, Made)],
) -> Result<Vec<Post>, Error> {
    let now = env.now();
    let pace = if options.now { 0 } else { usize::from(env.config.pace) };
    let visit = visited(env, desk, now);
    let mut buckets: BTreeSet<Bucket> = made.iter().map(|(_, _, m)| m.bucket).collect();
    if class(desk) == Class::Hourly {
        buckets.insert(Bucket::at(Class::Hourly, now));
    }
    if daily {
        buckets.insert(Bucket::at(Class::Daily, now));
    }
    let mut posts = Vec::new();
    for bucket in buckets {
        let letters = made.iter().filter(|(_, _, m)| m.bucket == bucket);
        let letters = letters.map(|(_, _, m)| (m.node.clone(), m.cells.clone())).collect();
        let usual = bucket.class() == Class::Hourly || daily;
        let visit: &[String] = if usual { &visit } else { &[] };
        posts.extend(plan::uploads(bucket, letters, visit, pace, env.rng));
    }
    posts.sort_by(|a, b| (&a.node, a.bucket).cmp(&(&b.node, b.bucket)));
    Ok(posts)
}

/// The relays that get cover in this sync: those that anybody here listens on, a few each time in
/// fixed rotation.
fn visited(env: &Env<'_>, desk: &Desk, now: Time) -> Vec<String> {
    let own = env.config.nodes.iter().map(|n| n.as_str().to_owned());
    let theirs = desk.contacts.iter().flat_map(|c| c.card.card.nodes.iter().cloned());
    let all: BTreeSet<String> = own.chain(theirs).filter(|url| env.address(url).is_ok()).collect();
    let relays: Vec<String> = all.into_iter().filter(|url| !node(url.clone()).directory).collect();
    let start = (now.unix() / HOUR) as usize % relays.len().max(1);
    let few = usize::from(env.config.nodes_per_sync);
    relays.iter().cycle().skip(start).take(few.min(relays.len())).cloned().collect()
}
