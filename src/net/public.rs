//! Which network addresses are public, and a resolver that keeps a connection to the ones it may
//! reach. The check is of the very addresses that are then connected to, so a name that changes
//! its mind between check and use (DNS rebinding) gains nothing.
//! Rules: poste-protocol(7), Card; the IANA special-purpose registries (RFC 6890).

use super::address::Reach;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Whether `ip` is a unicast address that the whole Internet can reach.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The name leads nowhere it may.
#[derive(Debug, thiserror::Error)]
#[error("no address that may be connected to")]
pub(super) struct OutOfReach;

/// The system's resolver, its answers kept to `reach`.
#[derive(Debug)]
pub(super) struct Within {
    pub reach: Reach,
}

impl Resolver for Within {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found.iter().filter(|address| allowed(self.reach, address.ip())) {
            kept.push(*address);
        }
        if kept.is_empty() {
            return Err(ureq::Error::Other(Box::new(OutOfReach)));
        }
        Ok(kept)
    }
}

fn allowed(reach: Reach, ip: IpAddr) -> bool {
    match reach {
        Reach::Anywhere => true,
        Reach::Public => is_public(ip),
        Reach::Loopback => ip.is_loopback(),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)       // this network, private, loopback, multicast, reserved
            | (100, 64..=127, _)               // shared by carriers
            | (169, 254, _)                    // link-local
            | (172, 16..=31, _)                // private
            | (192, 0, 0 | 2)                  // protocol assignments, documentation
            | (192, 88, 99)                    // former 6to4 relays
            | (192, 168, _)                    // private
            | (198, 18..=19, _)                // benchmarks
            | (198, 51, 100)                   // documentation
            | (203, 0, 113) // documentation
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, 0..=0x01ff, ..] => false, // protocol assignments: Teredo, ORCHID, benchmarks
        [0x2001, 0x0db8, ..] => false,     // documentation
        [0x3fff, 0..=0x0fff, ..] => false, // documentation
        [first, ..] => first & 0xe000 == 0x2000, // all that has been given out for unicast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_others_are() {
        for text in [
            "1.1.1.1",
            "9.9.9.9",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "2001:4860::8888",
            "::ffff:9.9.9.9",
            "64:ff9b::909:909",
            "2002:909:909::1",
            "2a00::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn names_are_kept_within_reach() {
        let config = Config::builder().build();
        let uri: Uri = "https://localhost:8443/".parse().unwrap();
        let resolve = |reach| Within { reach }.resolve(&uri, &config, NextTimeout::default());
        assert!(resolve(Reach::Loopback).unwrap().iter().all(|a| a.ip().is_loopback()));
        assert!(matches!(resolve(Reach::Public), Err(ureq::Error::Other(_))));
    }
}
