//! Strangers: what they must bring, what they may not do before they are accepted, and how a first
//! letter and a lost offer are got over (poste-protocol(7), Acknowledgement and Prekeys).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::sync::Options;
use poste::client::{outbox, people, queue};
use poste::core::keys::LetterId;
use poste::core::stamp::Stamp;
use poste::core::time::{DAY, HOUR};
use poste::store::outbox::State;
use world::{Person, RELAY, World, acquainted, petname};

fn state(person: &Person<'_>) -> State {
    person.outbox().last().unwrap().state
}

#[test]
fn a_stranger_has_eight_letters_and_none_is_acknowledged() {
    let world = World::at("2026-11-22T14");
    let (alice, mut bob) =
        (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.config.pace = 0;
    bob.add("alice", &alice);
    for number in 0..10 {
        bob.send("alice", &format!("letter {number}"));
    }
    bob.sync();
    let report = alice.sync();
    assert_eq!(report.letters.get("requests"), Some(&8), "{report:?}");
    alice.sync();
    bob.sync();
    assert!(bob.outbox().iter().all(|row| row.state == State::Posted));
    assert!(alice.transit().received.is_empty(), "an offer has no effect before acceptance");
    // On acceptance those eight are acknowledged, and the others come when they are repeated.
    alice.accept("bob");
    for _ in 0..3 {
        world.pass(HOUR);
        alice.sync();
        bob.sync();
        alice.sync();
    }
    bob.sync();
    assert!(bob.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert_eq!(world::distinct(alice.bodies("bob")), 10);
    assert_eq!(alice.bodies("bob").len(), 10);
}

#[test]
fn a_stranger_without_a_sufficient_stamp_or_a_card_is_dropped() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    let (day, card) = (world.now().day(), bob.card());
    let to = alice.card().card.sign;
    let post = |with_card: bool, bits: Option<u8>| {
        let letter = bob.letter(&alice, day, "\nhello\n", |control| {
            control.card = with_card.then(|| card.text().to_owned());
            let find = |bits| Stamp::find(&to, &card.card.sign, &control.id, bits);
            control.stamp = bits.map(find);
        });
        bob.post_as_stranger(&alice, &letter);
        alice.sync().letters.get("requests").copied()
    };
    let other = LetterId::generate(&mut world::Dice(7));
    assert_eq!(post(true, None), None);
    assert_eq!(post(false, Some(8)), None);
    let stolen = Stamp::find(&to, &card.card.sign, &other, 8);
    let letter = bob.letter(&alice, day, "\nhello\n", |control| {
        control.card = Some(card.text().to_owned());
        while stolen.is_worth(&to, &card.card.sign, &control.id, 8) {
            control.id = LetterId::generate(&mut world::Dice(world.now().unix()));
        }
        control.stamp = Some(stolen);
    });
    bob.post_as_stranger(&alice, &letter);
    assert_eq!(alice.sync().letters.get("requests"), None);
    assert_eq!(post(true, Some(8)), Some(1));
}

#[test]
fn when_the_first_copy_of_a_first_letter_is_lost_the_second_brings_everything() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "hello");
    bob.sync();
    world.relay(RELAY).lock().unwrap().buckets.clear();
    world.pass(HOUR);
    bob.sync();
    assert_eq!(alice.sync().letters.get("requests"), Some(&1));
    alice.accept("bob");
    let offer = &alice.transit().received[0];
    assert_eq!(offer.from, bob.card().card.fingerprint());
    alice.send("bob", "welcome");
    alice.sync();
    bob.sync();
    assert_eq!(bob.bodies("alice"), ["hello", "welcome"]);
    assert_eq!(state(&bob), State::Acknowledged);
}

#[test]
fn both_may_write_first_at_the_same_time() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    alice.add("bob", &bob);
    bob.send("alice", "from bob");
    alice.send("bob", "from alice");
    bob.sync();
    alice.sync();
    bob.sync();
    alice.sync();
    assert_eq!(alice.bodies("bob").len(), 2);
    assert_eq!(bob.bodies("alice").len(), 2);
    assert_eq!((state(&alice), state(&bob)), (State::Acknowledged, State::Acknowledged));
    assert!(alice.list(Some("requests")).is_empty() && bob.list(Some("requests")).is_empty());
}

#[test]
fn a_home_restored_from_an_old_backup_gives_new_offers() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mut keys = bob.transit();
    keys.given.clear();
    keys.save(&bob.places()).unwrap();
    world.pass(HOUR);
    alice.send("bob", "to the restored");
    for _ in 0..4 {
        alice.sync();
        bob.sync();
        world.pass(HOUR);
    }
    assert!(bob.bodies("alice").contains(&"to the restored".to_owned()));
    assert_eq!(state(&alice), State::Acknowledged);
}

#[test]
fn a_letter_whose_offer_seems_lost_goes_to_the_public_prekey_after_three_days() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mut keys = bob.transit();
    keys.given.clear();
    keys.save(&bob.places()).unwrap();
    world.pass(HOUR);
    alice.send("bob", "through the fallback");
    for _ in 0..5 * 24 {
        alice.sync();
        world.pass(HOUR);
    }
    world.pass(12 * HOUR);
    let daily = Options { daily: true, ..Options::default() };
    assert_eq!(bob.sync_with(&daily).letters.get("alice"), Some(&1));
    alice.sync();
    assert_eq!(state(&alice), State::Acknowledged);
    // It was answered with a fresh offer, through which the next letter goes at once.
    let fresh = bob.transit().given.last().unwrap().made;
    assert_eq!(alice.transit().received[0].made, fresh);
    alice.send("bob", "again through an offer");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn a_fallback_letter_reaches_one_who_has_not_accepted() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "hello");
    for _ in 0..5 * 24 {
        bob.sync();
        world.pass(HOUR);
    }
    for _ in 0..24 {
        bob.sync();
        alice.sync();
        world.pass(HOUR);
    }
    assert_eq!(alice.bodies("requests"), ["hello"]);
    assert_eq!(state(&bob), State::Posted);
}

#[test]
fn a_damaged_request_names_itself_and_stops_no_other_stranger() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let (bob, carol) = (Person::new(&world, "bob", 2, &[]), Person::new(&world, "carol", 3, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "from bob");
    bob.sync();
    alice.sync();
    let file =
        alice.places().requests_dir().join(format!("{}.toml", bob.card().card.fingerprint()));
    std::fs::write(&file, "no request").unwrap();
    carol.add("alice", &alice);
    carol.send("alice", "from carol");
    carol.sync();
    assert_eq!(alice.sync().letters.get("requests"), Some(&1));
    assert_eq!(alice.with(|env| people::list(env)).unwrap().len(), 1);
    let named = file.display().to_string();
    assert!(alice.warnings.borrow().iter().any(|text| text.contains(&named)));
    // Another letter of the first one is not lost: it is an error that names the file.
    world.pass(HOUR);
    bob.send("alice", "again");
    bob.sync();
    let report = alice.sync();
    assert!(report.errors.iter().any(|error| error.contains(&named)), "{report:?}");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(alice.sync().letters.get("requests"), Some(&1), "the bucket is fetched again");
}

#[test]
fn a_date_in_the_future_does_not_outlast_later_letters() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(120);
    let date = world.now() + 400 * DAY;
    let letter = bob.letter(&alice, world.now().day(), "\nfrom the future\n", |c| c.date = date);
    bob.post_through_offer(&alice, &letter);
    alice.sync();
    assert_eq!(alice.peer(&bob).offer_seen.unix(), 0, "that letter holds nothing");
    world.pass(120);
    bob.send("alice", "later");
    bob.sync();
    alice.sync();
    assert_ne!(alice.peer(&bob).offer_seen.unix(), 0);
}

#[test]
fn a_first_letter_must_leave_room_for_the_card() {
    let world = World::at("2026-11-22T14");
    let (alice, mut bob) =
        (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    bob.config.pace = 0;
    bob.add("alice", &alice);
    let send = |length: usize| {
        let mail = format!("Subject: long\n\n{}\n", "x".repeat(length));
        bob.with(|env| queue::send(env, &[petname("alice")], mail.as_bytes(), false)).unwrap()[0]
    };
    // A longer mail is an enclosure, which waits.
    let fits = |length: usize| {
        let id = send(length);
        let fits = bob.outbox().iter().any(|row| row.id == id && row.cells.is_none());
        bob.with(|env| outbox::drop(env, &id.to_string())).unwrap();
        fits
    };
    assert!(!fits(60_000));
    let (mut most, mut least) = (50_000, 60_000);
    while least - most > 50 {
        let middle = (most + least) / 2;
        if fits(middle) { most = middle } else { least = middle }
    }
    send(most);
    bob.sync();
    assert_eq!(alice.sync().letters.get("requests"), Some(&1), "with {most} bytes");
}
