//! What `doctor` finds, that it changes nothing, and that to a relay it looks like two syncs
//! (poste(1), doctor).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::doctor::{self, Check, Level};
use poste::client::env::Network;
use poste::client::error::Kind;
use poste::core::bucket::{Bucket, Class, Prefix};
use poste::core::random::Random;
use poste::core::time::{DAY, HOUR, Time};
use poste::net::{self, Address, Answer, Courier, Fetched, Heard};
use poste::store::contacts::Contact;
use poste::store::progress::Progress;
use std::fs;
use std::path::Path;
use world::{Person, RELAY, World, acquainted};

fn doctor(person: &Person<'_>) -> Vec<Check> {
    person.with(|env| doctor::examine(env, true))
}

fn find<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    let found = checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name} in {checks:#?}"))
}

fn levels(checks: &[Check]) -> Vec<(&'static str, Level)> {
    let wrong = checks.iter().filter(|check| check.level != Level::Ok);
    wrong.map(|check| (check.name, check.level)).collect()
}

/// Every file of a home and what is in it.
fn bytes(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|e| (e.path().display().to_string(), fs::read(e.path()).unwrap())).collect()
}

#[test]
fn all_is_well_after_a_sync_and_nothing_is_changed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let before = bytes(alice.dir.path());
    let checks = doctor(&alice);
    assert_eq!(levels(&checks), [], "{checks:#?}");
    assert_eq!(doctor::worst(&checks), None);
    assert!(find(&checks, "letter").finding.ends_with("and back: authentic"));
    assert!(find(&checks, "published").finding.contains("https://host.example/alice.toml"));
    assert!(checks.iter().all(|check| check.fix.is_none()));
    assert_eq!(bytes(alice.dir.path()), before);
    // The letter has no effect on the next sync, of hers or of anybody else.
    for person in [&alice, &bob] {
        let report = person.sync();
        assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
    }
    assert_eq!(alice.list(None).len(), 3);
}

#[test]
fn to_a_relay_it_looks_like_two_syncs() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let relay = world.relay(RELAY);
    alice.sync();
    relay.lock().unwrap().posts.clear();
    alice.sync();
    alice.sync();
    let syncs = std::mem::take(&mut relay.lock().unwrap().posts);
    doctor(&alice);
    assert_eq!(relay.lock().unwrap().posts, syncs);
    assert_eq!(syncs.iter().map(|post| post.1).collect::<Vec<_>>(), [4, 4]);
    relay.lock().unwrap().posts.clear();
    let checks = alice.with(|env| doctor::examine(env, false));
    assert!(relay.lock().unwrap().posts.is_empty(), "offline");
    assert!(find(&checks, "letter").finding.contains("made and opened here: authentic"));
    assert!(checks.iter().all(|check| check.name != "node" && check.name != "published"));
}

#[test]
fn a_home_of_the_daily_class_posts_nothing() {
    let world = World::at("2026-11-22T14");
    let mut alice = Person::new(&world, "alice", 1, &[]);
    alice.config.class = Class::Daily;
    alice.publish();
    alice.sync();
    world.relay(RELAY).lock().unwrap().posts.clear();
    let checks = doctor(&alice);
    assert_eq!(levels(&checks), [], "{checks:#?}");
    assert!(world.relay(RELAY).lock().unwrap().posts.is_empty());
}

#[test]
fn a_directory_gives_the_letter_back() {
    let world = World::at("2026-11-22T14");
    let stick = tempfile::tempdir().unwrap();
    let mut alice =
        Person::new(&world, "alice", 1, &[&format!("file://{}", stick.path().display())]);
    alice.config.trust_clock = true;
    alice.sync();
    let checks = doctor(&alice);
    assert_eq!(levels(&checks), [], "{checks:#?}");
    assert!(find(&checks, "letter").finding.contains("file:///"));
    alice.config.trust_clock = false;
    let checks = doctor(&alice);
    assert_eq!(levels(&checks), [("clock", Level::Warn)]);
    assert!(find(&checks, "clock").fix.as_ref().unwrap().contains("# trust_clock = true"));
    fs::remove_dir_all(stick.path()).unwrap();
    let checks = doctor(&alice);
    assert_eq!(find(&checks, "node").level, Level::Fail);
    assert_eq!(doctor::worst(&checks), Some(Kind::Offline));
}

#[test]
fn nodes_in_trouble_clocks_and_cards_are_told_apart() {
    let world = World::at("2026-11-22T14");
    let other = "https://other.example";
    let alice = Person::new(&world, "alice", 1, &[RELAY, other]);
    alice.sync();
    world.relay(other).lock().unwrap().down = true;
    let checks = doctor(&alice);
    assert_eq!(levels(&checks), [("node", Level::Fail)], "{checks:#?}");
    assert_eq!(doctor::worst(&checks), Some(Kind::Offline));
    world.relay(other).lock().unwrap().down = false;
    world.relay(other).lock().unwrap().full = true;
    assert_eq!(levels(&doctor(&alice)), [("node", Level::Fail)]);
    world.relay(other).lock().unwrap().full = false;

    world.relay(other).lock().unwrap().skew = 2 * HOUR as i64;
    let checks = doctor(&alice);
    let expected = [("node", Level::Warn), ("clock", Level::Fail)];
    assert_eq!(levels(&checks), expected, "one of two is no majority: {checks:#?}");
    assert!(
        checks.iter().any(|check| check.finding.ends_with("its clock is 2h ahead of this one"))
    );
    assert!(find(&checks, "clock").finding.contains(other));
    world.relay(other).lock().unwrap().skew = 0;

    // The card at its address: none, another's, an older one, one that this home has not signed.
    let url = "https://host.example/alice.toml".to_owned();
    let put = |text: &str| {
        world.documents.lock().unwrap().insert(url.clone(), text.as_bytes().to_vec());
        let checks = doctor(&alice);
        let check = find(&checks, "published");
        (check.level, check.finding.clone(), doctor::worst(&checks))
    };
    let (now, bob) = (world.now(), Person::new(&world, "bob", 2, &[]));
    assert_eq!(put("no card").0, Level::Fail);
    assert!(put(bob.card().text()).1.contains("another's card"));
    let signed = |issued| alice.sign(|card| card.issued = issued);
    assert_eq!(put(signed(now - 60).text()).0, Level::Warn);
    let twin = put(signed(now + 60).text());
    assert_eq!((twin.0, twin.2), (Level::Fail, Some(Kind::Data)), "{}", twin.1);
    assert_eq!(put(alice.card().text()).0, Level::Ok);
}

/// Relays that say they have stored what they have not.
struct Swallowing;

struct Swallower(Time);

impl Courier for Swallower {
    fn post(&self, _: Bucket, _: &[u8]) -> Result<Heard, net::Error> {
        Ok(Heard { date: Some(self.0), trusted: true })
    }

    fn fetch(&self, _: Bucket, _: Prefix, _: u64) -> Result<Answer<Fetched>, net::Error> {
        let heard = Heard { date: Some(self.0), trusted: true };
        Ok(Answer { body: Fetched::Cells(Vec::new()), heard })
    }

    fn tidy(&self, _: Time) -> Result<(), net::Error> {
        Ok(())
    }
}

impl Network for Swallowing {
    fn courier(&self, _: &Address, _: &mut dyn Random) -> Result<Box<dyn Courier>, net::Error> {
        Ok(Box::new(Swallower(World::at("2026-11-22T14").now())))
    }

    fn document(
        &self,
        at: &Address,
        _: u64,
        _: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, net::Error> {
        let (node, doing) = (at.as_str().to_owned(), "fetching".to_owned());
        Err(net::Error { node, doing, cause: net::Cause::Absent, heard: Heard::default() })
    }

    fn put(&self, _: &Address, _: &[u8], _: &mut dyn Random) -> Result<Heard, net::Error> {
        Ok(Heard::default())
    }
}

#[test]
fn a_relay_that_swallows_is_found_out() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    alice.sync();
    let checks = alice.with(|env| {
        env.network = &Swallowing;
        doctor::examine(env, true)
    });
    let letter = find(&checks, "letter");
    assert_eq!(letter.level, Level::Fail, "{checks:#?}");
    assert!(letter.finding.contains("does not give it back"));
    assert_eq!(find(&checks, "node").level, Level::Ok);
}

#[test]
fn what_is_due_and_what_is_damaged_is_said_with_its_fix() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "waits");
    alice.sync();
    world.pass(4 * DAY);
    let checks = doctor(&alice);
    let wrong = levels(&checks);
    let late = ["sync", "outbox", "disclosed"].map(|name| (name, Level::Warn));
    assert_eq!(wrong, late, "{checks:#?}");
    assert!(find(&checks, "outbox").finding.contains("the oldest for 4d"));
    assert!(find(&checks, "sync").fix.as_ref().unwrap().contains("crontab"));
    world.pass(4 * DAY);
    assert_eq!(find(&doctor(&alice), "card").fix.as_deref(), Some("poste publish"));
    world.pass(32 * DAY);
    let checks = doctor(&alice);
    assert_eq!(find(&checks, "card").level, Level::Fail);
    assert!(find(&checks, "contacts").finding.ends_with(" bob"), "{checks:#?}");
    assert_eq!(doctor::worst(&checks), Some(Kind::Data), "the letter to herself has no day key");
    alice.sync();
    let outbox = find(&doctor(&alice), "outbox").clone();
    assert!(outbox.finding.contains("1 were given up after 30 days"), "{outbox:?}");

    let file = alice.places().contacts_dir().join("bob.toml");
    fs::write(&file, "no contact").unwrap();
    fs::write(alice.places().state().join(".new-1-1"), "").unwrap();
    let checks = alice.with(|env| doctor::examine(env, false));
    let files = find(&checks, "files");
    assert!(files.finding.contains(&file.display().to_string()), "{files:?}");
    assert_eq!(find(&checks, "leftovers").level, Level::Warn);
    assert_eq!(doctor::worst(&checks), Some(Kind::Data));
    assert!(checks.iter().all(|check| check.fix.is_some() == (check.level != Level::Ok)));
    drop(bob);
}

#[test]
fn status_tells_what_waits_what_is_due_and_who_contradicts() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let status = || alice.with(|env| poste::client::status::status(env)).unwrap();
    assert!(status().oldest.is_none() && !status().unpublished && status().missed == 0);
    assert_eq!(status().daily_done.as_deref(), Some("2026-11-22"));
    alice.send("bob", "waits");
    let written = world.now().minute();
    world.relay(RELAY).lock().unwrap().skew = HOUR as i64;
    world.pass(5 * HOUR);
    alice.sync();
    let now = status();
    assert_eq!((now.oldest, now.queued + now.posted), (Some(written), 1));
    assert_eq!(now.contradicting, [RELAY]);
    let mut progress = Progress::load(&alice.places()).unwrap();
    progress.published = Time::default();
    progress.save(&alice.places()).unwrap();
    assert!(status().unpublished);
    world.pass(5 * HOUR);
    assert!(status().missed >= 3, "{:?}", status().missed);
    let mut contact: Contact = alice.contact("bob");
    contact.blocked = true;
    contact.save(&alice.places()).unwrap();
    assert_eq!(find(&doctor(&alice), "contacts").level, Level::Ok);
}
