//! The sealed mail: Maildirs as maildir(5) has them, one a folder, each message one age file.
//!
//! Names are `<time>.<unique>.poste`, in `cur` followed by `:2,` and flags; `<time>` and the
//! file's time of modification are the message's Date, `<unique>` is random. What is inside is
//! never looked at here. Mail programs and people may rename, flag, move and delete at any moment:
//! a message that left its path is looked for by its name, one that is gone is no error to
//! remove, and files with foreign names are left alone. Layout: poste-files(5), Mail.

mod batch;
mod delivery;
mod name;
mod shelf;
mod whole;

pub use batch::Batch;
pub use delivery::{Delivery, Place};
pub use name::{BadName, Flags, Folder, Name};
pub use shelf::{Entry, FindError};
pub use whole::Removed;

use super::atomic;
use super::error::Error;
use super::lock::StateLock;
use std::path::{Path, PathBuf};

/// The directory that holds one Maildir a folder.
#[derive(Clone, Debug)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// The folders under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Maildir {
        Maildir { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folders there are, in order of their names. Directories whose name no folder can bear,
    /// links, and hidden ones are not folders.
    pub fn folders(&self) -> Result<Vec<Folder>, Error> {
        let mut folders: Vec<Folder> = atomic::entries(&self.root)?
            .into_iter()
            .filter(|item| item.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|item| item.file_name().to_str()?.parse().ok())
            .collect();
        folders.sort();
        Ok(folders)
    }

    /// Makes a folder with its three parts, or those that are missing.
    pub fn make(&self, folder: &Folder) -> Result<(), Error> {
        ["tmp", "new", "cur"].iter().try_for_each(|part| atomic::make_dir(&self.part(folder, part)))
    }

    /// Removes from every folder's `tmp` what a crash left there of messages of ours; what mail
    /// programs write there bears other names. Returns how many.
    pub fn sweep(&self, lock: &StateLock) -> Result<usize, Error> {
        self.folders()?.iter().try_fold(0, |sum, folder| {
            let ours = |name: &str| name.parse::<Name>().is_ok();
            Ok(sum + atomic::sweep_named(&self.part(folder, "tmp"), lock, ours)?)
        })
    }

    fn part(&self, folder: &Folder, part: &str) -> PathBuf {
        self.root.join(folder.as_str()).join(part)
    }
}

#[cfg(test)]
mod tests;
