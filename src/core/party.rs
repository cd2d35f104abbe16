//! Who can authenticate a message: what is known of two people's keys, and the keys for the pair
//! and day that follow from it. Verifying, forging, editing and importing ask the same question
//! here and so get the same answer; what differs is only how much of the keys one holds. Nothing
//! here tells a genuine message from a forged one, since nothing can.
//! Specified in poste-protocol(7), Day keys and Filed form.

use crate::core::auth::{MacKey, Terms};
use crate::core::card::{Card, Disclosed};
use crate::core::chain::Chain;
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
}

impl Party {
    /// A person as the public sees it: by a card and what it discloses.
    pub fn of_card(card: &Card, disclosed: Option<&Disclosed>) -> Party {
        let current = Series {
            number: card.series,
            dh: card.dh,
            dh_secret: None,
            listed: vec![(card.first_day, card.days.clone())],
            seed: disclosed.map(|d| (d.date, d.seed.clone())),
        };
        let retired = card.retired.iter().map(|old| Series {
            number: old.series,
            dh: old.dh,
            dh_secret: None,
            listed: Vec::new(),
            seed: Some((old.date, old.seed.clone())),
        });
        let mut series: Vec<Series> = std::iter::once(current).chain(retired).collect();
        series.sort_by_key(|s| std::cmp::Reverse(s.number));
        Party { sign: card.sign, series }
    }

    /// The same with `X` of more days of the card's series.
    pub fn and_days(mut self, first: Day, keys: &[DhPublic]) -> Party {
        if let Some(current) = self.series.first_mut() {
            current.listed.push((first, keys.to_vec()));
        }
        self
    }

    /// The same with a seed of the card's series, if it is of a later day than the one known.
    pub fn and_seed(mut self, day: Day, seed: &Seed) -> Party {
        if let Some(current) = self.series.first_mut()
            && current.seed.as_ref().is_none_or(|(known, _)| *known < day)
        {
            current.seed = Some((day, seed.clone()));
        }
        self
    }

    /// The same with the secrets of a series of one's own: its DH key, and its chain as far as it
    /// will be asked for.
    pub fn and_secrets(mut self, number: Time, dh: &DhSecret, chain: &Chain) -> Party {
        let seed = Some((chain.last(), chain.last_seed().clone()));
        match self.series.iter_mut().find(|s| s.number == number) {
            Some(known) => (known.dh_secret, known.seed) = (Some(dh.clone()), seed),
            None => {
                let (dh_secret, dh) = (Some(dh.clone()), dh.public());
                self.series.push(Series { number, dh, dh_secret, listed: Vec::new(), seed });
                self.series.sort_by_key(|s| std::cmp::Reverse(s.number));
            }
        }
        self
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

    /// The series in force on a day: two if it is the day on which one took the other's place, and
    /// for days before the first one the first.
    fn in_force(&self, day: Day) -> impl Iterator<Item = &Series> {
        let begun = |s: &Series| s.number.day() <= day;
        let newest = self.series.iter().position(begun).unwrap_or(self.series.len().max(1) - 1);
        let shared = self.series.get(newest).is_some_and(|s| s.number.day() == day);
        self.series.iter().skip(newest).take(if shared { 2 } else { 1 })
    }
}

impl Series {
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
