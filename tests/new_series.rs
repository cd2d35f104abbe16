//! `card renew` and `card end`: after a theft the old keys prove nothing, the conversation goes on,
//! older messages verify as before, and the old series is disclosed for good (poste-protocol(7),
//! Day keys and Card).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::forge;
use poste::client::parties::Parties;
use poste::client::verify::{self, Answer};
use poste::client::{own, people, publish, queue, series};
use poste::core::card::SignedCard;
use poste::core::disclosure::disclosed_from;
use poste::core::time::{DAY, HOUR};
use poste::core::when::When;
use poste::store::keyring::Transit;
use poste::store::outbox::State;
use world::{Dice, Person, World, acquainted, distinct, petname};

const HOST: &str = "https://host.example/alice.toml";

fn published(world: &World) -> SignedCard {
    SignedCard::parse(&world.documents.lock().unwrap()[HOST]).unwrap()
}

/// How many messages in a folder hold, of how many.
fn hold(person: &Person<'_>, folder: &str) -> (usize, usize) {
    let messages = person.messages(folder);
    let judge = |message: &String| {
        person
            .with(|env| verify::verify(env, &Parties::load(env)?, message.as_bytes()))
            .unwrap()
            .holds
    };
    let holding = messages.iter().filter(|message| judge(message) == Answer::Yes).count();
    (holding, messages.len())
}

fn renew(person: &Person<'_>) -> SignedCard {
    person.with(series::renew).unwrap()
}

#[test]
fn the_conversation_goes_on_and_older_messages_verify_on_both_sides() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let before = hold(&alice, "bob").1;
    world.pass(3 * DAY);
    alice.sync();
    bob.sync();
    let old = alice.card().card;
    let new = renew(&alice).card;
    assert!(new.series > old.series && new.dh != old.dh && new.days != old.days);
    assert_ne!(new.prekey, old.prekey, "a thief has the old one");
    // Bob, who does not know yet, writes by what is over.
    bob.send("alice", "by the old card");
    bob.sync();
    let report = alice.sync();
    assert_eq!((report.letters.len(), report.quarantined), (0, 1), "{report:?}");
    alice.send("bob", "by the new card");
    alice.sync();
    for _ in 0..6 {
        world.pass(HOUR);
        bob.sync();
        alice.sync();
    }
    assert!(alice.bodies("bob").contains(&"by the old card".to_owned()), "it was sent again");
    assert!(bob.bodies("alice").contains(&"by the new card".to_owned()));
    assert!(alice.messages("quarantine").is_empty(), "what is filed does not lie there too");
    assert_eq!(bob.contact("alice").card.card.series, new.series);
    for (person, other) in [(&alice, "bob"), (&bob, "alice")] {
        assert!(person.outbox().iter().all(|row| row.state == State::Acknowledged));
        assert_eq!(distinct(person.bodies(other)), before + 2);
        assert_eq!(hold(person, other), (before + 2, before + 2));
    }
    // And after months, by then with the old series in the card.
    for _ in 0..60 {
        world.pass(DAY);
        alice.sync();
        bob.sync();
    }
    assert_eq!(published(&world).card.retired.len(), 1);
    assert_eq!(hold(&alice, "bob"), (before + 2, before + 2));
    assert_eq!(hold(&bob, "alice"), (before + 2, before + 2));
}

#[test]
fn what_a_thief_writes_by_the_old_keys_is_unproven() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let tomorrow = world.now().day().plus(1);
    let as_alice = alice.letter(&bob, tomorrow, "Subject: money\n\nsend it\n", |_| {});
    let to_alice = bob.letter(&alice, tomorrow, "Subject: trust\n\nme\n", |_| {});
    renew(&alice);
    alice.send("bob", "new keys");
    alice.sync();
    bob.sync();
    world.pass(HOUR);
    alice.post_through_offer(&bob, &as_alice);
    bob.post_through_offer(&alice, &to_alice);
    let (to_bob, to_her) = (bob.sync(), alice.sync());
    assert_eq!((to_bob.letters.len(), to_bob.quarantined), (0, 1), "{to_bob:?}");
    assert_eq!((to_her.letters.len(), to_her.quarantined), (0, 1), "{to_her:?}");
}

#[test]
fn the_old_series_is_disclosed_for_good_two_days_later() {
    let world = World::at("2026-11-22T14");
    let (alice, mut bob) = acquainted(&world);
    // With a pace he would look for her card every three days.
    bob.config.pace = 0;
    world.pass(DAY);
    let last = world.now().day();
    let old = alice.card().card;
    renew(&alice);
    while world.now() < disclosed_from(last) {
        alice.sync();
        assert!(published(&world).card.retired.is_empty(), "early, at {}", world.now().iso());
        world.pass(HOUR);
        bob.sync();
    }
    for _ in 0..30 {
        alice.sync();
        bob.sync();
        world.pass(HOUR);
    }
    let card = published(&world);
    let [retired] = card.card.retired.as_slice() else { panic!("{:?}", card.card.retired) };
    assert_eq!((retired.series, retired.dh, retired.date), (old.series, old.dh, last));
    assert_eq!(retired.seed.day_key(last).public(), old.day_key(last).unwrap());
    // Anybody forges its days, with the current cards alone.
    for day in [last, last.minus(1), last.minus(400)] {
        let date = When::Day(day).moment(world.now(), &mut Dice(3));
        let text = b"Subject: from nobody\n\nnobody wrote this\n";
        let forged = forge::by_cards(&card, &bob.card(), None, date, text, &mut Dice(4)).unwrap();
        let verdict = verify::verify_by_cards(&card, &bob.card(), &forged).unwrap();
        assert_eq!((verdict.holds, verdict.makers), (Answer::Yes, verify::Makers::Anyone));
        assert!(verdict.public_since.unwrap() <= world.now());
        assert!(verdict.lines().iter().any(|line| line.contains(HOST)), "where the key is");
        let verdict = bob.with(|env| verify::verify(env, &Parties::load(env)?, &forged)).unwrap();
        // Bob has no card yet that discloses the old series, and of the days before he knew alice
        // he has no keys.
        let expected = if day < last.minus(30) { Answer::Unknown } else { Answer::Yes };
        assert_eq!(verdict.holds, expected, "{verdict:?}");
    }
}

#[test]
fn a_lost_card_does_not_lose_what_is_disclosed_for_good() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    renew(&alice);
    world.pass(4 * DAY);
    alice.sync();
    world.pass(HOUR);
    alice.sync();
    assert_eq!(alice.card().card.retired.len(), 1);
    std::fs::remove_file(alice.places().card()).unwrap();
    alice.publish();
    assert_eq!(alice.card().card.retired.len(), 1);
}

#[test]
fn keys_that_no_card_names_yet_send_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    // Cut short between the keys and the card.
    let card = std::fs::read(alice.places().card()).unwrap();
    renew(&alice);
    std::fs::write(alice.places().card(), card).unwrap();
    alice.send("bob", "soon");
    let is_due = |card: &SignedCard| {
        alice.with(|env| own::is_due(env, &Transit::load(env.home.places()).unwrap(), Some(card)))
    };
    assert!(is_due(&alice.card()));
    alice.sync();
    assert_eq!(alice.card().card.series, alice.transit().series.number, "a sync signs it");
    for _ in 0..3 {
        bob.sync();
        alice.sync();
        world.pass(HOUR);
    }
    assert_eq!(bob.bodies("alice").iter().filter(|body| *body == "soon").count(), 1);
}

#[test]
fn after_the_last_card_nobody_takes_another() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    renew(&alice);
    let error = alice.with(series::end).unwrap_err();
    assert!(error.what.contains("not disclosed yet"), "{error}");
    world.pass(3 * DAY);
    alice.sync();
    world.pass(HOUR);
    alice.sync();
    let last = alice.with(series::end).unwrap();
    assert!(last.card.end && last.card.retired.len() == 1);
    assert!(alice.with(series::end).is_err(), "once");
    assert!(alice.with(series::renew).is_err());
    for _ in 0..24 {
        alice.sync();
        bob.sync();
        world.pass(HOUR);
    }
    let state = bob.with(|env| people::list(env)).unwrap()[0].state;
    assert_eq!(state, "ended");
    bob.with(|env| queue::send(env, &[petname("alice")], b"Subject: x\n\nx\n", false)).unwrap();
    assert!(bob.warnings.borrow().iter().any(|warning| warning.contains("ended")));
    let another = alice.sign(|card| {
        card.issued = card.issued + 60;
        card.end = false;
    });
    assert!(another.check(another.card.fingerprint(), Some(&last), world.now()).is_err());
    // Its days are disclosed all the same, to the last.
    for _ in 0..40 {
        world.pass(DAY);
        alice.sync();
    }
    let card = published(&world);
    assert_eq!(card.signed_part(), last.signed_part());
    assert_eq!(card.disclosed.unwrap().date, last.card.last_day());
    assert!(alice.with(publish::current).unwrap().card.end, "no card is due");
    let carol = Person::new(&world, "carol", 3, &[]);
    let link = alice.link();
    let error = carol.with(|env| people::add(env, &petname("alice"), &link, None, false));
    assert!(error.unwrap_err().what.contains("ended"));
}
