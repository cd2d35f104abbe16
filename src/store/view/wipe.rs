//! The end of a view. What is derived from messages goes: what was put there, what lies in `tmp`,
//! and what is hidden, such as an index. What a mail program may have kept there as the only copy
//! stays: messages that were not taken, and plain files beside the Maildirs, such as an mbox.

use super::super::error::Error;
use super::{View, gone_is_no, journal, listing};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// How the directories begin in which lies what was being written.
const ASIDE: &str = "aside-";

impl View {
    /// From now on a missing file means nothing: the view is being wiped.
    pub fn closing(&mut self) -> Result<(), Error> {
        self.journal.closing()
    }

    /// What lies in the directory of [`make_temp`](View::make_temp) is from now on like any file beside
    /// messages, since who wrote it was cut short. Without any, nothing happens.
    pub fn set_aside(&self) -> Result<(), Error> {
        let temp = self.root.join(super::TEMP);
        if !fs::read_dir(&temp).is_ok_and(|mut items| items.next().is_some()) {
            return Ok(());
        }
        let free = (1..).map(|number| self.root.join(format!("{ASIDE}{number}")));
        let mut free = free.filter(|path| path.symlink_metadata().is_err());
        match free.next() {
            Some(path) => fs::rename(&temp, &path).map_err(Error::io(&path, "rename to")),
            None => Ok(()),
        }
    }

    /// Removes everything but what may be the only copy of something, whose paths it gives; without
    /// any, the directory too. In memory a file that is unlinked is gone.
    pub fn wipe(self) -> Result<Vec<PathBuf>, Error> {
        let left = kept(&self.root)?;
        let journal = self.root.join(journal::FILE);
        let mut stays: HashSet<&Path> = left.iter().map(PathBuf::as_path).collect();
        stays.insert(&journal);
        clear(&self.root, &stays)?;
        if left.is_empty() {
            // The journal last: until then a killed wiping is gone on with.
            fs::remove_file(&journal).map_err(Error::io(&journal, "remove"))?;
            // It may be a mount, or somebody's working directory: then it stays, empty.
            let _ = fs::remove_dir(&self.root);
        }
        Ok(left)
    }

    /// Messages in a directory that has no name of a folder.
    pub fn strays(&self) -> Result<Vec<PathBuf>, Error> {
        let files = listing::list(&self.root)?;
        let files: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let mut strays = kept(&self.root)?;
        strays.retain(|path| listing::is_in_part(path) && !files.contains(path.as_path()));
        Ok(strays)
    }
}

/// The paths of all plain files below `root` that may be the only copy of something.
fn kept(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut kept = Vec::new();
    for item in WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let Some(item) = listing::there(root, item)? else { continue };
        let path = item.path();
        let below = path.strip_prefix(root).unwrap_or(path);
        // Hidden directories of Maildir++ are folders; in any other hidden place is an index.
        let is_hidden = below.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
            && !listing::is_in_part(path);
        let is_half = path.parent().is_some_and(|part| part.ends_with("tmp"));
        let is_derived = is_hidden || is_half || listing::is_dropping(path);
        // What an editor has not saved yet has the name of such a file.
        let is_aside = below.to_string_lossy().starts_with(ASIDE);
        if item.file_type().is_file() && (is_aside || !is_derived) {
            kept.push(item.into_path());
        }
    }
    Ok(kept)
}

fn clear(root: &Path, stays: &HashSet<&Path>) -> Result<(), Error> {
    for item in WalkDir::new(root).min_depth(1).contents_first(true) {
        let Ok(item) = item else { continue };
        let path = item.path();
        if stays.contains(path) {
            continue;
        }
        let removed = match item.file_type().is_dir() {
            // Directories of what stays are not empty.
            true => match fs::remove_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
                other => other,
            },
            false => fs::remove_file(path),
        };
        gone_is_no(removed, path, "remove")?;
    }
    Ok(())
}
