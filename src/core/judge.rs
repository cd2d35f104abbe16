//! Whether a letter that arrived is authentic. The MAC must hold under the highest series of
//! both, and it must have been stored while nobody but author and reader could have made it.
//! Everything else is unproven and has no effect. Specified in poste-protocol(7), Authentication.

use crate::core::auth::{MacKey, Terms};
use crate::core::keys::{DhPublic, DhSecret, SignPublic};
use crate::core::letter::Letter;
use crate::core::time::{Day, Time};

/// The reader's side.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// `S_B`.
    pub sign: SignPublic,
    /// The DH key of the reader's highest series.
    pub dh: &'a DhSecret,
}

/// What the reader knew of the author when the letter was stored.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    /// `S_A`.
    pub sign: SignPublic,
    /// `X_A[d]` of the author's highest series, for the day that the letter names; `None` if no
    /// card at hand lists it.
    pub day_key: Option<DhPublic>,
    /// The newest day of that series whose seed the reader held, the letter's own included.
    pub held: Option<Day>,
}

/// How and when a letter was stored.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When its last cell, or the file, was stored.
    pub stored: Time,
    /// Whether the clock was good then.
    pub clock_is_good: bool,
}

/// What a letter is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// From its author, and it takes effect.
    Authentic,
    /// The card at hand does not list its day: it waits for a newer one.
    Unlisted,
    /// It proves nothing.
    Unproven(Why),
}

/// Why a letter is unproven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The own clock was not good.
    #[error("the clock was not known to be right when it arrived")]
    Clock,
    /// The seed of its day, or of a later one, was public already.
    #[error("the key of its day was disclosed already")]
    Disclosed,
    /// Its day is after tomorrow.
    #[error("it names a day that has not come")]
    Future,
    /// Stored after the day following its own.
    #[error("it came later than the day after its own")]
    Late,
    /// The MAC does not hold.
    #[error("its authentication does not hold")]
    Mac,
}

impl Why {
    /// The word for it in a quarantined letter.
    pub fn word(self) -> &'static str {
        match self {
            Why::Clock => "clock",
            Why::Disclosed => "disclosed",
            Why::Future => "future",
            Why::Late => "late",
            Why::Mac => "mac",
        }
    }
}

/// Judges a letter.
pub fn judge(
    letter: &Letter<'_>,
    author: &Author,
    reader: &Reader<'_>,
    arrival: Arrival,
) -> Verdict {
    let day = letter.control.day;
    let today = arrival.stored.day();
    if day > today.plus(1) {
        return Verdict::Unproven(Why::Future);
    }
    if arrival.stored >= day.plus(2).start() {
        return Verdict::Unproven(Why::Late);
    }
    if author.held.is_some_and(|held| held >= day) {
        return Verdict::Unproven(Why::Disclosed);
    }
    let Some(day_key) = author.day_key else { return Verdict::Unlisted };
    let terms = Terms {
        author: author.sign,
        day_key,
        day,
        reader: reader.sign,
        reader_dh: reader.dh.public(),
    };
    if !MacKey::by_reader(&terms, reader.dh).is_ok_and(|key| letter.holds(&key)) {
        return Verdict::Unproven(Why::Mac);
    }
    if !arrival.clock_is_good {
        return Verdict::Unproven(Why::Clock);
    }
    Verdict::Authentic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::chain::Chain;
    use crate::core::keys::{LetterId, SignSecret};
    use crate::core::letter::Control;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::{DAY, HOUR};

    struct World {
        sign: SignSecret,
        chain: Chain,
        reader: SignSecret,
        dh: DhSecret,
    }

    fn world() -> World {
        let mut rng = Fixed::new(1);
        World {
            sign: SignSecret::generate(&mut rng),
            chain: Chain::generate(day(), &mut rng),
            reader: SignSecret::generate(&mut rng),
            dh: DhSecret::generate(&mut rng),
        }
    }

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    impl World {
        fn letter(&self, day: Day) -> Vec<u8> {
            let day_key = self.chain.day_key(day).unwrap();
            let terms = Terms {
                author: self.sign.public(),
                day_key: day_key.public(),
                day,
                reader: self.reader.public(),
                reader_dh: self.dh.public(),
            };
            let key = MacKey::by_day_key(&terms, &day_key).unwrap();
            let id = LetterId::generate(&mut Fixed::new(2));
            let from = self.sign.public().fingerprint();
            Control::new(id, from, day.start(), day).write(b"mail", &key).unwrap().to_vec()
        }

        fn judged(&self, stored: Time, clock_is_good: bool, held: Option<Day>) -> Verdict {
            let bytes = self.letter(day());
            let letter = Letter::read(&bytes).unwrap();
            let author = Author {
                sign: self.sign.public(),
                day_key: Some(self.chain.day_key(day()).unwrap().public()),
                held,
            };
            let reader = Reader { sign: self.reader.public(), dh: &self.dh };
            judge(&letter, &author, &reader, Arrival { stored, clock_is_good })
        }
    }

    #[test]
    fn authentic_until_the_end_of_the_next_day() {
        let world = world();
        let end = day().plus(2).start();
        assert_eq!(world.judged(day().start(), true, None), Verdict::Authentic);
        assert_eq!(world.judged(day().start() - HOUR, true, None), Verdict::Authentic);
        assert_eq!(world.judged(end - 1, true, None), Verdict::Authentic);
        assert_eq!(world.judged(end, true, None), Verdict::Unproven(Why::Late));
        let early = day().start() - DAY - 1;
        assert_eq!(world.judged(early, true, None), Verdict::Unproven(Why::Future));
    }

    #[test]
    fn a_bad_clock_or_a_known_seed_makes_it_unproven() {
        let world = world();
        let noon = day().start() + 12 * HOUR;
        assert_eq!(world.judged(noon, false, None), Verdict::Unproven(Why::Clock));
        assert_eq!(world.judged(noon, true, Some(day().minus(1))), Verdict::Authentic);
        for held in [day(), day().plus(1)] {
            let verdict = world.judged(noon, true, Some(held));
            assert_eq!(verdict, Verdict::Unproven(Why::Disclosed), "a slow clock and a seed");
        }
    }

    #[test]
    fn another_reader_author_or_day_does_not_hold() {
        let world = world();
        let noon = Arrival { stored: day().start() + 12 * HOUR, clock_is_good: true };
        let bytes = world.letter(day());
        let letter = Letter::read(&bytes).unwrap();
        let day_key = world.chain.day_key(day()).unwrap().public();
        let author = Author { sign: world.sign.public(), day_key: Some(day_key), held: None };
        let reader = Reader { sign: world.reader.public(), dh: &world.dh };
        let unproven = Verdict::Unproven(Why::Mac);
        let other = DhSecret::from_bytes([5; 32]);
        assert_eq!(judge(&letter, &author, &Reader { dh: &other, ..reader }, noon), unproven);
        let swapped = Reader { sign: world.sign.public(), ..reader };
        assert_eq!(judge(&letter, &author, &swapped, noon), unproven);
        let next = world.chain.day_key(day().plus(1)).unwrap().public();
        let wrong_day = Author { day_key: Some(next), ..author };
        assert_eq!(judge(&letter, &wrong_day, &reader, noon), unproven);
        let unlisted = Author { day_key: None, ..author };
        assert_eq!(judge(&letter, &unlisted, &reader, noon), Verdict::Unlisted);
    }
}
