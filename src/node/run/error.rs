//! Why the node does not run, and the exit code of each reason, from sysexits(3). What the text says
//! is for the operator: which file or address, and what to do.
//! Specified in posted(8), EXIT STATUS.

use crate::net::BadAddress;
use crate::node::buckets;
use crate::node::clock::KeeperError;
use crate::node::cluster;
use crate::node::config::ConfigError;
use crate::node::identity::cards;
use crate::node::key::KeyError;
use crate::node::meter::MeterError;
use crate::node::tls::TlsError;
use crate::node::tmpfs::NotMemory;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// It does not have the role.
    #[error("{0}: no [{1}] in it, so there is nothing to run")]
    NoRole(PathBuf, &'static str),
    /// The node's key cannot be had.
    #[error("{0}: {1}")]
    Key(PathBuf, KeyError),
    /// Certificate or key of TLS cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The store would not lie in memory alone.
    #[error(
        "{0}: {1}: put the store on a tmpfs (see posted(8)), or set allow_disk = true in [relay]"
    )]
    Memory(PathBuf, NotMemory),
    /// The relay's store cannot be used.
    #[error("{0}")]
    Store(#[from] buckets::OpenError),
    /// Nor its store in a cluster.
    #[error("{0}")]
    Cluster(#[from] cluster::OpenError),
    /// Nor its file of bans.
    #[error("{0}: {1}")]
    Bans(PathBuf, MeterError),
    /// The identity host's directory cannot be used.
    #[error("{0}")]
    Cards(#[from] cards::OpenError),
    /// An address cannot be listened at.
    #[error("listening at {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The directory for `dev` cannot be made.
    #[error("{0}: {1}")]
    Directory(PathBuf, io::Error),
    /// A tracker cannot be at its address.
    #[error("trackers: {0}")]
    Tracker(BadAddress),
    /// The system refuses something else.
    #[error("starting: {0}")]
    System(io::Error),
}

impl RunError {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            RunError::Listen(..) => 69,
            RunError::System(_) | RunError::Cluster(cluster::OpenError::System(_)) => 71,
            RunError::Directory(..) => 73,
            RunError::Key(_, KeyError::Io(_))
            | RunError::Store(buckets::OpenError::Io(..))
            | RunError::Cards(cards::OpenError::Io(..))
            | RunError::Bans(_, MeterError::Io(_)) => 74,
            RunError::Store(buckets::OpenError::Busy(_))
            | RunError::Store(buckets::OpenError::Time(_, KeeperError::Behind(_)))
            | RunError::Cluster(
                cluster::OpenError::Away(..)
                | cluster::OpenError::Time(..)
                | cluster::OpenError::Apart(..),
            )
            | RunError::Cards(cards::OpenError::Busy(_) | cards::OpenError::Behind(..)) => 75,
            RunError::Key(_, KeyError::Open(_)) => 77,
            RunError::Config(_)
            | RunError::NoRole(..)
            | RunError::Key(..)
            | RunError::Tls(_)
            | RunError::Memory(..)
            | RunError::Bans(..)
            | RunError::Cards(_)
            | RunError::Tracker(_)
            | RunError::Cluster(_)
            | RunError::Store(_) => 78,
        }
    }
}
