//! What can go wrong with a file: always with its path and with what was being done to it.
//!
//! The command line turns a [`Kind`] into an exit status of sysexits(3) and prints the hint, a
//! line that can be typed. Nothing of a file's content is ever part of an error, since key files
//! are among them. Exit statuses: poste(1).

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file could not be used.
#[derive(Debug)]
pub struct Error {
    /// The file or directory.
    pub path: PathBuf,
    /// What was being done to it, an infinitive: "read", "write".
    pub doing: &'static str,
    /// Why it failed.
    pub cause: Cause,
    /// What mends it, where that is more than its cause tells.
    fix: Option<String>,
}

/// Why a file could not be used.
#[derive(Debug)]
pub enum Cause {
    /// The system refused.
    Io(io::Error),
    /// The filesystem is full, or the quota is used up.
    Full,
    /// The content breaks the file's format.
    Damaged {
        /// Line of the fault, counted from 1, where known.
        line: Option<usize>,
        /// What is wrong.
        what: String,
    },
    /// A hand-written file says something that cannot be.
    Config {
        /// Line of the fault, counted from 1, where known.
        line: Option<usize>,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The file is longer than any good one.
    TooLarge {
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A symbolic link, directory or device stands where a plain file must be.
    NotPlain,
    /// Something stands already where something new was to be made.
    Exists,
    /// There is no home here yet.
    NoHome,
    /// No place is known at all: neither `HOME` nor anything in its stead is set.
    NoPlace,
    /// Others may read or change it.
    Open {
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    Owner {
        /// Whose it is.
        uid: u32,
    },
    /// Another poste holds the lock.
    Locked,
    /// It was made for another home.
    OtherHome,
}

/// What sort of failure it is, one exit status each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Content that breaks its format: 65.
    Damaged,
    /// Something could not be created: 73.
    CannotCreate,
    /// Reading or writing failed: 74.
    Io,
    /// Another poste is at it, later it will work: 75.
    Busy,
    /// Permissions or ownership: 77.
    Permission,
    /// No home, or a configuration that cannot be: 78.
    Config,
}

impl Error {
    /// An error with a cause of this floor's own.
    pub fn new(path: &Path, doing: &'static str, cause: Cause) -> Error {
        Error { path: path.to_owned(), doing, cause, fix: None }
    }

    /// For `map_err`: what the system refused, while `doing` that to `path`.
    pub fn io<E: Into<io::Error>>(path: &Path, doing: &'static str) -> impl FnOnce(E) -> Error {
        move |error| {
            let error: io::Error = error.into();
            let cause = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::Full,
                io::ErrorKind::AlreadyExists => Cause::Exists,
                _ => Cause::Io(error),
            };
            Error::new(path, doing, cause)
        }
    }

    /// The content of `path`, being read, breaks its format.
    pub fn damaged(path: &Path, line: Option<usize>, what: impl Into<String>) -> Error {
        Error::new(path, "read", Cause::Damaged { line, what: what.into() })
    }

    /// The same for a file that the next sync begins anew, if it is damaged.
    pub fn fixed_by_sync(self) -> Error {
        let fix = (self.kind() == Kind::Damaged).then(|| "poste sync".to_owned());
        Error { fix, ..self }
    }

    /// Line `line` of a journal is damaged: the others shall not be lost with it.
    pub fn damaged_line(path: &Path, line: usize, what: impl Into<String>) -> Error {
        let fix = Some(format!("sed -i {line}d {}", quoted(path)));
        Error { fix, ..Error::damaged(path, Some(line), what) }
    }

    /// The same for a file that a person writes: what is damaged in it is a bad configuration.
    pub fn of_config(self) -> Error {
        match self.cause {
            Cause::Damaged { line, what } => Error { cause: Cause::Config { line, what }, ..self },
            cause => Error { cause, ..self },
        }
    }

    /// Its kind, which gives the exit status.
    pub fn kind(&self) -> Kind {
        match &self.cause {
            Cause::Io(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => Kind::Permission,
                io::ErrorKind::ReadOnlyFilesystem => Kind::CannotCreate,
                _ if self.doing == CREATE => Kind::CannotCreate,
                _ => Kind::Io,
            },
            Cause::Full => Kind::Io,
            Cause::Damaged { .. } | Cause::TooLarge { .. } | Cause::NotPlain => Kind::Damaged,
            Cause::Config { .. } | Cause::NoHome | Cause::NoPlace => Kind::Config,
            Cause::Exists | Cause::OtherHome => Kind::CannotCreate,
            Cause::Open { .. } | Cause::Owner { .. } => Kind::Permission,
            Cause::Locked => Kind::Busy,
        }
    }

    /// The first of these that is not about content, so that the file may well be read another time:
    /// whoever took letters in without it would lose what they say to it.
    pub fn passing(errors: &mut Vec<Error>) -> Option<Error> {
        let at = errors.iter().position(|error| error.kind() != Kind::Damaged)?;
        Some(errors.swap_remove(at))
    }

    /// A line that can be typed, or what to do, if that is known.
    pub fn hint(&self) -> Option<String> {
        let path = quoted(&self.path);
        match &self.cause {
            _ if self.fix.is_some() => self.fix.clone(),
            Cause::NoHome => Some("poste init".to_owned()),
            Cause::NoPlace => Some("set HOME, or name a directory with --home".to_owned()),
            Cause::Open { .. } => Some(format!("chmod -R go= {path}")),
            Cause::Owner { .. } => Some(format!("chown -R \"$(id -u)\" {path}")),
            Cause::Full => Some("make room and try again".to_owned()),
            Cause::Damaged { .. } | Cause::TooLarge { .. } | Cause::NotPlain => {
                Some(format!("restore {path} from a backup, or move it away"))
            }
            Cause::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                closed(&self.path).map(|at| format!("chmod u+rwX {}", quoted(at)))
            }
            _ => None,
        }
    }
}

/// What on the way to `path`, or itself, its owner has closed to himself, as a umask does.
fn closed(path: &Path) -> Option<&Path> {
    let me = rustix::process::geteuid().as_raw();
    let is_closed = |at: &&Path| {
        at.symlink_metadata().is_ok_and(|meta| {
            let needed = if meta.is_dir() { 0o700 } else { 0o600 };
            meta.uid() == me && !meta.is_symlink() && meta.mode() & needed != needed
        })
    };
    // The outermost that is closed hides those below.
    path.ancestors().filter(is_closed).last()
}

/// The `doing` of whatever makes something that was not there before.
pub(super) const CREATE: &str = "create";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (doing, path) = (self.doing, self.path.display());
        match &self.cause {
            Cause::Io(error) => write!(f, "cannot {doing} {path}: {}", said(error)),
            Cause::Full => write!(f, "cannot {doing} {path}: no space left"),
            Cause::Damaged { line, what } | Cause::Config { line, what } => match line {
                Some(line) => write!(f, "cannot {doing} {path}:{line}: {what}"),
                None => write!(f, "cannot {doing} {path}: {what}"),
            },
            Cause::TooLarge { limit } => {
                write!(f, "cannot {doing} {path}: it is longer than {limit} bytes")
            }
            Cause::NotPlain => write!(f, "cannot {doing} {path}: it is not a plain file"),
            Cause::Exists => write!(f, "cannot {doing} {path}: it exists already"),
            Cause::NoHome => write!(f, "cannot {doing} {path}: there is no home here yet"),
            Cause::NoPlace => write!(f, "cannot {doing} a home: HOME is not set"),
            Cause::Open { mode } => {
                write!(f, "cannot {doing} {path}: mode {mode:04o} lets others at it")
            }
            Cause::Owner { uid } => {
                write!(f, "cannot {doing} {path}: it belongs to another user, {uid}")
            }
            Cause::Locked => write!(f, "cannot {doing} {path}: another poste holds it"),
            Cause::OtherHome => write!(f, "cannot {doing} {path}: it is of another home"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// The system's words without its number, in lower case like all others.
fn said(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The path as a shell reads it back.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_path_and_deed() {
        let missing: io::Error = io::Error::from_raw_os_error(2);
        let error = Error::io(Path::new("/a/b"), "read")(missing);
        assert_eq!(error.to_string(), "cannot read /a/b: no such file or directory");
        assert_eq!(error.kind(), Kind::Io);
        let error = Error::damaged(Path::new("/a/b"), Some(3), "no value");
        assert_eq!(error.to_string(), "cannot read /a/b:3: no value");
        assert_eq!(error.kind(), Kind::Damaged);
    }

    #[test]
    fn kinds_follow_the_cause() {
        let kind = |number, doing| {
            Error::io(Path::new("/x"), doing)(io::Error::from_raw_os_error(number)).kind()
        };
        assert_eq!(kind(13, "write"), Kind::Permission, "EACCES");
        assert_eq!(kind(28, "write"), Kind::Io, "ENOSPC");
        assert_eq!(kind(30, "write"), Kind::CannotCreate, "EROFS");
        assert_eq!(kind(20, CREATE), Kind::CannotCreate, "ENOTDIR");
        assert_eq!(kind(17, "write"), Kind::CannotCreate, "EEXIST");
    }

    #[test]
    fn what_its_owner_has_closed_to_himself_he_is_told_to_open() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let close = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let hint = |path: &Path| Error::io(path, "read")(io::Error::from_raw_os_error(13)).hint();
        std::fs::create_dir(at("shut")).unwrap();
        std::fs::write(at("shut/file"), "").unwrap();
        assert_eq!(hint(&at("shut/file")), None, "it is somebody else's doing");
        close(&at("shut/file"), 0o000);
        assert_eq!(
            hint(&at("shut/file")),
            Some(format!("chmod u+rwX {}", at("shut/file").display()))
        );
        close(&at("shut"), 0o500);
        assert_eq!(hint(&at("shut/file")), Some(format!("chmod u+rwX {}", at("shut").display())));
        close(&at("shut"), 0o700);
    }

    #[test]
    fn hints_survive_the_shell() {
        let open = |path| Error::new(Path::new(path), "open", Cause::Open { mode: 0o755 });
        assert_eq!(open("/a/b").hint().as_deref(), Some("chmod -R go= /a/b"));
        assert_eq!(open("/a b/it's").hint().as_deref(), Some("chmod -R go= '/a b/it'\\''s'"));
    }
}
