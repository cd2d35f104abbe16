//! Cells scanned per second, for contacts alone and with every cell tried as a stranger's, on one
//! thread and on all. Peer, in turns in one run: bare X25519, of which the trial takes one for a
//! cell; the ratio is the share of the time that is left for nothing else.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;

use common::{Pairs, System};
use poste::core::bucket::{Bucket, CELL, Prefix};
use poste::core::cell::{self, Cell, Chunk, Kind};
use poste::core::keys::{DhSecret, PairSecret};
use poste::core::random::{bytes, shuffle};
use poste::core::scan::{scan, scan_known};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::hint::black_box;

const PAIRS: usize = 5;
const CELLS: usize = 10_000;
const REAL: usize = 50;
const SECRETS: usize = 50;

fn main() {
    if !common::wanted() {
        return;
    }
    let rng = &mut System;
    let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
    let me = DhSecret::generate(rng);
    let live: Vec<PairSecret> = (0..SECRETS).map(|_| PairSecret::generate(rng)).collect();
    let cells = cells(bucket, &me, &live);
    let bytes = cells.as_flattened();
    let all: Vec<&PairSecret> = live.iter().collect();
    let cores = std::thread::available_parallelism().unwrap().get();

    common::head(&format!("scanning {CELLS} cells, {} of them for us", 2 * REAL));
    for threads in if cores > 1 { vec![1, cores] } else { vec![1] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let secret = *me.expose();
        let peer = || bare(&pool, &secret, &cells);
        let name =
            |what: &str| format!("{what}, {threads} thread{}", &"s"[..usize::from(threads > 1)]);
        for secrets in [1, SECRETS] {
            let live = &all[..secrets];
            let expected = REAL / SECRETS * secrets;
            let known = || {
                let (found, rest) = pool.install(|| scan_known(bytes, bucket, live));
                assert_eq!((found.chunks.len(), rest.len()), (expected, CELLS - expected));
            };
            let what = name(&format!("contacts alone, live secrets: {secrets}"));
            Pairs::run(PAIRS, known, peer).rate(&what, CELLS as f64, "cells/s", "bare X25519");
        }
        let whole = || {
            let found = pool.install(|| scan(bytes, bucket, &all, &me));
            assert_eq!(found.chunks.len(), 2 * REAL);
        };
        let what = name("with the stranger trial");
        Pairs::run(PAIRS, whole, peer).rate(&what, CELLS as f64, "cells/s", "bare X25519");
    }
}

/// Cover, a cell under each secret, and as many from strangers, in random order.
fn cells(bucket: Bucket, me: &DhSecret, live: &[PairSecret]) -> Vec<Cell> {
    let rng = &mut System;
    let chunk = Chunk { kind: Kind::Letter, id: bytes(rng), index: 0, count: 1, data: vec![1; 9] };
    let digits = Prefix::default();
    let mut cells: Vec<Cell> = Vec::with_capacity(CELLS);
    for secret in live {
        cells.push(cell::pair(secret, bucket, 0, digits, &chunk, rng));
    }
    for _ in 0..REAL {
        cells.push(cell::stranger(&me.public(), bucket, digits, &chunk, rng));
    }
    cells.resize_with(CELLS, || cell::cover(rng));
    shuffle(rng, &mut cells);
    cells
}

/// One exchange with the point of each cell.
fn bare(pool: &ThreadPool, secret: &[u8; 32], cells: &[Cell]) {
    pool.install(|| {
        cells.par_iter().for_each(|cell: &[u8; CELL]| {
            let point = cell[16..48].try_into().unwrap();
            black_box(x25519_dalek::x25519(*secret, point));
        });
    });
}
