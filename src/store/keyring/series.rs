//! The series of one's own keys: the one in force, and those that are over. Of one that is over
//! nothing is kept that could be written by after its last day; what is kept verifies older
//! messages, and is disclosed for good. Specified in poste-files(5) and poste-protocol(7), Day keys.

use super::{Prekey, Transit};
use crate::core::card::Retired;
use crate::core::chain::Chain;
use crate::core::keys::{DhSecret, Seed};
use crate::core::random::Random;
use crate::core::time::{Day, Time};
use serde::{Deserialize, Serialize};

/// A series: its number, its DH key, its chain.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// The Unix second at which it was begun.
    pub number: Time,
    /// The secret of `I`.
    pub dh: DhSecret,
    /// First day of the chain.
    pub first_day: Day,
    /// Seed of the chain's last day.
    pub last_seed: Seed,
    /// A day soon to come and its seed, which follows from the last one by thousands of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Near>,
}

/// A day of the chain and its seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// The day.
    pub day: Day,
    /// Its seed.
    pub seed: Seed,
}

/// A series that is over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// The Unix second at which it was begun.
    pub number: Time,
    /// The secret of its `I`.
    pub dh: DhSecret,
    /// The last day on which letters were written by it.
    pub date: Day,
    /// Its seed of that day.
    pub seed: Seed,
}

impl Former {
    /// It as a card discloses it.
    pub fn retired(&self) -> Retired {
        let Former { number, dh, date, seed } = self;
        Retired { series: *number, dh: dh.public(), date: *date, seed: seed.clone() }
    }
}

impl Series {
    /// A new one, numbered `number`.
    pub(super) fn begin(number: Time, rng: &mut dyn Random) -> Series {
        Series {
            number,
            dh: DhSecret::generate(rng),
            first_day: number.day(),
            last_seed: Seed::generate(rng),
            near: None,
        }
    }
}

impl Transit {
    /// The day chain of the series in force.
    pub fn chain(&self) -> Chain {
        let chain = Chain::new(self.series.first_day, self.series.last_seed.clone());
        match &self.series.near {
            Some(near) => chain.with_near(near.day, near.seed.clone()),
            None => chain,
        }
    }

    /// Keeps the seed of `day` at hand, so that nobody derives it anew for each letter.
    pub fn bring_near(&mut self, day: Day) {
        if self.series.near.as_ref().is_none_or(|near| near.day < day) {
            self.series.near = self.chain().seed(day).map(|seed| Near { day, seed });
        }
    }

    /// Begins a new series at `now`, with a new prekey. The old one is over: its seeds of days to
    /// come are erased. The caller saves before a card names the new one.
    pub fn begin_series(&mut self, now: Time, rng: &mut dyn Random) {
        let number = now.max(self.series.number + 1);
        let chain = self.chain();
        let date = number.day().min(chain.last());
        let new = Series::begin(number, rng);
        let old = std::mem::replace(&mut self.series, new);
        let seed = chain.seed(date).expect("the chain reaches to its last day");
        self.former.push(Former { number: old.number, dh: old.dh, date, seed });
        self.prekey.push(Prekey::generate(now, rng));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::DAY;

    #[test]
    fn of_a_series_that_is_over_no_day_to_come_can_be_written_by() {
        let mut rng = Fixed::new(1);
        let now = Time::from_unix(1_795_356_000);
        let mut keys = Transit::generate(now, &mut rng);
        let (old, chain) = (keys.series.number, keys.chain());
        keys.begin_series(now + 40 * DAY, &mut rng);
        let today = (now + 40 * DAY).day();
        let [former] = keys.former.as_slice() else { panic!("{:?}", keys.former) };
        assert_eq!((former.number, former.date), (old, today));
        assert_eq!(former.seed.expose(), chain.seed(today).unwrap().expose());
        assert_eq!(keys.series.first_day, today);
        assert_eq!(keys.prekey.len(), 2);
        let text = keys.text();
        for secret in [chain.last_seed(), &chain.seed(today.plus(1)).unwrap()] {
            let written = toml::Value::try_from(secret).unwrap();
            assert!(!text.contains(written.as_str().unwrap()), "it is erased");
        }
        let again: Transit = toml::from_str(&text).unwrap();
        assert_eq!(*again.text(), *text);
    }

    #[test]
    fn a_second_one_within_the_second_has_a_number_of_its_own() {
        let mut rng = Fixed::new(2);
        let now = Time::from_unix(1_795_356_000);
        let mut keys = Transit::generate(now, &mut rng);
        keys.begin_series(now, &mut rng);
        keys.begin_series(now - DAY, &mut rng);
        assert!(keys.former[0].number < keys.former[1].number);
        assert!(keys.former[1].number < keys.series.number);
    }
}
