//! With a pace nothing that waits shows in what a sync posts: for ten thousand random situations the
//! plan asks for the same requests of the same sizes in the same order. A plan that gives a node
//! more than its slots, as the rule "at least the pace" did, is found out.
//! Specified in poste-protocol(7), A sync from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/dice.rs"]
mod dice;

use dice::Dice;
use poste::core::bucket::{Bucket, Class};
use poste::core::cell::Cell;
use poste::core::keys::Fingerprint;
use poste::core::plan::slots::{Rank, Slots, Visit, Waiting, instead, visits};
use poste::core::plan::{Node, uploads};
use poste::core::random::below;
use poste::core::time::{HOUR, Time};
use std::collections::BTreeSet;

/// What an observer sees of the uploads: node, bucket and bytes, in order.
type Trace = Vec<(String, String, usize)>;

/// What does not depend on mail: the relays, which of them fail, the time, the pace, whether it is
/// the daily exchange.
struct Settings {
    relays: Vec<String>,
    failing: BTreeSet<String>,
    now: Time,
    pace: usize,
    classes: Vec<Class>,
}

fn settings(dice: &mut Dice) -> Settings {
    let count = 1 + below(dice, 7);
    let daily = below(dice, 4) == 0;
    let hourly = below(dice, 5) > 0;
    let classes = [(Class::Hourly, hourly), (Class::Daily, daily || !hourly)];
    let relays: Vec<String> = (0..count).map(|at| format!("https://relay{at}.example")).collect();
    let mut failing = BTreeSet::from_iter(relays.clone());
    failing.retain(|_| below(dice, 6) == 0);
    Settings {
        relays,
        failing,
        now: Time::from_unix(1_795_305_600 + below(dice, 1000) * HOUR),
        pace: 4 + below(dice, 9) as usize,
        classes: classes.into_iter().filter(|(_, on)| *on).map(|(class, _)| class).collect(),
    }
}

/// What waits: nothing, one letter, a flood, a large attachment, acknowledgements, repetitions.
fn situation(dice: &mut Dice, settings: &Settings) -> Vec<(Rank, usize, Class, Vec<Node>, u64)> {
    let ranks: &[(Rank, u64, u64)] = match below(dice, 6) {
        0 => &[],
        1 => &[(Rank::Fresh, 1, 4)],
        2 => &[(Rank::Fresh, 60, 4), (Rank::Answer, 9, 1)],
        3 => &[(Rank::Enclosure, 2, 9000)],
        4 => &[(Rank::Answer, 30, 1), (Rank::Keys, 8, 3)],
        _ => {
            &[(Rank::Retry, 20, 4), (Rank::Daily, 20, 4), (Rank::Again, 9, 1), (Rank::Spare, 9, 2)]
        }
    };
    let mut all = Vec::new();
    for (rank, most, cells) in ranks {
        for _ in 0..1 + below(dice, *most) {
            let class = [Class::Hourly, Class::Daily][below(dice, 2) as usize];
            let cells = 1 + below(dice, *cells) as usize;
            // Some listen where nobody else does, and some at nodes that this sync does not visit.
            let node = |dice: &mut Dice| {
                let at = below(dice, settings.relays.len() as u64 + 1) as usize;
                let url = settings.relays.get(at).cloned();
                Node { url: url.unwrap_or("https://other.example".into()), directory: false }
            };
            let nodes = (0..1 + below(dice, 3)).map(|_| node(dice)).collect();
            all.push((*rank, cells, class, nodes, below(dice, 1_000_000)));
        }
    }
    all.sort_by_key(|(rank, _, _, _, since)| (*rank, *since));
    all
}

/// The trace of a sync. Relays that fail do so whatever is in their batch, and others are visited in
/// their place, by what waits still. `leaky` gives everything a place.
fn trace(settings: &Settings, dice: &mut Dice, waiting: bool, leaky: bool) -> Trace {
    let mut trace = Trace::new();
    let mut all = if waiting { situation(dice, settings) } else { Vec::new() };
    let mut round = visits(&settings.relays, &settings.classes, settings.now, (3, settings.pace));
    let mut fallen = BTreeSet::new();
    while !round.is_empty() {
        batches(settings, dice, &round, &mut all, leaky, &mut trace);
        let failed = |url: &&String| settings.failing.contains(*url) && !fallen.contains(*url);
        let visited = round.iter().flat_map(|visit| &visit.relays);
        let failed: BTreeSet<String> = visited.filter(failed).cloned().collect();
        fallen.extend(failed.iter().cloned());
        round = match failed.is_empty() {
            true => Vec::new(),
            false => instead(&round, &settings.relays, &failed, &fallen),
        };
    }
    trace
}

/// The batches of a round, in which what waits gets its places.
fn batches(
    settings: &Settings,
    dice: &mut Dice,
    round: &[Visit],
    all: &mut Vec<(Rank, usize, Class, Vec<Node>, u64)>,
    leaky: bool,
    trace: &mut Trace,
) {
    let mut slots = if leaky { Slots::unpaced() } else { Slots::paced(round) };
    let mut letters: Vec<(Class, String, Vec<Cell>)> = Vec::new();
    let mut number = 0;
    all.retain(|(rank, cells, class, nodes, _)| {
        number += 1;
        let to = Fingerprint::from([number; 32]);
        let waiting = Waiting { to, rank: *rank, class: *class, cells: *cells, nodes };
        let places = slots.place(&waiting);
        let taken: usize = places.iter().map(|place| place.cells).sum();
        assert!(taken <= *cells && (*rank == Rank::Enclosure || [0, *cells].contains(&taken)));
        let fails = places.iter().any(|place| settings.failing.contains(&place.node));
        letters.extend(places.into_iter().map(|p| (p.class, p.node, vec![[7; 4096]; p.cells])));
        taken == 0 || fails
    });
    for visit in round {
        let bucket = Bucket::at(visit.class, settings.now);
        let here = letters.iter().filter(|(of, _, _)| *of == visit.class);
        let here = here.map(|(_, node, cells)| (node.clone(), cells.clone())).collect();
        for post in uploads(bucket, here, &visit.relays, visit.cells, &[], dice) {
            trace.push((post.node, post.bucket.to_string(), post.cells.as_flattened().len()));
        }
    }
}

#[test]
fn ten_thousand_situations_look_alike() {
    let mut placed = 0;
    for seed in 0..10_000 {
        let settings = settings(&mut Dice(seed));
        let idle = trace(&settings, &mut Dice(seed), false, false);
        let busy = trace(&settings, &mut Dice(seed ^ 0xffff_0000), true, false);
        assert_eq!(idle, busy, "seed {seed}");
        placed += idle.len();
    }
    assert!(placed > 20_000, "{placed}");
}

#[test]
fn a_plan_that_posts_what_waits_is_found_out() {
    let differs = (0..1000).filter(|seed| {
        let settings = settings(&mut Dice(*seed));
        let idle = trace(&settings, &mut Dice(*seed), false, true);
        idle != trace(&settings, &mut Dice(seed ^ 0xffff_0000), true, true)
    });
    let found = differs.count();
    assert!(found > 600, "{found} of 1000");
}
