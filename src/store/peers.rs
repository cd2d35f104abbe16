//! What the client remembers of its exchange with each person: what they have seen, what is to be
//! acknowledged, and how many cells were made with their pair secret. It lies in the state
//! directory: its loss costs only repeats. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::bucket::Bucket;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const LIMIT: u64 = 4 << 20;

/// The state of the exchange with one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Peer {
    /// `date` of the authentic letter from which the next two were taken.
    pub latest: Time,
    /// `issued` of the newest card of ours that they hold, 0 if none.
    pub card_seen: Time,
    /// `made` of the newest offer of ours that they hold, 0 if none.
    pub offer_seen: Time,
    /// When a card of ours last went to them outside a first letter.
    pub card_sent: Time,
    /// When an offer of ours last went to them.
    pub offer_sent: Time,
    /// When a letter last passed either way.
    pub last_letter: Time,
    /// Letters of theirs to be acknowledged.
    pub acks: Vec<LetterId>,
    /// Cells made with their pair secret for each bucket that is not yet wiped.
    pub counters: BTreeMap<String, u32>,
}

impl Peer {
    /// Reads what is remembered; nothing if nothing is.
    pub fn load(places: &Places, person: Fingerprint) -> Result<Peer, Error> {
        Ok(atomic::read_toml(&file(places, person), LIMIT)?.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places, person: Fingerprint) -> Result<(), Error> {
        atomic::make_dir(&dir(places))?;
        atomic::write_toml(&file(places, person), self)
    }

    /// Reserves `count` numbers of cells for a bucket and gives the first. The caller saves before
    /// the cells leave. Counters of buckets wiped by `now` are forgotten.
    pub fn reserve(&mut self, bucket: Bucket, count: u32, now: Time) -> u32 {
        self.counters
            .retain(|name, _| name.parse::<Bucket>().is_ok_and(|bucket| !bucket.is_wiped(now)));
        let next = self.counters.entry(bucket.to_string()).or_default();
        let first = *next;
        *next = next.saturating_add(count);
        first
    }
}

fn dir(places: &Places) -> PathBuf {
    places.state().join("peers")
}

fn file(places: &Places, person: Fingerprint) -> PathBuf {
    dir(places).join(format!("{person}.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_given_twice_for_a_bucket() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let now = bucket.start();
        let mut peer = Peer::default();
        assert_eq!(peer.reserve(bucket, 3, now), 0);
        assert_eq!(peer.reserve(bucket, 2, now), 3);
        assert_eq!(peer.reserve(bucket.next(), 1, now), 0);
        assert_eq!(peer.reserve(bucket, 1, now), 5);
        peer.reserve(bucket.next(), 1, bucket.wiped());
        assert!(!peer.counters.contains_key("hourly/2026-11-22T14"));
    }
}
