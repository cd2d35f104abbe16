//! What networks took in the current hour or day, and what they owe for uploads: two kinds of
//! table, each of at most [`NETWORKS`] entries, in memory only. Pure: time comes in as a value.
//!
//! When a table is full its lighter half goes. Who comes back is then counted from nothing: that
//! can only favour a client, never ban one; and whoever wants his own count forgotten must first
//! let half a table of other networks take more than he did, which gives him more than he hides.
//! Specified in posted(8), BANS and ALLOWANCE.

use crate::core::bucket::{Bucket, Class};
use crate::core::time::{HOUR, Time};
use crate::node::network::Network;
use std::collections::HashMap;

/// Entries in each table; some 5 MiB of memory each.
pub const NETWORKS: usize = 100_000;

/// Where networks are counted. The tables below are those of one node; nodes that share a store
/// have theirs in it, so that each judges by what all of them have given.
pub trait Counts: Send {
    /// Counts bytes of a class given to a network; all that it took of the class in the clock hour
    /// (hourly) or day (daily) of `now`.
    fn take(&mut self, network: Network, class: Class, took: Took, now: Time) -> Took;

    /// Charges a network for an upload of a price of `price` bytes, with an allowance of
    /// `allowance` bytes an hour; or the seconds after which it may be tried again, at least 1.
    fn charge(
        &mut self,
        network: Network,
        price: u64,
        allowance: u64,
        now: Time,
    ) -> Result<(), u64>;

    /// Takes back a charge for what was not stored.
    fn refund(&mut self, network: Network, price: u64);

    /// Forgets what belongs to no time that still matters.
    fn forget(&mut self, allowance: u64, now: Time);
}

/// What a network took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// How many bytes.
    pub bytes: u64,
    /// Under which first digits: a bit for each.
    pub digits: u16,
}

/// The tables of one node.
#[derive(Default)]
pub struct Tables {
    hourly: Taken,
    daily: Taken,
    debts: HashMap<Network, Debt>,
}

/// What networks took of one class.
#[derive(Default)]
struct Taken {
    since: Time,
    networks: HashMap<Network, Took>,
}

/// What a network owes, in bytes times seconds of an hour, so that a second pays off exactly the
/// allowance of an hour in bytes.
struct Debt {
    owed: u64,
    at: Time,
}

impl Debt {
    fn left(&self, allowance: u64, now: Time) -> u64 {
        self.owed.saturating_sub(allowance.saturating_mul(now.since(self.at)))
    }
}

impl Counts for Tables {
    fn take(&mut self, network: Network, class: Class, took: Took, now: Time) -> Took {
        let taken = self.class(class);
        taken.begin(Bucket::at(class, now).start());
        make_room(&mut taken.networks, network, |took| took.bytes);
        let sum = taken.networks.entry(network).or_default();
        sum.bytes = sum.bytes.saturating_add(took.bytes);
        sum.digits |= took.digits;
        *sum
    }

    fn charge(
        &mut self,
        network: Network,
        price: u64,
        allowance: u64,
        now: Time,
    ) -> Result<(), u64> {
        let owed = self.debts.get(&network).map_or(0, |debt| debt.left(allowance, now));
        let price = price.saturating_mul(HOUR);
        let most = allowance.saturating_mul(HOUR);
        let sum = owed.saturating_add(price);
        // Who owes nothing may begin, or a price above the allowance could never be paid.
        if owed > 0 && sum > most {
            return Err(owed.min(sum - most).div_ceil(allowance.max(1)).max(1));
        }
        if self.debts.len() >= NETWORKS && !self.debts.contains_key(&network) {
            self.debts.retain(|_, debt| debt.left(allowance, now) > 0);
        }
        make_room(&mut self.debts, network, |debt| debt.left(allowance, now));
        self.debts.insert(network, Debt { owed: sum, at: now });
        Ok(())
    }

    fn refund(&mut self, network: Network, price: u64) {
        if let Some(debt) = self.debts.get_mut(&network) {
            debt.owed = debt.owed.saturating_sub(price.saturating_mul(HOUR));
        }
    }

    fn forget(&mut self, allowance: u64, now: Time) {
        for class in [Class::Hourly, Class::Daily] {
            self.class(class).begin(Bucket::at(class, now).start());
        }
        self.debts.retain(|_, debt| debt.left(allowance, now) > 0);
    }
}

impl Tables {
    /// Counts from now on from what a network took of a class in all; or from what is known here, if
    /// that is more, since whoever told has forgotten some of it.
    pub fn know_taken(&mut self, network: Network, class: Class, sum: Took, now: Time) {
        let taken = self.class(class);
        taken.begin(Bucket::at(class, now).start());
        make_room(&mut taken.networks, network, |took| took.bytes);
        let known = taken.networks.entry(network).or_default();
        known.bytes = known.bytes.max(sum.bytes);
        known.digits |= sum.digits;
    }

    /// Counts from now on from what a network owes in all, in bytes times seconds of an hour.
    pub fn know_owed(&mut self, network: Network, owed: u64, now: Time) {
        make_room(&mut self.debts, network, |debt| debt.owed);
        self.debts.insert(network, Debt { owed, at: now });
    }

    fn class(&mut self, class: Class) -> &mut Taken {
        match class {
            Class::Hourly => &mut self.hourly,
            Class::Daily => &mut self.daily,
        }
    }
}

impl Taken {
    /// Begins anew if the hour or day is another one.
    fn begin(&mut self, since: Time) {
        if since != self.since {
            *self = Taken { since, networks: HashMap::new() };
        }
    }
}

/// Makes room for one more network: the lighter half goes, and of those that weigh as much as the
/// middle one so many that half a table is left.
fn make_room<V>(table: &mut HashMap<Network, V>, network: Network, weight: impl Fn(&V) -> u64) {
    if table.len() < NETWORKS || table.contains_key(&network) {
        return;
    }
    let mut weights: Vec<u64> = table.values().map(&weight).collect();
    let (_, middle, heavier) = weights.select_nth_unstable(NETWORKS / 2);
    let middle = *middle;
    let heavier = heavier.iter().filter(|weight| **weight > middle).count();
    let mut ties = (NETWORKS / 2).saturating_sub(heavier);
    table.retain(|_, value| match weight(value).cmp(&middle) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => {
            let kept = ties > 0;
            ties = ties.saturating_sub(1);
            kept
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::DAY;
    use std::net::Ipv4Addr;

    const NOON: u64 = 1_795_357_800;
    const MIB: u64 = 1 << 20;

    fn network(n: u32) -> Network {
        Network::V4(Ipv4Addr::from(n))
    }

    fn take(tables: &mut Tables, network: Network, class: Class, bytes: u64, now: Time) -> u64 {
        tables.take(network, class, Took { bytes, digits: 1 << 4 }, now).bytes
    }

    fn at(seconds: u64) -> Time {
        Time::from_unix(NOON + seconds)
    }

    #[test]
    fn hours_and_days_are_counted_apart_and_begin_anew() {
        let mut tables = Tables::default();
        // 14:30: half an hour is left of the hour, nine and a half of the day.
        assert_eq!(take(&mut tables, network(1), Class::Hourly, 5, at(0)), 5);
        assert_eq!(take(&mut tables, network(1), Class::Daily, 7, at(0)), 7);
        assert_eq!(take(&mut tables, network(2), Class::Hourly, 1, at(0)), 1);
        assert_eq!(take(&mut tables, network(1), Class::Hourly, 5, at(HOUR / 2 - 1)), 10);
        assert_eq!(take(&mut tables, network(1), Class::Hourly, 5, at(HOUR / 2)), 5);
        assert_eq!(take(&mut tables, network(1), Class::Daily, 7, at(HOUR / 2)), 14);
        assert_eq!(take(&mut tables, network(1), Class::Daily, 7, at(DAY / 2)), 7);
        tables.forget(MIB, at(2 * DAY));
        assert!(tables.hourly.networks.is_empty() && tables.daily.networks.is_empty());
    }

    #[test]
    fn digits_are_remembered() {
        let mut tables = Tables::default();
        let mut digits = |digits, now| {
            tables.take(network(1), Class::Hourly, Took { bytes: 1, digits }, now).digits
        };
        assert_eq!((digits(1 << 4, at(0)), digits(1 << 4, at(0))), (16, 16));
        assert_eq!(digits(1, at(0)), 17);
        assert_eq!(digits(1 << 4, at(HOUR)), 16);
    }

    #[test]
    fn a_million_networks_fit_and_do_not_hide_a_heavy_one() {
        let mut tables = Tables::default();
        let watcher = network(u32::MAX);
        for n in 0..1_000_000 {
            if n % 100_000 == 0 {
                take(&mut tables, watcher, Class::Hourly, 100 * MIB, at(0));
                assert!(tables.charge(watcher, MIB, 64 * MIB, at(0)).is_ok());
            }
            take(&mut tables, network(n), Class::Hourly, MIB, at(0));
            assert!(tables.charge(network(n), 4096, 64 * MIB, at(0)).is_ok());
            assert!(tables.hourly.networks.len() <= NETWORKS && tables.debts.len() <= NETWORKS);
        }
        assert_eq!(take(&mut tables, watcher, Class::Hourly, 0, at(0)), 1000 * MIB);
        let owed = tables.debts.get(&watcher).map(|debt| debt.owed);
        assert_eq!(owed, Some(10 * MIB * HOUR));
    }

    #[test]
    fn a_full_table_loses_half_of_its_equals_and_no_more() {
        let mut tables = Tables::default();
        for n in 0..=NETWORKS as u32 {
            take(&mut tables, network(n), Class::Daily, 1, at(0));
        }
        assert_eq!(tables.daily.networks.len(), NETWORKS / 2 + 1);
    }

    #[test]
    fn an_allowance_is_used_up_and_comes_back_by_the_second() {
        let mut tables = Tables::default();
        let (one, two) = (network(1), network(2));
        for _ in 0..64 {
            assert_eq!(tables.charge(one, MIB, 64 * MIB, at(0)), Ok(()));
        }
        // A MiB comes back in 56.25 s.
        assert_eq!(tables.charge(one, MIB, 64 * MIB, at(0)), Err(57));
        assert_eq!(tables.charge(two, MIB, 64 * MIB, at(0)), Ok(()), "another network");
        assert_eq!(tables.charge(one, MIB, 64 * MIB, at(56)), Err(1));
        assert_eq!(tables.charge(one, MIB, 64 * MIB, at(57)), Ok(()));
        assert_eq!(tables.charge(one, MIB, 64 * MIB, at(57)), Err(56));
        tables.refund(one, MIB);
        assert_eq!(tables.charge(one, MIB, 64 * MIB, at(57)), Ok(()));
        tables.forget(64 * MIB, at(57 + HOUR));
        assert!(tables.debts.is_empty());
    }

    #[test]
    fn a_price_above_the_allowance_is_paid_off_before_the_next() {
        let mut tables = Tables::default();
        assert_eq!(tables.charge(network(1), 3 * MIB, MIB, at(0)), Ok(()));
        assert_eq!(tables.charge(network(1), 3 * MIB, MIB, at(HOUR)), Err(2 * HOUR));
        assert_eq!(tables.charge(network(1), 3 * MIB, MIB, at(3 * HOUR)), Ok(()));
    }
}
