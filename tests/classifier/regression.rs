//! Logistic regression on a cell as it travels: the value of each byte at its place, each bit of the
//! destination and the point, how often each byte occurs, and how often each pair of neighbouring
//! ones does, hashed into a table. It learns by stochastic gradient descent, a cell after the other,
//! and after each round shrinks what is no more than chance (L1), so that one telling byte is not
//! lost among 9,000 that say nothing.

use poste::core::bucket::CELL;
use poste::core::cell::Cell;

/// Bits looked at one by one: destination and point.
const BITS: usize = 48 * 8;
/// Places of the table of pairs.
const PAIRS: usize = 4096;
const FEATURES: usize = CELL + BITS + 256 + PAIRS;
/// How far a step goes, and how often all is gone through.
const STEP: f32 = 1e-4;
const EPOCHS: usize = 2;
/// By how many of the deviations that a weight has by chance all weights shrink after a round.
const SHRINK: f32 = 3.0;

/// Each feature with a mean of 0 and a deviation of 1 in random bytes.
fn features(cell: &Cell, out: &mut [f32]) {
    let (places, out) = out.split_at_mut(CELL);
    let (bits, out) = out.split_at_mut(BITS);
    let (counts, pairs) = out.split_at_mut(256);
    let per_byte = CELL as f32 / 256.0;
    let per_pair = (CELL - 1) as f32 / PAIRS as f32;
    counts.fill(-per_byte.sqrt());
    pairs.fill(-per_pair.sqrt());
    for (place, byte) in places.iter_mut().zip(cell) {
        *place = (f32::from(*byte) - 127.5) / 73.9;
        counts[usize::from(*byte)] += 1.0 / per_byte.sqrt();
    }
    for pair in cell.windows(2) {
        let hash = ((usize::from(pair[0]) << 8 | usize::from(pair[1])) * 0x9e37_79b1) >> 16;
        pairs[hash % PAIRS] += 1.0 / per_pair.sqrt();
    }
    for (at, bit) in bits.iter_mut().enumerate() {
        *bit = if cell[at / 8] >> (7 - at % 8) & 1 == 1 { 1.0 } else { -1.0 };
    }
}

/// A trained judge.
pub struct Judge {
    weights: Vec<f32>,
    bias: f32,
}

impl Judge {
    /// Learns to tell `real` cells from `cover`, as many of each.
    pub fn train(real: &[Cell], cover: &[Cell]) -> Judge {
        let mut judge = Judge { weights: vec![0.0; FEATURES], bias: 0.0 };
        let mut seen = vec![0.0; FEATURES];
        for _ in 0..EPOCHS {
            for (real, cover) in real.iter().zip(cover) {
                for (cell, truth) in [(real, 1.0), (cover, 0.0)] {
                    features(cell, &mut seen);
                    let error = truth - 1.0 / (1.0 + (-judge.sum(&seen)).exp());
                    judge.bias += STEP * error;
                    for (weight, value) in judge.weights.iter_mut().zip(&seen) {
                        *weight += STEP * error * value;
                    }
                }
            }
            let chance = STEP * (real.len() as f32 * 2.0).sqrt() / 2.0;
            for weight in &mut judge.weights {
                *weight = (weight.abs() - SHRINK * chance).max(0.0).copysign(*weight);
            }
        }
        judge
    }

    fn sum(&self, seen: &[f32]) -> f32 {
        self.bias + self.weights.iter().zip(seen).map(|(weight, value)| weight * value).sum::<f32>()
    }

    /// How real each cell looks.
    pub fn scores(&self, cells: &[Cell]) -> Vec<f32> {
        let mut seen = vec![0.0; FEATURES];
        let score = |cell| {
            features(cell, &mut seen);
            self.sum(&seen)
        };
        cells.iter().map(score).collect()
    }
}

/// The area under the curve: how likely a real cell has a higher score than one of cover.
pub fn auc(real: &[f32], cover: &[f32]) -> f64 {
    let mut sorted = cover.to_vec();
    sorted.sort_by(f32::total_cmp);
    let below = |score: &f32| {
        let less = sorted.partition_point(|other| other < score);
        let most = sorted.partition_point(|other| other <= score);
        (less + most) as f64 / 2.0
    };
    real.iter().map(below).sum::<f64>() / (real.len() * cover.len()) as f64
}
