//! A home that moves while letters are on their way, and one brought up from an archive that is
//! days old, while the first went on: nothing is lost for good and nothing shown twice
//! (poste(1), export; poste-protocol(7), Prekeys and offers).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::env::Ask;
use poste::client::error::Error;
use poste::client::export;
use poste::client::init::moved;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::outbox::State;
use poste::store::pack::Pack;
use world::film::{NOW, arrived, coming, item, send, state};
use world::{Person, World, acquainted};
use zeroize::Zeroizing;

/// Homes here have no passphrase.
struct Nobody;

impl Ask for Nobody {
    fn passphrase(&self, _wrong: bool) -> Result<Option<Zeroizing<String>>, Error> {
        Ok(None)
    }
}

/// Everything of somebody's in one archive.
fn archive(person: &Person<'_>) -> Vec<u8> {
    person.with(|env| {
        let mut pack = Pack::tar(Vec::new());
        let done = export::home::export(env, &mut pack).unwrap();
        assert_eq!(done.skipped, Vec::<String>::new());
        pack.finish().unwrap().unwrap()
    })
}

/// The home goes, and another one comes from the archive.
fn bring(person: &Person<'_>, archive: &[u8]) {
    std::fs::remove_dir_all(person.dir.path().join("home")).unwrap();
    moved::bring(person.places(), "the archive", archive, &Nobody, &|_| {}).unwrap();
}

/// It moves now.
fn moves(person: &Person<'_>) {
    let whole = archive(person);
    bring(person, &whole);
    assert!(archive(person) == whole, "what came out is what went in");
}

/// On each day everybody writes to the other, syncs four hours in a row, and once at night.
fn days(world: &World, people: [(&Person<'_>, &str); 2], days: u64, text: &str) {
    for day in 0..days {
        for (step, hours) in [1, 1, 1, 6, 15].into_iter().enumerate() {
            for (person, to) in people {
                if step == 0 && !text.is_empty() {
                    person.send(to, &format!("{text} {day}"));
                }
                person.sync();
                world.pass(3 * MINUTE);
            }
            world.pass(hours * HOUR - 6 * MINUTE);
        }
    }
}

/// How often a letter lies in a folder.
fn count(person: &Person<'_>, folder: &str, text: &str) -> usize {
    person.bodies(folder).iter().filter(|body| *body == text).count()
}

fn outboxes_are_empty(people: &[&Person<'_>]) {
    for person in people {
        let rows = person.outbox();
        assert!(rows.iter().all(|row| row.state == State::Acknowledged), "{rows:?}");
    }
}

#[test]
fn a_mail_of_many_cells_survives_the_moves_of_both_at_every_step() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "film", 150_000);
    moves(&alice);
    assert_eq!(alice.sync_with(&NOW).posted, 1, "the head");
    moves(&bob);
    assert_eq!(bob.sync_with(&NOW).posted, 1, "the want");
    for person in [&alice, &bob] {
        moves(person);
    }
    assert_eq!(coming(&bob)[0].cells, 52);
    world.relay(world::RELAY).lock().unwrap().faults.lost = 25;
    alice.sync_with(&NOW);
    world.relay(world::RELAY).lock().unwrap().faults.lost = 0;
    bob.sync_with(&NOW);
    let missing = coming(&bob)[0].have().others().iter().count();
    assert!((4..30).contains(&missing), "{missing}");
    for person in [&alice, &bob] {
        moves(person);
    }
    assert_eq!(coming(&bob)[0].have().others().iter().count(), missing, "the others came along");
    world.pass(3 * HOUR);
    bob.sync_with(&NOW);
    moves(&alice);
    assert_eq!(alice.sync_with(&NOW).posted, missing + 1, "the head is repeated");
    moves(&bob);
    bob.sync_with(&NOW);
    moves(&alice);
    alice.sync_with(&NOW);
    assert_eq!(state(&alice, id), State::Acknowledged);
    assert!(item(&alice, id).filed);
    arrived(&bob, &alice, "film", 150_000);
}

#[test]
fn a_conversation_in_which_both_move_every_day_loses_and_doubles_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    for day in 0..12 {
        alice.send("bob", &format!("moving {day}"));
        bob.send("alice", &format!("as well {day}"));
        moves(&alice);
        moves(&bob);
        days(&world, [(&alice, "bob"), (&bob, "alice")], 1, "");
    }
    for day in 0..12 {
        for (person, folder) in [(&alice, "bob"), (&bob, "alice")] {
            for text in ["moving", "as well"] {
                assert_eq!(count(person, folder, &format!("{text} {day}")), 1, "{folder}");
            }
        }
    }
    outboxes_are_empty(&[&alice, &bob]);
    let warned = [alice.warnings.borrow().clone(), bob.warnings.borrow().clone()];
    assert!(warned.iter().flatten().all(|w| !w.contains("restored")), "{warned:?}");
}

#[test]
fn an_archive_of_days_ago_finds_its_way_to_everybody() {
    for old in [3, 11] {
        let world = World::at("2026-11-22T14");
        let (alice, bob) = acquainted(&world);
        let both = [(&alice, "bob"), (&bob, "alice")];
        days(&world, both, 1, "before");
        alice.send("bob", "in the outbox");
        let kept = archive(&alice);
        let begun = world.now();
        days(&world, both, old, "lost");
        assert_eq!(world.now().since(begun), old * DAY);
        assert_eq!(count(&bob, "alice", "in the outbox"), 1, "the first home has sent it");
        bob.send("alice", "meanwhile");
        bob.sync();
        bring(&alice, &kept);
        days(&world, both, 1, "new");
        days(&world, both, 4, "");
        outboxes_are_empty(&[&alice, &bob]);
        for (person, folder) in both {
            assert_eq!(count(person, folder, "new 0"), 2, "one each, {folder}, {old}");
            assert_eq!(count(person, folder, "before 0"), 2);
            assert_eq!(count(person, folder, "in the outbox"), 1);
            assert_eq!(count(person, folder, "meanwhile"), 1, "{folder} {old}");
        }
        for day in 0..old {
            assert_eq!(count(&bob, "alice", &format!("lost {day}")), 2);
        }
    }
}

#[test]
fn what_was_deleted_before_the_move_stays_deleted_when_it_is_sent_again() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    bob.send("alice", "read and deleted");
    bob.sync();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    let newest = alice.list(Some("bob")).pop().unwrap();
    std::fs::remove_file(newest).unwrap();
    assert_eq!(count(&alice, "bob", "read and deleted"), 0);
    moves(&alice);
    // Her acknowledgement is wiped before he asks for it.
    world.pass(3 * HOUR);
    bob.sync();
    let again = alice.sync();
    assert_eq!((again.letters.len(), again.failure()), (0, None), "{again:?}");
    assert_eq!(count(&alice, "bob", "read and deleted"), 0);
    bob.sync();
    outboxes_are_empty(&[&bob]);
}
