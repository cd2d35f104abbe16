//! How far syncing has come: which closed buckets were fetched from which node, when the daily
//! exchange was last done, when anybody last answered. It lies in the state directory; its loss
//! costs only repeats. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::traffic::Traffic;
use crate::core::bucket::Bucket;
use crate::core::clock;
use crate::core::encode::hex;
use crate::core::random::{Random, below};
use crate::core::time::{DAY, Day, HOUR, MINUTE, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const LIMIT: u64 = 4 << 20;
/// Sealings remembered at most: 35 bytes each.
const MOST_OPENED: usize = 50_000;

/// How far syncing has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Progress {
    /// When the last sync ended.
    pub last_sync: Time,
    /// When a node last answered.
    pub last_answer: Time,
    /// The day on which an outage was last reported.
    pub complained: Option<Day>,
    /// Seconds after midnight from which on the daily exchange is done; drawn once.
    pub daily_moment: Option<u64>,
    /// When the last daily exchange was done.
    pub daily_done: Time,
    /// `issued` of the own card that was last posted everywhere.
    pub published: Time,
    /// Since when a seed that is due could not be disclosed.
    pub disclosure_held: Option<Time>,
    /// The day on which it was last said that the card ends soon.
    pub warned: Option<Day>,
    /// `issued` of the own card in which something last changed that correspondents must know.
    pub material: Time,
    /// Closed buckets fetched whole, by node.
    pub fetched: BTreeMap<String, Vec<String>>,
    /// Sealings dealt with, by bucket: an open bucket is fetched again and again, and what is in
    /// it is no repetition by its sender.
    pub opened: BTreeMap<String, BTreeSet<String>>,
    /// Nodes that a card of one's own has named and the newest does not, and until when one
    /// listens there nevertheless.
    pub former: BTreeMap<String, Time>,
    /// The shorter prefix that is fetched until contacts know of a longer one.
    pub wider: Option<Wider>,
    /// What downloads have cost lately.
    pub traffic: Traffic,
}

/// A prefix that was lengthened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wider {
    /// Digits that it had.
    pub digits: usize,
    /// `issued` of the own card that first said more.
    pub issued: Time,
}

impl Progress {
    /// Reads it; a fresh one if there is none.
    pub fn load(places: &Places) -> Result<Progress, Error> {
        let known = atomic::read_toml(&places.cursors(), LIMIT).map_err(Error::fixed_by_sync)?;
        Ok(known.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&places.cursors(), self)
    }

    /// Whether the sync at `now` is the daily exchange: the first one after the home's moment,
    /// which lies between 00:10 and 23:00 and is drawn here if it was not yet. A machine that is
    /// asleep at its moment has its exchange when it wakes, be it on the next day.
    pub fn is_daily_exchange(&mut self, now: Time, rng: &mut dyn Random) -> bool {
        let span = 23 * HOUR - 10 * MINUTE;
        let moment = *self.daily_moment.get_or_insert_with(|| 10 * MINUTE + below(rng, span));
        let today = now.day().start();
        let moment = today + moment;
        let latest = if now < moment { moment - DAY } else { moment };
        // A home that never had one has missed none from before its first sync.
        let known = [self.daily_done, self.last_sync].into_iter().find(|t| *t != Time::default());
        let last = known.unwrap_or(today);
        // One in the future was done by a clock that has been set back since.
        last < latest || last > now
    }

    /// Whether the day's exchange is due or done at `now`, so that what it missed may be fetched.
    pub fn is_past_daily_moment(&self, now: Time) -> bool {
        let moment = self.daily_moment.is_some_and(|moment| now >= now.day().start() + moment);
        moment || self.daily_done.day() == now.day()
    }

    /// Whether a closed bucket was fetched from a node.
    pub fn was_fetched(&self, node: &str, bucket: Bucket) -> bool {
        let name = bucket.to_string();
        self.fetched.get(node).is_some_and(|buckets| buckets.contains(&name))
    }

    /// Whether a sealing in a bucket was dealt with already.
    pub fn was_opened(&self, bucket: Bucket, sealing: &[u8; 16]) -> bool {
        let sealing = hex(sealing);
        self.opened.get(&bucket.to_string()).is_some_and(|known| known.contains(&sealing))
    }

    /// Records that a sealing in a bucket was dealt with. There is a limit, so that nobody can make
    /// the file longer than may be read; beyond it, a letter is dealt with once more.
    pub fn opened(&mut self, bucket: Bucket, sealing: &[u8; 16]) {
        if self.opened.values().map(BTreeSet::len).sum::<usize>() < MOST_OPENED {
            self.opened.entry(bucket.to_string()).or_default().insert(hex(sealing));
        }
    }

    /// Forgets what concerns buckets wiped two days before `now`: a directory keeps them longer;
    /// and by a good clock, nodes on which one has listened long enough.
    pub fn forget(&mut self, now: Time, clock_is_good: bool) {
        let kept = |name: &String| {
            name.parse::<Bucket>().is_ok_and(|bucket| !bucket.is_wiped(now - 48 * HOUR))
        };
        self.fetched.values_mut().for_each(|buckets| buckets.retain(kept));
        self.fetched.retain(|_, buckets| !buckets.is_empty());
        self.opened.retain(|bucket, _| kept(bucket));
        self.former.retain(|_, until| *until > now || !clock_is_good);
    }

    /// Records that a closed bucket was fetched.
    pub fn fetched(&mut self, node: &str, bucket: Bucket) {
        if !self.was_fetched(node, bucket) {
            self.fetched.entry(node.to_owned()).or_default().push(bucket.to_string());
        }
    }
}

/// Reads what is remembered of the time.
pub fn load_clock(places: &Places) -> Result<clock::Record, Error> {
    let known = atomic::read_toml(&places.clock(), LIMIT).map_err(Error::fixed_by_sync)?;
    Ok(known.unwrap_or_default())
}

/// Writes what is remembered of the time.
pub fn save_clock(places: &Places, record: &clock::Record) -> Result<(), Error> {
    atomic::write_toml(&places.clock(), record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn who_sleeps_at_the_moment_has_the_exchange_on_waking() {
        let midnight = Time::from_unix(1_795_305_600);
        let daily_done = midnight - 16 * HOUR;
        let daily_moment = Some(20 * HOUR);
        let mut progress = Progress { daily_moment, daily_done, ..Progress::default() };
        let rng = &mut Fixed::new(1);
        for day in 0..5 {
            let morning = midnight + day * DAY + 8 * HOUR;
            assert!(progress.is_daily_exchange(morning, rng), "awake from 8 to 17, day {day}");
            progress.daily_done = morning;
            for hour in 1..9 {
                assert!(!progress.is_daily_exchange(morning + hour * HOUR, rng));
                assert!(progress.is_past_daily_moment(morning + hour * HOUR));
            }
        }
        progress.daily_done = midnight + 100 * DAY;
        assert!(progress.is_daily_exchange(midnight + 6 * DAY, rng), "the clock was set back");
    }

    #[test]
    fn a_new_home_has_its_first_exchange_at_its_moment() {
        let midnight = Time::from_unix(1_795_305_600);
        let mut progress = Progress::default();
        let rng = &mut Fixed::new(1);
        assert!(!progress.is_daily_exchange(midnight, rng));
        let moment = midnight + progress.daily_moment.unwrap();
        assert!(!progress.is_daily_exchange(moment - 1, rng));
        assert!(progress.is_daily_exchange(moment, rng));
        progress.last_sync = moment - 1;
        assert!(progress.is_daily_exchange(moment + 9 * HOUR, rng), "asleep since");
        progress.daily_done = moment;
        assert!(!progress.is_daily_exchange(moment + 23 * HOUR, rng));
        assert!(progress.is_daily_exchange(moment + DAY, rng));
    }
}
