//! What every connection is set up with: the proxy, the certificate authorities, and each setting
//! of the HTTP library, none left to a default. Nothing is taken from the environment.
//! Format: poste-protocol(7), Node; options: poste-files(5), config.

use super::error::Cause;
use super::{Address, Origin, Patience};
use crate::core::encode::hex;
use crate::core::random::{Random, bytes};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config, IpFamily, RedirectAuthHeaders};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// Where distributions keep the authorities that the administrator trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The most bytes a file of authorities may have.
const AUTHORITIES_LIMIT: u64 = 4 << 20;
/// The most bytes of status line and headers of an answer.
const HEADER_LIMIT: usize = 16 * 1024;
/// Bytes of each buffer of a connection.
const BUFFER: usize = 64 * 1024;

/// A SOCKS5 proxy that resolves names itself, as Tor does: `socks5h://127.0.0.1:9050`. No other
/// kind is accepted, because it would tell the local resolver whom one talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
}

/// The text names no usable proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy such as socks5h://127.0.0.1:9050")]
pub struct BadProxy;

impl std::str::FromStr for Proxy {
    type Err = BadProxy;
    fn from_str(text: &str) -> Result<Proxy, BadProxy> {
        let place = text.strip_prefix("socks5h://").ok_or(BadProxy)?.trim_end_matches('/');
        // Whatever can be the host of an address can be a proxy; a port must be named.
        let address =
            Address::parse(&format!("https://{place}"), Origin::Own).map_err(|_| BadProxy)?;
        let place = address.as_str().strip_prefix("https://").ok_or(BadProxy)?;
        let (host, port) = place.rsplit_once(':').ok_or(BadProxy)?;
        let port = port.parse().map_err(|_| BadProxy)?;
        Ok(Proxy { host: host.to_owned(), port })
    }
}

/// Certificate authorities.
#[derive(Clone, Debug)]
pub(super) struct Roots(pub RootCerts);

impl Roots {
    /// Those of `own`, else the system's, else the built-in list.
    pub fn read(own: Option<&Path>) -> Result<Roots, BadAuthorities> {
        match own {
            Some(path) => Ok(Roots(read_authorities(path)?)),
            None => {
                let system = read_authorities(Path::new(SYSTEM_AUTHORITIES));
                Ok(Roots(system.unwrap_or(RootCerts::WebPki)))
            }
        }
    }
}

/// Why the file of certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadAuthorities {
    /// It cannot be read.
    #[error("{path}: reading the certificate authorities: {why}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// It is longer than 4 MiB.
    #[error("{path}: longer than a file of certificate authorities can be", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It holds no certificate in PEM, or one that is broken.
    #[error("{path}: not a PEM file of certificates", path = .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
    },
}

/// Every setting of ureq, none left to its default: the defaults follow `ALL_PROXY`, redirects and
/// unlimited waiting.
pub(super) fn config(patience: &Patience, roots: RootCerts, proxy: Option<ureq::Proxy>) -> Config {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .client_cert(None)
        .root_certs(roots)
        .use_sni(true)
        .disable_verification(false)
        .build();
    Agent::config_builder()
        .http_status_as_error(false)
        // Plain HTTP is refused by the address, except to loopback and onion services.
        .https_only(false)
        .ip_family(IpFamily::Any)
        .tls_config(tls)
        .proxy(proxy)
        .no_delay(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .save_redirect_history(false)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .timeout_global(Some(patience.whole))
        .timeout_per_call(None)
        .timeout_per_read(Some(patience.idle))
        .timeout_per_write(Some(patience.idle))
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_send_request(Some(patience.whole))
        .timeout_await_100(None)
        .timeout_send_body(None)
        .timeout_recv_response(Some(patience.whole))
        .timeout_recv_body(None)
        .max_response_header_size(HEADER_LIMIT)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(Duration::from_secs(10))
        .allow_non_standard_methods(false)
        .build()
}

/// The proxy with fresh random credentials: one that isolates by them (Tor) uses another circuit
/// for each.
pub(super) fn isolated(proxy: &Proxy, rng: &mut dyn Random) -> Result<ureq::Proxy, Cause> {
    ureq::Proxy::builder(ureq::ProxyProtocol::Socks5h)
        .host(&proxy.host)
        .port(proxy.port)
        .username(&hex(&bytes::<16>(rng)))
        .password(&hex(&bytes::<16>(rng)))
        .resolve_target(false)
        .build()
        .map_err(|_| Cause::broken("the proxy cannot be used"))
}

fn read_authorities(path: &Path) -> Result<RootCerts, BadAuthorities> {
    let owned = || path.to_owned();
    let unreadable = |why| BadAuthorities::Unreadable { path: owned(), why };
    let mut pem = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(AUTHORITIES_LIMIT + 1).read_to_end(&mut pem).map_err(unreadable)?;
    if pem.len() as u64 > AUTHORITIES_LIMIT {
        return Err(BadAuthorities::TooLong { path: owned() });
    }
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(BadAuthorities::NotPem { path: owned() }),
        }
    }
    if certificates.is_empty() {
        return Err(BadAuthorities::NotPem { path: owned() });
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
