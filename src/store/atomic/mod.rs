//! The one discipline of durable writing; every file of the tree is written through it.
//!
//! A new file (`O_EXCL`, mode 0600, same directory, dot-prefixed name) is written and fsynced,
//! renamed into place, and its directory fsynced; only then does a writer report success. Readers
//! see the old content or the new, never a mixture. After a failed fsync the next could succeed
//! with the data dropped, so there is none: the file is removed, the error reported, and whoever
//! called writes anew. Many files go in one [`Batch`]. Reading refuses links and excess. Callers
//! hold the state lock ([`super::lock`]), so what bears a temporary name under it is a crash's.
//!
//! Between files: counters and planned names are durable before what they stand for happens, the
//! record that it did comes after, and doing it again in between changes nothing. No missing file
//! means "deleted": only a record says so. Files: poste-files(5).

mod batch;
mod parts;
mod text;

pub use batch::Batch;
pub use parts::{open_plain, read_parts, share, write_parts};
pub use text::{
    line_of, one_line, parse_toml, read_text_followed, read_toml, write_new_toml, write_toml,
};

use super::error::{CREATE, Cause, Error};
use super::lock::StateLock;
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How temporary names begin.
const TEMP: &str = ".new-";

/// Puts `bytes` at `path`, in place of what is there. The directory must exist.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.write(path, bytes)?;
    batch.commit()
}

/// As [`write`], for what everybody may read: one's own card where the public finds it.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut batch = Batch::public();
    batch.write(path, bytes)?;
    batch.commit()
}

/// Puts `bytes` at `path`; [`Cause::Exists`] if anything is there, also if it comes to be there
/// meanwhile.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.write_new(path, bytes)?;
    batch.commit()
}

/// Renames `from` to `to`, in the same directory and in place of what is there.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(from, "rename"))?;
    sync_dir(parent(to))
}

/// Renames `from`, whose content is durable already, to `to`, which must not exist.
pub(super) fn rename_new(from: &Path, to: &Path) -> Result<(), Error> {
    if to.symlink_metadata().is_ok() {
        return Err(Error::new(to, CREATE, Cause::Exists));
    }
    // Without the flag the rename of a directory still refuses all but an empty one.
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to).map_err(Error::io(to, CREATE))?,
        other => other.map_err(Error::io(to, CREATE))?,
    }
    sync_dir(parent(to))
}

/// Whether a file of this name is a temporary one: under the state lock, what a crash left.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMP)
}

/// Removes `path` for good; it may be missing.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(path, "remove")(error)),
    }
}

/// Adds whole lines to the end of `path`, which is made if missing. What a crash left there of an
/// unfinished line is cut off first; what fails is taken back. Callers hold a lock.
pub fn append(path: &Path, lines: &[u8]) -> Result<(), Error> {
    debug_assert!(lines.ends_with(b"\n"), "whole lines only");
    let options = |new| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(new).mode(0o600).custom_flags(plain_flags());
        options
    };
    let mut file = match options(false).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            options(true).open(path).map_err(Error::io(path, CREATE))?
        }
        other => other.map_err(refused_link(path))?,
    };
    let meta = file.metadata().map_err(Error::io(path, "add to"))?;
    if !meta.is_file() {
        return Err(Error::new(path, "add to", Cause::NotPlain));
    }
    if meta.len() == 0 {
        // Its name first: whoever finds something in it need not ask whether the name is durable.
        sync_dir(parent(path))?;
    }
    let mut add = || -> io::Result<()> {
        let end = end_of_lines(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let written = file.write_all(lines).and_then(|()| file.sync_data());
        if written.is_err() {
            let _ = file.set_len(end);
        }
        written
    };
    add().map_err(Error::io(path, "add to"))
}

/// What `path` holds, `None` if it does not exist. Links, devices and more than `limit` bytes are
/// refused before anything is read.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    read_with(path, limit, plain_flags())
}

/// Makes a directory of mode 0700 and its missing parents, durably; it may exist.
pub fn make_dir(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent().is_some() => {
            make_dir(parent(path))?;
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(Error::io(path, CREATE)(error))
                }
                _ => sync_dir(parent(path)),
            }
        }
        Err(error) => Err(Error::io(path, CREATE)(error)),
    }
}

/// Removes from `dir` the temporary files that a crash left there, which may hold keys that were
/// erased since. Returns how many. Nobody else writes under the lock, so none is in use.
pub fn sweep(dir: &Path, lock: &StateLock) -> Result<usize, Error> {
    sweep_named(dir, lock, |name| name.starts_with(TEMP))
}

/// As [`sweep`], for the plain files whose name `stale` accepts.
pub(super) fn sweep_named(
    dir: &Path,
    _lock: &StateLock,
    stale: impl Fn(&str) -> bool,
) -> Result<usize, Error> {
    let mut removed = 0;
    for item in entries(dir)? {
        let named = item.file_name().to_str().is_some_and(&stale);
        if named && item.file_type().is_ok_and(|kind| kind.is_file()) {
            remove(&item.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The entries of `dir`, none if it does not exist.
pub(super) fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    match fs::read_dir(dir) {
        Ok(items) => items.collect::<Result<_, _>>().map_err(Error::io(dir, "list")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(dir, "list")(error)),
    }
}

/// Makes what was renamed or removed in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), Error> {
    let file = File::open(dir).map_err(Error::io(dir, "open"))?;
    sync_open_dir(&file, dir)
}

/// The directory a file lies in, `.` for a bare name.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn sync_open_dir(file: &File, dir: &Path) -> Result<(), Error> {
    match file.sync_all() {
        // Some network filesystems have no fsync for directories and write them at once.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(Error::io(dir, "write")),
    }
}

/// Not through a link, and without waiting for the other end of a pipe.
fn plain_flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32
}

fn read_with(path: &Path, limit: u64, flags: i32) -> Result<Option<Vec<u8>>, Error> {
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused_link(path)(error)),
    };
    let meta = file.metadata().map_err(Error::io(path, "read"))?;
    if !meta.is_file() {
        return Err(Error::new(path, "read", Cause::NotPlain));
    }
    let too_large = || Error::new(path, "read", Cause::TooLarge { limit });
    if meta.len() > limit {
        return Err(too_large());
    }
    // One byte of room beyond the length, so that reading to the end moves no secret about.
    let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io(path, "read"))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(Some(bytes))
}

fn refused_link(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => Error::new(path, "read", Cause::NotPlain),
        _ => Error::io(path, "read")(error),
    }
}

/// Length of the part of the file that ends with a line end.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut chunk = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(chunk.len() as u64);
        let part = &mut chunk[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// A new file in `dir` under a temporary name. Names count up in a process and carry its number;
/// one left by an earlier process is passed over.
fn temp_in(dir: &Path, target: &Path) -> Result<(File, PathBuf), Error> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{TEMP}{}-{number}", std::process::id()));
        match create(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(target, CREATE)(error)),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
