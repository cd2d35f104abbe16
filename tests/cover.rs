//! Cover conversations: a simulated week between thirty people, in which real letters all arrive,
//! nothing of the others is visible anywhere, and the budget holds; and the trace of every sync,
//! which is the same with them and real mail as without (poste-protocol(7), Cover conversations).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
mod world;

use poste::client::{cover, outbox};
use poste::core::bucket::CELL;
use poste::core::random::below;
use poste::core::talk::MOST_A_DAY;
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::cover::Cover;
use poste::store::outbox::State;
use programs::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use world::{Dice, Person, World};

const NAMES: [&str; 30] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "lena", "mike", "nina", "oscar", "peggy", "quinn", "rupert", "sybil", "trent", "ursula",
    "victor", "walter", "xenia", "yvonne", "zoe", "adam", "berta", "clara", "doris",
];
const RELAYS: [&str; 3] = ["https://r1.example", "https://r2.example", "https://r3.example"];
/// A piece of every word of the text that the letters of cover conversations have here.
const MARK: &str = "quibblezorg";
const BUDGET: u64 = 60 * CELL as u64;

/// Somebody with an identity host, who takes part or not.
fn person<'w>(
    world: &'w World,
    name: &str,
    seed: u64,
    nodes: &[&str],
    (on, pace): (bool, u16),
) -> Person<'w> {
    let mut person = Person::new(world, name, seed, nodes);
    person.config.pace = pace;
    let host = "https://id.example/id/";
    person.config.urls = vec![host.parse().unwrap()];
    person.config.publish = vec![poste::store::config::Target::Put(host.parse().unwrap())];
    person.config.cover = on;
    person.config.cover_budget = BUDGET;
    person.publish();
    person
}

fn state(person: &Person<'_>) -> Cover {
    Cover::load(&person.places()).unwrap()
}

/// Letters between friends, of words that nothing else has.
fn strange_text(dir: &Path) -> PathBuf {
    let mut dice = Dice(9);
    let mut text = String::new();
    for _ in 0..40 {
        let words = 10 + below(&mut dice, 60);
        let word = |_| format!("{MARK}{} ", below(&mut dice, 200));
        text += &(0..words).map(word).collect::<String>();
        text += "\n\n";
    }
    let path = dir.join("text.txt");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_week_of_thirty_people() {
    let world = World::at("2026-11-02T00");
    let dir = tempfile::tempdir().unwrap();
    let text = strange_text(dir.path());
    let people: Vec<Person<'_>> = NAMES
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let nodes = [RELAYS[at % 3], RELAYS[(at + 1) % 3]];
            let mut person = person(&world, name, 1000 + at as u64, &nodes, (true, 4));
            person.config.cover_text = Some(text.clone());
            person
        })
        .collect();
    let after = |who: usize| (who + 1) % people.len();
    for who in 0..people.len() {
        people[who].add(NAMES[after(who)], &people[after(who)]);
        people[who].send(NAMES[after(who)], &format!("first letter to {}", NAMES[after(who)]));
    }
    let mut dice = Dice(5);
    let mut written = people.len();
    let mut spent: BTreeMap<(usize, String), (u32, u64)> = BTreeMap::new();
    let (mut both, mut begun, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for hour in 0..24 * 9 {
        world.pass(HOUR - world.now().unix() % HOUR + 11 * MINUTE);
        for (who, person) in people.iter().enumerate() {
            if !person.list(Some("requests")).is_empty() {
                let before = (who + people.len() - 1) % people.len();
                person.accept(NAMES[before]);
            }
            let knows_back = hour > 24 && below(&mut dice, 30) == 0;
            if hour < 24 * 7 && knows_back {
                let to = if below(&mut dice, 2) == 0 { after(who) } else { (who + 29) % 30 };
                person.send(NAMES[to], &format!("letter {written}"));
                written += 1;
            }
            world.pass(below(&mut dice, 40));
            person.sync();
            let cover = state(person);
            let (letters, bytes) = cover.spent(world.now());
            assert!(letters <= MOST_A_DAY && bytes <= BUDGET, "{}: {cover:?}", NAMES[who]);
            spent.insert((who, world.now().day().to_string()), (letters, bytes));
            for talk in &cover.talk {
                let known = if talk.begun { &mut begun } else { &mut taken };
                known.insert((who, talk.with));
                if talk.begun && talk.heard.unix() > 0 {
                    both.insert((who, talk.with));
                }
            }
        }
    }
    let letters: u32 = spent.values().map(|(letters, _)| letters).sum();
    let most = spent.values().map(|(_, bytes)| bytes / CELL as u64).max().unwrap();
    println!(
        "{written} real letters; {letters} of cover in {} conversations begun and {} taken, {} \
         two-sided; at most {most} cells on a day",
        begun.len(),
        taken.len(),
        both.len()
    );
    assert!(both.len() > 30 && letters > 1000, "{} of {}, {letters}", both.len(), begun.len());

    // Real letters all arrive, once, and nothing else does.
    let filed: usize = people.iter().map(|person| person.list(None).len()).sum();
    assert_eq!(filed, 2 * written, "each with the one who wrote it and the one who got it");
    for (who, person) in people.iter().enumerate() {
        let done = |row: &outbox::Row| row.state == State::Acknowledged;
        assert!(person.outbox().iter().all(done), "{}: {:?}", NAMES[who], person.outbox());
        assert!(person.list(Some("requests")).is_empty());
        invisible(person);
    }
}

/// Nothing of a cover conversation is anywhere in a home, sealed or opened, nor in what the program
/// says of it.
fn invisible(person: &Person<'_>) {
    let mut files = Vec::new();
    walk(&person.dir.path().join("home"), &mut files);
    for path in &files {
        let bytes = fs::read(path).unwrap();
        assert!(!holds(&bytes), "{}", path.display());
    }
    assert!(files.iter().any(|path| path.ends_with("state/cover.toml")));
    let peers = person.places().state().join("peers");
    assert_eq!(fs::read_dir(peers).unwrap().count(), 2, "two friends, and nobody else");
    assert_eq!(fs::read_dir(person.places().contacts_dir()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(person.places().requests_dir()).unwrap().count(), 0);
    let home = Home { dir: person.dir.path().join("home") };
    let paths = home.ok(&["list"]);
    let mut show = vec!["show"];
    show.extend(paths.lines());
    for args in [
        &show[..],
        &["list", "-l"],
        &["contacts"],
        &["status"],
        &["status", "--json"],
        &["outbox"],
        &["quarantine"],
        &["export", "--plain", "-o", "-"],
        &["export", "-o", "-"],
    ] {
        let output = home.run(args, b"");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!holds(&output.stdout) && !holds(&output.stderr), "{args:?}");
    }
    assert!(home.run(&["status"], b"").stdout.len() > 100);
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes())
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// Two days of six people: what each sync asks and posts, and the letters of cover; with real mail
/// to the next one or without.
fn traces(on: bool, pace: u16, mail: bool) -> (Vec<Vec<String>>, u32) {
    let world = World::at("2026-11-02T06");
    let people: Vec<Person<'_>> =
        (0..6).map(|at| person(&world, NAMES[at], at as u64, &RELAYS[..2], (on, pace))).collect();
    for (at, person) in people.iter().enumerate() {
        person.add(NAMES[(at + 1) % 6], &people[(at + 1) % 6]);
    }
    let mut all = Vec::new();
    let mut letters = 0;
    for hour in 0..48 {
        world.pass(HOUR);
        for (at, person) in people.iter().enumerate() {
            // Not before the first sync, which draws when the daily exchange is.
            if mail && hour > 0 && (hour + at) % 3 == 0 {
                person.send(NAMES[(at + 1) % 6], &"words ".repeat(hour * 20));
            }
            world.trace.lock().unwrap().clear();
            person.sync();
            all.push(world.trace.lock().unwrap().clone());
            letters += state(person).letters;
        }
    }
    (all, letters)
}

#[test]
fn a_sync_asks_and_posts_the_same_with_and_without() {
    let ((without, none), (with, some)) = (traces(false, 4, false), traces(true, 4, true));
    assert_eq!(none, 0);
    assert!(some > 0, "somebody has written something");
    let mut asked = 0;
    for (without, with) in without.iter().zip(&with) {
        let volunteers = |line: &&String| line.starts_with("GET https://id.example/");
        // Cards are asked for in the daily exchange, and after that whoever volunteers.
        let (own, all) =
            (without.iter().filter(volunteers).count(), with.iter().filter(volunteers).count());
        asked += usize::from(all > own);
        assert!(all == own || own > 0 && all == own + 1 + 4, "{with:#?}");
        // The card is one byte longer that says `false`.
        let size = |line: &String| match line.starts_with("PUT ") {
            true => line.rsplit_once(' ').unwrap().0.to_owned(),
            false => line.clone(),
        };
        let rest = |trace: &[String]| -> Vec<String> {
            trace.iter().filter(|line| !volunteers(line)).map(size).collect()
        };
        assert_eq!(rest(without), rest(with));
    }
    assert_eq!(asked, 6 * 2, "once a day each");
}

#[test]
fn without_a_pace_there_is_none() {
    let ((without, _), (with, letters)) = (traces(false, 0, false), traces(true, 0, false));
    assert_eq!(letters, 0);
    assert!(without == with, "the very same requests");
}

#[test]
fn a_home_that_takes_no_part_forgets() {
    let world = World::at("2026-11-02T06");
    let mut people: Vec<Person<'_>> =
        (0..4).map(|at| person(&world, NAMES[at], at as u64, &[], (true, 4))).collect();
    while people.iter().any(|person| state(person).talk.is_empty()) {
        world.pass(HOUR);
        assert!(world.now().unix() < 1_793_600_000 + 6 * DAY, "nobody talks");
        people.iter().for_each(|person| drop(person.sync()));
    }
    let alice = &mut people[0];
    assert!(alice.with(|env| cover::status(env)).unwrap().conversations > 0);
    let spent = state(alice).spent(world.now());
    alice.with(|env| cover::switch(env, false)).unwrap();
    let left = state(alice);
    assert!(left.talk.is_empty() && left.volunteers.is_empty());
    assert_eq!(left.spent(world.now()), spent, "the day's budget is not had twice");
    alice.config.cover = false;
    alice.publish();
    assert!(!alice.card().card.cover);
    for _ in 0..10 {
        world.pass(HOUR);
        people.iter().for_each(|person| drop(person.sync()));
    }
    assert_eq!(state(&people[0]), left);
}
