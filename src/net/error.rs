//! What can go wrong with a node: which node, what was being done, and why. The text is lower
//! case, without a full stop, and holds nothing a peer sent but what has been made printable.
//! [`Kind`] sorts causes for exit codes; the codes themselves belong to the `cli` floor.

use super::{BadAddress, Heard};
use std::fmt;

/// A request to a node that failed.
#[derive(Debug, thiserror::Error)]
#[error("{node}: {doing}: {cause}")]
pub struct Error {
    /// The node's or document's address.
    pub node: String,
    /// What was being done, such as `posting to hourly/2026-11-22T14`.
    pub doing: String,
    /// Why it failed.
    pub cause: Cause,
    /// What the node said of the time, if it answered: a wrong period may be one's own clock.
    pub heard: Heard,
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.cause.kind()
    }
}

/// What a failure means for whoever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It may go well later, or at another node.
    Transient,
    /// The node will not do it, whatever the number of tries.
    Refused,
    /// The node does not speak the protocol.
    Protocol,
    /// The local system failed, reading or writing a directory node.
    Io,
    /// The address or the configuration must be changed first.
    Setup,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// An address learnt from others leads to no public network address.
    #[error("an address learnt from others must lead to a public one, and this does not")]
    NotPublic,
    /// An onion service without a proxy.
    #[error("an onion service is reached through a proxy only; set `proxy` to socks5h://…")]
    NeedsProxy,
    /// The directory node has no hourly class.
    #[error("a directory has the daily class only")]
    DailyOnly,
    /// What was to be posted is not a whole number of cells.
    #[error("not a whole number of cells")]
    NotCells,
    /// Not connected, connection lost, or the directory is not there.
    #[error("{0}")]
    Offline(String),
    /// Nothing came, or too slowly.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended before the answer did.
    #[error("the connection ended after {received} of {promised} bytes")]
    Truncated {
        /// Bytes that came.
        received: u64,
        /// Bytes announced.
        promised: u64,
    },
    /// A status of 500 or more, but 507.
    #[error("the server is in trouble (status {0})")]
    Trouble(u16),
    /// 507, or no space left on the medium.
    #[error("full")]
    Full,
    /// 429.
    #[error("over the allowance of this network")]
    TooMany {
        /// Seconds after which it may go well, at most a day, if the node said so.
        retry_after: Option<u64>,
    },
    /// 409.
    #[error("not the time for this bucket; is the clock right?")]
    WrongPeriod,
    /// 409 for a document that was put.
    #[error("a newer or another card is there, or one of the clocks is wrong (status 409)")]
    Outdated,
    /// 403: this network is banned, or the document is forbidden.
    #[error("this network is banned there, or the document is forbidden (status 403)")]
    Forbidden,
    /// 404 or 410 for a document.
    #[error("there is no such document")]
    Absent,
    /// Any other status from 400 to 499.
    #[error("refused (status {0})")]
    Refused(u16),
    /// The server's certificate does not hold.
    #[error("the certificate is not trusted: {0}")]
    Certificate(String),
    /// The answer breaks HTTP or the protocol.
    #[error("{0}")]
    Broken(String),
    /// The answer is longer than the caller allows.
    #[error("longer than the {limit} bytes allowed")]
    TooLong {
        /// The most that was allowed, in bytes.
        limit: u64,
    },
    /// A directory node may not be written or read.
    #[error("permission denied")]
    Denied,
    /// A file of a directory node cannot be read or written.
    #[error("{0}")]
    Disk(std::io::Error),
}

impl Cause {
    /// Which kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Cause::Offline(_)
            | Cause::Timeout
            | Cause::Truncated { .. }
            | Cause::Trouble(_)
            | Cause::Full
            | Cause::TooMany { .. } => Kind::Transient,
            Cause::WrongPeriod
            | Cause::Outdated
            | Cause::Forbidden
            | Cause::Absent
            | Cause::Refused(_)
            | Cause::Certificate(_)
            | Cause::NotPublic
            | Cause::DailyOnly => Kind::Refused,
            Cause::Broken(_) | Cause::TooLong { .. } | Cause::NotCells => Kind::Protocol,
            Cause::Denied | Cause::Disk(_) => Kind::Io,
            Cause::Address(_) | Cause::NeedsProxy => Kind::Setup,
        }
    }

    pub(super) fn broken(why: &str) -> Cause {
        Cause::Broken(why.to_owned())
    }

    /// The error of `doing` something at `node`.
    pub(super) fn at(self, node: &impl fmt::Display, doing: impl Into<String>) -> Error {
        Error { node: node.to_string(), doing: doing.into(), cause: self, heard: Heard::default() }
    }
}

/// A failure together with what the node said of the time, before it is known where.
#[derive(Debug)]
pub(super) struct Failure {
    pub cause: Cause,
    pub heard: Heard,
}

impl Failure {
    pub fn at(self, node: &impl fmt::Display, doing: impl Into<String>) -> Error {
        Error { heard: self.heard, ..self.cause.at(node, doing) }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Failure {
        Failure { cause, heard: Heard::default() }
    }
}

/// Text that may hold a peer's bytes, made harmless: printable ASCII, at most 160 characters.
pub(super) fn tame(text: &str) -> String {
    text.chars().take(160).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_where_what_and_why() {
        let error = Cause::Full.at(&"https://relay.example", "posting to daily/2026-11-22");
        assert_eq!(error.to_string(), "https://relay.example: posting to daily/2026-11-22: full");
        assert_eq!(error.kind(), Kind::Transient);
    }

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(tame("a\x1b[31m\nb\u{202e}"), "a?[31m?b?");
        assert_eq!(tame(&"x".repeat(1000)).len(), 160);
    }
}
