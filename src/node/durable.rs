//! Files of the node that outlive a crash: a directory of its own, a lock that keeps a second node
//! out, and a file that takes the place of another in one step, whatever kills the node or the
//! machine. Used by every role that keeps something.
//! Specified in posted(8), STORE and CARDS.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The ending of a file that is still being written.
pub const NEW: &str = "new";

/// Makes the directory with mode 0700, or checks that nobody else is let into the one there is.
/// Its parent is not made.
pub fn private_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let mode = std::fs::metadata(dir)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("mode {mode:04o} lets others in: chmod 700");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

/// The lock file `path`, made if missing and held until the value is dropped; `None` if another
/// node holds it.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Puts `bytes` into the file `path`, mode 0600: the old contents stand until the new ones are on
/// the medium. What a crash leaves beside it ends in [`NEW`] and is written over the next time; an
/// error leaves nothing there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(NEW);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| std::fs::rename(&new, path)) {
        // On a disk that is full it would take room that nobody counts. If it cannot be removed
        // either, the reason is likely the same one.
        let _ = std::fs::remove_file(&new);
        return Err(error);
    }
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_or_refused() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("d");
        private_dir(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        private_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(private_dir(&dir).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(private_dir(&parent.path().join("a/b")).is_err());
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some() && lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_is_replaced_over_what_a_crash_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card.toml");
        std::fs::write(dir.path().join("card.new"), "half of a longer one").unwrap();
        for text in ["one", "two"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_contents_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (path, new) = (dir.path().join("card.toml"), dir.path().join("card.new"));
        replace(&path, b"one").unwrap();
        std::os::unix::fs::symlink("/dev/full", &new).unwrap();
        assert_eq!(replace(&path, b"two").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!new.is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        // What cannot be replaced: the rename fails.
        let taken = dir.path().join("taken.toml");
        std::fs::create_dir(&taken).unwrap();
        replace(&taken, b"three").unwrap_err();
        let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        assert!(left.into_iter().all(|path| path.extension().unwrap() == "toml"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
