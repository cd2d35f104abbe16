//! What surrounds the cells of letters: which nodes a sync visits, and the cover that fills each
//! batch up to the pace. Specified in poste-protocol(7), What a sync looks like from outside.

use super::{Options, class, node};
use crate::client::desk::Desk;
use crate::client::dispatch::Made;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::bucket::{Bucket, Class};
use crate::core::plan::{self, Post};
use crate::core::time::{HOUR, Time};
use std::collections::BTreeSet;

/// The batches of a sync: the cells of what was `made`, each batch filled with cover up to the
/// pace, in random order.
pub fn batches(
    env: &mut Env<'_>,
    desk: &Desk,
    options: &Options,
    daily: bool,
    made: &[&Made],
) -> Result<Vec<Post>, Error> {
    let now = env.now();
    let pace = if options.now { 0 } else { usize::from(env.config.pace) };
    let visit = visited(env, desk, now);
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
