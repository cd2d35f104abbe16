//! The life of cards and offers without anybody's care: a sync signs and posts a new card while no
//! passphrase stands before the key, asks for those of contacts when the keys at hand may not do,
//! and answers what shows that keys were lost (poste-protocol(7), Prekeys and offers).

#![allow(clippy::unwrap_used)]

mod world;

use poste::core::archive;
use poste::core::card::SignedCard;
use poste::core::letter::Kind as LetterKind;
use poste::core::time::{DAY, HOUR};
use poste::store::atomic;
use poste::store::outbox::State;
use world::{Person, RELAY, World, acquainted};

fn posted(world: &World) -> SignedCard {
    let documents = world.documents.lock().unwrap();
    SignedCard::parse(&documents["https://host.example/alice.toml"]).unwrap()
}

#[test]
fn a_sync_renews_the_card_and_posts_it() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let first = posted(&world);
    alice.sync();
    assert_eq!(posted(&world).text(), first.text(), "it is not due yet");
    world.pass(8 * DAY);
    let report = alice.sync();
    assert_eq!(report.errors, Vec::<String>::new());
    let second = posted(&world);
    assert!(second.card.issued > first.card.issued);
    assert_ne!(second.card.prekey, first.card.prekey);
    assert_eq!(second.card.last_day(), world.now().day().plus(35));
    second.check(first.card.fingerprint(), Some(&first), world.now()).unwrap();
}

#[test]
fn behind_a_passphrase_the_end_is_announced_once_a_day() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let first = posted(&world);
    alice.with(|env| {
        // The keys under a passphrase that nobody can be asked for.
        let path = env.home.places().locked();
        atomic::write(&path, &archive::seal_passphrase("secret", b"", Some(1))).unwrap();
    });
    world.pass(24 * DAY);
    assert_eq!(alice.sync().warning, None);
    world.pass(2 * DAY);
    let warning = alice.sync().warning.expect("ten days before the end it is said");
    assert!(warning.contains("poste publish"), "{warning}");
    assert_eq!(alice.sync().warning, None, "once a day");
    assert_eq!(posted(&world).signed_part(), first.signed_part());
}

/// How often the card of bob was asked for.
fn asked(world: &World) -> usize {
    let asked = world.asked.lock().unwrap();
    asked.iter().filter(|url| *url == "https://host.example/bob.toml").count()
}

#[test]
fn past_its_prekey_a_contacts_card_is_asked_for_once() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    alice.add("bob", &bob);
    let known = alice.contact("bob").card.card.issued;
    world.pass(10 * DAY);
    bob.sync();
    alice.sync();
    let before = asked(&world);
    alice.send("bob", "while the prekey may be used");
    alice.sync();
    assert_eq!(asked(&world), before);
    world.pass(8 * DAY);
    bob.sync();
    alice.sync();
    assert_eq!(asked(&world), before + 2, "once by each");
    assert!(alice.contact("bob").card.card.issued > known);
    alice.sync();
    assert_eq!(asked(&world), before + 2);
    world.pass(HOUR);
    alice.send("bob", "and on");
    alice.sync();
    assert_eq!(bob.sync().letters.get("requests"), Some(&2), "the first one is repeated");
    assert_eq!(asked(&world), before + 2);
}

#[test]
fn a_letter_that_waits_for_a_card_is_the_reason_to_ask_for_it() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(36 * DAY);
    bob.publish();
    let url = "https://host.example/bob.toml";
    let newest = world.documents.lock().unwrap().remove(url).unwrap();
    let letter = bob.letter(&alice, world.now().day(), "Subject: w\n\nwaits\n", |_| {});
    bob.post_through_offer(&alice, &letter);
    let report = alice.sync();
    assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
    let before = asked(&world);
    alice.sync();
    assert_eq!(asked(&world), before, "once a day");
    world.documents.lock().unwrap().insert(url.into(), newest);
    world.pass(DAY);
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    assert!(alice.bodies("bob").contains(&"waits".to_owned()));
}

#[test]
fn what_hosts_do_with_a_contacts_card_is_said() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mallory = Person::new(&world, "mallory", 5, &[]);
    let url = "https://host.example/bob.toml";
    let first = bob.card();
    world.pass(30 * DAY);
    alice.publish();
    let twin = bob.sign(|card| card.name = "robert".into());
    let cases = [
        (mallory.card().text().to_owned(), "another identity"),
        (twin.text().to_owned(), "equivocation"),
    ];
    for (served, what) in cases {
        world.documents.lock().unwrap().insert(url.into(), served.into());
        world.pass(DAY);
        let daily = poste::client::sync::Options { daily: true, ..Default::default() };
        let report = alice.sync_with(&daily);
        assert!(report.errors.iter().any(|e| e.contains(what)), "{what}: {report:?}");
        assert_eq!(alice.contact("bob").card.text(), first.text());
    }
    let old = bob.sign(|card| card.issued = card.issued - 60);
    world.documents.lock().unwrap().insert(url.into(), old.text().into());
    world.pass(DAY);
    let daily = poste::client::sync::Options { daily: true, ..Default::default() };
    alice.sync_with(&daily);
    assert!(alice.warnings.borrow().iter().any(|w| w.contains("rollback")));
}

#[test]
fn a_letter_that_fell_back_is_answered_with_a_fresh_offer() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    // Bob is away, and what alice sends meanwhile is lost.
    alice.send("bob", "patience");
    for _ in 0..4 {
        alice.sync();
        world.pass(DAY);
        world.relay(RELAY).lock().unwrap().buckets.clear();
    }
    let before = bob.transit().newest_given(alice.card().card.fingerprint()).unwrap().made;
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
    let fresh = bob.transit().newest_given(alice.card().card.fingerprint()).unwrap().made;
    assert!(fresh > before);
    alice.sync();
    assert_eq!(alice.outbox().last().unwrap().state, State::Acknowledged);
    let held = alice.transit().received[0].made;
    assert_eq!(held, fresh);
}

#[test]
fn a_correspondent_who_holds_less_than_before_gets_it_at_once() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let held = alice.peer(&bob).offer_seen;
    assert_ne!(held.unix(), 0);
    world.pass(HOUR);
    let sent = alice.peer(&bob).offer_sent;
    for seen in [0, held.unix() - 1] {
        world.pass(HOUR);
        let letter = bob.letter(&alice, world.now().day(), "", |control| {
            control.kind = LetterKind::Control;
            control.offer_seen = poste::core::time::Time::from_unix(seen);
        });
        bob.post_through_offer(&alice, &letter);
        alice.sync();
        assert!(alice.peer(&bob).offer_sent > sent, "{seen}");
        assert_eq!(alice.transit().given.len(), 1, "the live one is repeated");
        bob.sync();
    }
}

#[test]
fn both_may_write_first_whatever_is_lost_of_it() {
    for lost in 0..4 {
        let world = World::at("2026-11-22T14");
        let (alice, bob) =
            (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
        alice.add("bob", &bob);
        bob.add("alice", &alice);
        alice.send("bob", "from alice");
        bob.send("alice", "from bob");
        let relay = world.relay(RELAY);
        for (person, bit) in [(&alice, 1), (&bob, 2)] {
            let before = relay.lock().unwrap().buckets.clone();
            person.sync();
            if lost & bit != 0 {
                relay.lock().unwrap().buckets = before;
            }
        }
        for _ in 0..4 {
            world.pass(HOUR);
            alice.sync();
            bob.sync();
        }
        assert_eq!(alice.bodies("bob").iter().filter(|b| *b == "from bob").count(), 1, "{lost}");
        assert_eq!(bob.bodies("alice").iter().filter(|b| *b == "from alice").count(), 1, "{lost}");
        for person in [&alice, &bob] {
            assert!(person.outbox().iter().all(|row| row.state == State::Acknowledged), "{lost}");
        }
        // What is not seen is repeated once a day.
        world.pass(DAY);
        for person in [&alice, &bob, &alice] {
            person.sync();
        }
        for (person, other, name) in [(&alice, &bob, "bob"), (&bob, &alice, "alice")] {
            let keys = person.transit();
            let made = other.transit().given.iter().map(|g| g.made).collect::<Vec<_>>();
            assert!(made.contains(&keys.received[0].made), "{name} {lost}");
            assert!(person.list(Some("requests")).is_empty());
        }
    }
}

#[test]
fn first_letters_go_on_being_first_until_they_are_answered() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "one");
    bob.sync();
    alice.sync();
    alice.accept("bob");
    // Bob does not know yet, and repeats the first one beside the second.
    world.pass(HOUR);
    bob.send("alice", "two");
    bob.sync();
    assert_eq!(bob.outbox().iter().map(|row| row.posted).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    let mut bodies = alice.bodies("bob");
    bodies.sort();
    assert_eq!(bodies, ["one", "two"]);
    bob.sync();
    assert!(bob.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert!(alice.list(Some("requests")).is_empty());
}
