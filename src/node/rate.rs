//! How fast bytes went in the last minutes, from the counters of all bytes: a number for each
//! direction, of which the larger counts. Pure: time comes in as a value.
//! Used for the saturation of posted(8), REPORTS.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Time between two looks at the counters.
pub const EVERY: Duration = Duration::from_secs(5);
/// Over how long the rate is taken.
pub const WINDOW: Duration = Duration::from_secs(300);

/// What the counters showed in the last minutes.
#[derive(Debug, Default)]
pub struct Rate(Mutex<VecDeque<Look>>);

/// What they showed at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Duration,
    received: u64,
    sent: u64,
}

impl Rate {
    /// Takes note of the counters at a moment of the monotonic clock, unless it has just done so.
    pub fn look(&self, at: Duration, received: u64, sent: u64) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.back().is_some_and(|last| at < last.at + EVERY) {
            return;
        }
        looks.push_back(Look { at, received, sent });
        while looks.front().is_some_and(|first| first.at + WINDOW < at) {
            looks.pop_front();
        }
    }

    /// Bytes a second in the direction in which more went; 0 before two looks.
    pub fn bytes_per_second(&self) -> u64 {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (looks.front(), looks.back()) else { return 0 };
        let received = last.received.saturating_sub(first.received);
        let sent = last.sent.saturating_sub(first.sent);
        let millis = (last.at - first.at).as_millis().max(1);
        let rate = u128::from(received.max(sent)) * 1000 / millis;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_direction_of_the_last_five_minutes_counts() {
        let rate = Rate::default();
        let at = |seconds: u64| Duration::from_secs(1_000_000 + seconds);
        assert_eq!(rate.bytes_per_second(), 0);
        rate.look(at(0), 0, 0);
        assert_eq!(rate.bytes_per_second(), 0, "one look is no rate");
        rate.look(at(4), 1 << 40, 1 << 40);
        assert_eq!(rate.bytes_per_second(), 0, "too soon");
        rate.look(at(10), 500, 2000);
        assert_eq!(rate.bytes_per_second(), 200);
        rate.look(at(100), 50_000, 2000);
        assert_eq!(rate.bytes_per_second(), 500);
        for seconds in (105..=410).step_by(5) {
            rate.look(at(seconds), 50_000, 2000);
        }
        assert_eq!(rate.bytes_per_second(), 0, "what was long ago does not count");
        assert!(rate.0.lock().unwrap().len() <= 62);
    }
}
