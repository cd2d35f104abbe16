//! Cells that were fetched and are not yet looked at, in a file without a name: a node may send
//! more than memory should hold of several at once, and what it sends must be looked at only when
//! all requests were made, so that their times tell nobody what was in it. Nothing here lasts: the
//! file is gone with the program. Named in poste-files(5).

use super::error::Error;
use super::home::Places;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Bytes outside memory.
#[derive(Debug)]
pub struct Spool {
    file: File,
    path: PathBuf,
    length: usize,
}

impl Spool {
    /// An empty one. Under the lock of the sync there is no other.
    pub fn new(places: &Places) -> Result<Spool, Error> {
        let path = places.state().join("fetched.tmp");
        // One that a crash left in the instant before it lost its name.
        let _ = fs::remove_file(&path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(Error::io(&path, "create"))?;
        fs::remove_file(&path).map_err(Error::io(&path, "remove"))?;
        Ok(Spool { file, path, length: 0 })
    }

    /// Adds bytes at the end: all of them or, as [`read`](Spool::read) sees it, none.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self
            .file
            .seek(SeekFrom::Start(self.length as u64))
            .and_then(|_| self.file.write_all(bytes));
        written.map_err(Error::io(&self.path, "write"))?;
        self.length += bytes.len();
        Ok(())
    }

    /// All that was added.
    pub fn read(&mut self) -> Result<Vec<u8>, Error> {
        let mut all = vec![0; self.length];
        let read = self.file.rewind().and_then(|()| self.file.read_exact(&mut all));
        read.map_err(Error::io(&self.path, "read"))?;
        Ok(all)
    }
}
