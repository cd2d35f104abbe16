//! What lies in a view: the files of its folders, with what tells whether they were changed, and
//! messages that lie where no folder can be. Names that are not text, and hidden directories, are
//! no mail program's folders or files.

use super::super::error::Error;
use super::super::maildir::{Flags, Folder, Place};
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

/// What lies in a view.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Files in folders.
    pub files: Vec<ViewFile>,
    /// Messages elsewhere, in a directory that has no name of a folder.
    pub strays: Vec<PathBuf>,
}

impl View {
    /// What lies in it. A file that is being renamed meanwhile may be missing.
    pub fn list(&self) -> Result<Listing, Error> {
        list(&self.root)
    }
}

pub(super) fn list(root: &Path) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for item in items(root) {
        let Some(item) = there(root, item)? else { continue };
        // Gone since its directory was read.
        let Ok(meta) = item.metadata() else { continue };
        match file(root, &item, Stamp::of(&meta)) {
            Some(file) => listing.files.push(file),
            None => listing.strays.push(item.into_path()),
        }
    }
    Ok(listing)
}

/// The paths of all messages below `root`.
pub(super) fn messages(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let paths = items(root).map(|item| there(root, item));
    paths.filter_map(|item| item.transpose()).map(|item| Ok(item?.into_path())).collect()
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
            Ok(item) => item.file_type().is_file() && item.depth() > 1 && is_in_part(item.path()),
            Err(_) => true,
        })
}

fn is_in_part(path: &Path) -> bool {
    path.parent().is_some_and(|part| part.ends_with("new") || part.ends_with("cur"))
}

fn there(root: &Path, item: walkdir::Result<DirEntry>) -> Result<Option<DirEntry>, Error> {
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
