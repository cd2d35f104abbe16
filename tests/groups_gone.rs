//! Groups and people who are gone: letters for who has left, letters of who was removed from the
//! contacts, and what a crash or a damaged file leaves undone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::groups::{self, Part};
use poste::client::people;
use poste::core::keys::Fingerprint;
use poste::core::time::{DAY, HOUR};
use poste::store::contacts::Contact;
use poste::store::outbox::{self, Errand, Expired, Item, State};
use world::circle::{family, rounds, three};
use world::film::NOW;
use world::{Person, World, petname};

fn items(person: &Person<'_>) -> Vec<Item> {
    outbox::load(&person.places()).unwrap().0
}

/// The only copy of a letter to a group that goes to somebody.
fn copy(person: &Person<'_>, to: Fingerprint) -> Item {
    let its = |item: &Item| item.to == to && item.group.is_some();
    items(person).into_iter().find(its).unwrap()
}

#[test]
fn letters_that_wait_for_who_has_left_are_taken_back() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [_alice, bob, carol] = &people;
    carol.send("clan", "are you there?");
    bob.leave("kin").unwrap();
    // Nobody has taken him out yet.
    for person in [bob, carol, bob, carol] {
        person.sync_with(&NOW);
        world.pass(60);
    }
    let row = carol.group("clan");
    let him = row.people.iter().find(|member| member.fingerprint == bob.fingerprint()).unwrap();
    assert_eq!(him.state, "left");
    assert_eq!(copy(carol, bob.fingerprint()).state(), State::Dropped);
    assert_eq!(bob.bodies("kin"), [""; 0]);
}

#[test]
fn what_one_writes_to_the_group_who_is_no_contact_any_more_becomes_a_request() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [alice, bob, carol] = &people;
    bob.with(|env| people::remove(env, &petname("carol"), false)).unwrap();
    carol.send("clan", "hello all");
    let written = world.now();
    let waiting = || bob.list(Some("requests")).len();
    while world.now().since(written) < 6 * DAY && waiting() == 0 {
        rounds(&world, &[alice, bob, carol], 1);
        world.pass(HOUR);
    }
    assert!(world.now().since(written) >= 2 * DAY, "she may be introduced yet");
    assert_eq!(bob.bodies("requests"), ["hello all"]);
    bob.accept("carol");
    rounds(&world, &[alice, bob, carol], 6);
    assert_eq!(bob.bodies("carol"), ["hello all"]);
    assert_eq!(waiting(), 0);
}

#[test]
fn trouble_with_one_group_keeps_back_no_letter_for_who_was_removed_from_another() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [alice, bob, carol] = &people;
    alice.send("family", "not for carol");
    alice.found("aaa", &["bob"]);
    let aaa = alice.stored("aaa").id;
    let its =
        |item: &Item| matches!(item.errand, Some(Errand::Statement { group, .. }) if group == aaa);
    let mut statement = items(alice).into_iter().find(its).unwrap();
    statement.expired = Some(Expired { at: world.now(), report: String::new(), filed: true });
    statement.save(&alice.places()).unwrap();
    let peers = alice.places().state().join("peers");
    std::fs::write(peers.join(format!("{}.toml", bob.fingerprint())), "damaged").unwrap();
    let error = alice.part("family", Part::Remove, &["carol"]).unwrap_err();
    assert!(error.what.contains("peers"), "{}", error.what);
    assert_eq!(copy(alice, carol.fingerprint()).state(), State::Dropped);
    // Nor is it packed where it was not taken back.
    let withheld = |to| groups::is_withheld(&alice.places(), &copy(alice, to)).unwrap();
    assert!(withheld(carol.fingerprint()) && !withheld(bob.fingerprint()));
}

#[test]
fn an_introduction_that_a_crash_cut_short_is_finished_when_it_is_repeated() {
    let world = World::at("2026-11-22T10");
    let [alice, bob, carol] = three(&world);
    carol.add("bob", &bob);
    carol.send("bob", "you do not know me");
    rounds(&world, &[&carol, &bob], 2);
    assert_eq!(bob.list(Some("requests")).len(), 1);
    alice.found("family", &["bob", "carol"]);
    rounds(&world, &[&alice, &bob, &carol], 2);
    bob.join("kin");
    carol.join("clan");
    // The contact was written, and nothing else.
    let half = Contact {
        petname: petname("carol"),
        fingerprint: carol.fingerprint(),
        introduced: Some(alice.fingerprint()),
        card: carol.card(),
        urls: Vec::new(),
        older: Vec::new(),
        held: None,
        ..bob.contact("alice")
    };
    half.save(&bob.places()).unwrap();
    rounds(&world, &[&alice, &bob, &carol], 5);
    assert_eq!(bob.list(Some("requests")).len(), 0);
    assert_eq!(bob.bodies("carol"), ["you do not know me"]);
    assert_eq!(bob.contact("carol").introduced, Some(alice.fingerprint()));
}
