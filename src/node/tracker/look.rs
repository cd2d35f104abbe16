//! Looking at a node that has reported: whether the key that signs its reports stands in the status
//! that it serves at its address. Anybody can name any address here, so it is one of HTTPS, resolved
//! once, connected to public network addresses alone, never followed elsewhere, and given 4 KiB and
//! 10 seconds. The client of `net`, which has these rules for what is learnt from others, does it.
//! Specified in poste-protocol(7), Tracker.

use crate::core::encode::unbase64;
use crate::net::{Address, Net, Options, Origin, Patience};
use crate::node::random::System;
use serde::Deserialize;
use std::time::Duration;

/// Bytes of a status at most.
pub const STATUS: u64 = 4096;
/// A look ends after this time, whatever has come.
pub const WHOLE: Duration = Duration::from_secs(10);

/// How nodes are looked at.
pub struct Look {
    net: Net,
    origin: Origin,
}

#[derive(Deserialize)]
struct Status {
    key: String,
}

impl Look {
    /// At public nodes alone, or with `allow_private` also at those of this machine and of private
    /// networks, and over plain HTTP on loopback.
    pub fn new(allow_private: bool) -> Look {
        let patience = Patience {
            connect: WHOLE / 2,
            idle: WHOLE / 2,
            whole: WHOLE,
            pace: u64::MAX,
            longest: WHOLE,
        };
        let origin = if allow_private { Origin::Own } else { Origin::Learnt };
        Look { net: network(patience), origin }
    }

    /// Whether a node may be at `url`: an address of HTTP in its one spelling that can be reached
    /// without a proxy.
    pub fn is_admissible(&self, url: &str) -> bool {
        let address = Address::parse(url, self.origin).ok();
        address.is_some_and(|a| a.as_str() == url && a.directory().is_none() && !a.is_onion())
    }

    /// The key that the node at `url` says is its own; `None` if it cannot be had. Blocks.
    pub fn key_at(&self, url: &str) -> Option<[u8; 32]> {
        let address = Address::parse(&format!("{url}/v1/status"), self.origin).ok()?;
        let answer = self.net.document(&address, STATUS, &mut System).ok()?;
        let text = String::from_utf8(answer.body).ok()?;
        let status: Status = toml::from_str(&text).ok()?;
        unbase64(&status.key).ok()
    }
}

/// The network without a proxy, by the system's certificate authorities.
pub fn network(patience: Patience) -> Net {
    let options = Options { patience, ..Options::default() };
    Net::new(options).expect("without a file of authorities there is none that cannot be read")
}
