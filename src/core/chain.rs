//! The day chain: one seed discloses all the past. Seeds hash backwards in time, and each gives
//! the X25519 key with which its owner authenticates on that UTC day.
//! Specified in poste-protocol(7), Day keys.

use crate::core::keys::{DhSecret, Seed};
use crate::core::prim;
use crate::core::random::Random;
use crate::core::time::Day;

/// Days that a series lasts: seeds are held for this many consecutive days.
pub const DAYS: u32 = 4096;

impl Seed {
    /// The seed of the day `days` earlier.
    pub fn earlier(&self, days: u32) -> Seed {
        (0..days).fold(self.clone(), |seed, _| {
            Seed::from_bytes(*prim::hkdf(seed.expose(), &[b"poste/1 chain"]))
        })
    }

    /// The day key that this seed gives for its day.
    pub fn day_key(&self, day: Day) -> DhSecret {
        let date = day.to_string();
        DhSecret::from_bytes(*prim::hkdf(self.expose(), &[b"poste/1 day key", date.as_bytes()]))
    }
}

/// A series' chain, held by the seed of its last day.
#[derive(Clone, Debug)]
pub struct Chain {
    first: Day,
    last: Day,
    last_seed: Seed,
    near: Option<(Day, Seed)>,
}

impl Chain {
    /// A new chain whose first day is `first`.
    pub fn generate(first: Day, rng: &mut dyn Random) -> Chain {
        Chain::new(first, Seed::generate(rng))
    }

    /// The chain that begins on `first` and whose last day, the 4096th, has this seed.
    pub fn new(first: Day, last_seed: Seed) -> Chain {
        Chain { first, last: first.plus(DAYS - 1), last_seed, near: None }
    }

    /// The same chain, with its seed of `day` at hand: from there the days just before it are a
    /// few steps away, and not thousands.
    pub fn with_near(self, day: Day, seed: Seed) -> Chain {
        Chain { near: Some((day, seed)), ..self }
    }

    /// The same chain as far as `day`, held by the seed of that day. `None` after the last day.
    pub fn until(&self, day: Day) -> Option<Chain> {
        Some(Chain { first: self.first, last: day, last_seed: self.seed(day)?, near: None })
    }

    /// First day of the series.
    pub fn first(&self) -> Day {
        self.first
    }

    /// Last day for which there is a seed.
    pub fn last(&self) -> Day {
        self.last
    }

    /// The seed of the last day, from which all others follow.
    pub fn last_seed(&self) -> &Seed {
        &self.last_seed
    }

    /// The seed of `day`, `None` after the last day. Days before the first have one too.
    pub fn seed(&self, day: Day) -> Option<Seed> {
        let near = self.near.as_ref().filter(|(near, _)| *near >= day);
        let (from, seed) = near.map_or((self.last, &self.last_seed), |(day, seed)| (*day, seed));
        let back = u32::try_from(from.days_since(day)).ok()?;
        Some(seed.earlier(back))
    }

    /// The day key of `day`, `None` after the last day.
    pub fn day_key(&self, day: Day) -> Option<DhSecret> {
        Some(self.seed(day)?.day_key(day))
    }

    /// Day keys of `count` days from `first` on, as far as the chain reaches.
    pub fn day_keys(&self, first: Day, count: u32) -> Vec<DhSecret> {
        let Some(last) = (0..count).rev().map(|i| first.plus(i)).find(|day| *day <= self.last())
        else {
            return Vec::new();
        };
        let Some(mut seed) = self.seed(last) else { return Vec::new() };
        let mut keys = Vec::new();
        let mut day = last;
        loop {
            keys.push(seed.day_key(day));
            if day == first {
                break;
            }
            seed = seed.earlier(1);
            day = day.minus(1);
        }
        keys.reverse();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_seed_gives_every_earlier_day_and_no_later_one() {
        let chain = Chain::generate(day("2026-11-22"), &mut Fixed::new(1));
        let disclosed = chain.seed(day("2026-12-01")).unwrap();
        let derived = disclosed.earlier(9).day_key(day("2026-11-22"));
        assert_eq!(derived.public(), chain.day_key(day("2026-11-22")).unwrap().public());
        assert_ne!(
            disclosed.day_key(day("2026-12-02")).public(),
            chain.day_key(day("2026-12-02")).unwrap().public()
        );
    }

    #[test]
    fn days_before_the_first_are_derived_on() {
        let chain = Chain::generate(day("2026-11-22"), &mut Fixed::new(1));
        let old = chain.seed(day("2025-10-18")).unwrap();
        assert_eq!(old.expose(), chain.seed(day("2026-11-22")).unwrap().earlier(400).expose());
    }

    #[test]
    fn a_shortened_chain_gives_the_same_keys_and_no_later_one() {
        let chain = Chain::generate(day("2026-11-22"), &mut Fixed::new(1));
        let short = chain.until(day("2026-12-01")).unwrap();
        for date in ["2026-11-20", "2026-11-30", "2026-12-01"] {
            let key = |chain: &Chain| chain.day_key(day(date)).unwrap().public();
            assert_eq!(key(&short), key(&chain));
        }
        assert!(short.day_key(day("2026-12-02")).is_none());
        let near = chain.clone().with_near(day("2026-12-01"), short.last_seed().clone());
        for date in ["2025-11-20", "2026-12-01", "2026-12-02", "2030-01-01"] {
            let key = |chain: &Chain| chain.day_key(day(date)).unwrap().public();
            assert_eq!(key(&near), key(&chain));
        }
        assert!(chain.until(chain.last().plus(1)).is_none());
    }

    #[test]
    fn the_chain_ends_after_4096_days() {
        let chain = Chain::generate(day("2026-11-22"), &mut Fixed::new(1));
        assert_eq!(chain.last(), day("2026-11-22").plus(4095));
        assert!(chain.seed(chain.last()).is_some());
        assert!(chain.seed(chain.last().plus(1)).is_none());
        assert_eq!(chain.day_keys(chain.last().minus(1), 5).len(), 2);
        let keys = chain.day_keys(day("2026-11-25"), 3);
        assert_eq!(keys[2].public(), chain.day_key(day("2026-11-27")).unwrap().public());
    }
}
