//! Buckets: class, period, the moments at which a period opens, closes and is wiped, and the
//! prefixes of 0–3 hex digits by which a bucket is sharded. The client and the node both take
//! every one of these rules from here.
//! Format: poste-protocol(7), Relay.

use crate::core::time::{DAY, Day, HOUR, MINUTE, Time};
use std::fmt;
use std::str::FromStr;

/// Bytes of a cell, the only unit that travels.
pub const CELL: usize = 4096;
/// A bucket takes cells from this many seconds before its period to as many after it.
pub const MARGIN: u64 = 5 * MINUTE;

/// How long a node keeps a cell, and how often a bucket changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// One bucket a UTC day, served only when closed.
    Daily,
    /// One bucket a UTC hour.
    Hourly,
}

impl Class {
    /// Length of a period in seconds.
    pub fn length(self) -> u64 {
        match self {
            Class::Daily => DAY,
            Class::Hourly => HOUR,
        }
    }

    /// `hourly` or `daily`.
    pub fn name(self) -> &'static str {
        match self {
            Class::Daily => "daily",
            Class::Hourly => "hourly",
        }
    }
}

/// One class and period: `hourly/2026-11-22T14` or `daily/2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    class: Class,
    start: Time,
}

impl Bucket {
    /// The bucket of `class` whose period holds `time`.
    pub fn at(class: Class, time: Time) -> Bucket {
        Bucket { class, start: time - time.unix() % class.length() }
    }

    /// Its class.
    pub fn class(self) -> Class {
        self.class
    }

    /// First second of the period.
    pub fn start(self) -> Time {
        self.start
    }

    /// First second after the period.
    pub fn end(self) -> Time {
        self.start + self.class.length()
    }

    /// From this moment on cells are taken.
    pub fn opens(self) -> Time {
        self.start - MARGIN
    }

    /// From this moment on no cell is taken, and what is served does not change any more.
    pub fn closes(self) -> Time {
        self.end() + MARGIN
    }

    /// From this moment on nothing of it is left.
    pub fn wiped(self) -> Time {
        self.end() + self.class.length()
    }

    /// Whether a node takes cells for it at `now`.
    pub fn is_open(self, now: Time) -> bool {
        self.opens() <= now && now < self.closes()
    }

    /// Whether it is complete at `now` (and perhaps wiped).
    pub fn is_closed(self, now: Time) -> bool {
        now >= self.closes()
    }

    /// Whether nothing of it may be left at `now`.
    pub fn is_wiped(self, now: Time) -> bool {
        now >= self.wiped()
    }

    /// The UTC day in which the period lies: the day by whose key its letters are authenticated.
    pub fn day(self) -> Day {
        self.start.day()
    }

    /// The bucket before it.
    pub fn previous(self) -> Bucket {
        Bucket::at(self.class, self.start - 1)
    }

    /// The bucket after it.
    pub fn next(self) -> Bucket {
        Bucket::at(self.class, self.end())
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Class::Daily => write!(f, "daily/{}", self.day()),
            Class::Hourly => {
                let hour = self.start.unix() % DAY / HOUR;
                write!(f, "hourly/{}T{hour:02}", self.day())
            }
        }
    }
}

/// The text names no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a bucket such as hourly/2026-11-22T14 or daily/2026-11-22")]
pub struct BadBucket;

impl FromStr for Bucket {
    type Err = BadBucket;
    fn from_str(text: &str) -> Result<Bucket, BadBucket> {
        let (class, period) = text.split_once('/').ok_or(BadBucket)?;
        match class {
            "daily" => {
                let day: Day = period.parse().map_err(|_| BadBucket)?;
                Ok(Bucket::at(Class::Daily, day.start()))
            }
            "hourly" => {
                let (day, hour) = period.split_once('T').ok_or(BadBucket)?;
                let day: Day = day.parse().map_err(|_| BadBucket)?;
                if hour.len() != 2 || !hour.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(BadBucket);
                }
                let hour: u64 = hour.parse().map_err(|_| BadBucket)?;
                if hour > 23 {
                    return Err(BadBucket);
                }
                Ok(Bucket::at(Class::Hourly, day.start() + hour * HOUR))
            }
            _ => Err(BadBucket),
        }
    }
}

/// 0–3 hex digits: the listen digits of a card, or the prefix of a download. Digit 1 is the high
/// nibble of byte 0 of a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    length: u8,
    nibbles: [u8; 3],
}

impl Prefix {
    /// The first `length` (at most 3) digits of `bytes`, a fingerprint or a destination.
    pub fn of(bytes: &[u8; 32], length: usize) -> Prefix {
        let all = [bytes[0] >> 4, bytes[0] & 15, bytes[1] >> 4];
        let length = length.min(3);
        let mut nibbles = [0; 3];
        nibbles[..length].copy_from_slice(&all[..length]);
        Prefix { length: length as u8, nibbles }
    }

    /// How many digits.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether it has no digit, and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether a destination begins with these digits.
    pub fn matches(&self, destination: &[u8]) -> bool {
        self.nibbles[..self.len()].iter().enumerate().all(|(i, nibble)| {
            destination
                .get(i / 2)
                .is_some_and(|byte| (if i % 2 == 0 { byte >> 4 } else { byte & 15 }) == *nibble)
        })
    }

    /// Overwrites the first digits of a destination with these.
    pub fn write_to(&self, destination: &mut [u8; 16]) {
        for (i, nibble) in self.nibbles[..self.len()].iter().enumerate() {
            let byte = &mut destination[i / 2];
            *byte = if i % 2 == 0 { *byte & 15 | nibble << 4 } else { *byte & 0xf0 | nibble };
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nibbles[..self.len()].iter().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

/// The text is not 0–3 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 0 to 3 lower-case hex digits")]
pub struct BadPrefix;

impl FromStr for Prefix {
    type Err = BadPrefix;
    fn from_str(text: &str) -> Result<Prefix, BadPrefix> {
        if text.len() > 3 {
            return Err(BadPrefix);
        }
        let mut nibbles = [0; 3];
        for (nibble, digit) in nibbles.iter_mut().zip(text.bytes()) {
            *nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(BadPrefix),
            };
        }
        Ok(Prefix { length: text.len() as u8, nibbles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_written_and_read() {
        for text in ["hourly/2026-11-22T14", "daily/2026-11-22", "hourly/2026-11-22T00"] {
            assert_eq!(text.parse::<Bucket>().unwrap().to_string(), text);
        }
        for bad in [
            "hourly/2026-11-22",
            "daily/2026-11-22T14",
            "hourly/2026-11-22T24",
            "weekly/1",
            "hourly/2026-11-22T1",
            "hourly/2026-11-22T+1",
            "daily/2026-02-30",
            "daily",
        ] {
            assert!(bad.parse::<Bucket>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hourly_moments() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let at = |text: &str| {
            let (h, m) = text.split_once(':').unwrap();
            bucket.day().start() + h.parse::<u64>().unwrap() * HOUR + m.parse::<u64>().unwrap() * 60
        };
        assert_eq!(bucket.opens(), at("13:55"));
        assert_eq!(bucket.closes(), at("15:05"));
        assert_eq!(bucket.wiped(), at("16:00"));
        assert!(bucket.is_open(at("13:55")) && !bucket.is_open(at("13:55") - 1));
        assert!(bucket.is_open(at("15:05") - 1) && !bucket.is_open(at("15:05")));
        assert_eq!(bucket.next().previous(), bucket);
        assert_eq!(bucket.next().to_string(), "hourly/2026-11-22T15");
    }

    #[test]
    fn daily_is_wiped_at_the_end_of_the_day_after() {
        let bucket: Bucket = "daily/2026-11-22".parse().unwrap();
        assert_eq!(bucket.wiped(), "2026-11-24".parse::<Day>().unwrap().start());
    }

    #[test]
    fn prefixes_match_from_the_high_nibble() {
        let prefix: Prefix = "4bc".parse().unwrap();
        assert!(prefix.matches(&[0x4b, 0xc0]) && !prefix.matches(&[0x4b, 0xd0]));
        let mut destination = [0xff; 16];
        prefix.write_to(&mut destination);
        assert_eq!(&destination[..3], &[0x4b, 0xcf, 0xff]);
        assert_eq!(prefix.to_string(), "4bc");
        assert!("4B".parse::<Prefix>().is_err() && "4bcd".parse::<Prefix>().is_err());
        assert!("".parse::<Prefix>().unwrap().matches(&[]));
    }
}
