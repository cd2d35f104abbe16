//! Talking to nodes: cells to and from relays ([`Courier`]) over HTTPS or a directory that is
//! carried by hand, and small documents (cards, lists, reports) by address. The client stands on it,
//! and the node where it asks another node itself. Uses `core` alone: no file of the
//! home, no terminal, no environment; proxy, CA file, patience and random bytes are arguments.
//! Everything a node answers is hostile: lengths are checked before memory is taken, redirects,
//! cookies and encodings are refused, and every cell must lie in the prefix that was asked for.
//! Format: poste-protocol(7), Node.

mod agent;
mod dir;
mod document;
mod error;
mod http;
pub mod local;
mod public;
mod setup;

pub mod address;

pub use address::{Address, BadAddress, Origin};
pub use document::DOCUMENT_LIMIT;
pub use error::{Cause, Error, Kind};
pub use setup::{BadAuthorities, BadProxy, Proxy};

use crate::core::bucket::{Bucket, Prefix};
use crate::core::random::Random;
use crate::core::time::Time;
use std::path::PathBuf;
use std::time::Duration;

/// One node, as the client sees it: it takes cells and gives them back.
///
/// Uploads and downloads of one courier never share a connection (poste-protocol(7), What a sync
/// looks like from outside). A courier is opened for one sync; its proxy credentials die with it.
pub trait Courier: Send + Sync {
    /// Stores `cells`, a whole number (at least 1) of [`crate::core::bucket::CELL`] bytes each, in
    /// `bucket`; all or nothing. Posting the same bytes again stores nothing twice.
    fn post(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, Error>;

    /// All cells of `bucket` whose destination starts with `prefix`, at most `limit` bytes: a
    /// bucket that is longer is an error, never cut.
    fn fetch(&self, bucket: Bucket, prefix: Prefix, limit: u64) -> Result<Answer<Fetched>, Error>;

    /// Wipes what this node leaves to its visitors: in a directory, the buckets that ended two
    /// days before `now`. A relay wipes by itself, so for one this does nothing.
    fn tidy(&self, now: Time) -> Result<(), Error>;
}

/// What became of a download.
#[derive(Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The cells, one after the other, each in the prefix; possibly none.
    Cells(Vec<u8>),
    /// The bucket is not served yet (404).
    NotYet,
    /// The bucket is gone (410).
    Wiped,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fetched::Cells(cells) => write!(f, "Cells({} bytes)", cells.len()),
            Fetched::NotYet => f.write_str("NotYet"),
            Fetched::Wiped => f.write_str("Wiped"),
        }
    }
}

/// What was asked for, and what the server's clock said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub body: T,
    /// The server's clock.
    pub heard: Heard,
}

/// What a server said of the time, for the check of one's own clock (poste-protocol(7), Day keys).
/// It never sets a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The `Date` of the answer, if there was exactly one that can be read.
    pub date: Option<Time>,
    /// Whether the server was heard over HTTPS or as an onion service. Others do not count.
    pub trusted: bool,
}

/// How to reach nodes. Nothing of it is taken from the environment.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The SOCKS proxy that all but loopback addresses are reached through.
    pub proxy: Option<Proxy>,
    /// A PEM file of certificate authorities; they replace the system's, so that one's own relay
    /// can be pinned.
    pub ca_file: Option<PathBuf>,
    /// How long to wait.
    pub patience: Patience,
}

/// How long to wait for a node before it counts as offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For finding the name, and for connecting, proxy and TLS included.
    pub connect: Duration,
    /// Between two bytes, in either direction.
    pub idle: Duration,
    /// For a whole exchange, and a second more for each `pace` bytes that it moves.
    pub whole: Duration,
    /// Bytes per second below which a transfer longer than `whole` is given up.
    pub pace: u64,
    /// For any exchange, however much it moves: a node that sends just fast enough ends there.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(20),
            whole: Duration::from_secs(60),
            pace: 8 * 1024,
            longest: Duration::from_secs(15 * 60),
        }
    }
}

impl Patience {
    /// The longest an exchange may take in which `bytes` bytes move.
    fn for_bytes(&self, bytes: u64) -> Duration {
        let whole = self.whole.saturating_add(Duration::from_secs(bytes / self.pace.max(1)));
        whole.min(self.longest)
    }
}

/// The options, with the certificate authorities read: everything needed to open couriers.
#[derive(Clone, Debug)]
pub struct Net {
    options: Options,
    roots: setup::Roots,
}

impl Net {
    /// Reads the CA file of `options`; without one the system's, and if there is none the list
    /// that is built in. Touches no network.
    pub fn new(options: Options) -> Result<Net, BadAuthorities> {
        let roots = setup::Roots::read(options.ca_file.as_deref())?;
        Ok(Net { options, roots })
    }

    /// The courier to the node at `address`. Touches no network; `rng` gives the proxy credentials
    /// that keep this node's uploads and downloads apart from each other and from all else.
    pub fn courier(
        &self,
        address: &Address,
        rng: &mut dyn Random,
    ) -> Result<Box<dyn Courier>, Error> {
        Ok(match address.directory() {
            Some(root) => Box::new(dir::Directory::new(address, root)),
            None => Box::new(http::Relay::new(self, address, rng)?),
        })
    }

    /// The document at `address`, at most `limit` bytes, by an own connection.
    pub fn document(
        &self,
        address: &Address,
        limit: u64,
        rng: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, Error> {
        document::fetch(self, address, limit, rng)
    }

    /// Puts a document at `address`, which must be one of HTTP.
    pub fn put(
        &self,
        address: &Address,
        document: &[u8],
        rng: &mut dyn Random,
    ) -> Result<Heard, Error> {
        document::put(self, address, document, rng)
    }

    /// Posts a document to `address`, which must be one of HTTP.
    pub fn post(
        &self,
        address: &Address,
        document: &[u8],
        rng: &mut dyn Random,
    ) -> Result<Heard, Error> {
        document::post(self, address, document, rng)
    }
}

#[cfg(test)]
mod tests;
