//! The HTTP client under couriers and documents: one [`Wire`] is one agent of ureq with every
//! default set, so that nothing is taken from the environment and nothing sent that says who asks.
//! No redirects, cookies, encodings, conditional requests or client names. Wires share nothing:
//! neither connections, nor TLS session tickets, nor proxy credentials.
//! Format: poste-protocol(7), Node and What a sync looks like from outside.

use super::address::Reach;
use super::error::{Cause, Failure, tame};
use super::public::{OutOfReach, Within};
use super::setup::{config, isolated};
use super::{Address, Heard, Net, Patience};
use crate::core::random::Random;
use crate::core::time::{DAY, Time};
use std::io::{ErrorKind, Read};
use std::time::Instant;
use ureq::http::{HeaderMap, header};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// One agent: the connections to one node in one direction.
#[derive(Debug)]
pub(super) struct Wire {
    agent: Agent,
    patience: Patience,
    trusted: bool,
    proxied: bool,
}

/// What to ask for.
pub(super) enum Ask<'a> {
    Get,
    Post(&'a [u8]),
    Put(&'a [u8]),
}

/// The head of an answer, its body not yet read.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub heard: Heard,
    /// The `Content-Length`, if there is exactly one and no other framing.
    pub length: Option<u64>,
    /// Seconds of `Retry-After`, at most a day.
    pub retry_after: Option<u64>,
    body: Body,
    started: Instant,
    patience: Patience,
}

impl Wire {
    /// A wire to `address`; under a proxy with fresh random credentials, so that a proxy that
    /// isolates by them (Tor) uses another circuit for each.
    pub fn new(net: &Net, address: &Address, rng: &mut dyn Random) -> Result<Wire, Cause> {
        let reach = address.reach();
        // A loopback address is this machine: no proxy can reach it, and nobody sees it.
        let proxy = net.options.proxy.as_ref().filter(|_| reach != Reach::Loopback);
        let proxy = match proxy {
            Some(proxy) => Some(isolated(proxy, rng)?),
            None if address.is_onion() => return Err(Cause::NeedsProxy),
            None => None,
        };
        // Under a proxy the only name resolved here is the proxy's own.
        let reach = if proxy.is_some() { Reach::Anywhere } else { reach };
        Ok(Wire::within(net, reach, proxy, address.is_trusted()))
    }

    /// A wire whose connections are kept to `reach`.
    pub fn within(net: &Net, reach: Reach, proxy: Option<ureq::Proxy>, trusted: bool) -> Wire {
        let patience = net.options.patience;
        let proxied = proxy.is_some();
        let config = config(&patience, net.roots.0.clone(), proxy);
        let agent = Agent::with_parts(config, DefaultConnector::default(), Within { reach });
        Wire { agent, patience, trusted, proxied }
    }

    /// Sends a request; `expected` is the most bytes the answer may have.
    pub fn ask(&self, ask: Ask, uri: &str, expected: u64) -> Result<Reply, Failure> {
        let started = Instant::now();
        let moved = match &ask {
            Ask::Get => expected,
            Ask::Post(body) | Ask::Put(body) => expected.saturating_add(body.len() as u64),
        };
        let whole = Some(self.patience.for_bytes(moved));
        let answer = match ask {
            Ask::Get => self.agent.get(uri).config().timeout_global(whole).build().call(),
            Ask::Post(body) => {
                self.agent.post(uri).config().timeout_global(whole).build().send(body)
            }
            Ask::Put(body) => self.agent.put(uri).config().timeout_global(whole).build().send(body),
        };
        let (parts, body) = answer.map_err(|error| self.cause_of(error))?.into_parts();
        let heard = Heard { date: date(&parts.headers), trusted: self.trusted };
        if parts.headers.get_all(header::CONTENT_ENCODING).iter().any(|c| c != "identity") {
            let cause = Cause::broken("the answer is encoded, which nobody asked for");
            return Err(Failure { cause, heard });
        }
        let retry_after = digits(&parts.headers, header::RETRY_AFTER).map(|s| s.min(DAY));
        let length = match parts.headers.contains_key(header::TRANSFER_ENCODING) {
            true => None,
            false => digits(&parts.headers, header::CONTENT_LENGTH),
        };
        let status = parts.status.as_u16();
        let patience = self.patience;
        Ok(Reply { status, heard, length, retry_after, body, started, patience })
    }

    /// What an error means; one of the connection may be the proxy's, so that is named.
    fn cause_of(&self, error: ureq::Error) -> Cause {
        match cause_of(error) {
            Cause::Offline(why) if self.proxied => {
                Cause::Offline(format!("through the proxy: {why}"))
            }
            Cause::Broken(why) if self.proxied => {
                Cause::Broken(format!("through the proxy: {why}"))
            }
            other => other,
        }
    }
}

impl Reply {
    /// Reads the body into memory, at most `limit` bytes; `check` sees what has come after each
    /// read and may stop it. Without a length the end of the body is where the framing says.
    pub fn read(
        self,
        limit: u64,
        mut check: impl FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<Vec<u8>, Failure> {
        let heard = self.heard;
        let fail = |cause| Failure { cause, heard };
        let promised = self.length;
        if promised.is_some_and(|length| length > limit) {
            return Err(fail(Cause::TooLong { limit }));
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut reader = self.body.into_with_config().limit(u64::MAX).reader();
        let mut all = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match reader.read(&mut chunk) {
                Ok(0) => return Ok(all),
                Ok(count) => count,
                Err(error) => {
                    let cut = error.kind() == ErrorKind::UnexpectedEof;
                    let received = all.len() as u64;
                    return Err(fail(match promised {
                        Some(promised) if cut => Cause::Truncated { received, promised },
                        _ => cause_of(ureq::Error::from(error)),
                    }));
                }
            };
            if most - all.len() < count {
                return Err(fail(Cause::TooLong { limit }));
            }
            all.extend_from_slice(&chunk[..count]);
            check(&all).map_err(fail)?;
            if self.started.elapsed() > self.patience.for_bytes(all.len() as u64) {
                return Err(fail(Cause::Timeout));
            }
        }
    }

    /// Reads a body nobody looks at, if it is short, so that the connection can be used again.
    pub fn drain(self) {
        const SHORT: u64 = 4096;
        if self.length.is_some_and(|length| length <= SHORT) {
            // What goes wrong here only costs the connection.
            let _ = self.read(SHORT, |_| Ok(()));
        }
    }

    /// The failure that a status stands for which is no success.
    pub fn failure(self) -> Failure {
        let cause = match self.status {
            403 => Cause::Forbidden,
            409 => Cause::WrongPeriod,
            429 => Cause::TooMany { retry_after: self.retry_after },
            507 => Cause::Full,
            status @ 500..=599 => Cause::Trouble(status),
            status @ 400..=499 => Cause::Refused(status),
            300..=399 => Cause::broken("the server sends elsewhere, and that is not followed"),
            status => Cause::Broken(format!("an answer with status {status}")),
        };
        let heard = self.heard;
        self.drain();
        Failure { cause, heard }
    }
}

/// A header that must stand once and be a plain decimal number.
fn digits(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    let text = only(headers, name)?;
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn date(headers: &HeaderMap) -> Option<Time> {
    Time::parse_rfc5322(only(headers, header::DATE)?)
}

fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok()).flatten()
}

/// What an error of the HTTP library means. Its texts may quote the peer, so they are tamed.
fn cause_of(error: ureq::Error) -> Cause {
    match error {
        ureq::Error::Timeout(_) => Cause::Timeout,
        ureq::Error::HostNotFound => Cause::Offline("the name is not known".to_owned()),
        ureq::Error::ConnectionFailed => Cause::Offline("cannot connect".to_owned()),
        ureq::Error::Other(inner) if inner.is::<OutOfReach>() => Cause::NotPublic,
        ureq::Error::LargeResponseHeader(..) => Cause::broken("the answer's headers are too long"),
        ureq::Error::Protocol(why) => Cause::Broken(format!("not http/1.1: {}", tame_error(&why))),
        ureq::Error::Io(why) => cause_of_io(&why),
        ureq::Error::Rustls(why) => cause_of_tls(&why.to_string()),
        ureq::Error::Tls(why) => cause_of_tls(why),
        other => Cause::Broken(tame_error(&other)),
    }
}

fn cause_of_io(why: &std::io::Error) -> Cause {
    match why.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Cause::Timeout,
        // rustls reports what it refuses in a handshake as data that is not valid.
        ErrorKind::InvalidData => cause_of_tls(&why.to_string()),
        ErrorKind::UnexpectedEof => Cause::Offline("the connection was closed".to_owned()),
        _ => Cause::Offline(tame_error(why)),
    }
}

/// rustls keeps its error type to itself here (the client does not depend on it), so certificates
/// are told from the rest by the words it puts first; a test holds that.
fn cause_of_tls(why: &str) -> Cause {
    match why.split_once("invalid peer certificate: ") {
        Some((_, why)) => Cause::Certificate(tame(why)),
        None => Cause::Broken(tame(why)),
    }
}

fn tame_error(error: &impl std::fmt::Display) -> String {
    let mut text = tame(&error.to_string());
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}
