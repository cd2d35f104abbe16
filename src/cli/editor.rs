//! The user's editor on a text that must not reach a disk: the file lies in a directory of its own
//! on a tmpfs, and goes when the editor ends. An editor that fails changes nothing. What it writes
//! elsewhere, such as a history, is its own affair. Specified in poste(1), edit and compose.

use crate::client::error::{Error, Kind};
use crate::client::sheets;
use crate::client::starter::Starter;
use crate::store::memory;
use rustix::fs::{FlockOperation, flock};
use std::cell::Cell;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, IsTerminal, Write, stdin};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Used when nothing else is named.
const USUAL: &str = "vi";
/// The name of the text, by which editors know that it is mail.
const TEXT: &str = "message.eml";
/// Its name while it is laid out.
const HALF: &str = ".message.eml";

/// How texts are edited.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    /// The command: a line for the shell, to which the file's name is added.
    pub command: Option<String>,
    /// The user's directory for files of the session.
    pub runtime_dir: Option<PathBuf>,
    /// How it is started.
    pub starter: Starter,
}

/// A text in memory under a name of its own, while it is edited. It goes with this value, unless
/// it is left there.
pub struct Sheet<'a> {
    editor: &'a Editor,
    dir: PathBuf,
    was_there: bool,
    left: Cell<bool>,
    /// Locked, so that two do not edit it at once.
    _lock: File,
}

impl Editor {
    /// Lays a text out for editing under a name. What an earlier run left there counts instead.
    pub fn lay(&self, name: &str, text: &[u8]) -> Result<Sheet<'_>, Error> {
        let dir = self.place(name)?;
        let was_there = match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
            Err(error) => return Err(failed("make a directory", &dir, error)),
        };
        let busy = || Error::new(Kind::Offline, format!("{} is being edited", dir.display()));
        own(&dir)?;
        let lock = File::open(&dir).map_err(|e| failed("open a directory", &dir, e))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| busy())?;
        let was_there = was_there && dir.join(TEXT).exists();
        let sheet = Sheet { editor: self, dir, was_there, left: Cell::new(false), _lock: lock };
        if !was_there {
            write(&sheet.dir, text)?;
        }
        Ok(sheet)
    }

    /// Removes what an earlier run left under a name.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        let Ok(dir) = self.place(name) else { return Ok(()) };
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove what lies", &dir, error))
            }
            _ => Ok(()),
        }
    }

    fn place(&self, name: &str) -> Result<PathBuf, Error> {
        Ok(self.memory()?.join(format!("{}{name}", sheets::PREFIX)))
    }

    fn run(&self, path: &Path) -> Result<(), Error> {
        let command = match &self.command {
            Some(command) => command,
            None if stdin().is_terminal() => USUAL,
            None => {
                return Err(Error::new(
                    Kind::Usage,
                    "no editor is named, and there is no terminal",
                )
                .hint("EDITOR=… poste …"));
            }
        };
        let failed = |why: String| {
            Error::new(Kind::Io, format!("the editor {command:?} {why}; nothing was changed"))
        };
        let mut line = self.starter.line(&format!("{command} \"$1\""));
        let status =
            line.arg("sh").arg(path).status().map_err(|e| failed(format!("did not start: {e}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("failed: {status}"))) }
    }

    /// A directory in memory.
    fn memory(&self) -> Result<PathBuf, Error> {
        memory::directory(self.runtime_dir.as_deref()).ok_or_else(|| Error::no_memory("the text"))
    }
}

impl Sheet<'_> {
    /// Opens the editor, until it ends.
    pub fn edit(&self) -> Result<(), Error> {
        self.editor.run(&self.dir.join(TEXT))
    }

    /// The text as it is now, at most `limit` bytes.
    pub fn read(&self, limit: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
        read(&self.dir, limit)
    }

    /// Whether it says this and nothing else, as far as it can be read.
    pub fn says(&self, text: &[u8]) -> bool {
        fs::read(self.dir.join(TEXT)).is_ok_and(|now| now == text)
    }

    /// Whether there is a text: an editor may have removed it.
    pub fn is_there(&self) -> bool {
        self.dir.join(TEXT).exists()
    }

    /// Whether an earlier run had left it.
    pub fn was_there(&self) -> bool {
        self.was_there
    }

    /// Leaves it where it is; says where.
    pub fn leave(&self) -> String {
        self.left.set(true);
        self.dir.join(TEXT).display().to_string()
    }
}

impl Drop for Sheet<'_> {
    fn drop(&mut self) {
        if !self.left.get() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Whole or not at all: nobody shall go on with half of what a killed run laid out.
fn write(dir: &Path, text: &[u8]) -> Result<(), Error> {
    let half = dir.join(HALF);
    let write = || {
        let mut file = File::create(&half)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text)?;
        fs::rename(&half, dir.join(TEXT))
    };
    write().map_err(|error| failed("write", dir, error))
}

fn read(dir: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let path = dir.join(TEXT);
    let unread = |error| Error { kind: Kind::Io, ..failed("read the text", dir, error) };
    let length = fs::metadata(&path).map_err(unread)?.len();
    if length > limit {
        return Err(Error::new(Kind::Data, format!("the text has more than {limit} bytes")));
    }
    fs::read(&path).map(Zeroizing::new).map_err(unread)
}

/// Refuses a directory that somebody else made, or may look into.
fn own(dir: &Path) -> Result<(), Error> {
    let meta = fs::symlink_metadata(dir).map_err(|e| failed("look", dir, e))?;
    let mine = meta.uid() == rustix::process::geteuid().as_raw();
    match meta.is_dir() && mine && meta.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Permission,
            format!("{} is not a directory of your own alone", dir.display()),
        )),
    }
}

fn failed(what: &str, place: &Path, error: io::Error) -> Error {
    Error::new(Kind::CannotCreate, format!("cannot {what} in {}: {error}", place.display()))
}
