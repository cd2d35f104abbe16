//! Letters between people, through relays in memory: first contact, offers, acknowledgements,
//! quarantine, and the breaks of the protocol that concern them.

mod world;

use poste::client::sync::Options;
use poste::store::outbox::State;
use world::{Person, World, acquainted};

#[test]
fn a_first_letter_is_a_request_and_the_answer_comes_through_the_offer() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "hello");
    assert_eq!(bob.outbox()[0].state, State::Queued);
    let report = bob.sync();
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(bob.outbox()[0].state, State::Posted);
    let report = alice.sync();
    assert_eq!(report.letters.get("requests"), Some(&1), "{report:?}");
    assert_eq!(alice.bodies("requests"), ["hello"]);
    alice.sync();
    assert_eq!(bob.outbox()[0].state, State::Posted, "a stranger is not acknowledged");
    alice.accept("bob");
    assert_eq!(alice.bodies("bob"), ["hello"]);
    assert!(alice.list(Some("requests")).is_empty());
    world.pass(60);
    alice.send("bob", "welcome");
    alice.sync();
    let report = bob.sync();
    assert_eq!(report.letters.get("alice"), Some(&1), "{report:?}");
    assert_eq!(bob.bodies("alice"), ["hello", "welcome"]);
    assert_eq!(bob.outbox()[0].state, State::Acknowledged);
    alice.sync();
    assert_eq!(alice.outbox()[0].state, State::Acknowledged);
    for person in [&alice, &bob] {
        assert_eq!(*person.warnings.borrow(), Vec::<String>::new());
    }
}

#[test]
fn letters_go_both_ways_and_every_one_comes_once() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    for round in 0..6 {
        alice.send("bob", &format!("a{round}"));
        bob.send("alice", &format!("b{round}"));
        for _ in 0..3 {
            alice.sync();
            bob.sync();
            world.pass(600);
        }
    }
    let count = |person: &Person<'_>, folder: &str, mark: &str| {
        person.bodies(folder).iter().filter(|b| b.starts_with(mark)).count()
    };
    assert_eq!(count(&bob, "alice", "a"), 6);
    assert_eq!(count(&alice, "bob", "b"), 6);
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert!(bob.outbox().iter().all(|row| row.state == State::Acknowledged));
}

#[test]
fn a_relay_that_is_down_keeps_nothing_from_arriving() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let relay = world.relay(world::RELAY);
    relay.lock().unwrap().down = true;
    alice.send("bob", "patience");
    let report = alice.sync();
    assert!(report.failure().is_some() && !report.errors.is_empty());
    assert!(alice.outbox().iter().any(|row| row.state == State::Queued));
    world.pass(3600);
    relay.lock().unwrap().down = false;
    alice.sync();
    bob.sync();
    assert!(bob.bodies("alice").contains(&"patience".to_owned()));
}

#[test]
fn every_batch_has_cover_and_now_has_none() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let relay = world.relay(world::RELAY);
    relay.lock().unwrap().posts.clear();
    alice.sync();
    assert_eq!(relay.lock().unwrap().posts.last().map(|p| p.1), Some(4));
    relay.lock().unwrap().posts.clear();
    alice.sync_with(&Options { now: true, ..Options::default() });
    assert_eq!(relay.lock().unwrap().posts, []);
}
