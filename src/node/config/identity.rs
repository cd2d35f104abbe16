//! `[identity]`: where the identity host listens and keeps cards, and how many it keeps and takes. A
//! host needs nothing of the other tables.
//! Specified in posted(8), CONFIGURATION.

use super::front::fronted;
use super::values;
use super::{capacity_default, connections_default};
use crate::core::card::LIMIT;
use crate::node::callers::Range;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[identity]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM file with the certificate and its chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Where cards lie.
    pub dir: PathBuf,
    /// Bytes that cards may take in all, each counted as the longest there may be.
    #[serde(default = "capacity_default", deserialize_with = "values::capacity")]
    pub capacity: u64,
    /// Cards a network may put in a day; see [`IdentityConfig::allowance`].
    #[serde(default, deserialize_with = "values::put_per_day")]
    pub put_per_day: Option<u64>,
    /// Connections open at a time.
    #[serde(default = "connections_default", deserialize_with = "values::connections")]
    pub connections: usize,
    /// Where `/healthz` and `/metrics` are served; nowhere by default.
    pub admin: Option<SocketAddr>,
    /// Addresses of proxies, which are believed about their clients.
    #[serde(default, deserialize_with = "values::proxies")]
    pub proxies: Vec<Range>,
    /// Whether connections from proxies and loopback begin with a PROXY header.
    #[serde(default)]
    pub proxy_protocol: bool,
}

/// The keys of the table.
pub(super) const KEYS: [&str; 10] = [
    "listen",
    "tls_cert",
    "tls_key",
    "dir",
    "capacity",
    "put_per_day",
    "connections",
    "admin",
    "proxies",
    "proxy_protocol",
];

fronted!(IdentityConfig);

impl IdentityConfig {
    /// One on loopback over plain HTTP with nothing set but what must be.
    pub fn on_loopback(dir: PathBuf) -> IdentityConfig {
        IdentityConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls_cert: None,
            tls_key: None,
            dir,
            capacity: capacity_default(),
            put_per_day: None,
            connections: connections_default(),
            admin: None,
            proxies: Vec::new(),
            proxy_protocol: false,
        }
    }

    /// Cards a network may put in a day; not counted by default where clients cannot be told apart.
    pub fn allowance(&self) -> Option<u64> {
        self.put_per_day.or(self.front().tells_apart().then_some(100))
    }

    /// Cards kept at most.
    pub fn most(&self) -> usize {
        usize::try_from(self.capacity / LIMIT as u64).unwrap_or(usize::MAX)
    }
}
