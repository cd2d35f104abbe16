//! Loop cells: a relay that swallows what it takes is found out and loses letters for a day, and no
//! other is accused (poste-protocol(7), Keys of cells).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::core::bucket::{Bucket, Class};
use poste::core::cell;
use poste::core::time::{DAY, HOUR};
use poste::store::loops::Loops;
use poste::store::outbox::State;
use world::{Person, RELAY, World};

const SECOND: &str = "https://second.example";

/// Alice, and bob who listens on two relays and has told her so.
fn two_relays(world: &World) -> (Person<'_>, Person<'_>) {
    let nodes = [RELAY, SECOND];
    let (alice, bob) =
        (Person::new(world, "alice", 1, &nodes), Person::new(world, "bob", 2, &nodes));
    alice.add("bob", &bob);
    bob.add("alice", &alice);
    for _ in 0..2 {
        alice.send("bob", "hello");
        bob.send("alice", "hello");
        for _ in 0..2 {
            alice.sync();
            bob.sync();
        }
    }
    (alice, bob)
}

fn loops(person: &Person<'_>) -> Loops {
    Loops::load(&person.places()).unwrap()
}

/// Loop cells of the person that a relay holds.
fn held(world: &World, person: &Person<'_>, url: &str) -> usize {
    let loops = loops(person);
    let secret = loops.known_secret().unwrap();
    let relay = world.relay(url);
    let relay = relay.lock().unwrap();
    let is_there = |out: &&poste::store::loops::Looping| {
        let bucket: Bucket = out.bucket.parse().unwrap();
        relay.buckets.get(&bucket).into_iter().flatten().any(|cell| {
            let chunk = cell::open_pair(cell, secret, bucket, out.number);
            matches!(chunk, Some(Ok(chunk)) if chunk.kind == cell::Kind::Loop)
        })
    };
    loops.out.iter().filter(is_there).count()
}

#[test]
fn one_a_day_goes_to_each_relay_and_comes_back() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = two_relays(&world);
    world.pass(DAY);
    let before: Vec<_> =
        [RELAY, SECOND].iter().map(|url| world.relay(url).lock().unwrap().posts.len()).collect();
    for hour in 0..8 {
        let report = alice.sync();
        assert_eq!(report.errors, Vec::<String>::new());
        let expected = usize::from(hour == 0);
        for url in [RELAY, SECOND] {
            assert_eq!(held(&world, &alice, url), expected, "hour {hour}");
        }
        world.pass(HOUR);
    }
    assert_eq!(loops(&alice).sent.len(), 2);
    for (url, before) in [RELAY, SECOND].iter().zip(before) {
        let relay = world.relay(url);
        let posts = &relay.lock().unwrap().posts[before..];
        let usual = |bucket: Bucket| if bucket.class() == Class::Daily { 16 } else { 4 };
        let is_usual = posts.iter().all(|(bucket, cells)| *cells == usual(*bucket));
        assert!(is_usual, "as every other: {posts:?}");
    }
}

#[test]
fn a_relay_that_swallows_gets_no_letters_for_a_day_and_is_named_once() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = two_relays(&world);
    world.pass(DAY);
    world.relay(SECOND).lock().unwrap().swallows = true;
    assert_eq!(alice.sync().failure(), None);
    world.pass(HOUR);
    let report = alice.sync();
    assert_eq!(report.failure(), Some(Kind::Offline));
    assert_eq!(report.errors.len(), 1);
    assert!(report.errors[0].contains(SECOND) && report.errors[0].contains("lost a cell"));
    let status = alice.with(|env| poste::client::status::status(env)).unwrap();
    assert_eq!(status.losing, [SECOND]);

    for letter in 0..6 {
        alice.send("bob", &letter.to_string());
        assert_eq!(alice.sync().errors, Vec::<String>::new(), "it is said once");
        assert_eq!(bob.sync().letters.get("alice"), Some(&1), "letters go to the other");
        world.pass(HOUR);
    }
    // It is fetched from and gets cover all the same.
    assert!(world.relay(SECOND).lock().unwrap().posts.len() > 6);
    world.pass(DAY);
    let status = alice.with(|env| poste::client::status::status(env)).unwrap();
    assert_eq!(status.losing, Vec::<String>::new());
}

#[test]
fn letters_go_to_a_relay_that_swallows_if_there_is_no_other() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = world::acquainted(&world);
    world.pass(DAY);
    world.relay(RELAY).lock().unwrap().swallows = true;
    alice.sync();
    world.pass(HOUR);
    assert_eq!(alice.sync().failure(), Some(Kind::Offline));
    world.relay(RELAY).lock().unwrap().swallows = false;
    alice.send("bob", "there is no other");
    alice.sync();
    assert_eq!(alice.outbox().last().unwrap().state, State::Posted);
    bob.sync();
    assert!(bob.bodies("alice").iter().any(|body| body == "there is no other"));
}

#[test]
fn nobody_is_accused_without_evidence() {
    let world = World::at("2026-11-22T14");
    let (mut alice, _bob) = two_relays(&world);
    world.pass(DAY);
    let second = world.relay(SECOND);
    // Asleep when the bucket was to be had.
    second.lock().unwrap().swallows = true;
    alice.sync();
    world.pass(5 * HOUR);
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    // The clock is not known to be good.
    world.pass(DAY);
    for url in [RELAY, SECOND] {
        world.relay(url).lock().unwrap().silent = true;
    }
    alice.publish();
    world.pass(2 * DAY);
    alice.sync();
    assert_eq!(loops(&alice).out.iter().filter(|out| out.taken).count(), 2);
    world.pass(HOUR);
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    for url in [RELAY, SECOND] {
        world.relay(url).lock().unwrap().silent = false;
    }
    // The bucket cannot be had.
    world.pass(DAY);
    alice.sync();
    second.lock().unwrap().down = true;
    world.pass(HOUR);
    alice.sync();
    second.lock().unwrap().down = false;
    world.pass(HOUR);
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    // It did not say that it took anything.
    second.lock().unwrap().swallows = false;
    second.lock().unwrap().full = true;
    world.pass(DAY);
    alice.sync();
    second.lock().unwrap().full = false;
    world.pass(HOUR);
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    assert!(loops(&alice).losing.is_empty());
    // A home without pace sends none.
    world.pass(DAY);
    alice.config.pace = 0;
    let before = loops(&alice).sent;
    alice.sync();
    assert!(loops(&alice).out.is_empty() && loops(&alice).sent.len() <= before.len());
}
