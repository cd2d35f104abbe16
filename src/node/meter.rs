//! Who took and brought how much, and what follows: bans and the upload allowance. The tables and
//! the list are pure and stand in `tally` and `bans`; this holds them for all connections, and
//! keeps the bans over a restart in one file of the store, which is rewritten whole whenever one
//! comes or ends. Counts are not kept. Nothing of either is logged.
//! Specified in poste-protocol(7), Relay, and posted(8), BANS and ALLOWANCE.

use crate::core::bucket::{Class, Prefix};
use crate::core::time::Time;
use crate::node::bans::{BadBans, Ban, Bans, bound};
use crate::node::cluster::pool::Pool;
use crate::node::durable;
use crate::node::log::Log;
use crate::node::network::Network;
use crate::node::stock::Stock;
use crate::node::store::Store;
use crate::node::tally::{Counts, Tables, Took};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of the file in the store.
pub const FILE: &str = "bans";
/// No list of [`crate::node::bans::BANS`] bans is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a node allows a network; what is `None` is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Bytes that any network may take of a class in an hour or day.
    pub ban_floor: Option<u64>,
    /// Bytes that a network may upload in an hour.
    pub upload_per_hour: Option<u64>,
}

/// The counts and bans of a node.
pub struct Meter {
    rules: Rules,
    keep: Keep,
    log: Log,
    state: Mutex<State>,
}

/// Where bans are kept.
enum Keep {
    /// In a file of this node's store.
    File(PathBuf),
    /// In a cluster, for all its nodes.
    Pool(Pool),
}

struct State {
    counts: Box<dyn Counts>,
    bans: Bans,
    /// Whether the file could not be written and is to be tried again.
    unkept: bool,
}

/// The file of bans cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// It does not hold bans.
    #[error(transparent)]
    Bad(#[from] BadBans),
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Meter {
    /// Takes up the bans that a former run left in the file `path`; those that have ended leave it.
    pub fn open(path: &Path, rules: Rules, now: Time, log: Log) -> Result<Meter, MeterError> {
        let bans = Bans::read(&read(path)?)?;
        let counts = Box::new(Tables::default());
        let state = Mutex::new(State { counts, bans, unkept: false });
        let meter = Meter { rules, keep: Keep::File(path.to_owned()), log, state };
        meter.chores(now);
        Ok(meter)
    }

    /// Counts and bans together with the other nodes of a cluster.
    pub fn shared(pool: &Pool, rules: Rules, log: Log) -> Meter {
        pool.allow(rules.upload_per_hour.unwrap_or(0));
        let counts = Box::new(pool.clone());
        let state = Mutex::new(State { counts, bans: Bans::default(), unkept: false });
        Meter { rules, keep: Keep::Pool(pool.clone()), log, state }
    }

    /// What is allowed.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether a network gets nothing at `now`.
    pub fn is_banned(&self, network: Network, now: Time) -> bool {
        self.state().bans.hold(network, now)
    }

    /// How many are banned.
    pub fn banned(&self, now: Time) -> usize {
        self.state().bans.count(now)
    }

    /// The text of `/v1/banned`.
    pub fn list(&self, now: Time) -> Result<String, toml::ser::Error> {
        self.state().bans.public(self.rules.ban_floor, now)
    }

    /// Counts bytes given to a network. If they are more than it may have, it is banned from `now`
    /// on. `fullest` gives the bytes that stood under the fullest first digit.
    ///
    /// Whoever keeps to one digit learns no more than is meant for anybody, and how much that is,
    /// others decide: a flood after each of his downloads would take him over any bound.
    pub fn took(
        &self,
        (network, class): (Network, Class),
        took: Took,
        now: Time,
        fullest: impl FnOnce() -> u64,
    ) {
        if self.rules.ban_floor.is_none() {
            return;
        }
        let mut state = self.state();
        let sum = state.counts.take(network, class, took, now);
        self.judge(&mut state, (network, class), sum, now, fullest);
    }

    /// Takes up what the other nodes of a cluster have told: bans, and sums that are too much only
    /// together. To be called after each exchange with them.
    pub fn compare(&self, stock: &Stock, now: Time) {
        let Keep::Pool(pool) = &self.keep else { return };
        let mut state = self.state();
        if let Some(list) = pool.list() {
            state.bans = list;
        }
        for (network, class, sum) in pool.to_judge() {
            let fullest = || stock.fullest(class, now);
            self.judge(&mut state, (network, class), sum, now, fullest);
        }
    }

    fn judge(
        &self,
        state: &mut State,
        (network, class): (Network, Class),
        Took { bytes, digits }: Took,
        now: Time,
        fullest: impl FnOnce() -> u64,
    ) {
        let Some(floor) = self.rules.ban_floor else { return };
        if bytes <= floor || digits.count_ones() == 1 {
            return;
        }
        let fullest = fullest();
        if bytes <= bound(floor, fullest) || state.bans.hold(network, now) {
            return;
        }
        let ban = Ban { network, class, bytes, fullest, from: now };
        state.bans.add(ban);
        match &self.keep {
            Keep::Pool(pool) => pool.ban(ban),
            // At once, so that no kill forgets it; it is small, seldom, and the store is memory.
            Keep::File(path) => self.write(path, state),
        }
    }

    /// Charges an upload; or the seconds after which it may be tried again.
    pub fn charge(&self, network: Network, price: u64, now: Time) -> Result<(), u64> {
        match self.rules.upload_per_hour {
            Some(allowance) => self.state().counts.charge(network, price, allowance, now),
            None => Ok(()),
        }
    }

    /// Takes back the charge for an upload that the node did not take.
    pub fn refund(&self, network: Network, price: u64) {
        if self.rules.upload_per_hour.is_some() {
            self.state().counts.refund(network, price);
        }
    }

    /// Forgets bans and counts that are over. To be called often.
    pub fn chores(&self, now: Time) {
        let mut state = self.state();
        state.counts.forget(self.rules.upload_per_hour.unwrap_or(0), now);
        let ended = state.bans.end(now) || state.unkept;
        if let Keep::File(path) = &self.keep
            && ended
        {
            self.write(path, &mut state);
        }
    }

    fn write(&self, path: &Path, state: &mut State) {
        match write(path, &state.bans) {
            Ok(()) => state.unkept = false,
            // Said once; a full file system has room again when a bucket is wiped.
            Err(error) if !state.unkept => {
                state.unkept = true;
                self.log.error(format_args!("writing {}: {error}", path.display()));
            }
            Err(_) => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of an upload's length counts while the store holds `used` of `capacity` bytes: all of
/// it until the store is half full, and twice as much again from each eighth on.
pub fn price(bytes: u64, used: u64, capacity: u64) -> u64 {
    let eighths = u128::from(used) * 8 / u128::from(capacity.max(1));
    let doublings = eighths.saturating_sub(3).min(4) as u32;
    bytes.saturating_mul(1 << doublings)
}

/// A download under way, as far as it is counted.
pub struct Tap {
    /// Where.
    pub meter: Arc<Meter>,
    /// From what.
    pub buckets: Arc<Store>,
    /// To whom.
    pub network: Network,
    /// Of which class.
    pub class: Class,
    /// Under which digits.
    pub prefix: Prefix,
}

impl Tap {
    /// Whether more may be given.
    pub fn is_open(&self) -> bool {
        !self.meter.is_banned(self.network, self.buckets.keeper().now())
    }

    /// So many bytes were given.
    pub fn gave(&self, bytes: u64) {
        let now = self.buckets.keeper().now();
        let fullest = || self.buckets.stock().fullest(self.class, now);
        let took = Took { bytes, digits: digits(self.prefix) };
        self.meter.took((self.network, self.class), took, now, fullest);
    }
}

/// The first digits of what a prefix matches, a bit for each.
fn digits(prefix: Prefix) -> u16 {
    if prefix.is_empty() {
        return u16::MAX;
    }
    let mut destination = [0; 16];
    prefix.write_to(&mut destination);
    1 << (destination[0] >> 4)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    match File::open(path) {
        Ok(file) => file.take(LONGEST).read_to_string(&mut text).map(|_| text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error),
    }
}

/// The new list takes the place of the old one in one step, whatever kills the node.
fn write(path: &Path, bans: &Bans) -> io::Result<()> {
    let text = bans.kept().map_err(io::Error::other)?;
    durable::replace(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::DAY;

    const MIB: u64 = 1 << 20;

    fn noon() -> Time {
        Time::from_unix(1_795_357_800)
    }

    fn open(path: &Path, now: Time) -> Result<Meter, MeterError> {
        let rules = Rules { ban_floor: Some(10 * MIB), upload_per_hour: Some(MIB) };
        Meter::open(path, rules, now, Log::Errors)
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn who_takes_more_than_the_bound_is_banned_for_a_day_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let meter = open(&path, noon()).unwrap();
        let watcher = network("192.0.2.7");
        let took = |class, bytes| {
            let took = Took { bytes, digits: 3 };
            meter.took((watcher, class), took, noon(), || 3 * MIB);
        };
        took(Class::Hourly, 12 * MIB);
        took(Class::Daily, 12 * MIB);
        assert!(!meter.is_banned(watcher, noon()), "each class for itself, up to the bound");
        assert!(!path.exists());
        took(Class::Daily, 1);
        assert!(meter.is_banned(watcher, noon()));
        assert!(!meter.is_banned(network("192.0.2.8"), noon()));
        let list = meter.list(noon()).unwrap();
        for line in ["class = \"daily\"", "bytes = 12582913", "A = 3145728"] {
            assert!(list.lines().any(|l| l == line), "{line}\n{list}");
        }
        let meter = open(&path, noon() + DAY - 1).unwrap();
        assert!(meter.is_banned(watcher, noon() + DAY - 1));
        meter.chores(noon() + DAY - 1);
        assert!(std::fs::read_to_string(&path).unwrap().contains("192.0.2.7"));
        meter.chores(noon() + DAY);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("192.0.2.7"));
    }

    #[test]
    fn bans_that_ended_while_nobody_looked_leave_the_file_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let watcher = network("192.0.2.7");
        let took = Took { bytes: 11 * MIB, digits: u16::MAX };
        open(&path, noon()).unwrap().took((watcher, Class::Hourly), took, noon(), || 0);
        assert!(std::fs::read_to_string(&path).unwrap().contains("192.0.2.7"));
        assert!(!open(&path, noon() + DAY).unwrap().is_banned(watcher, noon() + DAY));
        assert!(!std::fs::read_to_string(&path).unwrap().contains("192.0.2.7"));
        std::fs::write(&path, "bob").unwrap();
        assert!(matches!(open(&path, noon()), Err(MeterError::Bad(_))));
    }

    #[test]
    fn one_digit_is_never_too_much_and_two_are() {
        let dir = tempfile::tempdir().unwrap();
        let meter = open(&dir.path().join(FILE), noon()).unwrap();
        let (one, two) = (network("192.0.2.1"), network("192.0.2.2"));
        let took = |who, prefix: &str| {
            let took = Took { bytes: 30 * MIB, digits: digits(prefix.parse().unwrap()) };
            meter.took((who, Class::Hourly), took, noon(), || MIB);
        };
        for prefix in ["4", "4b", "4bc", "4"] {
            took(one, prefix);
        }
        assert!(!meter.is_banned(one, noon()));
        took(two, "4b");
        assert!(!meter.is_banned(two, noon()));
        took(two, "5");
        assert!(meter.is_banned(two, noon()));
        took(one, "");
        assert!(meter.is_banned(one, noon()));
    }

    #[test]
    fn a_list_that_cannot_be_written_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store").join(FILE);
        let meter = open(&path, noon()).unwrap();
        let watcher = network("192.0.2.7");
        let took = Took { bytes: 11 * MIB, digits: u16::MAX };
        meter.took((watcher, Class::Hourly), took, noon(), || 0);
        assert!(meter.is_banned(watcher, noon()), "in memory all the same");
        std::fs::create_dir(dir.path().join("store")).unwrap();
        meter.chores(noon());
        assert!(open(&path, noon()).unwrap().is_banned(watcher, noon()));
    }

    #[test]
    fn a_full_list_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut bans = Bans::default();
        for n in 0..crate::node::bans::BANS as u16 {
            let network = Network::V6([0x2001, 0xdb81, 0xffff - n, 0x1fff]);
            let (bytes, fullest) = (i64::MAX as u64, i64::MAX as u64);
            bans.add(Ban { network, class: Class::Hourly, bytes, fullest, from: noon() });
        }
        write(&path, &bans).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < LONGEST);
        assert_eq!(open(&path, noon()).unwrap().banned(noon()), crate::node::bans::BANS);
    }

    #[test]
    fn the_price_doubles_with_each_eighth_beyond_the_half() {
        let prices = [0, 1, 499, 500, 624, 625, 749, 750, 874, 875, 1000, 2000];
        let prices = prices.map(|used| price(4096, used, 1000) / 4096);
        assert_eq!(prices, [1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 16]);
        assert_eq!(price(1, 5, 0), 16);
    }
}
