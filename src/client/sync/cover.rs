//! What surrounds the cells of letters: which nodes a sync visits, and the cover that fills each
//! batch up to the pace. When a node fails, its slots move to another, whatever was in them.
//! Specified in poste-protocol(7), What a sync looks like from outside.

use super::post::Round;
use super::{class, node};
use crate::client::desk::Desk;
use crate::client::dispatch::Made;
use crate::client::env::Env;
use crate::client::loops::Loop;
use crate::client::nodes;
use crate::core::bucket::{Bucket, Class};
use crate::core::plan::slots::{self, Visit};
use crate::core::plan::{self, Post};
use crate::core::time::Time;
use std::collections::BTreeSet;

/// In which classes a sync posts.
fn classes(desk: &Desk, daily: bool) -> Vec<Class> {
    let hourly = (class(desk) == Class::Hourly).then_some(Class::Hourly);
    hourly.into_iter().chain(daily.then_some(Class::Daily)).collect()
}

/// The batches of a sync: the cells of what was `made`, each batch filled with cover up to the
/// pace, in random order.
pub fn batches(
    env: &mut Env<'_>,
    (round, visits): (&Round, &[Visit]),
    now: Time,
    made: &[&Made],
    loops: &[Loop],
) -> Vec<Post> {
    let visit = |bucket: Bucket| visits.iter().find(|visit| Bucket::at(visit.class, now) == bucket);
    let usual = visits.iter().map(|visit| Bucket::at(visit.class, now));
    let buckets: BTreeSet<Bucket> = made.iter().map(|made| made.bucket).chain(usual).collect();
    let mut posts = Vec::new();
    for bucket in buckets {
        let letters = made.iter().filter(|made| made.bucket == bucket);
        let letters = letters.map(|made| (made.node.clone(), made.cells.clone())).collect();
        let looping = loops.iter().filter(|looping| looping.bucket == bucket);
        let looping: Vec<_> = looping.map(|l| (l.node.clone(), l.cell)).collect();
        let (relays, pace) = match visit(bucket) {
            Some(visit) => (&visit.relays[..], visit.cells),
            None => (&[][..], round.pace),
        };
        posts.extend(plan::uploads(bucket, letters, relays, pace, &looping, env.rng));
    }
    posts.sort_by(|a, b| (&a.node, a.bucket).cmp(&(&b.node, b.bucket)));
    posts
}

/// The relays that anybody here listens on, and with a pace those that are kept beside them, so that
/// who watches does not know by their number whom somebody writes to.
pub fn relays(env: &Env<'_>, desk: &Desk, now: Time) -> BTreeSet<String> {
    let own = nodes::own(env).into_iter().chain(nodes::beside(env));
    let theirs = desk.contacts.iter().flat_map(|contact| {
        let offer = desk.transit.usable_offer(contact.fingerprint, now);
        let offered = offer.into_iter().flat_map(|offer| &offer.nodes);
        contact.card.card.nodes.iter().chain(offered).cloned()
    });
    let good = own.chain(theirs).filter(|url| env.address(url).is_ok());
    good.filter(|url| !node(url.clone()).directory).collect()
}

/// What gets a batch in this round: some of all relays each time, in fixed rotation, and later in
/// the sync one for each that has failed in the round before, whether letters were to go there or
/// not.
pub fn visits(env: &Env<'_>, desk: &Desk, round: &Round, daily: bool, now: Time) -> Vec<Visit> {
    let relays: Vec<String> = relays(env, desk, now).into_iter().collect();
    let Some((failed, before)) = &round.before else {
        let much = (env.config.nodes_per_sync.into(), round.pace);
        return slots::visits(&relays, &classes(desk, daily), now, much);
    };
    slots::instead(before, &relays, failed, &round.avoided.failed)
}
