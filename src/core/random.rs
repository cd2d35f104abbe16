//! Randomness as a value: whoever needs random bytes takes a [`Random`].
//!
//! The shipped programs pass the system's generator (made in the `client` and `node` floors);
//! tests pass a fixed one. Nothing in `core` draws by itself, except the `age` crate, which makes
//! file keys and nonces of its own and offers no other way.

/// A source of random bytes, cryptographically secure in the shipped programs.
pub trait Random {
    /// Fills `out` with random bytes. A source that fails must end the program, not return.
    fn fill(&mut self, out: &mut [u8]);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(rng: &mut dyn Random) -> [u8; N] {
    let mut out = [0; N];
    rng.fill(&mut out);
    out
}

/// A number below `bound` (at least 1), without bias.
pub fn below(rng: &mut dyn Random, bound: u64) -> u64 {
    let zone = u64::MAX - u64::MAX % bound;
    loop {
        let value = u64::from_be_bytes(bytes(rng));
        if value < zone {
            return value % bound;
        }
    }
}

/// Puts `items` in random order (Fisher and Yates).
pub fn shuffle<T>(rng: &mut dyn Random, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let other = below(rng, last as u64 + 1) as usize;
        items.swap(last, other);
    }
}

/// A generator for tests: SHA-256 in counter mode from a number. Never used by the programs.
#[cfg(test)]
pub mod fixed {
    use super::Random;
    use sha2::{Digest, Sha256};

    /// Repeatable random bytes.
    pub struct Fixed {
        seed: u64,
        block: u64,
    }

    impl Fixed {
        /// The sequence numbered `seed`.
        pub fn new(seed: u64) -> Fixed {
            Fixed { seed, block: 0 }
        }
    }

    impl Random for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            for chunk in out.chunks_mut(32) {
                let mut hash = Sha256::new();
                hash.update(self.seed.to_be_bytes());
                hash.update(self.block.to_be_bytes());
                self.block += 1;
                chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixed::Fixed;
    use super::*;

    #[test]
    fn below_is_below_and_reaches_every_value() {
        let mut rng = Fixed::new(1);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[below(&mut rng, 7) as usize] = true;
        }
        assert!(seen.iter().all(|s| *s));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut Fixed::new(2), &mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
