//! A file that a person asked for by name, and that bears it only when it is whole: until then it
//! has no name at all, so that whatever ends the program leaves nothing beside it, which may be in
//! plain. Where the filesystem has no such files, it has a temporary name, which a kill leaves.
//! Specified in poste(1), export.

use super::atomic;
use super::error::{CREATE, Cause, Error};
use rustix::fs::{AtFlags, CWD, OFlags, linkat};
use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// A file that is being written, of mode 0600.
#[derive(Debug)]
pub struct Nameless {
    file: File,
    target: PathBuf,
    /// The name it has meanwhile, where it must have one.
    temp: Option<TempPath>,
}

impl Nameless {
    /// One that is to be `target`, which must not exist.
    pub fn new(target: &Path) -> Result<Nameless, Error> {
        if target.symlink_metadata().is_ok() {
            return Err(Error::new(target, CREATE, Cause::Exists));
        }
        let dir = atomic::parent(target);
        let target = target.to_owned();
        if let Some(file) = unnamed(dir) {
            return Ok(Nameless { file, target, temp: None });
        }
        let (file, temp) =
            NamedTempFile::new_in(dir).map_err(|error| refused(&target, error))?.into_parts();
        Ok(Nameless { file, target, temp: Some(temp) })
    }

    /// Makes it durable and gives it its name; [`Cause::Exists`] if something bears that by now.
    pub fn settle(self) -> Result<(), Error> {
        let Nameless { file, target, temp } = self;
        file.sync_all().map_err(Error::io(&target, "write"))?;
        match temp {
            Some(temp) => {
                temp.persist_noclobber(&target).map_err(|failed| refused(&target, failed.error))?;
            }
            None => {
                let link = || linkat(CWD, handle(&file), CWD, &target, AtFlags::SYMLINK_FOLLOW);
                with_own_proc(link).map_err(Error::io(&target, CREATE))?;
            }
        }
        atomic::sync_dir(atomic::parent(&target))
    }
}

impl Write for Nameless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file without a name in `dir`, if there can be one that a name can be given to.
fn unnamed(dir: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(OFlags::TMPFILE.bits().cast_signed());
    let file = options.open(dir).ok()?;
    with_own_proc(|| handle(&file).exists()).then_some(file)
}

/// Does what needs this process's own directory in /proc, which the kernel closes to one that others
/// of its user cannot look into: for this moment they can.
fn with_own_proc<T>(work: impl FnOnce() -> T) -> T {
    let closed = dumpable_behavior().ok().filter(|was| *was == DumpableBehavior::NotDumpable);
    let opened = closed.filter(|_| set_dumpable_behavior(DumpableBehavior::Dumpable).is_ok());
    let done = work();
    if let Some(was) = opened {
        let _ = set_dumpable_behavior(was);
    }
    done
}

/// The path by which a file without a name is reached: linking it by its number alone would take
/// privileges.
fn handle(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// What the system refused, of the file that was asked for and not of its temporary name.
fn refused(target: &Path, error: io::Error) -> Error {
    let cause = error.raw_os_error().map_or(error, io::Error::from_raw_os_error);
    Error::io(target, CREATE)(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn nothing_bears_the_name_before_it_is_whole_and_nothing_else_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("archive.tar");
        let mut file = Nameless::new(&target).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(file);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let mut file = Nameless::new(&target).unwrap();
        file.write_all(b"whole").unwrap();
        file.settle().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(target.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_stands_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("archive.tar");
        let [first, second] = [0, 1].map(|_| Nameless::new(&target).unwrap());
        first.settle().unwrap();
        fs::write(&target, b"first").unwrap();
        for error in [second.settle().unwrap_err(), Nameless::new(&target).unwrap_err()] {
            assert!(matches!(error.cause, Cause::Exists), "{error}");
        }
        assert_eq!(fs::read(&target).unwrap(), b"first");
    }

    #[test]
    fn an_error_names_what_was_asked_for() {
        let target = Path::new("/nowhere/x.tar");
        let error = Nameless::new(target).unwrap_err();
        assert_eq!(error.to_string(), "cannot create /nowhere/x.tar: no such file or directory");
    }

    #[test]
    fn where_a_name_is_needed_meanwhile_it_goes_with_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("archive.tar");
        let named = || {
            let (file, temp) = NamedTempFile::new_in(dir.path()).unwrap().into_parts();
            Nameless { file, target: target.clone(), temp: Some(temp) }
        };
        drop(named());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        named().settle().unwrap();
        assert!(matches!(named().settle().unwrap_err().cause, Cause::Exists));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
