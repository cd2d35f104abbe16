//! A home that comes from an archive. It is put together below the places it will have, checked
//! there, and moved to them; the keys come last, by one rename, and make it a home. Cut short at
//! any moment, it is no home: then the next `init`, with an archive or without, begins by clearing
//! away what is there of it. So nothing may lie there before, or it could not be told apart.
//! Which files: `store/travel.rs`. Specified in poste-files(5), Archives.

use super::atomic::{self, Batch};
use super::config;
use super::error::{CREATE, Cause, Error};
use super::home::{self, Home, Places};
use super::maildir::Maildir;
use super::travel::{self, Piece};
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Where it is put together, in the data and the state directory.
const STAGING: &str = ".home-new";
/// Files written with one flush of the disk.
const BATCH: usize = 256;
/// A home on its way here. Dropped before it has settled, it leaves nothing behind.
pub struct Arrival {
    places: Places,
    staged: Places,
    batch: Batch,
    /// Directories that are there.
    made: HashSet<PathBuf>,
    wrote_config: bool,
    /// Held for its lock: two that arrive at once would mix.
    _lock: File,
}

impl Arrival {
    /// Begins one, where no home may be, nor anything of one.
    pub fn begin(places: Places) -> Result<Arrival, Error> {
        if places.exists() {
            return Err(Error::new(&places.keys_dir(), CREATE, Cause::Exists));
        }
        clear(&places)?;
        let moved = travel::tops(&places);
        if let Some(path) = moved.iter().find(|path| holds_files(path)) {
            return Err(Error::new(path, CREATE, Cause::Exists));
        }
        // Directories without a file in them are no obstacle.
        moved.iter().for_each(|path| drop(fs::remove_dir_all(path)));
        [places.data(), places.state()].into_iter().try_for_each(atomic::make_dir)?;
        let lock = claim(&places)?;
        let staged = places.staged(STAGING);
        let arrival = Arrival {
            batch: Batch::new(),
            made: HashSet::new(),
            wrote_config: false,
            _lock: lock,
            places,
            staged,
        };
        atomic::make_dir(arrival.staged.state())?;
        Ok(arrival)
    }

    /// Where it is put together: what was [flushed](Arrival::flush) is there.
    pub fn staged(&self) -> &Places {
        &self.staged
    }

    /// Takes a file, which has been checked.
    pub fn put(&mut self, piece: &Piece, bytes: &[u8]) -> Result<(), Error> {
        let path = piece.path(&self.staged);
        if let Some((folder, name)) = &piece.message {
            let mail = Maildir::new(self.staged.mail());
            let tmp = mail.root().join(folder.as_str()).join("tmp");
            if self.made.insert(tmp.clone()) {
                mail.make(folder)?;
            }
            self.batch.write_via(tmp.join(name.to_string()), path, name.time(), bytes)?;
        } else {
            let dir = atomic::parent(&path);
            if self.made.insert(dir.to_owned()) {
                atomic::make_dir(dir)?;
            }
            self.batch.write_new(&path, bytes)?;
        }
        match self.batch.len() >= BATCH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Makes what was taken so far durable.
    pub fn flush(&mut self) -> Result<(), Error> {
        std::mem::take(&mut self.batch).commit()
    }

    /// Moves everything to its place: from then on it is a home.
    pub fn settle(mut self) -> Result<Home, Error> {
        self.flush()?;
        self.configure()?;
        for (from, to) in travel::tops(&self.staged).iter().zip(travel::tops(&self.places)) {
            match fs::rename(from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(Error::io(&to, CREATE))?,
            }
        }
        atomic::sync_dir(self.places.state())?;
        atomic::sync_dir(self.places.data())?;
        home::check_dirs(&self.places)?;
        atomic::rename_new(&self.staged.keys_dir(), &self.places.keys_dir())?;
        Home::open(self.places.clone())
    }

    /// The configuration, unless the same is there: one that the user has put there stays, and a
    /// different one is not overwritten.
    fn configure(&mut self) -> Result<(), Error> {
        let new = atomic::read(&self.staged.config_file(), config::LIMIT)?;
        let Some(new) = new else { return Ok(()) };
        let file = self.places.config_file();
        match atomic::read_text_followed(&file, config::LIMIT)? {
            Some(text) if text.as_bytes() == new => Ok(()),
            Some(_) => Err(Error::new(&file, CREATE, Cause::Exists)),
            None => {
                atomic::make_dir(atomic::parent(&file))?;
                self.wrote_config = true;
                atomic::write_new(&file, &new)
            }
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.batch = Batch::new();
        // With the keys in their place it is a home, whatever failed after.
        if self.places.exists() {
            let _ = sweep(&self.places);
            return;
        }
        let file = self.places.config_file();
        if self.wrote_config {
            let _ = fs::remove_file(&file);
        }
        if remove_all(&self.places).is_ok() {
            // Only those that are empty go.
            for dir in [atomic::parent(&file), self.places.state(), self.places.data()] {
                let _ = fs::remove_dir(dir);
            }
        }
    }
}

/// Clears away what is there of a home that was on its way when it was cut short.
pub(super) fn clear(places: &Places) -> Result<(), Error> {
    if places.exists() || places.data().join(STAGING).symlink_metadata().is_err() {
        return Ok(());
    }
    let _lock = claim(places)?;
    remove_all(places)
}

/// Removes from a home what was left when it was cut short after the keys had come. Says how many
/// things there were.
pub(super) fn sweep(places: &Places) -> Result<usize, Error> {
    let left = stagings(places).into_iter().filter(|path| path.symlink_metadata().is_ok());
    left.map(|path| remove(&path)).sum()
}

/// The right to put a home together here.
fn claim(places: &Places) -> Result<File, Error> {
    let dir = places.data().join(STAGING);
    atomic::make_dir(&dir)?;
    let lock = File::open(&dir).map_err(Error::io(&dir, "open"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::new(&dir, "lock", Cause::Locked)),
        Err(TryLockError::Error(error)) => Err(Error::io(&dir, "lock")(error)),
    }
}

/// Where it is put together. That in the data directory goes last: while it is there, what is in
/// place is known to be of no home.
fn stagings(places: &Places) -> [PathBuf; 2] {
    [places.state().join(STAGING), places.data().join(STAGING)]
}

/// Whether it is a file, or a directory in which there is one.
fn holds_files(path: &Path) -> bool {
    if path.is_symlink() {
        return true;
    }
    let mut items = walkdir::WalkDir::new(path).into_iter().filter_map(Result::ok);
    items.any(|item| !item.file_type().is_dir())
}

/// Removes all that is there of a home that did not come. What it was put together in goes last, and
/// not if anything could not be removed, so that it is tried again.
fn remove_all(places: &Places) -> Result<(), Error> {
    let all = travel::tops(places).into_iter().chain(stagings(places));
    all.into_iter().try_for_each(|path| remove(&path).map(|_| ()))
}

/// Removes a file, or a directory with all that is in it; a link, not what it leads to.
fn remove(path: &Path) -> Result<usize, Error> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::io(path, "remove")(error)),
        Ok(meta) if meta.is_dir() => match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(Error::io(path, "remove"))?,
        },
        Ok(_) => atomic::remove(path)?,
    }
    atomic::sync_dir(atomic::parent(path)).map(|()| 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_travels_arrives() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::under(dir.path());
        let pieces = travel::tests::one_of_each();
        let mut arrival = Arrival::begin(places.clone()).unwrap();
        pieces.iter().for_each(|piece| arrival.put(piece, piece.name.as_bytes()).unwrap());
        arrival.settle().unwrap();
        for piece in &pieces {
            assert_eq!(fs::read(piece.path(&places)).unwrap(), piece.name.as_bytes());
        }
        for left in stagings(&places) {
            assert!(!left.exists(), "{}", left.display());
        }
    }

    #[test]
    fn what_does_not_settle_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::under(&dir.path().join("home"));
        let mut arrival = Arrival::begin(places.clone()).unwrap();
        for piece in travel::tests::one_of_each() {
            arrival.put(&piece, b"x").unwrap();
        }
        let second = Arrival::begin(places.clone()).map(drop).unwrap_err();
        assert!(matches!(second.cause, Cause::Locked), "{second}");
        arrival.flush().unwrap();
        drop(arrival);
        let left = walkdir::WalkDir::new(dir.path()).into_iter().map(Result::unwrap);
        let left: Vec<_> = left.filter(|item| item.depth() > 1).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
