//! `[tracker]`: where the tracker listens, and at which nodes it may look. A tracker keeps nothing,
//! so it has no directory.
//! Specified in posted(8), CONFIGURATION.

use super::connections_default;
use super::front::fronted;
use super::values;
use crate::node::callers::Range;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[tracker]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM file with the certificate and its chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Whether it may look at nodes of this machine and of private networks.
    #[serde(default)]
    pub allow_private: bool,
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
pub(super) const KEYS: [&str; 8] = [
    "listen",
    "tls_cert",
    "tls_key",
    "allow_private",
    "connections",
    "admin",
    "proxies",
    "proxy_protocol",
];

fronted!(TrackerConfig);

impl TrackerConfig {
    /// One on loopback over plain HTTP, for nodes there.
    pub fn on_loopback() -> TrackerConfig {
        TrackerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls_cert: None,
            tls_key: None,
            allow_private: true,
            connections: connections_default(),
            admin: None,
            proxies: Vec::new(),
            proxy_protocol: false,
        }
    }
}
