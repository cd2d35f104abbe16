//! The outbox: letters not yet acknowledged, each a pair of files, the mail sealed to the transit
//! key (`<id>.age`) and its state (`<id>.toml`). The state file is written last and removed first,
//! so a letter is either whole or not there. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::lock::StateLock;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const STATE_LIMIT: u64 = 1 << 20;
/// Bytes of a sealed mail at most.
const MAIL_LIMIT: u64 = 64 << 20;

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
    /// A node took it at least once.
    Posted,
    /// It has not left yet.
    Queued,
}

impl Item {
    /// Where the letter is.
    pub fn state(&self) -> State {
        match (&self.acknowledged, &self.expired, self.attempt.is_empty()) {
            (Some(_), _, _) => State::Acknowledged,
            (None, Some(_), _) => State::Expired,
            (None, None, false) => State::Posted,
            (None, None, true) => State::Queued,
        }
    }

    /// Whether it is still to be posted.
    pub fn is_waiting(&self) -> bool {
        self.acknowledged.is_none() && self.expired.is_none()
    }

    /// Puts a new letter into the outbox: first the sealed mail, then the state.
    pub fn create(&self, places: &Places, sealed: &[u8]) -> Result<(), Error> {
        atomic::write(&mail_file(places, self.id), sealed)?;
        self.save(places)
    }

    /// Writes the state.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&state_file(places, self.id), self)
    }

    /// Reads the sealed mail.
    pub fn mail(&self, places: &Places) -> Result<Vec<u8>, Error> {
        let path = mail_file(places, self.id);
        let found = atomic::read(&path, MAIL_LIMIT)?;
        found.ok_or_else(|| Error::damaged(&path, None, "it is missing; drop the letter"))
    }

    /// Records that the letter is safe with its addressee, and forgets its mail.
    pub fn acknowledge(&mut self, places: &Places, now: Time) -> Result<(), Error> {
        self.acknowledged = Some(now);
        self.save(places)?;
        atomic::remove(&mail_file(places, self.id))
    }

    /// Removes state and mail.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&state_file(places, self.id))?;
        atomic::remove(&mail_file(places, self.id))
    }
}

/// All letters, oldest first. A state that cannot be read stops none of the others: it is among
/// the errors.
pub fn load(places: &Places) -> Result<(Vec<Item>, Vec<Error>), Error> {
    let (mut items, mut bad) = (Vec::<Item>::new(), Vec::new());
    for path in files(places, "toml")? {
        match atomic::read_toml::<Item>(&path, STATE_LIMIT) {
            Ok(item) => items.extend(item),
            Err(error) => bad.push(error),
        }
    }
    items.sort_by_key(|item| (item.date, item.id));
    Ok((items, bad))
}

/// Deletes mails without a state: those that a crash kept from being queued, or from being
/// removed to the end. Under the lock none is just being queued. A mail whose state cannot be read
/// stays.
pub fn sweep(places: &Places, _lock: &StateLock, items: &[Item]) -> Result<(), Error> {
    for path in files(places, "age")? {
        let is_mail = |item: &Item| mail_file(places, item.id) == path;
        let has_state = path.with_extension("toml").symlink_metadata().is_ok();
        if !has_state || items.iter().any(|item| item.acknowledged.is_some() && is_mail(item)) {
            atomic::remove(&path)?;
        }
    }
    Ok(())
}

fn files(places: &Places, kind: &str) -> Result<Vec<PathBuf>, Error> {
    let paths = atomic::entries(&places.outbox_dir())?.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|e| e == kind)).collect())
}

fn state_file(places: &Places, id: LetterId) -> PathBuf {
    places.outbox_dir().join(format!("{id}.toml"))
}

fn mail_file(places: &Places, id: LetterId) -> PathBuf {
    places.outbox_dir().join(format!("{id}.age"))
}
