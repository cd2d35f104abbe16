//! Contacts: one TOML file for each person accepted, named by petname, holding what is worth a
//! backup: identity, links, the newest card, day keys and seeds by which past letters verify. No
//! secret is in it. Specified in poste-files(5).

mod past;

pub use past::Past;

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::petname::Petname;
use crate::core::card::{Disclosed, SignedCard};
use crate::core::keys::{DhPublic, Fingerprint};
use crate::core::time::{Day, Time};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Bytes of a contact's file at most.
pub const LIMIT: u64 = 1 << 20;
/// Lists of older cards kept at most, the newest: whoever signs a card a minute must not make the
/// file longer than may be read.
const MOST_OLDER: usize = 64;
/// The same for series that are over: as many as a card retires.
const MOST_FORMER: usize = 32;

/// A person whose letters one wants.
#[derive(Clone, Debug)]
pub struct Contact {
    /// What the user calls them; the file's name.
    pub petname: Petname,
    /// Who they are: the pin.
    pub fingerprint: Fingerprint,
    /// Where their card is asked for.
    pub urls: Vec<String>,
    /// Whether the user has compared the words.
    pub confirmed: bool,
    /// When the words were compared; unknown of contacts confirmed by earlier releases.
    pub compared: Option<Time>,
    /// Whether nothing is taken from them and nothing goes to them.
    pub blocked: bool,
    /// Who introduced them as one of a group, if the user did not add them.
    pub introduced: Option<Fingerprint>,
    /// The name they are being given: a rename that is not finished.
    pub becomes: Option<Petname>,
    /// The newest card seen.
    pub card: SignedCard,
    /// Day keys that older cards listed and no seed covers yet.
    pub older: Vec<Days>,
    /// The newest disclosed seed of the series in force, and since when it is held.
    pub held: Option<Held>,
    /// Series of theirs that are over, oldest first.
    pub former: Vec<Former>,
}

/// A series that is over: by it older messages verify.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Its number.
    pub series: Time,
    /// Its `I`.
    pub dh: DhPublic,
    /// The last day on which it was written to: then a newer one was learnt of.
    pub until: Day,
    /// The newest seed of it that was disclosed while it was in force; none once a card retires it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// Day keys of consecutive days of one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The series' number.
    pub series: Time,
    /// Day of the first key.
    pub first_day: Day,
    /// `X` of `first_day` and the days after it.
    pub keys: Vec<DhPublic>,
}

/// A seed that a correspondent disclosed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The series' number.
    pub series: Time,
    /// The day whose seed it is.
    pub date: Day,
    /// The seed.
    pub seed: crate::core::keys::Seed,
    /// When it was first held.
    pub since: Time,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    fingerprint: Fingerprint,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Time>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    introduced: Option<Fingerprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    becomes: Option<Petname>,
    card: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    older: Vec<Days>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<Former>,
}

impl Contact {
    /// Reads one contact; `None` if nobody has that petname.
    pub fn load(places: &Places, petname: &Petname) -> Result<Option<Contact>, Error> {
        let path = file(places, petname);
        let Some(raw) = atomic::read_toml::<Raw>(&path, LIMIT)? else { return Ok(None) };
        Contact::from_raw(&path, petname, raw).map(Some)
    }

    /// Reads the text of a contact's file that comes from elsewhere; no renaming in it goes on.
    pub fn parse(places: &Places, petname: &Petname, text: &str) -> Result<Contact, Error> {
        let path = file(places, petname);
        let raw: Raw = toml::from_str(text)
            .map_err(|error| Error::damaged(&path, None, error.message().to_owned()))?;
        Ok(Contact { becomes: None, ..Contact::from_raw(&path, petname, raw)? })
    }

    /// Whether `text` is a contact's file; `path` is for the errors.
    pub(super) fn check(path: &Path, petname: &Petname, text: &str) -> Result<(), Error> {
        Contact::from_raw(path, petname, atomic::parse_toml(path, text)?).map(|_| ())
    }

    fn from_raw(path: &Path, petname: &Petname, raw: Raw) -> Result<Contact, Error> {
        let card = SignedCard::parse(raw.card.as_bytes())
            .map_err(|e| Error::damaged(path, None, format!("the card in it: {e}")))?;
        if card.card.fingerprint() != raw.fingerprint {
            return Err(Error::damaged(path, None, "the card in it is another person's"));
        }
        Ok(Contact {
            petname: petname.clone(),
            fingerprint: raw.fingerprint,
            urls: raw.urls,
            confirmed: raw.confirmed,
            compared: raw.compared,
            blocked: raw.blocked,
            introduced: raw.introduced,
            becomes: raw.becomes,
            card,
            older: raw.older,
            held: raw.held,
            former: raw.former,
        })
    }

    /// Reads all contacts, by petname. A file that cannot be read stops none of the others: it is
    /// among the errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Contact>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::new(), Vec::new());
        for entry in atomic::entries(&places.contacts_dir())? {
            let name = entry.file_name();
            let petname = name.to_str().and_then(|n| n.strip_suffix(".toml")?.parse().ok());
            let Some(petname) = petname else { continue };
            match Contact::load(places, &petname) {
                Ok(contact) => all.extend(contact),
                Err(error) => bad.push(error),
            }
        }
        all.sort_by(|a, b| a.petname.cmp(&b.petname));
        Ok((all, bad))
    }

    /// Writes it, durably; another with the same petname is overwritten.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places, &self.petname), &self.raw())
    }

    fn raw(&self) -> Raw {
        Raw {
            fingerprint: self.fingerprint,
            urls: self.urls.clone(),
            confirmed: self.confirmed,
            compared: self.compared,
            blocked: self.blocked,
            introduced: self.introduced,
            becomes: self.becomes.clone(),
            card: self.card.text().to_owned(),
            older: self.older.clone(),
            held: self.held.clone(),
            former: self.former.clone(),
        }
    }

    /// Forgets them.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&file(places, &self.petname))
    }

    /// Moves the file to the name of `petname`, which nobody must have.
    pub fn rename(&mut self, places: &Places, petname: &Petname) -> Result<(), Error> {
        atomic::rename_new(&file(places, &self.petname), &file(places, petname))?;
        self.petname = petname.clone();
        Ok(())
    }

    /// `X` of a day of the series in force, from the newest card or an older one.
    pub fn day_key(&self, day: Day) -> Option<DhPublic> {
        let series = self.card.card.series;
        let older = || {
            self.older.iter().filter(|days| days.series == series).find_map(|days| days.key(day))
        };
        self.card.card.day_key(day).or_else(older).or_else(|| self.disclosed_key(day))
    }

    fn disclosed_key(&self, day: Day) -> Option<DhPublic> {
        let held = self.held.as_ref().filter(|held| held.series == self.card.card.series)?;
        let back = u32::try_from(held.date.days_since(day)).ok()?;
        Some(held.seed.earlier(back).day_key(day).public())
    }

    /// The newest day of the series in force whose seed is held.
    pub fn held_day(&self) -> Option<Day> {
        self.held.as_ref().filter(|held| held.series == self.card.card.series).map(|h| h.date)
    }

    /// Takes a seed if it is newer than the one held and gives a key that a card listed. Says
    /// whether it was taken.
    pub fn take_seed(&mut self, disclosed: &Disclosed, now: Time) -> bool {
        let newer = self.held_day().is_none_or(|date| disclosed.date > date);
        let gives = || disclosed.seed.day_key(disclosed.date).public();
        if !newer || self.day_key(disclosed.date).is_none_or(|key| key != gives()) {
            return false;
        }
        let series = self.card.card.series;
        self.held =
            Some(Held { series, date: disclosed.date, seed: disclosed.seed.clone(), since: now });
        self.older.retain(|days| days.series != series || days.last() > disclosed.date);
        true
    }

    /// Takes a card that has been checked against the one at hand, keeping what the old one
    /// listed and no seed covers. If it begins a new series, the old one is over.
    pub fn take_card(&mut self, card: SignedCard, now: Time) {
        let (old, new) = (&self.card.card, &card.card);
        let days = Days { series: old.series, first_day: old.first_day, keys: old.days.clone() };
        let is_over = old.series != new.series;
        let lists = |(at, key): (usize, &DhPublic)| {
            new.day_key(old.first_day.plus(at as u32)) == Some(*key)
        };
        if (is_over || !old.days.iter().enumerate().all(lists)) && !self.older.contains(&days) {
            self.older.push(days);
        }
        if is_over {
            let held = self.held.take().filter(|held| held.series == old.series);
            let (series, dh, until) = (old.series, old.dh, now.day());
            self.former.push(Former { series, dh, until, held });
        }
        for retired in &new.retired {
            self.older.retain(|days| days.series != retired.series);
            let mut former = self.former.iter_mut();
            if let Some(former) = former.find(|former| former.series == retired.series) {
                former.held = None;
            }
        }
        keep_newest(&mut self.older, MOST_OLDER);
        keep_newest(&mut self.former, MOST_FORMER);
        let disclosed = card.disclosed.clone();
        self.card = card;
        if let Some(disclosed) = disclosed {
            self.take_seed(&disclosed, now);
        }
    }
}

fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    let surplus = list.len().saturating_sub(most);
    list.drain(..surplus);
}

impl Days {
    fn key(&self, day: Day) -> Option<DhPublic> {
        let at = usize::try_from(day.days_since(self.first_day)).ok()?;
        self.keys.get(at).copied()
    }

    fn last(&self) -> Day {
        self.first_day.plus(self.keys.len().saturating_sub(1) as u32)
    }
}

fn file(places: &Places, petname: &Petname) -> PathBuf {
    places.contacts_dir().join(format!("{petname}.toml"))
}
