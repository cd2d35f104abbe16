//! A month in the life of twenty people: laptops that sleep, one away for 20 days,
//! one restored from a backup 10 days old, relays that lose a third of the cells, repeat, reorder,
//! refuse and die. Every letter comes exactly once (`month/ledger.rs` says what that means for a
//! restored disk), and after some quiet days no outbox holds anything.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "month/habit.rs"]
mod habit;
#[path = "month/ledger.rs"]
mod ledger;
#[path = "month/town.rs"]
mod town;
mod world;

use habit::Habit;
use poste::core::bucket::Class;
use poste::core::random::below;
use std::time::Instant;
use town::{NAMES, Town};
use world::faults::Faults;
use world::{Dice, World};

const HABITS: [Habit; 20] = [
    Habit::Server,
    Habit::Keen,
    Habit::Office,
    Habit::Evening,
    Habit::Away(4, 24),
    Habit::Office,
    Habit::Hourly,
    Habit::Evening,
    Habit::Sleeper,
    Habit::Office,
    Habit::Office,
    Habit::Evening,
    Habit::Office,
    Habit::Evening,
    Habit::Office,
    Habit::Office,
    Habit::Sleeper,
    Habit::Evening,
    Habit::Hourly,
    Habit::Keen,
];
/// Whose disk is replaced by a copy 10 days old.
const RESTORED: usize = 5;
/// Who listens once a day.
const DAILY: usize = 6;
/// Days without new letters at most, until all have been acknowledged.
const QUIET: u64 = 21;

#[test]
fn a_month_of_twenty_people() {
    println!("{}", month(1, &HABITS, 30));
}

#[test]
#[ignore = "many minutes: make soak"]
fn soak_months_of_twenty_people() {
    for seed in 2..6 {
        println!("{}", month(seed, &HABITS, 30));
    }
}

/// Two whose machines are never on at the same time, so that only daily buckets join them.
#[test]
fn people_who_are_never_awake_together_acknowledge_by_the_daily_class() {
    let world = World::at("2026-11-02T00");
    let relays = relays(&world, 7);
    for url in &relays {
        world.relay(url).lock().unwrap().faults = Faults::default();
    }
    let mut town = Town::new(&world, 7, &[Habit::Evening, Habit::Office], &relays);
    town.people[0].to_meet.insert(1);
    town.people[1].to_meet.insert(0);
    town.writing = false;
    for _ in 0..48 * 9 {
        town.half_hour();
    }
    assert_eq!(town.ledger.letters.len(), 2);
    verify(&town, 8);
}

/// Lives through so many days and the quiet ones after them; gives the figures.
fn month(seed: u64, habits: &[Habit], days: u64) -> String {
    let began = Instant::now();
    let world = World::at("2026-11-02T00");
    let relays = relays(&world, seed);
    let mut town = Town::new(&world, seed, habits, &relays);
    town.people[DAILY].person.config.class = Class::Daily;
    town.people[DAILY].person.publish();
    make_friends(&mut town);
    let mut backup = None;
    let quiet = loop {
        let today = town.day();
        weather(&town, &relays);
        if today == days {
            town.writing = false;
        }
        for _ in 0..48 {
            town.half_hour();
        }
        match today {
            8 => backup = Some(town.back_up(RESTORED)),
            18 => town.restore(RESTORED, &backup.take().unwrap()),
            3..22 if !today.is_multiple_of(3) => strangers_meet(&mut town),
            _ => {}
        }
        let quiet = (today + 1).saturating_sub(days);
        if quiet > 0 && (town.waiting().is_empty() || quiet == QUIET) {
            break quiet;
        }
    };
    verify(&town, quiet);
    let count = town.count();
    let figures = &town.figures;
    format!(
        "seed {seed}: {} letters in {days} days, none on its way after {quiet} quiet ones\n\
         {} attempts in {} syncs, {} cells posted, {} fetched, in {:.1} s\n{count:?}\n{:#?}",
        town.ledger.letters.len(),
        figures.attempts,
        figures.syncs,
        figures.posted,
        figures.fetched,
        began.elapsed().as_secs_f64(),
        figures.errors,
    )
}

/// Six relays, each with vices of its own.
fn relays(world: &World, seed: u64) -> Vec<String> {
    let faults = |at: u64| {
        let usual = Faults {
            dice: Dice(seed ^ at << 32),
            doubled: 5,
            refused: 3,
            unanswered: 3,
            ..Faults::default()
        };
        match at {
            0 | 1 => Faults { lost: 30, ..usual },
            2 => Faults { lost: 30, cut: 10, ..usual },
            3 => Faults { lost: 20, missing: 15, shuffled: true, ..usual },
            4 => Faults { lost: 20, missing: 15, replayed: 30, ..usual },
            _ => Faults { missing: 30, shuffled: true, ..usual },
        }
    };
    (0..6)
        .map(|at| {
            let url = format!("https://relay{at}.example");
            world.relay(&url).lock().unwrap().faults = faults(at);
            url
        })
        .collect()
}

/// Relays die for days, one after the other, and the host of the cards too.
fn weather(town: &Town<'_>, relays: &[String]) {
    let today = town.day();
    let down = [5..8, 9..13, 12..14, 15..20, 21..22, 23..27];
    for (url, down) in relays.iter().zip(&down) {
        let relay = town.world.relay(url);
        let mut relay = relay.lock().unwrap();
        match down.contains(&today) {
            true => relay.die(),
            false => relay.down = false,
        }
    }
    town.world.documents_down.set(matches!(today, 7 | 16..18));
}

/// Everybody knows their neighbours and a few others, and has never written to them.
fn make_friends(town: &mut Town<'_>) {
    let all = town.people.len();
    for who in 0..all {
        let far = below(&mut town.dice, all as u64 - 1) as usize + 1;
        for other in [(who + 1) % all, (who + 2) % all, (who + far) % all] {
            town.people[who].to_meet.insert(other);
            town.people[other].to_meet.insert(who);
        }
    }
}

/// Two people who have never heard of each other meet: both add the other at once, or one does.
fn strangers_meet(town: &mut Town<'_>) {
    let all = town.people.len() as u64;
    let mut draw = || below(&mut town.dice, all) as usize;
    let (one, other) = (draw(), draw());
    let both = below(&mut town.dice, 2) == 0;
    if one == other || town.people[one].knows.contains(&other) {
        return;
    }
    town.people[one].to_meet.insert(other);
    if both {
        town.people[other].to_meet.insert(one);
    }
}

fn verify(town: &Town<'_>, quiet: u64) {
    let shelves = town.shelves();
    let wrong = town.ledger.wrong(&shelves);
    let waiting = town.waiting();
    let mut text = String::new();
    for (number, what) in wrong.iter().take(3) {
        text += &format!("{what}: {}", town.history(*number));
    }
    for (who, id) in waiting.iter().take(3) {
        let line = town.people[*who].diary.iter().find(|line| line.ends_with(id.as_str()));
        let number = line.and_then(|line| {
            line.split(" letter ").nth(1)?.split(' ').next()?.parse::<usize>().ok()
        });
        text += &format!("{} still has {id}\n", NAMES[*who]);
        text += &number.map(|number| town.history(number)).unwrap_or_default();
    }
    for (who, someone) in town.people.iter().enumerate() {
        let quarantined = someone.person.list(Some("quarantine")).len();
        if quarantined > 0 {
            text += &format!("{} has {quarantined} letters in quarantine\n", NAMES[who]);
        }
    }
    assert!(
        text.is_empty(),
        "seed {}: {} letters wrong, {} on their way after {quiet} quiet days\n{text}\n{:#?}",
        town.seed,
        wrong.len(),
        waiting.len(),
        town.figures,
    );
}
