//! The ends of an acquaintance: blocking, which looks like absence, unblocking, removing, renaming,
//! and giving a name to another (poste-protocol(7), Acknowledgement; poste(1), People).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::people;
use poste::client::sync::Options;
use poste::core::time::{DAY, HOUR};
use poste::store::maildir::{Folder, Maildir};
use poste::store::outbox::State;
use std::fs;
use world::{Person, RELAY, World, acquainted, petname};

fn block(person: &Person<'_>, name: &str) -> usize {
    person.with(|env| people::block(env, &petname(name))).unwrap()
}

fn unblock(person: &Person<'_>, name: &str) -> bool {
    person.with(|env| people::unblock(env, &petname(name))).unwrap()
}

fn remove(person: &Person<'_>, name: &str, keep_mail: bool) -> people::Removed {
    person.with(|env| people::remove(env, &petname(name), keep_mail)).unwrap()
}

fn rename(person: &Person<'_>, old: &str, new: &str) -> Result<(), poste::client::error::Error> {
    person.with(|env| people::rename(env, &petname(old), &petname(new)))
}

fn states(person: &Person<'_>) -> Vec<(String, &'static str)> {
    let rows = person.with(|env| people::list(env)).unwrap();
    rows.into_iter().map(|row| (row.name, row.state)).collect()
}

fn daily() -> Options {
    Options { daily: true, ..Options::default() }
}

#[test]
fn to_the_blocked_it_looks_like_absence() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let me = bob.card().card.fingerprint();
    alice.send("bob", "never sent");
    let kept = alice.bodies("bob");
    assert_eq!(block(&alice, "bob"), 1);
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert!(alice.transit().given.iter().all(|given| given.to != me));
    assert_eq!(states(&alice), [("bob".to_owned(), "blocked")]);

    // Bob goes on writing, for so long that he falls back to a first letter, and a day later.
    world.pass(HOUR);
    bob.send("alice", "are you there");
    let (heard, posts) = (bob.peer(&alice), world.relay(RELAY).lock().unwrap().posts.len());
    for _ in 0..10 {
        bob.sync_with(&daily());
        let report = alice.sync_with(&daily());
        assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
        assert!(report.posted.is_multiple_of(4), "cover alone");
        world.pass(12 * HOUR);
    }
    assert!(world.relay(RELAY).lock().unwrap().posts.len() > posts);
    assert_eq!(alice.bodies("bob"), kept);
    assert!(alice.list(Some("requests")).is_empty());
    let row = bob.outbox().pop().unwrap();
    assert_eq!((row.state, row.posted >= 5), (State::Posted, true), "{row:?}");
    assert_eq!(bob.peer(&alice).latest, heard.latest, "nothing came from alice");

    for refused in [
        alice.with(|env| poste::client::queue::send(env, &[petname("bob")], b"\nx\n", false)).err(),
        alice.with(|env| poste::client::hand::seal(env, &petname("bob"), b"\nx\n")).err(),
    ] {
        assert_eq!(refused.expect("a letter to the blocked").hints, ["poste unblock bob"]);
    }
    // Blocking again changes nothing, nor does adding the same card.
    assert_eq!(block(&alice, "bob"), 0);
    alice.add("bob", &bob);
    assert_eq!(states(&alice), [("bob".to_owned(), "blocked")]);

    // What bob repeats in his fallback comes after all, and is acknowledged, and both have offers.
    assert!(unblock(&alice, "bob") && !unblock(&alice, "bob"));
    for _ in 0..2 {
        bob.sync_with(&daily());
        world.pass(11 * HOUR);
        alice.sync_with(&daily());
        bob.sync();
        world.pass(13 * HOUR);
    }
    assert!(alice.bodies("bob").contains(&"are you there".to_owned()));
    assert_eq!(bob.outbox().last().unwrap().state, State::Acknowledged);
    let made = alice.transit().newest_given(me).unwrap().made;
    assert_eq!(bob.transit().received[0].made, made);
}

#[test]
fn the_unblocked_have_a_new_offer_with_the_next_sync_whatever_the_clock_says() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let me = bob.card().card.fingerprint();
    let old = bob.transit().received[0].made;
    block(&alice, "bob");
    // Set back by an hour, as a clock may be: the offer must be newer than the erased one even so.
    alice.skew.set(-3600);
    assert!(unblock(&alice, "bob"));
    let made = alice.transit().newest_given(me).unwrap().made;
    assert!(made > old);
    alice.skew.set(0);
    alice.sync();
    bob.sync();
    assert_eq!(bob.transit().received[0].made, made);
    bob.send("alice", "through the new one");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    alice.send("bob", "and back");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn a_block_that_was_cut_short_is_gone_on_with() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let me = bob.card().card.fingerprint();
    alice.send("bob", "never sent");
    let mut contact = alice.contact("bob");
    contact.blocked = true;
    contact.save(&alice.places()).unwrap();
    alice.sync();
    assert!(alice.transit().given.iter().all(|given| given.to != me));
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert!(bob.sync().letters.is_empty());
}

#[test]
fn somebody_removed_is_a_stranger_and_what_came_before_comes_no_more() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let me = bob.card().card.fingerprint();
    bob.send("alice", "twice");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    alice.send("bob", "never sent");
    let count = alice.list(Some("bob")).len();
    let removed = remove(&alice, "bob", false);
    assert_eq!((removed.letters, removed.messages, removed.folder_stays), (1, count, false));
    assert!(!alice.places().mail().join("bob").exists());
    assert!(states(&alice).is_empty() && alice.outbox().is_empty());
    let transit = alice.transit();
    assert!(transit.given.iter().all(|given| given.to != me));
    assert!(transit.received.iter().all(|received| received.from != me));
    let rest = walk(alice.places().state());
    assert!(!rest.iter().any(|path| path.contains(&me.to_string())), "{rest:?}");
    assert!(alice.with(|env| people::remove(env, &petname("bob"), false)).is_err());
    alice.sync();

    // His repetition of what was filed is dropped; a new letter is a stranger's first one.
    world.pass(4 * DAY);
    let again = bob.letter(&alice, world.now().day(), "\ntwice\n", |control| {
        control.id = bob.outbox().last().unwrap().id;
        control.card = Some(bob.card().text().to_owned());
        let to = alice.card().card.sign;
        let sign = bob.card().card.sign;
        control.stamp = Some(poste::core::stamp::Stamp::find(&to, &sign, &control.id, 8));
    });
    bob.post_as_stranger(&alice, &again);
    assert!(alice.sync().letters.is_empty());
    bob.send("alice", "who are you");
    for _ in 0..5 {
        bob.sync_with(&daily());
        alice.sync_with(&daily());
        world.pass(DAY);
    }
    bob.sync_with(&daily());
    world.pass(HOUR);
    alice.sync();
    assert_eq!(alice.bodies("requests"), ["who are you"]);
    alice.accept("bob");
    for _ in 0..2 {
        alice.sync();
        bob.sync();
        world.pass(HOUR);
    }
    assert_eq!(bob.outbox().last().unwrap().state, State::Acknowledged);
}

#[test]
fn mail_may_be_kept_and_the_files_of_others_are() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let count = alice.list(Some("bob")).len();
    assert_eq!(remove(&alice, "bob", true).messages, 0);
    assert_eq!(alice.list(Some("bob")).len(), count);
    alice.add("bob", &bob);
    fs::write(alice.places().mail().join("bob/notes"), "mine").unwrap();
    let removed = remove(&alice, "bob", false);
    assert_eq!((removed.messages, removed.folder_stays), (count, true));
    assert!(alice.places().mail().join("bob/notes").exists());
}

#[test]
fn a_name_given_to_another_removes_who_had_it() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    let me = bob.card().card.fingerprint();
    alice.send("bob", "not for carol");
    let link = carol.link();
    let add = |replace| alice.with(|env| people::add(env, &petname("bob"), &link, None, replace));
    assert!(add(false).is_err());
    assert_eq!(alice.outbox().last().unwrap().state, State::Queued);
    assert_eq!(add(true).unwrap().replaced, Some(me));
    assert_eq!(alice.contact("bob").fingerprint, carol.card().card.fingerprint());
    assert!(alice.outbox().is_empty());
    let transit = alice.transit();
    assert!(transit.given.is_empty() && transit.received.is_empty());
    assert!(!alice.list(Some("bob")).is_empty(), "their messages stay");
}

#[test]
fn a_rename_moves_contact_and_folder_and_goes_on_after_a_crash_at_any_step() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let messages = alice.messages("bob");
    alice.send("bob", "on its way");
    rename(&alice, "bob", "robert").unwrap();
    assert!(alice.list(Some("robert")).len() == messages.len() + 1);
    assert!(!alice.places().mail().join("bob").exists());
    assert_eq!(alice.messages("robert")[..messages.len()], messages, "no filed byte changes");
    assert_eq!(alice.outbox().last().unwrap().to, "robert");
    rename(&alice, "robert", "bob").unwrap();

    let mail = Maildir::new(alice.places().mail());
    let (old, new) = (Folder::from(&petname("bob")), Folder::from(&petname("robert")));
    for step in 0..3 {
        let mut contact = alice.contact("bob");
        contact.becomes = Some(petname("robert"));
        contact.save(&alice.places()).unwrap();
        if step > 0 {
            mail.rename_folder(&old, &new).unwrap();
        }
        if step > 1 {
            contact.rename(&alice.places(), &petname("robert")).unwrap();
        }
        match step {
            0 => assert_eq!(states(&alice)[0].0, "robert"),
            1 => alice.send("robert", "to the new name"),
            _ => drop(alice.sync()),
        }
        assert!(alice.contact("robert").becomes.is_none(), "{step}");
        assert!(!alice.places().mail().join("bob").exists());
        rename(&alice, "robert", "bob").unwrap();
    }
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&2));
    bob.send("alice", "back");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
}

#[test]
fn a_name_that_is_taken_is_not_given() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    alice.add("carol", &carol);
    alice.send("carol", "hello");
    assert!(rename(&alice, "bob", "carol").is_err());
    remove(&alice, "carol", true);
    assert!(rename(&alice, "bob", "carol").is_err(), "a folder with messages");
    fs::write(alice.places().contacts_dir().join("dave.toml"), "no contact").unwrap();
    assert!(rename(&alice, "bob", "dave").is_err(), "a contact that cannot be read");
    assert!(rename(&alice, "nobody", "erin").is_err());
    rename(&alice, "bob", "erin").unwrap();
}

fn walk(dir: &std::path::Path) -> Vec<String> {
    let all = walkdir::WalkDir::new(dir).into_iter();
    all.map(|entry| entry.unwrap().path().display().to_string()).collect()
}
