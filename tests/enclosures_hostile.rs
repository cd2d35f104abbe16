//! Enclosures against those who mean no good: heads and wants that lie, cells that nobody asked for,
//! and what becomes of enclosures that never are what was said
//! (poste-protocol(7), Enclosures).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::people;
use poste::core::enclosure::CellSet;
use poste::core::encode::base64;
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{EnclosureId, LetterId};
use poste::core::letter::{self, Enclosure, Want};
use poste::core::time::{DAY, HOUR};
use poste::store::enclosures::{Coming, Stage};
use poste::store::outbox::State;
use world::film::{NOW, arrived, coming, item, left, send, state};
use world::{Dice, Person, RELAY, World, acquainted, petname};

/// What a person would say of an enclosure in a letter's control data.
fn enclosure(cells: u16, seed: u64) -> Enclosure {
    let mut dice = Dice(seed);
    let (id, key) = (EnclosureId::generate(&mut dice), HybridSecret::generate(&mut dice));
    Enclosure { id, cells, sha256: [7; 32], key }
}

/// Alice posts a letter of hers through bob's offer, and bob syncs.
fn post(alice: &Person<'_>, bob: &Person<'_>, edit: impl FnOnce(&mut letter::Control)) {
    let letter = alice.letter(bob, alice.world.now().day(), "", edit);
    alice.post_through_offer(bob, &letter);
    bob.sync_with(&NOW);
    // The next one must not use the same numbers of cells.
    alice.world.relay(RELAY).lock().unwrap().buckets.clear();
}

/// The cells of a letter's enclosure that alice still owes.
fn owed(alice: &Person<'_>, id: LetterId) -> Vec<u16> {
    let item = item(alice, id);
    let enclosed = item.enclosure.clone().unwrap();
    item.owed(&alice.places(), &enclosed).unwrap().cells.iter().collect()
}

fn set(cells: u16, indices: &[u16]) -> Vec<u8> {
    let mut set = CellSet::none(cells);
    indices.iter().for_each(|index| set.add(*index));
    set.as_bytes().to_vec()
}

#[test]
fn a_want_replaces_the_one_before_and_hostile_ones_are_ignored() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    carol.add("alice", &alice);
    carol.send("alice", "hello");
    carol.sync();
    alice.sync();
    alice.accept("carol");
    alice.send("carol", "welcome");
    alice.sync();
    carol.sync();
    world.relay(RELAY).lock().unwrap().buckets.clear();
    let id = send(&alice, "bob", "film", 150_000);
    let enclosed = item(&alice, id).enclosure.unwrap();
    let now = world.now().minute() - 120;
    let want = |from: &Person<'_>, id, date, missing: Vec<u8>| {
        post(from, &alice, |control| {
            control.kind = letter::Kind::Control;
            control.date = date;
            control.want = Some(Want { id, missing });
        });
    };
    // Alice posts nothing here: her relay is full.
    world.relay(RELAY).lock().unwrap().full = true;
    let other = EnclosureId::generate(&mut Dice(9));
    let all = vec![0xff; 6];
    let mut beyond = [all.clone(), vec![0xf8]].concat();
    let hostile = [all, vec![0xff; 8], beyond.clone(), Vec::new()];
    for (person, enclosure, missing) in hostile
        .iter()
        .map(|missing| (&bob, enclosed.id, missing.clone()))
        .chain([(&bob, other, set(52, &[1])), (&carol, enclosed.id, set(52, &[1]))])
    {
        want(person, enclosure, now, missing);
        assert_eq!(owed(&alice, id), [0; 0]);
    }
    beyond[6] = 0xf0;
    want(&bob, enclosed.id, now, beyond);
    assert_eq!(owed(&alice, id).len(), 52);
    want(&bob, enclosed.id, now + 60, set(52, &[5, 51]));
    assert_eq!(owed(&alice, id), [5, 51]);
    want(&bob, enclosed.id, now, set(52, &[1]));
    assert_eq!(owed(&alice, id), [5, 51], "an older one");
    want(&bob, enclosed.id, now + 60 * DAY, set(52, &[7]));
    assert_eq!(owed(&alice, id), [7], "one from the future");
    world.pass(60);
    want(&bob, enclosed.id, world.now(), set(52, &[8]));
    assert_eq!(owed(&alice, id), [8], "does not outlast those after it");
}

#[test]
fn hostile_heads_have_no_effect() {
    let world = World::at("2026-11-22T14");
    let (alice, mut bob) = acquainted(&world);
    let large = enclosure(u16::MAX, 20);
    let first = LetterId::generate(&mut Dice(21));
    for _ in 0..2 {
        post(&alice, &bob, |control| {
            (control.id, control.enclosure) = (first, Some(large.clone()))
        });
    }
    assert_eq!(coming(&bob)[0].stage, Stage::Large);
    let warnings = bob.warnings.take();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("alice sends a mail of up to 251 MiB"), "{warnings:?}");
    assert!(warnings[0].contains("attachment_max = \"183 MiB\""), "{warnings:?}");
    assert_eq!(bob.sync_with(&NOW).posted, 0, "nothing is asked for");

    // Another hash, count, id or letter under one name: the first one stands.
    let small = enclosure(30, 22);
    let id = LetterId::generate(&mut Dice(23));
    let head = |e: Enclosure| post(&alice, &bob, |c| (c.id, c.enclosure) = (id, Some(e)));
    head(small.clone());
    let stands = coming(&bob);
    head(Enclosure { sha256: [8; 32], ..small.clone() });
    head(Enclosure { cells: 31, ..small.clone() });
    head(enclosure(30, 24));
    let other = LetterId::generate(&mut Dice(25));
    post(&alice, &bob, |c| (c.id, c.enclosure) = (other, Some(small.clone())));
    let bare =
        |all: Vec<Coming>| Vec::from_iter(all.into_iter().map(|c| (c.id, c.cells, c.sha256)));
    assert_eq!(bare(coming(&bob)), bare(stands));

    // Four of a person at a time.
    for seed in 30..36 {
        post(&alice, &bob, |c| c.enclosure = Some(enclosure(3, seed)));
    }
    assert_eq!(coming(&bob).len(), 5, "one of them is too large and not on its way");

    bob.config.attachment_max = 183 << 20;
    post(&alice, &bob, |control| (control.id, control.enclosure) = (first, Some(large)));
    assert!(coming(&bob).iter().any(|c| c.cells == u16::MAX && c.stage == Stage::Wanted));
    bob.with(|env| people::remove(env, &petname("alice"), true)).unwrap();
    assert_eq!(left(&bob), 0);
}

#[test]
fn what_was_not_asked_for_is_not_kept() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let pushed = enclosure(9, 40);
    alice.post_cells_through_offer(&bob, *pushed.id.as_bytes(), 9, 0..9);
    let report = bob.sync_with(&NOW);
    assert_eq!((report.fetched > 8, report.errors.len(), left(&bob)), (true, 0, 0));
    world.relay(RELAY).lock().unwrap().buckets.clear();

    // Carol cannot put cells into what alice sends, nor can alice more than there are, or others.
    let carol = Person::new(&world, "carol", 3, &[]);
    carol.add("bob", &bob);
    carol.send("bob", "hello");
    carol.sync();
    bob.sync();
    bob.accept("carol");
    bob.send("carol", "welcome");
    bob.sync();
    carol.sync();
    post(&alice, &bob, |control| control.enclosure = Some(pushed.clone()));
    carol.post_cells_through_offer(&bob, *pushed.id.as_bytes(), 9, 0..9);
    alice.post_cells_through_offer(&bob, *pushed.id.as_bytes(), 10, 0..10);
    bob.sync_with(&NOW);
    assert!(coming(&bob)[0].have().is_empty());
    alice.post_cells_through_offer(&bob, *pushed.id.as_bytes(), 9, 2..5);
    bob.sync_with(&NOW);
    assert_eq!(coming(&bob)[0].have().iter().collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn a_wrong_hash_is_asked_for_once_more_and_then_dropped() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "film", 70_000);
    let mut changed = item(&alice, id);
    changed.enclosure.as_mut().unwrap().sha256 = base64(&[1; 32]);
    changed.save(&alice.places()).unwrap();
    let mut stages = Vec::new();
    for _ in 0..8 {
        alice.sync_with(&NOW);
        assert!(bob.sync_with(&NOW).letters.is_empty());
        stages.push(coming(&bob)[0].stage);
        assert!(!coming(&bob)[0].have().is_full());
        world.pass(HOUR);
    }
    stages.dedup();
    assert_eq!(stages, [Stage::Wanted, Stage::Again, Stage::Wrong]);
    let warnings = bob.warnings.take();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("alice"), "{warnings:?}");
    assert_eq!(left(&bob), 1, "its cells are gone");
    assert_ne!(state(&alice, id), State::Acknowledged);
}

#[test]
fn what_does_not_come_is_given_up_after_thirty_days() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    post(&alice, &bob, |control| control.enclosure = Some(enclosure(5, 50)));
    world.pass(29 * DAY);
    bob.sync_with(&NOW);
    assert_eq!(coming(&bob).len(), 1);
    world.pass(2 * DAY);
    world.relay(RELAY).lock().unwrap().skew = 4 * HOUR as i64;
    bob.sync_with(&NOW);
    assert_eq!(coming(&bob).len(), 1, "the clock may be wrong");
    world.relay(RELAY).lock().unwrap().skew = 0;
    world.pass(25 * HOUR);
    bob.sync_with(&NOW);
    assert_eq!(left(&bob), 0);
}

#[test]
fn cells_that_cannot_be_kept_are_an_error_and_come_again() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    send(&alice, "bob", "film", 70_000);
    alice.sync_with(&NOW);
    bob.sync_with(&NOW);
    alice.sync_with(&NOW);
    let spool = bob.places().state().join("enclosures");
    let coming = &coming(&bob)[0];
    let cells = spool.join(format!("{}-{}.cells", coming.from, coming.id));
    std::fs::create_dir(&cells).unwrap();
    // The bucket is closed by now, and is fetched again all the same.
    world.pass(50 * 60);
    for _ in 0..2 {
        let report = bob.sync_with(&NOW);
        assert!(report.errors.iter().any(|error| error.contains(".cells")), "{report:?}");
    }
    std::fs::remove_dir(&cells).unwrap();
    assert_eq!(bob.sync_with(&NOW).letters.get("alice"), Some(&1));
    arrived(&bob, &alice, "film", 70_000);
}

#[test]
fn cells_that_vanish_are_asked_for_again() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    send(&alice, "bob", "film", 70_000);
    alice.sync_with(&NOW);
    bob.sync_with(&NOW);
    let mut state = coming(&bob)[0].clone();
    state.have = base64(CellSet::none(state.cells).others().as_bytes());
    state.save(&bob.places()).unwrap();
    bob.sync_with(&NOW);
    assert!(coming(&bob)[0].have().is_empty());
    for _ in 0..2 {
        alice.sync_with(&NOW);
        bob.sync_with(&NOW);
    }
    arrived(&bob, &alice, "film", 70_000);
}
