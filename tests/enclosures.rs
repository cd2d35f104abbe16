//! Mail of more than 16 cells: its cells go only when they are asked for, only what is missing goes
//! again, it arrives whole and authentic, and nobody can push megabytes
//! (poste-protocol(7), Enclosures).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::enclosure::going;
use poste::client::error::Kind;
use poste::client::sync::Options;
use poste::client::{people, queue};
use poste::core::bucket::Class;
use poste::core::enclosure::CellSet;
use poste::core::encode::{base64, hex};
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{EnclosureId, LetterId};
use poste::core::letter::{self, Enclosure, Want};
use poste::core::mail::compose::{Attached, Draft, compose};
use poste::core::mail::render;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::enclosures::{Coming, Stage};
use poste::store::outbox::{self, Item, State};
use std::time::Instant;
use world::craft::holds;
use world::{Person, RELAY, World, acquainted, petname};

const NOW: Options =
    Options { daily: false, now: true, trust_clock: false, dry_run: false, wait_lock: false };

/// Bytes that do not repeat.
fn file(length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    poste::core::random::Random::fill(&mut world::Dice(length as u64), &mut out);
    out
}

/// A mail with a file of so many bytes attached.
fn mail(person: &Person<'_>, subject: &str, length: usize) -> Vec<u8> {
    let bytes = file(length);
    let files = [Attached { name: "film.webm", bytes: &bytes }];
    let draft = Draft { to: &[], subject, thread: &[], text: b"look\n", files: &files };
    compose(&draft, &mut *person.dice.borrow_mut())
}

fn send(person: &Person<'_>, to: &str, subject: &str, length: usize) -> LetterId {
    let mail = mail(person, subject, length);
    person.with(|env| queue::send(env, &[petname(to)], &mail, false)).unwrap()[0]
}

fn item(person: &Person<'_>, id: LetterId) -> Item {
    let (items, bad) = outbox::load(&person.places()).unwrap();
    assert!(bad.is_empty());
    items.into_iter().find(|item| item.id == id).unwrap()
}

fn state(person: &Person<'_>, id: LetterId) -> State {
    // A day after it was acknowledged nothing is left of it.
    let row = person.outbox().into_iter().find(|row| row.id == id);
    row.map_or(State::Acknowledged, |row| row.state)
}

fn coming(person: &Person<'_>) -> Vec<Coming> {
    let (all, bad) = Coming::load_all(&person.places()).unwrap();
    assert!(bad.is_empty());
    all
}

fn left(person: &Person<'_>) -> usize {
    let dir = person.places().state().join("enclosures");
    std::fs::read_dir(dir).map_or(0, |entries| entries.count())
}

/// That the file came as it was sent, in a message that holds.
fn arrived(bob: &Person<'_>, alice: &Person<'_>, subject: &str, length: usize) {
    let messages = bob.messages("alice");
    let found: Vec<&String> =
        messages.iter().filter(|m| m.contains(&format!("\nSubject: {subject}\n"))).collect();
    assert_eq!(found.len(), 1, "{subject} came {} times", found.len());
    let (_, bytes) = render::part(found[0].as_bytes(), 2).unwrap();
    assert!(bytes == file(length), "the file came changed");
    assert!(holds(found[0], alice, bob));
}

/// What a person would say of an enclosure in a letter's control data.
fn enclosure(cells: u16, seed: u64) -> Enclosure {
    let mut dice = world::Dice(seed);
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
    let other = EnclosureId::generate(&mut world::Dice(9));
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
    let first = LetterId::generate(&mut world::Dice(21));
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
    let id = LetterId::generate(&mut world::Dice(23));
    let head = |e: Enclosure| post(&alice, &bob, |c| (c.id, c.enclosure) = (id, Some(e)));
    head(small.clone());
    let stands = coming(&bob);
    head(Enclosure { sha256: [8; 32], ..small.clone() });
    head(Enclosure { cells: 31, ..small.clone() });
    head(enclosure(30, 24));
    let other = LetterId::generate(&mut world::Dice(25));
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
    (alice.config.pace, bob.config.pace) = (3, 3);
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
    assert!(posts.iter().all(|(_, cells)| *cells == 3), "{posts:?}");
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
fn what_one_attaches_may_be_as_large_as_the_limit_says() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.attachment_max = 200_000;
    let mail = mail(&alice, "just", 200_000);
    alice.with(|env| queue::send(env, &[petname("bob")], &mail, false)).unwrap();
    let mail = [&mail[..], &vec![b'x'; 6_000]].concat();
    let refused = alice.with(|env| queue::send(env, &[petname("bob")], &mail, false)).unwrap_err();
    assert_eq!(refused.kind, Kind::Data);
    assert!(refused.what.contains("attachment_max"), "{refused}");
    drop(bob);
}

#[test]
fn twenty_five_mebibytes_arrive_over_a_node_that_loses_a_tenth() {
    let started = Instant::now();
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    (alice.config.pace, bob.config.pace) = (64, 64);
    let id = send(&alice, "bob", "film", 25 << 20);
    let cells = usize::from(item(&alice, id).enclosure.unwrap().cells);
    eprintln!("queued {cells} cells after {:?}", started.elapsed());
    let relay = world.relay(RELAY);
    (relay.lock().unwrap().faults.lost, relay.lock().unwrap().posts) = (10, Vec::new());
    let mut made = std::collections::BTreeMap::new();
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
    eprintln!("{sent} cells for {cells}, came after {came:?} syncs, {:?}", started.elapsed());
    assert!(came.is_some());
    assert!(sent < cells * 5 / 4, "{sent} cells for {cells}");
    assert!(relay.lock().unwrap().posts.iter().all(|(_, cells)| *cells == 64));
    assert_eq!(state(&alice, id), State::Acknowledged);
    arrived(&bob, &alice, "film", 25 << 20);
    eprintln!("{:?}", started.elapsed());
}
