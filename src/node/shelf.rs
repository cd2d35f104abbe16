//! One bucket in the directory store: one file, to which batches of cells are appended.
//!
//! The first page of the file says how many cells are committed; they follow in the order of
//! their arrival. A batch is written behind them and then committed by one write of 8 bytes, so a
//! kill at any moment leaves the whole batch or nothing of it. Closing sorts: where there is room, a
//! file with the cells in the order of their bytes takes the place of the first one; where there is
//! none, the order is kept in memory, so that closing can neither fail for it nor be interrupted.
//! Refuses files that are not its own. Layout specified in posted(8), STORE.

use crate::core::bucket::{CELL, Prefix};
use crate::core::prim::sha256;
use crate::core::time::MINUTE;
use crate::node::digests::{Digest, Digests};
use crate::node::order;
use crate::node::selection::{Cells, Selection};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Weak};

/// Seconds after its closing at which the file of a bucket from before the sorting is given up. Who
/// syncs as told begins ten minutes before that at the latest, and asks a node for fifteen at most;
/// whoever reads more slowly would hold the room of the whole bucket until its end.
pub const GIVEN_UP: u64 = 5 * MINUTE;

/// The page before the cells; as long as a cell, so that cells are aligned to pages.
pub const HEAD: u64 = CELL as u64;
const MAGIC: [u8; 16] = *b"poste bucket 1\n\0";
/// Where the number of cells stands, 8 bytes big-endian.
const COUNT_AT: u64 = MAGIC.len() as u64;

/// Cells to be appended, all or nothing: whole cells, and the digest of each.
pub struct Batch {
    cells: Vec<u8>,
    digests: Vec<Digest>,
}

impl Batch {
    /// Takes `cells`, whose length must be a multiple of [`CELL`]; `None` if not, or if empty.
    pub fn new(cells: Vec<u8>) -> Option<Batch> {
        if cells.is_empty() || !cells.len().is_multiple_of(CELL) {
            return None;
        }
        let digests = cells.chunks_exact(CELL).map(digest).collect();
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
    /// The one whose place it took, until nobody reads that any more.
    former: Option<Weak<File>>,
    /// First 12 bits of each cell's destination, in the order of `index`.
    tops: Vec<u16>,
    index: Index,
}

enum Index {
    /// In the order of arrival; digests tell a cell that is there already.
    Open(Digests),
    /// Positions in the file, in the order of the cells' bytes.
    Listed(Arc<[u32]>),
    /// The cells lie in the file in the order of their bytes.
    Sorted,
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
        Ok(Shelf::of(file))
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
        let mut shelf = Shelf::of(file);
        shelf.learn(count)?;
        Ok(Some(shelf))
    }

    fn of(file: File) -> Shelf {
        let index = Index::Open(Digests::default());
        Shelf { file: Arc::new(file), former: None, tops: Vec::new(), index }
    }

    /// How many cells it holds.
    pub fn len(&self) -> usize {
        self.tops.len()
    }

    /// How many bytes they take in a file.
    pub fn bytes(&self) -> u64 {
        HEAD + (self.tops.len() * CELL) as u64
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
        digests.filter(|(_, d)| !known.contains(d) && here.insert(*d)).map(|(i, _)| i).collect()
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

    /// Sorts the cells by their bytes and forgets what only an open bucket needs. `room` is given if
    /// there is room for the file once more: where to write it, and the name of its own file, which
    /// it then takes; see [`Shelf::freed`].
    pub fn close(&mut self, room: Option<(&Path, &Path)>) -> io::Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        self.former = room.map(|_| Weak::new());
        let order = order::order(&self.file, HEAD, &self.tops)?;
        self.tops = order.iter().map(|&at| self.tops[at as usize]).collect();
        self.index = if order.is_sorted() {
            Index::Sorted
        } else if let Some(file) = room.and_then(|(new, own)| self.sorted(&order, new, own)) {
            self.former = Some(Arc::downgrade(&self.file));
            self.file = file;
            Index::Sorted
        } else {
            Index::Listed(order.into())
        };
        Ok(())
    }

    /// The sorted file, in the place of its own. `None` if it could not be written, which there may
    /// be less room for than was thought: it can be done without.
    fn sorted(&self, order: &[u32], new: &Path, own: &Path) -> Option<Arc<File>> {
        let file = order::write(&self.file, HEAD, order, new).ok()?;
        match std::fs::rename(new, own) {
            Ok(()) => Some(Arc::new(file)),
            Err(_) => {
                // Else it goes with the next start.
                let _ = std::fs::remove_file(new);
                None
            }
        }
    }

    /// Bytes of the room given for closing that are free again: once, and as soon as nobody reads
    /// the file any more that was there before. With `give_up` it is taken from those who do: what
    /// they read then fails, as behind the end of any file, and their answers break off.
    pub fn freed(&mut self, give_up: bool) -> u64 {
        let gone = self.former.take_if(|former| match former.upgrade() {
            // Where it fails it counts as before, and is tried again.
            Some(file) => give_up && file.set_len(0).is_ok(),
            None => true,
        });
        gone.map_or(0, |_| self.bytes())
    }

    /// Whether it is sorted.
    pub fn is_closed(&self) -> bool {
        !matches!(self.index, Index::Open(_))
    }

    /// The cells whose destination starts with `prefix`: of an open bucket in the order of their
    /// arrival, of a closed one sorted.
    pub fn select(&self, prefix: Prefix) -> Selection {
        let matches = |top: u16| prefix.matches(&(top << 4).to_be_bytes());
        let cells = match &self.index {
            Index::Open(_) if prefix.is_empty() => Cells::Run(0..self.tops.len()),
            Index::Open(_) => {
                let found = self.tops.iter().enumerate().filter(|(_, top)| matches(**top));
                let found: Arc<[u32]> = found.map(|(at, _)| at as u32).collect();
                Cells::Listed(found.clone(), 0..found.len())
            }
            closed => {
                let lowest = lowest(prefix);
                let from = self.tops.partition_point(|top| *top < lowest);
                let to = from + self.tops[from..].partition_point(|top| matches(*top));
                match closed {
                    Index::Listed(order) => Cells::Listed(order.clone(), from..to),
                    _ => Cells::Run(from..to),
                }
            }
        };
        Selection::new(self.file.clone(), HEAD, cells)
    }

    /// Frees every byte at once, also under the hands of downloads under way. How many bytes, but
    /// for the first page.
    pub fn wipe(&mut self) -> io::Result<u64> {
        let (cells, twice) = (self.bytes() - HEAD, self.bytes());
        self.file.set_len(0)?;
        self.tops = Vec::new();
        self.index = Index::Sorted;
        let Some(former) = self.former.take() else { return Ok(cells) };
        former.upgrade().map_or(Ok(()), |file| file.set_len(0))?;
        Ok(cells + twice)
    }

    /// Fills the index from the file.
    fn learn(&mut self, count: u64) -> io::Result<()> {
        let Index::Open(known) = &mut self.index else { return Ok(()) };
        let mut cell = [0; CELL];
        for at in 0..count {
            self.file.read_exact_at(&mut cell, HEAD + at * CELL as u64)?;
            known.insert(digest(&cell));
            self.tops.push(top(&cell));
        }
        Ok(())
    }
}

fn digest(cell: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(&sha256(&[cell])[..16]);
    digest
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

#[cfg(test)]
mod tests;
