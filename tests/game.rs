//! The game of deniability: whoever is given a message, knowing half of the tree with the truth,
//! and has to say whether it came or was made up, does no better than by tossing a coin. Texts and
//! times are drawn alike for both; everything else is as the program makes it. As controls the same
//! classifiers are given forgeries with a planted difference, and find it (poste-deniability(7)).
//!
//! Not in the game is what a seized machine has beside its files: change times, numbers of inodes
//! and the order of directories say what was written when, and the page says that they can tell.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "trial/classify.rs"]
mod classify;
#[path = "trial/features.rs"]
mod features;
#[path = "trial/past.rs"]
mod past;
#[path = "trial/texts.rs"]
mod texts;
mod world;

use classify::{Sample, accuracies};
use features::{Found, all, form, stanzas};
use past::{Past, Way, plan};
use poste::core::filed::Filed;
use poste::core::mail::fields;
use poste::core::random::shuffle;
use poste::core::time::{DAY, Time};
use std::collections::BTreeSet;
use std::path::PathBuf;
use world::{Dice, World};

/// Mornings and evenings, and messages in each, of what came and of what never did.
const DAYS: u64 = 12;
const EACH: u64 = 70;
/// The best that a classifier may do. With 1,680 answers a coin does better once in 50,000 games,
/// and the game is always the same one: all that is drawn is drawn from fixed seeds, but for the
/// lengths that the `age` crate draws, which the blind trial compares.
const MOST: f64 = 0.55;

#[test]
fn no_classifier_tells_what_came_from_what_was_made_up() {
    let world = World::at("2026-11-22T14");
    let mut past = Past::new(&world, false);
    let start = world.now().day().plus(1).start();
    past.live(&plan(start, DAYS, EACH, 1_000_000));
    let genuine: BTreeSet<PathBuf> = past.arrived().into_iter().map(PathBuf::from).collect();
    let disclosed = past.public("alice").disclosed.unwrap().date;
    let disclosed = disclosed.min(past.public("bob").disclosed.unwrap().date);
    let ways = plan(start, DAYS, EACH, 2_000_000).into_iter().map(|plan| {
        let is_public = plan.date.day() <= disclosed;
        (plan, if is_public && plan.number % 2 == 0 { Way::Third } else { Way::Forge })
    });
    past.forge(&ways.collect::<Vec<_>>());
    let made: BTreeSet<PathBuf> = past.arrived().into_iter().map(PathBuf::from).collect();
    assert_eq!((genuine.len(), made.len()), (1680, 1680));

    let tree: Vec<Found> = all(&past.bob)
        .into_iter()
        .filter(|found| genuine.contains(&found.path) || made.contains(&found.path))
        .collect();
    let is_genuine = |found: &Found| genuine.contains(&found.path);
    let played = play(&tree, start, &is_genuine, &|_| {});
    assert!(played.iter().all(|(_, share)| *share <= MOST), "{played:?}");

    // What a classifier must find, if it finds anything.
    let header = |sample: &mut Sample| {
        let at = sample.bytes.windows(2).position(|w| w == b"\n\n").unwrap();
        sample.bytes.splice(at..at, *b"\nX-Draft: 1");
    };
    let found = play(&tree, start, &is_genuine, &header);
    assert!(best(&found[..3]) > 0.85, "a header of its own: {found:?}");
    let seconds = |sample: &mut Sample| {
        let seconds = sample.bytes.len() % 60;
        sample.numbers[SECONDS] = seconds as f64;
    };
    let found = play(&tree, start, &is_genuine, &seconds);
    assert!(best(&found[3..]) > 0.95, "seconds: {found:?}");
    let length = |sample: &mut Sample| sample.numbers[LENGTH] += 400.0;
    let found = play(&tree, start, &is_genuine, &length);
    assert!(best(&found[3..]) > 0.55, "a longer seal: {found:?}");
}

fn best(played: &[(&'static str, f64)]) -> f64 {
    played.iter().map(|(_, share)| *share).fold(0.0, f64::max)
}

/// One game, with `plant` done to each forged message.
fn play(
    tree: &[Found],
    start: Time,
    is_genuine: &dyn Fn(&Found) -> bool,
    plant: &dyn Fn(&mut Sample),
) -> Vec<(&'static str, f64)> {
    let mut samples: Vec<Sample> = (0..tree.len())
        .map(|at| {
            let mut sample = sample(tree, at, start, is_genuine(&tree[at]));
            if !sample.genuine {
                plant(&mut sample);
            }
            sample
        })
        .collect();
    shuffle(&mut Dice(4), &mut samples);
    let test = samples.split_off(samples.len() / 2);
    accuracies(&samples, &test)
}

/// Bytes of a message that are looked at one by one: the rest of a long one is its attachment.
const SEEN: usize = 2000;
/// Where in the numbers these are.
const SECONDS: usize = 2;
const LENGTH: usize = 3;

/// What is seen of the message at that place of the tree, which is in the order of dates.
fn sample(tree: &[Found], at: usize, start: Time, genuine: bool) -> Sample {
    let found = &tree[at];
    let filed = Filed::read(&found.filed).unwrap();
    let (date, day) = (filed.head.date, filed.head.day);
    let parts = fields::split(&found.filed).unwrap();
    let near = |other: Option<&Found>| {
        other.map_or(0, |other| other.name.time().unix().abs_diff(date.unix())) as f64
    };
    let count = |byte: u8| found.filed.iter().filter(|b| **b == byte).count() as f64;
    let unique = u64::from_str_radix(&found.name.unique(), 16).unwrap();
    let numbers = vec![
        date.since(start) as f64 / DAY as f64,
        (date.unix() % DAY / 60) as f64,
        (date.unix() % 60) as f64,
        stanzas(&found.sealed).1 as f64,
        found.filed.len() as f64,
        parts.fields.len() as f64,
        (found.filed.len() - parts.body.len()) as f64,
        count(b'\n'),
        near(at.checked_sub(1).and_then(|before| tree.get(before))),
        near(tree.get(at + 1)),
        day.days_since(date.day()) as f64,
        (unique >> 32) as f64,
        (date.unix() / DAY % 7) as f64,
    ];
    let mut bytes = form(&found.filed);
    bytes.truncate(SEEN);
    Sample { bytes, numbers, genuine }
}
