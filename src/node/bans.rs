//! Bans: when a network took too much, for how long it gets nothing, and the two texts of the
//! list: the public one of `/v1/banned` and the one that outlives a restart. Pure: time comes in
//! as a value. Refuses a text that it did not write.
//! Specified in poste-protocol(7), Relay, and posted(8), BANS.

use crate::core::bucket::Class;
use crate::core::time::{DAY, Time};
use crate::node::network::Network;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A network may take this many times the bytes that stood under the fullest first digit.
pub const FACTOR: u64 = 4;
/// Seconds that a ban lasts.
pub const TERM: u64 = DAY;
/// Bans at a time. When there are more, the one that would end first ends.
pub const BANS: usize = 4096;

/// The most bytes that a network may take in an hour or day in which `fullest` bytes stood under
/// the fullest first digit.
pub fn bound(floor: u64, fullest: u64) -> u64 {
    floor.max(fullest.saturating_mul(FACTOR))
}

/// One ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub network: Network,
    /// In which class it took too much; the ban is for both.
    pub class: Class,
    /// What it took of it in that hour or day, in bytes.
    pub bytes: u64,
    /// The most bytes that stood under the fullest first digit: `A`.
    pub fullest: u64,
    /// From when on.
    pub from: Time,
}

impl Ban {
    /// The first moment after it.
    pub fn until(&self) -> Time {
        self.from + TERM
    }
}

/// All bans of a node.
#[derive(Clone, Debug, Default)]
pub struct Bans(BTreeMap<Network, Ban>);

/// The list as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<u64>,
    #[serde(default)]
    banned: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    network: String,
    class: String,
    bytes: u64,
    #[serde(rename = "A")]
    fullest: u64,
    from: Time,
    until: Time,
}

/// The text is no list of bans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of bans: remove it, and all bans with it")]
pub struct BadBans;

impl Bans {
    /// Adds a ban; it takes the place of one of the same network.
    pub fn add(&mut self, ban: Ban) {
        if self.0.len() >= BANS && !self.0.contains_key(&ban.network) {
            let first = self.0.values().min_by_key(|ban| ban.from).map(|ban| ban.network);
            first.and_then(|network| self.0.remove(&network));
        }
        self.0.insert(ban.network, ban);
    }

    /// Takes over those of `others` that hold at `now`; whether there was one that is not here. Of
    /// two of a network the later one stays. An older one than all here does not come into a list
    /// that is full, so that two lists that are merged with each other come to rest.
    pub fn merge(&mut self, others: &Bans, now: Time) -> bool {
        let mut changed = false;
        for ban in others.0.values().filter(|ban| now < ban.until()) {
            let is_later = self.0.get(&ban.network).is_none_or(|known| known.from < ban.from);
            let is_full = self.0.len() >= BANS;
            if is_later && (!is_full || self.0.values().any(|known| known.from < ban.from)) {
                self.add(*ban);
                changed = true;
            }
        }
        changed
    }

    /// Whether a network is banned at `now`.
    pub fn hold(&self, network: Network, now: Time) -> bool {
        self.0.get(&network).is_some_and(|ban| now < ban.until())
    }

    /// Forgets the bans that have ended; whether there was one.
    pub fn end(&mut self, now: Time) -> bool {
        let before = self.0.len();
        self.0.retain(|_, ban| now < ban.until());
        self.0.len() < before
    }

    /// How many bans hold at `now`.
    pub fn count(&self, now: Time) -> usize {
        self.0.values().filter(|ban| now < ban.until()).count()
    }

    /// What the world may read: the floor and the bans that hold, without circuits.
    pub fn public(&self, floor: Option<u64>, now: Time) -> Result<String, toml::ser::Error> {
        let listed = |ban: &&Ban| ban.network.is_listed() && now < ban.until();
        text(floor, self.0.values().filter(listed))
    }

    /// What is kept for the next start: all of them.
    pub fn kept(&self) -> Result<String, toml::ser::Error> {
        text(None, self.0.values())
    }

    /// Reads what [`Bans::kept`] wrote.
    pub fn read(kept: &str) -> Result<Bans, BadBans> {
        let document: Document = toml::from_str(kept).map_err(|_| BadBans)?;
        if document.banned.len() > BANS || document.floor.is_some() {
            return Err(BadBans);
        }
        let mut bans = Bans::default();
        for entry in document.banned {
            let ban = Ban {
                network: entry.network.parse().map_err(|_| BadBans)?,
                class: class(&entry.class).ok_or(BadBans)?,
                bytes: entry.bytes,
                fullest: entry.fullest,
                from: entry.from,
            };
            if entry.until != ban.until() {
                return Err(BadBans);
            }
            bans.add(ban);
        }
        Ok(bans)
    }
}

fn text<'a>(
    floor: Option<u64>,
    bans: impl Iterator<Item = &'a Ban>,
) -> Result<String, toml::ser::Error> {
    let entry = |ban: &Ban| Entry {
        network: ban.network.to_string(),
        class: ban.class.name().to_owned(),
        bytes: ban.bytes,
        fullest: ban.fullest,
        from: ban.from,
        until: ban.until(),
    };
    toml::to_string(&Document { floor, banned: bans.map(entry).collect() })
}

fn class(name: &str) -> Option<Class> {
    [Class::Hourly, Class::Daily].into_iter().find(|class| class.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn noon() -> Time {
        Time::from_unix(1_795_357_800)
    }

    fn ban(network: &str, from: Time) -> Ban {
        let network = network.parse().unwrap();
        Ban { network, class: Class::Hourly, bytes: 5000, fullest: 1000, from }
    }

    #[test]
    fn the_bound_is_the_floor_or_four_times_the_fullest_digit() {
        assert_eq!(bound(100, 10), 100);
        assert_eq!(bound(100, 26), 104);
        assert_eq!(bound(100, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_ban_leaves_after_a_day_and_the_list_with_it() {
        let mut bans = Bans::default();
        bans.add(ban("192.0.2.7", noon()));
        let network = "192.0.2.7".parse().unwrap();
        let last = noon() + TERM - 1;
        assert!(bans.hold(network, last) && !bans.hold(network, last + 1));
        assert!(!bans.hold("192.0.2.8".parse().unwrap(), noon()));
        assert_eq!((bans.count(last), bans.count(last + 1)), (1, 0));
        assert_eq!(
            bans.public(Some(1 << 30), last + 1).unwrap(),
            "floor = 1073741824\nbanned = []\n"
        );
        assert!(!bans.end(last));
        assert!(bans.end(last + 1));
        assert_eq!(bans.kept().unwrap(), "banned = []\n");
    }

    #[test]
    fn the_public_list_has_no_circuits_and_the_kept_one_has() {
        let mut bans = Bans::default();
        for network in ["192.0.2.7", "2001:db8::/64", "fc00:dead:beef:4dad::1"] {
            bans.add(ban(network, noon()));
        }
        assert_eq!(
            bans.public(Some(7), noon()).unwrap(),
            "floor = 7\n\n\
             [[banned]]\nnetwork = \"192.0.2.7\"\nclass = \"hourly\"\nbytes = 5000\nA = 1000\n\
             from = 1795357800\nuntil = 1795444200\n\n\
             [[banned]]\nnetwork = \"2001:db8::/64\"\nclass = \"hourly\"\nbytes = 5000\nA = 1000\n\
             from = 1795357800\nuntil = 1795444200\n"
        );
        let again = Bans::read(&bans.kept().unwrap()).unwrap();
        assert_eq!(again.0, bans.0);
        assert_eq!(again.0.len(), 3);
    }

    #[test]
    fn foreign_texts_are_refused() {
        let mut bans = Bans::default();
        bans.add(ban("192.0.2.7", noon()));
        let good = bans.kept().unwrap();
        assert!(Bans::read(&good).is_ok() && Bans::read("").is_ok());
        for (from, to) in [
            ("192.0.2.7", "alice"),
            ("hourly", "weekly"),
            ("A = 1000", "A = -1"),
            ("1795444200", "1795444201"),
            ("bytes", "cells"),
            ("[[banned]]", "[banned]"),
        ] {
            assert!(Bans::read(&good.replace(from, to)).is_err(), "{to}");
        }
        assert!(Bans::read("floor = 5\n").is_err());
    }

    #[test]
    fn merged_lists_have_the_later_of_two_bans_and_come_to_rest() {
        let list = |bans: &[Ban]| {
            let mut list = Bans::default();
            bans.iter().for_each(|ban| list.add(*ban));
            list
        };
        let (early, late) = (ban("192.0.2.7", noon()), ban("192.0.2.7", noon() + 1));
        let other = ban("192.0.2.8", noon());
        let (mut one, mut two) = (list(&[early, other]), list(&[late]));
        assert!(one.merge(&two, noon() + 2) && two.merge(&one, noon() + 2));
        assert_eq!(one.0, two.0);
        assert_eq!((one.0.len(), one.0[&late.network]), (2, late));
        assert!(!one.merge(&two, noon() + 2) && !two.merge(&one, noon() + 2));
        assert!(!Bans::default().merge(&one, late.until()), "what has ended stays ended");
        let mut empty = Bans::default();
        assert!(empty.merge(&one, early.until()) && empty.0.len() == 1);
        // Two that are full.
        let network = |n: usize| Network::V4(Ipv4Addr::from(n as u32));
        let full = |first: usize| {
            let all = (first..first + BANS).map(|n| Ban { network: network(n), ..early });
            list(&all.map(|ban| Ban { from: noon() + first as u64, ..ban }).collect::<Vec<_>>())
        };
        let (mut old, mut new) = (full(0), full(BANS));
        assert!(!new.merge(&old, noon() + 1));
        assert!(old.merge(&new, noon() + 1));
        assert_eq!(old.0, new.0);
    }

    #[test]
    fn when_the_list_is_full_the_oldest_ban_ends() {
        let mut bans = Bans::default();
        let network = |n: usize| Network::V4(Ipv4Addr::from(n as u32));
        for n in 0..=BANS {
            let from = noon() + ((n + 7) % (BANS + 1)) as u64;
            bans.add(Ban { network: network(n), ..ban("192.0.2.7", from) });
        }
        assert_eq!(bans.0.len(), BANS);
        // The one with `from` at noon came late, and was the oldest when the last one came.
        assert!(!bans.hold(network(BANS - 6), noon()));
        assert!(bans.hold(network(BANS), noon()) && bans.hold(network(0), noon()));
    }
}
