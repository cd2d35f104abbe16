//! Which server has a key: the slots of a cluster, from its own account of them, and the slot of a
//! key. Refuses an account that it cannot read.
//! Specified in the cluster specification of Redis.

use crate::node::cluster::addresses::Server;
use redis::{Cmd, RedisError, Value, from_redis_value};

/// Slots of a cluster.
pub const SLOTS: usize = 16384;

/// The servers of a cluster and what each has.
#[derive(Debug, Default)]
pub struct Map {
    /// Masters that have a slot.
    pub masters: Vec<Server>,
    /// Replicas of those.
    pub replicas: Vec<Server>,
    /// Slots from, to and including, and the position of their master.
    ranges: Vec<(usize, usize, usize)>,
}

impl Map {
    /// Reads the answer to `CLUSTER SLOTS` of the server `told`.
    pub fn read(rows: Vec<Vec<Value>>, told: &Server) -> Result<Map, RedisError> {
        let mut map = Map::default();
        for row in rows {
            let mut row = row.into_iter();
            let (Some(first), Some(last)) = (row.next(), row.next()) else { continue };
            let (first, last) = (from_redis_value(first)?, from_redis_value(last)?);
            for (at, server) in row.enumerate() {
                let server: Vec<Value> = from_redis_value(server)?;
                let [host, port, ..] = server.as_slice() else { continue };
                let host: Option<String> = from_redis_value(host.clone())?;
                // One without a name of its own is the one that tells.
                let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| told.0.clone());
                let server = (host, from_redis_value(port.clone())?);
                let list = if at == 0 { &mut map.masters } else { &mut map.replicas };
                let position =
                    list.iter().position(|known| *known == server).unwrap_or_else(|| {
                        list.push(server);
                        list.len() - 1
                    });
                if at == 0 {
                    map.ranges.push((first, last, position));
                }
            }
        }
        Ok(map)
    }

    /// The master that has a slot.
    pub fn master(&self, slot: usize) -> Option<&Server> {
        let range = self.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.and_then(|(_, _, position)| self.masters.get(*position))
    }

    /// How many slots nobody has.
    pub fn holes(&self) -> usize {
        (0..SLOTS).filter(|slot| self.master(*slot).is_none()).count()
    }
}

/// The slot of the key of a command: its first argument, or a script's first key.
pub fn slot_of(command: &Cmd) -> Option<usize> {
    let mut arguments = command.args_iter().map(|argument| match argument {
        redis::Arg::Simple(bytes) => bytes,
        _ => &[],
    });
    let key = if arguments.next()? == b"EVAL" { arguments.nth(2) } else { arguments.next() };
    key.map(slot)
}

/// The slot of a key: of what stands in its first braces, if there is something.
fn slot(key: &[u8]) -> usize {
    let open = key.iter().position(|byte| *byte == b'{').map(|at| &key[at + 1..]);
    let tag = open.and_then(|rest| Some(&rest[..rest.iter().position(|byte| *byte == b'}')?]));
    usize::from(crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key))) % SLOTS
}

/// CRC-16 with the polynomial 0x1021, from 0 on.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> Value {
        let (host, port) = text.split_once(':').unwrap();
        let host = Value::BulkString(host.as_bytes().to_vec());
        Value::Array(vec![host, Value::Int(port.parse().unwrap())])
    }

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"a{foo}b{bar}"), 12182);
        assert_eq!(slot(b"{}foo"), usize::from(crc16(b"{}foo")) % SLOTS);
        assert_eq!(slot(b"{foo"), usize::from(crc16(b"{foo")) % SLOTS);
        let mut script = crate::node::cluster::scripts::run("return 1", &["foo", "bar"]);
        script.arg("x");
        assert_eq!(slot_of(&script), Some(12182));
        let mut get = redis::cmd("GET");
        assert_eq!(slot_of(&get), None);
        get.arg("foo");
        assert_eq!(slot_of(&get), Some(12182));
    }

    #[test]
    fn the_map_knows_masters_replicas_and_holes() {
        let row = |first, last, of: &[&str]| {
            let mut row = vec![Value::Int(first), Value::Int(last)];
            row.extend(of.iter().map(|text| servers(text)));
            row
        };
        let rows = vec![
            row(0, 99, &["10.0.0.1:1", "10.0.0.2:1"]),
            row(100, 16000, &[":2", "10.0.0.3:1"]),
            row(16001, 16382, &["10.0.0.1:1"]),
        ];
        let map = Map::read(rows, &("10.9.9.9".to_owned(), 7)).unwrap();
        assert_eq!((map.masters.len(), map.replicas.len(), map.holes()), (2, 2, 1));
        assert_eq!(map.master(99).unwrap().0, "10.0.0.1");
        assert_eq!(map.master(100), Some(&("10.9.9.9".to_owned(), 2)));
        assert_eq!(map.master(16383), None);
        assert!(Map::read(vec![vec![Value::Int(0), Value::Nil]], &("a".to_owned(), 1)).is_err());
    }
}
