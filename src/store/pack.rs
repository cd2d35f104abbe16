//! Writing an archive: a tar file or a directory, of directories and plain files alone. The same
//! content gives the same bytes: owner, permissions and format are always the same, times come from
//! the content, and whoever calls adds in a fixed order. Nothing of the machine gets in.
//! Specified in poste-files(5), Archives.

use super::atomic::{self, Batch};
use super::error::{CREATE, Cause, Error};
use crate::core::time::Time;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tar::{Builder, EntryType, Header};

/// An archive being written.
pub enum Pack<W: Write> {
    /// A tar file (POSIX ustar; GNU long names where a name needs one).
    Tar(Box<Builder<W>>),
    /// A directory, which did not exist or was empty.
    Directory(PathBuf),
}

impl<W: Write> Pack<W> {
    /// A tar file that goes to `out`.
    pub fn tar(out: W) -> Pack<W> {
        Pack::Tar(Box::new(Builder::new(out)))
    }

    /// A directory, made if it is missing; an error if anything is in it.
    pub fn directory(path: &Path) -> Result<Pack<W>, Error> {
        atomic::make_dir(path)?;
        match fs::read_dir(path).map_err(Error::io(path, "list"))?.next() {
            None => Ok(Pack::Directory(path.to_owned())),
            Some(_) => Err(Error::new(path, CREATE, Cause::Exists)),
        }
    }

    /// Adds a directory. Its parents come before it.
    pub fn add_dir(&mut self, name: &str) -> Result<(), Error> {
        match self {
            Pack::Directory(base) => atomic::make_dir(&base.join(name)),
            Pack::Tar(tar) => {
                let mut header = header(EntryType::Directory, 0o700, 0, Time::default());
                let name = format!("{name}/");
                tar.append_data(&mut header, &name, io::empty()).map_err(failed(&name))
            }
        }
    }

    /// Adds a file whose content is of `time`.
    pub fn add_file(&mut self, name: &str, bytes: &[u8], time: Time) -> Result<(), Error> {
        match self {
            Pack::Directory(base) => {
                let path = base.join(name);
                atomic::write_new(&path, bytes)?;
                let file = File::options().write(true).open(&path);
                let time = UNIX_EPOCH + Duration::from_secs(time.unix());
                let set = file.and_then(|file| file.set_modified(time));
                set.map_err(Error::io(&path, "set the time of"))
            }
            Pack::Tar(tar) => {
                let mut header = header(EntryType::Regular, 0o600, bytes.len() as u64, time);
                tar.append_data(&mut header, name, bytes).map_err(failed(name))
            }
        }
    }

    /// Adds a file whose content is `size` bytes read from `from` and is of `time`.
    pub fn add_stream(
        &mut self,
        name: &str,
        size: u64,
        time: Time,
        from: &mut dyn Read,
    ) -> Result<(), Error> {
        let mut from = from.take(size);
        match self {
            Pack::Directory(base) => {
                let mut batch = Batch::new();
                let mut fill = |file: &mut File| io::copy(&mut from, file).map(|_| ());
                batch.write_new_by(&base.join(name), &mut fill, Some(time))?;
                batch.commit()?;
            }
            Pack::Tar(tar) => {
                let mut header = header(EntryType::Regular, 0o600, size, time);
                tar.append_data(&mut header, name, &mut from).map_err(failed(name))?;
            }
        }
        match from.limit() {
            0 => Ok(()),
            _ => Err(failed(name)(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Ends the archive and gives back where it went, if it is a tar file.
    pub fn finish(self) -> Result<Option<W>, Error> {
        match self {
            Pack::Directory(_) => Ok(None),
            Pack::Tar(tar) => tar.into_inner().map(Some).map_err(failed("its end")),
        }
    }
}

fn header(kind: EntryType, mode: u32, size: u64, time: Time) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time.unix());
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn failed(name: &str) -> impl Fn(io::Error) -> Error {
    move |error| Error::io(Path::new(name), "archive")(error)
}
