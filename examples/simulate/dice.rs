//! Repeatable random numbers (xoshiro256++), good and fast enough for billions of cells, and the two
//! distributions that are drawn from. Nothing here is fit for keys.

/// A sequence of random numbers.
pub struct Dice([u64; 4]);

/// Scatters a number over 64 bits, always the same way (splitmix64).
pub fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number below `bound` in the upper half of `random`; uneven by one part in 2^32 / `bound`.
pub fn reduce(random: u64, bound: u64) -> u64 {
    ((random >> 32) * bound) >> 32
}

impl Dice {
    /// The sequence of a seed and of the place at which it is used.
    pub fn new(seed: u64, place: u64) -> Dice {
        let start = scatter(seed ^ scatter(place));
        Dice([1, 2, 3, 4].map(|word| scatter(start.wrapping_add(word))))
    }

    pub fn next(&mut self) -> u64 {
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

    /// A number below `bound`, which is below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        reduce(self.next(), bound)
    }

    /// A number of at least 0 and less than 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal one (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// How often something happens that happens `mean` times on average: exactly below 30, and by
    /// the normal distribution above.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let bound = (-mean).exp();
        let (mut count, mut product) = (0.0, self.unit());
        while product > bound {
            count += 1.0;
            product *= self.unit();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_have_their_means_and_deviations() {
        let mut dice = Dice::new(1, 1);
        for mean in [0.0, 0.25, 4.0, 29.0, 31.0, 500.0] {
            let drawn: Vec<f64> = (0..40_000).map(|_| dice.poisson(mean)).collect();
            let average = drawn.iter().sum::<f64>() / 40_000.0;
            let square = drawn.iter().map(|d| (d - average).powi(2)).sum::<f64>() / 40_000.0;
            assert!((average - mean).abs() <= 5.0 * (mean / 40_000.0).sqrt(), "{mean}: {average}");
            assert!((square - mean).abs() <= 0.05 * mean, "{mean}: {square}");
        }
        let mut counts = [0u32; 16];
        (0..160_000).for_each(|_| counts[dice.below(16) as usize] += 1);
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}");
    }

    #[test]
    fn a_seed_always_gives_the_same() {
        let draw = |seed, place| Dice::new(seed, place).next();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert!(draw(1, 2) != draw(2, 1) && draw(1, 2) != draw(1, 3));
    }
}
