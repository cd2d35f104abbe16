//! Over TLS: one's own authority, and certificates that must not pass.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::path::PathBuf;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own-ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Authority { issuer, file, _folder: folder }
    }

    /// A server with a certificate for `name`, speaking with `talk`.
    fn server(
        &self,
        name: &str,
        until: i32,
        talk: impl Fn(&mut StreamOwned<ServerConnection, TcpStream>) + Send + Sync + 'static,
    ) -> Server {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(1999, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        Server::new(move |stream, seen| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            while let Some(request) = read_request(&mut stream) {
                seen.lock().unwrap().requests.push(request);
                talk(&mut stream);
            }
        })
    }

    fn net(&self) -> Net {
        let ca_file = Some(self.file.clone());
        Net::new(Options { ca_file, patience: impatient(), proxy: None }).unwrap()
    }
}

fn honest(stream: &mut StreamOwned<ServerConnection, TcpStream>) {
    let _ = stream.write_all(&answer("200 OK", &cells(1))).and_then(|()| stream.flush());
}

fn fetch(net: &Net, port: u16) -> Result<Answer<Fetched>, Error> {
    let address = own(&format!("https://127.0.0.1:{port}"));
    let courier = net.courier(&address, &mut Fixed::new(1)).unwrap();
    courier.fetch(hourly(), prefix("4"), 1 << 20)
}

#[test]
fn own_authority_is_trusted_and_the_date_counts() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2999, honest);
    let answer = fetch(&authority.net(), server.port).unwrap();
    assert_eq!(answer.body, Fetched::Cells(cells(1)));
    assert!(answer.heard.trusted && answer.heard.date.is_some());
}

#[test]
fn certificates_that_do_not_hold() {
    let authority = Authority::new();
    let good = authority.server("127.0.0.1", 2999, honest);
    let other_name = authority.server("relay.example", 2999, honest);
    let expired = authority.server("127.0.0.1", 2020, honest);
    let own_net = authority.net();
    for (what, net, port) in [
        ("unknown authority", &net(), good.port),
        ("another's authority", &Authority::new().net(), good.port),
        ("another name", &own_net, other_name.port),
        ("expired", &own_net, expired.port),
    ] {
        let error = fetch(net, port).unwrap_err();
        assert!(matches!(error.cause, Cause::Certificate(_)), "{what}: {error:?}");
        assert_eq!(error.heard, Heard::default(), "{what}: its date is nobody's");
    }
    for server in [good, other_name, expired] {
        assert!(server.requests().is_empty(), "nothing was said to a stranger");
    }
}

#[test]
fn plain_http_where_tls_was_expected() {
    let server = Server::new(|mut stream, _| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(&answer("400 Bad Request", b"speak tls"));
    });
    let error = fetch(&net(), server.port).unwrap_err();
    assert!(matches!(error.cause, Cause::Broken(_)), "{error:?}");
}

#[test]
fn closed_or_silent_in_the_handshake() {
    let closing = Server::new(|mut stream, _| {
        let _ = stream.read(&mut [0; 1024]);
    });
    let error = fetch(&net(), closing.port).unwrap_err();
    assert!(matches!(error.cause, Cause::Offline(_)), "{error:?}");
    let silent = Server::new(|_stream, _| thread::sleep(Duration::from_secs(3)));
    let error = fetch(&net(), silent.port).unwrap_err();
    assert!(matches!(error.cause, Cause::Timeout), "{error:?}");
}

#[test]
fn cut_without_a_farewell() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", 2999, |stream| {
        let mut bytes = answer("200 OK", &cells(2));
        bytes.truncate(bytes.len() - CELL);
        let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
        let _ = stream.sock.shutdown(std::net::Shutdown::Both);
    });
    let error = fetch(&authority.net(), server.port).unwrap_err();
    assert!(matches!(error.cause, Cause::Truncated { received: 4096, .. }), "{error:?}");
}

#[test]
fn unusable_ca_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own-ca.pem");
    let open = || Net::new(Options { ca_file: Some(path.clone()), ..Options::default() });
    assert!(matches!(open(), Err(BadAuthorities::Unreadable { .. })));
    for bad in ["not a certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
    {
        std::fs::write(&path, bad).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, BadAuthorities::NotPem { .. }));
        assert!(error.to_string().contains("own-ca.pem"), "{error}");
    }
    std::fs::write(&path, vec![b'\n'; 5 << 20]).unwrap();
    assert!(matches!(open(), Err(BadAuthorities::TooLong { .. })));
}
