//! Whether the clock is good. Servers' `Date` headers are witnesses; they never set it. A clock
//! that is not good makes every letter unproven and discloses nothing.
//! Specified in poste-protocol(7), Day keys.

use crate::core::time::{DAY, MINUTE, Time};
use serde::{Deserialize, Serialize};

/// A server agrees if its `Date` is within this many seconds of the own clock.
pub const TOLERANCE: u64 = 10 * MINUTE;
/// Servers heard longer ago than this many seconds do not count.
const MEMORY: u64 = DAY;
/// Servers remembered at most; the latest heard stay.
const MOST: usize = 64;

/// What one server said of the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Which server.
    pub server: String,
    /// Own time at which it was heard.
    pub heard: Time,
    /// What it said: its `Date`.
    pub said: Time,
}

/// What the client remembers of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The latest own time recorded.
    #[serde(default)]
    pub latest: Time,
    /// Servers heard over HTTPS or as onion services.
    #[serde(default)]
    pub witnesses: Vec<Witness>,
}

impl Clock {
    /// Whether it is known to be wrong: then nothing is dated by it that others heed.
    pub fn is_wrong(self) -> bool {
        matches!(self, Clock::Behind | Clock::Contradicted)
    }
}

/// A verdict on the own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Behind the latest time that the client itself recorded.
    Behind,
    /// Half or more of the servers heard contradict it.
    Contradicted,
    /// Good.
    Good,
    /// No server heard in the last 24 hours.
    Unwitnessed,
}

impl Record {
    /// Adds a witness, replacing what the same server said before.
    pub fn hear(&mut self, server: &str, now: Time, said: Time) {
        self.witnesses.retain(|w| w.server != server && now.since(w.heard) <= MEMORY);
        self.witnesses.push(Witness { server: server.to_owned(), heard: now, said });
        let surplus = self.witnesses.len().saturating_sub(MOST);
        self.witnesses.drain(..surplus);
    }

    /// Records the own time, unless it goes backwards.
    pub fn advance(&mut self, now: Time) {
        self.latest = self.latest.max(now);
    }

    /// Whether the clock that shows `now` is good. With `trust` it is good if it is not behind
    /// its own record, whatever servers say.
    pub fn judge(&self, now: Time, trust: bool) -> Clock {
        if now < self.latest {
            return Clock::Behind;
        }
        if trust {
            return Clock::Good;
        }
        let (heard, agree) = (self.heard(now).count(), self.heard(now).filter(|w| w.agrees()));
        match (heard, agree.count()) {
            (0, _) => Clock::Unwitnessed,
            (all, agree) if 2 * agree > all => Clock::Good,
            _ => Clock::Contradicted,
        }
    }

    /// The servers heard in the day before `now` that contradict the clock.
    pub fn contradicting(&self, now: Time) -> Vec<String> {
        self.heard(now).filter(|w| !w.agrees()).map(|w| w.server.clone()).collect()
    }

    /// What was heard in the last 24 hours.
    pub fn heard(&self, now: Time) -> impl Iterator<Item = &Witness> {
        self.witnesses.iter().filter(move |w| w.heard <= now && now.since(w.heard) <= MEMORY)
    }
}

impl Witness {
    /// Whether the server's time is within ten minutes of the own.
    pub fn agrees(&self) -> bool {
        self.heard.unix().abs_diff(self.said.unix()) <= TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_unix(1_795_356_000 + seconds)
    }

    /// What was heard in the last 24 hours.
    pub fn heard(said: &[i64]) -> Record {
        let mut record = Record::default();
        for (i, offset) in said.iter().enumerate() {
            record.hear(
                &format!("n{i}"),
                at(0),
                Time::from_unix((at(0).unix() as i64 + offset) as u64),
            );
        }
        record
    }

    #[test]
    fn more_than_half_must_agree_within_ten_minutes() {
        assert_eq!(heard(&[]).judge(at(0), false), Clock::Unwitnessed);
        assert_eq!(heard(&[600]).judge(at(0), false), Clock::Good);
        assert_eq!(heard(&[-601]).judge(at(0), false), Clock::Contradicted);
        assert_eq!(heard(&[0, 4000]).judge(at(0), false), Clock::Contradicted);
        assert_eq!(heard(&[0, 4000, 1]).judge(at(0), false), Clock::Good);
        assert_eq!(heard(&[0, 4000, 1]).contradicting(at(0)), ["n1"]);
        assert!(heard(&[0, 4000, 1]).contradicting(at(DAY + 1)).is_empty());
    }

    #[test]
    fn witnesses_count_for_a_day_and_once_each() {
        let mut record = heard(&[0]);
        assert_eq!(record.judge(at(DAY), false), Clock::Good);
        assert_eq!(record.judge(at(DAY + 1), false), Clock::Unwitnessed);
        for _ in 0..3 {
            record.hear("n1", at(1), at(9000));
        }
        assert_eq!(record.witnesses.len(), 2);
        for i in 0..200 {
            record.hear(&format!("m{i}"), at(2), at(2));
        }
        assert_eq!(record.witnesses.len(), MOST);
    }

    #[test]
    fn a_clock_behind_its_own_record_is_never_good() {
        let mut record = heard(&[0]);
        record.advance(at(10));
        record.advance(at(5));
        assert_eq!(record.judge(at(9), true), Clock::Behind);
        assert_eq!(record.judge(at(10), true), Clock::Good);
        assert_eq!(Record::default().judge(at(0), true), Clock::Good);
    }
}
