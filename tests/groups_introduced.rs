//! What somebody else's introduction may not do: take the name by which one is called oneself, or
//! lead one to an address before one has compared the words (poste-protocol(7), GROUPS).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::people;
use poste::client::sync::Options;
use poste::core::time::{DAY, HOUR};
use poste::store::contacts::Contact;
use world::{Person, World, petname};

/// Alice, whom both others know, bob, and somebody of this name, all in one group of alice's.
fn family<'w>(world: &'w World, name: &str) -> [Person<'w>; 3] {
    let people =
        [("alice", 1), ("bob", 2), (name, 3)].map(|(n, at)| Person::new(world, n, at, &[]));
    let [alice, bob, third] = &people;
    for (name, other) in [("bob", bob), ("third", third)] {
        alice.add(name, other);
        other.add("alice", alice);
    }
    alice.found("family", &["bob", "third"]);
    rounds(world, &people, 2);
    bob.join("kin");
    third.join("clan");
    rounds(world, &people, 5);
    people
}

fn rounds(world: &World, people: &[Person<'_>; 3], count: usize) {
    for _ in 0..count {
        for person in people {
            assert_eq!(person.sync().errors, Vec::<String>::new());
        }
        world.pass(HOUR);
    }
}

/// By what name bob knows somebody.
fn known(bob: &Person<'_>, other: &Person<'_>) -> String {
    let contacts = Contact::load_all(&bob.places()).unwrap().0;
    let who = other.fingerprint();
    contacts.into_iter().find(|one| one.fingerprint == who).unwrap().petname.to_string()
}

#[test]
fn nobody_else_is_called_me() {
    let world = World::at("2026-11-22T10");
    let people = family(&world, "Me");
    let [_, bob, third] = &people;
    assert_eq!(known(bob, third), "member");
    third.send("clan", "it is me");
    rounds(&world, &people, 2);
    assert_eq!(bob.bodies("kin"), ["it is me"]);
    assert!("me".parse::<poste::store::petname::Petname>().is_err(), "nor by one's own hand");
}

#[test]
fn the_address_in_an_introduced_card_is_asked_once_the_words_are_compared() {
    let world = World::at("2026-11-22T10");
    let [_alice, bob, _third] = &family(&world, "carol");
    let daily = Options { daily: true, ..Options::default() };
    let asked = || {
        world.pass(3 * DAY);
        world.asked.lock().unwrap().clear();
        bob.sync_with(&daily);
        let asked = std::mem::take(&mut *world.asked.lock().unwrap());
        let of = |name: &str| asked.iter().any(|url| url.ends_with(&format!("/{name}.toml")));
        (of("alice"), of("carol"))
    };
    assert_eq!(asked(), (true, false));
    bob.with(|env| people::confirm(env, &petname("carol"), None)).unwrap();
    assert_eq!(asked(), (true, true));
}
