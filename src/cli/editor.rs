//! The user's editor on a text that must not reach a disk: the file lies in a directory of its own
//! on a tmpfs, and goes when the editor ends. An editor that fails changes nothing. What it writes
//! elsewhere, such as a history, is its own affair. Specified in poste(1), edit.

use crate::client::error::{Error, Kind};
use std::fs;
use std::io::{IsTerminal, Write, stdin};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use zeroize::Zeroizing;

/// The file system type of a tmpfs, from statfs(2).
const TMPFS_MAGIC: i128 = 0x0102_1994;
/// Used when nothing else is named.
const USUAL: &str = "vi";

/// How texts are edited.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    /// The command: a line for the shell, to which the file's name is added.
    pub command: Option<String>,
    /// The user's directory for files of the session.
    pub runtime_dir: Option<PathBuf>,
}

impl Editor {
    /// The text as the user leaves it, at most `limit` bytes.
    pub fn edit(&self, text: &[u8], limit: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
        let base = self.memory()?;
        let failed = |what: &str, e: std::io::Error| {
            Error::new(Kind::CannotCreate, format!("cannot {what} in {}: {e}", base.display()))
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix("poste-").permissions(fs::Permissions::from_mode(0o700));
        let dir = builder.tempdir_in(&base).map_err(|e| failed("make a directory", e))?;
        let path = dir.path().join("message.eml");
        let mut file = fs::File::create_new(&path).map_err(|e| failed("write", e))?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(|e| failed("write", e))?;
        file.write_all(text).map_err(|e| failed("write", e))?;
        drop(file);
        self.run(&path)?;
        let length = fs::metadata(&path).map_err(|e| failed("read the text", e))?.len();
        if length > limit {
            return Err(Error::new(Kind::Data, format!("the text has more than {limit} bytes")));
        }
        fs::read(&path).map(Zeroizing::new).map_err(|e| failed("read the text", e))
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
                .hint("EDITOR=… poste edit"));
            }
        };
        let failed = |why: String| {
            Error::new(Kind::Io, format!("the editor {command:?} {why}; nothing was changed"))
        };
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("{command} \"$1\""), "sh"])
            .arg(path)
            .status()
            .map_err(|e| failed(format!("did not start: {e}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("failed: {status}"))) }
    }

    /// A directory in memory.
    fn memory(&self) -> Result<PathBuf, Error> {
        let usual = [Path::new("/dev/shm"), Path::new("/run/shm")];
        let mut places = self.runtime_dir.iter().map(PathBuf::as_path).chain(usual);
        let in_memory = |path: &&Path| {
            rustix::fs::statfs(*path).is_ok_and(|fs| i128::from(fs.f_type) == TMPFS_MAGIC)
        };
        places.find(in_memory).map(Path::to_owned).ok_or_else(|| {
            Error::new(Kind::CannotCreate, "no directory in memory for the text")
                .hint("XDG_RUNTIME_DIR must name a directory on a tmpfs")
        })
    }
}
