//! What is said of a group keeps the pace: if it does not fit into the slots of an hour it waits for
//! those of the daily exchange, and never becomes an enclosure, since it has no mail.
//! Specified in poste-protocol(7), A sync from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::groups;
use poste::core::bucket::{Bucket, Class};
use poste::core::time::HOUR;
use poste::store::outbox::{self, Item};
use std::collections::BTreeSet;
use world::circle::pair_in_group;
use world::{Person, World, petname};

/// What is still to be said of groups.
fn said(person: &Person<'_>) -> Vec<Item> {
    let (items, bad) = outbox::load(&person.places()).unwrap();
    assert!(bad.is_empty());
    items.into_iter().filter(|item| item.errand.is_some()).collect()
}

#[test]
fn a_long_statement_waits_for_the_daily_exchange() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = pair_in_group(&world, 48);
    // A statement has more cells than one, and fewer than the four of the daily exchange then.
    alice.config.pace = 1;
    let title = "family and friends";
    alice.with(|env| groups::change(env, &petname("family"), title)).unwrap();
    let mut went = BTreeSet::new();
    let mut hours = 0;
    while bob.group("kin").title != title {
        assert!(hours < 72, "they never hear of it");
        alice.sync();
        for item in said(&alice) {
            assert!(item.enclosure.is_none());
            went.extend(item.attempt.into_iter().map(|attempt| attempt.bucket));
        }
        world.pass(60);
        bob.sync();
        world.pass(HOUR - 60);
        hours += 1;
    }
    let class = |bucket: &String| bucket.parse::<Bucket>().unwrap().class();
    assert!(!went.is_empty() && went.iter().all(|b| class(b) == Class::Daily), "{went:?}");
    assert_eq!(bob.stored("kin").state().title, title);
}
