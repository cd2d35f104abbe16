//! What surrounds the cells of letters: which nodes a sync visits, and the cover that fills each
//! batch up to the pace. When a node fails, its slots move to another, whatever was in them.
//! Specified in poste-protocol(7), What a sync looks like from outside.

use super::post::{Attempted, Round};
use super::{class, node};
use crate::client::desk::Desk;
use crate::client::dispatch::Made;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::loops::Loop;
use crate::client::nodes;
use crate::core::bucket::{Bucket, Class};
use crate::core::plan::{self, Post};
use crate::core::time::{HOUR, Time};
use std::collections::{BTreeMap, BTreeSet};

/// The batches of a sync: the cells of what was `made`, each batch filled with cover up to the
/// pace, in random order.
pub fn batches(
    env: &mut Env<'_>,
    desk: &Desk,
    round: &Round,
    daily: bool,
    made: &[&Made],
    loops: &[Loop],
) -> Result<Vec<Post>, Error> {
    let now = env.now();
    let visit = visited(env, desk, round, now);
    let mut buckets: BTreeSet<Bucket> = made.iter().map(|made| made.bucket).collect();
    if class(desk) == Class::Hourly {
        buckets.insert(Bucket::at(Class::Hourly, now));
    }
    if daily {
        buckets.insert(Bucket::at(Class::Daily, now));
    }
    let mut posts = Vec::new();
    for bucket in buckets {
        let letters = made.iter().filter(|made| made.bucket == bucket);
        let letters = letters.map(|made| (made.node.clone(), made.cells.clone())).collect();
        let looping = loops.iter().filter(|looping| looping.bucket == bucket);
        let looping: Vec<_> = looping.map(|l| (l.node.clone(), l.cell)).collect();
        let usual = bucket.class() == Class::Hourly || daily;
        let visit: &[String] = if usual { &visit } else { &[] };
        posts.extend(plan::uploads(bucket, letters, visit, round.pace, &looping, env.rng));
    }
    posts.sort_by(|a, b| (&a.node, a.bucket).cmp(&(&b.node, b.bucket)));
    Ok(posts)
}

/// The slots of the hourly class that what was `made` leaves for cover, by node: none without a pace,
/// and none in the rounds that make up for what went wrong in the first.
pub fn room(
    env: &Env<'_>,
    desk: &Desk,
    round: &Round,
    made: &[Attempted],
) -> (Bucket, BTreeMap<String, usize>) {
    let bucket = Bucket::at(Class::Hourly, env.now());
    if round.whole || round.failed.is_some() {
        return (bucket, BTreeMap::new());
    }
    let taken = |node: &String| {
        let there = made.iter().map(|attempted| &attempted.made);
        let there = there.filter(|made| made.node == *node && made.bucket == bucket);
        there.map(|made| made.cells.len()).sum()
    };
    let nodes = visited(env, desk, round, env.now()).into_iter();
    (bucket, nodes.map(|node| (node.clone(), round.pace.saturating_sub(taken(&node)))).collect())
}

/// The relays that get cover in this round: of those that anybody here listens on a few each time,
/// in fixed rotation, and later in the sync one for each that has failed in the round before,
/// whether letters were to go there or not.
pub fn visited(env: &Env<'_>, desk: &Desk, round: &Round, now: Time) -> Vec<String> {
    let own = nodes::own(env).into_iter();
    let theirs = desk.contacts.iter().flat_map(|c| c.card.card.nodes.iter().cloned());
    let all: BTreeSet<String> = own.chain(theirs).filter(|url| env.address(url).is_ok()).collect();
    let relays: Vec<String> = all.into_iter().filter(|url| !node(url.clone()).directory).collect();
    let ring = |start: usize| relays.iter().cycle().skip(start).take(relays.len()).cloned();
    let Some(failed) = &round.failed else {
        let start = (now.unix() / HOUR) as usize % relays.len().max(1);
        return ring(start).take(env.config.nodes_per_sync.into()).collect();
    };
    let places = failed.iter().filter_map(|node| relays.iter().position(|relay| relay == node));
    let standing = |node: &String| !round.avoided.failed.contains(node);
    places.filter_map(|at| ring(at).find(standing)).collect::<BTreeSet<_>>().into_iter().collect()
}
