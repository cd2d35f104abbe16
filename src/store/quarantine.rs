//! Which unproven letters lie in the quarantine folder, and letters that wait for a card which
//! lists their day. Both are bounded, 64 letters and 30 days.
//! Specified in poste-files(5), State.

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::time::{DAY, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Letters in quarantine at most, and letters waiting at most.
pub const MOST: usize = 64;
/// Seconds after which either is given up.
pub const KEPT: u64 = 30 * DAY;

pub(super) const LIMIT: u64 = 1 << 20;
pub(super) const WAITING_LIMIT: u64 = 256 << 10;

/// A letter in the quarantine folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Whom it claims to be from.
    pub from: Fingerprint,
    /// The id it claims.
    pub id: LetterId,
    /// When it came.
    pub since: Time,
    /// The name of its file.
    pub name: String,
}

/// The list of letters in quarantine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// Oldest first.
    pub letter: Vec<Held>,
}

impl List {
    /// Reads it.
    pub fn load(places: &Places) -> Result<List, Error> {
        let known = atomic::read_toml(&file(places), LIMIT).map_err(Error::fixed_by_sync)?;
        Ok(known.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places), self)
    }

    /// The entries that claim this author and id.
    pub fn find(&self, from: Fingerprint, id: LetterId) -> Vec<Held> {
        let means = |held: &&Held| held.from == from && held.id == id;
        self.letter.iter().filter(means).cloned().collect()
    }
}

/// A letter whose day no card at hand lists.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// When its last cell was stored.
    pub stored: Time,
    /// Whether the clock was good then.
    pub clock_is_good: bool,
    /// The letter, sealed to the transit key, in base64.
    pub sealed: String,
    /// Which file it is; not part of it.
    #[serde(skip)]
    pub path: PathBuf,
}

impl Waiting {
    /// Keeps a letter; with 64 waiting already, it is not kept.
    pub fn keep(&self, places: &Places, from: Fingerprint, id: LetterId) -> Result<bool, Error> {
        let dir = places.state().join("waiting");
        if atomic::entries(&dir)?.len() >= MOST {
            return Ok(false);
        }
        atomic::make_dir(&dir)?;
        // Both: nobody shall replace another's letter by claiming its id.
        atomic::write_toml(&dir.join(format!("{from}-{id}.toml")), self)?;
        Ok(true)
    }

    /// All that wait. A file that cannot be read stops none of the others: it is among the errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Waiting>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::new(), Vec::new());
        for entry in atomic::entries(&places.state().join("waiting"))? {
            let path = entry.path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            match atomic::read_toml::<Waiting>(&path, WAITING_LIMIT) {
                Ok(waiting) => all.extend(waiting.map(|waiting| Waiting { path, ..waiting })),
                Err(error) => bad.push(error),
            }
        }
        Ok((all, bad))
    }

    /// Forgets what waits from one person.
    pub fn forget(places: &Places, from: Fingerprint) -> Result<(), Error> {
        let from = from.to_string();
        for entry in atomic::entries(&places.state().join("waiting"))? {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&from)) {
                atomic::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Whose letters wait.
    pub fn authors(places: &Places) -> Result<BTreeSet<Fingerprint>, Error> {
        let author = |entry: fs::DirEntry| {
            entry.file_name().to_str()?.split_once('-')?.0.parse::<Fingerprint>().ok()
        };
        let entries = atomic::entries(&places.state().join("waiting"))?;
        Ok(entries.into_iter().filter_map(author).collect())
    }

    /// Forgets it.
    pub fn remove(&self) -> Result<(), Error> {
        atomic::remove(&self.path)
    }
}

fn file(places: &Places) -> PathBuf {
    places.state().join("quarantine.toml")
}
