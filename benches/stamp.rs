//! The stamp of a first letter: tries per second on one thread, and the seconds that the 22 bits
//! of a card take on average. Peer, in turns in one run: bare SHA-256 over as many blocks.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;

use common::{Pairs, System, median, seconds};
use poste::core::keys::{LetterId, SignSecret};
use poste::core::stamp::Stamp;
use sha2::{Digest, Sha256};
use std::hint::black_box;

/// What a card asks for by default.
const BITS: u8 = 22;
const PAIRS: usize = 9;

fn main() {
    if !common::wanted() {
        return;
    }
    let rng = &mut System;
    let to = SignSecret::generate(rng).public();
    let from = SignSecret::generate(rng).public();
    // How many tries a stamp takes is luck, so each turn counts its own.
    let mut per_try = Pairs::default();
    for _ in 0..PAIRS {
        let id = LetterId::generate(rng);
        let mut tries = 0;
        let found = seconds(|| {
            let stamp = Stamp::find(&to, &from, &id, BITS);
            tries = 1 + u64::from_str_radix(&stamp.text(), 16).unwrap();
        });
        per_try.ours.push(found / tries as f64);
        let hashed = seconds(|| {
            (0..tries).for_each(|n| {
                black_box(hash(n));
            })
        });
        per_try.peer.push(hashed / tries as f64);
    }
    common::head(&format!("a stamp of {BITS} bits, one thread"));
    per_try.rate("tries", 1.0, "tries/s", "bare SHA-256 of one block");
    let mean = median(per_try.ours.iter().copied()) * f64::from(1 << BITS);
    let least = median(per_try.peer.iter().copied()) * f64::from(1 << BITS);
    common::line("mean time", mean, "s", Some(("as many blocks", least, per_try.ratio())));
}

fn hash(n: u64) -> [u8; 32] {
    let mut block = [0; 55];
    block[..8].copy_from_slice(&n.to_be_bytes());
    Sha256::digest(block).into()
}
