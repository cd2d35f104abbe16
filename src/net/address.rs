//! Addresses of nodes and documents: `https://host[:port][/path]`, plain `http://` for loopback
//! and `.onion` alone, and `file:///path` for a directory carried by hand. One's own configuration
//! may name any host; what was learnt from others (cards, offers) may name neither a path nor a
//! host of this machine or of a private network. What a name resolves to is checked when
//! connecting, in `public`.
//! Format: poste-protocol(7), Card and Node.

use super::public::is_public;
use std::fmt;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use ureq::http::Uri;

/// The most characters an address may have.
pub const ADDRESS_LIMIT: usize = 512;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One's own configuration or command line: any host, and directories.
    Own,
    /// A card, an offer or a list of another: public hosts only.
    Learnt,
}

/// A checked address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Http { reach: Reach, onion: bool, secure: bool },
    Directory(PathBuf),
}

/// To which network addresses a connection may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Anywhere,
    Public,
    Loopback,
}

/// Why a text is no usable address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// More than [`ADDRESS_LIMIT`] characters.
    #[error("an address has at most {ADDRESS_LIMIT} characters")]
    TooLong,
    /// A space, control or other character that an address cannot have.
    #[error("an address is written in printable ascii without spaces")]
    Characters,
    /// None of the three schemes.
    #[error("an address begins with https://, http:// or file:///")]
    Scheme,
    /// A user, a query or a fragment.
    #[error("an address has no user, `?` or `#`")]
    Extra,
    /// No host, or not a name or network address.
    #[error("not a host name or network address")]
    Host,
    /// Not a port from 1 to 65535.
    #[error("not a port from 1 to 65535")]
    Port,
    /// Plain HTTP to a host that is neither loopback nor an onion service.
    #[error("plain http is for loopback and .onion only; use https")]
    Plain,
    /// A host of this machine or a private network, learnt from others.
    #[error("an address learnt from others must be public")]
    NotPublic,
    /// A directory, learnt from others.
    #[error("a directory can be named in one's own configuration only")]
    LearntDirectory,
    /// A relative path, or one with `..`.
    #[error("file:/// wants an absolute path without `..`")]
    Path,
}

impl Address {
    /// Reads an address. Slashes at its end do not count.
    pub fn parse(text: &str, origin: Origin) -> Result<Address, BadAddress> {
        if text.len() > ADDRESS_LIMIT {
            return Err(BadAddress::TooLong);
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) {
            return Err(BadAddress::Characters);
        }
        if text.contains(['?', '#']) {
            return Err(BadAddress::Extra);
        }
        if let Some(path) = text.strip_prefix("file://") {
            if origin == Origin::Learnt {
                return Err(BadAddress::LearntDirectory);
            }
            return Ok(Address {
                text: text.to_owned(),
                place: Place::Directory(absolute_path(path)?),
            });
        }
        parse_http(text.trim_end_matches('/'), origin)
    }

    /// The address as text, without slashes at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, if it names a directory carried by hand: it has the daily class only, and its
    /// open buckets may be read.
    pub fn directory(&self) -> Option<&Path> {
        match &self.place {
            Place::Directory(path) => Some(path),
            Place::Http { .. } => None,
        }
    }

    /// Whether it names an onion service.
    pub fn is_onion(&self) -> bool {
        matches!(self.place, Place::Http { onion: true, .. })
    }

    /// Whether a `Date` heard from there counts: over HTTPS, or as an onion service.
    pub(super) fn is_trusted(&self) -> bool {
        matches!(self.place, Place::Http { onion: true, .. } | Place::Http { secure: true, .. })
    }

    /// To which network addresses a connection may go.
    pub(super) fn reach(&self) -> Reach {
        match self.place {
            Place::Http { reach, .. } => reach,
            Place::Directory(_) => Reach::Loopback,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_http(text: &str, origin: Origin) -> Result<Address, BadAddress> {
    let secure = match text.split_once("://") {
        Some(("https", _)) => true,
        Some(("http", _)) => false,
        _ => return Err(BadAddress::Scheme),
    };
    let uri: Uri = text.parse().map_err(|_| BadAddress::Host)?;
    let authority = uri.authority().ok_or(BadAddress::Host)?.as_str();
    if authority.contains('@') {
        return Err(BadAddress::Extra);
    }
    let host = uri.host().ok_or(BadAddress::Host)?.to_ascii_lowercase();
    let port = match authority.get(host.len()..) {
        Some("") => None,
        Some(rest) => Some(parse_port(rest)?),
        None => return Err(BadAddress::Host),
    };
    let host_kind = HostKind::of(&host)?;
    let loopback = host_kind == HostKind::Loopback;
    let onion = host_kind == HostKind::Onion;
    if origin == Origin::Learnt && matches!(host_kind, HostKind::Loopback | HostKind::Local) {
        return Err(BadAddress::NotPublic);
    }
    if !secure && !loopback && !onion {
        return Err(BadAddress::Plain);
    }
    let reach = match origin {
        _ if loopback => Reach::Loopback,
        Origin::Own => Reach::Anywhere,
        Origin::Learnt => Reach::Public,
    };
    let scheme = if secure { "https" } else { "http" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = uri.path().trim_end_matches('/');
    let text = format!("{scheme}://{host}{port}{path}");
    Ok(Address { text, place: Place::Http { reach, onion, secure } })
}

fn parse_port(text: &str) -> Result<u16, BadAddress> {
    let digits = text.strip_prefix(':').ok_or(BadAddress::Host)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadAddress::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(BadAddress::Port),
        Ok(port) => Ok(port),
    }
}

/// What can be told of a host without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostKind {
    Loopback,
    Local,
    Onion,
    Elsewhere,
}

impl HostKind {
    fn of(host: &str) -> Result<HostKind, BadAddress> {
        let literal = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(BadAddress::Host)?;
                Some(IpAddr::V6(inner.parse().map_err(|_| BadAddress::Host)?))
            }
            None => host.parse().ok().map(IpAddr::V4),
        };
        if let Some(ip) = literal {
            return Ok(match ip {
                ip if ip.is_loopback() => HostKind::Loopback,
                ip if is_public(ip) => HostKind::Elsewhere,
                _ => HostKind::Local,
            });
        }
        check_name(host)?;
        let last = host.rsplit('.').next().unwrap_or(host);
        Ok(match last {
            "localhost" if host == "localhost" => HostKind::Loopback,
            "onion" if host != "onion" => HostKind::Onion,
            "localhost" | "local" | "internal" | "lan" | "onion" => HostKind::Local,
            _ if host.ends_with(".home.arpa") || !host.contains('.') => HostKind::Local,
            _ => HostKind::Elsewhere,
        })
    }
}

/// A name as DNS has them. One whose last label is a number is refused: resolvers read `127.1` and
/// `0x7f000001` as network addresses, and so would get past the checks of literals.
fn check_name(host: &str) -> Result<(), BadAddress> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = host.rsplit('.').next().unwrap_or(host);
    let number = last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit());
    if host.len() > 253 || number || !host.split('.').all(label) {
        return Err(BadAddress::Host);
    }
    Ok(())
}

/// The path of a `file://` address, its `%20` and the like decoded.
fn absolute_path(text: &str) -> Result<PathBuf, BadAddress> {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let digits = tail.get(..2).ok_or(BadAddress::Characters)?;
                let digits = std::str::from_utf8(digits).map_err(|_| BadAddress::Characters)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) || digits == "00" {
                    return Err(BadAddress::Characters);
                }
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BadAddress::Characters)?);
                &tail[2..]
            }
            other => {
                bytes.push(*other);
                tail
            }
        };
    }
    let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(BadAddress::Path);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Result<Address, BadAddress> {
        Address::parse(text, Origin::Own)
    }

    fn learnt(text: &str) -> Result<Address, BadAddress> {
        Address::parse(text, Origin::Learnt)
    }

    #[test]
    fn addresses_are_written_in_one_way() {
        for (text, written) in [
            ("https://relay.example", "https://relay.example"),
            ("https://relay.example/", "https://relay.example"),
            ("https://Relay.Example:8443/poste//", "https://relay.example:8443/poste"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost", "http://localhost"),
            ("http://abcdef.onion/x", "http://abcdef.onion/x"),
            ("https://192.168.1.7", "https://192.168.1.7"),
        ] {
            assert_eq!(own(text).unwrap().as_str(), written);
        }
    }

    #[test]
    fn unusable_ones_are_refused() {
        use BadAddress as B;
        for (text, why) in [
            ("https://a:b@relay.example", B::Extra),
            ("https://relay.example?x=1", B::Extra),
            ("https://relay.example#x", B::Extra),
            ("https://relay.example/a b", B::Characters),
            ("https://relay.example/\u{1b}[31m", B::Characters),
            ("https://relay.example/\r\nx: y", B::Characters),
            ("https://bücher.example", B::Characters),
            ("ftp://relay.example", B::Scheme),
            ("relay.example", B::Scheme),
            ("HTTPS://relay.example", B::Scheme),
            ("https://", B::Scheme),
            ("https:///path", B::Host),
            ("https://relay.example.", B::Host),
            ("https://127.1", B::Host),
            ("https://2130706433", B::Host),
            ("https://0x7f000001", B::Host),
            ("https://[::1", B::Host),
            ("https://[fe80::1%25eth0]", B::Host),
            ("https://relay.example:0", B::Port),
            ("https://relay.example:65536", B::Port),
            ("https://relay.example:", B::Port),
            ("http://relay.example", B::Plain),
            ("http://192.168.1.7", B::Plain),
            ("file://media/usb", B::Path),
            ("file:///media/../etc", B::Path),
            ("file:///media/%2e%2e/etc", B::Path),
            ("file:///media/%00", B::Characters),
        ] {
            assert_eq!(own(text), Err(why), "{text}");
        }
        assert_eq!(own(&format!("https://{}", "a".repeat(600))), Err(B::TooLong));
    }

    #[test]
    fn learnt_addresses_are_public() {
        for text in [
            "https://127.0.0.1",
            "https://127.9.9.9:8443",
            "https://10.0.0.1",
            "https://169.254.169.254",
            "https://[::1]",
            "https://[fd00::1]",
            "https://[::ffff:127.0.0.1]",
            "https://localhost",
            "https://relay.localhost",
            "https://printer.local",
            "https://router",
            "https://nas.home.arpa",
            "http://localhost:1",
        ] {
            assert_eq!(learnt(text), Err(BadAddress::NotPublic), "{text}");
        }
        assert_eq!(learnt("file:///media/usb/poste"), Err(BadAddress::LearntDirectory));
        for text in ["https://relay.example", "https://9.9.9.9", "http://abcdef.onion"] {
            assert_eq!(learnt(text).unwrap().reach(), Reach::Public, "{text}");
        }
    }

    #[test]
    fn directories_are_decoded() {
        let address = own("file:///media/usb/my%20stick").unwrap();
        assert_eq!(address.directory().unwrap(), Path::new("/media/usb/my stick"));
        assert_eq!(own("https://relay.example").unwrap().directory(), None);
    }

    #[test]
    fn what_counts_for_the_clock() {
        assert!(own("https://127.0.0.1").unwrap().is_trusted());
        assert!(own("http://abcdef.onion").unwrap().is_trusted());
        assert!(!own("http://127.0.0.1").unwrap().is_trusted());
        assert!(!own("file:///media/usb").unwrap().is_trusted());
    }
}
