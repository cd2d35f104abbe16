//! Counts and bans that all nodes of a cluster share, as far as one node knows them. Requests are
//! judged by the sums that were last read and by what this node has added since, so that none waits
//! for the cluster; `ledger` exchanges the additions for the sums every second. What cannot be told
//! is forgotten: that can only favour a client, never ban one.
//! Specified in posted(8), REDIS.

use crate::core::bucket::{Bucket, Class};
use crate::core::time::{HOUR, Time};
use crate::node::bans::{Ban, Bans};
use crate::node::network::Network;
use crate::node::tally::{Counts, NETWORKS, Tables, Took};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a node knows, has to tell, and has been told. Shared by its meter and its ledger.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// By which networks are charged, in bytes an hour; 0 if they are not.
    allowance: u64,
    sums: Tables,
    added: Added,
    judge: Vec<(Network, Class, Took)>,
    /// All that this node knows of, its own or told.
    bans: Bans,
    /// Whether some were told since they were last asked for.
    told: bool,
}

/// What this node has counted since it last told.
#[derive(Debug, Default)]
pub struct Added {
    /// Taken of a class in the hour or day that is named by its bucket.
    pub took: HashMap<(Network, Bucket), Took>,
    /// Charged, less what was taken back: byte seconds of an hour.
    pub owed: HashMap<Network, i64>,
}

impl Pool {
    /// Networks are charged by this allowance, in bytes an hour. To be said before anything is
    /// counted: what they owe is paid off by it whether anybody is charged meanwhile or not.
    pub fn allow(&self, allowance: u64) {
        self.state().allowance = allowance;
    }

    /// The allowance, in bytes an hour.
    pub fn allowance(&self) -> u64 {
        self.state().allowance
    }

    /// What there is to tell; it is then told or forgotten.
    pub fn added(&self) -> Added {
        std::mem::take(&mut self.state().added)
    }

    /// What a network took in all, but for what this node has added meanwhile.
    pub fn know_taken(&self, network: Network, class: Class, mut sum: Took, now: Time) {
        let mut state = self.state();
        if let Some(more) = state.added.took.get(&(network, Bucket::at(class, now))) {
            sum.bytes = sum.bytes.saturating_add(more.bytes);
            sum.digits |= more.digits;
        }
        state.sums.know_taken(network, class, sum, now);
        state.judge.push((network, class, sum));
    }

    /// What a network owes in all, but for what this node has added meanwhile.
    pub fn know_owed(&self, network: Network, owed: u64, now: Time) {
        let mut state = self.state();
        let more = state.added.owed.get(&network).copied().unwrap_or(0);
        state.sums.know_owed(network, owed.saturating_add_signed(more), now);
    }

    /// The sums that have come since this was last asked.
    pub fn to_judge(&self) -> Vec<(Network, Class, Took)> {
        std::mem::take(&mut self.state().judge)
    }

    /// Tells a ban.
    pub fn ban(&self, ban: Ban) {
        self.state().bans.add(ban);
    }

    /// The bans that this node knows of: what of them is not on the list of all nodes is new, or
    /// was lost with the server that had the list, and comes onto it.
    pub fn bans(&self) -> Bans {
        self.state().bans.clone()
    }

    /// The list of all nodes has come. It ends no ban: that is for time alone.
    pub fn know_bans(&self, list: &Bans, now: Time) {
        let mut state = self.state();
        state.bans.end(now);
        state.bans.merge(list, now);
        state.told = true;
    }

    /// The bans that this node knows of, if any were told since this was last asked.
    pub fn list(&self) -> Option<Bans> {
        let mut state = self.state();
        std::mem::take(&mut state.told).then(|| state.bans.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts for Pool {
    fn take(&mut self, network: Network, class: Class, took: Took, now: Time) -> Took {
        let mut state = self.state();
        let bucket = Bucket::at(class, now);
        if state.added.took.len() < NETWORKS || state.added.took.contains_key(&(network, bucket)) {
            let more = state.added.took.entry((network, bucket)).or_default();
            more.bytes = more.bytes.saturating_add(took.bytes);
            more.digits |= took.digits;
        }
        state.sums.take(network, class, took, now)
    }

    fn charge(
        &mut self,
        network: Network,
        price: u64,
        allowance: u64,
        now: Time,
    ) -> Result<(), u64> {
        let mut state = self.state();
        state.sums.charge(network, price, allowance, now)?;
        add(&mut state.added.owed, network, price, 1);
        Ok(())
    }

    fn refund(&mut self, network: Network, price: u64) {
        let mut state = self.state();
        state.sums.refund(network, price);
        add(&mut state.added.owed, network, price, -1);
    }

    fn forget(&mut self, allowance: u64, now: Time) {
        self.state().sums.forget(allowance, now);
    }
}

fn add(owed: &mut HashMap<Network, i64>, network: Network, price: u64, sign: i64) {
    if owed.len() < NETWORKS || owed.contains_key(&network) {
        let price = i64::try_from(price.saturating_mul(HOUR)).unwrap_or(i64::MAX);
        let sum = owed.entry(network).or_default();
        *sum = sum.saturating_add(price.saturating_mul(sign));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn noon() -> Time {
        Time::from_unix(1_795_357_800)
    }

    #[test]
    fn the_sum_of_all_nodes_takes_the_place_of_ones_own_and_nothing_is_told_twice() {
        let mut pool = Pool::default();
        let who = "192.0.2.7".parse().unwrap();
        let took = |bytes, digits| Took { bytes, digits };
        assert_eq!(pool.take(who, Class::Hourly, took(10, 1), noon()), took(10, 1));
        let bucket = Bucket::at(Class::Hourly, noon());
        assert_eq!(pool.added().took[&(who, bucket)], took(10, 1));
        // Between telling and being told the sum.
        pool.take(who, Class::Hourly, took(5, 2), noon());
        pool.know_taken(who, Class::Hourly, took(100, 4), noon());
        assert_eq!(pool.take(who, Class::Hourly, took(1, 1), noon()), took(106, 7));
        assert_eq!(pool.added().took[&(who, bucket)], took(6, 3));
        assert!(pool.added().took.is_empty());
        assert_eq!(pool.to_judge(), [(who, Class::Hourly, took(105, 6))]);
        assert!(pool.to_judge().is_empty());
        // Whoever told has lost some of it; this node has not.
        pool.know_taken(who, Class::Hourly, took(50, 8), noon());
        assert_eq!(pool.take(who, Class::Hourly, took(1, 1), noon()), took(107, 15));
    }

    #[test]
    fn debts_at_other_nodes_count() {
        let mut pool = Pool::default();
        let who = "192.0.2.7".parse().unwrap();
        assert_eq!(pool.charge(who, MIB / 2, MIB, noon()), Ok(()));
        assert_eq!(pool.added().owed[&who], (MIB / 2 * HOUR) as i64);
        pool.know_owed(who, MIB * HOUR, noon());
        assert!(pool.charge(who, MIB / 4, MIB, noon()).is_err(), "the others took the rest");
        assert!(pool.added().owed.is_empty(), "what is refused is not owed");
        pool.refund(who, MIB / 2);
        assert_eq!(pool.charge(who, MIB / 4, MIB, noon()), Ok(()));
        assert_eq!(pool.added().owed[&who], -((MIB / 4 * HOUR) as i64));
    }
}
