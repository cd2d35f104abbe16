//! Whole syncs in a world that records every request: with a pace they are the same, in method,
//! node, path, bytes and order, whatever waits to be posted and whatever came, as long as nodes
//! answer the same. A sync without pace, and one with a cell more, are found out.
//! Specified in poste-protocol(7), A sync from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::queue;
use poste::client::sync::Options;
use poste::core::bucket::Class;
use poste::core::random::below;
use poste::core::time::{DAY, MINUTE};
use std::cell::{Cell, RefCell};
use std::path::Path;
use world::film::NOW;
use world::{Dice, Person, RELAY, World, petname, scratch};

const SECOND: &str = "https://second.example";
const THIRD: &str = "https://third.example";
const FOURTH: &str = "https://fourth.example";
/// Minutes between the syncs of a history: twice an hour, over a night, over days until letters
/// have fallen back and cards are due to be looked at.
const PAUSES: [u64; 10] = [30, 30, 60, 8 * 60, 30, 15 * 60, 24 * 60, 30 * 60, 30, 24 * 60];

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir(&target).unwrap();
            let mode = entry.metadata().unwrap().permissions();
            std::fs::set_permissions(&target, mode).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Somebody as they were, in another world.
fn again<'w>(world: &'w World, person: &Person<'_>, seed: u64) -> Person<'w> {
    let dir = scratch();
    copy(&person.dir.path().join("home"), &dir.path().join("home"));
    Person {
        world,
        dir,
        config: person.config.clone(),
        dice: RefCell::new(Dice(seed)),
        warnings: RefCell::default(),
        skew: Cell::new(0),
    }
}

/// Alice, who knows bob and has written to carol, who has not answered.
fn people(world: &World, class: Class) -> [Person<'_>; 3] {
    let mut alice = Person::new(world, "alice", 1, &[RELAY, SECOND]);
    alice.config.class = class;
    alice.publish();
    let bob = Person::new(world, "bob", 2, &[RELAY, THIRD]);
    let carol = Person::new(world, "carol", 3, &[FOURTH]);
    for (one, name, other) in [(&alice, "bob", &bob), (&bob, "alice", &alice)] {
        one.add(name, other);
        one.send(name, "hello");
    }
    alice.add("carol", &carol);
    for _ in 0..4 {
        for person in [&bob, &alice] {
            person.sync_with(&Options { daily: true, ..NOW });
        }
        world.pass(DAY);
    }
    bob.publish();
    alice.publish();
    [alice, bob, carol]
}

/// What happens between two syncs of alice's.
fn act(dice: &mut Dice, alice: &Person<'_>, bob: &Person<'_>, carol: &Person<'_>) {
    let text = |length: u64| "x".repeat(length as usize);
    let send = |to: &str, length: u64, daily: bool| {
        let mail = format!("Subject: x\n\n{}\n", text(length));
        alice.with(|env| queue::send(env, &[petname(to)], mail.as_bytes(), daily)).unwrap();
    };
    for _ in 0..below(dice, 3) {
        match below(dice, 8) {
            0 => send("bob", 10, false),
            1 => (0..15).for_each(|_| send("bob", 3000, false)),
            2 => send("bob", 120_000, false),
            3 => send("carol", 500, false),
            4 => send("carol", 40_000, true),
            5 => {
                bob.send("alice", &text(200));
                bob.sync_with(&NOW);
            }
            6 => {
                (0..5).for_each(|_| bob.send("alice", &text(2000)));
                bob.sync_with(&Options { daily: true, ..NOW });
            }
            _ => drop(carol.sync_with(&NOW)),
        }
    }
}

/// The traces of ten syncs in a row. `weather` decides how nodes answer, `seed` what is written; no
/// seed is a home at which nothing happens.
fn history(
    base: (&World, &[Person<'_>; 3]),
    weather: u64,
    seed: Option<u64>,
    leak: &dyn Fn(usize, &mut Person<'_>) -> Options,
) -> Vec<Vec<String>> {
    let (old, [alice, bob, carol]) = base;
    let world = World::at("2026-11-01T00");
    world.pass(old.now().since(world.now()));
    *world.documents.lock().unwrap() = old.documents.lock().unwrap().clone();
    let salt = seed.unwrap_or_default();
    let mut alice = again(&world, alice, salt);
    let (bob, carol) = (again(&world, bob, !salt), again(&world, carol, salt << 32));
    let mut dice = Dice(salt);
    let mut traces = Vec::new();
    for (at, pause) in PAUSES.iter().enumerate() {
        if seed.is_some() {
            act(&mut dice, &alice, &bob, &carol);
        }
        let bad = |relay: &str, change: &dyn Fn(&mut world::Relay, bool)| {
            let on = below(&mut Dice(weather ^ (at as u64) << 8 ^ relay.len() as u64), 3) == 0;
            change(&mut world.relay(relay).lock().unwrap(), weather > 0 && on);
        };
        for relay in [RELAY, SECOND, THIRD, FOURTH] {
            bad(relay, &|relay, on| match weather % 2 {
                0 => relay.full = on,
                _ => relay.down = on,
            });
        }
        let options = leak(at, &mut alice);
        world.trace.lock().unwrap().clear();
        alice.sync_with(&options);
        traces.push(std::mem::take(&mut *world.trace.lock().unwrap()));
        for relay in [RELAY, SECOND, THIRD, FOURTH] {
            let relay = world.relay(relay);
            let mut relay = relay.lock().unwrap();
            (relay.full, relay.down) = (false, false);
        }
        world.pass(pause * MINUTE);
    }
    traces
}

fn usual(at: usize, _: &mut Person<'_>) -> Options {
    // Once the daily exchange is asked for.
    Options { daily: at == 2, ..Options::default() }
}

#[test]
fn three_hundred_syncs_look_as_if_nothing_happened() {
    for class in [Class::Hourly, Class::Daily] {
        let world = World::at("2026-11-01T00");
        let people = people(&world, class);
        for weather in 0..5 {
            let idle = history((&world, &people), weather, None, &usual);
            assert!(idle.iter().flatten().any(|line| line.contains("POST")), "{idle:#?}");
            let hourly = idle.iter().flatten().any(|line| line.contains("/hourly/"));
            assert_eq!(hourly, class == Class::Hourly, "the daily class does the exchange alone");
            for seed in 1..4 {
                let seed = seed + 10 * weather;
                let busy = history((&world, &people), weather, Some(seed), &usual);
                for (at, (idle, busy)) in idle.iter().zip(&busy).enumerate() {
                    assert_eq!(idle, busy, "{class:?}, weather {weather}, seed {seed}, sync {at}");
                }
            }
        }
    }
}

#[test]
fn a_sync_that_posts_more_or_less_is_found_out() {
    let world = World::at("2026-11-01T00");
    let people = people(&world, Class::Hourly);
    let idle = history((&world, &people), 0, None, &usual);
    let now = history((&world, &people), 0, Some(3), &|_, _| NOW);
    assert_ne!(idle, now);
    let one_more = history((&world, &people), 0, None, &|at, alice| {
        alice.config.pace = if at == 4 { 5 } else { 4 };
        usual(at, alice)
    });
    assert_ne!(idle, one_more);
}

#[test]
fn uploads_begin_when_a_pause_is_over_and_all_is_made() {
    let world = World::at("2026-11-01T00");
    let people = people(&world, Class::Hourly);
    for trace in history((&world, &people), 0, Some(5), &usual) {
        let first = trace.iter().position(|line| line.starts_with("POST ")).unwrap();
        assert_eq!(trace[first - 1], "still", "{trace:#?}");
        assert!(trace[..first - 1].iter().all(|line| line.starts_with("GET ")), "{trace:#?}");
        assert!(trace[first..].iter().all(|line| !line.starts_with("GET ")), "{trace:#?}");
    }
}
