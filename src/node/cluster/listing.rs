//! A download from a cluster: which cells of which parts, and their bytes piece by piece, read
//! while they leave. An open bucket is given as it stood when it was asked for, since what comes
//! later has higher scores; of a closed one any range is given. Once the bucket is wiped, or a
//! master away, the download breaks off: no cell is ever given in part or out of its place.
//! Used for the downloads of poste-protocol(7), Relay; specified in posted(8), REDIS.

use crate::core::bucket::{Bucket, CELL};
use crate::node::cluster::link::Link;
use hyper::body::Bytes;
use redis::{RedisError, cmd};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Cells read at a time; 256 KiB.
const PIECE: u64 = 64;
/// Pieces read ahead.
const AHEAD: usize = 2;
/// Above this in a score stands the third digit, below it the number of cells before.
pub const DIGIT: u64 = 1 << 32;

/// Cells of one part.
pub struct Cells {
    /// The part's key.
    pub key: String,
    /// How many.
    pub count: u64,
    /// Where.
    pub order: Order,
}

/// Where cells stand in their part.
pub enum Order {
    /// Closed: those from this rank on.
    From(u64),
    /// Open: those with a score in the range, of which this many were in the part.
    Scores(Range<u64>, u64),
}

/// What a download gives.
pub struct Listing {
    pub(super) link: Link,
    pub(super) handle: Handle,
    pub(super) cells: Vec<Cells>,
    pub(super) bucket: Bucket,
    pub(super) wiped: Wiped,
}

/// Whether a bucket's time is over.
pub(super) type Wiped = Arc<dyn Fn(Bucket) -> bool + Send + Sync>;

/// Bytes that are coming.
pub struct Coming {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
    bucket: Bucket,
    wiped: Wiped,
}

impl Listing {
    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.cells.iter().map(|cells| cells.count).sum::<u64>() * CELL as u64
    }

    /// Begins to read a range of the bytes, which must lie within them. Of an open bucket it must
    /// be all of them.
    pub fn send(self, range: Range<u64>) -> Coming {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let left = range.end - range.start;
        let (bucket, wiped, handle) = (self.bucket, self.wiped.clone(), self.handle.clone());
        handle.spawn(async move {
            if let Err(error) = self.read(range, &sender).await {
                // Nobody listens any more if the connection has ended.
                let _ = sender.send(Err(error)).await;
            }
        });
        Coming { pieces, left, bucket, wiped }
    }

    async fn read(
        &self,
        range: Range<u64>,
        to: &mpsc::Sender<io::Result<Bytes>>,
    ) -> io::Result<()> {
        // In cells, from the first to after the last of which any byte is asked for.
        let size = CELL as u64;
        let (mut skip, end) = (range.start / size, range.end.div_ceil(size));
        let mut at = skip;
        for cells in &self.cells {
            if skip >= cells.count {
                skip -= cells.count;
                continue;
            }
            let mut done = std::mem::take(&mut skip);
            let mut after = None;
            while done < cells.count && at < end {
                let wanted = PIECE.min(cells.count - done).min(end - at);
                let piece = self.piece(cells, done, wanted, &mut after).await?;
                let first = at * size;
                (done, at) = (done + wanted, at + wanted);
                let cut = |edge: u64| edge.clamp(first, at * size) - first;
                let part = cut(range.start) as usize..cut(range.end) as usize;
                if to.send(Ok(piece.slice(part))).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The `wanted` cells after the first `done`; `after` is the score of the last of those.
    async fn piece(
        &self,
        cells: &Cells,
        done: u64,
        wanted: u64,
        after: &mut Option<u64>,
    ) -> io::Result<Bytes> {
        let mut found = Vec::with_capacity(wanted as usize * CELL);
        let mut count = 0;
        while count < wanted {
            if (self.wiped)(self.bucket) {
                return Err(gone());
            }
            let mut command = cmd("ZRANGE");
            command.arg(&cells.key);
            let got: Vec<Vec<u8>> = match &cells.order {
                Order::From(rank) => {
                    command.arg(rank + done).arg(rank + done + wanted - 1);
                    self.link.ask(command).await.map_err(away)?
                }
                Order::Scores(scores, before) => {
                    let from = after.map_or(scores.start.to_string(), |score| format!("({score}"));
                    command.arg(from).arg(format!("({}", scores.end)).arg("BYSCORE");
                    command.arg("LIMIT").arg(0).arg(wanted - count).arg("WITHSCORES");
                    let pairs: Vec<(Vec<u8>, f64)> = self.link.ask(command).await.map_err(away)?;
                    let Some((_, last)) = pairs.last() else { return Err(gone()) };
                    *after = Some(*last as u64);
                    let then = pairs.into_iter().filter(|(_, s)| *s as u64 % DIGIT < *before);
                    let cells: Vec<_> = then.map(|(cell, _)| cell).collect();
                    if cells.is_empty() {
                        continue;
                    }
                    cells
                }
            };
            if got.is_empty() || got.iter().any(|cell| cell.len() != CELL) {
                return Err(gone());
            }
            count += got.len() as u64;
            got.iter().for_each(|cell| found.extend_from_slice(cell));
        }
        if count > wanted {
            return Err(gone());
        }
        Ok(found.into())
    }
}

impl Coming {
    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next of them.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // Nor does what was read before.
        if (self.wiped)(self.bucket) {
            return Poll::Ready(Some(Err(gone())));
        }
        self.pieces.poll_recv(context).map(|piece| {
            let piece = piece.unwrap_or_else(|| Err(gone()));
            if let Ok(piece) = &piece {
                self.left -= piece.len() as u64;
            }
            Some(piece)
        })
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the bucket is not there any more")
}

fn away(error: RedisError) -> io::Error {
    io::Error::other(error.to_string())
}
