//! What lies in a view: the files of its folders, with what tells whether they were changed. Names
//! that are not text, hidden ones, and what editors leave beside the files they write are no
//! messages.

use super::super::error::Error;
use super::super::maildir::{Flags, Folder, Name, Place};
use super::{Spot, Stamp, View};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A file in a folder of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewFile {
    /// Its path.
    pub path: PathBuf,
    /// Its name without flags.
    pub base: String,
    /// Where it lies.
    pub spot: Spot,
    /// Whether it was changed.
    pub stamp: Stamp,
}

impl View {
    /// The files of its folders. One that is being renamed meanwhile may be missing.
    pub fn list(&self) -> Result<Vec<ViewFile>, Error> {
        list(&self.root)
    }
}

/// The message of the tree that a file was put into a view for, by its name without flags.
pub fn of_tree(base: &str) -> Option<Name> {
    let renewed = base.rsplit_once('.').filter(|(_, number)| number.parse::<u64>().is_ok());
    base.parse().ok().or_else(|| renewed?.0.parse().ok())
}

pub(super) fn list(root: &Path) -> Result<Vec<ViewFile>, Error> {
    let mut files = Vec::new();
    for item in items(root) {
        let Some(item) = there(root, item)? else { continue };
        // Gone since its directory was read.
        let Ok(meta) = item.metadata() else { continue };
        files.extend(file(root, &item, Stamp::of(&meta)));
    }
    Ok(files)
}

/// All plain files in `new` or `cur`, `new` first, since messages go from there to `cur`.
fn items(root: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let visible = |item: &DirEntry| {
        item.depth() == 0
            || !item.file_type().is_dir()
            || !item.file_name().as_encoded_bytes().starts_with(b".")
    };
    WalkDir::new(root)
        .sort_by(|a, b| b.file_name().cmp(a.file_name()))
        .into_iter()
        .filter_entry(visible)
        .filter(|item| match item {
            Ok(item) => {
                let path = item.path();
                let is_message = item.depth() > 1 && is_in_part(path) && !is_dropping(path);
                item.file_type().is_file() && is_message
            }
            Err(_) => true,
        })
}

/// Whether a path is one of messages: in `new` or `cur`.
pub(super) fn is_in_part(path: &Path) -> bool {
    path.parent().is_some_and(|part| part.ends_with("new") || part.ends_with("cur"))
}

/// Whether an editor has left it beside a file that it writes: what was there before, what is not
/// saved yet, or a lock; all of that has such names, and no message has.
pub(super) fn is_dropping(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") || name.starts_with(b"#") || name.ends_with(b"~")
}

/// What was found, unless it is gone again.
pub(super) fn there(
    root: &Path,
    item: walkdir::Result<DirEntry>,
) -> Result<Option<DirEntry>, Error> {
    match item {
        Ok(item) => Ok(Some(item)),
        Err(error) => {
            let path = error.path().unwrap_or(root).to_owned();
            match error.into_io_error() {
                Some(gone) if gone.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Some(error) => Err(Error::io(&path, "list")(error)),
                None => Ok(None),
            }
        }
    }
}

fn file(root: &Path, item: &DirEntry, stamp: Stamp) -> Option<ViewFile> {
    let path = item.path();
    let part = path.parent()?;
    let folder = part.parent()?.strip_prefix(root).ok()?;
    let folder: Folder = folder.to_str()?.parse().ok()?;
    let name = path.file_name()?.to_str().filter(|name| !name.contains(char::is_control))?;
    let (base, info) = name.split_once(':').unwrap_or((name, ""));
    let flags = Flags::from_letters(info.strip_prefix("2,").unwrap_or_default());
    let place = if part.ends_with("new") { Place::New } else { Place::Cur(flags) };
    let spot = Spot { folder, place };
    Some(ViewFile { path: path.to_owned(), base: base.to_owned(), spot, stamp })
}
