//! Finding one's own cells among everybody's: first by tag, for each live pair secret, then what
//! is left by trial as a stranger's. A cell that breaks a rule is dropped and counted, never an
//! error. Specified in poste-protocol(7), Receiving.

use crate::core::bucket::{Bucket, CELL};
use crate::core::cell::{self, Cell, Chunk, PairTags};
use crate::core::keys::{DhPublic, DhSecret, PairSecret};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// A walk over the numbers of a secret ends after this many absent ones in a row: twice what one
/// POST may hold of one secret.
const ABSENT: u32 = 256;

/// How a cell was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// With the live secret of this number in the list given to [`scan`].
    Pair(usize),
    /// With the DH key of one's series.
    Stranger,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Found {
    /// Chunks and how each was opened, in the order of the secrets, then of the cells.
    pub chunks: Vec<(How, Chunk)>,
    /// Cells that opened but broke a rule.
    pub dropped: usize,
    /// Cells looked at, identical ones once.
    pub cells: usize,
}

/// Opens what is ours in `cells`: whole cells of one bucket, from all nodes, one after the other.
/// Bytes after the last whole cell are ignored.
pub fn scan(cells: &[u8], bucket: Bucket, live: &[&PairSecret], me: &DhSecret) -> Found {
    let (mut found, rest) = scan_known(cells, bucket, live);
    let public = me.public();
    for chunk in try_as_strangers(&rest, bucket, me, &public) {
        found.take(How::Stranger, chunk);
    }
    found
}

/// The first half of [`scan`]: what comes under a live secret. Gives back the other cells too.
pub fn scan_known<'a>(
    cells: &'a [u8],
    bucket: Bucket,
    live: &[&PairSecret],
) -> (Found, Vec<&'a Cell>) {
    let cells = cells.as_chunks::<CELL>().0;
    let mut by_tag: ByTag = HashMap::with_capacity(cells.len());
    for (at, cell) in cells.iter().enumerate() {
        by_tag.entry(hidden_bits(&cell[..16])).or_default().push(at);
    }
    let mut done = vec![false; cells.len()];
    // Identical cells share a tag, so only those that share one are compared whole.
    for same in by_tag.values_mut().filter(|same| same.len() > 1) {
        let mut known = HashSet::new();
        same.retain(|at| {
            done[*at] = !known.insert(&cells[*at]);
            !done[*at]
        });
    }
    let unique = done.iter().filter(|again| !**again).count();
    let mut found = Found { cells: unique, ..Found::default() };
    let opened: Vec<_> =
        live.par_iter().map(|secret| walk(secret, bucket, cells, &by_tag)).collect();
    for (which, opened) in opened.into_iter().enumerate() {
        for (at, chunk) in opened {
            done[at] = true;
            found.take(How::Pair(which), chunk);
        }
    }
    let rest = cells.iter().zip(&done).filter(|(_, done)| !**done).map(|(cell, _)| cell);
    (found, rest.collect())
}

/// Where the cells with a tag are.
type ByTag = HashMap<[u8; 15], Vec<usize>>;

/// Opens the cells of one secret, by their place.
fn walk(
    secret: &PairSecret,
    bucket: Bucket,
    cells: &[Cell],
    by_tag: &ByTag,
) -> Vec<(usize, Result<Chunk, cell::BadCell>)> {
    let tags = PairTags::new(secret, bucket);
    let mut opened = Vec::new();
    let (mut n, mut absent) = (0, 0);
    while absent < ABSENT {
        match by_tag.get(&hidden_bits(&tags.tag(n))) {
            Some(hits) => {
                absent = 0;
                opened.extend(hits.iter().filter_map(|at| {
                    Some((*at, cell::open_pair(&cells[*at], secret, bucket, n)?))
                }));
            }
            None => absent += 1,
        }
        n += 1;
    }
    opened
}

impl Found {
    fn take(&mut self, how: How, chunk: Result<Chunk, cell::BadCell>) {
        match chunk {
            Ok(chunk) => self.chunks.push((how, chunk)),
            Err(_) => self.dropped += 1,
        }
    }
}

fn try_as_strangers(
    cells: &[&Cell],
    bucket: Bucket,
    me: &DhSecret,
    public: &DhPublic,
) -> Vec<Result<Chunk, cell::BadCell>> {
    cells.par_iter().filter_map(|cell| cell::open_stranger(cell, me, public, bucket)).collect()
}

/// The last 116 bits of a destination: all but what the digits overwrite.
fn hidden_bits(destination: &[u8]) -> [u8; 15] {
    let mut out = [0; 15];
    out.copy_from_slice(&destination[1..16]);
    out[0] &= 0x0f;
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::bucket::Prefix;
    use crate::core::cell::Kind;
    use crate::core::random::fixed::Fixed;
    use crate::core::random::{Random, bytes, shuffle};

    fn bucket() -> Bucket {
        "hourly/2026-11-22T14".parse().unwrap()
    }

    fn chunk(index: u16, count: u16) -> Chunk {
        Chunk { kind: Kind::Enclosure, id: [5; 16], index, count, data: vec![1; cell::CHUNK] }
    }

    fn sent(secret: &PairSecret, count: u16, rng: &mut dyn Random) -> Vec<Cell> {
        (0..count)
            .map(|i| {
                cell::pair(secret, bucket(), u32::from(i), Prefix::default(), &chunk(i, count), rng)
            })
            .collect()
    }

    #[test]
    fn two_hundred_cells_are_found_in_sorted_order_and_among_cover() {
        let mut rng = Fixed::new(1);
        let (secret, me) = (PairSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let mut cells = sent(&secret, 200, &mut rng);
        cells.extend((0..50).map(|_| cell::cover(&mut rng)));
        cells.sort_unstable();
        let found = scan(cells.as_flattened(), bucket(), &[&secret], &me);
        assert_eq!(found.chunks.len(), 200);
        assert_eq!((found.cells, found.dropped), (250, 0));
    }

    #[test]
    fn cells_after_128_lost_ones_are_found() {
        let mut rng = Fixed::new(2);
        let (secret, me) = (PairSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let mut cells = sent(&secret, 200, &mut rng);
        cells.drain(20..148);
        shuffle(&mut rng, &mut cells);
        let found = scan(cells.as_flattened(), bucket(), &[&secret], &me);
        assert_eq!(found.chunks.len(), 72);
    }

    #[test]
    fn junk_with_a_copied_tag_does_not_kill_a_cell() {
        let mut rng = Fixed::new(3);
        let (secret, me) = (PairSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let real = sent(&secret, 1, &mut rng)[0];
        let mut junk = cell::cover(&mut rng);
        junk[..16].copy_from_slice(&real[..16]);
        let mut copied_head: Cell = bytes(&mut rng);
        copied_head[..32].copy_from_slice(&real[..32]);
        for order in [[junk, copied_head, real], [real, junk, copied_head]] {
            let found = scan(order.as_flattened(), bucket(), &[&secret], &me);
            assert_eq!(found.chunks, [(How::Pair(0), chunk(0, 1))]);
        }
    }

    #[test]
    fn a_copied_head_before_the_real_cell_does_not_hide_it() {
        let mut rng = Fixed::new(5);
        let (secret, me) = (PairSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let real = sent(&secret, 1, &mut rng)[0];
        let mut junk: Cell = bytes(&mut rng);
        junk[..48].copy_from_slice(&real[..48]);
        let found = scan([junk, real].as_flattened(), bucket(), &[&secret], &me);
        assert_eq!(found.chunks.len(), 1);
    }

    #[test]
    fn strangers_and_identical_cells() {
        let mut rng = Fixed::new(4);
        let (secret, me) = (PairSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let letter = Chunk { kind: Kind::Letter, data: vec![2; 9], ..chunk(0, 1) };
        let cell = cell::stranger(&me.public(), bucket(), Prefix::default(), &letter, &mut rng);
        let twice = [cell, cell].concat();
        let found = scan(&twice, bucket(), &[&secret], &me);
        assert_eq!(found.chunks, [(How::Stranger, letter)]);
        assert_eq!(found.cells, 1);
    }
}
