//! Cutting a sealing or an enclosure into chunks, and joining chunks again. Parts are joined
//! within one bucket, by how they were opened, their id and their count; nothing a peer sends
//! makes the joiner hold more than its limit. Specified in poste-protocol(7), Cell.

use crate::core::cell::{CHUNK, Chunk, Kind, LETTER_PARTS};
use crate::core::random::{Random, below};
use crate::core::scan::How;
use std::collections::HashMap;

/// Bytes of strangers' parts held at most while a bucket is joined.
pub const STRANGERS: usize = 16 << 20;

/// More parts than the kind may have: 16 for a letter, 65,535 for an enclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parts} parts are more than the {most} that may be")]
pub struct TooManyParts {
    /// Parts needed.
    pub parts: usize,
    /// Parts allowed.
    pub most: usize,
}

/// Cuts a sealing or enclosure (at least one byte) into chunks.
pub fn split(sealed: &[u8], kind: Kind, id: [u8; 16]) -> Result<Vec<Chunk>, TooManyParts> {
    let parts = sealed.len().div_ceil(CHUNK);
    let most = usize::from(if kind == Kind::Letter { LETTER_PARTS } else { u16::MAX });
    if parts > most {
        return Err(TooManyParts { parts, most });
    }
    let count = parts as u16;
    let chunk = |(index, data): (usize, &[u8])| Chunk {
        kind,
        id,
        index: index as u16,
        count,
        data: data.to_vec(),
    };
    Ok(sealed.chunks(CHUNK).enumerate().map(chunk).collect())
}

/// A letter put together again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// How its cells were opened.
    pub how: How,
    /// The id of the sealing.
    pub id: [u8; 16],
    /// The age file.
    pub sealed: Vec<u8>,
}

/// Joins letters of one bucket. Loop cells and parts of enclosures are not its business.
#[derive(Default)]
pub struct Joiner {
    open: HashMap<Key, Vec<Option<Vec<u8>>>>,
    strangers: usize,
}

type Key = (How, [u8; 16], u16);

impl Joiner {
    /// Takes a part of a letter; gives the letter when it was the last one missing. A second part
    /// with the same index is ignored. When strangers' parts exceed the limit, random letters of
    /// theirs are given up.
    pub fn add(&mut self, how: How, chunk: Chunk, rng: &mut dyn Random) -> Option<Joined> {
        if chunk.kind != Kind::Letter {
            return None;
        }
        let key = (how, chunk.id, chunk.count);
        let slots = self.open.entry(key).or_insert_with(|| vec![None; usize::from(chunk.count)]);
        let slot = slots.get_mut(usize::from(chunk.index))?;
        if slot.is_some() {
            return None;
        }
        if how == How::Stranger {
            self.strangers += chunk.data.len();
        }
        *slot = Some(chunk.data);
        if slots.iter().all(Option::is_some) {
            let sealed = self.give_up(key).into_iter().flatten().flatten().collect();
            return Some(Joined { how, id: chunk.id, sealed });
        }
        while self.strangers > STRANGERS {
            let theirs: Vec<Key> =
                self.open.keys().filter(|(how, ..)| *how == How::Stranger).copied().collect();
            self.give_up(theirs[below(rng, theirs.len() as u64) as usize]);
        }
        None
    }

    fn give_up(&mut self, key: Key) -> Vec<Option<Vec<u8>>> {
        let slots = self.open.remove(&key).unwrap_or_default();
        if key.0 == How::Stranger {
            self.strangers -= slots.iter().flatten().map(Vec::len).sum::<usize>();
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::bytes;
    use crate::core::random::fixed::Fixed;
    use crate::core::random::shuffle;

    #[test]
    fn parts_join_in_any_order_and_twice() {
        let mut rng = Fixed::new(1);
        for length in [1, CHUNK, CHUNK + 1, 16 * CHUNK] {
            let sealed: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let mut chunks = split(&sealed, Kind::Letter, [1; 16]).unwrap();
            chunks.extend(chunks.clone());
            shuffle(&mut rng, &mut chunks);
            let mut joiner = Joiner::default();
            let joined: Vec<Joined> =
                chunks.into_iter().filter_map(|c| joiner.add(How::Pair(0), c, &mut rng)).collect();
            assert!(joined.iter().all(|j| j.sealed == sealed) && !joined.is_empty());
        }
        assert!(split(&vec![0; 16 * CHUNK + 1], Kind::Letter, [1; 16]).is_err());
    }

    #[test]
    fn parts_of_different_secrets_or_counts_do_not_mix() {
        let mut rng = Fixed::new(2);
        let chunks = split(&vec![7; CHUNK + 1], Kind::Letter, [1; 16]).unwrap();
        let mut joiner = Joiner::default();
        assert!(joiner.add(How::Pair(0), chunks[0].clone(), &mut rng).is_none());
        assert!(joiner.add(How::Pair(1), chunks[1].clone(), &mut rng).is_none());
        let other = Chunk { count: 3, ..chunks[1].clone() };
        assert!(joiner.add(How::Pair(0), other, &mut rng).is_none());
        assert!(joiner.add(How::Pair(0), chunks[1].clone(), &mut rng).is_some());
    }

    #[test]
    fn strangers_cannot_make_it_hold_more_than_its_limit() {
        let mut rng = Fixed::new(3);
        let mut joiner = Joiner::default();
        for _ in 0..(STRANGERS / CHUNK + 500) {
            let chunk = Chunk {
                kind: Kind::Letter,
                id: bytes(&mut rng),
                index: 0,
                count: 2,
                data: vec![1; CHUNK],
            };
            assert!(joiner.add(How::Stranger, chunk, &mut rng).is_none());
            assert!(joiner.strangers <= STRANGERS);
        }
    }
}
