//! How many bytes stand under each first digit, bucket by bucket: the measure of what a client may
//! take. Kept beside the store and asked without waiting for it. Time comes in as a value, so a
//! bucket stops counting at its end, however late it is wiped.
//! Used for the bans of poste-protocol(7), Relay.

use crate::core::bucket::{Bucket, CELL, Class};
use crate::core::time::Time;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Cells under each first digit.
#[derive(Default)]
pub struct Stock(Mutex<BTreeMap<Bucket, [u64; 16]>>);

impl Stock {
    /// Counts cells that have come into a bucket, by the first 12 bits of their destinations.
    pub fn add(&self, bucket: Bucket, tops: &[u16]) {
        let mut all = self.all();
        let digits = all.entry(bucket).or_default();
        for top in tops {
            digits[usize::from(top >> 8 & 15)] += 1;
        }
    }

    /// So many cells are now under each first digit of a bucket. Fewer than before count for nothing:
    /// what a server has lost did stand, and whoever took it must not be banned for that.
    pub fn set(&self, bucket: Bucket, digits: [u64; 16]) {
        let mut all = self.all();
        let most = all.entry(bucket).or_default();
        most.iter_mut().zip(digits).for_each(|(most, now)| *most = now.max(*most));
    }

    /// The bucket is gone.
    pub fn remove(&self, bucket: Bucket) {
        self.all().remove(&bucket);
    }

    /// The bytes of a class under its fullest first digit, in all buckets that stand at `now`.
    /// Within the clock hour (hourly) or day (daily) it only grows, since buckets end with those and
    /// no count of a bucket falls, so it is also the most that stood at any moment of it so far.
    pub fn fullest(&self, class: Class, now: Time) -> u64 {
        let mut sum = [0; 16];
        let all = self.all();
        let standing = all.iter().filter(|(b, _)| b.class() == class && !b.is_wiped(now));
        for (_, digits) in standing {
            sum.iter_mut().zip(digits).for_each(|(sum, digit)| *sum += digit);
        }
        sum.into_iter().max().unwrap_or(0) * CELL as u64
    }

    /// How many cells are in a bucket.
    pub fn count(&self, bucket: Bucket) -> usize {
        self.all().get(&bucket).map_or(0, |digits| digits.iter().sum::<u64>() as usize)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Bucket, [u64; 16]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_counts_though_it_was_lost() {
        let stock = Stock::default();
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let digits = |first, second| {
            let mut digits = [0; 16];
            (digits[1], digits[2]) = (first, second);
            digits
        };
        stock.set(bucket, digits(9, 5));
        stock.set(bucket, digits(0, 6));
        let cells = || stock.fullest(Class::Hourly, bucket.start()) / CELL as u64;
        assert_eq!(cells(), 9, "the most at any moment");
        stock.set(bucket, digits(1, 12));
        assert_eq!(cells(), 12);
        stock.remove(bucket);
        assert_eq!(cells(), 0);
    }

    #[test]
    fn standing_buckets_of_one_class_are_added_up_by_digit() {
        let stock = Stock::default();
        let first: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let (second, day) = (first.next(), "daily/2026-11-22".parse().unwrap());
        stock.add(first, &[0x4bc, 0x400, 0x123]);
        stock.add(second, &[0x4ff]);
        stock.add(second, &[0x1ff, 0x1fe]);
        stock.add(day, &[0xf00; 9]);
        let cells = |class, now| stock.fullest(class, now) / CELL as u64;
        assert_eq!(cells(Class::Hourly, first.wiped() - 1), 3, "2 and 1 under 4, 1 and 2 under 1");
        assert_eq!(cells(Class::Hourly, first.wiped()), 2);
        assert_eq!(cells(Class::Daily, first.wiped()), 9);
        stock.remove(second);
        assert_eq!(cells(Class::Hourly, first.wiped() - 1), 2);
        assert_eq!(cells(Class::Hourly, first.wiped()), 0);
    }
}
