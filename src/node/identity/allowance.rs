//! How many cards a network may put in a day. Counted by the tables that count what relays are
//! brought; those give back within an hour, so a day is handed to them as an hour: a second of
//! theirs is 24 of ours, and one byte is one card.
//! Specified in posted(8), CARDS.

use crate::core::time::Time;
use crate::node::network::Network;
use crate::node::tally::{Counts, Tables};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds that pass for one of the tables'.
const SLOWER: u64 = 24;

/// The allowance of every network.
pub struct Allowance {
    per_day: Option<u64>,
    tables: Mutex<Tables>,
}

impl Allowance {
    /// Of `per_day` cards; with `None` nothing is counted.
    pub fn new(per_day: Option<u64>) -> Allowance {
        Allowance { per_day, tables: Mutex::default() }
    }

    /// Charges a network for a card that counts for `price`; or the seconds after which it may be
    /// tried again.
    pub fn charge(&self, network: Network, price: u64, now: Time) -> Result<(), u64> {
        let Some(per_day) = self.per_day else { return Ok(()) };
        let charged = self.tables().charge(network, price, per_day, slowly(now));
        charged.map_err(|wait| wait.saturating_mul(SLOWER))
    }

    /// Takes back a charge for what the host did not take for a reason of its own.
    pub fn refund(&self, network: Network, price: u64) {
        self.tables().refund(network, price);
    }

    /// Forgets who owes nothing any more. To be called often.
    pub fn forget(&self, now: Time) {
        self.tables().forget(self.per_day.unwrap_or(0), slowly(now));
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slowly(now: Time) -> Time {
    Time::from_unix(now.unix() / SLOWER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{DAY, HOUR};

    #[test]
    fn an_allowance_comes_back_within_a_day() {
        let allowance = Allowance::new(Some(24));
        let now = Time::from_unix(1_795_357_800);
        let network = |text: &str| text.parse().unwrap();
        let put = |at: Time| allowance.charge(network("192.0.2.7"), 1, at);
        assert!((0..24).all(|_| put(now).is_ok()));
        let wait = put(now).unwrap_err();
        assert!(wait <= HOUR + SLOWER, "{wait}");
        assert_eq!(put(now + wait), Ok(()));
        assert!(put(now + wait).is_err());
        assert!((0..24).all(|_| put(now + wait + DAY).is_ok()));
        assert!(put(now + wait + DAY).is_err());
        assert_eq!(allowance.charge(network("192.0.2.8"), 1, now), Ok(()), "another network");
        allowance.refund(network("192.0.2.7"), 1);
        assert_eq!(allowance.charge(network("192.0.2.7"), 1, now + wait + DAY), Ok(()));
        assert_eq!(Allowance::new(None).charge(network("192.0.2.7"), u64::MAX, now), Ok(()));
    }
}
