//! Client networks, by which downloads and uploads are counted: an IPv4 address, the /64 of an
//! IPv6 address, or one circuit of an onion service, which Tor names by an address of its own.
//! A value only: nothing here is written to a log.
//! Specified in poste-protocol(7), Relay, and posted(8), BANS.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The /64 in which Tor numbers the circuits of onion services.
const CIRCUITS: [u16; 4] = [0xfc00, 0xdead, 0xbeef, 0x4dad];

/// What is counted as one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first four groups of an IPv6 address.
    V6([u16; 4]),
    /// A circuit of an onion service. Its number says nothing to anybody else and is not listed.
    Circuit(Ipv6Addr),
}

impl Network {
    /// The network of an address that a connection or a header has.
    pub fn of(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V4(address) => Network::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Network::V6([a, b, c, d])
            }
        }
    }

    /// The network of an address that the PROXY protocol gave, which may be a circuit.
    pub fn told(address: IpAddr) -> Network {
        match address {
            IpAddr::V6(circuit) if circuit.segments()[..4] == CIRCUITS => Network::Circuit(circuit),
            other => Network::of(other),
        }
    }

    /// Whether it may stand in the public list of bans.
    pub fn is_listed(&self) -> bool {
        !matches!(self, Network::Circuit(_))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Network::V4(address) => address.fmt(f),
            Network::V6([a, b, c, d]) => {
                write!(f, "{}/64", Ipv6Addr::new(*a, *b, *c, *d, 0, 0, 0, 0))
            }
            Network::Circuit(circuit) => circuit.fmt(f),
        }
    }
}

/// The text names no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IPv4 address or an IPv6 /64")]
pub struct BadNetwork;

impl FromStr for Network {
    type Err = BadNetwork;
    fn from_str(text: &str) -> Result<Network, BadNetwork> {
        let network = match text.strip_suffix("/64") {
            Some(address) => address.parse().map(|a: Ipv6Addr| Network::of(a.into())),
            None => text.parse().map(Network::told),
        };
        // One text for each network, or a list could name one twice.
        network.ok().filter(|network| network.to_string() == text).ok_or(BadNetwork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        Network::of(text.parse().unwrap()).to_string()
    }

    #[test]
    fn addresses_of_one_network() {
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    }

    #[test]
    fn circuits_are_apart_only_where_tor_can_name_them() {
        let circuit = |n: u16| {
            let text = format!("fc00:dead:beef:4dad::0:{n}");
            Network::told(text.parse().unwrap())
        };
        assert_ne!(circuit(1), circuit(2));
        assert!(!circuit(1).is_listed());
        let plain = Network::of("fc00:dead:beef:4dad::29".parse().unwrap());
        assert_eq!(plain.to_string(), "fc00:dead:beef:4dad::/64");
        assert!(plain.is_listed());
        assert_eq!(Network::told("192.0.2.7".parse().unwrap()).to_string(), "192.0.2.7");
    }

    #[test]
    fn texts_are_read_back() {
        for text in ["192.0.2.7", "2001:db8:1:2::/64", "fc00:dead:beef:4dad::1"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for bad in ["", "192.0.2.7/64", "192.0.2", "2001:db8::1", "2001:db8::1/64", "::/65"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
