//! Who asks: the far end of a connection, unless it is a proxy of the operator's, which tells for
//! whom it speaks by the PROXY protocol or in `X-Forwarded-For`. From anybody else that header is
//! ignored. A proxy that names no client has none that is counted: one count for all who come
//! through it would let one of them have all the others banned.
//! Specified in poste-protocol(7), Relay, and posted(8), PROXIES.

use crate::node::network::Network;
use hyper::HeaderMap;
use std::net::IpAddr;
use std::str::FromStr;

/// Lists addresses from the client to the last proxy but one; each proxy adds one on the right.
const FORWARDED: &str = "x-forwarded-for";

/// The far end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    /// The address it has.
    At(IpAddr),
    /// The one that the PROXY protocol gave for it, if it gave any.
    Told(Option<IpAddr>),
}

/// Addresses that begin alike: `192.0.2.0/24`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    bits: u8,
}

/// The proxies of a node, and how they speak.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    /// Whose word is taken.
    pub proxies: Vec<Range>,
    /// Whether connections from them, and from loopback, begin with a PROXY header.
    pub proxy_protocol: bool,
}

impl Callers {
    /// Whether a connection from `address` must begin with a PROXY header.
    pub fn begins_with_header(&self, address: IpAddr) -> bool {
        self.proxy_protocol && (address.to_canonical().is_loopback() || self.is_proxy(address))
    }

    /// The network that a request comes from: the right-most address that is no proxy. `None` if
    /// a proxy asks and names nobody.
    pub fn network(&self, peer: Peer, headers: &HeaderMap) -> Option<Network> {
        match peer {
            Peer::Told(None) => None,
            Peer::At(address) if !self.is_proxy(address) => Some(Network::of(address)),
            Peer::Told(Some(address)) if !self.is_proxy(address) => Some(Network::told(address)),
            Peer::At(_) | Peer::Told(Some(_)) => self.forwarded(headers),
        }
    }

    fn forwarded(&self, headers: &HeaderMap) -> Option<Network> {
        let lines: Vec<_> = headers.get_all(FORWARDED).into_iter().collect();
        for line in lines.into_iter().rev() {
            let hops = line.to_str().ok()?.rsplit(',').map(str::trim);
            for hop in hops.filter(|hop| !hop.is_empty()) {
                // Whatever stands left of what cannot be read was written by who knows whom.
                let address = hop_address(hop)?;
                if !self.is_proxy(address) {
                    return Some(Network::of(address));
                }
            }
        }
        None
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|range| range.holds(address))
    }
}

/// An address as proxies write it: some add the port, and then brackets to an IPv6 address.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bare.unwrap_or(hop).parse().ok();
    bare.or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()))
}

impl Range {
    /// Whether `address` lies in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let (a, b, width) = match (self.first, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        (a ^ b).checked_shr(width - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// The text names no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address such as 192.0.2.1, or a range such as 192.0.2.0/24")]
pub struct BadRange;

impl FromStr for Range {
    type Err = BadRange;
    fn from_str(text: &str) -> Result<Range, BadRange> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| BadRange)?;
        if first.to_canonical() != first {
            return Err(BadRange);
        }
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) => bits.parse().ok().filter(|b| *b <= width).ok_or(BadRange)?,
        };
        Ok(Range { first, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(proxies: &[&str]) -> Callers {
        let proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
        Callers { proxies, proxy_protocol: false }
    }

    fn asks(callers: &Callers, peer: &str, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        let peer = Peer::At(peer.parse().unwrap());
        callers.network(peer, &headers).map(|network| network.to_string())
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_asks() {
        let callers = callers(&["127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48"]);
        for (peer, lines, wanted) in [
            ("192.0.2.1", &["198.51.100.9"][..], Some("192.0.2.1")),
            ("127.0.0.2", &["198.51.100.9"], Some("127.0.0.2")),
            ("127.0.0.1", &["198.51.100.9"], Some("198.51.100.9")),
            ("127.0.0.1", &["203.0.113.1, 198.51.100.9"], Some("198.51.100.9")),
            ("127.0.0.1", &["203.0.113.1", "198.51.100.9"], Some("198.51.100.9")),
            ("127.0.0.1", &["203.0.113.1,198.51.100.9, 10.1.2.3"], Some("198.51.100.9")),
            ("127.0.0.1", &["203.0.113.1, 198.51.100.9", "10.1.2.3"], Some("198.51.100.9")),
            ("::ffff:10.9.9.9", &["198.51.100.9:1234"], Some("198.51.100.9")),
            ("2001:db8:ffff:1::1", &["2001:db8:1:2::3"], Some("2001:db8:1:2::/64")),
            ("127.0.0.1", &["[2001:db8:1:2::3]"], Some("2001:db8:1:2::/64")),
            ("127.0.0.1", &["[2001:db8:1:2::3]:99"], Some("2001:db8:1:2::/64")),
            ("127.0.0.1", &["::ffff:198.51.100.9"], Some("198.51.100.9")),
            ("127.0.0.1", &["203.0.113.1, nonsense"], None),
            ("127.0.0.1", &["203.0.113.1, unknown, 10.1.2.3"], None),
            ("127.0.0.1", &["10.1.2.3"], None),
            ("127.0.0.1", &["", " , "], None),
            ("127.0.0.1", &[], None),
        ] {
            assert_eq!(asks(&callers, peer, lines).as_deref(), wanted, "{peer} {lines:?}");
        }
    }

    #[test]
    fn nobody_is_believed_without_proxies() {
        let callers = Callers::default();
        assert_eq!(asks(&callers, "127.0.0.1", &["192.0.2.9"]).as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn the_proxy_protocol_is_spoken_by_proxies_and_loopback() {
        let mut callers = callers(&["192.0.2.1"]);
        let begins =
            |callers: &Callers, text: &str| callers.begins_with_header(text.parse().unwrap());
        assert!(!begins(&callers, "192.0.2.1"));
        callers.proxy_protocol = true;
        for address in ["192.0.2.1", "127.0.0.5", "::1", "::ffff:127.0.0.1"] {
            assert!(begins(&callers, address), "{address}");
        }
        assert!(!begins(&callers, "192.0.2.2"));
        let told = |text: &str| Peer::Told(Some(text.parse().unwrap()));
        let named = |peer| callers.network(peer, &HeaderMap::new()).map(|n| n.to_string());
        let circuit = "fc00:dead:beef:4dad::7";
        assert_eq!(named(told(circuit)).as_deref(), Some(circuit));
        assert_eq!(named(told("192.0.2.77")).as_deref(), Some("192.0.2.77"));
        assert_eq!(named(Peer::Told(None)), None);
    }

    #[test]
    fn ranges() {
        let holds = |range: &str, address: &str| {
            range.parse::<Range>().unwrap().holds(address.parse().unwrap())
        };
        assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "2001:db8::") && holds("::1", "::1") && !holds("::1", "::2"));
        assert!(holds("192.0.2.128/25", "192.0.2.255") && !holds("192.0.2.128/25", "192.0.2.127"));
        for bad in ["", "alice", "192.0.2.0/33", "::/129", "192.0.2.0/-1", "::ffff:192.0.2.1"] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }
}
