//! Three locks, all flock(2) on files in the state directory; the kernel drops them when their
//! holder dies, so there is never a stale one.
//!
//! [`SyncLock`] is held for a whole sync, minutes perhaps: there is one sync at a time.
//! [`StateLock`] is held around each reading, changing and writing of files of the home, and never
//! while waiting for the network, a person or another program: so `send` never waits for a sync.
//! [`ViewLock`] keeps a home to one view at a time, and is taken before the others.
//! Order: whoever needs both takes the sync lock first. A second lock of the same kind in one
//! process waits for the first, so a function that needs one takes a reference as its proof.
//! Network filesystems without flock are refused by the system's own error. Files:
//! poste-files(5), State.

use super::error::{CREATE, Cause, Error};
use super::home::Home;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a lock is tried again while one waits for it with a time limit.
const PAUSE: Duration = Duration::from_millis(20);

/// One sync at a time. Released when dropped.
#[derive(Debug)]
pub struct SyncLock(#[expect(dead_code, reason = "held for its lock")] File);

/// The files of the home are being changed by this process alone. Released when dropped.
#[derive(Debug)]
pub struct StateLock(#[expect(dead_code, reason = "held for its lock")] File);

/// One view at a time, for as long as it is open. Released when dropped.
#[derive(Debug)]
pub struct ViewLock(#[expect(dead_code, reason = "held for its lock")] File);

impl ViewLock {
    /// The lock if nobody holds it.
    pub fn try_lock(home: &Home) -> Result<Option<ViewLock>, Error> {
        Ok(attempt(&home.places().view_lock_file())?.map(ViewLock))
    }
}

impl SyncLock {
    /// The lock if nobody holds it.
    pub fn try_lock(home: &Home) -> Result<Option<SyncLock>, Error> {
        Ok(attempt(&home.places().lock_file())?.map(SyncLock))
    }

    /// Waits for the lock, at most `limit` if there is one, then [`Cause::Locked`].
    pub fn wait(home: &Home, limit: Option<Duration>) -> Result<SyncLock, Error> {
        wait(&home.places().lock_file(), limit).map(SyncLock)
    }
}

impl StateLock {
    /// The lock if nobody holds it.
    pub fn try_lock(home: &Home) -> Result<Option<StateLock>, Error> {
        Ok(attempt(&home.places().state_lock_file())?.map(StateLock))
    }

    /// Waits for the lock, at most `limit` if there is one, then [`Cause::Locked`].
    pub fn wait(home: &Home, limit: Option<Duration>) -> Result<StateLock, Error> {
        wait(&home.places().state_lock_file(), limit).map(StateLock)
    }
}

fn wait(path: &Path, limit: Option<Duration>) -> Result<File, Error> {
    let Some(limit) = limit else {
        loop {
            let file = open(path)?;
            file.lock().map_err(Error::io(path, "lock"))?;
            if still_there(&file, path) {
                return Ok(file);
            }
        }
    };
    let start = Instant::now();
    loop {
        if let Some(file) = attempt(path)? {
            return Ok(file);
        }
        if start.elapsed() >= limit {
            return Err(Error::new(path, "lock", Cause::Locked));
        }
        sleep(PAUSE);
    }
}

fn attempt(path: &Path) -> Result<Option<File>, Error> {
    loop {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) if still_there(&file, path) => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(Error::io(path, "lock")(error)),
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)
        .map_err(Error::io(path, CREATE))
}

/// Whether the locked file is still the one by that name: somebody may have removed it between
/// the opening and the locking, and others lock its successor.
fn still_there(file: &File, path: &Path) -> bool {
    let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    matches!(
        (file.metadata().map(id), path.symlink_metadata().map(id)),
        (Ok(ours), Ok(named)) if ours == named
    )
}

#[cfg(test)]
mod tests {
    use super::super::home::tests::scratch_home;
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let (_dir, home) = scratch_home();
        let held = SyncLock::try_lock(&home).unwrap().expect("free");
        assert!(SyncLock::try_lock(&home).unwrap().is_none());
        let error = SyncLock::wait(&home, Some(Duration::from_millis(30))).unwrap_err();
        assert!(matches!(error.cause, Cause::Locked));
        assert!(StateLock::try_lock(&home).unwrap().is_some(), "the other lock is free");
        drop(held);
        SyncLock::wait(&home, Some(Duration::ZERO)).expect("free again");
    }

    #[test]
    fn removed_lock_file_makes_no_second_holder_of_the_new_one() {
        let (_dir, home) = scratch_home();
        let path = home.places().lock_file();
        let old = open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let new = SyncLock::try_lock(&home).unwrap().expect("free");
        old.try_lock().unwrap();
        assert!(!still_there(&old, &path), "a lock on the removed file counts for nothing");
        drop(new);
    }

    #[test]
    fn waiting_ends_when_the_holder_leaves() {
        let (_dir, home) = scratch_home();
        let held = StateLock::wait(&home, None).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| StateLock::wait(&home, None).is_ok());
            sleep(Duration::from_millis(20));
            drop(held);
            assert!(waiter.join().unwrap());
        });
    }
}
