//! From which address of this machine a node would be reached. It is what the node sees if nothing
//! translates addresses between the two. Nothing is sent: a datagram socket is aimed, no more.

use super::Address;
use std::net::{IpAddr, UdpSocket};

/// The address of this machine on the way to the host of `address`, if there is a way. Its name is
/// looked up, so it is not to be asked about a node that is reached through a proxy.
pub fn towards(address: &Address) -> Option<IpAddr> {
    let host = address.as_str().split_once("://")?.1.split('/').next()?;
    let port = if address.as_str().starts_with("https:") { ":443" } else { ":80" };
    let named = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if named { host.to_owned() } else { format!("{host}{port}") };
    let aimed = |from: &str| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(&target).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    aimed("[::]:0").or_else(|| aimed("0.0.0.0:0")).map(|at| at.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Origin;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn loopback_is_reached_from_loopback() {
        let towards = |text| towards(&Address::parse(text, Origin::Own).unwrap());
        assert_eq!(towards("http://127.0.0.1:9"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(towards("http://127.0.0.1/a/b"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let six = towards("http://[::1]:9");
        assert!(six.is_none() || six == Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(towards("file:///media/usb"), None);
    }
}
