//! Time as values: seconds since 1970 and UTC days, with the three ways they are written (TOML
//! date, text of a bucket, RFC 5322 date). Nothing here reads a clock.
//! Format: poste-protocol(7), Notation; RFC 5322 section 3.3.

use jiff::civil;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// One minute, in seconds.
pub const MINUTE: u64 = 60;
/// One hour, in seconds.
pub const HOUR: u64 = 60 * MINUTE;
/// One day, in seconds.
pub const DAY: u64 = 24 * HOUR;

/// The last second handled: two days before the end of the year 9999, which jiff can represent.
const LAST: u64 = 253_402_127_999;

/// A moment: whole seconds since 1970-01-01T00:00:00Z, at most the end of 9999-12-29.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The moment `seconds` after 1970; later ones than 9999-12-29 become its end.
    pub fn from_unix(seconds: u64) -> Time {
        Time(seconds.min(LAST))
    }

    /// Seconds since 1970.
    pub fn unix(self) -> u64 {
        self.0
    }

    /// The UTC day in which the moment lies.
    pub fn day(self) -> Day {
        Day((self.0 / DAY) as u32)
    }

    /// Seconds from `earlier` to this moment, 0 if it is not earlier.
    pub fn since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment rounded down to the minute.
    pub fn minute(self) -> Time {
        Time(self.0 - self.0 % MINUTE)
    }

    /// As RFC 5322 writes it, in UTC: `Sun, 01 Nov 2026 10:11:00 +0000`.
    pub fn rfc5322(self) -> String {
        civil_time(self).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// `2026-11-01T10:11:00Z`.
    pub fn iso(self) -> String {
        civil_time(self).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Reads a date as RFC 5322 writes it, obsolete forms included; `None` if it is not one or
    /// lies outside the range.
    pub fn parse_rfc5322(text: &str) -> Option<Time> {
        let zoned = jiff::fmt::rfc2822::DateTimeParser::new()
            .relaxed_weekday(true)
            .parse_zoned(text.trim())
            .ok()?;
        let seconds = u64::try_from(zoned.timestamp().as_second()).ok()?;
        (seconds <= LAST).then_some(Time(seconds))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        if seconds > LAST {
            return Err(serde::de::Error::custom("a time after the year 9999"));
        }
        Ok(Time(seconds))
    }
}

impl Add<u64> for Time {
    type Output = Time;
    fn add(self, seconds: u64) -> Time {
        Time::from_unix(self.0.saturating_add(seconds))
    }
}

impl Sub<u64> for Time {
    type Output = Time;
    fn sub(self, seconds: u64) -> Time {
        Time(self.0.saturating_sub(seconds))
    }
}

/// A UTC day, counted from 1970-01-01. Written `2026-11-22`; in TOML as a local date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The first second of the day.
    pub fn start(self) -> Time {
        Time::from_unix(u64::from(self.0) * DAY)
    }

    /// The day `days` later.
    pub fn plus(self, days: u32) -> Day {
        Time::from_unix((u64::from(self.0) + u64::from(days)) * DAY).day()
    }

    /// The day `days` earlier, 1970-01-01 at the earliest.
    pub fn minus(self, days: u32) -> Day {
        Day(self.0.saturating_sub(days))
    }

    /// Days from `earlier` to this one; negative if it comes after.
    pub fn days_since(self, earlier: Day) -> i64 {
        i64::from(self.0) - i64::from(earlier.0)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = civil_time(self.start()).date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

/// The text is not a date of the form `2026-11-22` from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date of the form 2026-11-22")]
pub struct BadDay;

impl FromStr for Day {
    type Err = BadDay;
    fn from_str(text: &str) -> Result<Day, BadDay> {
        let digits = |range: std::ops::Range<usize>| -> Option<u16> {
            let part = text.get(range)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        };
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(BadDay);
        }
        let (year, month, day) = (
            digits(0..4).ok_or(BadDay)?,
            digits(5..7).ok_or(BadDay)?,
            digits(8..10).ok_or(BadDay)?,
        );
        let date = civil::Date::new(year as i16, month as i8, day as i8).map_err(|_| BadDay)?;
        let days = date.since((jiff::Unit::Day, civil::date(1970, 1, 1))).map_err(|_| BadDay)?;
        Ok(Day(u32::try_from(days.get_days()).map_err(|_| BadDay)?))
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let date: toml::value::Datetime =
            self.to_string().parse().map_err(serde::ser::Error::custom)?;
        date.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let value = toml::value::Datetime::deserialize(deserializer)?;
        value.to_string().parse().map_err(serde::de::Error::custom)
    }
}

fn civil_time(time: Time) -> civil::DateTime {
    let timestamp = jiff::Timestamp::from_second(time.0 as i64)
        .expect("a Time lies between 1970 and 9999-12-29, which jiff can represent");
    jiff::tz::TimeZone::UTC.to_datetime(timestamp)
}

/// A length of time in seconds as text, in the largest unit that is full.
pub fn age(seconds: u64) -> String {
    match seconds {
        DAY.. => format!("{}d", seconds / DAY),
        HOUR.. => format!("{}h", seconds / HOUR),
        _ => format!("{}m", seconds / MINUTE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_and_read() {
        let day: Day = "2026-11-22".parse().unwrap();
        assert_eq!(day.start(), Time::from_unix(1_795_305_600));
        assert_eq!(day.to_string(), "2026-11-22");
        assert_eq!(day.plus(9).to_string(), "2026-12-01");
        for bad in ["2026-11-31", "2026-1-01", "1969-12-31", "2026-11-22T00", "+026-11-22", ""] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc5322_dates_round_trip() {
        let time = Time::from_unix(1_793_527_860);
        assert_eq!(time.rfc5322(), "Sun, 01 Nov 2026 10:11:00 +0000");
        assert_eq!(Time::parse_rfc5322(&time.rfc5322()), Some(time));
        assert_eq!(Time::parse_rfc5322("1 Nov 2026 11:11 +0100"), Some(time));
        assert_eq!(Time::parse_rfc5322("yesterday"), None);
    }

    #[test]
    fn last_moment_is_written() {
        assert_eq!(Time::from_unix(u64::MAX).iso(), "9999-12-29T23:59:59Z");
        assert_eq!(Time::from_unix(u64::MAX).day().to_string(), "9999-12-29");
    }
}
