//! The outbox: letters not yet acknowledged, each a pair of files, the mail sealed to the transit
//! key (`<id>.age`) and its state (`<id>.toml`). Of a mail that travels as an enclosure the first
//! holds the enclosure's key, and two more files lie beside: the enclosure as its cells are cut from
//! it (`<id>.enclosure`) and which are owed (`<id>.owed`). The state file is written last and
//! removed first, so a letter is either whole or not there. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::lock::StateLock;
use super::owed;
use crate::core::cell::CHUNK;
use crate::core::enclosure::Owed;
use crate::core::keys::{EnclosureId, Fingerprint, LetterId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::PathBuf;

const STATE_LIMIT: u64 = 1 << 20;
/// Bytes of a sealed mail at most: far more than 16 cells.
const MAIL_LIMIT: u64 = 1 << 20;
/// What the files of a letter are called after its id.
const STATE: &str = "toml";
const MAIL: &str = "age";
const ENCLOSURE: &str = "enclosure";
const OWED: &str = "owed";
/// Those that go when the letter is acknowledged.
const CONTENTS: [&str; 3] = [MAIL, ENCLOSURE, OWED];

/// A letter on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The letter's id, unchanged on every attempt.
    pub id: LetterId,
    /// The addressee.
    pub to: Fingerprint,
    /// When the mail was written.
    pub date: Time,
    /// Whether it travels in the daily class alone.
    #[serde(default)]
    pub daily: bool,
    /// The stamp, once it was found: 16 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// When it was acknowledged; then the mail is gone and the state goes a day later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Time>,
    /// Name of the own copy in the contact's folder, filed with the letter.
    pub copy: String,
    /// Whether the copy was filed.
    #[serde(default)]
    pub filed: bool,
    /// When the addressee was last known to open what goes by the offer: another letter that went
    /// by it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<Time>,
    /// Attempts made, answered or not: each goes to another of the addressee's nodes.
    #[serde(default)]
    pub tries: u32,
    /// When a good clock first saw it here: its 30 days are counted from then, whatever clock it
    /// was written by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// That it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<Expired>,
    /// That the mail travels as an enclosure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enclosure: Option<Enclosed>,
    /// Attempts that a node answered with 200, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempt: Vec<Attempt>,
}

/// A letter given up. Its mail stays until it is forgotten, or acknowledged after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// When.
    pub at: Time,
    /// Name of the report in the inbox.
    pub report: String,
    /// Whether the report was filed.
    #[serde(default)]
    pub filed: bool,
}

/// The enclosure whose head a letter is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enclosed {
    /// The id in its cells.
    pub id: EnclosureId,
    /// How many cells it has.
    pub cells: u16,
    /// SHA-256 of the age file, in base64.
    pub sha256: String,
    /// When the newest want came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Time>,
    /// Cells that a node took at least once.
    #[serde(default)]
    pub posted: u16,
}

/// A letter posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When.
    pub at: Time,
    /// Into which bucket.
    pub bucket: String,
    /// At which node.
    pub node: String,
}

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Safe with the addressee.
    Acknowledged,
    /// Not acknowledged within 30 days and given up for good: it is not repeated any more.
    Expired,
    /// Some cells of an enclosure were asked for, and a node took them.
    Partly,
    /// A node took it at least once.
    Posted,
    /// It has not left yet.
    Queued,
}

impl Item {
    /// Where the letter is.
    pub fn state(&self) -> State {
        let partly = self.enclosure.as_ref().is_some_and(|enclosure| enclosure.posted > 0);
        match (&self.acknowledged, &self.expired, self.attempt.is_empty()) {
            (Some(_), _, _) => State::Acknowledged,
            (None, Some(_), _) => State::Expired,
            (None, None, _) if partly => State::Partly,
            (None, None, false) => State::Posted,
            (None, None, true) => State::Queued,
        }
    }

    /// Whether it is still to be posted.
    pub fn is_waiting(&self) -> bool {
        self.acknowledged.is_none() && self.expired.is_none()
    }

    /// When the newest want of its enclosure came, from when on its time is counted.
    pub fn wanted(&self) -> Option<Time> {
        self.enclosure.as_ref()?.wanted
    }

    /// Puts a new letter into the outbox: first the sealed mail, or for an enclosure its key and
    /// itself, then the state.
    pub fn create(
        &self,
        places: &Places,
        sealed: &[u8],
        enclosure: Option<&[u8]>,
    ) -> Result<(), Error> {
        if let Some(enclosure) = enclosure {
            atomic::write(&file(places, self.id, ENCLOSURE), enclosure)?;
        }
        atomic::write(&file(places, self.id, MAIL), sealed)?;
        self.save(places)
    }

    /// Writes the state.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places, self.id, STATE), self)
    }

    /// Reads the sealed mail, or the sealed key of an enclosure.
    pub fn mail(&self, places: &Places) -> Result<Vec<u8>, Error> {
        let path = file(places, self.id, MAIL);
        let found = atomic::read(&path, MAIL_LIMIT)?;
        found.ok_or_else(|| Error::damaged(&path, None, "it is missing; drop the letter"))
    }

    /// Opens the enclosure, to be read as it goes.
    pub fn open_enclosure(&self, places: &Places) -> Result<File, Error> {
        atomic::open_plain(&file(places, self.id, ENCLOSURE))
    }

    /// The parts of the enclosure that go into these cells.
    pub fn parts(&self, places: &Places, cells: &[u16]) -> Result<Vec<Vec<u8>>, Error> {
        atomic::read_parts(&file(places, self.id, ENCLOSURE), CHUNK, cells)
    }

    /// What is owed of an enclosure.
    pub fn owed(&self, places: &Places, enclosed: &Enclosed) -> Result<Owed, Error> {
        let known = owed::load(&file(places, self.id, OWED), enclosed.cells)?;
        Ok(known.unwrap_or_else(|| Owed::new(enclosed.cells)))
    }

    /// Writes what is owed of an enclosure, durably.
    pub fn save_owed(&self, places: &Places, owed: &Owed) -> Result<(), Error> {
        owed::save(&file(places, self.id, OWED), owed)
    }

    /// Records that the letter is safe with its addressee, and forgets its mail.
    pub fn acknowledge(&mut self, places: &Places, now: Time) -> Result<(), Error> {
        self.acknowledged = Some(now);
        self.save(places)?;
        self.forget(places)
    }

    /// Removes state and mail, the enclosure included.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&file(places, self.id, STATE))?;
        self.forget(places)
    }

    fn forget(&self, places: &Places) -> Result<(), Error> {
        CONTENTS.iter().try_for_each(|kind| atomic::remove(&file(places, self.id, kind)))
    }
}

/// All letters, oldest first. A state that cannot be read stops none of the others: it is among
/// the errors.
pub fn load(places: &Places) -> Result<(Vec<Item>, Vec<Error>), Error> {
    let (mut items, mut bad) = (Vec::<Item>::new(), Vec::new());
    for path in files(places, STATE)? {
        match atomic::read_toml::<Item>(&path, STATE_LIMIT) {
            Ok(item) => items.extend(item),
            Err(error) => bad.push(error),
        }
    }
    items.sort_by_key(|item| (item.date, item.id));
    Ok((items, bad))
}

/// Deletes mails without a state, and what belongs to them: what a crash kept from being queued, or
/// from being removed to the end. Under the lock none is just being queued. A mail whose state
/// cannot be read stays.
pub fn sweep(places: &Places, _lock: &StateLock, items: &[Item]) -> Result<(), Error> {
    for kind in CONTENTS {
        for path in files(places, kind)? {
            let is_its = |item: &Item| file(places, item.id, kind) == path;
            let has_state = path.with_extension(STATE).symlink_metadata().is_ok();
            if !has_state || items.iter().any(|item| item.acknowledged.is_some() && is_its(item)) {
                atomic::remove(&path)?;
            }
        }
    }
    Ok(())
}

fn files(places: &Places, kind: &str) -> Result<Vec<PathBuf>, Error> {
    let paths = atomic::entries(&places.outbox_dir())?.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|e| e == kind)).collect())
}

fn file(places: &Places, id: LetterId, kind: &str) -> PathBuf {
    places.outbox_dir().join(format!("{id}.{kind}"))
}
