//! Several nodes, some of them bad: what one does not take goes to the next in the same sync, what
//! one does not give comes from another, and each trouble is named once (poste-protocol(7),
//! Acknowledgement and A sync from outside).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::sync::Report;
use poste::core::bucket::Class;
use poste::core::time::{HOUR, MINUTE};
use poste::store::outbox::State;
use world::{Person, RELAY, Relay, World, acquainted};

const SECOND: &str = "https://second.example";
const THIRD: &str = "https://third.example";

fn set(world: &World, url: &str, change: impl FnOnce(&mut Relay)) {
    change(&mut world.relay(url).lock().unwrap());
}

/// Alice, and bob who listens on these and whose offer says so.
fn listening_on<'w>(world: &'w World, nodes: &[&str]) -> (Person<'w>, Person<'w>) {
    let alice = Person::new(world, "alice", 1, nodes);
    let bob = Person::new(world, "bob", 2, nodes);
    bob.add("alice", &alice);
    alice.add("bob", &bob);
    for _ in 0..2 {
        bob.send("alice", "hello");
        alice.send("bob", "hello");
        for _ in 0..2 {
            bob.sync();
            alice.sync();
        }
    }
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    world.pass(HOUR);
    (alice, bob)
}

fn count(person: &Person<'_>, text: &str) -> usize {
    person.bodies("alice").iter().filter(|body| *body == text).count()
}

fn named(report: &Report, node: &str) -> usize {
    report.errors.iter().filter(|error| error.contains(node)).count()
}

#[test]
fn what_a_full_node_does_not_take_goes_to_the_next_at_once() {
    let world = World::at("2026-11-22T14");
    let nodes = [RELAY, SECOND, THIRD];
    let (alice, bob) = listening_on(&world, &nodes);
    for full in nodes {
        set(&world, full, |relay| relay.full = true);
    }
    for (at, good) in nodes.iter().enumerate() {
        set(&world, good, |relay| relay.full = false);
        for letter in 0..3 {
            alice.send("bob", &format!("{at} {letter}"));
        }
        let report = alice.sync();
        assert_eq!(report.failure(), Some(Kind::Offline));
        for node in nodes {
            assert_eq!(named(&report, node), usize::from(node != *good), "{:?}", report.errors);
        }
        assert!(alice.outbox().iter().all(|row| row.state != State::Queued), "{report:?}");
        assert_eq!(bob.sync().letters.get("alice"), Some(&3));
        set(&world, good, |relay| relay.full = true);
        world.pass(HOUR);
    }
    for at in 0..3 {
        assert!((0..3).all(|letter| count(&bob, &format!("{at} {letter}")) == 1));
    }
}

#[test]
fn when_no_node_takes_anything_the_letter_waits_and_each_is_named_once() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = listening_on(&world, &[RELAY, SECOND]);
    set(&world, RELAY, |relay| relay.full = true);
    set(&world, SECOND, |relay| relay.down = true);
    alice.send("bob", "patience");
    let report = alice.sync();
    assert_eq!((named(&report, RELAY), report.failure()), (1, Some(Kind::Offline)));
    assert_eq!(named(&report, SECOND), 1, "at download and upload: {:?}", report.errors);
    assert_eq!(alice.outbox().last().unwrap().state, State::Queued);
    set(&world, RELAY, |relay| relay.full = false);
    let report = alice.sync();
    assert_eq!(alice.outbox().last().unwrap().state, State::Posted, "{report:?}");
    bob.sync();
    assert_eq!(count(&bob, "patience"), 1);
}

#[test]
fn acknowledgements_move_as_well() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = listening_on(&world, &[RELAY, SECOND]);
    for bad in [RELAY, SECOND] {
        bob.send("alice", bad);
        bob.sync();
        set(&world, bad, |relay| relay.full = true);
        alice.sync();
        assert!(alice.peer(&bob).acks.is_empty());
        set(&world, bad, |relay| relay.full = false);
        bob.sync();
        assert_eq!(bob.outbox().last().unwrap().state, State::Acknowledged);
        world.pass(HOUR);
    }
}

#[test]
fn a_node_that_gave_nothing_gets_letters_only_if_there_is_no_other() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = listening_on(&world, &[RELAY, SECOND]);
    for bad in [RELAY, SECOND] {
        set(&world, bad, |relay| relay.down = true);
        for letter in 0..4 {
            alice.send("bob", &format!("{bad} {letter}"));
        }
        alice.sync();
        let peer = alice.peer(&bob);
        assert_eq!(peer.counters, peer.taken, "no number was spent on a node known to be down");
        bob.sync();
        assert!((0..4).all(|letter| count(&bob, &format!("{bad} {letter}")) == 1));
        set(&world, bad, |relay| relay.down = false);
        world.pass(HOUR);
    }
}

#[test]
fn a_failed_nodes_slots_move_whether_there_is_mail_or_not() {
    let posts = |letters: usize| {
        let world = World::at("2026-11-22T14");
        let (alice, _bob) = listening_on(&world, &[RELAY, SECOND]);
        (0..letters).for_each(|letter| alice.send("bob", &letter.to_string()));
        set(&world, RELAY, |relay| relay.full = true);
        set(&world, SECOND, |relay| relay.posts.clear());
        alice.sync();
        // Chance decides whether this is the daily exchange too.
        let mut posts = world.relay(SECOND).lock().unwrap().posts.clone();
        posts.retain(|(bucket, _)| bucket.class() == Class::Hourly);
        posts
    };
    let silent = posts(0);
    assert_eq!(silent.iter().map(|(_, cells)| cells).collect::<Vec<_>>(), [&4, &4]);
    assert_eq!(posts(1), silent);
}

#[test]
fn more_failures_than_numbers_wait_for_the_next_bucket() {
    let world = World::at("2026-11-22T14");
    let nodes = [RELAY, SECOND, THIRD];
    let (mut alice, bob) = listening_on(&world, &nodes);
    // Without cover a node is found to be full only when a letter goes there.
    alice.config.pace = 0;
    nodes.iter().for_each(|node| set(&world, node, |relay| relay.full = true));
    (0..9).for_each(|_| alice.send("bob", &"long ".repeat(4_500)));
    let report = alice.sync();
    let peer = alice.peer(&bob);
    let made = peer.counters.values().max().copied().unwrap_or_default();
    assert!((200..=256 + 16).contains(&made), "{made} {:?}", report.errors);
    nodes.iter().for_each(|node| set(&world, node, |relay| relay.full = false));
    for _ in 0..3 {
        world.pass(HOUR);
        alice.sync();
        bob.sync();
    }
    assert_eq!(bob.bodies("alice").iter().filter(|body| body.len() > 20_000).count(), 9);
}

#[test]
fn cells_that_come_from_several_nodes_make_one_letter() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = listening_on(&world, &[RELAY, SECOND, THIRD]);
    alice.config.pace = 0;
    alice.send("bob", &"in parts ".repeat(3_000));
    alice.sync();
    // Some relays replay what others have, twice and in any order, others lose a part of it.
    let mut all: Vec<_> = [RELAY, SECOND, THIRD]
        .iter()
        .flat_map(|url| world.relay(url).lock().unwrap().buckets.clone())
        .collect();
    all.reverse();
    for (at, url) in [RELAY, SECOND, THIRD].iter().enumerate() {
        set(&world, url, |relay| {
            relay.buckets.clear();
            for (bucket, cells) in &all {
                let share = cells.iter().enumerate().filter(|(n, _)| n % 3 != at);
                let share: Vec<_> = share.map(|(_, cell)| *cell).collect();
                let stored = relay.buckets.entry(*bucket).or_default();
                stored.extend(share.iter().rev().chain(&share));
            }
        });
    }
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
    world.pass(10 * MINUTE);
    assert!(bob.sync().letters.is_empty());
}

#[test]
fn a_relay_that_lies_about_the_time_is_outvoted() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = listening_on(&world, &[RELAY, SECOND, THIRD]);
    set(&world, SECOND, |relay| relay.skew = 400 * 86_400);
    alice.send("bob", "now");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn a_stick_that_is_not_plugged_in_is_no_error_unless_nobody_answers() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.nodes.push("file:///nowhere/stick".parse().unwrap());
    alice.send("bob", "by the relay");
    let report = alice.sync();
    assert_eq!((report.failure(), report.nodes, report.answered), (None, 2, 1));
    set(&world, RELAY, |relay| relay.down = true);
    let report = alice.sync();
    assert_eq!(report.failure(), Some(Kind::Offline));
    assert_eq!(named(&report, "file:///nowhere/stick"), 1, "{:?}", report.errors);
    set(&world, RELAY, |relay| relay.down = false);
    bob.sync();
    assert_eq!(count(&bob, "by the relay"), 1);
}
