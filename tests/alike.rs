//! Nobody without a key can tell the kinds of cells apart: 10,000 of each, to random addressees,
//! pass the same test of their points, and no byte position, no bit of a destination and no sum
//! over them differs between two kinds by more than chance does (protocol.md, section 9).
//!
//! Randomness is fixed, so the test gives the same answer every time; its bounds are such that one
//! drawing in a million would exceed one of them by chance. The tests at the end show that each
//! measure catches cells that do differ.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use curve25519_dalek::montgomery::MontgomeryPoint;
use poste::core::bucket::{Bucket, CELL, Prefix};
use poste::core::cell::{self, CHUNK, Cell, Chunk, Kind};
use poste::core::keys::{DhSecret, PairSecret};
use poste::core::prim;
use poste::core::random::{Random, below, bytes};
use rayon::prelude::*;
use std::collections::HashSet;

/// Cells of each kind.
const CELLS: usize = 10_000;
/// Highest admissible chi-square of 255 degrees of freedom: exceeded in 2 of 10^11 cases, and
/// there are fewer than 50,000.
const MOST_BYTE: f64 = 435.0;
/// Highest admissible deviation, in standard deviations, of what is nearly normal: exceeded in
/// 2 of 10^11 cases too.
const MOST_NORMAL: f64 = 6.7;

/// Repeatable random numbers (xoshiro256++), good and fast enough for 400 MB of cover.
struct Dice([u64; 4]);

impl Dice {
    fn new(label: &str, number: usize) -> Dice {
        let seed = prim::sha256(&[label.as_bytes(), &number.to_be_bytes()]);
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(seed.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        Dice(state)
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
}

impl Random for Dice {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
    }
}

fn bucket() -> Bucket {
    "hourly/2026-11-22T14".parse().unwrap()
}

/// The listen digits of a random person, 0 to 3 of them.
fn digits(rng: &mut Dice) -> Prefix {
    let length = below(rng, 4) as usize;
    Prefix::of(&bytes(rng), length)
}

/// A part of a letter or, which are made by the same call, an enclosure. What is in it is zeros, the worst there can be to hide.
fn part(kind: Kind, rng: &mut Dice) -> Chunk {
    let count = 1 + below(rng, 16) as u16;
    let index = below(rng, u64::from(count)) as u16;
    let last = 1 + below(rng, CHUNK as u64) as usize;
    let length = if index + 1 < count { CHUNK } else { last };
    Chunk { kind, id: bytes(rng), index, count, data: vec![0; length] }
}

fn pair(i: usize) -> Cell {
    let mut rng = Dice::new("pair", i);
    // A hundred correspondents, to each of whom a hundred cells go.
    let secret = PairSecret::generate(&mut Dice::new("secret", i / 100));
    let kind = if i.is_multiple_of(2) { Kind::Letter } else { Kind::Enclosure };
    let (digits, chunk) = (digits(&mut rng), part(kind, &mut rng));
    cell::pair(&secret, bucket(), (i % 100) as u32, digits, &chunk, &mut rng)
}

fn stranger(i: usize) -> Cell {
    let mut rng = Dice::new("stranger", i);
    let to = DhSecret::generate(&mut rng).public();
    let (digits, chunk) = (digits(&mut rng), part(Kind::Letter, &mut rng));
    cell::stranger(&to, bucket(), digits, &chunk, &mut rng)
}

fn looping(i: usize) -> Cell {
    let mut rng = Dice::new("loop", i);
    let secret = PairSecret::generate(&mut rng);
    let (digits, chunk) = (digits(&mut rng), Chunk::looping(&mut rng));
    cell::pair(&secret, bucket(), 0, digits, &chunk, &mut rng)
}

fn cover(i: usize) -> Cell {
    cell::cover(&mut Dice::new("cover", i))
}

/// What is measured of all cells of a kind.
struct Measured {
    name: &'static str,
    /// How often each value stood at each position.
    counts: Vec<[u32; 256]>,
    /// How often each bit of the destinations was set.
    bits: [u32; 128],
    /// How often each pair of neighbouring bits of the destinations was equal.
    equal: [u32; 127],
    destinations: HashSet<[u8; 16]>,
    /// How many points pass for public keys.
    points: usize,
}

impl Measured {
    fn new(name: &'static str, make: impl Fn(usize) -> Cell + Send + Sync) -> Measured {
        let cells: Vec<Cell> = (0..CELLS).into_par_iter().map(make).collect();
        // 64 positions at a time: a line of the cache.
        let count = |block: usize| {
            let mut counts = vec![[0; 256]; 64];
            for cell in &cells {
                for (counts, byte) in counts.iter_mut().zip(&cell[block * 64..]) {
                    counts[usize::from(*byte)] += 1;
                }
            }
            counts
        };
        let (mut bits, mut equal) = ([0; 128], [0; 127]);
        for cell in &cells {
            let word = u128::from_be_bytes(cell[..16].try_into().unwrap());
            let same = !(word ^ (word << 1));
            for (bit, count) in bits.iter_mut().enumerate() {
                *count += (word >> (127 - bit) & 1) as u32;
            }
            for (bit, count) in equal.iter_mut().enumerate() {
                *count += (same >> (127 - bit) & 1) as u32;
            }
        }
        Measured {
            name,
            counts: (0..CELL / 64).into_par_iter().flat_map(count).collect(),
            bits,
            equal,
            destinations: cells.iter().map(|cell| cell[..16].try_into().unwrap()).collect(),
            points: cells.par_iter().filter(|cell| is_key(&cell[16..48])).count(),
        }
    }

    /// What gives the kind away by itself.
    fn alone(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = self.name;
        if self.points != CELLS {
            wrong.push(format!("{name}: {} of {CELLS} points are public keys", self.points));
        }
        if self.destinations.len() != CELLS {
            wrong.push(format!("{name}: destinations repeat"));
        }
        // Points are no uniform bytes: their highest is below 128.
        let uniform = (0..16).chain(48..CELL);
        let chis: Vec<(usize, f64)> =
            uniform.map(|at| (at, chi_square_uniform(&self.counts[at]))).collect();
        let high = chis.iter().filter(|(_, chi)| *chi > MOST_BYTE);
        wrong.extend(high.map(|(at, chi)| format!("{name}: byte {at} has chi-square {chi:.0}")));
        let sum = deviation(chis.iter().map(|(_, chi)| chi).sum(), chis.len() * 255);
        if sum > MOST_NORMAL {
            wrong.push(format!("{name}: all bytes together are {sum:.1} deviations off"));
        }
        for (what, counts) in [("bit", &self.bits[..]), ("pair of bits", &self.equal[..])] {
            for (at, count) in counts.iter().enumerate() {
                let off = (f64::from(*count) * 2.0 - CELLS as f64) / (CELLS as f64).sqrt();
                if off.abs() > MOST_NORMAL {
                    wrong.push(format!("{name}: {what} {at} is {off:.1} deviations off"));
                }
            }
        }
        wrong
    }

    /// What tells the kind from another.
    fn against(&self, other: &Measured) -> Vec<String> {
        let names = format!("{} and {}", self.name, other.name);
        let pairs = self.counts.iter().zip(&other.counts);
        let chis: Vec<(f64, usize)> = pairs.map(|(a, b)| chi_square_of_two(a, b)).collect();
        let free: usize = chis.iter().map(|(_, free)| free).sum();
        let sum = deviation(chis.iter().map(|(chi, _)| chi).sum(), free);
        let mut wrong = Vec::new();
        for (at, (chi, _)) in chis.iter().enumerate().filter(|(_, (chi, _))| *chi > MOST_BYTE) {
            wrong.push(format!("{names}: byte {at} has chi-square {chi:.0}"));
        }
        if sum > MOST_NORMAL {
            wrong.push(format!("{names}: all bytes together are {sum:.1} deviations off"));
        }
        if self.destinations.intersection(&other.destinations).next().is_some() {
            wrong.push(format!("{names}: a destination in both"));
        }
        wrong
    }
}

/// Whether bytes are a public key of X25519: top bit clear, canonical, on the curve and not its
/// twist, and in the subgroup of prime order.
fn is_key(point: &[u8]) -> bool {
    let point: [u8; 32] = point.try_into().unwrap();
    prim::x25519_public_is_good(&point)
        && MontgomeryPoint(point).to_edwards(0).is_some_and(|p| p.is_torsion_free())
}

fn chi_square_uniform(counts: &[u32; 256]) -> f64 {
    let expected = CELLS as f64 / 256.0;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// Of two samples of one size, and its degrees of freedom.
fn chi_square_of_two(a: &[u32; 256], b: &[u32; 256]) -> (f64, usize) {
    let seen = || a.iter().zip(b).filter(|(a, b)| *a + *b > 0);
    let term = |(a, b): (&u32, &u32)| f64::from(a.abs_diff(*b)).powi(2) / f64::from(a + b);
    (seen().map(term).sum(), seen().count() - 1)
}

/// How many standard deviations a chi-square of very many degrees of freedom is above its mean.
fn deviation(chi: f64, free: usize) -> f64 {
    (chi - free as f64) / (2.0 * free as f64).sqrt()
}

#[test]
fn no_kind_can_be_told_from_another() {
    let kinds = [
        Measured::new("pair", pair),
        Measured::new("stranger", stranger),
        Measured::new("loop", looping),
        Measured::new("cover", cover),
    ];
    let mut wrong: Vec<String> = kinds.iter().flat_map(Measured::alone).collect();
    for (i, one) in kinds.iter().enumerate() {
        wrong.extend(kinds[i + 1..].iter().flat_map(|other| one.against(other)));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn each_measure_catches_cells_that_differ() {
    let good = Measured::new("cover", cover);
    let spoilt = |name, spoil: fn(usize, &mut Cell)| {
        Measured::new(name, move |i| {
            let mut cell = cell::cover(&mut Dice::new(name, i));
            spoil(i, &mut cell);
            cell
        })
    };
    // Random bytes in place of a point, of which one in 32 is a public key; all to one destination.
    let random = spoilt("random points", |i, cell| {
        cell[..16].fill(7);
        Dice::new("x", i).fill(&mut cell[16..48]);
    });
    assert!((200..450).contains(&random.points), "{}", random.points);
    assert!(random.alone().iter().any(|w| w.contains("are public keys")), "{:?}", random.alone());
    assert!(random.against(&good).iter().any(|w| w.contains("byte 47")));
    assert!(random.alone().iter().any(|w| w.contains("repeat")));
    // A byte left open and a bit set in a fifth of the cells, and two neighbours made equal.
    let open = spoilt("open", |i, cell| {
        if i % 5 == 0 {
            cell[4000] = 0;
            cell[9] |= 1 << 3;
            cell[11] = cell[11] & !1 | cell[11] >> 1 & 1;
        }
    });
    for what in ["byte 4000", "bit 76", "pair of bits 94"] {
        assert!(open.alone().iter().any(|w| w.contains(what)), "{what}: {:?}", open.alone());
    }
    assert!(open.against(&good).iter().any(|w| w.contains("byte 4000")));
    // A weakness too small to be seen at any position, but at all of them together.
    let faint = spoilt("faint", |i, cell| {
        let mut rng = Dice::new("faint", i);
        cell[48..].iter_mut().filter(|_| below(&mut rng, 500) == 0).for_each(|byte| *byte = 0);
    });
    assert!(matches!(&faint.alone()[..], [one] if one.contains("together")), "{:?}", faint.alone());
    assert!(faint.against(&good).iter().any(|w| w.contains("together")));
}
