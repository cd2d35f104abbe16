//! TLS of the node: TLS 1.2 and 1.3 with ring, HTTP/1.1 only. No sessions and no tickets: a
//! ticket would tell the node that two connections are one client's. The files can be read again
//! while the node runs; connections go on as they began.
//! Specified in posted(8), TLS.

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// The certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("{0}: {1}")]
    Pem(PathBuf, PemError),
    /// The file holds no certificate.
    #[error("{0}: holds no certificate")]
    Empty(PathBuf),
    /// Certificate and key do not fit together, or are of a kind that is not served.
    #[error("{0}: {1}")]
    Refused(PathBuf, rustls::Error),
}

/// What a listener shows of itself, as it stood in the files when they were last read.
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Identity {
    /// Reads both files.
    pub fn open(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
        let acceptor = RwLock::new(TlsAcceptor::from(read(certificate, key)?));
        Ok(Identity { certificate: certificate.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Reads both files again, for the connections to come. On an error nothing changes.
    pub fn reload(&self) -> Result<(), TlsError> {
        let acceptor = TlsAcceptor::from(read(&self.certificate, &self.key)?);
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// For a connection that begins now.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads a chain of certificates and the key of the first from two PEM files.
fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::Pem(path, error)
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(pem(certificate))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(pem(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(certificate.to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    let refused = |error| TlsError::Refused(certificate.to_owned(), error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
