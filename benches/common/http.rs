//! A client of HTTP/1.1 over one kept connection, plain or over TLS 1.3 (rustls with ring), the same
//! for the node and for its peer. It reads with large buffers, so that it is seldom what is waited
//! for.
//! Measures nothing itself.

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;

/// One connection.
pub struct Line {
    wire: Wire,
    buffer: Vec<u8>,
    held: std::ops::Range<usize>,
    over: bool,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, Read256>>),
}

/// A socket read in large pieces, since TLS reads by the record.
struct Read256(BufReader<TcpStream>);

impl Read for Read256 {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl Write for Read256 {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

/// Makes `cert.pem` and `key.pem` in `dir`, and what a client needs to trust them.
pub fn certify(dir: &Path) -> Arc<ClientConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Line {
    /// Connects; over TLS with `tls`.
    pub fn to(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Line {
        Line::by(address, tls, Duration::from_secs(30)).unwrap()
    }

    /// The same, where the connection may fail; for each step there is so much patience.
    pub fn by(
        address: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
        patience: Duration,
    ) -> io::Result<Line> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let wire = match tls {
            None => Wire::Plain(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").unwrap();
                let session = ClientConnection::new(config.clone(), name).unwrap();
                let stream = Read256(BufReader::with_capacity(BUFFER, stream));
                Wire::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Line { wire, buffer: vec![0; BUFFER], held: 0..0, over: false })
    }

    /// Whether the last answer was said to be the last.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Which cipher was agreed on; empty without TLS.
    pub fn cipher(&self) -> String {
        match &self.wire {
            Wire::Plain(_) => String::new(),
            Wire::Tls(stream) => {
                let suite = stream.conn.negotiated_cipher_suite();
                suite.map_or(String::new(), |suite| format!("{:?}", suite.suite()))
            }
        }
    }

    /// Downloads `path` with more headers; how many bytes. Any other answer than 200 or 206 ends
    /// the run.
    pub fn get(&mut self, path: &str, headers: &str) -> usize {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        self.put(head.as_bytes()).unwrap();
        let (status, length) = self.answer().unwrap();
        assert!(matches!(status, 200 | 206), "{status} {path}");
        length
    }

    /// Sends `body`; the status.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<u16> {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"
        );
        self.put(head.as_bytes())?;
        self.put(body)?;
        Ok(self.answer()?.0)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes),
        }
    }

    /// Status and length of an answer, read to its end.
    fn answer(&mut self) -> io::Result<(u16, usize)> {
        let end = loop {
            let held = &self.buffer[self.held.clone()];
            if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[self.held.clone()][..end]).into_owned();
        self.held.start += end + 4;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
        });
        self.over = head.to_ascii_lowercase().contains("\nconnection: close");
        // An answer without contents has no length.
        let length = length.or((status == Some(204)).then_some(0));
        let (status, length) = status.zip(length).ok_or(io::ErrorKind::InvalidData)?;
        let mut left: usize = length;
        while left > 0 {
            if self.held.is_empty() {
                self.fill()?;
            }
            let taken = left.min(self.held.len());
            self.held.start += taken;
            left -= taken;
        }
        Ok((status, length))
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            self.held = 0..0;
        }
        let room = &mut self.buffer[self.held.end..];
        let count = match &mut self.wire {
            Wire::Plain(stream) => stream.read(room)?,
            Wire::Tls(stream) => stream.read(room)?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.held.end += count;
        Ok(())
    }
}
