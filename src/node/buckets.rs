//! The directory store: every bucket that is not wiped yet, its limits and its end.
//!
//! One directory with a file per bucket, the time gone by (`time`), the bans (`bans`, see `meter`)
//! and a lock, so that no two nodes share it. Wiped buckets go at the start, before anything is served,
//! and at the hour;
//! no request is served a wiped bucket even if that is late, for each asks the time itself.
//! Refuses a directory that holds anything else. Specified in poste-protocol(7), Relay, and
//! posted(8), STORE.

use crate::core::bucket::{Bucket, CELL, Class, Prefix};
use crate::core::time::Time;
use crate::node::clock::{Clock, Keeper, KeeperError};
use crate::node::durable;
use crate::node::log::Log;
use crate::node::selection::Selection;
use crate::node::shelf::{Batch, GIVEN_UP, HEAD, Shelf};
use crate::node::stock::Stock;
use crate::node::tmpfs::Watch;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The store. Shared by all connections.
pub struct Buckets {
    dir: PathBuf,
    capacity: u64,
    used: AtomicU64,
    keeper: Keeper,
    log: Log,
    shelves: Mutex<BTreeMap<Bucket, Arc<Mutex<Option<Shelf>>>>>,
    stock: Stock,
    memory: Watch,
    _lock: File,
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another node runs on it.
    #[error("{0}: in use by another node")]
    Busy(PathBuf),
    /// Something in it was not put there by a node.
    #[error("{0}: does not belong into a store: remove it, or name another directory")]
    Foreign(PathBuf),
    /// The recorded time stands in the way.
    #[error("{0}: {1}")]
    Time(PathBuf, KeeperError),
    /// A file or directory cannot be read, made or removed.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Why cells are not taken. Nothing of them was kept, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The bucket takes no cells now.
    #[error("wrong period")]
    WrongPeriod,
    /// The store, or the file system it is on, is full.
    #[error("full")]
    Full,
    /// The file cannot be written.
    #[error("{0}")]
    Io(io::Error),
    /// The cluster does not answer.
    #[error("the store does not answer")]
    Away,
    /// A cluster has kept so many that were new, and the others not: why.
    #[error("stored in part: {1}")]
    Part(usize, Box<PutError>),
}

/// Why no cells are given.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The bucket is not served yet.
    #[error("not yet")]
    NotYet,
    /// The bucket is gone.
    #[error("wiped")]
    Wiped,
    /// The file cannot be read.
    #[error("{0}")]
    Io(io::Error),
    /// The cluster does not answer.
    #[error("the store does not answer")]
    Away,
}

impl Buckets {
    /// Opens the store in `dir`, made if missing (its parent is not): wipes what is due and takes
    /// up what a former run left. At most `capacity` bytes will lie in it.
    pub fn open(
        dir: &Path,
        capacity: u64,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Buckets, OpenError> {
        durable::private_dir(dir).map_err(at(dir))?;
        let lock = dir.join("lock");
        let lock = durable::lock(&lock).map_err(at(&lock))?.ok_or(OpenError::Busy(lock))?;
        let time = dir.join("time");
        let keeper = Keeper::open(&time, clock, log).map_err(|e| OpenError::Time(time, e))?;
        let memory = Watch::new(dir, keeper.now());
        let buckets = Buckets {
            dir: dir.to_owned(),
            capacity,
            used: AtomicU64::new(0),
            keeper,
            log,
            shelves: Mutex::default(),
            stock: Stock::default(),
            memory,
            _lock: lock,
        };
        for class in [Class::Hourly, Class::Daily] {
            buckets.take_up(class)?;
        }
        Ok(buckets)
    }

    /// Stores a batch, all or nothing; how many of its cells were new.
    pub fn put(&self, bucket: Bucket, batch: &Batch) -> Result<usize, PutError> {
        if !bucket.is_open(self.keeper.now()) {
            return Err(PutError::WrongPeriod);
        }
        let entry = self.shelves().entry(bucket).or_default().clone();
        self.put_into(&mut hold(&entry), bucket, batch)
    }

    /// The same where nobody else is at the bucket: does not wait for anybody. What it does not do
    /// is for [`Buckets::put`].
    pub fn put_at_hand(&self, bucket: Bucket, batch: &Batch) -> Option<Result<usize, PutError>> {
        let entry = self.shelves.try_lock().ok()?.get(&bucket).cloned()?;
        let mut entry = entry.try_lock().ok()?;
        Some(self.put_into(&mut entry, bucket, batch))
    }

    fn put_into(
        &self,
        entry: &mut Option<Shelf>,
        bucket: Bucket,
        batch: &Batch,
    ) -> Result<usize, PutError> {
        // Asked under the bucket's lock, under which it is also closed and wiped.
        if !bucket.is_open(self.keeper.now()) {
            return Err(PutError::WrongPeriod);
        }
        let shelf = match entry {
            Some(shelf) => shelf,
            empty => empty.insert(self.make(bucket)?),
        };
        let missing = shelf.missing(batch);
        let (before, bytes) = (shelf.len(), (missing.len() * CELL) as u64);
        self.reserve(bytes)?;
        shelf.append(batch, &missing).map_err(|error| {
            self.release(bytes);
            self.put_error(bucket, error)
        })?;
        self.stock.add(bucket, &shelf.tops()[before..]);
        Ok(missing.len())
    }

    /// The cells of a bucket that start with `prefix`, and whether it is closed.
    pub fn get(&self, bucket: Bucket, prefix: Prefix) -> Result<(Selection, bool), GetError> {
        let closed = served(bucket, self.keeper.now())?;
        let Some(entry) = self.shelves().get(&bucket).cloned() else {
            return Ok((Selection::none(), closed));
        };
        let mut entry = hold(&entry);
        let Some(shelf) = entry.as_mut() else { return Ok((Selection::none(), closed)) };
        if closed {
            self.close(bucket, shelf).map_err(GetError::Io)?;
        }
        Ok((shelf.select(prefix), closed))
    }

    /// The cells of a bucket that is closed and sorted, if nobody is at it; does not block. What
    /// it does not find is for [`Buckets::get`].
    pub fn at_hand(&self, bucket: Bucket, prefix: Prefix) -> Option<Selection> {
        let now = self.keeper.now();
        if !bucket.is_closed(now) || bucket.is_wiped(now) {
            return None;
        }
        let Some(entry) = self.shelves.try_lock().ok()?.get(&bucket).cloned() else {
            return Some(Selection::none());
        };
        let entry = entry.try_lock().ok()?;
        let shelf = entry.as_ref().filter(|shelf| shelf.is_closed())?;
        Some(shelf.select(prefix))
    }

    /// How many cells a bucket holds. Waits for nobody, also not while it is sorted.
    pub fn count(&self, bucket: Bucket) -> usize {
        self.stock.count(bucket)
    }

    /// Closes and wipes what is due. To be called often: what it finds due is late by as much as
    /// the call was. How many buckets were wiped.
    pub fn chores(&self) -> usize {
        let now = self.keeper.now();
        let all: Vec<_> = self.shelves().iter().map(|(b, e)| (*b, e.clone())).collect();
        let mut wiped = 0;
        for (bucket, entry) in all {
            let mut entry = hold(&entry);
            if bucket.is_wiped(now) {
                match self.wipe(bucket, &mut entry) {
                    Ok(cells) => {
                        self.shelves().remove(&bucket);
                        self.log.info(format_args!("wiped {bucket}: {cells} cells"));
                        wiped += 1;
                    }
                    Err(error) => {
                        let path = self.path(bucket);
                        self.log.error(format_args!("wiping {}: {error}", path.display()));
                    }
                }
            } else if let Some(shelf) = entry.as_mut().filter(|_| bucket.is_closed(now)) {
                // An error is in the log, and the next call tries again.
                let _ = self.close(bucket, shelf);
                self.release(shelf.freed(now >= bucket.closes() + GIVEN_UP));
            }
        }
        self.memory.look(&self.dir, now, self.log);
        wiped
    }

    /// The time the buckets go by.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// What stands under each first digit.
    pub fn stock(&self) -> &Stock {
        &self.stock
    }

    /// Bytes in the store, and how many there may be.
    pub fn fill(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.capacity)
    }

    fn path(&self, bucket: Bucket) -> PathBuf {
        self.dir.join(bucket.to_string())
    }

    /// Takes up what a former run left of one class; wipes what is due before it is looked at.
    fn take_up(&self, class: Class) -> Result<(), OpenError> {
        let dir = self.dir.join(class.name());
        durable::private_dir(&dir).map_err(at(&dir))?;
        let now = self.keeper.now();
        for entry in std::fs::read_dir(&dir).map_err(at(&dir))? {
            let path = entry.map_err(at(&dir))?.path();
            if path.extension().is_some_and(|extension| extension == durable::NEW) {
                // The whole is still there under the bucket's own name.
                erase(&path).map_err(at(&path))?;
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str());
            let bucket = name.and_then(|name| format!("{}/{name}", class.name()).parse().ok());
            let bucket: Bucket = bucket.ok_or_else(|| OpenError::Foreign(path.clone()))?;
            if bucket.is_wiped(now) {
                self.log.info(format_args!("wiped {bucket}: left by a former run"));
                erase(&path).map_err(at(&path))?;
                continue;
            }
            match Shelf::open(&path).map_err(at(&path))? {
                None => erase(&path).map_err(at(&path))?,
                Some(mut shelf) => {
                    self.used.fetch_add(shelf.bytes(), Ordering::Relaxed);
                    if bucket.is_closed(now) {
                        self.close(bucket, &mut shelf).map_err(at(&path))?;
                    }
                    self.stock.add(bucket, shelf.tops());
                    self.shelves().insert(bucket, Arc::new(Mutex::new(Some(shelf))));
                }
            }
        }
        Ok(())
    }

    fn make(&self, bucket: Bucket) -> Result<Shelf, PutError> {
        self.reserve(HEAD)?;
        Shelf::create(&self.path(bucket)).map_err(|error| {
            self.release(HEAD);
            self.put_error(bucket, error)
        })
    }

    /// Closes a bucket, sorted on the spot if there is room for it twice.
    fn close(&self, bucket: Bucket, shelf: &mut Shelf) -> io::Result<()> {
        if shelf.is_closed() {
            return Ok(());
        }
        let (own, bytes) = (self.path(bucket), shelf.bytes());
        let (new, room) = (own.with_extension(durable::NEW), self.reserve(bytes).is_ok());
        let closed = shelf.close(room.then_some((&new, &own)));
        self.release(shelf.freed(false));
        match &closed {
            Ok(()) => self.log.info(format_args!("closed {bucket}: {} cells", shelf.len())),
            Err(error) => self.log.error(format_args!("closing {}: {error}", own.display())),
        }
        closed
    }

    /// Empties the file before its name goes, so that no open descriptor keeps a byte alive.
    fn wipe(&self, bucket: Bucket, entry: &mut Option<Shelf>) -> io::Result<usize> {
        let Some(shelf) = entry else { return Ok(0) };
        let cells = shelf.len();
        if cells > 0 {
            self.release(shelf.wipe()?);
            self.stock.remove(bucket);
        }
        std::fs::remove_file(self.path(bucket))?;
        self.release(HEAD);
        *entry = None;
        Ok(cells)
    }

    fn reserve(&self, bytes: u64) -> Result<(), PutError> {
        reserve(&self.used, bytes, self.capacity)
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn put_error(&self, bucket: Bucket, error: io::Error) -> PutError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PutError::Full,
            _ => {
                self.log.error(format_args!("{}: {error}", self.path(bucket).display()));
                PutError::Io(error)
            }
        }
    }

    fn shelves(&self) -> MutexGuard<'_, BTreeMap<Bucket, Arc<Mutex<Option<Shelf>>>>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a bucket is closed at `now`; an error if nothing of it is given then.
pub fn served(bucket: Bucket, now: Time) -> Result<bool, GetError> {
    let closed = bucket.is_closed(now);
    if bucket.is_wiped(now) {
        return Err(GetError::Wiped);
    }
    if now < bucket.opens() || (bucket.class() == Class::Daily && !closed) {
        return Err(GetError::NotYet);
    }
    Ok(closed)
}

/// Adds `bytes` to `used` if the sum is at most `most`.
pub fn reserve(used: &AtomicU64, bytes: u64, most: u64) -> Result<(), PutError> {
    let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
    let reserved = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
    reserved.map(drop).map_err(|_| PutError::Full)
}

/// The last closed bucket of a class at `now`.
pub fn last_closed(class: Class, now: Time) -> Bucket {
    let bucket = Bucket::at(class, now).previous();
    if bucket.is_closed(now) { bucket } else { bucket.previous() }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves the shelf as it was committed: every method that changes it
    // changes memory last.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn erase(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).truncate(true).open(path)?;
    std::fs::remove_file(path)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io(path, error)
}

#[cfg(test)]
mod tests;
