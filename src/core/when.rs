//! When a message is to have been written: a moment, or a day on which a plausible moment is drawn
//! from the hours in which people write. A draw needs nothing but the given randomness.
//! Specified in poste(1), forge.

use crate::core::random::{Random, below};
use crate::core::time::{Day, HOUR, MINUTE, Time};
use std::str::FromStr;

/// How much is written in each hour of the day, UTC: little at night, most in the evening.
const HOURS: [u64; 24] =
    [3, 2, 1, 1, 1, 2, 5, 9, 12, 12, 11, 11, 13, 12, 11, 10, 10, 11, 13, 15, 16, 15, 11, 6];

/// A moment, or a day of which any moment will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Sometime on that UTC day.
    Day(Day),
    /// Then.
    Moment(Time),
}

/// The text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date of the form 2026-11-22 or 2026-11-22T16:05, in UTC")]
pub struct BadDate;

impl FromStr for When {
    type Err = BadDate;
    fn from_str(text: &str) -> Result<When, BadDate> {
        let Some((day, time)) = text.split_once(['T', ' ']) else {
            return text.parse().map(When::Day).map_err(|_| BadDate);
        };
        let day: Day = day.parse().map_err(|_| BadDate)?;
        let time = time.strip_suffix('Z').unwrap_or(time);
        let parts: Vec<&str> = time.split(':').collect();
        let number = |part: &&str, below: u64| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten().filter(|n: &u64| *n < below)
        };
        let seconds = match parts.as_slice() {
            [hour, minute] => Some((number(hour, 24), number(minute, 60), Some(0))),
            [hour, minute, second] => {
                Some((number(hour, 24), number(minute, 60), number(second, 60)))
            }
            _ => None,
        };
        match seconds {
            Some((Some(hour), Some(minute), Some(second))) => {
                Ok(When::Moment(day.start() + hour * HOUR + minute * MINUTE + second))
            }
            _ => Err(BadDate),
        }
    }
}

impl When {
    /// The moment, to the minute; of a day one before `now` if there is one.
    pub fn moment(self, now: Time, rng: &mut dyn Random) -> Time {
        let day = match self {
            When::Moment(time) => return time.minute(),
            When::Day(day) => day,
        };
        // Of today only what has passed.
        let end = (day.start() + 24 * HOUR).min(now.max(day.start() + MINUTE));
        loop {
            let hour = draw(rng);
            let time = day.start() + hour * HOUR + below(rng, 60) * MINUTE;
            if time < end {
                return time;
            }
            if end.since(day.start()) < 24 * HOUR {
                return day.start() + below(rng, end.since(day.start())) / MINUTE * MINUTE;
            }
        }
    }
}

fn draw(rng: &mut dyn Random) -> u64 {
    let mut left = below(rng, HOURS.iter().sum());
    for (hour, weight) in HOURS.iter().enumerate() {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return hour as u64,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn dates_are_read() {
        let day: Day = "2026-11-22".parse().unwrap();
        assert_eq!("2026-11-22".parse(), Ok(When::Day(day)));
        let time = day.start() + 16 * HOUR + 5 * MINUTE;
        for text in ["2026-11-22T16:05", "2026-11-22 16:05", "2026-11-22T16:05:00Z"] {
            assert_eq!(text.parse(), Ok(When::Moment(time)), "{text}");
        }
        for bad in ["", "yesterday", "2026-11-22T", "2026-11-22T24:00", "2026-11-22T1:05", "T16:05"]
        {
            assert_eq!(bad.parse::<When>(), Err(BadDate), "{bad}");
        }
    }

    #[test]
    fn moments_lie_on_the_day_before_now_and_mostly_not_at_night() {
        let day: Day = "2026-11-22".parse().unwrap();
        let mut rng = Fixed::new(1);
        let mut night = 0;
        for _ in 0..1000 {
            let time = When::Day(day).moment(day.plus(9).start(), &mut rng);
            assert_eq!((time.day(), time.unix() % MINUTE), (day, 0));
            night += usize::from(time.since(day.start()) < 6 * HOUR);
        }
        assert!((10..120).contains(&night), "{night}");
        for minutes in [0, 1, 90] {
            let now = day.start() + minutes * MINUTE;
            let time = When::Day(day).moment(now, &mut rng);
            assert!(time.day() == day && time <= now, "{minutes}");
        }
        let given = When::Moment(day.start() + 61);
        assert_eq!(given.moment(day.start(), &mut rng), day.start() + MINUTE);
    }
}
