//! The cells of a bucket in the order of their bytes: found out from the file to which they were
//! appended, and written to another one, so that any prefix is one run of bytes.
//! Used by `shelf`.

use crate::core::bucket::CELL;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Cells written at a time.
const PIECE: usize = 32;

/// Bytes of a cell that are compared at first, and at a time after those. Whoever makes many cells
/// alike costs the node a read of so many bytes after the other, and no more.
const NEAR: usize = 16;
/// See [`NEAR`].
const FAR: usize = 64;

/// Positions of the cells in `file`, which begin at byte `first`, in the order of their bytes.
/// `tops` are their first 12 bits; only cells in which those are the same are read.
pub fn order(file: &File, first: u64, tops: &[u16]) -> io::Result<Vec<u32>> {
    let mut order: Vec<u32> = (0..tops.len() as u32).collect();
    let top = |at: &u32| tops[*at as usize];
    order.sort_by_key(top);
    let mut keys = Vec::new();
    for alike in order.chunk_by_mut(|left, right| top(left) == top(right)) {
        by_bytes(file, first, alike, &mut keys)?;
    }
    Ok(order)
}

/// Sorts positions of cells by the bytes of those, some bytes at a time: what they have in common is
/// read once and not compared again. `keys` is there to be used again.
fn by_bytes(
    file: &File,
    first: u64,
    positions: &mut [u32],
    keys: &mut Vec<([u8; FAR], u32)>,
) -> io::Result<()> {
    // Ranges of cells that are the same in all bytes before this one.
    let mut alike = vec![(0..positions.len(), 0)];
    while let Some((range, from)) = alike.pop() {
        if range.len() < 2 || from == CELL {
            continue;
        }
        let to = if from == 0 { NEAR } else { (from + FAR).min(CELL) };
        keys.clear();
        for at in &positions[range.clone()] {
            let mut key = [0; FAR];
            file.read_exact_at(&mut key[..to - from], place(first, *at) + from as u64)?;
            keys.push((key, *at));
        }
        keys.sort_unstable();
        let mut start = range.start;
        for same in keys.chunk_by(|left, right| left.0 == right.0) {
            let end = start + same.len();
            positions[start..end].iter_mut().zip(same).for_each(|(at, (_, key))| *at = *key);
            alike.push((start..end, to));
            start = end;
        }
    }
    Ok(())
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
