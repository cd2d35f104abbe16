//! Wrong clocks: nothing is erased, given up, signed or offered by them, they are said to be wrong,
//! and when they are right again all goes on (poste-protocol(7), Day keys and Prekeys).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::sync::{Options, Report};
use poste::client::{publish, status};
use poste::core::clock::Clock;
use poste::core::time::{DAY, HOUR};
use poste::store::outbox::State;
use world::{Person, World, acquainted};

/// What may not be lost: offers and prekeys by the time they were made, what waits, the card.
fn kept(person: &Person<'_>) -> impl PartialEq + std::fmt::Debug {
    let keys = person.transit();
    let waiting = person.places().state().join("waiting");
    (
        keys.prekey.iter().map(|p| p.made).collect::<Vec<_>>(),
        keys.given.iter().map(|g| g.made).collect::<Vec<_>>(),
        keys.received.iter().map(|r| r.made).collect::<Vec<_>>(),
        std::fs::read_dir(waiting).map_or(0, Iterator::count),
        person.list(Some("quarantine")).len(),
        person.card().text().to_owned(),
        person.outbox().iter().map(|row| (row.id, row.date)).collect::<Vec<_>>(),
    )
}

/// A home in which everything has something whose time could come.
fn full(world: &World) -> (Person<'_>, Person<'_>) {
    let (alice, bob) = acquainted(world);
    for _ in 0..2 {
        bob.send("alice", "so that offers are made");
        alice.send("bob", "so that offers are made");
        for person in [&bob, &alice, &bob, &alice] {
            person.sync();
        }
        world.pass(DAY);
    }
    // A letter of yesterday's day is unproven when it comes two days later.
    let yesterday = world.now().day().minus(2);
    let late = bob.letter(&alice, yesterday, "Subject: l\n\nlate\n", |_| {});
    bob.post_through_offer(&alice, &late);
    alice.sync();
    assert_eq!(alice.list(Some("quarantine")).len(), 1);
    world.relay(world::RELAY).lock().unwrap().full = true;
    alice.send("bob", "patience");
    alice.sync();
    world.relay(world::RELAY).lock().unwrap().full = false;
    (alice, bob)
}

#[test]
fn a_year_ahead_and_back_costs_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = full(&world);
    let before = kept(&alice);
    let wrong = [365 * DAY as i64, 20 * DAY as i64, -400 * DAY as i64, -3 * HOUR as i64];
    for skew in wrong {
        alice.skew.set(skew);
        let report = alice.sync_with(&Options { daily: true, ..Options::default() });
        assert!(report.clock.unwrap().is_wrong(), "{skew}: {report:?}");
        let said = |report: &Report| report.warning.clone().unwrap_or_default();
        assert!(said(&report).contains("the clock is not right"), "{skew}: {report:?}");
        assert_eq!(said(&alice.sync()), "", "it is said once a day");
        assert!(alice.with(|env| status::status(env)).unwrap().clock.is_wrong());
        assert_eq!(kept(&alice), before, "{skew}");
    }
    alice.skew.set(0);
    for _ in 0..3 {
        world.pass(HOUR);
        let report = alice.sync();
        assert_eq!(report.clock, Some(Clock::Good));
        bob.sync();
    }
    assert!(bob.bodies("alice").contains(&"patience".to_owned()));
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    bob.send("alice", "and on");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
}

#[test]
fn no_card_is_signed_by_a_contradicted_clock_unless_it_is_to_be_trusted() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let own = alice.card();
    alice.skew.set(20 * DAY as i64);
    alice.sync();
    let refused = alice.with(publish::current).unwrap_err();
    assert_eq!(refused.kind, Kind::Offline);
    assert!(refused.hints.iter().any(|hint| hint.contains("--trust-clock")), "{refused:?}");
    assert_eq!(alice.card().text(), own.text());
    let card = alice.with(|env| publish::renewed(env, true)).unwrap();
    assert!(card.card.issued > world.now() + DAY);
    // It was wrong after all: nobody takes that card, and the next one goes back behind it.
    alice.skew.set(0);
    alice.sync();
    let healed = alice.card();
    assert!(healed.card.issued <= world.now(), "{}", healed.card.issued.iso());
    assert!(healed.card.day_key(world.now().day()).is_some());
    let posted = world.documents.lock().unwrap()["https://host.example/alice.toml"].clone();
    assert_eq!(posted, healed.text().as_bytes());
    assert!(alice.transit().prekey.iter().all(|prekey| prekey.made <= world.now()));
    assert_eq!(alice.with(|env| status::status(env)).unwrap().stopped, None);
}

#[test]
fn offers_of_a_clock_that_nobody_contradicted_do_not_outlast_it() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "so that it is lively");
    // No server says what time it is, and it is five days ahead.
    world.relay(world::RELAY).lock().unwrap().silent = true;
    world.relay(world::RELAY).lock().unwrap().down = true;
    alice.skew.set(5 * DAY as i64);
    alice.sync();
    assert!(alice.transit().given.iter().any(|given| given.made > world.now() + DAY));
    alice.skew.set(0);
    world.relay(world::RELAY).lock().unwrap().silent = false;
    world.relay(world::RELAY).lock().unwrap().down = false;
    for _ in 0..3 {
        alice.sync();
        bob.sync();
        world.pass(DAY);
    }
    assert!(alice.transit().given.iter().all(|given| given.made <= world.now()));
    bob.send("alice", "and on");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
}
