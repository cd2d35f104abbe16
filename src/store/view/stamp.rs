//! By what a file that was written is told from one that was only renamed, in the view and in the
//! tree, without opening it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// What stays the same of a file as long as nobody writes it. The default is that of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The number of the file.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content last changed, in nanoseconds since 1970; of a file of the tree, which is
    /// dated like its message and never written again, when it was made.
    pub time: i128,
}

impl Stamp {
    /// That of a file of the view.
    pub fn of(meta: &Metadata) -> Stamp {
        let time = i128::from(meta.mtime()) * SECOND + i128::from(meta.mtime_nsec());
        Stamp { inode: meta.ino(), size: meta.size(), time }
    }

    /// That of a file of the tree; of one that is not there any more, that of none. Where the file
    /// system does not say when files were made, numbers that are used again may look alike.
    pub fn of_sealed(path: &Path) -> Stamp {
        let Ok(meta) = fs::symlink_metadata(path) else { return Stamp::default() };
        let made = meta.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let time = made.and_then(|made| i128::try_from(made.as_nanos()).ok()).unwrap_or_default();
        Stamp { time, ..Stamp::of(&meta) }
    }

    /// Whether the file of the view is dated so exactly that [`put`](super::View::put) has done it.
    pub fn is_dated(&self, time: crate::core::time::Time) -> bool {
        self.time == i128::from(time.unix()) * SECOND
    }
}
