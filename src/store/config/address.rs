//! Addresses in the configuration, and where a card is published.
//!
//! Checked for what would leak or not work: `https://` anywhere, `http://` only for this machine
//! and onion services, `file:///` for directory nodes; no user, query or fragment. Whether a name
//! resolves is for others to find out. Rules: poste-files(5), Configuration; poste-protocol(7), Node.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a node or of a card: `https://…`, `http://…` to loopback or `.onion`, or
/// `file:///…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Where a card is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, by an absolute path.
    File(PathBuf),
    /// An address to PUT to.
    Put(Address),
    /// A command, run by `/bin/sh -c` and fed the card on its standard input.
    Command(String),
}

/// The text is no address that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// No scheme that is known.
    #[error("an address begins with https://, or file:/// for a directory")]
    Scheme,
    /// `http://` to anywhere else than loopback or an onion service.
    #[error("http:// is for this machine and .onion alone, anywhere else use https://")]
    Plain,
    /// No host, or one with characters that no host has.
    #[error("there is no good host in this address")]
    Host,
    /// A port that is none.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// User, query, fragment, blanks or characters outside ASCII.
    #[error("an address has no user, query, fragment, blank or non-ASCII character")]
    Character,
    /// Longer than 2048 bytes.
    #[error("an address has at most 2048 characters")]
    Long,
    /// A path that is not absolute.
    #[error("a path is written in full, from / on")]
    Relative,
    /// A directory where only a server will do.
    #[error("this must be an https:// address")]
    NoServer,
    /// Nothing follows the `!`.
    #[error("there is no command after the !")]
    NoCommand,
    /// `socks5://`, `socks4://` and so on.
    #[error("use socks5h://: with any other the names of nodes are looked up outside the proxy")]
    LocalNames,
    /// Not a proxy's address.
    #[error("a proxy is written socks5h://host:port")]
    Proxy,
}

impl Address {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that a `file:///` address means.
    pub fn directory(&self) -> Option<PathBuf> {
        self.0.strip_prefix("file://").map(PathBuf::from)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Address, BadAddress> {
        if text.len() > 2048 {
            return Err(BadAddress::Long);
        }
        let (scheme, rest) = text.split_once("://").ok_or(BadAddress::Scheme)?;
        match scheme {
            // A path of the filesystem has whatever characters it has.
            "file" if rest.starts_with('/') => return Ok(Address(text.to_owned())),
            "file" => return Err(BadAddress::Relative),
            "https" | "http" => {}
            _ => return Err(BadAddress::Scheme),
        }
        if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"@?#\"<>\\^`{|}".contains(&b)) {
            return Err(BadAddress::Character);
        }
        let host = host(rest.split('/').next().unwrap_or_default())?;
        if scheme == "http" && !is_near(host) {
            return Err(BadAddress::Plain);
        }
        Ok(Address(text.to_owned()))
    }
}

impl FromStr for Target {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Target, BadAddress> {
        if let Some(command) = text.strip_prefix('!') {
            let command = command.trim();
            return match command.is_empty() {
                true => Err(BadAddress::NoCommand),
                false => Ok(Target::Command(command.to_owned())),
            };
        }
        if text.contains("://") {
            let address: Address = text.parse()?;
            return match address.directory() {
                Some(file) => Ok(Target::File(file)),
                None => Ok(Target::Put(address)),
            };
        }
        if text.starts_with('/') {
            Ok(Target::File(text.into()))
        } else {
            Err(BadAddress::Relative)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Put(address) => write!(f, "{address}"),
            Target::Command(command) => write!(f, "!{command}"),
        }
    }
}

/// An address that a card may name: a server's.
pub(super) fn server(text: &str) -> Result<Address, BadAddress> {
    let address: Address = text.parse()?;
    if address.directory().is_some() { Err(BadAddress::NoServer) } else { Ok(address) }
}

/// A proxy that resolves names itself.
pub(super) fn proxy(text: &str) -> Result<String, BadAddress> {
    let Some(rest) = text.strip_prefix("socks5h://") else {
        return Err(match text.starts_with("socks") {
            true => BadAddress::LocalNames,
            false => BadAddress::Proxy,
        });
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // Users and passwords are drawn at random for each node, so that Tor separates the circuits.
    if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"@/?#".contains(&b)) {
        return Err(BadAddress::Proxy);
    }
    let host = host(rest)?;
    if host.len() == rest.len() { Err(BadAddress::Proxy) } else { Ok(format!("socks5h://{rest}")) }
}

/// The host of `host[:port]`, brackets of an IPv6 address included; both are checked.
fn host(authority: &str) -> Result<&str, BadAddress> {
    let end = match (authority.starts_with('['), authority.find(']')) {
        (true, None) => return Err(BadAddress::Host),
        (_, at) => at.map_or(0, |at| at + 1),
    };
    let (host, port) = match authority[end..].find(':') {
        Some(at) => (&authority[..end + at], Some(&authority[end + at + 1..])),
        None => (authority, None),
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if port.is_some_and(|p| !digits(p) || !p.parse::<u16>().is_ok_and(|n| n > 0)) {
        return Err(BadAddress::Port);
    }
    let good = match host.strip_prefix('[') {
        Some(inner) => inner
            .strip_suffix(']')
            .is_some_and(|v6| v6.parse().is_ok_and(|ip: IpAddr| ip.is_ipv6())),
        None => is_name(host),
    };
    if good { Ok(host) } else { Err(BadAddress::Host) }
}

/// Labels of letters, digits and inner hyphens, as DNS has them. IPv4 addresses are such names.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

/// This machine, or an onion service: what no stranger carries in the clear.
fn is_near(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let loopback = bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    loopback || bare == "localhost" || bare.ends_with(".onion")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_pass() {
        for good in [
            "https://relay.example",
            "https://relay.example:8443/v/alice.toml",
            "https://[2001:db8::1]:443/",
            "http://127.0.0.1:4000",
            "http://[::1]/x",
            "http://localhost:80",
            "http://abcdef.onion",
            "file:///media/usb stick/poste",
        ] {
            assert_eq!(good.parse::<Address>().map(|a| a.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn bad_addresses_say_why() {
        for (bad, why) in [
            ("relay.example", BadAddress::Scheme),
            ("ftp://relay.example", BadAddress::Scheme),
            ("HTTPS://relay.example", BadAddress::Scheme),
            ("http://relay.example", BadAddress::Plain),
            ("http://127.0.0.1.example", BadAddress::Plain),
            ("http://localhost.example", BadAddress::Plain),
            ("https://", BadAddress::Host),
            ("https:///path", BadAddress::Host),
            ("https://a..b", BadAddress::Host),
            ("https://[::1", BadAddress::Host),
            ("https://[::1]x", BadAddress::Host),
            ("https://a:0", BadAddress::Port),
            ("https://a:65536", BadAddress::Port),
            ("https://a:+1", BadAddress::Port),
            ("https://u@a", BadAddress::Character),
            ("https://a/?q", BadAddress::Character),
            ("https://a/#f", BadAddress::Character),
            ("https://a b", BadAddress::Character),
            ("https://bücher.example", BadAddress::Character),
            ("file://media/usb", BadAddress::Relative),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn targets_are_of_three_sorts() {
        assert_eq!("/srv/a.toml".parse(), Ok(Target::File("/srv/a.toml".into())));
        assert_eq!("! scp - a".parse(), Ok(Target::Command("scp - a".to_owned())));
        assert!(matches!("https://a/id".parse(), Ok(Target::Put(_))));
        assert_eq!("a.toml".parse::<Target>(), Err(BadAddress::Relative));
        assert_eq!("!".parse::<Target>(), Err(BadAddress::NoCommand));
        assert_eq!("http://a.example".parse::<Target>(), Err(BadAddress::Plain));
    }

    #[test]
    fn proxies_resolve_names_themselves() {
        assert_eq!(proxy("socks5h://127.0.0.1:9050"), Ok("socks5h://127.0.0.1:9050".to_owned()));
        assert_eq!(proxy("socks5h://[::1]:9050/"), Ok("socks5h://[::1]:9050".to_owned()));
        for bad in ["socks5://127.0.0.1:9050", "socks4a://a:1", "socks://a:1"] {
            assert_eq!(proxy(bad), Err(BadAddress::LocalNames), "{bad}");
        }
        for bad in ["http://a:1", "socks5h://a", "socks5h://u:p@a:1", "9050"] {
            assert_eq!(proxy(bad), Err(BadAddress::Proxy), "{bad}");
        }
    }
}
