//! Who watches downloads, together with a contact: a relay that knows the addresses which fetch a
//! shard, and somebody who writes to one of its listeners and is told by the acknowledgement that
//! the cell was fetched. Whoever did not fetch that bucket is not the addressee; what is counted is
//! how many such letters leave nobody else.
//!
//! A listener who fetches every bucket is never excluded. One who is not always there misses some;
//! since a bucket is held for an hour after its own, that takes being away for two hours.

/// Beyond this many letters nothing is counted.
pub const MOST: u64 = 1_000_000;

/// Letters after which, in half of all cases, none of the `crowd - 1` others is left, each of whom
/// has fetched a bucket with probability `fetched`: each stays through m letters with probability
/// `fetched`^m.
pub fn letters(crowd: f64, fetched: f64) -> Option<u64> {
    if crowd <= 1.0 {
        return Some(0);
    }
    if fetched >= 1.0 {
        return None;
    }
    let letters = (1.0 - 0.5f64.powf(1.0 / (crowd - 1.0))).ln() / fetched.ln();
    (letters < MOST as f64).then_some(letters.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    /// The same, tried out that many times.
    fn tried(crowd: u64, fetched: f64, times: usize, dice: &mut Dice) -> u64 {
        let mut taken: Vec<u64> = (0..times)
            .map(|_| {
                let mut left = crowd - 1;
                let mut letters = 0;
                while left > 0 && letters < MOST {
                    letters += 1;
                    left = (0..left).filter(|_| dice.unit() < fetched).count() as u64;
                }
                letters
            })
            .collect();
        taken.sort_unstable();
        taken[times / 2]
    }

    #[test]
    fn trying_gives_what_is_computed() {
        let mut dice = Dice::new(2, 2);
        for (crowd, fetched) in [(2, 0.5), (39, 0.5), (39, 0.9), (125, 0.97), (400, 0.8)] {
            let computed = letters(crowd as f64, fetched).unwrap();
            let tried = tried(crowd, fetched, 2001, &mut dice);
            let off = tried.abs_diff(computed);
            assert!(
                off as f64 <= 1.0 + 0.06 * computed as f64,
                "{crowd} {fetched}: {tried} {computed}"
            );
        }
    }

    #[test]
    fn who_fetches_everything_is_never_excluded() {
        assert_eq!(letters(39.0, 1.0), None);
        assert_eq!(letters(1.0, 1.0), Some(0));
        assert_eq!(tried(1, 1.0, 3, &mut Dice::new(1, 1)), 0);
    }
}
