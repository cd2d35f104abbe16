//! When somebody syncs who has no cron: at the minutes of `examples/crontab`, each time by a jitter
//! later, so that the moment tells no more than that. Relays forget an hourly bucket an hour after
//! its end; these minutes and the longest jitter lie within 6 to 55, in which an hourly listener
//! has to sync once. Specified in poste(1), watch.

use crate::core::random::{Random, below};
use crate::core::time::{HOUR, MINUTE, Time};

/// Minutes after the full hour, in UTC, at which the jitter begins.
const MINUTES: [u64; 2] = [11, 41];
/// The jitter is shorter than so many seconds.
const JITTER: u64 = 13 * MINUTE;
/// No moment that was drawn lies further ahead, in seconds.
const FURTHEST: u64 = 30 * MINUTE + JITTER;

/// The moment of the next sync after `now`: a random one behind the next of the minutes.
pub fn next(now: Time, dice: &mut dyn Random) -> Time {
    let hour = now.unix() - now.unix() % HOUR;
    let marks = [hour, hour + HOUR].into_iter().flat_map(|h| MINUTES.map(|m| h + m * MINUTE));
    let mark = marks.into_iter().find(|mark| *mark > now.unix()).unwrap_or(hour + HOUR);
    Time::from_unix(mark + below(dice, JITTER))
}

/// Seconds from `now` to a moment that [`next`] gave; `None` if the clock was set back meanwhile,
/// so that another has to be drawn.
pub fn until(moment: Time, now: Time) -> Option<u64> {
    Some(moment.since(now)).filter(|seconds| *seconds <= FURTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    /// 2026-11-22T10:00:00Z.
    const TEN: u64 = 1_795_341_600;

    fn at(minute: u64, second: u64) -> Time {
        Time::from_unix(TEN + minute * MINUTE + second)
    }

    #[test]
    fn the_next_moment_lies_behind_the_next_of_the_minutes() {
        let mut dice = Fixed::new(1);
        for (now, mark) in [
            (at(0, 0), 11),
            (at(10, 59), 11),
            (at(11, 0), 41),
            (at(24, 0), 41),
            (at(40, 59), 41),
            (at(41, 0), 71),
            (at(59, 59), 71),
        ] {
            for _ in 0..200 {
                let moment = next(now, &mut dice);
                assert!((at(mark, 0)..at(mark + 13, 0)).contains(&moment), "{now:?} {moment:?}");
                assert!(until(moment, now).is_some());
            }
        }
    }

    #[test]
    fn every_hour_has_a_sync_in_the_minutes_that_an_hourly_listener_needs() {
        let mut dice = Fixed::new(2);
        let mut now = at(0, 7);
        for _ in 0..1000 {
            let moment = next(now, &mut dice);
            let minute = moment.unix() % HOUR / MINUTE;
            assert!((6..55).contains(&minute), "{minute}");
            assert!(moment.since(now) <= FURTHEST && moment > now);
            now = moment;
        }
        let hours = now.since(at(0, 0)) / HOUR;
        assert!((499..=500).contains(&hours), "two an hour: {hours}");
    }

    #[test]
    fn the_whole_jitter_is_used_and_no_moment_is_favoured() {
        let mut dice = Fixed::new(3);
        let mut minutes = [0; 13];
        for _ in 0..13_000 {
            minutes[(next(at(0, 0), &mut dice).since(at(11, 0)) / MINUTE) as usize] += 1;
        }
        assert!(minutes.iter().all(|count| (850..1150).contains(count)), "{minutes:?}");
    }

    #[test]
    fn a_clock_that_was_set_back_has_another_moment_drawn() {
        let moment = next(at(0, 0), &mut Fixed::new(4));
        assert_eq!(until(moment, moment + HOUR), Some(0), "late, after the machine slept");
        assert_eq!(until(moment, at(0, 0)), Some(moment.since(at(0, 0))));
        assert_eq!(until(moment, Time::from_unix(TEN - 24 * HOUR)), None);
    }
}
