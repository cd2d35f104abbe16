//! What can go wrong with a verb: a kind, which becomes the exit status, a line that names the
//! file, node or person, and hints that can be typed. Nothing is printed and no status chosen here.
//! Exit statuses: poste(1).

use crate::core::attempt::CannotAttempt;
use crate::core::card::{BadCard, NotTaken};
use crate::core::mail::fields::MailError;
use crate::net;
use crate::store;
use crate::store::maildir::FindError;
use std::fmt;

/// What sort of failure it is, one exit status each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bug of ours: 70.
    Bug,
    /// Something could not be created: 73.
    CannotCreate,
    /// No home, or a configuration that cannot be: 78.
    Config,
    /// Input that breaks its format, a key that changed: 65.
    Data,
    /// Reading or writing failed: 74.
    Io,
    /// No such contact, group or request: 67.
    NoContact,
    /// No such message: 66.
    NoMessage,
    /// Offline, or done in part; later it may go: 75.
    Offline,
    /// Permissions, or a wrong or missing passphrase: 77.
    Permission,
    /// A node broke the protocol: 76.
    Protocol,
    /// A node or host refused: 69.
    Refused,
    /// The command line asks for what cannot be: 64.
    Usage,
}

/// A verb failed.
#[derive(Debug)]
pub struct Error {
    /// What sort of failure.
    pub kind: Kind,
    /// What failed and why: lower case, one line.
    pub what: String,
    /// What to do, each a line that can be typed or read.
    pub hints: Vec<String>,
}

impl Error {
    /// An error without a hint.
    pub fn new(kind: Kind, what: impl Into<String>) -> Error {
        Error { kind, what: what.into(), hints: Vec::new() }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// There is no directory in memory for something that must not reach a disk.
    pub fn no_memory(what: &str) -> Error {
        Error::new(Kind::CannotCreate, format!("no directory in memory for {what}"))
            .hint("XDG_RUNTIME_DIR must name a directory on a tmpfs")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        let kind = match error.kind() {
            store::Kind::Busy => Kind::Offline,
            store::Kind::CannotCreate => Kind::CannotCreate,
            store::Kind::Config => Kind::Config,
            store::Kind::Damaged => Kind::Data,
            store::Kind::Io => Kind::Io,
            store::Kind::Permission => Kind::Permission,
        };
        Error { kind, what: error.to_string(), hints: error.hint().into_iter().collect() }
    }
}

impl From<net::Error> for Error {
    fn from(error: net::Error) -> Error {
        let kind = match error.kind() {
            net::Kind::Io => Kind::Io,
            net::Kind::Protocol => Kind::Protocol,
            net::Kind::Refused => Kind::Refused,
            net::Kind::Setup => Kind::Config,
            net::Kind::Transient => Kind::Offline,
        };
        Error::new(kind, error.to_string())
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Error {
        match error {
            FindError::Store(error) => error.into(),
            FindError::BadArgument(_) => {
                Error::new(Kind::NoMessage, error.to_string()).hint("poste list")
            }
            FindError::NoSuch(_) => Error::new(Kind::NoMessage, error.to_string()),
            FindError::Ambiguous { .. } => {
                Error::new(Kind::NoMessage, error.to_string()).hint("give more of its digits")
            }
        }
    }
}

impl From<MailError> for Error {
    fn from(error: MailError) -> Error {
        Error::new(Kind::Data, error.to_string())
    }
}

impl From<CannotAttempt> for Error {
    fn from(error: CannotAttempt) -> Error {
        Error::new(Kind::Data, error.to_string())
    }
}

impl From<BadCard> for Error {
    fn from(error: BadCard) -> Error {
        Error::new(Kind::Data, format!("the card is refused: {error}"))
    }
}

impl From<NotTaken> for Error {
    fn from(error: NotTaken) -> Error {
        Error::new(Kind::Data, format!("the card is refused: {error}"))
    }
}
