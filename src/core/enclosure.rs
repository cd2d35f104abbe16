//! Enclosures: sets of cells as a want names them, how large a mail may be, and which cells the
//! sender still owes. A set whose length is not that of the enclosure, or that names cells beyond
//! it, is refused. No file and no clock is touched here.
//! Specified in poste-protocol(7), Enclosures.

use crate::core::bucket::Class;
use crate::core::cell::CHUNK;
use crate::core::time::{DAY, HOUR, Time};

/// Bytes of the largest enclosure: 65,535 cells.
pub const MOST_BYTES: u64 = u16::MAX as u64 * CHUNK as u64;

/// Bytes of a mail at most, if what one attaches may have `attachment_max`: base64 and its line
/// ends make a mail longer by 37 in 100. No mail is longer than 65,535 cells.
pub fn mail_limit(attachment_max: u64) -> u64 {
    (attachment_max / 8)
        .saturating_mul(11)
        .saturating_add(attachment_max % 8 * 11 / 8)
        .min(MOST_BYTES)
}

/// Bytes that an enclosure takes at most while it comes.
pub fn size(cells: u16) -> u64 {
    u64::from(cells) * CHUNK as u64
}

/// A bitmap that is not one of this enclosure: of another length, or with bits beyond its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a set of cells of this enclosure")]
pub struct BadSet;

/// A set of an enclosure's cells; cell 0 is the top bit of byte 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellSet {
    cells: u16,
    bits: Vec<u8>,
}

impl CellSet {
    /// None of `cells`.
    pub fn none(cells: u16) -> CellSet {
        CellSet { cells, bits: vec![0; usize::from(cells).div_ceil(8)] }
    }

    /// Takes a bitmap of an enclosure of `cells`.
    pub fn parse(cells: u16, bits: &[u8]) -> Result<CellSet, BadSet> {
        let length = usize::from(cells).div_ceil(8);
        let spare = (length * 8 - usize::from(cells)) as u32;
        let beyond = bits.last().is_some_and(|last| last.trailing_zeros() < spare);
        if bits.len() != length || beyond {
            return Err(BadSet);
        }
        Ok(CellSet { cells, bits: bits.to_vec() })
    }

    /// The bitmap.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Whether a cell is in it.
    pub fn has(&self, index: u16) -> bool {
        let index = usize::from(index);
        self.bits.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    }

    /// Puts a cell into it.
    pub fn add(&mut self, index: u16) {
        if index < self.cells {
            self.bits[usize::from(index) / 8] |= 0x80 >> (index % 8);
        }
    }

    /// Takes a cell out of it.
    pub fn remove(&mut self, index: u16) {
        if index < self.cells {
            self.bits[usize::from(index) / 8] &= !(0x80 >> (index % 8));
        }
    }

    /// The cells in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..self.cells).filter(|index| self.has(*index))
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.bits.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|byte| *byte == 0)
    }

    /// Whether all are.
    pub fn is_full(&self) -> bool {
        self.len() == usize::from(self.cells)
    }

    /// The cells that are not in it.
    pub fn others(&self) -> CellSet {
        let mut others = CellSet::none(self.cells);
        (0..self.cells).filter(|index| !self.has(*index)).for_each(|index| others.add(index));
        others
    }
}

/// What the sender of an enclosure still owes: the newest want, and when each cell was last
/// posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// `date` of the newest want, 0 if none has come.
    pub want: Time,
    /// What it asked for and was not posted since.
    pub cells: CellSet,
    /// Second at which each cell was last posted, 0 if it never was.
    pub posted: Vec<u32>,
    /// Batches made: each goes to another of the addressee's nodes.
    pub turn: u32,
}

impl Owed {
    /// Of an enclosure of `cells`, none of which is asked for yet.
    pub fn new(cells: u16) -> Owed {
        let posted = vec![0; usize::from(cells)];
        Owed { want: Time::default(), cells: CellSet::none(cells), posted, turn: 0 }
    }

    /// Takes a want, which replaces the one before unless it is older. What was posted so shortly
    /// before it that it may have been on its way is not posted again for it. Says whether it was
    /// taken.
    pub fn take(&mut self, date: Time, missing: &CellSet, class: Class) -> bool {
        if date < self.want {
            return false;
        }
        let way = match class {
            Class::Hourly => 2 * HOUR,
            Class::Daily => 2 * DAY,
        };
        self.want = date;
        self.cells = missing.clone();
        for index in missing.iter() {
            let posted = Time::from_unix(u64::from(self.posted[usize::from(index)]));
            if posted != Time::default() && posted + way >= date {
                self.cells.remove(index);
            }
        }
        true
    }

    /// The next cells to be posted, at most `most`.
    pub fn next(&self, most: usize) -> Vec<u16> {
        self.cells.iter().take(most).collect()
    }

    /// Records that a node took these cells.
    pub fn took(&mut self, indices: &[u16], at: Time) {
        for index in indices {
            self.cells.remove(*index);
            if let Some(posted) = self.posted.get_mut(usize::from(*index)) {
                *posted = u32::try_from(at.unix()).unwrap_or(u32::MAX);
            }
        }
    }

    /// How many cells were posted at least once.
    pub fn sent(&self) -> u16 {
        self.posted.iter().filter(|at| **at != 0).count() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cells: u16, indices: impl IntoIterator<Item = u16>) -> CellSet {
        let mut set = CellSet::none(cells);
        indices.into_iter().for_each(|index| set.add(index));
        set
    }

    #[test]
    fn cell_0_is_the_top_bit_of_byte_0() {
        let some = set(11, [0, 9]);
        assert_eq!(some.as_bytes(), [0x80, 0x40]);
        assert_eq!(CellSet::parse(11, &[0x80, 0x40]), Ok(some.clone()));
        assert_eq!(some.iter().collect::<Vec<_>>(), [0, 9]);
        assert_eq!((some.len(), some.others().len()), (2, 9));
        assert!(CellSet::none(11).others().is_full());
        assert!(!some.has(11) && !some.has(u16::MAX));
    }

    #[test]
    fn sets_of_another_length_or_with_bits_beyond_are_refused() {
        for (cells, bits) in [(8, &[0xff][..]), (9, &[0xff, 0x80]), (1, &[0x80]), (0, &[])] {
            assert!(CellSet::parse(cells, bits).is_ok(), "{cells}");
        }
        for (cells, bits) in [(8, &[][..]), (8, &[0, 0]), (9, &[0]), (9, &[0, 0x40]), (1, &[0x40])]
        {
            assert_eq!(CellSet::parse(cells, bits), Err(BadSet), "{cells} {bits:?}");
        }
        assert!(CellSet::parse(u16::MAX, &[0xff; 8192]).is_err());
        assert!(CellSet::parse(u16::MAX, &CellSet::none(u16::MAX).others().bits).is_ok());
    }

    #[test]
    fn what_is_attached_fits_into_the_mail() {
        assert_eq!(mail_limit(25 << 20), (25 << 20) / 8 * 11);
        assert_eq!(mail_limit(15), 20);
        assert_eq!(mail_limit(u64::MAX), MOST_BYTES);
    }

    #[test]
    fn each_cell_is_posted_once_for_a_want() {
        let at = Time::from_unix;
        let noon = 1_795_348_800;
        let mut owed = Owed::new(10);
        assert_eq!(owed.next(5), [0; 0]);
        assert!(owed.take(at(noon), &set(10, 0..10), Class::Hourly));
        assert_eq!(owed.next(4), [0, 1, 2, 3]);
        owed.took(&[0, 1, 2, 3], at(noon + 60));
        assert_eq!((owed.next(2), owed.sent()), (vec![4, 5], 4));
        owed.took(&[4, 5], at(noon + 3 * HOUR));

        let mut again = owed.clone();
        assert!(again.take(at(noon), &set(10, 0..10), Class::Hourly), "the same once more");
        assert_eq!(again.next(9), [6, 7, 8, 9]);
        assert!(!owed.take(at(noon - 60), &set(10, 0..10), Class::Hourly), "an older one");
        let later = at(noon + 4 * HOUR);
        assert!(owed.take(later, &set(10, [1, 4, 8]), Class::Hourly));
        assert_eq!(owed.next(9), [1, 8], "4 may be on its way");
        assert!(owed.take(later, &set(10, [1, 4, 8]), Class::Daily));
        assert_eq!(owed.next(9), [8], "a daily bucket is on its way for two days");
    }
}
