//! Names of the keys in a cluster. What stands in braces decides on which master a key lies: the
//! cells of a bucket are parted by their first two digits, and with each part lies its seal.
//! Specified in posted(8), REDIS.

use crate::core::bucket::{Bucket, Prefix};
use crate::node::cluster::slots::crc16;
use crate::node::network::Network;
use crate::node::tally::NETWORKS;

/// Every key begins with this.
pub const ALL: &str = "poste:";
/// The highest time that a node has gone by, in Unix seconds.
pub const TIME: &str = "poste:{time}";
/// The same, for as long as a node runs.
pub const RUNNING: &str = "poste:{time}:running";
/// The bans, in the form of the directory store's file.
pub const BANS: &str = "poste:{bans}";
/// Parts of a bucket, and of each table of networks.
pub const PARTS: usize = 256;
/// Networks in a part of a table. All parts together have room for as many as a node's own table,
/// however many nodes there are and whatever they tell.
pub const MOST: usize = NETWORKS / PARTS;

/// The cells of a part of a bucket, a sorted set.
pub fn part(bucket: Bucket, part: u8) -> String {
    format!("{ALL}{{{bucket}/{part:02x}}}")
}

/// Exists once a part takes no more cells.
pub fn seal(bucket: Bucket, part: u8) -> String {
    format!("{ALL}{{{bucket}/{part:02x}}}:sealed")
}

/// The part of the tables to which a network belongs.
pub fn table(network: Network) -> u8 {
    crc16(network.to_string().as_bytes()) as u8
}

/// What the networks of a part took in the hour or day that `bucket` names: a sorted set of their
/// bytes, and their first digits.
pub fn taken(bucket: Bucket, part: u8) -> [String; 2] {
    let key = format!("{ALL}{{taken/{bucket}/{part:02x}}}");
    [key.clone(), key + ":digits"]
}

/// What the networks of a part owe for uploads: a sorted set.
pub fn owed(part: u8) -> String {
    format!("{ALL}{{owed/{part:02x}}}")
}

/// The bucket to which a key belongs, if it does to one.
pub fn bucket(key: &[u8]) -> Option<Bucket> {
    let text = std::str::from_utf8(key).ok()?;
    let (tag, _) = text.strip_prefix(ALL)?.strip_prefix('{')?.split_once('}')?;
    let (bucket, _) = tag.rsplit_once('/')?;
    bucket.parse().ok()
}

/// The parts in which a prefix matches, and the third digit if it has one.
pub fn parts(prefix: Prefix) -> (std::ops::RangeInclusive<u8>, Option<u8>) {
    let mut destination = [0; 16];
    prefix.write_to(&mut destination);
    let first = destination[0];
    match prefix.len() {
        0 => (0..=255, None),
        1 => (first..=first | 15, None),
        2 => (first..=first, None),
        _ => (first..=first, Some(destination[1] >> 4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_their_bucket() {
        for name in ["hourly/2026-11-22T14", "daily/2026-11-22"] {
            let wanted: Bucket = name.parse().unwrap();
            assert_eq!(part(wanted, 0x4b), format!("poste:{{{name}/4b}}"));
            for key in [part(wanted, 0), part(wanted, 255), seal(wanted, 7)] {
                assert_eq!(bucket(key.as_bytes()), Some(wanted), "{key}");
            }
        }
        let [taken, digits] = taken("hourly/2026-11-22T14".parse().unwrap(), 0x4b);
        assert_eq!(taken, "poste:{taken/hourly/2026-11-22T14/4b}");
        let owed = owed(7);
        for key in [TIME, RUNNING, BANS, &taken, &digits, &owed, "poste:{}", "alice", "\u{e9}"] {
            assert_eq!(bucket(key.as_bytes()), None, "{key}");
        }
        assert_eq!(bucket(b"poste:{hourly/2026-11-22T14/\xff"), None);
    }

    #[test]
    fn prefixes_name_their_parts() {
        let of = |text: &str| parts(text.parse().unwrap());
        assert_eq!(of(""), (0..=255, None));
        assert_eq!(of("f"), (0xf0..=0xff, None));
        assert_eq!(of("4b"), (0x4b..=0x4b, None));
        assert_eq!(of("4bc"), (0x4b..=0x4b, Some(0xc)));
    }
}
