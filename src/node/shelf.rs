//! One bucket in the directory store: one file, to which batches of cells are appended.
//!
//! The first page of the file says how many cells are committed; they follow in the order of
//! their arrival. A batch is written behind them and then committed by one write of 8 bytes, so a
//! kill at any moment leaves the whole batch or nothing of it. Closing writes nothing: it sorts an
//! index in memory, 6 bytes a cell, and so can neither fail for want of room nor be interrupted.
//! Refuses files that are not its own. Layout specified in posted(8), STORE.

use crate::core::bucket::{CELL, Prefix};
use crate::core::prim::sha256;
use crate::node::selection::{Cells, Selection};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The page before the cells; as long as a cell, so that cells are aligned to pages.
pub const HEAD: u64 = CELL as u64;
const MAGIC: [u8; 16] = *b"poste bucket 1\n\0";
/// Where the number of cells stands, 8 bytes big-endian.
const COUNT_AT: u64 = MAGIC.len() as u64;

/// Cells to be appended, all or nothing: whole cells, and the digest of each.
pub struct Batch {
    cells: Vec<u8>,
    digests: Vec<[u8; 32]>,
}

impl Batch {
    /// Takes `cells`, whose length must be a multiple of [`CELL`]; `None` if not, or if empty.
    pub fn new(cells: Vec<u8>) -> Option<Batch> {
        if cells.is_empty() || !cells.len().is_multiple_of(CELL) {
            return None;
        }
        let digests = cells.chunks_exact(CELL).map(|cell| sha256(&[cell])).collect();
        Some(Batch { cells, digests })
    }

    /// How many cells.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// The cells, one by one.
    pub fn cells(&self) -> impl Iterator<Item = &[u8]> {
        self.cells.chunks_exact(CELL)
    }

    /// Never true: a batch has at least one cell.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }
}

/// A bucket's file and what is known of it in memory.
pub struct Shelf {
    file: Arc<File>,
    /// First 12 bits of each cell's destination, in the order of `index`.
    tops: Vec<u16>,
    index: Index,
}

enum Index {
    /// In the order of arrival; digests tell a cell that is there already.
    Open(HashSet<[u8; 32]>),
    /// Positions in the file, in the order of the cells' bytes.
    Closed(Arc<[u32]>),
}

impl Shelf {
    /// Makes the file `path`, which must not exist.
    pub fn create(path: &Path) -> io::Result<Shelf> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        let mut head = [0; CELL];
        head[..MAGIC.len()].copy_from_slice(&MAGIC);
        if let Err(error) = file.write_all_at(&head, 0) {
            std::fs::remove_file(path)?;
            return Err(error);
        }
        Ok(Shelf { file: Arc::new(file), tops: Vec::new(), index: Index::Open(HashSet::new()) })
    }

    /// Opens the file a former run left, and cuts off what it had not committed. `None` if that
    /// run was killed before the first page was there: such a file holds no cell.
    pub fn open(path: &Path) -> io::Result<Option<Shelf>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        if length < HEAD {
            return Ok(None);
        }
        let mut head = [0; COUNT_AT as usize + 8];
        file.read_exact_at(&mut head, 0)?;
        let (magic, count) = head.split_at(MAGIC.len());
        let mut number = [0; 8];
        number.copy_from_slice(count);
        let count = u64::from_be_bytes(number);
        let committed = count.checked_mul(CELL as u64).and_then(|bytes| bytes.checked_add(HEAD));
        let Some(committed) = committed.filter(|c| magic == MAGIC && *c <= length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a bucket of this node"));
        };
        file.set_len(committed)?;
        let mut shelf =
            Shelf { file: Arc::new(file), tops: Vec::new(), index: Index::Open(HashSet::new()) };
        shelf.learn(count)?;
        Ok(Some(shelf))
    }

    /// How many cells it holds.
    pub fn len(&self) -> usize {
        self.tops.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.tops.is_empty()
    }

    /// First 12 bits of the destination of each cell: as they came, or sorted once it is closed.
    pub fn tops(&self) -> &[u16] {
        &self.tops
    }

    /// Which cells of `batch` it does not hold yet, each once.
    pub fn missing(&self, batch: &Batch) -> Vec<usize> {
        let Index::Open(known) = &self.index else { return Vec::new() };
        let mut here = HashSet::new();
        let digests = batch.digests.iter().enumerate();
        digests.filter(|(_, d)| !known.contains(*d) && here.insert(*d)).map(|(i, _)| i).collect()
    }

    /// Appends the cells of `batch` that `missing` names. On an error nothing of them is kept.
    pub fn append(&mut self, batch: &Batch, missing: &[usize]) -> io::Result<()> {
        let Index::Open(known) = &mut self.index else {
            return Err(io::Error::other("the bucket is closed"));
        };
        let end = HEAD + (self.tops.len() * CELL) as u64;
        let cell = |i: usize| &batch.cells[i * CELL..(i + 1) * CELL];
        let written = if missing.len() == batch.len() {
            self.file.write_all_at(&batch.cells, end)
        } else {
            let cells: Vec<u8> = missing.iter().flat_map(|&i| cell(i)).copied().collect();
            self.file.write_all_at(&cells, end)
        };
        let count = (self.tops.len() + missing.len()) as u64;
        let committed =
            written.and_then(|()| self.file.write_all_at(&count.to_be_bytes(), COUNT_AT));
        if let Err(error) = committed {
            self.file.set_len(end)?;
            return Err(error);
        }
        for &i in missing {
            known.insert(batch.digests[i]);
            self.tops.push(top(cell(i)));
        }
        Ok(())
    }

    /// Sorts the cells by their bytes and forgets what only an open bucket needs. Whether it was
    /// open before.
    pub fn close(&mut self) -> io::Result<bool> {
        if self.is_closed() {
            return Ok(false);
        }
        let order = sorted(&self.file, self.tops.len())?;
        self.tops = order.iter().map(|&at| self.tops[at as usize]).collect();
        self.index = Index::Closed(order.into());
        Ok(true)
    }

    /// Whether it is sorted.
    pub fn is_closed(&self) -> bool {
        matches!(self.index, Index::Closed(_))
    }

    /// The cells whose destination starts with `prefix`: of an open bucket in the order of their
    /// arrival, of a closed one sorted.
    pub fn select(&self, prefix: Prefix) -> Selection {
        let matches = |top: u16| prefix.matches(&(top << 4).to_be_bytes());
        let cells = match &self.index {
            Index::Open(_) if prefix.is_empty() => Cells::Run(self.tops.len() as u32),
            Index::Open(_) => {
                let found = self.tops.iter().enumerate().filter(|(_, top)| matches(**top));
                let found: Arc<[u32]> = found.map(|(at, _)| at as u32).collect();
                Cells::Listed(found.clone(), 0..found.len())
            }
            Index::Closed(order) => {
                let lowest = lowest(prefix);
                let from = self.tops.partition_point(|top| *top < lowest);
                let count = self.tops[from..].partition_point(|top| matches(*top));
                Cells::Listed(order.clone(), from..from + count)
            }
        };
        Selection::new(self.file.clone(), HEAD, cells)
    }

    /// Frees every byte at once, also under the hands of downloads under way.
    pub fn wipe(&mut self) -> io::Result<()> {
        self.tops = Vec::new();
        self.index = Index::Closed(Arc::from([]));
        self.file.set_len(0)
    }

    /// Fills the index from the file.
    fn learn(&mut self, count: u64) -> io::Result<()> {
        let Index::Open(known) = &mut self.index else { return Ok(()) };
        let mut cell = [0; CELL];
        for at in 0..count {
            self.file.read_exact_at(&mut cell, HEAD + at * CELL as u64)?;
            known.insert(sha256(&[&cell]));
            self.tops.push(top(&cell));
        }
        Ok(())
    }
}

/// The first 12 bits of a cell's destination.
fn top(cell: &[u8]) -> u16 {
    u16::from_be_bytes([cell[0], cell[1]]) >> 4
}

/// The lowest first 12 bits that `prefix` matches.
fn lowest(prefix: Prefix) -> u16 {
    let mut destination = [0; 16];
    prefix.write_to(&mut destination);
    top(&destination)
}

/// Positions of the cells in the order of their bytes. Sorted by destination; only cells with one
/// destination are compared in the file.
fn sorted(file: &File, count: usize) -> io::Result<Vec<u32>> {
    let read =
        |at: u32, out: &mut [u8]| file.read_exact_at(out, HEAD + u64::from(at) * CELL as u64);
    let mut keys = Vec::with_capacity(count);
    for at in 0..count as u32 {
        let mut destination = [0; 16];
        read(at, &mut destination)?;
        keys.push((u128::from_be_bytes(destination), at));
    }
    let (mut a, mut b) = (vec![0; CELL], vec![0; CELL]);
    let mut failed = None;
    keys.sort_unstable_by(|left, right| {
        left.0.cmp(&right.0).then_with(|| {
            match read(left.1, &mut a).and_then(|()| read(right.1, &mut b)) {
                Ok(()) => a.cmp(&b),
                Err(error) => {
                    failed = Some(error);
                    left.1.cmp(&right.1)
                }
            }
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(keys.into_iter().map(|(_, at)| at).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::{Random, fixed::Fixed};
    use proptest::prelude::*;

    fn cell(top: u16, fill: u8) -> Vec<u8> {
        let mut cell = vec![fill; CELL];
        cell[..2].copy_from_slice(&(top << 4 | u16::from(fill & 15)).to_be_bytes());
        cell
    }

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let shelf = Shelf::create(&dir.path().join("bucket")).unwrap();
        (dir, shelf)
    }

    fn put(shelf: &mut Shelf, cells: Vec<u8>) -> usize {
        let batch = Batch::new(cells).unwrap();
        let missing = shelf.missing(&batch);
        shelf.append(&batch, &missing).unwrap();
        missing.len()
    }

    fn all(selection: &Selection) -> Vec<u8> {
        let mut out = vec![0; selection.bytes() as usize];
        selection.read(0, &mut out).unwrap();
        out
    }

    #[test]
    fn no_batch_of_broken_cells() {
        assert!(Batch::new(Vec::new()).is_none());
        assert!(Batch::new(vec![0; CELL + 1]).is_none());
    }

    #[test]
    fn identical_cells_are_kept_once() {
        let (_dir, mut shelf) = shelf();
        assert_eq!(put(&mut shelf, [cell(1, 1), cell(1, 1), cell(2, 2)].concat()), 2);
        assert_eq!(put(&mut shelf, [cell(3, 3), cell(2, 2)].concat()), 1);
        assert_eq!(all(&shelf.select(Prefix::default())).len(), 3 * CELL);
    }

    #[test]
    fn what_was_not_committed_is_cut_off() {
        let (dir, mut shelf) = shelf();
        put(&mut shelf, cell(1, 1));
        let end = HEAD + CELL as u64;
        shelf.file.write_all_at(&[9; CELL * 2 + 77], end).unwrap();
        drop(shelf);
        let path = dir.path().join("bucket");
        let mut again = Shelf::open(&path).unwrap().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), end);
        assert_eq!(all(&again.select(Prefix::default())), cell(1, 1));
        assert_eq!(put(&mut again, cell(1, 1)), 0, "digests are learnt again");
    }

    #[test]
    fn foreign_and_unfinished_files() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = dir.path().join("bucket");
        std::fs::write(&path, [7; 100]).unwrap();
        assert!(Shelf::open(&path).unwrap().is_none());
        std::fs::write(&path, [7; 2 * CELL]).unwrap();
        assert!(Shelf::open(&path).is_err());
        let mut head = [0; CELL];
        head[..16].copy_from_slice(&MAGIC);
        head[16..24].copy_from_slice(&u64::MAX.to_be_bytes());
        std::fs::write(&path, head).unwrap();
        assert!(Shelf::open(&path).is_err(), "count over the length");
    }

    #[test]
    fn a_wiped_bucket_cannot_be_read_on() {
        let (_dir, mut shelf) = shelf();
        put(&mut shelf, cell(1, 1));
        shelf.close().unwrap();
        let selection = shelf.select(Prefix::default());
        shelf.wipe().unwrap();
        let error = selection.read(0, &mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn one_destination_is_sorted_by_the_rest() {
        let (_dir, mut shelf) = shelf();
        let mut cells = Vec::new();
        for last in [5, 1, 9, 3] {
            let mut cell = cell(7, 0);
            cell[CELL - 1] = last;
            cells.push(cell);
        }
        put(&mut shelf, cells.concat());
        shelf.close().unwrap();
        cells.sort();
        assert_eq!(all(&shelf.select(Prefix::default())), cells.concat());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_prefix_is_what_a_naive_filter_finds(
            seed: u64,
            tops in prop::collection::vec(prop_oneof![Just(0x4bcu16), 0x4b0u16..0x4c0, 0u16..0x1000], 0..60),
            prefix in "[0-9a-f]{0,3}|4b|4bc|4",
            cut in (0.0..1.0, 0.0..1.0),
        ) {
            let (_dir, mut shelf) = shelf();
            let mut rng = Fixed::new(seed);
            let mut cells: Vec<Vec<u8>> = Vec::new();
            for top in &tops {
                let mut bytes = vec![0; CELL];
                rng.fill(&mut bytes);
                let first = top << 4 | u16::from(bytes[1] & 15);
                bytes[..2].copy_from_slice(&first.to_be_bytes());
                cells.push(bytes);
            }
            for batch in cells.chunks(7) {
                put(&mut shelf, batch.concat());
            }
            let prefix: Prefix = prefix.parse().unwrap();
            let wanted = |cells: &[Vec<u8>]| -> Vec<u8> {
                cells.iter().filter(|c| prefix.matches(c)).flatten().copied().collect()
            };
            prop_assert_eq!(all(&shelf.select(prefix)), wanted(&cells));
            shelf.close().unwrap();
            cells.sort();
            let whole = wanted(&cells);
            let selection = shelf.select(prefix);
            prop_assert_eq!(&all(&selection), &whole);
            let from = (whole.len() as f64 * cut.0) as usize;
            let to = from + ((whole.len() - from) as f64 * cut.1) as usize;
            let mut part = vec![0; to - from];
            selection.read(from as u64, &mut part).unwrap();
            prop_assert_eq!(&part[..], &whole[from..to]);
        }
    }
}
