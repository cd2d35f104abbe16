//! What the client remembers of its exchange with each person: what they have seen, what is to be
//! acknowledged, and how many cells were made with their pair secret. It lies in the state
//! directory: its loss costs only repeats. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::bucket::Bucket;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::time::{HOUR, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) const LIMIT: u64 = 4 << 20;

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
    /// When they were last known to be awake: a letter came that they had just made.
    pub awake: Time,
    /// When a letter last passed either way.
    pub last_letter: Time,
    /// When a letter of theirs last came as first letters do, with card and offer.
    pub fell_back: Time,
    /// When their card was last asked for at its addresses.
    pub card_asked: Time,
    /// Letters of theirs to be acknowledged.
    pub acks: Vec<LetterId>,
    /// Acknowledgements that went and are repeated once a day, since any of them may be lost, and
    /// who is seldom awake sees few of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Again>,
    /// Cells made with their pair secret for each bucket that is not yet wiped.
    pub counters: BTreeMap<String, u32>,
    /// Of those, the cells up to the last one that a node took.
    pub taken: BTreeMap<String, u32>,
}

/// An acknowledgement that is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Of which letter.
    pub id: LetterId,
    /// How often it is still to go.
    pub left: u8,
    /// When it went last.
    pub sent: Time,
}

/// An acknowledgement goes on this many days: one of them is any day of the week.
const REPEATED: u8 = 7;
/// Seconds between the one and the other.
const AGAIN: u64 = 20 * HOUR;
/// Numbers lost one after the other at most: the addressee's walk ends after 256.
const MOST_LOST: u32 = 255;
/// Acknowledgements that wait at most; beyond, a letter is acknowledged when it is repeated.
const MOST_ACKS: usize = 4096;

impl Peer {
    /// Reads what is remembered; nothing if nothing is.
    pub fn load(places: &Places, person: Fingerprint) -> Result<Peer, Error> {
        let known = atomic::read_toml(&file(places, person), LIMIT);
        Ok(known.map_err(Error::fixed_by_sync)?.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places, person: Fingerprint) -> Result<(), Error> {
        atomic::make_dir(&dir(places))?;
        atomic::write_toml(&file(places, person), self)
    }

    /// Forgets everything.
    pub fn remove(places: &Places, person: Fingerprint) -> Result<(), Error> {
        match dir(places).symlink_metadata() {
            Ok(_) => atomic::remove(&file(places, person)),
            Err(_) => Ok(()),
        }
    }

    /// Reserves `count` numbers of cells for a bucket and gives the first; `None` if so many were
    /// lost before them that the addressee would not find them. The caller saves before the cells
    /// leave. Counters of buckets wiped by `now` are forgotten.
    pub fn reserve(&mut self, bucket: Bucket, count: u32, now: Time) -> Option<u32> {
        let stands = |name: &String| name.parse::<Bucket>().is_ok_and(|b| !b.is_wiped(now));
        self.counters.retain(|name, _| stands(name));
        self.taken.retain(|name, _| stands(name));
        let taken = self.taken.get(&bucket.to_string()).copied().unwrap_or_default();
        let next = self.counters.entry(bucket.to_string()).or_default();
        let first = *next;
        if first.saturating_sub(taken) > MOST_LOST {
            return None;
        }
        *next = next.saturating_add(count);
        Some(first)
    }

    /// Records that a node took the cells before number `end`.
    pub fn took(&mut self, bucket: Bucket, end: u32) {
        let taken = self.taken.entry(bucket.to_string()).or_default();
        *taken = (*taken).max(end);
    }

    /// Gives back the numbers from `first` to `end`, if they are the last that were reserved, when
    /// it is certain that none of their cells was ever seen by anybody.
    pub fn give_back(&mut self, bucket: Bucket, first: u32, end: u32) {
        if let Some(next) = self.counters.get_mut(&bucket.to_string())
            && *next == end
        {
            *next = first;
        }
    }

    /// Takes what a letter written at `date` says that they hold, if it is the newest. If they hold
    /// less than they did, they were restored from a backup, and what they lack is due at once.
    pub fn learn(&mut self, date: Time, card_seen: Time, offer_seen: Time) {
        if date > self.latest {
            if card_seen < self.card_seen {
                self.card_sent = Time::default();
            }
            if offer_seen < self.offer_seen {
                self.offer_sent = Time::default();
            }
            (self.latest, self.card_seen, self.offer_seen) = (date, card_seen, offer_seen);
        } else if date == self.latest {
            // Dates are to the minute, and which of two was later is not known.
            self.card_seen = self.card_seen.max(card_seen);
            self.offer_seen = self.offer_seen.max(offer_seen);
        }
    }

    /// What is to be acknowledged in a letter that goes at `now`: what never was, then what is
    /// repeated.
    pub fn owed(&self, now: Time) -> Vec<LetterId> {
        // One that went in the future was sent by a clock that has been set back since.
        let rested = |again: &&Again| again.sent > now || now.since(again.sent) >= AGAIN;
        let again = self.again.iter().filter(rested).map(|again| again.id);
        self.acks.iter().copied().chain(again).collect()
    }

    /// Records that letters were acknowledged at `now`.
    pub fn acknowledged(&mut self, acks: &[LetterId], now: Time) {
        for again in self.again.iter_mut().filter(|again| acks.contains(&again.id)) {
            (again.left, again.sent) = (again.left.saturating_sub(1), now);
        }
        self.again.retain(|again| again.left > 0);
        let (sent, kept) = self.acks.iter().partition::<Vec<_>, _>(|id| acks.contains(id));
        self.acks = kept;
        let room = MOST_ACKS.saturating_sub(self.again.len());
        let again = |id| Again { id, left: REPEATED - 1, sent: now };
        self.again.extend(sent.into_iter().take(room).map(again));
    }

    /// Notes a letter of theirs that is to be acknowledged.
    pub fn owe(&mut self, id: LetterId) {
        self.again.retain(|again| again.id != id);
        if self.acks.len() < MOST_ACKS && !self.acks.contains(&id) {
            self.acks.push(id);
        }
    }
}

/// Everybody of whom something is remembered.
pub(super) fn people(places: &Places) -> Result<Vec<Fingerprint>, Error> {
    let files = atomic::entries(&dir(places))?;
    let who = |name: &str| name.strip_suffix(".toml")?.parse().ok();
    Ok(files.iter().filter_map(|item| item.file_name().to_str().and_then(who)).collect())
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
        assert_eq!(peer.reserve(bucket, 3, now), Some(0));
        assert_eq!(peer.reserve(bucket, 2, now), Some(3));
        assert_eq!(peer.reserve(bucket.next(), 1, now), Some(0));
        assert_eq!(peer.reserve(bucket, 1, now), Some(5));
        peer.reserve(bucket.next(), 1, bucket.wiped());
        assert!(!peer.counters.contains_key("hourly/2026-11-22T14"));
    }

    #[test]
    fn no_more_numbers_are_lost_than_the_addressee_walks_over() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let now = bucket.start();
        let mut peer = Peer::default();
        for lost in 0..16 {
            assert_eq!(peer.reserve(bucket, 16, now), Some(16 * lost));
        }
        assert_eq!(peer.reserve(bucket, 1, now), None, "256 were lost");
        peer.took(bucket, 16);
        assert_eq!(peer.reserve(bucket, 16, now), Some(256));
        peer.give_back(bucket, 256, 272);
        assert_eq!(peer.reserve(bucket, 1, now), Some(256));
        peer.give_back(bucket, 0, 16);
        assert_eq!(peer.counters["hourly/2026-11-22T14"], 257, "others were made since");
    }

    #[test]
    fn the_newest_letter_says_what_they_hold() {
        let at = Time::from_unix;
        let mut peer = Peer::default();
        peer.learn(at(60), at(5), at(6));
        peer.learn(at(0), at(9), at(9));
        assert_eq!((peer.card_seen, peer.offer_seen), (at(5), at(6)));
        peer.learn(at(60), at(4), at(7));
        assert_eq!((peer.card_seen, peer.offer_seen), (at(5), at(7)));
        (peer.card_sent, peer.offer_sent) = (at(100), at(100));
        peer.learn(at(110), at(5), at(8));
        assert_eq!((peer.card_sent, peer.offer_sent), (at(100), at(100)));
        peer.learn(at(120), at(1), at(0));
        assert_eq!((peer.card_seen, peer.offer_seen), (at(1), at(0)), "they were restored");
        assert_eq!((peer.card_sent, peer.offer_sent), (at(0), at(0)), "they get it at once");
    }
}
