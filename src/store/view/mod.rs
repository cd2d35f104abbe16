//! The view on disk, or rather in memory: plain copies of messages, one Maildir a folder, and a
//! journal of what was put there. The tree stays the truth; nothing here is ever the only copy of a
//! message but what a mail program has just written, and that is left alone until it was taken.
//!
//! Files keep the names that mail programs give them; those of ours begin as in the tree. Nothing is
//! flushed, since nothing here outlives the machine. Layout: poste-files(5), View.

mod dates;
mod journal;
mod listing;
mod place;
mod stamp;
mod wipe;

pub use journal::Known;
pub use listing::{ViewFile, of_tree};
pub use stamp::Stamp;

use super::error::{CREATE, Cause, Error};
use super::maildir::{Folder, Name, Place};
use crate::core::time::Time;
use journal::Journal;
use place::{make_dir, make_private};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The name of a directory for what programs write beside messages.
const TEMP: &str = ".tmp";

/// Where a message lies, in the tree or in the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// In which folder.
    pub folder: Folder,
    /// In which part, with which flags.
    pub place: Place,
}

/// The directory of a view.
#[derive(Debug)]
pub struct View {
    root: PathBuf,
    journal: Journal,
}

/// What a view holds, by the unique part of the names in the tree.
pub type Holds = HashMap<String, Known>;

/// A view, what it holds by its journal, and what was about to be filed in the tree.
pub type Found = (View, Holds, Holds);

impl View {
    /// Whether a view lies there, whoever's.
    pub fn is_at(root: &Path) -> bool {
        root.join(journal::FILE).symlink_metadata().is_ok()
    }

    /// What is known of the messages of the view of `home` at `root`, whoever has it open.
    pub fn known_at(root: &Path, home: &Path) -> Result<Holds, Error> {
        journal::peek(root, home)
    }

    /// The files of the view at `root`, whoever has it open.
    pub fn files_at(root: &Path) -> Result<Vec<ViewFile>, Error> {
        listing::list(root)
    }

    /// The view of `home` at `root`: the one that a killed run has left there, or a new one. The
    /// directory must then be empty; it is made if it is missing, and must be closed to others.
    pub fn open(root: &Path, home: &Path) -> Result<Found, Error> {
        make_private(root)?;
        let is_left = View::is_at(root);
        let mut items = fs::read_dir(root).map_err(Error::io(root, "list"))?;
        if !is_left && items.next().is_some() {
            return Err(Error::new(root, "make a view in", Cause::Exists));
        }
        let (journal, known, planned) = Journal::open(root, home)?;
        Ok((View { root: root.to_owned(), journal }, known, planned))
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a hidden directory in it, which goes with it.
    pub fn make_temp(&self) -> Result<PathBuf, Error> {
        let path = self.root.join(TEMP);
        make_dir(&path).map(|()| path)
    }

    /// Whether the view is still there: files that are missing from one that somebody has removed
    /// say nothing about messages.
    pub fn is_whole(&self) -> bool {
        self.journal.is_there()
    }

    /// Whether all parts of a folder are there.
    pub fn has(&self, folder: &Folder) -> bool {
        ["new", "cur", "tmp"].iter().all(|part| self.part(folder, part).is_dir())
    }

    /// Makes a folder, or what is missing of it.
    pub fn make(&self, folder: &Folder) -> Result<(), Error> {
        ["new", "cur", "tmp"].iter().try_for_each(|part| make_dir(&self.part(folder, part)))
    }

    /// Removes a folder that the tree has no more, if nothing is in it. Says whether it is gone.
    pub fn retire(&self, folder: &Folder) -> bool {
        let parts = ["new", "cur", "tmp"].map(|part| self.part(folder, part));
        let is_empty = |part: &PathBuf| {
            fs::read_dir(part).map_or_else(
                |error| error.kind() == io::ErrorKind::NotFound,
                |mut items| items.next().is_none(),
            )
        };
        if !parts.iter().all(is_empty) {
            return false;
        }
        let gone = |path: &Path| fs::remove_dir(path).is_ok() || path.symlink_metadata().is_err();
        if parts.iter().all(|part| gone(part)) && gone(&self.root.join(folder.as_str())) {
            return true;
        }
        // Something came this moment: then it shall be whole.
        if self.root.join(folder.as_str()).is_dir() {
            let _ = self.make(folder);
        }
        false
    }

    /// Puts a text at its place, dated like its message.
    pub fn put(&self, base: &str, spot: &Spot, text: &[u8], time: Time) -> Result<Stamp, Error> {
        let temp = self.part(&spot.folder, "tmp").join(base);
        let path = self.path(base, spot);
        let write = || -> io::Result<Stamp> {
            let stamp = write(&temp, text, time)?;
            fs::rename(&temp, &path)?;
            Ok(stamp)
        };
        write().map_err(Error::io(&path, CREATE))
    }

    /// Puts another text in the place of one that is still as it was, under another name, since mail
    /// programs take a file of one name to be the same for ever. Gives its name without flags. Says
    /// nothing if the file is gone or was changed, which is left as it is.
    pub fn renew(
        &self,
        file: &ViewFile,
        name: &Name,
        text: &[u8],
    ) -> Result<Option<(Stamp, String)>, Error> {
        let temp = self.part(&file.spot.folder, "tmp").join(&file.base);
        // Exchanged, so that one that is renamed this moment does not come to be twice.
        let swap = || renameat_with(CWD, &temp, CWD, &file.path, RenameFlags::EXCHANGE);
        let write = || -> io::Result<Option<(Stamp, String)>> {
            let stamp = write(&temp, text, name.time())?;
            let there = match swap() {
                Ok(()) if Stamp::of(&temp.symlink_metadata()?) == file.stamp => true,
                Ok(()) => swap().map(|()| false)?,
                Err(Errno::NOENT) => false,
                Err(error) => return Err(error.into()),
            };
            fs::remove_file(&temp)?;
            if !there {
                return Ok(None);
            }
            let base = format!("{name}.{}", stamp.inode);
            let renamed = fs::rename(&file.path, self.path(&base, &file.spot)).is_ok();
            Ok(Some((stamp, if renamed { base } else { file.base.clone() })))
        };
        write().map_err(Error::io(&file.path, "write"))
    }

    /// By which names it was opened, in one word.
    pub fn names(&self) -> Option<&str> {
        self.journal.names()
    }

    /// Writes down by which names all of it is open now.
    pub fn set_names(&mut self, names: &str) -> Result<(), Error> {
        self.journal.set_names(names)
    }

    /// Renames a file of the view. Says no if it is gone.
    pub fn rename(&self, from: &Path, base: &str, to: &Spot) -> Result<bool, Error> {
        self.make(&to.folder)?;
        gone_is_no(fs::rename(from, self.path(base, to)), from, "rename")
    }

    /// Removes a file of the view. Says no if it was gone.
    pub fn remove(&self, path: &Path) -> Result<bool, Error> {
        gone_is_no(fs::remove_file(path), path, "remove")
    }

    /// Writes down what is about to be filed in the tree, so that it is filed once.
    pub fn plans(&mut self, known: &[Known]) -> Result<(), Error> {
        self.journal.plan(known)
    }

    /// Writes down what the view now holds of a message.
    pub fn knows(&mut self, known: &[&Known]) -> Result<(), Error> {
        self.journal.add(known.iter().copied())
    }

    /// Writes down that the view holds nothing more of a message, of which this is the unique part
    /// of its name.
    pub fn forgets(&mut self, unique: &str) -> Result<(), Error> {
        self.journal.remove(unique)
    }

    fn part(&self, folder: &Folder, part: &str) -> PathBuf {
        self.root.join(folder.as_str()).join(part)
    }

    fn path(&self, base: &str, spot: &Spot) -> PathBuf {
        match spot.place {
            Place::New => self.part(&spot.folder, "new").join(base),
            Place::Cur(flags) => self.part(&spot.folder, "cur").join(format!("{base}:2,{flags}")),
        }
    }
}

fn gone_is_no(done: io::Result<()>, path: &Path, doing: &'static str) -> Result<bool, Error> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io(path, doing)(error)),
    }
}

fn write(path: &Path, text: &[u8], time: Time) -> io::Result<Stamp> {
    let mut file = create(path)?;
    file.write_all(text)?;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(time.unix()))?;
    Ok(Stamp::of(&file.metadata()?))
}

fn create(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        // Left by a killed run: mail programs make up other names.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            open()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
