//! When a day's seed is published. Publishing cannot be taken back, and a seed published early
//! lets anybody forge letters that are still believed; so this is the one decision that errs on the
//! late side: it takes a good clock that no server contradicts. Nothing here publishes.
//! Specified in poste-protocol(7), Day keys.

use crate::core::card::Card;
use crate::core::clock::{Clock, Record};
use crate::core::time::{DAY, Day, HOUR, Time};

/// Days between one disclosure and the next that may pass without the user's word.
const MOST_GAP: i64 = 40;
/// When servers' contradiction has held disclosure up for this many seconds, only those that the
/// user has chosen count.
const PATIENCE: u64 = 3 * DAY;

/// When the key of a day may be published: at 02:00 two days later.
pub fn disclosed_from(day: Day) -> Time {
    day.plus(2).start() + 2 * HOUR
}

/// The newest day whose seed is due at `now`, if the card that is published lists it and a newer
/// one than `last` can be disclosed.
pub fn due(now: Time, published: &Card, last: Option<Day>) -> Option<Day> {
    let newest = now.day().minus(2);
    let newest = if disclosed_from(newest) <= now { newest } else { newest.minus(1) };
    let newest = newest.min(published.last_day());
    let is_news = last.is_none_or(|last| newest > last);
    (is_news && newest >= published.first_day).then_some(newest)
}

/// Why a seed that is due is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// The clock is not good by itself.
    #[error("the clock is not known to be right")]
    Clock,
    /// This server says another time.
    #[error("{0} says that the clock is wrong")]
    Contradicted(String),
    /// So much time has passed since the last disclosure that the clock may have jumped.
    #[error("more than {MOST_GAP} days have passed since the last key was published")]
    Gap,
}

/// Whether the clock that shows `now` is good enough to publish a seed by. `held_up` is since when
/// contradiction has prevented it; `chosen` says which servers the user has named himself. With
/// `trust` the clock needs no server.
pub fn allowed(
    record: &Record,
    now: Time,
    held_up: Option<Time>,
    chosen: &dyn Fn(&str) -> bool,
    trust: bool,
) -> Result<(), NotNow> {
    let impatient = held_up.is_some_and(|since| now.since(since) >= PATIENCE);
    let mut record = record.clone();
    record.witnesses.retain(|witness| !impatient || chosen(&witness.server));
    let clock = record.judge(now, trust);
    let against = record.heard(now).find(|witness| !witness.agrees());
    match (clock, against) {
        (Clock::Good, _) if trust => Ok(()),
        (Clock::Good, None) => Ok(()),
        (_, Some(witness)) => Err(NotNow::Contradicted(witness.server.clone())),
        (_, None) => Err(NotNow::Clock),
    }
}

/// Whether so many days lie between the last disclosure, or the first day of the series, and the
/// day that is due that only the user's word can bridge them.
pub fn is_gap(last: Option<Day>, series: Time, due: Day) -> bool {
    due.days_since(last.unwrap_or(series.day())) > MOST_GAP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::card::tests::parts;
    use crate::core::time::MINUTE;

    fn heard(now: Time, said: &[(&str, i64)]) -> Record {
        let mut record = Record::default();
        for (server, offset) in said {
            let said = Time::from_unix((now.unix() as i64 + offset) as u64);
            record.hear(server, now, said);
        }
        record
    }

    #[test]
    fn a_seed_is_due_at_two_on_the_day_after_the_next_and_only_if_listed() {
        let (card, _, _) = parts();
        let first = card.first_day;
        let two = first.plus(2).start() + 2 * HOUR;
        assert_eq!(due(two - 1, &card, None), None);
        assert_eq!(due(two, &card, None), Some(first));
        assert_eq!(due(two, &card, Some(first)), None);
        assert_eq!(due(two + 5 * DAY, &card, Some(first)), Some(first.plus(5)));
        let long = due(two + 90 * DAY, &card, Some(first));
        assert_eq!(long, Some(card.last_day()), "a card that ended discloses its last day");
        assert_eq!(due(two + 90 * DAY, &card, long), None);
    }

    #[test]
    fn no_server_may_contradict_but_a_liar_delays_by_three_days_at_most() {
        let (card, _, _) = parts();
        let now = card.first_day.plus(3).start();
        let chosen = |server: &str| server != "learnt";
        let lies = 3 * 3600;
        let ask = |said: &[(&str, i64)], held_up, trust| {
            allowed(&heard(now, said), now, held_up, &chosen, trust)
        };
        assert_eq!(ask(&[], None, false), Err(NotNow::Clock));
        assert_eq!(ask(&[("own", 0)], None, false), Ok(()));
        assert!(ask(&[("own", 11 * MINUTE as i64)], None, false).is_err());
        let contradicted = Err(NotNow::Contradicted("learnt".into()));
        let said = [("own", 0), ("other", 2), ("learnt", lies)];
        assert_eq!(ask(&said, None, false), contradicted);
        assert_eq!(ask(&said, Some(now - 3 * DAY + 1), false), contradicted);
        assert_eq!(ask(&said, Some(now - 3 * DAY), false), Ok(()));
        let many = [("own", 0), ("learnt", lies), ("learnt", lies + 1)];
        assert_eq!(ask(&many, Some(now - 3 * DAY), false), Ok(()));
        let said = [("own", lies), ("other", 2), ("more", 0)];
        assert!(ask(&said, Some(now - 9 * DAY), false).is_err(), "one's own choice counts");
        assert_eq!(ask(&said, None, true), Ok(()));
    }

    #[test]
    fn a_long_gap_needs_the_users_word() {
        let (card, _, _) = parts();
        let first = card.first_day;
        assert!(!is_gap(Some(first), card.series, first.plus(40)));
        assert!(is_gap(Some(first), card.series, first.plus(41)));
        assert!(!is_gap(None, card.series, card.series.day().plus(40)));
    }
}
