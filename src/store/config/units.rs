//! Lengths of time and sizes as people write them: `3h`, `30d`, `25 MiB`. Whole numbers and one
//! unit; a number alone is refused, since nobody remembers of what. Specified in poste-files(5),
//! Configuration.

use crate::core::time::{DAY, HOUR, MINUTE};

/// The text is not a number and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUnit {
    /// Not a length of time.
    #[error("a length of time is a number and s, m, h, d or w, such as 3h or 30d")]
    Duration,
    /// Not a size.
    #[error("a size is a number and B, KiB, MiB or GiB, such as 25 MiB")]
    Size,
}

const DURATIONS: [(&str, u64); 5] =
    [("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Seconds from a text such as `30d`, at most a hundred years.
pub fn duration(text: &str) -> Result<u64, BadUnit> {
    parse(text, &DURATIONS).filter(|s| *s <= 36_525 * DAY).ok_or(BadUnit::Duration)
}

/// Bytes from a text such as `25 MiB`.
pub fn size(text: &str) -> Result<u64, BadUnit> {
    parse(text, &SIZES).ok_or(BadUnit::Size)
}

/// Seconds in the largest unit that holds them evenly; weeks are written in days.
pub fn duration_text(seconds: u64) -> String {
    let (unit, count) = largest(seconds, &DURATIONS[1..]);
    format!("{count}{unit}")
}

/// Bytes in the largest unit that holds them evenly.
pub fn size_text(bytes: u64) -> String {
    let (unit, count) = largest(bytes, &SIZES);
    format!("{count} {unit}")
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let unit = text[end..].trim_start_matches(' ');
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    text[..end].parse::<u64>().ok()?.checked_mul(*factor)
}

fn largest<'a>(value: u64, units: &[(&'a str, u64)]) -> (&'a str, u64) {
    let even = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    even.map_or((units[units.len() - 1].0, value), |(name, factor)| (*name, value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for (text, seconds) in [("3h", 3 * HOUR), ("30d", 30 * DAY), ("90s", 90), ("0s", 0)] {
            assert_eq!(duration(text), Ok(seconds));
            assert_eq!(duration_text(seconds), text);
        }
        assert_eq!(duration("2w").map(duration_text), Ok("14d".to_owned()));
        for (text, bytes) in [("25 MiB", 25 << 20), ("1 GiB", 1 << 30), ("1025 B", 1025)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(size_text(bytes), text);
        }
        assert_eq!(size("25MiB"), Ok(25 << 20));
    }

    #[test]
    fn nothing_else_is_read() {
        for bad in ["", "3", "h", "-3h", "3 hours", "1.5h", "3H", "99999999w", "3h "] {
            assert_eq!(duration(bad), Err(BadUnit::Duration), "{bad}");
        }
        for bad in ["", "25", "25 MB", "MiB", "18446744073709551615 KiB", "٣ B"] {
            assert_eq!(size(bad), Err(BadUnit::Size), "{bad}");
        }
    }
}
