//! Many changes of one moment, flushed together: a thousand messages that a mail program marks as
//! read wait for the disk once, not a thousand times. What is not flushed yet may be undone by a
//! loss of power, each change by itself.

use super::super::atomic;
use super::super::error::Error;
use super::{Entry, Flags, Folder, Maildir};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Changes that are made, and not flushed before [`flush`](Batch::flush).
#[derive(Debug)]
pub struct Batch<'a> {
    mail: &'a Maildir,
    /// Directories into which something came, and out of which something went.
    dirs: [BTreeSet<PathBuf>; 2],
}

impl Maildir {
    /// Changes to be flushed together.
    pub fn batch(&self) -> Batch<'_> {
        Batch { mail: self, dirs: <_>::default() }
    }
}

impl Batch<'_> {
    /// As [`Maildir::set_flags`].
    pub fn set_flags(&mut self, entry: &Entry, flags: Flags) -> Result<Option<Entry>, Error> {
        let mail = self.mail;
        self.rename(entry, |now| {
            let path = mail.cur_path(&now.folder, &now.name, flags);
            Entry { path, flags, is_new: false, ..now.clone() }
        })
    }

    /// As [`Maildir::move_to`].
    pub fn move_to(&mut self, entry: &Entry, folder: &Folder) -> Result<Option<Entry>, Error> {
        let mail = self.mail;
        mail.make(folder)?;
        self.rename(entry, |now| {
            let path = match now.is_new {
                true => mail.part(folder, "new").join(now.name.to_string()),
                false => mail.cur_path(folder, &now.name, now.flags),
            };
            Entry { path, folder: folder.clone(), ..now.clone() }
        })
    }

    /// As [`Maildir::remove`].
    pub fn remove(&mut self, entry: &Entry) -> Result<(), Error> {
        let remove = |now: &Entry| fs::remove_file(&now.path);
        if let Some(was) = self.mail.try_where_it_is(entry, remove, "remove")? {
            self.touched(&[], &[&was.path]);
        }
        Ok(())
    }

    /// Makes all of it last.
    pub fn flush(self) -> Result<(), Error> {
        let [to, from] = &self.dirs;
        to.iter().chain(from.difference(to)).try_for_each(|dir| atomic::sync_dir(dir))
    }

    fn rename(
        &mut self,
        entry: &Entry,
        becomes: impl Fn(&Entry) -> Entry,
    ) -> Result<Option<Entry>, Error> {
        self.mail.make(&entry.folder)?;
        let rename = |now: &Entry| fs::rename(&now.path, becomes(now).path);
        let done = self.mail.try_where_it_is(entry, rename, "rename")?;
        let Some(was) = done else { return Ok(None) };
        let now = becomes(&was);
        self.touched(&[&now.path], &[&was.path]);
        Ok(Some(now))
    }

    fn touched(&mut self, to: &[&Path], from: &[&Path]) {
        for (dirs, paths) in self.dirs.iter_mut().zip([to, from]) {
            dirs.extend(paths.iter().map(|path| atomic::parent(path).to_owned()));
        }
    }
}
