//! A node that answers 403 to its client: whether its public list says for how long. Asked of no
//! other node, since to be served is not to be banned. Behind a router or a proxy one does not know
//! as whom the node sees one; then it is said what the list leaves open.
//! Specified in poste(1), doctor, and poste-protocol(7), Relay.

use super::Check;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::time::Time;
use crate::net::local;
use serde::Deserialize;
use std::net::IpAddr;

/// The longest list that is read: some thousands of bans.
const LIMIT: u64 = 1 << 20;

/// What is read of the list. Whatever else it says is not our matter.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    banned: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    network: String,
    bytes: u64,
    until: u64,
}

/// What is to be told of a node that has refused with `refused`.
pub(super) fn look(env: &mut Env<'_>, node: &str, refused: Error) -> Check {
    let found = match list(env, node) {
        Ok(list) => {
            // The name is not looked up past a proxy.
            let direct = env.config.proxy.is_none();
            let address = env.address(node).ok().filter(|_| direct);
            let here = address.and_then(|address| local::towards(&address));
            finding(&list, here, env.now())
        }
        Err(error) => format!("its list cannot be had: {error}"),
    };
    let error = Error::new(Kind::Refused, format!("{refused}; {found}"));
    Check::fail("node", error, "poste doctor  # then; until then letters go by other nodes")
}

fn list(env: &mut Env<'_>, node: &str) -> Result<List, Error> {
    let address = env.address(&format!("{}/v1/banned", node.trim_end_matches('/')))?;
    let answer = env.network.document(&address, LIMIT, env.rng)?;
    let read = |text: &str| toml::from_str(text).ok();
    std::str::from_utf8(&answer.body)
        .ok()
        .and_then(read)
        .ok_or_else(|| Error::new(Kind::Protocol, format!("{address}: not a list of bans")))
}

/// What the list says to somebody who goes there from `here`. Nothing of it is shown as it was
/// written.
fn finding(List { banned }: &List, here: Option<IpAddr>, now: Time) -> String {
    let until = |entry: &Entry| Time::from_unix(entry.until);
    let listed: Vec<&Entry> = banned.iter().filter(|entry| until(entry) > now).collect();
    let mine = here.and_then(|here| listed.iter().find(|entry| covers(&entry.network, here)));
    if let (Some(entry), Some(here)) = (mine, here) {
        let mebibytes = entry.bytes >> 20;
        let until = until(entry).iso();
        return format!("{here} took {mebibytes} MiB and is in its list until {until}");
    }
    let unknown = "as whom it sees this machine is not known here";
    match listed.iter().map(|entry| entry.until).max().map(Time::from_unix) {
        None => {
            format!("its list is empty ({unknown}; circuits of an onion service are not in it)")
        }
        Some(last) if listed.len() == 1 => {
            format!("the one network in its list is banned until {} ({unknown})", last.iso())
        }
        Some(last) => format!(
            "of {} networks in its list the last is banned until {} ({unknown})",
            listed.len(),
            last.iso()
        ),
    }
}

/// Whether a network of the list, an IPv4 address or an IPv6 /64, has this address in it.
fn covers(network: &str, address: IpAddr) -> bool {
    let (first, bits) = network.split_once('/').unwrap_or((network, ""));
    match (first.parse(), address) {
        (Ok(IpAddr::V4(first)), IpAddr::V4(address)) => bits.is_empty() && first == address,
        (Ok(IpAddr::V6(first)), IpAddr::V6(address)) => {
            bits == "64" && first.segments()[..4] == address.segments()[..4]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "floor = 1\n[[banned]]\nnetwork = \"192.0.2.7\"\nclass = \"hourly\"\n\
                        bytes = 5242880\nA = 1\nfrom = 1795357800\nuntil = 1795444200\n\
                        [[banned]]\nnetwork = \"2001:db8:1:2::/64\"\nclass = \"daily\"\n\
                        bytes = 1048576\nA = 1\nfrom = 1795350000\nuntil = 1795436400\n";

    #[test]
    fn the_list_says_what_it_can() {
        let list: List = toml::from_str(LIST).unwrap();
        let said = |here: &str, now| finding(&list, here.parse().ok(), Time::from_unix(now));
        let now = 1_795_400_000;
        let mine = "192.0.2.7 took 5 MiB and is in its list until 2026-11-23T14:30:00Z";
        assert_eq!(said("192.0.2.7", now), mine);
        assert!(said("2001:db8:1:2:3::4", now).contains("took 1 MiB"));
        for elsewhere in ["192.168.1.2", "2001:db8:1:3::4", "10.0.0.1", ""] {
            let text = said(elsewhere, now);
            assert!(
                text.starts_with(
                    "of 2 networks in its list the last is banned until 2026-11-23T14:30"
                ),
                "{text}"
            );
        }
        assert!(said("192.168.1.2", 1_795_440_000).starts_with("the one network in its list"));
        assert!(said("192.0.2.7", 1_795_444_200).starts_with("its list is empty"));
    }

    #[test]
    fn networks() {
        let address = |text: &str| text.parse().unwrap();
        assert!(!covers("192.0.2.0/24", address("192.0.2.7")));
        assert!(!covers("2001:db8::", address("2001:db8::")));
        assert!(!covers("\u{1b}[2J", address("192.0.2.7")));
    }
}
