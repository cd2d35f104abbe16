//! The directory as a courier: a USB stick or shared folder that people carry or mount
//! (`file:///media/usb/poste`). It has the daily class only: `daily/2026-11-22/`, and in it
//! `<32 hex digits>.cells` of n × 4096 bytes, one file for each post.
//!
//! A file appears whole or not at all, under a name made from its bytes, so posting again changes
//! nothing. What others put there is hostile: symbolic links, pipes, odd lengths and files that
//! are too large are passed over, and nothing is followed out of the directory. The directory
//! itself is never made: where a stick is not plugged in, nothing must be written.
//! Format: poste-protocol(7), Relay (directory node).

use super::error::{Cause, Error};
use super::{Address, Answer, Courier, Fetched, Heard};
use crate::core::bucket::{Bucket, CELL, Class, Prefix};
use crate::core::encode::hex;
use crate::core::prim::sha256;
use crate::core::time::{DAY, Day, Time};
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The folder of the class.
const DAILY: &str = "daily";
/// What the name of a file with cells ends in.
const SUFFIX: &str = ".cells";
/// What the name of a file not yet whole ends in.
const PARTIAL: &str = ".part";
/// Larger files are not read, and larger posts not made.
const FILE_LIMIT: u64 = 64 << 20;
/// More files in one bucket are not looked at.
const FILES_LIMIT: usize = 100_000;
/// More bytes of one bucket are not read, whatever the prefix.
const SCAN_LIMIT: u64 = 1 << 30;

/// A directory node.
#[derive(Debug)]
pub(super) struct Directory {
    address: Address,
    root: PathBuf,
}

impl Directory {
    /// The node at `root`, which is looked at only when it is used.
    pub fn new(address: &Address, root: &Path) -> Directory {
        Directory { address: address.clone(), root: root.to_owned() }
    }

    fn open_root(&self) -> Result<OwnedFd, Cause> {
        // Named by the user, who may well have made it a symbolic link.
        fs::open(&self.root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| match error {
                Errno::NOENT => Cause::Offline("not there; is the medium plugged in?".to_owned()),
                Errno::NOTDIR => Cause::broken("not a directory"),
                other => disk(other),
            })
    }

    fn post_cells(&self, bucket: Bucket, cells: &[u8]) -> Result<(), Cause> {
        if bucket.class() != Class::Daily {
            return Err(Cause::DailyOnly);
        }
        if cells.is_empty() || !cells.len().is_multiple_of(CELL) {
            return Err(Cause::NotCells);
        }
        if cells.len() as u64 > FILE_LIMIT {
            return Err(Cause::TooLong { limit: FILE_LIMIT });
        }
        let root = self.open_root()?;
        let daily = make_folder(&root, DAILY)?;
        let folder = make_folder(&daily, &bucket.day().to_string())?;
        let name = hex(&sha256(&[cells])[..16]);
        write_whole(&folder, &name, cells)?;
        // The folders may be new: their names must last as well.
        for made in [&folder, &daily, &root] {
            sync_folder(made)?;
        }
        Ok(())
    }

    fn fetch_cells(&self, bucket: Bucket, prefix: Prefix, limit: u64) -> Result<Vec<u8>, Cause> {
        if bucket.class() != Class::Daily {
            return Err(Cause::DailyOnly);
        }
        let root = self.open_root()?;
        let Some(daily) = open_folder(&root, DAILY)? else { return Ok(Vec::new()) };
        let day = bucket.day().to_string();
        let Some(folder) = open_folder(&daily, &day)? else { return Ok(Vec::new()) };
        let mut cells = Cells { found: BTreeSet::new(), prefix, limit, scanned: 0 };
        for name in names(&folder)?.iter().filter(|name| is_whole(name)) {
            cells.take_file(&folder, name)?;
        }
        Ok(cells.found.iter().map(|cell| &cell[..]).collect::<Vec<_>>().concat())
    }

    /// Removes the files this program could have made, and then folders that are empty: a
    /// directory configured by mistake loses nothing of its owner's.
    fn wipe(&self, now: Time) -> Result<(), Cause> {
        let root = self.open_root()?;
        let Some(daily) = open_folder(&root, DAILY)? else { return Ok(()) };
        // One folder that cannot be wiped must not keep the others.
        let mut first = Ok(());
        for day in names(&daily)? {
            let due = day.parse().is_ok_and(|date: Day| wiped(date) <= now);
            if due {
                first = first.and(wipe_folder(&daily, &day));
            }
        }
        first.and(sync_folder(&daily))
    }
}

impl Courier for Directory {
    fn post(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, Error> {
        self.post_cells(bucket, cells)
            .map_err(|cause| cause.at(&self.address, format!("posting to {bucket}")))?;
        Ok(Heard::default())
    }

    fn fetch(&self, bucket: Bucket, prefix: Prefix, limit: u64) -> Result<Answer<Fetched>, Error> {
        let cells = self
            .fetch_cells(bucket, prefix, limit)
            .map_err(|cause| cause.at(&self.address, format!("fetching {bucket}")))?;
        Ok(Answer { body: Fetched::Cells(cells), heard: Heard::default() })
    }

    fn tidy(&self, now: Time) -> Result<(), Error> {
        self.wipe(now).map_err(|cause| cause.at(&self.address, "wiping old buckets"))
    }
}

/// The cells found so far: each once, in the order of their bytes, which says nothing of files.
struct Cells {
    found: BTreeSet<Box<[u8; CELL]>>,
    prefix: Prefix,
    limit: u64,
    scanned: u64,
}

impl Cells {
    fn take_file(&mut self, folder: &OwnedFd, name: &str) -> Result<(), Cause> {
        // Neither links nor pipes: the first are not followed, the second not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::LOOP | Errno::NOENT | Errno::NXIO | Errno::ACCESS) => return Ok(()),
            Err(other) => return Err(disk(other)),
        };
        let stat = fs::fstat(&file).map_err(disk)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || size > FILE_LIMIT || !size.is_multiple_of(CELL as u64) {
            return Ok(());
        }
        self.scanned += size;
        if self.scanned > SCAN_LIMIT {
            return Err(Cause::TooLong { limit: SCAN_LIMIT });
        }
        // The size is taken once: a file that grows meanwhile is not read further.
        let mut reader = File::from(file).take(size);
        for _ in 0..size / CELL as u64 {
            let mut cell = Box::new([0; CELL]);
            match reader.read_exact(&mut cell[..]) {
                Ok(()) => self.take_cell(cell)?,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(Cause::Disk(error)),
            }
        }
        Ok(())
    }

    fn take_cell(&mut self, cell: Box<[u8; CELL]>) -> Result<(), Cause> {
        if !self.prefix.matches(&cell[..]) {
            return Ok(());
        }
        self.found.insert(cell);
        if (self.found.len() * CELL) as u64 > self.limit {
            return Err(Cause::TooLong { limit: self.limit });
        }
        Ok(())
    }
}

/// The moment a day's bucket is wiped here: a day later than at a relay, since a stick travels.
fn wiped(day: Day) -> Time {
    Bucket::at(Class::Daily, day.start()).wiped() + DAY
}

fn wipe_folder(daily: &OwnedFd, day: &str) -> Result<(), Cause> {
    let Some(folder) = open_folder(daily, day)? else { return Ok(()) };
    for name in names(&folder)?.iter().filter(|name| is_whole(name) || is_partial(name)) {
        match fs::unlinkat(&folder, name.as_str(), AtFlags::empty()) {
            // A folder of such a name was not made by us.
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(other) => return Err(disk(other)),
        }
    }
    match fs::unlinkat(daily, day, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(()),
        Err(other) => Err(disk(other)),
    }
}

fn is_whole(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(is_stem)
}

fn is_partial(name: &str) -> bool {
    name.strip_suffix(PARTIAL).is_some_and(is_stem)
}

fn is_stem(stem: &str) -> bool {
    stem.len() == 32 && stem.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Writes `<stem>.cells` so that it is there whole, after a crash too, or not at all.
fn write_whole(folder: &OwnedFd, stem: &str, bytes: &[u8]) -> Result<(), Cause> {
    let partial = format!("{stem}{PARTIAL}");
    // One left over from a crash is in the way of O_EXCL, which no link gets past.
    ignore(fs::unlinkat(folder, partial.as_str(), AtFlags::empty()), Errno::NOENT)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    // A shared folder is shared: who may read is left to the umask. Cells are public anyway.
    let file = fs::openat(folder, partial.as_str(), flags, Mode::from_raw_mode(0o666));
    let mut file = File::from(file.map_err(disk)?);
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let renamed = written.map_err(disk_io).and_then(|()| {
        let whole = format!("{stem}{SUFFIX}");
        fs::renameat(folder, partial.as_str(), folder, whole.as_str()).map_err(disk)
    });
    if renamed.is_err() {
        // Only tidying up: the error that counts is the one already there.
        let _ = fs::unlinkat(folder, partial.as_str(), AtFlags::empty());
    }
    renamed
}

fn make_folder(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Cause> {
    ignore(fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)), Errno::EXIST)?;
    open_folder(parent, name)?.ok_or_else(|| Cause::Offline(format!("{name} went away")))
}

fn open_folder(parent: &OwnedFd, name: &str) -> Result<Option<OwnedFd>, Cause> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match fs::openat(parent, name, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            Err(Cause::Broken(format!("{name} is not a directory of its own")))
        }
        Err(other) => Err(disk(other)),
    }
}

/// The names in a folder that are text; others are not ours.
fn names(folder: &OwnedFd) -> Result<Vec<String>, Cause> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(disk)? {
        let entry = entry.map_err(disk)?;
        if names.len() == FILES_LIMIT {
            return Err(Cause::Broken(format!("more than {FILES_LIMIT} files in one folder")));
        }
        if let Ok(name) = entry.file_name().to_str() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Makes names last. Some filesystems of sticks and shares cannot, and say so.
fn sync_folder(folder: &OwnedFd) -> Result<(), Cause> {
    match fs::fsync(folder) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP | Errno::ROFS) => Ok(()),
        Err(other) => Err(disk(other)),
    }
}

fn ignore(result: Result<(), Errno>, harmless: Errno) -> Result<(), Cause> {
    match result {
        Err(error) if error != harmless => Err(disk(error)),
        _ => Ok(()),
    }
}

fn disk(error: Errno) -> Cause {
    disk_io(error.into())
}

fn disk_io(error: std::io::Error) -> Cause {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Cause::Full,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            Cause::Denied
        }
        _ => Cause::Disk(error),
    }
}
