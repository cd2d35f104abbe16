//! Files of parts of one size, read and written part by part: an enclosure is too large to be held
//! in memory while its cells come or go. Writing in place is no mixture of old and new here, since
//! a part is written once; what counts as written is said by another file, written after.

use super::super::error::{CREATE, Cause, Error};
use super::{parent, plain_flags, read, refused_link, sync_dir, write_new};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Writes parts, each at its number times `size`, into `path`, which is made if missing. They are
/// durable when this returns.
pub fn write_parts<'a>(
    path: &Path,
    size: usize,
    parts: impl Iterator<Item = (u16, &'a [u8])>,
) -> Result<(), Error> {
    let options = |new| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(new).mode(0o600).custom_flags(plain_flags());
        options
    };
    let file = match options(false).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            options(true).open(path).map_err(Error::io(path, CREATE))?
        }
        other => other.map_err(refused_link(path))?,
    };
    let meta = file.metadata().map_err(Error::io(path, "write"))?;
    if !meta.is_file() {
        return Err(Error::new(path, "write", Cause::NotPlain));
    }
    if meta.len() == 0 {
        // As in `append`: the name first.
        sync_dir(parent(path))?;
    }
    for (number, bytes) in parts {
        let at = u64::from(number) * size as u64;
        file.write_all_at(bytes, at).map_err(Error::io(path, "write"))?;
    }
    file.sync_data().map_err(Error::io(path, "write"))
}

/// Reads parts of `size` bytes by number; the file's last one may be shorter.
pub fn read_parts(path: &Path, size: usize, numbers: &[u16]) -> Result<Vec<Vec<u8>>, Error> {
    let file = open_plain(path)?;
    let length = file.metadata().map_err(Error::io(path, "read"))?.len();
    let part = |number: &u16| {
        let at = u64::from(*number) * size as u64;
        let left = length.saturating_sub(at).min(size as u64) as usize;
        if left == 0 {
            return Err(Error::damaged(path, None, "it is shorter than it was"));
        }
        let mut bytes = vec![0; left];
        file.read_exact_at(&mut bytes, at).map_err(Error::io(path, "read"))?;
        Ok(bytes)
    };
    numbers.iter().map(part).collect()
}

/// Lets `to`, which must not be there, have the content of `from`, which is not changed any more:
/// both are one file where the filesystem can do that, else `to` is a copy.
pub fn share(from: &Path, to: &Path) -> Result<(), Error> {
    match std::fs::hard_link(from, to) {
        Ok(()) => sync_dir(parent(to)),
        Err(_) => {
            let missing = || Error::damaged(from, None, "it is missing");
            write_new(to, &read(from, u64::MAX)?.ok_or_else(missing)?)
        }
    }
}

/// Opens a plain file to be read as it goes.
pub fn open_plain(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(plain_flags())
        .open(path)
        .map_err(refused_link(path))?;
    match file.metadata().map_err(Error::io(path, "read"))?.is_file() {
        true => Ok(file),
        false => Err(Error::new(path, "read", Cause::NotPlain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_were_written_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parts");
        let write = |parts: &[(u16, &[u8])]| write_parts(&path, 4, parts.iter().copied()).unwrap();
        write(&[(2, b"xy")]);
        write(&[(1, b"efgh"), (0, b"abcd")]);
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdefghxy");
        assert_eq!(read_parts(&path, 4, &[2, 0]).unwrap(), [b"xy".to_vec(), b"abcd".to_vec()]);
        assert!(read_parts(&path, 4, &[3]).unwrap_err().to_string().contains("shorter"));
    }

    #[test]
    fn links_and_directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::write(&real, "abcd").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(write_parts(&link, 4, [(0, &b"x"[..])].into_iter()).is_err());
        assert!(open_plain(&link).is_err() && open_plain(dir.path()).is_err());
        assert_eq!(std::fs::read(&real).unwrap(), b"abcd");
    }
}
