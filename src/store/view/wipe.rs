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

impl View {
    /// From now on a missing file means nothing: the view is being wiped.
    pub fn closing(&mut self) -> Result<(), Error> {
        self.journal.closing()
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
        if item.file_type().is_file() && !is_hidden && !is_half && !listing::is_dropping(path) {
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
