//! The outbox: letters not yet acknowledged, each a pair of files, the mail sealed to the transit
//! key (`<id>.age`) and its state (`<id>.toml`). Of a mail that travels as an enclosure the first
//! holds the enclosure's key, and two more files lie beside: the enclosure as its cells are cut from
//! it (`<id>.enclosure`) and which are owed (`<id>.owed`). The state file is written last and
//! removed first, so a letter is either whole or not there. Letters that are one mail to several
//! people are there together or not at all: see [`settle`]. What is said of a group has no mail, so
//! its state is all. Specified in poste-files(5).

mod kinds;

pub use kinds::{Attempt, Copied, Enclosed, Errand, Expired, State};

use super::atomic;
use super::error::{Cause, Error};
use super::home::Places;
use super::lock::StateLock;
use super::owed;
use crate::core::cell::CHUNK;
use crate::core::enclosure::Owed;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

pub(super) const STATE_LIMIT: u64 = 1 << 20;
/// Bytes of a sealed mail at most: far more than 16 cells.
pub(super) const MAIL_LIMIT: u64 = 1 << 20;
/// What is said of content that is not there.
const GONE: &str = "it is missing; drop the letter";
/// What the files of a letter are called after its id.
const STATE: &str = "toml";
const MAIL: &str = "age";
const ENCLOSURE: &str = "enclosure";
const KEY: &str = "key";
const OWED: &str = "owed";
/// Those that go when the letter is acknowledged and its copy filed.
const CONTENTS: [&str; 4] = [MAIL, ENCLOSURE, KEY, OWED];

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Time>,
    /// The letter it was written together with, and without which it does not count; see
    /// [`settle`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LetterId>,
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
    /// The group of whose letter it is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Copied>,
    /// What it says of a group instead of carrying a mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<Errand>,
    /// When it was taken back, as its addressee had been removed from the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Time>,
    /// Attempts that a node answered with 200, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempt: Vec<Attempt>,
}

impl Item {
    /// Where the letter is.
    pub fn state(&self) -> State {
        let partly = self.enclosure.as_ref().is_some_and(|enclosure| enclosure.posted > 0);
        match (&self.acknowledged, &self.expired, self.attempt.is_empty()) {
            (Some(_), _, _) => State::Acknowledged,
            _ if self.dropped.is_some() => State::Dropped,
            (None, Some(_), _) => State::Expired,
            (None, None, _) if partly => State::Partly,
            (None, None, false) => State::Posted,
            (None, None, true) => State::Queued,
        }
    }

    /// Whether it is still to be posted.
    pub fn is_waiting(&self) -> bool {
        self.acknowledged.is_none() && self.expired.is_none() && self.dropped.is_none()
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

    /// As [`Item::create`], for a copy of a letter of which `other` has the enclosure already: the
    /// two share one file as long as both are on their way.
    pub fn create_beside(
        &self,
        places: &Places,
        sealed: &[u8],
        other: LetterId,
    ) -> Result<(), Error> {
        atomic::share(&file(places, other, ENCLOSURE), &file(places, self.id, ENCLOSURE))?;
        atomic::write(&file(places, self.id, MAIL), sealed)?;
        self.save(places)
    }

    /// Writes the state.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places, self.id, STATE), self)
    }

    /// Makes a letter that was queued as a mail one that travels as an enclosure: first the
    /// enclosure and its sealed key, then the state, which says it. The sealed mail stays as it
    /// was, so that a letter that was not changed to the end is the one it was before.
    pub fn enclose(
        &mut self,
        places: &Places,
        enclosed: Enclosed,
        key: &[u8],
        enclosure: &[u8],
    ) -> Result<(), Error> {
        atomic::write(&file(places, self.id, ENCLOSURE), enclosure)?;
        atomic::write(&file(places, self.id, KEY), key)?;
        self.enclosure = Some(enclosed);
        self.save(places)
    }

    /// Reads the sealed key of an enclosure. One that was an enclosure from the first on has it in
    /// the place of a mail.
    pub fn key(&self, places: &Places) -> Result<Vec<u8>, Error> {
        match atomic::read(&file(places, self.id, KEY), MAIL_LIMIT)? {
            Some(key) => Ok(key),
            None => self.mail(places),
        }
    }

    /// Reads the sealed mail, or the sealed key of an enclosure that never was anything else.
    pub fn mail(&self, places: &Places) -> Result<Vec<u8>, Error> {
        let path = file(places, self.id, MAIL);
        let found = atomic::read(&path, MAIL_LIMIT)?;
        found.ok_or_else(|| Error::damaged(&path, None, GONE))
    }

    /// Opens the enclosure, to be read as it goes.
    pub fn open_enclosure(&self, places: &Places) -> Result<File, Error> {
        let path = file(places, self.id, ENCLOSURE);
        match atomic::open_plain(&path) {
            Err(Error { cause: Cause::Io(e), .. }) if e.kind() == ErrorKind::NotFound => {
                Err(Error::damaged(&path, None, GONE))
            }
            opened => opened,
        }
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

    /// Records that the letter is safe with its addressee, and forgets its mail, but for one of
    /// which the own copy has yet to be made.
    pub fn acknowledge(&mut self, places: &Places, now: Time) -> Result<(), Error> {
        self.acknowledged = Some(now);
        self.save(places)?;
        if self.is_done() { self.forget(places) } else { Ok(()) }
    }

    /// Takes it back at `now`, and forgets its mail, but for one of which the own copy has yet to
    /// be made.
    pub fn take_back(&mut self, places: &Places, now: Time) -> Result<(), Error> {
        self.dropped = Some(now);
        self.save(places)?;
        if self.is_done() { self.forget(places) } else { Ok(()) }
    }

    /// Whether its mail is needed no more.
    pub fn is_done(&self) -> bool {
        (self.acknowledged.is_some() || self.dropped.is_some()) && self.filed
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
    let Found { items, bad, .. } = find(places)?;
    Ok((items, bad))
}

/// As [`load`], for who is going to change or remove letters: removes first what a crash kept from
/// being queued, or from being removed to the end. Under the lock none is just being queued.
///
/// Of letters written together all but the first name it as the one they come `after`, and it is
/// written when all others are durable: from then on they all count, and before then none does.
/// Here the mark is taken off those that count, so that none hangs on the first when that is
/// acknowledged or dropped, which therefore happens after this call alone. What came after a
/// letter that is not there was never queued. A state that the system does not let us read, unlike
/// a damaged one, is an error.
pub fn settle(places: &Places, _lock: &StateLock) -> Result<(Vec<Item>, Vec<Error>), Error> {
    let Found { mut items, mut bad, lone } = find(places)?;
    if let Some(error) = Error::passing(&mut bad) {
        return Err(error);
    }
    for item in items.iter_mut().filter(|item| item.after.is_some()) {
        item.after = None;
        item.save(places)?;
    }
    lone.iter().try_for_each(|item| item.remove(places))?;
    sweep(places, &items)?;
    Ok((items, bad))
}

/// What lies in the outbox.
struct Found {
    /// Letters, oldest first.
    items: Vec<Item>,
    /// What is wrong with those that cannot be read.
    bad: Vec<Error>,
    /// Those that came after one that is not there.
    lone: Vec<Item>,
}

fn find(places: &Places) -> Result<Found, Error> {
    // One that cannot be read was there as well.
    let paths = files(places, STATE)?;
    let (mut items, mut bad) = (Vec::<Item>::new(), Vec::new());
    for path in &paths {
        match atomic::read_toml::<Item>(path, STATE_LIMIT) {
            Ok(item) => items.extend(item),
            Err(error) => bad.push(error),
        }
    }
    items.sort_by_key(|item| (item.date, item.id));
    let is_there = |first| paths.contains(&file(places, first, STATE));
    let (items, lone) = items.into_iter().partition(|item| item.after.is_none_or(is_there));
    Ok(Found { items, bad, lone })
}

/// Deletes mails without a state, and what belongs to them. A mail whose state cannot be read
/// stays.
fn sweep(places: &Places, items: &[Item]) -> Result<(), Error> {
    let states = files(places, STATE)?;
    for kind in CONTENTS {
        for path in files(places, kind)? {
            let is_its = |item: &Item| file(places, item.id, kind) == path;
            let has_state = states.contains(&path.with_extension(STATE));
            if !has_state || items.iter().any(|item| item.is_done() && is_its(item)) {
                atomic::remove(&path)?;
            }
        }
    }
    Ok(())
}

fn files(places: &Places, kind: &str) -> Result<BTreeSet<PathBuf>, Error> {
    let paths = atomic::entries(&places.outbox_dir())?.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|e| e == kind)).collect())
}

fn file(places: &Places, id: LetterId, kind: &str) -> PathBuf {
    places.outbox_dir().join(format!("{id}.{kind}"))
}

#[cfg(test)]
mod tests;
