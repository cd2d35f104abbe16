//! How many listen digits a home asks for: the fewest with which what it fetches stays under its
//! budget. What counts is what the home itself has fetched, never what a node says of itself. A
//! change is seen by everybody who reads the card, so it is made late and not taken back soon.
//! Specified in poste-protocol(7), Terms and A sync from outside.

/// Bytes a day that a home wants to fetch at most, unless configured otherwise.
pub const BUDGET: u64 = 50_000_000;
/// Listen digits at most, unless configured otherwise: more make the crowd small.
pub const MOST: usize = 1;
/// The longest prefix that nodes serve, in digits.
pub const LONGEST: usize = 3;
/// How many times fewer cells a shard has with a digit more.
const SHARDS: u64 = 16;
/// Days that are looked at, and without which no digit is given up.
const DAYS: usize = 7;
/// Days without which none is added.
const FEWEST: usize = 3;

/// How many listen digits are best for somebody who has `digits` now, fetched `days` bytes (the
/// newest last, all of them with `digits`) and wants at most `budget` bytes a day and at most
/// `most` digits.
///
/// A digit is added when the mean of the last days, 3 to 7, is over the budget, and more at once if
/// one is not enough. Digits are given up when on each of the last 7 days not even half of the
/// budget would have been used without them. So nothing is changed back before the town has doubled
/// or halved. Days on which not every bucket was fetched cost less than others and are to be left
/// out by the caller; so are those before `digits` was changed.
pub fn digits(digits: usize, days: &[u64], budget: u64, most: usize) -> usize {
    let most = most.min(LONGEST);
    let days = &days[days.len().saturating_sub(DAYS)..];
    let (Some(fullest), true) = (days.iter().max(), digits <= most) else {
        return digits.min(most);
    };
    if days.len() == DAYS {
        let without = |fewer: usize| fullest.saturating_mul(SHARDS.pow((digits - fewer) as u32));
        if let Some(fewer) = (0..digits).find(|fewer| without(*fewer) <= budget / 2) {
            return fewer;
        }
    }
    if days.len() < FEWEST {
        return digits;
    }
    let mean = days.iter().fold(0, |sum: u64, day| sum.saturating_add(*day)) / days.len() as u64;
    let with = |more: usize| mean / SHARDS.pow((more - digits) as u32);
    (digits..=most).find(|more| with(*more) <= budget).unwrap_or(most)
}

/// Cells that a home with the usual settings posts in a day: 4 to each of three nodes in two syncs an
/// hour and in the daily exchange.
const POSTED: u64 = 3 * (4 * 48 + 16);
/// Nodes that a home listens on, which share what is posted by as many homes.
const LISTENED: u64 = 2;

/// How many homes listen about at a prefix at one node to which so many `cells` came for it on a
/// day. Cover goes to random prefixes, and homes choose their nodes at random.
pub fn crowd(cells: u64) -> u64 {
    cells * LISTENED / POSTED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::below;
    use crate::core::random::fixed::Fixed;

    const MB: u64 = 1_000_000;

    #[test]
    fn the_fewest_digits_that_keep_the_budget_are_asked_for() {
        for (now, day, most, then) in [
            (0, 0, 3, 0),
            (0, 50 * MB, 3, 0),
            (0, 50 * MB + 1, 3, 1),
            (0, 800 * MB, 3, 1),
            (0, 801 * MB, 3, 2),
            (0, 801 * MB, 1, 1),
            (0, u64::MAX, 9, 3),
            (0, u64::MAX, 0, 0),
            (1, 60 * MB, 1, 1),
            (1, 60 * MB, 2, 2),
            (1, 2 * MB, 1, 1),
            (1, MB, 1, 0),
            (2, 25 * MB / 256, 3, 0),
            (2, 26 * MB / 256, 3, 1),
            (3, 0, 3, 0),
            (3, 400 * MB, 1, 1),
        ] {
            assert_eq!(digits(now, &[day; 7], 50 * MB, most), then, "{now} {day} {most}");
        }
    }

    #[test]
    fn nothing_is_decided_by_few_days_or_by_old_ones() {
        assert_eq!(digits(1, &[], 50 * MB, 1), 1);
        assert_eq!(digits(2, &[], 50 * MB, 1), 1, "but what is configured holds at once");
        assert_eq!(digits(0, &[900 * MB; 2], 50 * MB, 1), 0);
        assert_eq!(digits(0, &[900 * MB; 3], 50 * MB, 1), 1);
        assert_eq!(digits(1, &[0; 6], 50 * MB, 1), 1);
        assert_eq!(digits(1, &[0; 7], 50 * MB, 1), 0);
        let old = [[900 * MB; 7], [MB; 7]].concat();
        assert_eq!(digits(0, &old, 50 * MB, 1), 0);
        // One busy day is not a busy week, and one day away no quiet one.
        assert_eq!(
            digits(0, &[9 * MB, 9 * MB, 9 * MB, 250 * MB, 9 * MB, 9 * MB, 9 * MB], 50 * MB, 1),
            0
        );
        assert_eq!(digits(1, &[MB, MB, MB, 5 * MB, MB, MB, MB], 50 * MB, 1), 1);
    }

    /// However large a town is: when its days differ by less than a third from one another, no
    /// change is taken back, and the digits end where they keep the budget if any do.
    #[test]
    fn a_steady_town_does_not_make_it_flap() {
        let mut rng = Fixed::new(1);
        for _ in 0..2000 {
            let mut now = below(&mut rng, 4) as usize;
            let power = 1u64 << (10 + below(&mut rng, 40));
            let whole = power + below(&mut rng, power);
            let mut days: Vec<u64> = Vec::new();
            let mut went = vec![now];
            for _ in 0..60 {
                days.push(whole / 6 * (5 + below(&mut rng, 3)) / 16u64.pow(now as u32));
                let then = digits(now, &days, 50 * MB, 3);
                if then != now {
                    days.clear();
                    now = then;
                    went.push(now);
                }
            }
            let way = went.is_sorted() || went.iter().rev().is_sorted();
            assert!(way && went.len() <= 3, "{whole}: {went:?}");
            let costs = whole / 16u64.pow(now as u32);
            assert!(costs <= 60 * MB || now == 3, "{whole}: {now} digits");
            assert!(now == 0 || costs * 16 >= 20 * MB, "{whole}: {now} digits");
        }
    }
}
