//! How a role of the node is reached: the keys that every table has, and what must hold of them.
//! Specified in posted(8), CONFIGURATION and PROXIES.

use crate::node::callers::{Callers, Range};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The keys that every table has.
#[derive(Clone, Debug)]
pub struct Front {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM files with the certificate and its chain, and with the key; plain HTTP without.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections open at a time.
    pub connections: usize,
    /// Addresses of proxies, which are believed about their clients.
    pub proxies: Vec<Range>,
    /// Whether connections from proxies and loopback begin with a PROXY header.
    pub proxy_protocol: bool,
}

impl Front {
    /// Who is believed about whom.
    pub fn callers(&self) -> Callers {
        Callers { proxies: self.proxies.clone(), proxy_protocol: self.proxy_protocol }
    }

    /// Whether clients can be told apart: not where all come from loopback and nobody says who
    /// they are.
    pub fn tells_apart(&self) -> bool {
        !self.listen.ip().is_loopback() || !self.proxies.is_empty() || self.proxy_protocol
    }
}

/// Whether these keys go together; if not, why.
pub(super) fn check(
    listen: SocketAddr,
    certificate: &Option<PathBuf>,
    key: &Option<PathBuf>,
) -> Result<(), String> {
    if certificate.is_some() != key.is_some() {
        return Err("tls_cert and tls_key go together: give both".to_owned());
    }
    if certificate.is_none() && !listen.ip().is_loopback() {
        return Err(format!(
            "listen = \"{listen}\" without tls_cert and tls_key: plain HTTP is for loopback only, \
             behind a proxy or an onion service on this machine"
        ));
    }
    Ok(())
}
