//! Who can authenticate a message: what is known of two people's keys, and the keys for the pair
//! and day that follow from it. Verifying, forging, editing and importing ask the same question
//! here and so get the same answer; what differs is only how much of the keys one holds. Nothing
//! here tells a genuine message from a forged one, since nothing can.
//! Specified in poste-protocol(7), Day keys and Filed form.

use crate::core::auth::{MacKey, Terms};
use crate::core::card::{Card, Disclosed};
use crate::core::keys::{DhPublic, DhSecret, Fingerprint, Seed, SignPublic};
use crate::core::time::{Day, Time};

/// What is known of one person's keys.
#[derive(Clone, Debug)]
pub struct Party {
    sign: SignPublic,
    /// Newest first.
    series: Vec<Series>,
}

/// What is known of one series.
#[derive(Clone, Debug)]
struct Series {
    number: Time,
    dh: DhPublic,
    dh_secret: Option<DhSecret>,
    /// Lists of `X`: the first day and the keys from there on.
    listed: Vec<(Day, Vec<DhPublic>)>,
    /// The newest day whose seed is known, and the seed.
    seed: Option<(Day, Seed)>,
    /// The last day on which it was written to, although a newer one had begun.
    until: Option<Day>,
}

impl Party {
    /// A person as the public sees it: by a card and what it discloses.
    pub fn of_card(card: &Card, disclosed: Option<&Disclosed>) -> Party {
        let mut party = Party { sign: card.sign, series: Vec::new() };
        for old in &card.retired {
            party.series(old.series, old.dh).learn(old.date, &old.seed);
        }
        let current = party.series(card.series, card.dh);
        current.listed.push((card.first_day, card.days.clone()));
        if let Some(disclosed) = disclosed {
            current.learn(disclosed.date, &disclosed.seed);
        }
        party
    }

    /// The same with a series that is over: letters were written to it until `until`, since nobody
    /// knew of the newer one before.
    pub fn and_former(mut self, number: Time, dh: DhPublic, until: Day) -> Party {
        self.series(number, dh).until = Some(until);
        self
    }

    /// The same with `X` of more days of a series that is known.
    pub fn and_days(mut self, number: Time, first: Day, keys: &[DhPublic]) -> Party {
        if let Some(known) = self.series.iter_mut().find(|s| s.number == number) {
            known.listed.push((first, keys.to_vec()));
        }
        self
    }

    /// The same with a seed of a series that is known, if it is of a later day than the one known.
    pub fn and_seed(mut self, number: Time, day: Day, seed: &Seed) -> Party {
        if let Some(known) = self.series.iter_mut().find(|s| s.number == number) {
            known.learn(day, seed);
        }
        self
    }

    /// The same with the secrets of a series of one's own: its DH key, and the seed of the last day
    /// that will be asked for.
    pub fn and_secrets(mut self, number: Time, dh: &DhSecret, day: Day, seed: &Seed) -> Party {
        let known = self.series(number, dh.public());
        (known.dh_secret, known.seed) = (Some(dh.clone()), Some((day, seed.clone())));
        self
    }

    /// The series of that number, which is added if it is not known.
    fn series(&mut self, number: Time, dh: DhPublic) -> &mut Series {
        // Newest first: those before the place are newer.
        let at = self.series.partition_point(|s| s.number > number);
        if self.series.get(at).is_none_or(|s| s.number != number) {
            let series =
                Series { number, dh, dh_secret: None, listed: Vec::new(), seed: None, until: None };
            self.series.insert(at, series);
        }
        &mut self.series[at]
    }

    /// The day on which the first series began: days before had no key until then.
    pub fn begun(&self) -> Option<Day> {
        self.series.last().map(|first| first.number.day())
    }

    /// Whose keys these are.
    pub fn fingerprint(&self) -> Fingerprint {
        self.sign.fingerprint()
    }

    /// `S`.
    pub fn sign(&self) -> SignPublic {
        self.sign
    }

    /// Whether the seed of the day's series is known for the day, so that its key is.
    pub fn has_seed(&self, day: Day) -> bool {
        self.in_force(day).any(|s| s.seed.as_ref().is_some_and(|(known, _)| *known >= day))
    }

    /// The days, first and last, for which the newest series lists a key or has a seed: from the
    /// first on every day before is known too if there is a seed.
    pub fn known_days(&self) -> Option<(Option<Day>, Day)> {
        let current = self.series.first()?;
        let ends =
            current.listed.iter().map(|(first, keys)| first.plus(keys.len() as u32).minus(1));
        let seed = current.seed.as_ref().map(|(day, _)| *day);
        let last = ends.chain(seed).max()?;
        let first = current.listed.iter().map(|(first, _)| *first).min();
        Some((if seed.is_some() { None } else { first }, last))
    }

    /// The series in force on a day, newest first: two if it is the day on which one took the
    /// other's place, or nobody knew of that yet; for days before the first one the first.
    fn in_force(&self, day: Day) -> impl Iterator<Item = &Series> {
        let begun = |s: &Series| s.number.day() <= day;
        let newest = self.series.iter().position(begun).unwrap_or(self.series.len().max(1) - 1);
        let mut shared = true;
        self.series.iter().skip(newest).take_while(move |series| {
            let is_in_force = shared || series.until.is_some_and(|until| day <= until);
            shared = series.number.day() == day;
            is_in_force
        })
    }
}

impl Series {
    fn learn(&mut self, day: Day, seed: &Seed) {
        if self.seed.as_ref().is_none_or(|(known, _)| *known < day) {
            self.seed = Some((day, seed.clone()));
        }
    }

    fn day_secret(&self, day: Day) -> Option<DhSecret> {
        let (last, seed) = self.seed.as_ref()?;
        let back = u32::try_from(last.days_since(day)).ok()?;
        Some(seed.earlier(back).day_key(day))
    }

    fn day_key(&self, day: Day) -> Option<DhPublic> {
        self.listed.iter().find_map(|(first, keys)| {
            keys.get(usize::try_from(day.days_since(*first)).ok()?).copied()
        })
    }
}

/// The keys that authenticate what `author` writes to `reader` on `day`, as far as the secrets of
/// either are known: by the author's day key, which after disclosure everybody has, or by the
/// reader's DH key. Several on a day that two series share; none if no secret is known.
pub fn mac_keys(author: &Party, reader: &Party, day: Day) -> Vec<MacKey> {
    let mut keys = Vec::new();
    for theirs in author.in_force(day) {
        let secret = theirs.day_secret(day);
        for ours in reader.in_force(day) {
            let Some(day_key) = secret.as_ref().map(DhSecret::public).or(theirs.day_key(day))
            else {
                continue;
            };
            let terms = Terms {
                author: author.sign,
                day_key,
                day,
                reader: reader.sign,
                reader_dh: ours.dh,
            };
            let key = match (&ours.dh_secret, &secret) {
                (Some(dh), _) => MacKey::by_reader(&terms, dh),
                (None, Some(secret)) => MacKey::by_day_key(&terms, secret),
                (None, None) => continue,
            };
            keys.extend(key.ok());
        }
    }
    keys
}

#[cfg(test)]
mod tests;
