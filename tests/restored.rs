//! Backups and twins: a home put back from a copy finds its way to everybody again, whatever is
//! missing in it, and two homes of one identity stop (poste-protocol(7), Prekeys and offers).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::groups::Part;
use poste::client::sync::Options;
use poste::client::{init, people, publish, status};
use poste::core::card::SignedCard;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::outbox::State;
use poste::store::published::Stopped;
use std::fs;
use std::path::Path;
use world::circle::{family, rounds};
use world::{Person, World, acquainted, petname};

const URL: &str = "https://host.example/alice.toml";

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(&target).unwrap(),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
        fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
    }
}

fn backup(person: &Person<'_>) -> tempfile::TempDir {
    let kept = tempfile::tempdir().unwrap();
    copy(&person.dir.path().join("home"), &kept.path().join("home"));
    kept
}

fn restore(person: &Person<'_>, kept: &tempfile::TempDir) {
    let home = person.dir.path().join("home");
    fs::remove_dir_all(&home).unwrap();
    copy(&kept.path().join("home"), &home);
}

/// On each day everybody writes to everybody named, syncs four hours in a row, and once at night.
fn days(world: &World, people: &[(&Person<'_>, &str)], days: u64, text: &str) {
    for day in 0..days {
        for (step, hours) in [1, 1, 1, 6, 15].into_iter().enumerate() {
            for (person, to) in people {
                if step == 0 && !text.is_empty() {
                    person.send(to, &format!("{text} {day}"));
                }
                person.sync();
                world.pass(3 * MINUTE);
            }
            world.pass(hours * HOUR - people.len() as u64 * 3 * MINUTE);
        }
    }
}

/// How often each letter `<text> <n>` of `days` days lies in a folder.
fn counts(person: &Person<'_>, folder: &str, text: &str, days: u64) -> Vec<usize> {
    let bodies = person.bodies(folder);
    let count = |n| bodies.iter().filter(|body| **body == format!("{text} {n}")).count();
    (0..days).map(count).collect()
}

fn outboxes_are_empty(people: &[&Person<'_>]) {
    for person in people {
        let rows = person.outbox();
        assert!(rows.iter().all(|row| row.state == State::Acknowledged), "{rows:?}");
    }
}

/// Whether a letter each way passes at once, under offers.
fn well(world: &World, alice: &Person<'_>, bob: &Person<'_>) {
    for (from, to, (folder, name)) in
        [(alice, bob, ("alice", "bob")), (bob, alice, ("bob", "alice"))]
    {
        let held = from.transit();
        let offer = held.received.iter().find(|r| r.from == to.card().card.fingerprint());
        let made = offer.expect("an offer").made;
        assert!(to.transit().given.iter().any(|given| given.made == made), "{folder} lost it");
        from.send(name, &format!("well {}", world.now().unix()));
        from.sync();
        assert_eq!(to.sync().letters.get(folder), Some(&1));
    }
}

#[test]
fn a_backup_of_ten_days_ago_recovers_within_four_days() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let both = [(&alice, "bob"), (&bob, "alice")];
    days(&world, &both, 2, "old");
    let kept = backup(&alice);
    days(&world, &both, 10, "lost");
    outboxes_are_empty(&[&bob]);
    restore(&alice, &kept);
    days(&world, &both, 1, "new");
    let said = alice.warnings.borrow().iter().filter(|w| w.contains("restored")).count();
    assert_eq!(said, 1, "{:?}", alice.warnings.borrow());
    days(&world, &both, 3, "");
    outboxes_are_empty(&[&alice, &bob]);
    assert_eq!(counts(&alice, "bob", "new", 1), [2], "bob's, and the own copy");
    assert_eq!(counts(&bob, "alice", "new", 1), [2]);
    assert_eq!(counts(&bob, "alice", "lost", 10), [2; 10]);
    assert_eq!(counts(&bob, "alice", "old", 2), [2; 2]);
    well(&world, &alice, &bob);
    assert_eq!(alice.sync().failure(), None);
    let posted = world.documents.lock().unwrap()[URL].clone();
    assert_eq!(posted, alice.card().text().as_bytes());
}

#[test]
fn an_old_backup_without_its_state_recovers_too() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let both = [(&alice, "bob"), (&bob, "alice")];
    let kept = backup(&alice);
    days(&world, &both, 17, "lost");
    restore(&alice, &kept);
    fs::remove_dir_all(alice.dir.path().join("home/state")).unwrap();
    fs::create_dir(alice.dir.path().join("home/state")).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(alice.dir.path().join("home/state"), private).unwrap();
    days(&world, &both, 1, "new");
    assert!(alice.warnings.borrow().iter().any(|w| w.contains("restored")));
    days(&world, &both, 1, "");
    outboxes_are_empty(&[&alice, &bob]);
    assert_eq!(counts(&alice, "bob", "new", 1), [2]);
    assert_eq!(counts(&bob, "alice", "new", 1), [2]);
    assert_eq!(counts(&bob, "alice", "lost", 17), [2; 17]);
    well(&world, &alice, &bob);
}

/// Nobody's card can be fetched, so nobody can tell: what is lost is known by who waits.
#[test]
fn without_an_address_letters_that_wait_repair_it() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) =
        (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    for person in [&mut alice, &mut bob] {
        (person.config.urls, person.config.publish) = (Vec::new(), Vec::new());
        person.with(publish::current).unwrap();
    }
    for (person, other, name) in [(&alice, &bob, "bob"), (&bob, &alice, "alice")] {
        let file = person.dir.path().join("card.toml");
        fs::write(&file, other.card().text()).unwrap();
        let add = |env: &mut poste::client::env::Env<'_>| {
            people::add(env, &petname(name), file.to_str().unwrap(), None, false)
        };
        person.with(add).unwrap();
    }
    let both = [(&alice, "bob"), (&bob, "alice")];
    days(&world, &both, 2, "old");
    let kept = backup(&alice);
    days(&world, &both, 5, "lost");
    restore(&alice, &kept);
    days(&world, &both, 1, "new");
    days(&world, &both, 3, "");
    outboxes_are_empty(&[&alice, &bob]);
    assert_eq!(counts(&alice, "bob", "new", 1), [2]);
    assert_eq!(counts(&bob, "alice", "new", 1), [2]);
    assert_eq!(counts(&bob, "alice", "lost", 5), [2; 5]);
    well(&world, &alice, &bob);
}

#[test]
fn behind_a_passphrase_the_offers_go_and_the_card_waits() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let both = [(&alice, "bob"), (&bob, "alice")];
    let keys = alice.transit();
    let locked = alice.with(|env| env.unlock(&keys)).unwrap();
    let kept = backup(&alice);
    days(&world, &both, 10, "lost");
    restore(&alice, &kept);
    alice.with(|env| init::relock(env, &locked, Some("correct horse"))).unwrap();
    let own = alice.card();
    days(&world, &both, 1, "new");
    assert!(alice.warnings.borrow().iter().any(|w| w.contains("poste publish")));
    assert!(alice.with(|env| status::status(env)).unwrap().card_due);
    days(&world, &both, 3, "");
    assert_eq!(alice.card().signed_part(), own.signed_part());
    outboxes_are_empty(&[&alice, &bob]);
    alice.with(|env| init::relock(env, &locked, None)).unwrap();
    assert_eq!(counts(&alice, "bob", "new", 1), [2]);
    alice.sync();
    let posted = SignedCard::parse(&world.documents.lock().unwrap()[URL]).unwrap();
    assert!(posted.card.issued > bob.contact("alice").card.card.issued);
    well(&world, &alice, &bob);
}

#[test]
fn twin_homes_stop() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mut twin = Person::new(&world, "carol", 9, &[]);
    restore(&twin, &backup(&alice));
    twin.config = alice.config.clone();
    let all = [(&alice, "bob"), (&twin, "bob"), (&bob, "alice")];
    days(&world, &all, 12, "");
    let stopped = |p: &Person<'_>| p.with(|env| status::status(env)).unwrap().stopped;
    let (one, other) = match (stopped(&alice), stopped(&twin)) {
        (Some(Stopped::TwoHomes), None) => (&alice, &twin),
        (None, Some(Stopped::TwoHomes)) => (&twin, &alice),
        both => panic!("one of the two stops: {both:?}"),
    };
    bob.send("alice", "to both of you");
    bob.sync();
    one.send("bob", "from the one that stopped");
    let report = one.sync();
    assert_eq!(report.failure(), Some(Kind::Config), "{report:?}");
    assert!(report.errors.iter().any(|e| e.contains("two homes are alive")), "{report:?}");
    assert!(report.posted > 0, "cover goes on");
    assert_eq!(one.outbox().last().unwrap().state, State::Queued);
    let refused = one.with(publish::current).unwrap_err();
    assert!(refused.hints.iter().any(|hint| hint.contains("poste publish --force")));
    let posted = world.documents.lock().unwrap()[URL].clone();
    days(&world, &[(one, "bob")], 2, "");
    assert_eq!(world.documents.lock().unwrap()[URL], posted, "it signs nothing any more");
    // The other one is stopped for good, and this one goes on.
    one.with(publish::go_on).unwrap();
    one.publish();
    days(&world, &[(one, "bob"), (&bob, "alice")], 1, "");
    assert_eq!(stopped(one), None);
    outboxes_are_empty(&[one]);
    assert!(bob.bodies("alice").contains(&"from the one that stopped".to_owned()));
    // It was not stopped for good.
    days(&world, &[(other, "bob"), (one, "bob")], 2, "");
    assert!(stopped(one).is_some() || stopped(other).is_some());
}

#[test]
fn a_later_series_stops_a_home_at_once_and_its_own_keys_let_it_go_on() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let own = world.documents.lock().unwrap()[URL].clone();
    let later = alice.sign(|card| {
        card.issued = world.now();
        card.series = world.now();
    });
    let daily = Options { daily: true, ..Options::default() };
    let serve = |text: &[u8]| world.documents.lock().unwrap().insert(URL.into(), text.to_vec());
    serve(later.text().as_bytes());
    bob.send("alice", "still comes");
    bob.sync();
    let report = alice.sync_with(&daily);
    assert_eq!(report.failure(), Some(Kind::Config), "{report:?}");
    assert_eq!(report.letters.get("bob"), Some(&1));
    alice.send("bob", "waits");
    alice.sync();
    assert_eq!(alice.outbox().last().unwrap().state, State::Queued);
    assert!(alice.with(publish::current).is_err());
    alice.with(publish::go_on).unwrap();
    assert!(alice.with(publish::current).is_err(), "no word of the user's helps");
    serve(&own);
    world.pass(HOUR);
    alice.sync_with(&daily);
    alice.sync();
    assert_eq!(alice.outbox().last().unwrap().state, State::Posted);
}

#[test]
fn what_a_host_serves_instead_of_the_card_is_said_and_mended() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let mallory = Person::new(&world, "mallory", 5, &[]);
    let daily = Options { daily: true, ..Options::default() };
    let first = alice.card();
    world.pass(8 * DAY);
    alice.sync();
    let second = alice.card();
    assert_ne!(first.text(), second.text());
    assert_eq!(alice.sync_with(&daily).errors, Vec::<String>::new());
    let unreadable = second.text().replace("poste = 1", "poste = 2");
    let cases = [
        (first.text().to_owned(), "serves another card", true),
        (mallory.card().text().to_owned(), "another identity", false),
        (unreadable, "no card", false),
    ];
    for (served, what, mended) in cases {
        world.documents.lock().unwrap().insert(URL.into(), served.clone().into());
        let report = alice.sync_with(&daily);
        assert!(report.errors.iter().any(|e| e.contains(what)), "{what}: {report:?}");
        assert_eq!(report.failure(), Some(Kind::Data));
        let now = world.documents.lock().unwrap()[URL].clone();
        assert_eq!(now == second.text().as_bytes(), mended, "{what}");
        world.documents.lock().unwrap().insert(URL.into(), second.text().into());
    }
    world.documents.lock().unwrap().remove(URL);
    let report = alice.sync_with(&daily);
    assert!(report.errors.iter().any(|e| e.contains("serves no card")), "{report:?}");
    assert_eq!(alice.sync_with(&daily).errors, Vec::<String>::new());
    assert_eq!(alice.with(|env| status::status(env)).unwrap().stopped, None);
    assert_eq!(alice.card().text(), second.text());
}

#[test]
fn nobody_comes_back_into_a_group_by_a_backup_of_who_made_it() {
    for newer_card in [false, true] {
        let world = World::at("2026-11-22T10");
        let people = family(&world);
        let [alice, bob, carol] = &people;
        let all = [alice, bob, carol];
        let kept = backup(alice);
        for part in [Part::Remove, Part::Add, Part::Remove] {
            alice.part("family", part, &["carol"]).unwrap();
        }
        rounds(&world, &all, 3);
        if newer_card {
            world.pass(DAY);
            rounds(&world, &all, 2);
        }
        restore(alice, &kept);
        alice.warnings.borrow_mut().clear();
        alice.send("family", "hello");
        rounds(&world, &all, 5);
        assert_eq!(bob.members("kin").len(), 2, "carol stays out");
        assert_eq!(bob.bodies("kin"), ["hello"]);
        assert_eq!(alice.members("family").len(), 3, "of which alice's home knows nothing,");
        let named = alice.warnings.borrow().iter().filter(|w| w.contains("family")).count();
        assert_eq!(named, 1, "but says so: {:?}", alice.warnings.borrow());
        // Done once more it counts above all that was counted before.
        alice.part("family", Part::Remove, &["carol"]).unwrap();
        rounds(&world, &all, 3);
        assert_eq!(alice.members("family"), bob.members("kin"));
        alice.part("family", Part::Add, &["carol"]).unwrap();
        rounds(&world, &all, 3);
        carol.with(|env| {
            let clan = petname("clan");
            poste::client::groups::accept(env, "clan", &clan, false).unwrap().unwrap();
        });
        rounds(&world, &all, 5);
        for (person, group) in [(alice, "family"), (bob, "kin"), (carol, "clan")] {
            assert_eq!(person.members(group).len(), 3, "{group}");
        }
        assert_eq!(alice.sync().failure(), None);
    }
}
