//! People who are contacts no more, but of whom messages were kept: their contact's file as it was,
//! the petname they had, and until when. By it those messages verify and are shown for what they
//! are. Nothing is taken from these people and nothing goes to them: they are strangers.
//! Specified in poste-files(5), Contacts.

use super::super::atomic;
use super::super::error::Error;
use super::super::home::Places;
use super::super::petname::Petname;
use super::{Contact, LIMIT, Raw};
use crate::core::keys::Fingerprint;
use crate::core::time::Day;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Somebody who was a contact.
#[derive(Clone, Debug)]
pub struct Past {
    /// Until when the petname was theirs.
    pub until: Day,
    /// The contact as it was; its petname may be another's by now.
    pub contact: Contact,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPast {
    petname: Petname,
    until: Day,
    contact: Raw,
}

impl Past {
    /// By what name they are shown, so that nobody takes them for whoever has the petname now.
    pub fn shown(&self) -> String {
        format!("{} (until {})", self.contact.petname, self.until)
    }

    /// All of them, by petname and day. A file that cannot be read stops none of the others: it is
    /// among the errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Past>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::new(), Vec::new());
        for entry in atomic::entries(&places.past_dir())? {
            let name = entry.file_name();
            let who = name.to_str().and_then(|n| n.strip_suffix(".toml")?.parse().ok());
            let Some(who) = who else { continue };
            match Past::load(places, who) {
                Ok(past) => all.extend(past),
                Err(error) => bad.push(error),
            }
        }
        all.sort_by(|a, b| {
            let key = |past: &Past| (past.contact.petname.clone(), past.until);
            key(a).cmp(&key(b))
        });
        Ok((all, bad))
    }

    /// What is kept of that person.
    pub fn load(places: &Places, who: Fingerprint) -> Result<Option<Past>, Error> {
        let path = file(places, who);
        let raw = atomic::read_toml::<RawPast>(&path, LIMIT)?;
        raw.map(|raw| Past::from_raw(&path, who, raw)).transpose()
    }

    /// Reads the text of such a file of that person that comes from elsewhere.
    pub fn parse(places: &Places, who: Fingerprint, text: &str) -> Result<Past, Error> {
        let path = file(places, who);
        Past::from_raw(&path, who, atomic::parse_toml(&path, text)?)
    }

    /// Whether `text` is such a file of that person; `path` is for the errors.
    pub(in crate::store) fn check(path: &Path, who: Fingerprint, text: &str) -> Result<(), Error> {
        Past::from_raw(path, who, atomic::parse_toml(path, text)?).map(|_| ())
    }

    fn from_raw(path: &Path, who: Fingerprint, raw: RawPast) -> Result<Past, Error> {
        let contact = Contact::from_raw(path, &raw.petname, raw.contact)?;
        match contact.fingerprint == who {
            true => Ok(Past { until: raw.until, contact }),
            false => Err(Error::damaged(path, None, "the contact in it is another person")),
        }
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::make_dir(&places.past_dir())?;
        let raw = RawPast {
            petname: self.contact.petname.clone(),
            until: self.until,
            contact: self.contact.raw(),
        };
        atomic::write_toml(&file(places, self.contact.fingerprint), &raw)
    }

    /// Forgets what is kept of that person.
    pub fn remove(places: &Places, who: Fingerprint) -> Result<(), Error> {
        atomic::remove(&file(places, who))
    }
}

fn file(places: &Places, who: Fingerprint) -> PathBuf {
    places.past_dir().join(format!("{who}.toml"))
}
