//! What downloads from relays have cost on each of the last days, and how many cells the closed
//! buckets held: what a home decides its listen digits by, and nothing that a node says of itself.
//! It stands in the cursors; its loss costs a week of measuring. Specified in poste-files(5), State.

use crate::core::time::Day;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days kept, today included.
const DAYS: i64 = 8;

/// What was fetched with one number of digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    /// The digits.
    pub digits: usize,
    /// The days, the oldest first.
    pub day: Vec<Measured>,
}

/// What was fetched on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Which one.
    pub date: Day,
    /// Bytes, those included that were fetched twice since the bucket was open the first time.
    pub bytes: u64,
    /// Cells of closed buckets, by node.
    pub cells: BTreeMap<String, u64>,
}

impl Traffic {
    /// Adds a download with `digits` from a relay, and the cells of it if the bucket was closed.
    /// What was fetched with another number of digits says nothing any more.
    pub fn add(&mut self, today: Day, digits: usize, node: &str, bytes: u64, cells: u64) {
        if self.digits != digits {
            *self = Traffic { digits, day: Vec::new() };
        }
        // A day to come is one of a clock that was wrong.
        self.day.retain(|day| (0..DAYS).contains(&today.days_since(day.date)));
        if self.day.last().is_none_or(|day| day.date != today) {
            self.day.push(Measured { date: today, bytes: 0, cells: BTreeMap::new() });
        }
        if let Some(day) = self.day.last_mut() {
            day.bytes += bytes;
            *day.cells.entry(node.to_owned()).or_default() += cells;
        }
    }

    /// Bytes of each day before `today`, the newest last.
    pub fn bytes(&self, today: Day) -> Vec<u64> {
        self.past(today).map(|day| day.bytes).collect()
    }

    /// Cells that came to the fullest node, of those one listens on, on the last day before `today`.
    pub fn cells(&self, today: Day) -> Option<u64> {
        self.past(today).last().and_then(|day| day.cells.values().copied().max())
    }

    fn past(&self, today: Day) -> impl Iterator<Item = &Measured> {
        self.day.iter().filter(move |day| day.date < today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Time;

    #[test]
    fn a_week_is_kept_and_only_with_the_digits_in_force() {
        let first = Time::from_unix(1_795_305_600).day();
        let mut traffic = Traffic::default();
        for n in 0..20 {
            traffic.add(first.plus(n), 1, "a", 100, 7);
            traffic.add(first.plus(n), 1, "b", 50, u64::from(n));
        }
        let today = first.plus(19);
        assert_eq!(traffic.bytes(today), [150; 7]);
        assert_eq!(traffic.cells(today), Some(18));
        assert_eq!(traffic.bytes(today.plus(1)).len(), 8);
        traffic.add(first, 1, "a", 1, 1);
        assert_eq!(traffic.day.len(), 1, "the clock was set back");
        traffic.add(today, 0, "a", 10, 1);
        assert!(traffic.bytes(today).is_empty() && traffic.cells(today).is_none());
        assert_eq!(traffic.bytes(today.plus(1)), [10]);
    }
}
