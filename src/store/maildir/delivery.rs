//! Putting messages into folders, one or hundreds at a time, each whole or not at all.
//!
//! A name that stands in the folder already keeps its place and the flags it has by now:
//! delivering again after a crash, under the planned name, shows nothing twice. But it is written
//! anew, since nobody knows whether the crash, or a failed fsync, came before it was durable. Two
//! processes never deliver under one name, names being random. The discipline of writing is
//! [`atomic`](super::super::atomic)'s.

use super::super::atomic::{self, Batch};
use super::super::error::Error;
use super::{Entry, Flags, Folder, Maildir, Name};
use std::collections::HashMap;
use std::path::PathBuf;

/// Where in a folder a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `new`: no mail program has seen it.
    New,
    /// `cur`, with these flags.
    Cur(Flags),
}

/// Messages on their way into folders. Nothing is there before [`commit`](Delivery::commit).
pub struct Delivery<'a> {
    mail: &'a Maildir,
    batch: Batch,
    /// Folders whose parts are there, each with the messages that stood in it before.
    ready: HashMap<Folder, HashMap<Name, PathBuf>>,
    /// Messages added, and the paths they will have.
    added: HashMap<(Folder, Name), PathBuf>,
}

impl Maildir {
    /// Delivers one message. Returns its path, which is the one it has if it was there before.
    pub fn deliver(
        &self,
        folder: &Folder,
        name: &Name,
        place: Place,
        bytes: &[u8],
    ) -> Result<PathBuf, Error> {
        let mut delivery = self.delivery();
        let path = delivery.add(folder, name, place, bytes)?;
        delivery.commit()?;
        Ok(path)
    }

    /// Puts `bytes` in the place of a message, under `name` and with its flags. The new file stands
    /// before the old one goes. `None` if the message is gone.
    pub fn replace(
        &self,
        entry: &Entry,
        name: &Name,
        bytes: &[u8],
    ) -> Result<Option<Entry>, Error> {
        let Some(now) = self.locate(&entry.folder, &entry.name)? else { return Ok(None) };
        let path = match now.is_new {
            true => self.part(&now.folder, "new").join(name.to_string()),
            false => self.cur_path(&now.folder, name, now.flags),
        };
        self.make(&now.folder)?;
        let temp = self.part(&now.folder, "tmp").join(name.to_string());
        let mut batch = Batch::new();
        batch.write_via(temp, path.clone(), name.time(), bytes)?;
        batch.commit()?;
        if path != now.path {
            atomic::remove(&now.path)?;
        }
        Ok(Some(Entry { path, name: *name, ..now }))
    }

    /// Begins a delivery of many; a few hundred at a time are best.
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery { mail: self, batch: Batch::new(), ready: HashMap::new(), added: HashMap::new() }
    }
}

impl Delivery<'_> {
    /// Adds a message whose content is `bytes`, once. Returns the path it will have.
    pub fn add(
        &mut self,
        folder: &Folder,
        name: &Name,
        place: Place,
        bytes: &[u8],
    ) -> Result<PathBuf, Error> {
        if !self.ready.contains_key(folder) {
            self.mail.make(folder)?;
            let standing = self.mail.list(folder)?.into_iter().map(|e| (e.name, e.path)).collect();
            self.ready.insert(folder.clone(), standing);
        }
        if let Some(path) = self.added.get(&(folder.clone(), *name)) {
            return Ok(path.clone());
        }
        let standing = self.ready.get(folder).and_then(|standing| standing.get(name));
        let target = match (standing, place) {
            (Some(path), _) => path.clone(),
            (None, Place::New) => self.mail.part(folder, "new").join(name.to_string()),
            (None, Place::Cur(flags)) => self.mail.cur_path(folder, name, flags),
        };
        let temp = self.mail.part(folder, "tmp").join(name.to_string());
        self.batch.write_via(temp, target.clone(), name.time(), bytes)?;
        self.added.insert((folder.clone(), *name), target.clone());
        Ok(target)
    }

    /// How many messages wait for the commit.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Puts all of them into their folders, durably. Maildirs bear a message without the others:
    /// after an error some are there, and delivering all again adds those that are not.
    pub fn commit(self) -> Result<(), Error> {
        self.batch.commit()
    }
}

impl Maildir {
    /// The path in `cur` of a message with these flags.
    pub(super) fn cur_path(&self, folder: &Folder, name: &Name, flags: Flags) -> PathBuf {
        self.part(folder, "cur").join(format!("{name}:2,{flags}"))
    }
}
