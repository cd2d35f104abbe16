//! Delivery against odds: absence, clocks that jump, nodes that fail, damaged files, many people.
//! Nothing is lost and nothing shown twice (poste-protocol(7), Acknowledgement).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::queue;
use poste::client::sync::Options;
use poste::core::bucket::Class;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::outbox::State;
use poste::store::peers::Peer;
use std::fs;
use world::{Person, RELAY, World, acquainted, petname};

fn count(person: &Person<'_>, folder: &str, text: &str) -> usize {
    person.bodies(folder).iter().filter(|body| *body == text).count()
}

fn last(person: &Person<'_>) -> State {
    person.outbox().last().unwrap().state
}

#[test]
fn an_owner_offline_for_twenty_days_gets_mail() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    // With one, it is repeated where cover would go as well.
    alice.config.pace = 0;
    alice.send("bob", "patience");
    let mut attempts = Vec::new();
    for step in 0..24 + 19 * 4 {
        if step % 28 == 0 {
            alice.publish();
        }
        alice.sync();
        attempts.push(alice.outbox().last().unwrap().posted);
        world.pass(if step < 24 { HOUR } else { 6 * HOUR });
    }
    assert_eq!(attempts[0], 1);
    assert!((6..=8).contains(&attempts[8]), "hourly for six hours: {:?}", &attempts[..10]);
    // Three attempts a day once it has fallen back, and hours of their own when it did.
    let daily = attempts.last().unwrap() - attempts[24];
    assert!((48..=64).contains(&daily), "then daily: {daily}");
    for _ in 0..24 {
        bob.sync();
        alice.sync();
        world.pass(HOUR);
    }
    assert_eq!(count(&bob, "alice", "patience"), 1);
    assert_eq!(last(&alice), State::Acknowledged);
}

#[test]
fn a_cell_posted_four_minutes_after_the_period_is_fetched() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(44 * MINUTE);
    bob.sync();
    // Alice's clock is slow: for her the hour has not ended.
    alice.skew.set(-4 * 60 - 30);
    alice.send("bob", "just in time");
    alice.sync();
    world.pass(4 * MINUTE);
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn a_node_behind_the_clock_is_asked_again() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(46 * MINUTE);
    // Bob's clock is nine minutes fast: for him the bucket is closed when the relay still takes.
    bob.skew.set(9 * 60);
    world.turn_back(5 * MINUTE);
    bob.sync();
    alice.skew.set(-2 * 60);
    alice.send("bob", "late but in time");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn clocks_that_jump_back_lose_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.skew.set(300 * DAY as i64);
    alice.send("bob", "from the future");
    alice.sync_with(&Options { trust_clock: true, ..Options::default() });
    alice.skew.set(0);
    for _ in 0..30 {
        alice.sync_with(&Options { trust_clock: true, ..Options::default() });
        bob.sync();
        world.pass(HOUR);
    }
    assert_eq!(count(&bob, "alice", "from the future"), 1);
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    alice.send("bob", "and on");
    alice.sync();
    bob.sync();
    assert_eq!(count(&bob, "alice", "and on"), 1);
}

#[test]
fn a_second_sync_changes_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "once");
    alice.sync();
    bob.sync();
    let files = |person: &Person<'_>| {
        let walk = walkdir::WalkDir::new(person.dir.path().join("home/share"));
        let files = walk.into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
        let mut all: Vec<_> =
            files.map(|e| (e.path().to_owned(), fs::read(e.path()).unwrap())).collect();
        all.sort();
        all
    };
    for person in [&bob, &alice] {
        person.sync();
        let before = files(person);
        let report = person.sync();
        assert!(report.letters.is_empty() && report.acknowledged == 0, "{report:?}");
        assert_eq!(files(person), before);
    }
}

#[test]
fn numbers_lost_on_the_way_hide_no_letter() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.pace = 0;
    world.pass(HOUR);
    let bucket = poste::core::bucket::Bucket::at(Class::Hourly, world.now());
    let who = bob.card().card.fingerprint();
    let mut peer = Peer::load(&alice.places(), who).unwrap();
    peer.reserve(bucket, 128, world.now()).unwrap();
    peer.save(&alice.places(), who).unwrap();
    alice.send("bob", "after 128");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
    // Letters of one minute stand in no order.
    world.pass(MINUTE);
    // A relay that is down for long takes so many numbers that the rest waits for the next hour.
    alice.send("bob", &"long ".repeat(4_500));
    let relay = world.relay(RELAY);
    relay.lock().unwrap().down = true;
    let mut errors = Vec::new();
    for _ in 0..30 {
        errors = alice.sync().errors;
    }
    assert!(errors.iter().any(|error| error.contains("goes with the next bucket")), "{errors:?}");
    relay.lock().unwrap().down = false;
    alice.sync();
    assert_eq!(last(&alice), State::Queued);
    world.pass(HOUR);
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn what_was_not_posted_is_still_owed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(HOUR);
    bob.send("alice", "to be acknowledged");
    bob.sync();
    let relay = world.relay(RELAY);
    alice.send("bob", "one");
    alice.send("bob", "two");
    // The relay goes away between alice's download and her upload.
    relay.lock().unwrap().full = true;
    let report = alice.sync();
    assert_eq!(report.letters.get("bob"), Some(&1));
    assert_eq!(alice.peer(&bob).acks.len(), 1);
    relay.lock().unwrap().full = false;
    alice.sync();
    assert!(alice.peer(&bob).acks.is_empty());
    bob.sync();
    assert_eq!(last(&bob), State::Acknowledged);
}

#[test]
fn a_contact_of_the_daily_class_gets_mail_by_the_daily_exchange() {
    let world = World::at("2026-11-22T14");
    let mut carol = Person::new(&world, "carol", 4, &[]);
    carol.config.class = Class::Daily;
    carol.publish();
    let alice = Person::new(&world, "alice", 1, &[]);
    alice.add("carol", &carol);
    carol.add("alice", &alice);
    alice.send("carol", "slowly");
    let relay = world.relay(RELAY);
    for _ in 0..3 * 24 {
        alice.sync();
        let hourly = |relay: &world::Relay| {
            relay.posts.iter().filter(|(bucket, _)| bucket.class() == Class::Hourly).count()
        };
        let before = hourly(&relay.lock().unwrap());
        carol.sync();
        assert_eq!(hourly(&relay.lock().unwrap()), before, "carol posts daily only");
        world.pass(HOUR);
    }
    assert_eq!(count(&carol, "alice", "slowly"), 1);
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
}

#[test]
fn a_daily_bucket_missed_by_the_exchange_is_fetched_later_that_day() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.nodes.push("https://other.example".parse().unwrap());
    let send = |env: &mut poste::client::env::Env<'_>| {
        queue::send(env, &[petname("alice")], b"Subject: d\n\ndaily\n", true)
    };
    bob.with(send).unwrap();
    bob.sync_with(&Options { daily: true, ..Options::default() });
    world.pass(DAY - 13 * HOUR);
    // On the next day the relay is down when alice does her exchange, and the other one is not.
    let relay = world.relay(RELAY);
    relay.lock().unwrap().down = true;
    alice.sync_with(&Options { daily: true, ..Options::default() });
    relay.lock().unwrap().down = false;
    for _ in 0..22 {
        world.pass(HOUR);
        alice.sync();
    }
    assert_eq!(count(&alice, "bob", "daily"), 1);
}

#[test]
fn five_people_writing_to_each_other_for_a_day_get_each_letter_once() {
    let world = World::at("2026-11-22T06");
    let names = ["alice", "bob", "carol", "dave", "erin"];
    let people: Vec<Person<'_>> =
        names.iter().zip(1..).map(|(name, seed)| Person::new(&world, name, seed, &[])).collect();
    for (at, person) in people.iter().enumerate() {
        for (other, name) in names.iter().enumerate().filter(|(other, _)| *other != at) {
            person.add(name, &people[other]);
        }
    }
    let mut sent = 0;
    for round in 0..26 {
        for (at, person) in people.iter().enumerate() {
            let to = (at + 1 + round % 4) % 5;
            if round % 3 == at % 3 && round < 20 {
                person.send(names[to], &format!("{} {round}", names[at]));
                sent += 1;
            }
            let report = person.sync();
            assert_eq!(report.errors, Vec::<String>::new());
        }
        world.pass(HOUR);
    }
    let mut came = Vec::new();
    for person in &people {
        for name in names {
            if name != person.config.name {
                let theirs = person.bodies(name).into_iter().filter(|body| body.starts_with(name));
                came.extend(theirs);
            }
        }
        assert!(person.outbox().iter().all(|row| row.state == State::Acknowledged));
        assert!(person.list(Some("quarantine")).is_empty());
        assert!(person.list(Some("requests")).is_empty());
    }
    assert_eq!((came.len(), world::distinct(came)), (sent, sent));
}

#[test]
fn damaged_files_are_named_and_stop_nothing_else() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    alice.add("carol", &carol);
    alice.send("bob", "damaged mail");
    alice.send("bob", "damaged state");
    alice.send("bob", "whole");
    let ids: Vec<_> = alice.outbox().iter().rev().take(3).map(|row| row.id.to_string()).collect();
    let outbox = alice.places().outbox_dir();
    fs::write(outbox.join(format!("{}.age", ids[0])), "no age file").unwrap();
    fs::write(outbox.join(format!("{}.toml", ids[1])), "no state").unwrap();
    let contact = alice.places().contacts_dir().join("carol.toml");
    fs::write(&contact, "no contact").unwrap();
    bob.send("alice", "still comes");
    bob.sync();
    let report = alice.sync();
    let named = |text: &str| report.errors.iter().any(|error| error.contains(text));
    assert!(named(&ids[0]) && named(&ids[1]) && named("carol.toml"), "{report:?}");
    assert_eq!(report.letters.get("bob"), Some(&1));
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
    assert!(outbox.join(format!("{}.age", ids[1])).exists(), "its mail is not swept away");
    assert!(!alice.bodies("bob").is_empty());
}

#[test]
fn a_mail_to_several_is_queued_for_all_or_none_and_for_each_once() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let before = (alice.outbox().len(), alice.list(None).len());
    let to = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| petname(name)).collect();
        alice.with(|env| queue::send(env, &names, b"Subject: all\n\nall\n", false))
    };
    assert!(to(&["bob", "nobody"]).is_err());
    assert_eq!((alice.outbox().len(), alice.list(None).len()), before);
    assert_eq!(to(&["bob", "bob"]).unwrap().len(), 1);
}
