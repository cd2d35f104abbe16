//! Messages that disappear: at both ends, by a good clock alone, never early, and never one that is
//! not marked so (poste(1), send; poste-files(5), The state directory).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::parties::Parties;
use poste::client::sync::Options;
use poste::client::{edit, people, queue, read};
use poste::core::mail::expires;
use poste::core::time::{DAY, HOUR};
use poste::store::expiring::Expiring;
use poste::store::view::Stamp;
use world::{Person, World, acquainted, petname};

/// A letter that says itself that it disappears after so many seconds.
fn send(person: &Person<'_>, to: &str, text: &str, lasts: u64) {
    person
        .with(|env| {
            let mail = format!("{}Subject: {text}\n\n{text}\n", expires::field(env.now() + lasts));
            queue::send(env, &[petname(to)], mail.as_bytes(), false)
        })
        .unwrap();
}

fn has(person: &Person<'_>, folder: &str, text: &str) -> bool {
    person.bodies(folder).iter().any(|body| body == text)
}

/// Days in which both sync.
fn days(world: &World, people: [&Person<'_>; 2], days: u64) {
    for _ in 0..days {
        world.pass(DAY);
        people.iter().for_each(|person| drop(person.sync_with(&daily())));
    }
}

fn daily() -> Options {
    Options { daily: true, ..Options::default() }
}

fn noted(person: &Person<'_>) -> Vec<poste::store::expiring::Message> {
    Expiring::load(&person.places()).unwrap().message
}

#[test]
fn it_is_gone_at_both_ends_when_its_time_is_over_and_nothing_else_is() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    send(&alice, "bob", "for a week", 7 * DAY);
    alice.send("bob", "for good");
    let counts = (alice.list(None).len(), bob.list(None).len());
    alice.sync();
    bob.sync();
    assert!(has(&alice, "bob", "for a week") && has(&bob, "alice", "for a week"));
    // Both file the same text, so what is exported or forged says it too.
    let line = |person: &Person<'_>, folder: &str| {
        let messages = person.messages(folder);
        let found = messages.into_iter().find(|m| m.ends_with("\nfor a week\n")).unwrap();
        found.lines().find(|l| l.starts_with("Expires: ")).map(str::to_owned)
    };
    assert_eq!(line(&alice, "bob"), line(&bob, "alice"));
    // A mail program reads it and moves it.
    bob.with(|env| {
        let entries = read::list(env, Some(&"alice".parse().unwrap()), false, None).unwrap();
        let entry = entries.iter().max_by_key(|entry| entry.name).unwrap();
        read::mark_seen(env, entry)
    })
    .unwrap();
    days(&world, [&alice, &bob], 6);
    assert!(has(&alice, "bob", "for a week") && has(&bob, "alice", "for a week"));
    world.pass(DAY);
    alice.sync();
    bob.sync();
    assert!(!has(&alice, "bob", "for a week") && !has(&bob, "alice", "for a week"));
    assert!(has(&alice, "bob", "for good") && has(&bob, "alice", "for good"));
    assert_eq!((alice.list(None).len(), bob.list(None).len()), (counts.0 - 1, counts.1 + 1));
    assert!(noted(&alice).is_empty() && noted(&bob).is_empty());
    // What is gone does not come again.
    days(&world, [&alice, &bob], 3);
    assert!(!has(&bob, "alice", "for a week"));
}

#[test]
fn one_that_comes_late_lasts_as_long_as_any() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    send(&alice, "bob", "for a day", DAY);
    for _ in 0..3 {
        alice.sync_with(&daily());
        world.pass(DAY);
    }
    assert!(!has(&alice, "bob", "for a day"), "her own copy is gone");
    let report = bob.sync_with(&daily());
    assert!(has(&bob, "alice", "for a day"), "the letter came nevertheless: {report:?}");
    world.pass(23 * HOUR);
    bob.sync();
    assert!(has(&bob, "alice", "for a day"));
    world.pass(HOUR);
    bob.sync();
    assert!(!has(&bob, "alice", "for a day"));
}

#[test]
fn no_wrong_clock_takes_a_message_away_early() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    // Written by a clock ten days behind: by its Date the week is over at once.
    alice.skew.set(-10 * DAY as i64);
    send(&alice, "bob", "by a slow clock", 7 * DAY);
    alice.skew.set(0);
    alice.sync();
    bob.sync();
    assert!(has(&alice, "bob", "by a slow clock") && has(&bob, "alice", "by a slow clock"));
    // Read by a clock a month ahead, which the relay contradicts.
    bob.skew.set(30 * DAY as i64);
    bob.sync();
    assert!(has(&bob, "alice", "by a slow clock"));
    bob.skew.set(0);
    days(&world, [&alice, &bob], 6);
    assert!(has(&alice, "bob", "by a slow clock") && has(&bob, "alice", "by a slow clock"));
    days(&world, [&alice, &bob], 2);
    assert!(!has(&alice, "bob", "by a slow clock") && !has(&bob, "alice", "by a slow clock"));
}

#[test]
fn a_date_of_long_ago_takes_nothing_away_unread() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mail = b"Expires: Thu, 01 Jan 1970 00:00:00 +0000\n\nthere and gone\n";
    alice.with(|env| queue::send(env, &[petname("bob")], mail, false)).unwrap();
    alice.sync();
    bob.sync();
    bob.sync();
    assert!(has(&bob, "alice", "there and gone"));
    world.pass(HOUR);
    bob.sync();
    assert!(!has(&bob, "alice", "there and gone"));
}

#[test]
fn a_conversation_may_have_it_for_all_that_one_writes_in_it() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    alice.add("carol", &carol);
    alice.config.expires.insert(petname("bob"), DAY);
    let mail = b"Subject: tea\n\nto both\n";
    alice.with(|env| queue::send(env, &[petname("bob"), petname("carol")], mail, false)).unwrap();
    let line = |folder: &str| {
        let message = alice.messages(folder).pop().unwrap();
        message.lines().find(|l| l.starts_with("Expires: ")).map(str::to_owned)
    };
    let at = world.now().minute() + DAY;
    assert_eq!(line("bob"), Some(expires::field(at).trim_end().to_owned()));
    assert_eq!(line("carol"), None);
    // What the mail says itself counts.
    send(&alice, "bob", "for a week", 7 * DAY);
    assert_eq!(noted(&alice).iter().map(|m| m.lasts).collect::<Vec<_>>(), [DAY, 7 * DAY]);
    alice.sync();
    bob.sync();
    assert!(has(&bob, "alice", "to both"));
    days(&world, [&alice, &bob], 2);
    assert!(!has(&bob, "alice", "to both") && !has(&alice, "bob", "to both"));
    assert!(has(&bob, "alice", "for a week"));
}

#[test]
fn whoever_holds_a_message_may_change_its_mind() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    send(&alice, "bob", "stays after all", 2 * DAY);
    alice.sync();
    bob.sync();
    let before = noted(&bob);
    let edited = |change: &dyn Fn(String) -> String| {
        bob.with(|env| {
            let folder = "alice".parse().unwrap();
            let entry = read::list(env, Some(&folder), false, None).unwrap().pop().unwrap();
            let old = read::Reader::open(env).unwrap().read(env, &entry).unwrap();
            let parties = Parties::load(env).unwrap();
            let text = String::from_utf8(edit::text(&parties, &old).unwrap()).unwrap();
            let text = change(text);
            let new = edit::message(&parties, &old, text.as_bytes(), env.rng);
            new.and_then(|(message, date)| {
                edit::put_back(env, &entry, Stamp::of_sealed(&entry.path), &message, date)
            })
        })
    };
    assert!(edited(&|text| text.replace("Expires: ", "Expires: not on ")).is_err());
    assert_eq!(noted(&bob), before);
    edited(&|text| {
        text.lines()
            .filter(|l| !l.starts_with("Expires"))
            .fold(String::new(), |all, l| all + l + "\n")
    })
    .unwrap()
    .unwrap();
    assert!(noted(&bob).is_empty());
    days(&world, [&alice, &bob], 4);
    assert!(has(&bob, "alice", "stays after all") && !has(&alice, "bob", "stays after all"));
}

#[test]
fn a_renamed_conversation_and_its_messages_go_on() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    send(&alice, "bob", "for a day", DAY);
    alice.with(|env| people::rename(env, &petname("bob"), &petname("robert"))).unwrap();
    alice.sync();
    assert!(has(&alice, "robert", "for a day"));
    world.pass(DAY + HOUR);
    alice.sync();
    assert!(!has(&alice, "robert", "for a day"));
}
