//! Letters carried by hand: acknowledged and filed once like any other, whether they come twice by
//! hand or also through a relay; and shown, filed nowhere, when they prove nothing
//! (poste-protocol(7), Authentication and Sealing).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::arrive::Outcome;
use poste::client::hand;
use poste::core::bucket::{Bucket, Class};
use poste::core::cell::{self, Kind};
use poste::core::filed::Filed;
use poste::core::judge::Why;
use poste::core::parts;
use poste::core::random::bytes;
use poste::core::time::{DAY, HOUR};
use std::fs;
use world::{Person, RELAY, World, acquainted, petname};

const MAIL: &[u8] = b"Subject: by hand\n\nby hand\n";

fn seal(from: &Person<'_>, to: &str) -> Vec<u8> {
    from.with(|env| hand::seal(env, &petname(to), MAIL)).unwrap().bytes
}

fn receive(person: &Person<'_>, sealed: &[u8]) -> Outcome {
    person.with(|env| hand::receive(env, sealed, false)).unwrap()
}

/// Puts a sealing into a relay, in the cells of a stranger.
fn post(world: &World, to: &Person<'_>, sealed: &[u8]) {
    let card = to.card().card;
    let rng = &mut *to.dice.borrow_mut();
    let bucket = Bucket::at(Class::Hourly, world.now());
    let relay = world.relay(RELAY);
    for chunk in parts::split(sealed, Kind::Letter, bytes(rng)).unwrap() {
        let cell = cell::stranger(&card.dh, bucket, card.listen, &chunk, rng);
        relay.lock().unwrap().buckets.entry(bucket).or_default().push(cell);
    }
}

#[test]
fn a_letter_by_hand_is_filed_once_however_it_comes_and_acknowledged_by_the_next_sync() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let sealed = seal(&bob, "alice");
    assert!(
        matches!(receive(&alice, &sealed), Outcome::Filed { folder, .. } if folder.as_str() == "bob")
    );
    assert_eq!(receive(&alice, &sealed), Outcome::Duplicate);
    assert_eq!(alice.peer(&bob).acks.len(), 1);
    post(&world, &alice, &sealed);
    assert!(alice.sync().letters.is_empty(), "from a relay it is a duplicate");
    assert!(alice.peer(&bob).acks.is_empty(), "the acknowledgement has left");
    assert_eq!(bob.sync().errors, Vec::<String>::new());
    assert_eq!(bob.peer(&alice).latest, world.now().minute(), "in a control letter");

    // The other way round: what came through a relay is not filed again.
    let sealed = seal(&bob, "alice");
    post(&world, &alice, &sealed);
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    assert_eq!(receive(&alice, &sealed), Outcome::Duplicate);
    assert_eq!(alice.bodies("bob").iter().filter(|body| *body == "by hand").count(), 2);
    assert_eq!(bob.bodies("alice").iter().filter(|body| *body == "by hand").count(), 2);
}

#[test]
fn an_unproven_letter_by_hand_is_given_back_and_filed_nowhere() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let before = (alice.bodies("bob"), alice.peer(&bob), alice.transit().text());
    let sealed = seal(&bob, "alice");
    world.pass(2 * DAY);
    let Outcome::Unproven { message, why } = receive(&alice, &sealed) else { panic!("late") };
    assert_eq!(why, Why::Late);
    let filed = Filed::read(&message).unwrap();
    assert_eq!(filed.unproven(), Some("late"));
    assert!(filed.message().ends_with(b"\n\nby hand\n"));
    assert_eq!((alice.bodies("bob"), alice.peer(&bob), alice.transit().text()), before);
    assert!(alice.list(Some("quarantine")).is_empty() && alice.list(Some("requests")).is_empty());
    // It is no duplicate of anything: sealed anew in time it is filed.
    let fresh = seal(&bob, "alice");
    world.pass(HOUR);
    alice.sync();
    assert!(matches!(receive(&alice, &fresh), Outcome::Filed { .. }));
}

#[test]
fn a_strangers_late_letter_by_hand_is_shown_too_and_no_request() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    let sealed = seal(&bob, "alice");
    alice.sync();
    world.pass(2 * DAY);
    assert!(matches!(receive(&alice, &sealed), Outcome::Unproven { why: Why::Late, .. }));
    assert_eq!(fs::read_dir(alice.places().requests_dir()).unwrap().count(), 0);
    alice.sync();
    assert!(
        matches!(receive(&alice, &seal(&bob, "alice")), Outcome::Filed { folder, .. } if folder.as_str() == "requests")
    );
}

#[test]
fn a_clock_that_servers_contradict_wipes_no_directory() {
    let world = World::at("2026-11-22T14");
    let stick = tempfile::tempdir().unwrap();
    let url = format!("file://{}", stick.path().display());
    let alice = Person::new(&world, "alice", 1, &[RELAY, &url]);
    let day = stick.path().join("daily/2026-11-22");
    fs::create_dir_all(&day).unwrap();
    let file = day.join(format!("{}.cells", "0".repeat(32)));
    fs::write(&file, [0; 4096]).unwrap();
    alice.skew.set(40 * DAY as i64);
    world.relay(RELAY).lock().unwrap().skew = -40 * DAY as i64;
    alice.sync();
    alice.sync();
    assert!(file.exists(), "the clock is forty days ahead, as the relay says");
    alice.skew.set(0);
    world.relay(RELAY).lock().unwrap().skew = 0;
    fs::remove_file(alice.places().clock()).unwrap();
    world.pass(3 * DAY);
    alice.sync();
    alice.sync();
    assert!(!file.exists());
}
