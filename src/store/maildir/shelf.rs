//! Messages in their folders: listing, finding, reading, flagging, moving, removing.
//!
//! Every operation on an [`Entry`] first tries the path it had; if a mail program renamed it
//! meanwhile, it is looked for by name, once. See the header of [`super`].

use super::super::atomic;
use super::super::error::Error;
use super::name::split;
use super::{Flags, Folder, Maildir, Name};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A message in a folder, as it was when listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its file.
    pub path: PathBuf,
    /// The folder it lies in.
    pub folder: Folder,
    /// The lasting part of its file name.
    pub name: Name,
    /// Its flags.
    pub flags: Flags,
    /// Whether it lies in `new`: no mail program has seen it.
    pub is_new: bool,
}

/// No message, or not one message, is meant.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The tree could not be read.
    #[error(transparent)]
    Store(#[from] Error),
    /// Neither a path nor hex digits.
    #[error("{0:?} is neither the path nor the id of a message")]
    BadArgument(String),
    /// No message has it.
    #[error("no message {0}")]
    NoSuch(String),
    /// Several messages have ids that begin so.
    #[error("{count} messages have ids that begin with {prefix}")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// How many.
        count: usize,
    },
}

impl Maildir {
    /// The messages of a folder by time, then by id; none if there is no such folder. What
    /// vanishes meanwhile is left out, what moves meanwhile appears once.
    pub fn list(&self, folder: &Folder) -> Result<Vec<Entry>, Error> {
        // `new` before `cur`: messages move that way, so none slips through between the two.
        let mut found = HashMap::new();
        for (part, is_new) in [("new", true), ("cur", false)] {
            let dir = self.part(folder, part);
            for item in atomic::entries(&dir)? {
                let file_name = item.file_name();
                let Some((name, flags)) = file_name.to_str().and_then(split) else { continue };
                if item.file_type().is_ok_and(|kind| kind.is_file()) {
                    let path = dir.join(&file_name);
                    let folder = folder.clone();
                    found.insert(name, Entry { path, folder, name, flags, is_new });
                }
            }
        }
        let mut entries: Vec<Entry> = found.into_values().collect();
        entries.sort_by_key(|entry| entry.name);
        Ok(entries)
    }

    /// The one message whose id begins with `prefix`, in any folder.
    pub fn find(&self, prefix: &str) -> Result<Entry, FindError> {
        let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if prefix.is_empty() || prefix.len() > 16 || !prefix.bytes().all(digits) {
            return Err(FindError::BadArgument(prefix.to_owned()));
        }
        let mut found = Vec::new();
        for folder in self.folders()? {
            let entries = self.list(&folder)?;
            found.extend(entries.into_iter().filter(|e| e.name.unique().starts_with(prefix)));
        }
        match (found.pop(), found.len()) {
            (Some(entry), 0) => Ok(entry),
            (Some(_), others) => {
                Err(FindError::Ambiguous { prefix: prefix.to_owned(), count: others + 1 })
            }
            (None, _) => Err(FindError::NoSuch(prefix.to_owned())),
        }
    }

    /// The message that a path given by a person means: one in this tree, where it is now, even
    /// if its flags have changed since the path was printed.
    pub fn entry(&self, path: &Path) -> Result<Entry, FindError> {
        let bad = || FindError::BadArgument(path.display().to_string());
        let none = || FindError::NoSuch(path.display().to_string());
        let (name, _) =
            path.file_name().and_then(|n| n.to_str()).and_then(split).ok_or_else(bad)?;
        let part = path.parent().ok_or_else(bad)?;
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        let root = fs::canonicalize(&self.root).map_err(|_| none())?;
        let part = fs::canonicalize(part).map_err(|_| none())?;
        if !part.ends_with("new") && !part.ends_with("cur") {
            return Err(bad());
        }
        let folder = part.parent().and_then(|dir| dir.strip_prefix(&root).ok()).ok_or_else(bad)?;
        let folder: Folder = folder.to_str().and_then(|f| f.parse().ok()).ok_or_else(bad)?;
        self.locate(&folder, &name)?.ok_or_else(none)
    }

    /// The message of that name in a folder.
    pub fn locate(&self, folder: &Folder, name: &Name) -> Result<Option<Entry>, Error> {
        Ok(self.list(folder)?.into_iter().find(|entry| entry.name == *name))
    }

    /// What the message holds, at most `limit` bytes; `None` if it is gone.
    pub fn read(&self, entry: &Entry, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        if let Some(bytes) = atomic::read(&entry.path, limit)? {
            return Ok(Some(bytes));
        }
        match self.locate(&entry.folder, &entry.name)? {
            Some(now) => atomic::read(&now.path, limit),
            None => Ok(None),
        }
    }

    /// Gives the message these flags, which puts it in `cur`. `None` if it is gone.
    pub fn set_flags(&self, entry: &Entry, flags: Flags) -> Result<Option<Entry>, Error> {
        let mut batch = self.batch();
        let done = batch.set_flags(entry, flags)?;
        batch.flush().map(|()| done)
    }

    /// Moves the message to another folder, flags and all. `None` if it is gone.
    pub fn move_to(&self, entry: &Entry, folder: &Folder) -> Result<Option<Entry>, Error> {
        let mut batch = self.batch();
        let done = batch.move_to(entry, folder)?;
        batch.flush().map(|()| done)
    }

    /// Removes the message; it may be gone already.
    pub fn remove(&self, entry: &Entry) -> Result<(), Error> {
        let mut batch = self.batch();
        batch.remove(entry)?;
        batch.flush()
    }

    /// Does something to the message's file: at the path it had, else at the one it has now.
    /// Returns the entry it was done to.
    pub(super) fn try_where_it_is(
        &self,
        entry: &Entry,
        act: impl Fn(&Entry) -> io::Result<()>,
        doing: &'static str,
    ) -> Result<Option<Entry>, Error> {
        let mut at = entry.clone();
        for again in [true, false] {
            match act(&at) {
                Ok(()) => return Ok(Some(at)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(&at.path, doing)(error)),
            }
            match self.locate(&entry.folder, &entry.name)? {
                Some(now) if again => at = now,
                _ => break,
            }
        }
        Ok(None)
    }
}
