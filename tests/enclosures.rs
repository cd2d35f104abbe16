//! Mail of more than 16 cells: its cells go only when they are asked for, only what is missing goes
//! again, and it arrives whole and authentic (poste-protocol(7), Enclosures).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::enclosure::going;
use poste::client::error::Kind;
use poste::client::{people, queue};
use poste::core::bucket::{Bucket, Class};
use poste::core::encode::{base64, hex};
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::outbox::State;
use std::collections::BTreeMap;
use world::craft::holds;
use world::film::{NOW, arrived, coming, item, left, mail, send, state};
use world::{Person, RELAY, World, acquainted, petname};

#[test]
fn a_mail_of_many_cells_arrives_by_asking_for_them() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "film", 150_000);
    let cells = usize::from(item(&alice, id).enclosure.unwrap().cells);
    assert_eq!(cells, 52);
    assert_eq!(alice.sync_with(&NOW).posted, 1, "the head alone");
    assert_eq!(state(&alice, id), State::Posted);
    let report = bob.sync_with(&NOW);
    assert_eq!((report.posted, report.letters.len()), (1, 0), "the want");
    assert_eq!(coming(&bob)[0].cells, 52);
    assert_eq!(alice.sync_with(&NOW).posted, cells);
    let row = alice.outbox().into_iter().find(|row| row.id == id).unwrap();
    assert_eq!((row.state, row.cells, row.cells_posted), (State::Partly, Some(52), 52));
    let report = bob.sync_with(&NOW);
    assert_eq!(report.letters.get("alice"), Some(&1));
    assert_eq!(alice.sync_with(&NOW).acknowledged, 1);
    assert_eq!(state(&alice, id), State::Acknowledged);
    arrived(&bob, &alice, "film", 150_000);
    let own = alice.messages("bob").into_iter().find(|m| m.contains("film.webm")).unwrap();
    assert!(holds(&own, &alice, &bob) && bob.messages("alice").contains(&own));
    assert_eq!(left(&bob), 0);
    let files = std::fs::read_dir(alice.places().outbox_dir()).unwrap();
    let named = files
        .filter(|f| f.as_ref().unwrap().file_name().to_str().unwrap().contains(&id.to_string()));
    assert_eq!(named.count(), 1, "its state alone is left");
}

#[test]
fn two_hundred_cells_are_put_together_from_a_sorted_bucket() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "long", 589_000);
    assert_eq!(item(&alice, id).enclosure.unwrap().cells, 200);
    for (person, posted) in [(&alice, 1), (&bob, 1), (&alice, 200), (&bob, 1)] {
        let report = person.sync_with(&NOW);
        assert_eq!((report.posted, report.errors.len()), (posted, 0), "{report:?}");
    }
    arrived(&bob, &alice, "long", 589_000);
}

#[test]
fn only_what_is_missing_goes_again() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "film", 150_000);
    alice.sync_with(&NOW);
    bob.sync_with(&NOW);
    let relay = world.relay(RELAY);
    relay.lock().unwrap().faults.lost = 25;
    assert_eq!(alice.sync_with(&NOW).posted, 52);
    relay.lock().unwrap().faults.lost = 0;
    bob.sync_with(&NOW);
    let missing: Vec<u16> = coming(&bob)[0].have().others().iter().collect();
    assert!((4..30).contains(&missing.len()), "{missing:?}");
    assert_eq!((alice.sync_with(&NOW).posted, bob.sync_with(&NOW).posted), (0, 0), "not asked");
    world.pass(3 * HOUR);
    assert_eq!(bob.sync_with(&NOW).posted, 1, "nothing has come for three hours");
    let report = alice.sync_with(&NOW);
    assert_eq!(report.posted, missing.len() + 1, "the head is repeated");
    assert_eq!(bob.sync_with(&NOW).letters.get("alice"), Some(&1));
    arrived(&bob, &alice, "film", 150_000);
    alice.sync_with(&NOW);
    assert_eq!(state(&alice, id), State::Acknowledged);
}

#[test]
fn somebody_who_has_not_answered_gets_no_head() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    alice.add("bob", &bob);
    let id = send(&alice, "bob", "film", 70_000);
    let warnings = alice.warnings.take();
    assert!(warnings[0].contains("waits until bob has answered"), "{warnings:?}");
    for _ in 0..3 {
        alice.sync_with(&NOW);
        world.pass(2 * HOUR);
    }
    assert_eq!(state(&alice, id), State::Queued);
    alice.send("bob", "hello");
    for person in [&alice, &bob] {
        person.sync_with(&NOW);
    }
    bob.accept("alice");
    for _ in 0..4 {
        bob.sync_with(&NOW);
        alice.sync_with(&NOW);
    }
    arrived(&bob, &alice, "film", 70_000);
}

#[test]
fn an_enclosure_that_takes_five_days_is_authentic() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    (alice.config.pace, bob.config.pace) = (4, 4);
    let id = send(&alice, "bob", "slowly", 120_000);
    let relay = world.relay(RELAY);
    relay.lock().unwrap().posts.clear();
    let (mut came, written) = (None, world.now());
    for step in 0..40 {
        alice.sync();
        if bob.sync().letters.contains_key("alice") {
            came = came.or(Some(world.now()));
        }
        // Both are away for most of a week.
        world.pass(if step == 6 { 5 * DAY } else { HOUR });
    }
    assert!(came.unwrap().since(written) > 5 * DAY);
    arrived(&bob, &alice, "slowly", 120_000);
    let posts = relay.lock().unwrap().posts.clone();
    // In the daily exchange a head that was slept through goes several ways at once.
    let hourly = posts.iter().filter(|(bucket, _)| bucket.class() == Class::Hourly);
    assert!(
        hourly.clone().count() > 30 && hourly.clone().all(|(_, cells)| *cells == 4),
        "{posts:?}"
    );
    assert_eq!(state(&alice, id), State::Acknowledged);
}

#[test]
fn state_that_is_lost_costs_only_repeats() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    (alice.config.pace, bob.config.pace) = (10, 10);
    let id = send(&alice, "bob", "film", 150_000);
    for step in 0..20 {
        if step == 5 {
            assert!(!coming(&bob)[0].have().is_empty());
            std::fs::remove_dir_all(bob.places().state()).unwrap();
        }
        alice.sync();
        bob.sync();
        world.pass(HOUR);
    }
    arrived(&bob, &alice, "film", 150_000);
    assert_eq!(state(&alice, id), State::Acknowledged);
}

#[test]
fn a_listener_of_the_daily_class_gets_it_by_daily_exchanges() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    bob.config.class = Class::Daily;
    bob.publish();
    let card = bob.link();
    alice.with(|env| people::add(env, &petname("bob"), &card, None, false)).unwrap();
    send(&alice, "bob", "film", 50_000);
    alice.config.pace = 20;
    let mut came = 0;
    for _ in 0..6 * 6 {
        alice.sync();
        came += bob.sync().letters.get("alice").unwrap_or(&0);
        world.pass(4 * HOUR);
    }
    assert_eq!(came, 1);
    arrived(&bob, &alice, "film", 50_000);
}

#[test]
fn no_key_of_an_enclosure_lies_in_the_open() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "film", 70_000);
    let letter = item(&alice, id);
    let enclosed = letter.enclosure.as_ref().unwrap();
    let key = going::head(&alice.places(), &alice.transit(), &letter, enclosed).unwrap().key;
    let forms: [Vec<u8>; 4] = [
        key.expose().to_vec(),
        key.to_text().as_bytes()[20..].to_vec(),
        base64(key.expose()).into(),
        hex(key.expose()).into(),
    ];
    let looks = |person: &Person<'_>| {
        for entry in walkdir::WalkDir::new(person.dir.path()).into_iter().map(Result::unwrap) {
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            let has = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
            assert!(!forms.iter().any(has), "{}", entry.path().display());
        }
    };
    for _ in 0..3 {
        alice.sync_with(&NOW);
        bob.sync_with(&NOW);
        looks(&alice);
        looks(&bob);
    }
    let secrets = bob.transit();
    for message in bob.messages("alice") {
        let pair = secrets.given.iter().map(|given| base64(given.secret.expose()));
        let text = key.to_text().to_string();
        assert!(pair.chain([text, base64(key.expose())]).all(|secret| !message.contains(&secret)));
    }
    arrived(&bob, &alice, "film", 70_000);
}

#[test]
fn a_stick_carries_enclosures_too() {
    let world = World::at("2026-11-22T14");
    let stick = tempfile::tempdir().unwrap();
    let url = format!("file://{}", stick.path().display());
    let mut alice = Person::new(&world, "alice", 1, &[&url]);
    let mut bob = Person::new(&world, "bob", 2, &[&url]);
    (alice.config.trust_clock, bob.config.trust_clock) = (true, true);
    alice.add("bob", &bob);
    bob.add("alice", &alice);
    alice.send("bob", "hello");
    let carry = || {
        for person in [&alice, &bob] {
            person.sync_with(&NOW);
            world.pass(HOUR);
        }
    };
    carry();
    let id = send(&alice, "bob", "film", 150_000);
    (0..4).for_each(|_| carry());
    arrived(&bob, &alice, "film", 150_000);
    alice.sync_with(&NOW);
    assert_eq!(state(&alice, id), State::Acknowledged);
}

#[test]
fn what_one_attaches_may_be_as_large_as_the_limit_says() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.attachment_max = 200_000;
    let mail = mail(&alice, "just", 200_000);
    let files = || std::fs::read_dir(alice.places().outbox_dir()).unwrap().count();
    let before = files();
    let sent = alice.with(|env| queue::send(env, &[petname("bob")], &mail, false)).unwrap();
    assert_eq!(files(), before + 3);
    alice.with(|env| poste::client::outbox::drop(env, &sent[0].to_string())).unwrap();
    assert_eq!(files(), before, "a dropped letter takes its enclosure along");
    let mail = [&mail[..], &vec![b'x'; 6_000]].concat();
    let refused = alice.with(|env| queue::send(env, &[petname("bob")], &mail, false)).unwrap_err();
    assert_eq!(refused.kind, Kind::Data);
    assert!(refused.what.contains("attachment_max"), "{refused}");
    drop(bob);
}

#[test]
fn twenty_five_mebibytes_arrive_over_a_node_that_loses_a_tenth() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    (alice.config.pace, bob.config.pace) = (64, 64);
    let id = send(&alice, "bob", "film", 25 << 20);
    let cells = usize::from(item(&alice, id).enclosure.unwrap().cells);
    let relay = world.relay(RELAY);
    (relay.lock().unwrap().faults.lost, relay.lock().unwrap().posts) = (10, Vec::new());
    let mut made = BTreeMap::new();
    let mut came = None;
    for step in 0..5 * 48 {
        alice.sync();
        made.extend(alice.peer(&bob).counters);
        if state(&alice, id) == State::Acknowledged {
            break;
        }
        if bob.sync().letters.contains_key("alice") {
            came = Some(step);
        }
        world.pass(30 * MINUTE);
    }
    let sent = made.values().map(|n| *n as usize).sum::<usize>();
    assert!(came.is_some());
    assert!(sent < cells * 5 / 4, "{sent} cells for {cells}");
    // The 256 of the daily class in two batches.
    let usual = |bucket: Bucket| if bucket.class() == Class::Daily { 128 } else { 64 };
    assert!(relay.lock().unwrap().posts.iter().all(|(bucket, cells)| *cells == usual(*bucket)));
    assert_eq!(state(&alice, id), State::Acknowledged);
    arrived(&bob, &alice, "film", 25 << 20);
}
