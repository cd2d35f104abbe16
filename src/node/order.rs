//! The cells of a bucket in the order of their bytes: found out from the file to which they were
//! appended, and written to another one, so that any prefix is one run of bytes.
//! Used by `shelf`.

use crate::core::bucket::CELL;
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Cells written at a time.
const PIECE: usize = 32;

/// Positions of the cells in `file`, which begin at byte `first`, in the order of their bytes.
/// `tops` are their first 12 bits; only cells in which those are the same are read.
pub fn order(file: &File, first: u64, tops: &[u16]) -> io::Result<Vec<u32>> {
    let read = |at: u32, out: &mut [u8]| file.read_exact_at(out, place(first, at));
    let mut order: Vec<u32> = (0..tops.len() as u32).collect();
    let top = |at: &u32| tops[*at as usize];
    order.sort_by_key(top);
    let (mut a, mut b, mut keys) = (vec![0; CELL], vec![0; CELL], Vec::new());
    let mut failed = None;
    for alike in order.chunk_by_mut(|left, right| top(left) == top(right)) {
        keys.clear();
        for at in alike.iter() {
            let mut destination = [0; 16];
            read(*at, &mut destination)?;
            keys.push((destination, *at));
        }
        keys.sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| {
                match read(left.1, &mut a).and_then(|()| read(right.1, &mut b)) {
                    Ok(()) => a.cmp(&b),
                    Err(error) => {
                        failed = Some(error);
                        Ordering::Equal
                    }
                }
            })
        });
        alike.iter_mut().zip(&keys).for_each(|(at, (_, key))| *at = *key);
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(order),
    }
}

/// Puts the first `first` bytes of `file` and its cells in this order into the file `path`, mode
/// 0600. On an error nothing is left of it.
pub fn write(file: &File, first: u64, order: &[u32], path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let new = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    match fill(file, first, order, &new) {
        Ok(()) => Ok(new),
        Err(error) => {
            std::fs::remove_file(path)?;
            Err(error)
        }
    }
}

fn fill(file: &File, first: u64, order: &[u32], new: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE * CELL];
    let head = &mut piece[..first as usize];
    file.read_exact_at(head, 0)?;
    new.write_all_at(head, 0)?;
    let mut end = first;
    for positions in order.chunks(PIECE) {
        for (at, out) in positions.iter().zip(piece.chunks_exact_mut(CELL)) {
            file.read_exact_at(out, place(first, *at))?;
        }
        let filled = &piece[..positions.len() * CELL];
        new.write_all_at(filled, end)?;
        end += filled.len() as u64;
    }
    new.sync_all()
}

fn place(first: u64, at: u32) -> u64 {
    first + u64::from(at) * CELL as u64
}
