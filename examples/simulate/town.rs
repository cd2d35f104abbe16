//! A town: people who each listen on two nodes at the first digits of their fingerprints, and post
//! as they sync. What follows for a person (bytes a day, the crowd) and for a node (load, store).
//!
//! Who somebody is follows from the seed and a number, so a town of any size takes no memory. All
//! people are gone through, whatever the size; of more than 64 nodes the first 64 are looked at.
//! The crowd of who links both nodes of a person is computed, since it would take a table of pairs.

use super::dice::{Dice, reduce, scatter};
use poste::core::bucket::CELL;
use poste::core::plan::slots::DAILY;
use poste::store::config::Config;

/// Nodes on which a person listens: as many good ones as a client chooses from a tracker's list.
pub const LISTENS: u64 = 2;
/// People whom a person writes to.
pub const CONTACTS: u64 = 8;
/// Syncs an hour, as `examples/crontab` and the timer have them.
pub const SYNCS: u64 = 2;
/// Nodes looked at.
const LOOKED_AT: u64 = 64;
/// Values of the 12 clear bits of a destination.
const PREFIXES: usize = 1 << 12;
/// Bytes of a node's memory for each cell of an open bucket, and of a closed one: posted(8).
const OPEN: f64 = 40.0;
const CLOSED: f64 = 6.0;

/// How people sync.
#[derive(Clone, Copy)]
pub struct Rhythm {
    /// Cells to each node in a sync.
    pub pace: u64,
    /// Nodes visited in a sync at most.
    pub visits: u64,
    /// Syncs an hour.
    pub syncs: u64,
}

impl Rhythm {
    /// The usual configuration.
    pub fn usual() -> Rhythm {
        let config = Config::default();
        let (pace, visits) = (config.pace.into(), config.nodes_per_sync.into());
        Rhythm { pace, visits, syncs: SYNCS }
    }

    /// How often a listener takes a cell of an hourly bucket: once when it is closed, and before
    /// that in each sync in which the cell is there. A sync falls at random into its part of the
    /// hour, so the first of two finds a quarter of the bucket, and the second three quarters.
    pub fn takes(&self) -> f64 {
        1.0 + self.syncs as f64 / 2.0
    }

    /// Cells that a person posts to `visits` nodes in a day: the hourly ones, and the daily exchange.
    pub fn cells_a_day(&self, visits: u64) -> u64 {
        visits * (24 * self.syncs * self.pace + self.daily())
    }

    /// Cells for each node of an hourly sync in the daily exchange, which shares them out among more.
    pub fn daily(&self) -> u64 {
        DAILY as u64 * self.pace
    }

    /// Bytes a day that a person takes of a node and prefix in which so many cells an hour arrive.
    pub fn down(&self, cells: f64) -> f64 {
        let daily = self.daily() as f64 / (self.pace * self.syncs) as f64;
        CELL as f64 * cells * (24.0 * self.takes() + daily)
    }
}

/// Its size and, as its seed, everybody in it.
#[derive(Clone, Copy)]
pub struct Town {
    pub people: u64,
    pub nodes: u64,
    pub seed: u64,
}

impl Town {
    fn fate(&self, person: u64, what: u64) -> u64 {
        scatter(self.seed ^ scatter(person << 8 | what))
    }

    /// The first 12 bits of a person's fingerprint.
    pub fn prefix(&self, person: u64) -> usize {
        reduce(self.fate(person, 0), PREFIXES as u64) as usize
    }

    /// The two nodes on which a person listens.
    pub fn listens(&self, person: u64) -> [u64; LISTENS as usize] {
        let fate = self.fate(person, 1);
        let first = reduce(fate, self.nodes);
        let second = reduce(fate << 32, self.nodes - 1);
        [first, second + u64::from(second >= first)]
    }

    /// The people to whom a person writes.
    pub fn contacts(&self, person: u64) -> impl Iterator<Item = u64> {
        (0..CONTACTS).map(move |i| reduce(self.fate(person, 2 + i), self.people))
    }

    /// The nodes to which a person posts in turn: those on which it or a contact listens.
    pub fn ring(&self, person: u64, ring: &mut Vec<u64>) {
        ring.clear();
        ring.extend(self.listens(person));
        self.contacts(person).for_each(|contact| ring.extend(self.listens(contact)));
        ring.sort_unstable();
        ring.dedup();
    }
}

/// Which of a ring are visited in an hour.
pub fn visited(ring: &[u64], hour: u64, visits: u64) -> impl Iterator<Item = usize> {
    let length = ring.len();
    (0..length.min(visits as usize)).map(move |i| (hour as usize + i) % length)
}

/// The one in the middle, and the one that 99 of 100 exceed or equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
}

/// What was found of a town, by the number of listen digits where it matters.
pub struct Figures {
    /// Bytes a day that a person fetches, on average.
    pub down: [f64; 4],
    /// People who listen at the same node and digits, the person included.
    pub crowd: [Spread; 4],
    /// The same at both nodes.
    pub both: [Spread; 4],
    /// Cells that a node takes in an hour on average, and the fullest.
    pub cells: f64,
    pub fullest: f64,
    /// Bytes that a node gives away in an hour.
    pub out: [f64; 4],
    /// Bytes that a node's store holds at most, and its memory for them.
    pub store: f64,
    pub memory: f64,
}

/// What the nodes looked at have for each prefix, a node after the other.
struct Counts {
    listeners: Vec<u32>,
    cells: Vec<u32>,
}

/// An hour of all people.
fn count(town: &Town, rhythm: &Rhythm) -> Counts {
    let looked = town.nodes.min(LOOKED_AT);
    let empty = vec![0; looked as usize * PREFIXES];
    let mut counts = Counts { listeners: empty.clone(), cells: empty };
    let mut dice = Dice::new(town.seed, town.people);
    let mut ring = Vec::new();
    for person in 0..town.people {
        for node in town.listens(person).into_iter().filter(|node| *node < looked) {
            counts.listeners[node as usize * PREFIXES + town.prefix(person)] += 1;
        }
        town.ring(person, &mut ring);
        // Everybody is somewhere else in the round.
        let hour = town.fate(person, 255) >> 48;
        for at in visited(&ring, hour, rhythm.visits).filter(|at| ring[*at] < looked) {
            for _ in 0..rhythm.pace * rhythm.syncs {
                let prefix = dice.below(PREFIXES as u64) as usize;
                counts.cells[ring[at] as usize * PREFIXES + prefix] += 1;
            }
        }
    }
    counts
}

/// Everything there is to say of a town.
pub fn figures(town: &Town, rhythm: &Rhythm) -> Figures {
    let counts = count(town, rhythm);
    let of_nodes = |counts: &[u32]| -> Vec<f64> {
        counts.chunks(PREFIXES).map(|node| node.iter().map(|c| f64::from(*c)).sum()).collect()
    };
    let (cells, listeners) = (of_nodes(&counts.cells), of_nodes(&counts.listeners));
    let nodes = cells.len() as f64;
    let mean = cells.iter().sum::<f64>() / nodes;
    let by_digits = [0, 1, 2, 3].map(|digits| {
        let shard = PREFIXES >> (4 * digits);
        let sums = |counts: &[u32]| -> Vec<u64> {
            counts.chunks(shard).map(|part| part.iter().map(|c| u64::from(*c)).sum()).collect()
        };
        (sums(&counts.listeners), sums(&counts.cells))
    });
    let given = by_digits.each_ref().map(|(listeners, cells)| {
        listeners.iter().zip(cells).map(|(l, c)| (l * c) as f64).sum::<f64>()
    });
    let everybody = listeners.iter().sum::<f64>();
    // Two buckets of each class are held at a time.
    let held = mean * (1.0 + rhythm.daily() as f64 / (rhythm.pace * rhythm.syncs) as f64);
    Figures {
        down: given.map(|given| LISTENS as f64 * rhythm.down(given / everybody)),
        crowd: by_digits.each_ref().map(|(listeners, _)| spread(listeners)),
        both: [0, 1, 2, 3].map(|digits| {
            let pairs = town.nodes * (town.nodes - 1) / 2;
            let others = (town.people - 1) as f64 / (pairs << (4 * digits)) as f64;
            let at = |share| 1.0 + poisson_quantile(others, share);
            Spread { median: at(0.5), least: at(0.01) }
        }),
        cells: mean,
        fullest: cells.iter().copied().fold(0.0, f64::max),
        out: given.map(|given| rhythm.down(given / nodes) / 24.0),
        store: 2.0 * held * CELL as f64,
        memory: (OPEN + CLOSED) * held,
    }
}

/// Of groups by size: how large a person's group is.
fn spread(groups: &[u64]) -> Spread {
    let mut sizes: Vec<u64> = groups.iter().copied().filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    let people: u64 = sizes.iter().sum();
    let at = |share: f64| {
        let mut seen = 0.0;
        let size = sizes.iter().find(|size| {
            seen += **size as f64;
            seen >= share * people as f64
        });
        size.map_or(0.0, |size| *size as f64)
    };
    Spread { median: at(0.5), least: at(0.01) }
}

/// The least number that a Poisson variable does not exceed with this probability.
pub fn poisson_quantile(mean: f64, share: f64) -> f64 {
    let (mut count, mut log, mut sum) = (0.0, -mean, (-mean).exp());
    while sum < share && count < mean + 40.0 * mean.sqrt() + 40.0 {
        count += 1.0;
        log += mean.ln() - f64::ln(count);
        sum += log.exp();
    }
    count
}

/// How many people a node can serve.
pub struct Bears {
    /// Until its store is full.
    pub store: f64,
    /// Until its line is, by the number of listen digits.
    pub line: [f64; 4],
    /// Until its listeners fetch more than their budget, by the number of listen digits.
    pub budget: [f64; 4],
}

/// The same for a node with `store` bytes and a line of `line` bytes an hour, whose listeners want
/// to fetch at most `budget` bytes a day.
pub fn bears(rhythm: &Rhythm, store: f64, line: f64, budget: f64) -> Bears {
    let hourly = (rhythm.pace * rhythm.visits * rhythm.syncs) as f64;
    let daily = (rhythm.daily() * rhythm.visits) as f64;
    let shards = [0, 1, 2, 3].map(|digits| f64::from(1u32 << (4 * digits)));
    let listens = LISTENS as f64;
    Bears {
        store: store / (2.0 * CELL as f64 * (hourly + daily)),
        line: shards.map(|shards| (24.0 * line * shards / listens / rhythm.down(hourly)).sqrt()),
        budget: shards.map(|shards| budget * shards / listens / rhythm.down(hourly)),
    }
}

#[cfg(test)]
#[path = "town_tests.rs"]
mod tests;
