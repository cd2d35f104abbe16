//! Authenticity and quarantine: what proves itself takes effect, and nothing else does. Each test
//! is a break of the protocol that a review found (poste-protocol(7), Authentication).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::sync::Options;
use poste::core::hybrid::HybridSecret;
use poste::core::keys::PairSecret;
use poste::core::letter::{Kind, Offer};
use poste::core::random::bytes;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::outbox::State;
use world::{Dice, Person, RELAY, World, acquainted};

fn unacknowledged(person: &Person<'_>) -> usize {
    person.outbox().iter().filter(|row| row.state != State::Acknowledged).count()
}

fn offer(world: &World, seed: u64) -> Offer {
    let mut dice = Dice(seed);
    Offer {
        made: world.now() + 60,
        prekey: HybridSecret::generate(&mut dice).public(),
        secret: PairSecret::generate(&mut dice),
        nodes: vec![RELAY.into()],
    }
}

#[test]
fn a_forged_letter_of_a_disclosed_day_sets_no_offer_and_acknowledges_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let day = world.now().day();
    world.pass(2 * DAY + 12 * HOUR);
    alice.send("bob", "waits");
    alice.sync();
    let waiting = unacknowledged(&alice);
    let known = alice.transit().received[0].made;
    let id = alice.outbox().last().unwrap().id;
    let forged = bob.letter(&alice, day, "Subject: forged\n\nforged\n", |control| {
        control.acks = vec![id];
        control.offer = Some(offer(&world, 5));
    });
    bob.post_as_stranger(&alice, &forged);
    let report = alice.sync();
    assert_eq!(report.quarantined, 1, "{report:?}");
    assert_eq!(unacknowledged(&alice), waiting);
    assert_eq!(alice.transit().received[0].made, known);
    assert!(!alice.bodies("bob").contains(&"forged".to_owned()));
    assert_eq!(alice.bodies("quarantine"), ["forged"]);
    // The same as control data is not even kept.
    let control = bob.letter(&alice, day, "", |control| {
        control.kind = Kind::Control;
        control.acks = vec![id];
    });
    bob.post_through_offer(&alice, &control);
    alice.sync();
    assert_eq!(unacknowledged(&alice), waiting);
    assert_eq!(alice.list(Some("quarantine")).len(), 1);
}

#[test]
fn a_slow_clock_that_a_relay_confirms_does_not_help_who_knows_the_seed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let day = world.now().day();
    world.pass(2 * DAY + 12 * HOUR);
    let today = world.now().day();
    let seed = bob.seed(day);
    let disclosing = bob.letter(&alice, today, "", |control| {
        control.kind = Kind::Control;
        control.disclosed = Some(seed);
    });
    bob.post_through_offer(&alice, &disclosing);
    alice.sync();
    assert_eq!(alice.contact("bob").held_day(), Some(day));
    // Alice's clock and the relay's are two days slow, and her record of the time is lost.
    std::fs::remove_file(alice.places().clock()).unwrap();
    let forged = bob.letter(&alice, day, "\nforged\n", |_| {});
    world.turn_back(2 * DAY + 12 * HOUR);
    bob.post_as_stranger(&alice, &forged);
    let report = alice.sync();
    assert_eq!(report.clock, Some(poste::core::clock::Clock::Good));
    assert_eq!(report.quarantined, 1, "{report:?}");
    assert!(alice.messages("quarantine")[0].contains("unproven:disclosed"));
}

#[test]
fn a_letter_that_crosses_midnight_is_authentic() {
    let world = World::at("2026-11-22T23");
    let (alice, bob) = acquainted(&world);
    world.pass(38 * MINUTE);
    alice.send("bob", "late");
    alice.sync();
    world.pass(10 * MINUTE);
    assert_eq!(world.now().day().to_string(), "2026-11-23");
    let report = bob.sync();
    assert_eq!(report.letters.get("alice"), Some(&1), "{report:?}");
}

#[test]
fn an_unproven_letter_is_not_acknowledged_and_its_retry_takes_its_place() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let relay = world.relay(RELAY);
    relay.lock().unwrap().skew = 3600;
    world.pass(HOUR);
    alice.send("bob", "once");
    alice.sync();
    let report = bob.sync();
    assert_eq!((report.quarantined, report.letters.len()), (1, 0), "{report:?}");
    bob.sync();
    assert_eq!(bob.list(Some("quarantine")).len(), 1);
    relay.lock().unwrap().skew = 0;
    alice.sync();
    assert_eq!(unacknowledged(&alice), 1);
    world.pass(HOUR);
    alice.sync();
    bob.sync();
    assert_eq!(bob.bodies("alice").iter().filter(|body| *body == "once").count(), 1);
    assert!(bob.list(Some("quarantine")).is_empty());
    alice.sync();
    assert_eq!(unacknowledged(&alice), 0);
}

#[test]
fn without_a_witness_nothing_is_proven_unless_the_clock_is_trusted() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.relay(RELAY).lock().unwrap().silent = true;
    world.pass(2 * DAY);
    alice.send("bob", "when");
    alice.sync();
    assert_eq!(bob.sync().quarantined, 1);
    world.pass(HOUR);
    alice.sync();
    let report = bob.sync_with(&Options { trust_clock: true, ..Options::default() });
    assert_eq!(report.letters.get("alice"), Some(&1), "{report:?}");
}

#[test]
fn junk_with_a_copied_tag_does_not_kill_a_letter() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.pace = 0;
    world.pass(HOUR);
    alice.send("bob", &"long ".repeat(2000));
    alice.sync();
    let relay = world.relay(RELAY);
    for (at, cells) in relay.lock().unwrap().buckets.values_mut().enumerate() {
        let real = cells.clone();
        for head in [16, 48] {
            cells.extend(real.iter().map(|cell| {
                let mut junk: [u8; 4096] = bytes(&mut Dice(at as u64));
                junk[..head].copy_from_slice(&cell[..head]);
                junk
            }));
        }
    }
    let report = bob.sync();
    assert_eq!(report.letters.get("alice"), Some(&1), "{report:?}");
}

#[test]
fn an_old_offer_arriving_late_is_ignored() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let day = world.now().day();
    let known = alice.transit().received[0].made;
    for (made, taken) in [(known - 60, known), (world.now() + HOUR, known)] {
        let offer = Offer { made, ..offer(&world, 9) };
        let letter = bob.letter(&alice, day, "", |control| {
            control.kind = Kind::Control;
            control.offer = Some(offer);
        });
        bob.post_through_offer(&alice, &letter);
        alice.sync();
        assert_eq!(alice.transit().received[0].made, taken);
    }
}

#[test]
fn a_correspondent_cannot_write_the_headers_that_the_reader_writes() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mail = "From: carol@poste\nX-Poste: 1 a b c\nX-Poste-Group: a 1\nSender: carol\n\
                Received: x\nStatus: RO\nSubject: spoof\n\nspoofed\n";
    let letter = bob.letter(&alice, world.now().day(), mail, |_| {});
    bob.post_through_offer(&alice, &letter);
    alice.sync();
    let filed = alice.messages("bob").into_iter().find(|m| m.contains("spoofed")).unwrap();
    let header = filed.split_once("\n\n").unwrap().0;
    let lines: Vec<&str> = header.lines().collect();
    assert!(lines[0].starts_with("X-Poste: 1 ") && lines[0].len() > 80, "{header}");
    assert_eq!(lines[1], format!("From: {}@poste", bob.card().card.fingerprint()));
    assert_eq!(lines.len(), 5, "{header}");
    assert!(lines[3].starts_with("Date: ") && lines[4] == "Subject: spoof");
}

#[test]
fn a_letter_that_cannot_be_filed_stops_no_other() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let day = world.now().day();
    let hostile = bob.letter(&alice, day, &"a:\n".repeat(2000), |_| {});
    bob.post_through_offer(&alice, &hostile);
    let unproven = bob.letter(&alice, day.minus(9), &"a:\n".repeat(2000), |_| {});
    bob.post_as_stranger(&alice, &unproven);
    bob.send("alice", "harmless");
    bob.sync();
    let report = alice.sync();
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(report.letters.get("bob"), Some(&1), "{report:?}");
}

#[test]
fn a_letter_from_another_than_the_one_with_the_secret_is_dropped() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    alice.add("carol", &carol);
    let letter = carol.letter(&alice, world.now().day(), "\nfrom carol\n", |_| {});
    bob.post_through_offer(&alice, &letter);
    let report = alice.sync();
    assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
}

#[test]
fn a_letter_of_an_unlisted_day_waits_for_the_card_and_proves_itself_by_its_arrival() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    // Alice's card of bob lists two days only, so the third waits.
    let first = world.now().day();
    let issued = world.now() + 1;
    let short = bob.sign(|card| {
        card.issued = issued;
        card.days.truncate(2);
    });
    let mut contact = alice.contact("bob");
    contact.card = short;
    contact.older.clear();
    contact.save(&alice.places()).unwrap();
    world.pass(3 * DAY);
    let day = world.now().day();
    let letter = bob.letter(&alice, day, "\npatient\n", |_| {});
    bob.post_through_offer(&alice, &letter);
    let report = alice.sync();
    assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
    // Four days later a card comes whose trailer gives the seed of that day away.
    world.pass(4 * DAY);
    let issued = world.now();
    let full = bob.sign(|card| card.issued = issued);
    let full = full.with_disclosed(&bob.seed(day.plus(1))).unwrap();
    assert!(full.card.day_key(first).is_some());
    let control = bob.letter(&alice, world.now().day(), "", |control| {
        control.kind = Kind::Control;
        control.card = Some(full.text().to_owned());
    });
    bob.post_as_stranger(&alice, &control);
    let report = alice.sync();
    assert_eq!(report.letters.get("bob"), Some(&1), "{report:?}");
    assert!(alice.bodies("bob").contains(&"patient".to_owned()));
}
