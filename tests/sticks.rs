//! Letters over a directory alone, a stick that is carried between people who are never online:
//! through the real directory courier, with `trust_clock`, authentic and acknowledged
//! (poste-protocol(7), Relay and Day keys).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::people;
use poste::core::time::{DAY, HOUR};
use poste::store::outbox::State;
use std::fs;
use std::path::Path;
use world::{Person, World, petname};

/// Somebody whose only node is the stick.
fn person<'w>(world: &'w World, name: &str, seed: u64, stick: &Path) -> Person<'w> {
    let url = format!("file://{}", stick.display());
    let mut person = Person::new(world, name, seed, &[&url]);
    person.config.trust_clock = true;
    person
}

fn meet(one: &Person<'_>, name: &str, other: &Person<'_>) {
    let file = one.dir.path().join(format!("{name}-card.toml"));
    fs::write(&file, other.card().text()).unwrap();
    let add = |env: &mut poste::client::env::Env<'_>| {
        people::add(env, &petname(name), file.to_str().unwrap(), None, false)
    };
    one.with(add).unwrap();
}

#[test]
fn letters_over_a_stick_alone_are_authentic_and_acknowledged() {
    let world = World::at("2026-11-22T14");
    let stick = tempfile::tempdir().unwrap();
    let (alice, bob) =
        (person(&world, "alice", 1, stick.path()), person(&world, "bob", 2, stick.path()));
    meet(&alice, "bob", &bob);
    meet(&bob, "alice", &alice);
    alice.send("bob", "by stick");
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    world.pass(HOUR);
    let report = bob.sync();
    assert_eq!(report.letters.get("alice"), Some(&1), "{report:?}");
    bob.send("alice", "and back");
    bob.sync();
    world.pass(HOUR);
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    assert_eq!(alice.outbox()[0].state, State::Acknowledged);
    bob.sync();
    assert_eq!(bob.outbox()[0].state, State::Acknowledged, "an acknowledgement costs no exchange");
    for _ in 0..3 {
        assert!(alice.sync().letters.is_empty() && bob.sync().letters.is_empty());
    }
    // Over a week, carried every other day, each letter comes once.
    for day in 0..4 {
        alice.send("bob", &format!("a{day}"));
        bob.send("alice", &format!("b{day}"));
        alice.sync();
        world.pass(DAY);
        bob.sync();
        alice.sync();
        world.pass(DAY);
    }
    alice.sync();
    bob.sync();
    alice.sync();
    for (reader, folder, mark) in [(&alice, "bob", "b"), (&bob, "alice", "a")] {
        let mut bodies = reader.bodies(folder);
        bodies.retain(|body| body.len() == 2 && body.starts_with(mark));
        bodies.sort();
        assert_eq!(bodies, (0..4).map(|day| format!("{mark}{day}")).collect::<Vec<_>>());
    }
}

#[test]
fn a_stick_that_is_not_there_loses_nothing_however_often_it_is_tried() {
    let world = World::at("2026-11-22T01");
    let stick = tempfile::tempdir().unwrap();
    let (alice, bob) =
        (person(&world, "alice", 1, stick.path()), person(&world, "bob", 2, stick.path()));
    meet(&alice, "bob", &bob);
    meet(&bob, "alice", &alice);
    alice.send("bob", "first");
    alice.sync();
    bob.sync();
    alice.sync();
    // From now on through the offer, whose numbers must not be used up.
    let away = stick.path().with_extension("away");
    fs::rename(stick.path(), &away).unwrap();
    alice.send("bob", &"second ".repeat(3_000));
    for _ in 0..40 {
        assert!(!alice.sync().errors.is_empty());
        world.pass(20 * 60);
    }
    fs::rename(&away, stick.path()).unwrap();
    assert_eq!(alice.sync().errors, Vec::<String>::new());
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn what_reaches_a_shared_folder_late_is_read() {
    let world = World::at("2026-11-22T14");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let alice = person(&world, "alice", 1, there.path());
    let bob = person(&world, "bob", 2, here.path());
    meet(&bob, "alice", &alice);
    meet(&alice, "bob", &bob);
    // Alice knows bob's folder under another path: a copy of it.
    let mut contact = alice.contact("bob");
    let issued = world.now() + 1;
    let theirs = format!("file://{}", there.path().display());
    contact.card = bob.sign(|card| (card.issued, card.nodes) = (issued, vec![theirs]));
    contact.save(&alice.places()).unwrap();
    alice.send("bob", "late");
    alice.sync();
    world.pass(11 * HOUR);
    assert!(bob.sync().letters.is_empty(), "yesterday's bucket is read, closed");
    let day = "daily/2026-11-22";
    fs::create_dir_all(here.path().join(day)).unwrap();
    for file in fs::read_dir(there.path().join(day)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), here.path().join(day).join(file.file_name())).unwrap();
    }
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}
