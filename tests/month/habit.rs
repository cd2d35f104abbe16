//! When people are at their machines. A machine syncs twice an hour while it is awake, at 11 and
//! 41 minutes past the hour and up to 14 minutes later, as `examples/` has it.

use poste::core::time::{DAY, HOUR, Time};

/// How somebody lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// A server, always on.
    Server,
    /// A server that syncs once an hour.
    Hourly,
    /// A laptop, from Monday to Friday, from 8 to 17, that syncs once an hour.
    Office,
    /// A laptop of the same hours that syncs twice an hour.
    Keen,
    /// A laptop, from 18 to 22 every day.
    Evening,
    /// A laptop that sleeps two days and is on for one.
    Sleeper,
    /// A laptop, from 8 to 23 every day, off from the one day of the month to the other.
    Away(u64, u64),
}

impl Habit {
    /// Whether the machine is on `now`, in a month that began at `start`.
    pub fn is_awake(self, start: Time, now: Time) -> bool {
        let hour = now.unix() % DAY / HOUR;
        // The first of January 1970 was a Thursday.
        let weekday = (now.unix() / DAY + 3) % 7;
        let day = now.since(start) / DAY;
        match self {
            Habit::Server => true,
            Habit::Hourly => now.unix().is_multiple_of(HOUR),
            Habit::Office => now.unix().is_multiple_of(HOUR) && Habit::Keen.is_awake(start, now),
            Habit::Keen => weekday < 5 && (8..17).contains(&hour),
            Habit::Evening => now.unix().is_multiple_of(HOUR) && (18..22).contains(&hour),
            Habit::Sleeper => {
                day.is_multiple_of(3) && now.unix().is_multiple_of(HOUR) && (8..23).contains(&hour)
            }
            Habit::Away(from, to) => {
                let on = now.unix().is_multiple_of(HOUR) && (8..23).contains(&hour);
                !(from..to).contains(&day) && on
            }
        }
    }

    /// Letters that somebody writes at one sync, in thousandths.
    pub fn zeal(self) -> u64 {
        match self {
            Habit::Server => 70,
            Habit::Hourly => 140,
            Habit::Keen => 170,
            Habit::Office | Habit::Away(..) => 300,
            Habit::Evening => 500,
            Habit::Sleeper => 250,
        }
    }
}
