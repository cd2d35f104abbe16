//! Part of a bucket on its way out: which cells of the file, in which order, and any range of
//! their bytes. Keeps the file open but not alive: once the bucket is wiped, reading fails.
//! Used for the downloads of poste-protocol(7), Relay.

use crate::core::bucket::CELL;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Some cells of a bucket, to be read piece by piece.
#[derive(Clone)]
pub struct Selection {
    file: Option<Arc<File>>,
    /// Where the first cell of the file begins.
    first: u64,
    cells: Cells,
}

/// Which cells.
#[derive(Clone)]
pub enum Cells {
    /// Those one after the other in the file.
    Run(Range<usize>),
    /// Those at a range of a list of positions.
    Listed(Arc<[u32]>, Range<usize>),
}

impl Selection {
    /// `cells` of `file`, in which the first cell begins at byte `first`.
    pub fn new(file: Arc<File>, first: u64, cells: Cells) -> Selection {
        Selection { file: Some(file), first, cells }
    }

    /// No cell at all.
    pub fn none() -> Selection {
        Selection { file: None, first: 0, cells: Cells::Run(0..0) }
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        let (Cells::Run(range) | Cells::Listed(_, range)) = &self.cells;
        (range.len() * CELL) as u64
    }

    /// The file and where in it the bytes begin, if they follow one another there.
    pub fn run(&self) -> Option<(&File, u64)> {
        match (&self.file, &self.cells) {
            (Some(file), Cells::Run(range)) => Some((file, self.at(range.start))),
            _ => None,
        }
    }

    fn at(&self, position: usize) -> u64 {
        self.first + (position * CELL) as u64
    }

    /// Reads the bytes from `from` on into all of `out`, which must lie within the selection.
    /// Fails with `UnexpectedEof` when the bucket has been wiped meanwhile.
    pub fn read(&self, from: u64, out: &mut [u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let (order, range) = match &self.cells {
            Cells::Listed(order, range) => (order, range),
            Cells::Run(range) => return file.read_exact_at(out, self.at(range.start) + from),
        };
        let order = &order[range.clone()];
        let (mut at, mut inside) = ((from / CELL as u64) as usize, (from % CELL as u64) as usize);
        let mut rest = out;
        while !rest.is_empty() {
            let Some(position) = order.get(at) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            // Neighbours in the file are read in one go.
            let neighbours = order[at..].windows(2).take_while(|pair| pair[0] + 1 == pair[1]);
            let run = 1 + neighbours.take(rest.len() / CELL).count();
            let length = rest.len().min(run * CELL - inside);
            let (now, later) = rest.split_at_mut(length);
            file.read_exact_at(now, self.at(*position as usize) + inside as u64)?;
            (rest, at, inside) = (later, at + run, 0);
        }
        Ok(())
    }
}
