//! The list of nodes that a tracker publishes: where they are, their keys, and how full they are.
//! A client picks from it at random, weighted by what is free, so that no node draws the crowd by
//! being the emptiest. Nothing in the list is believed but where a node may be.
//! Specified in poste-protocol(7), Tracker.

use crate::core::encode::{base64, unbase64};
use crate::core::random::{Random, below};
use serde::{Deserialize, Serialize};

/// Bytes of a list at most.
pub const LIMIT: usize = 512 << 10;
/// Nodes in a list at most.
pub const MOST: usize = 2048;
/// Bytes of a node's address at most.
pub const URL_LENGTH: usize = 256;

/// A node of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Where it is.
    pub url: String,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
    /// The largest of the shares of store, bandwidth and connections in use, 0.0 to 1.0.
    pub saturation: f64,
    /// Seconds since its report.
    pub age: u64,
}

/// The rule that a list breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// Longer than 512 KiB, not UTF-8, or no TOML of a list, with the parser's reason.
    #[error("it does not parse: {0}")]
    Form(String),
    /// More than 2048 nodes.
    #[error("it lists too many nodes")]
    TooMany,
    /// A node's address, key or saturation is not admissible.
    #[error("what it says of node {0} is not admissible")]
    Node(usize),
}

#[derive(Serialize, Deserialize)]
struct Raw {
    poste: u8,
    #[serde(default)]
    node: Vec<RawNode>,
}

#[derive(Serialize, Deserialize)]
struct RawNode {
    url: String,
    key: String,
    saturation: f64,
    age: u64,
}

/// Writes a list. The nodes must be admissible.
pub fn write(nodes: &[Listed]) -> String {
    let raw = |n: &Listed| RawNode {
        url: n.url.clone(),
        key: base64(&n.key),
        saturation: n.saturation,
        age: n.age,
    };
    let list = Raw { poste: 1, node: nodes.iter().map(raw).collect() };
    toml::to_string(&list).expect("a list is texts and numbers")
}

/// Reads a list. Keys that are not known are ignored, so that later versions may add some.
pub fn read(bytes: &[u8]) -> Result<Vec<Listed>, BadList> {
    let form = |why: &str| BadList::Form(why.to_owned());
    if bytes.len() > LIMIT {
        return Err(form("longer than 512 KiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| form("not UTF-8"))?;
    let list: Raw = toml::from_str(text).map_err(|error| form(error.message()))?;
    if list.poste != 1 {
        return Err(form("another version than 1"));
    }
    if list.node.len() > MOST {
        return Err(BadList::TooMany);
    }
    list.node.into_iter().zip(1..).map(|(node, at)| node.read().ok_or(BadList::Node(at))).collect()
}

impl RawNode {
    fn read(self) -> Option<Listed> {
        let key = unbase64(&self.key).ok()?;
        let known = ["https://", "http://"].iter().any(|scheme| self.url.starts_with(scheme));
        let is_address = known
            && self.url.len() <= URL_LENGTH
            && self.url.bytes().all(|byte| byte.is_ascii_graphic());
        let is_share = (0.0..=1.0).contains(&self.saturation);
        (is_address && is_share).then_some(Listed {
            url: self.url,
            key,
            saturation: self.saturation,
            age: self.age,
        })
    }
}

/// One of the nodes, at random, weighted by what is free; `None` if nothing is free anywhere.
pub fn choose<'a>(
    nodes: impl IntoIterator<Item = &'a Listed>,
    rng: &mut dyn Random,
) -> Option<&'a Listed> {
    let weigh = |node: &'a Listed| (node, ((1.0 - node.saturation) * 1000.0) as u64);
    let weighed: Vec<_> = nodes.into_iter().map(weigh).collect();
    let total: u64 = weighed.iter().map(|(_, weight)| weight).sum();
    let mut drawn = if total == 0 { return None } else { below(rng, total) };
    weighed.into_iter().find_map(|(node, weight)| {
        if drawn < weight {
            return Some(node);
        }
        drawn -= weight;
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn node(name: &str, saturation: f64) -> Listed {
        Listed { url: format!("https://{name}.example"), key: [7; 32], saturation, age: 60 }
    }

    #[test]
    fn a_list_reads_as_it_was_written() {
        let nodes = [node("a", 0.0), node("b", 0.37), node("c", 1.0)];
        assert_eq!(read(write(&nodes).as_bytes()).unwrap(), nodes);
        assert_eq!(read(b"poste = 1\n").unwrap(), []);
        assert_eq!(read(b"poste = 1\nlater = 2\n").unwrap(), []);
    }

    #[test]
    fn what_is_not_admissible_is_refused_whole() {
        let good = write(&[node("a", 0.5)]);
        for (from, to) in [
            ("0.5", "1.01"),
            ("0.5", "-0.01"),
            ("0.5", "nan"),
            ("https://", "gopher://"),
            ("a.example", "a\\u001b.example"),
            ("poste = 1", "poste = 2"),
            ("key = \"Bw", "key = \"Bwc"),
            ("age = 60", "age = -1"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{from}");
            assert!(read(bad.as_bytes()).is_err(), "{to}");
        }
        let many = vec![node("a", 0.5); MOST + 1];
        assert_eq!(read(write(&many).as_bytes()), Err(BadList::TooMany));
        assert!(read(&vec![b'\n'; LIMIT + 1]).is_err());
        assert!(
            write(&vec![node(&"a".repeat(200), 0.123); MOST]).len() > LIMIT,
            "the limit counts"
        );
    }

    #[test]
    fn nodes_are_drawn_by_what_is_free() {
        let nodes = [node("empty", 0.0), node("half", 0.5), node("full", 1.0)];
        let mut rng = Fixed::new(1);
        let mut drawn = [0_u32; 3];
        for _ in 0..3000 {
            let chosen = choose(&nodes, &mut rng).unwrap();
            drawn[nodes.iter().position(|n| n == chosen).unwrap()] += 1;
        }
        assert!(drawn[0].abs_diff(2000) < 150 && drawn[1].abs_diff(1000) < 150, "{drawn:?}");
        assert_eq!(drawn[2], 0);
        assert!(choose(&nodes[2..], &mut rng).is_none());
        assert!(choose(&[], &mut rng).is_none());
    }
}
