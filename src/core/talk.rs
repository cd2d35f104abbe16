//! The rhythm of cover conversations: how long people take to answer, when they sleep, how much
//! they have to say, when they begin. It depends on the dice alone, never on mail, and times come
//! in as values. Specified in poste-protocol(7), Cover conversations.

use crate::core::random::{Random, below};
use crate::core::time::{DAY, HOUR, MINUTE, Time};
use serde::{Deserialize, Serialize};

/// Letters at most that either side writes in a conversation.
pub const MOST_LETTERS: u8 = 20;
/// Letters of all conversations at most that a home writes on a day.
pub const MOST_A_DAY: u32 = 50;
/// A conversation in which so many letters were not answered in a row is over.
pub const MOST_UNANSWERED: u8 = 2;
/// A conversation in which nothing was said for so many seconds is over.
pub const OVER: u64 = 2 * DAY;
/// Nobody answers sooner, in seconds, or later.
const SOONEST: u64 = 4 * MINUTE;
const LATEST: u64 = 12 * HOUR;
/// Whether somebody goes on is drawn after each letter: so many times of ten.
const GOES_ON: u64 = 8;
/// How many letters of ten are answered.
const ANSWERED: u64 = 8;
/// Seconds between the beginnings of two conversations, on average, and at most.
const APART: u64 = 5 * HOUR;

/// When a home is awake: once drawn, every day the same. It is drawn from the whole day, so that
/// it says nothing of where on earth the home is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waking {
    /// Since how many seconds after midnight.
    pub from: u64,
    /// For how many seconds.
    pub length: u64,
}

impl Waking {
    /// The hours of a home: 14 to 17 a day.
    pub fn draw(rng: &mut dyn Random) -> Waking {
        Waking { from: below(rng, DAY), length: 14 * HOUR + below(rng, 3 * HOUR) }
    }

    /// Whether one is awake at `now`.
    pub fn holds(&self, now: Time) -> bool {
        self.since(now) < self.length
    }

    /// `at`, or if one sleeps then, some moment in the hour after getting up.
    pub fn next(&self, at: Time, rng: &mut dyn Random) -> Time {
        match self.holds(at) {
            true => at,
            false => at + (DAY - self.since(at)) + below(rng, HOUR),
        }
    }

    /// Seconds since one last got up.
    fn since(&self, now: Time) -> u64 {
        (now.unix() + DAY - self.from % DAY) % DAY
    }
}

/// Seconds until somebody writes who has been written to: half of the time within ten minutes, one
/// time in twelve after more than an hour and a half (Pareto).
pub fn pause(rng: &mut dyn Random) -> u64 {
    let heavy = SOONEST as f64 * unit(rng).powf(-1.0 / 0.8);
    (heavy as u64).min(LATEST)
}

/// Seconds until somebody writes again who was not answered.
pub fn patience(rng: &mut dyn Random) -> u64 {
    6 * HOUR + below(rng, 18 * HOUR)
}

/// Letters that somebody writes who begins a conversation.
pub fn length(rng: &mut dyn Random) -> u8 {
    (1..MOST_LETTERS).find(|_| below(rng, 10) >= GOES_ON).unwrap_or(MOST_LETTERS)
}

/// Whether a letter is answered at all.
pub fn is_answered(rng: &mut dyn Random) -> bool {
    below(rng, 10) < ANSWERED
}

/// Seconds until the next conversation is begun: it may be any moment, and what was before does
/// not count.
pub fn apart(rng: &mut dyn Random) -> u64 {
    ((-unit(rng).ln() * APART as f64) as u64).min(4 * APART)
}

/// A number above 0, up to 1.
fn unit(rng: &mut dyn Random) -> f64 {
    const STEPS: u64 = 1 << 52;
    (below(rng, STEPS) + 1) as f64 / STEPS as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn drawn(draw: impl Fn(&mut dyn Random) -> u64) -> Vec<u64> {
        let rng = &mut Fixed::new(1);
        let mut all: Vec<u64> = (0..2000).map(|_| draw(rng)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn people_answer_in_minutes_or_in_hours() {
        let pauses = drawn(pause);
        assert!((8 * MINUTE..12 * MINUTE).contains(&pauses[1000]), "{}", pauses[1000]);
        assert!(pauses[1900] > 2 * HOUR, "{}", pauses[1900]);
        assert!(pauses[0] >= SOONEST && pauses[1999] <= LATEST);
        let waits = drawn(patience);
        assert!(waits[0] >= 6 * HOUR && waits[1999] < DAY);
    }

    #[test]
    fn conversations_are_short_or_long_and_never_longer() {
        let lengths = drawn(|rng| length(rng).into());
        assert_eq!((lengths[0], lengths[1999]), (1, u64::from(MOST_LETTERS)));
        assert!((3..=5).contains(&lengths[1000]), "{}", lengths[1000]);
        let beginnings = drawn(apart);
        let mean = beginnings.iter().sum::<u64>() / 2000;
        assert!((4 * HOUR..6 * HOUR).contains(&mean), "{mean}");
        assert!(beginnings[1999] <= 20 * HOUR);
        let answered = drawn(|rng| is_answered(rng).into()).iter().sum::<u64>();
        assert!((1500..1700).contains(&answered), "{answered}");
    }

    #[test]
    fn nobody_writes_at_night() {
        let rng = &mut Fixed::new(1);
        let midnight = Time::from_unix(1_795_305_600);
        let mut wakers = [0; 24];
        for _ in 0..500 {
            let waking = Waking::draw(rng);
            wakers[(waking.from / HOUR) as usize] += 1;
            let asleep = (0..24).filter(|hour| !waking.holds(midnight + hour * HOUR)).count();
            assert!((7..=10).contains(&asleep), "{asleep}");
            for hour in 0..24 {
                let at = midnight + hour * HOUR;
                let next = waking.next(at, rng);
                assert!(waking.holds(next) && next >= at && next.since(at) <= 11 * HOUR);
                assert!(!waking.holds(at) || next == at);
            }
        }
        assert!(wakers.iter().all(|count| *count > 5), "at any hour: {wakers:?}");
        let odd = Waking { from: u64::MAX, length: 0 };
        assert!(!odd.holds(midnight), "whatever a file says");
    }
}
