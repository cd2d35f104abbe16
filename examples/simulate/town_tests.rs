//! The town against closed forms, and against a count that takes no short cut.

use super::*;
use std::collections::BTreeMap;

const RHYTHM: Rhythm = Rhythm { pace: 4, visits: 3, syncs: 2 };

#[test]
fn the_usual_rhythm_is_that_of_the_configuration() {
    let usual = Rhythm::usual();
    assert_eq!((usual.pace, usual.visits, usual.syncs), (4, 3, 2));
    assert_eq!(usual.cells_a_day(3), 624);
}

#[test]
fn a_town_has_the_means_of_its_closed_form() {
    let town = Town { people: 20_000, nodes: 30, seed: 7 };
    let found = figures(&town, &RHYTHM);
    let cells = 20_000.0 * 4.0 * 3.0 * 2.0 / 30.0;
    assert!((found.cells / cells - 1.0).abs() < 0.01, "{} {cells}", found.cells);
    for digits in 0..4 {
        let shard = cells / 16f64.powi(digits as i32);
        let down = 2.0 * 4096.0 * shard * (24.0 * 2.0 + 2.0);
        assert!((found.down[digits] / down - 1.0).abs() < 0.02, "{digits}: {}", found.down[digits]);
        let out = down * 20_000.0 / 30.0 / 24.0;
        assert!((found.out[digits] / out - 1.0).abs() < 0.02, "{digits}: {}", found.out[digits]);
        // A person's crowd is the person and a Poisson number of others.
        let others = 2.0 * 20_000.0 / 30.0 / 16f64.powi(digits as i32);
        let [median, least] = [0.5, 0.01].map(|share| 1.0 + poisson_quantile(others, share));
        if digits > 0 {
            assert!((found.crowd[digits].median - median).abs() <= 1.0 + 0.03 * median);
            assert!((found.crowd[digits].least - least).abs() <= 2.0 + 0.05 * least);
        }
    }
    assert!((found.store / (2.0 * cells * 3.0 * 4096.0) - 1.0).abs() < 0.01);
}

#[test]
fn nodes_that_are_not_looked_at_make_no_difference() {
    let [all, some] =
        [60, 640].map(|nodes| figures(&Town { people: 100 * nodes, nodes, seed: 3 }, &RHYTHM));
    assert!((all.cells / some.cells - 1.0).abs() < 0.03, "{} {}", all.cells, some.cells);
    assert!((all.down[1] / some.down[1] - 1.0).abs() < 0.05);
}

/// Bob fetches for a day what everybody posts, each at the moments of the crontab.
#[test]
fn a_cell_is_taken_as_often_as_computed() {
    for syncs in [1, 2, 4] {
        let rhythm = Rhythm { pace: 1, visits: 1, syncs };
        let mut dice = Dice::new(9, syncs);
        let (mut there, mut taken) = (0u64, 0u64);
        let part = 60.0 / syncs as f64;
        for _ in 0..400 {
            let fetched: Vec<f64> = (0..syncs).map(|i| (i as f64 + dice.unit()) * part).collect();
            for _ in 0..50 {
                for i in 0..syncs {
                    let posted = (i as f64 + dice.unit()) * part;
                    there += 1;
                    // Open, in this hour; and once closed, in the next.
                    taken += fetched.iter().filter(|at| **at > posted).count() as u64 + 1;
                }
            }
        }
        let takes = taken as f64 / there as f64;
        assert!((takes / rhythm.takes() - 1.0).abs() < 0.02, "{syncs}: {takes}");
    }
}

#[test]
fn the_crowd_at_both_nodes_is_as_computed() {
    let town = Town { people: 30_000, nodes: 10, seed: 5 };
    let found = figures(&town, &RHYTHM);
    for digits in 1..3 {
        let mut groups = BTreeMap::<_, u64>::new();
        for person in 0..town.people {
            let mut pair = town.listens(person);
            assert!(pair[0] != pair[1] && pair.iter().all(|node| *node < 10));
            pair.sort_unstable();
            *groups.entry((pair, town.prefix(person) >> (12 - 4 * digits))).or_default() += 1;
        }
        let counted = spread(&groups.into_values().collect::<Vec<_>>());
        let computed = found.both[digits];
        assert!((counted.median - computed.median).abs() <= 1.0, "{counted:?} {computed:?}");
        assert!((counted.least - computed.least).abs() <= 2.0, "{counted:?} {computed:?}");
    }
}

#[test]
fn a_node_bears_what_it_is_given() {
    let bears = bears(&RHYTHM, 1e9, 4e10, 5e7);
    for digits in 1..3 {
        // A town with just so many people a node meets each bound.
        let town = |per_node: f64| {
            let nodes = (20_000.0 / per_node).round().max(3.0);
            let people = (nodes * per_node).round() as u64;
            figures(&Town { people, nodes: nodes as u64, seed: 2 }, &RHYTHM)
        };
        let out = town(bears.line[digits]).out[digits];
        assert!((out / 4e10 - 1.0).abs() < 0.05, "{digits}: {out}");
        let down = town(bears.budget[digits]).down[digits];
        assert!((down / 5e7 - 1.0).abs() < 0.1, "{digits}: {down}");
    }
    let store = figures(&Town { people: bears.store as u64 * 5, nodes: 5, seed: 2 }, &RHYTHM).store;
    assert!((store / 1e9 - 1.0).abs() < 0.02, "{store}");
}

#[test]
fn rings_hold_ones_own_nodes_and_those_of_contacts() {
    let town = Town { people: 1000, nodes: 40, seed: 8 };
    let mut ring = Vec::new();
    town.ring(17, &mut ring);
    let theirs = town.contacts(17).chain([17]).flat_map(|person| town.listens(person));
    let theirs: std::collections::BTreeSet<u64> = theirs.collect();
    assert_eq!(ring, theirs.into_iter().collect::<Vec<_>>());
    let all: std::collections::BTreeSet<usize> =
        (0..ring.len() as u64).flat_map(|hour| visited(&ring, hour, 3)).collect();
    assert_eq!(all.len(), ring.len());
    assert_eq!(visited(&ring, 5, 3).count(), 3);
    assert_eq!(visited(&ring[..2], 5, 3).count(), 2);
}
