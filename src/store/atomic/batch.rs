//! Many files written durably for the price of few: all content first, one flush, then the
//! renames, then one fsync a directory. A single file goes the same way.
//!
//! Each file comes whole or not at all; the batch as such is not one transaction, so whoever
//! needs an order between files commits twice. See the header of [`super`] for the discipline.

use super::super::error::{CREATE, Cause, Error};
use super::{create, parent, sync_open_dir, temp_in};
use crate::core::time::Time;
use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use rustix::io::Errno;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Writes a file's content.
type Fill<'a> = dyn FnMut(&mut File) -> io::Result<()> + 'a;

/// Up to this many files are fsynced one by one; more are flushed with their whole filesystem,
/// which costs one flush of the disk instead of one each.
const FEW: usize = 8;

/// Files staged under temporary names, not yet in place. Dropped without
/// [`commit`](Batch::commit), it removes them. A few hundred files make a good batch: each
/// directory used is held open.
#[derive(Default)]
pub struct Batch {
    staged: Vec<Staged>,
    dirs: Vec<Dir>,
    /// Everybody may read what is written.
    public: bool,
}

struct Staged {
    temp: PathBuf,
    target: PathBuf,
    /// Held while it may be fsynced by itself.
    file: Option<File>,
    replace: bool,
}

/// A directory that files go to. It is opened before anything is written, since a flush of the
/// filesystem reports only the errors that came after the opening (Linux 5.8 and later).
struct Dir {
    path: PathBuf,
    file: File,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// An empty batch of files for everybody to read, mode 0644 whatever the umask.
    pub(super) fn public() -> Batch {
        Batch { staged: Vec::new(), dirs: Vec::new(), public: true }
    }

    /// How many files are staged.
    pub fn len(&self) -> usize {
        self.staged.len()
    }

    /// Whether nothing is staged.
    pub fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    /// Stages `bytes` for `path`, in place of what is there.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.hold_dir(parent(path))?;
        let (file, temp) = temp_in(parent(path), path)?;
        let staged = Staged { temp, target: path.to_owned(), file: None, replace: true };
        self.stage(staged, file, &mut |file| file.write_all(bytes), None)
    }

    /// Stages `bytes` for `path`; [`commit`](Batch::commit) fails if anything is there.
    pub fn write_new(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.write_new_by(path, &mut |file| file.write_all(bytes), None)
    }

    /// As [`write_new`](Batch::write_new), of what `fill` writes, to bear `time`.
    pub(in super::super) fn write_new_by(
        &mut self,
        path: &Path,
        fill: &mut Fill<'_>,
        time: Option<Time>,
    ) -> Result<(), Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(path, CREATE, Cause::Exists));
        }
        self.hold_dir(parent(path))?;
        let (file, temp) = temp_in(parent(path), path)?;
        let staged = Staged { temp, target: path.to_owned(), file: None, replace: false };
        self.stage(staged, file, fill, time)
    }

    /// Stages `bytes` under the name `temp`, to be moved to `target` and to bear `time`. What an
    /// earlier crash left at `temp` is replaced.
    pub(in super::super) fn write_via(
        &mut self,
        temp: PathBuf,
        target: PathBuf,
        time: Time,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.hold_dir(parent(&target))?;
        let file = match create(&temp) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&temp).map_err(Error::io(&temp, "remove"))?;
                create(&temp)
            }
            other => other,
        };
        let file = file.map_err(Error::io(&temp, CREATE))?;
        let staged = Staged { temp, target, file: None, replace: true };
        self.stage(staged, file, &mut |file| file.write_all(bytes), Some(time))
    }

    /// Makes all content durable, puts every file in its place, and makes that durable too.
    /// After an error some files may be in place and the others are not; none is half.
    pub fn commit(mut self) -> Result<(), Error> {
        if self.staged.iter().all(|staged| staged.file.is_some()) {
            for staged in &mut self.staged {
                let file = staged.file.take().expect("all files are held");
                file.sync_all().map_err(Error::io(&staged.target, "write"))?;
            }
        } else {
            self.flush()?;
        }
        self.staged.reverse();
        while let Some(staged) = self.staged.last() {
            staged.move_into_place()?;
            self.staged.pop();
        }
        self.dirs.iter().try_for_each(|dir| sync_open_dir(&dir.file, &dir.path))
    }

    fn stage(
        &mut self,
        mut staged: Staged,
        mut file: File,
        fill: &mut Fill<'_>,
        time: Option<Time>,
    ) -> Result<(), Error> {
        let mut written = fill(&mut file);
        if let (Ok(()), Some(time)) = (&written, time) {
            written = file.set_modified(UNIX_EPOCH + Duration::from_secs(time.unix()));
        }
        if written.is_ok() && self.public {
            written = file.set_permissions(Permissions::from_mode(0o644));
        }
        if let Err(error) = written {
            let _ = fs::remove_file(&staged.temp);
            return Err(Error::io(&staged.target, "write")(error));
        }
        staged.file = (self.staged.len() < FEW).then_some(file);
        self.staged.push(staged);
        Ok(())
    }

    fn hold_dir(&mut self, path: &Path) -> Result<(), Error> {
        if self.dirs.iter().any(|dir| dir.path == path) {
            return Ok(());
        }
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        self.dirs.push(Dir { path: path.to_owned(), file });
        Ok(())
    }

    /// Flushes every filesystem in use once.
    fn flush(&self) -> Result<(), Error> {
        let mut done = Vec::new();
        for Dir { path, file } in &self.dirs {
            let device = file.metadata().map_err(Error::io(path, "write"))?.dev();
            if !done.contains(&device) {
                syncfs(file).map_err(Error::io(path, "write"))?;
                done.push(device);
            }
        }
        Ok(())
    }
}

impl Staged {
    fn move_into_place(&self) -> Result<(), Error> {
        if self.replace {
            return fs::rename(&self.temp, &self.target).map_err(Error::io(&self.target, "write"));
        }
        match renameat_with(CWD, &self.temp, CWD, &self.target, RenameFlags::NOREPLACE) {
            // A filesystem without that rename: a hard link refuses an existing name as well.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::hard_link(&self.temp, &self.target).map_err(Error::io(&self.target, CREATE))?;
                fs::remove_file(&self.temp).map_err(Error::io(&self.temp, "remove"))
            }
            other => other.map_err(Error::io(&self.target, CREATE)),
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for staged in &self.staged {
            let _ = fs::remove_file(&staged.temp);
        }
    }
}
