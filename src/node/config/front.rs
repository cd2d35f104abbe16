//! How a role of the node is reached: the keys that every table has, and what must hold of them,
//! said once for all tables.
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
    /// Where health and counters are served; nowhere by default.
    pub admin: Option<SocketAddr>,
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

    /// Whether it may be reached like this; if not, why.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            return Err(format!(
                "listen = \"{}\" without tls_cert and tls_key: plain HTTP is for loopback only, \
                 behind a proxy or an onion service on this machine",
                self.listen
            ));
        }
        match self.admin.filter(|admin| !admin.ip().is_loopback()) {
            Some(admin) => Err(format!("admin = \"{admin}\": must be a loopback address")),
            None => Ok(()),
        }
    }
}

/// What can be asked of a table with these keys, said once for all tables: serde takes no table into
/// another one that refuses unknown keys.
macro_rules! fronted {
    ($table:ty) => {
        impl $table {
            /// How it is reached.
            pub fn front(&self) -> crate::node::config::Front {
                crate::node::config::Front {
                    listen: self.listen,
                    tls: self.tls_cert.clone().zip(self.tls_key.clone()),
                    connections: self.connections,
                    admin: self.admin,
                    proxies: self.proxies.clone(),
                    proxy_protocol: self.proxy_protocol,
                }
            }

            /// Whether these keys go together; if not, why.
            pub(super) fn check_front(&self) -> Result<(), String> {
                if self.tls_cert.is_some() != self.tls_key.is_some() {
                    return Err("tls_cert and tls_key go together: give both".to_owned());
                }
                self.front().check()
            }

            /// The files that these keys name.
            pub(super) fn tls_files(&mut self) -> impl Iterator<Item = &mut std::path::PathBuf> {
                self.tls_cert.iter_mut().chain(&mut self.tls_key)
            }
        }
    };
}
pub(super) use fronted;
