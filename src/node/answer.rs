//! Answers: every one has `Content-Length`, `Cache-Control: no-store` and `Date`, and no `ETag`,
//! `Last-Modified` or `Server`. Cells are read from the store piece by piece while they leave.
//! Specified in poste-protocol(7), Node.

use crate::core::time::Time;
use crate::node::cluster::listing::Coming;
use crate::node::direct::{Cells, LEAST, Seat};
use crate::node::lent::Buffers;
use crate::node::meter::Tap;
use crate::node::selection::Selection;
use crate::node::store::Found;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How much of a bucket is read at a time, in bytes: little enough for the caches of a processor,
/// and for the memory of a node whose clients read slowly.
const PIECE: u64 = 64 << 10;

/// The body of an answer.
pub enum Answer {
    /// A few bytes at hand.
    Text(Bytes),
    /// A range of the bytes of some cells, counted as they leave if they are for a network.
    Cells(Selection, Range<u64>, Option<Tap>, Buffers),
    /// The same from a cluster.
    Coming(Coming, Option<Tap>),
    /// So many bytes that are sent by other means when their turn has come.
    Apart(u64, Arc<Seat>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match self.get_mut() {
            Answer::Coming(_, Some(tap)) if !tap.is_open() => Poll::Ready(Some(Err(banned()))),
            Answer::Coming(coming, tap) => coming.poll(context).map_ok(|piece| {
                if let Some(tap) = tap {
                    tap.gave(piece.len() as u64);
                }
                piece
            }),
            Answer::Apart(_, seat) => {
                seat.due();
                Poll::Pending
            }
            here => Poll::Ready(here.next().transpose()),
        };
        next.map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

impl Answer {
    /// A range of the bytes of some cells, which must lie within them.
    pub fn cells(cells: Found, range: Range<u64>, tap: Option<Tap>) -> Answer {
        match cells {
            Found::Here(cells) => Answer::Cells(cells, range, tap, Buffers::default()),
            Found::There(cells) => Answer::Coming(cells.send(range), tap),
        }
    }

    fn left(&self) -> u64 {
        match self {
            Answer::Text(text) => text.len() as u64,
            Answer::Cells(_, range, ..) => range.end - range.start,
            Answer::Coming(coming, _) => coming.left(),
            Answer::Apart(length, _) => *length,
        }
    }

    /// The same answer, whose cells wait in `seat` if they are many and one run of a file.
    pub fn apart(self, seat: &Arc<Seat>) -> Answer {
        match self {
            Answer::Cells(cells, range, tap, _)
                if range.end - range.start >= LEAST && cells.run().is_some() =>
            {
                let length = range.end - range.start;
                seat.take(Cells { cells, range, tap });
                Answer::Apart(length, seat.clone())
            }
            other => other,
        }
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left() == 0 {
            return Ok(None);
        }
        match self {
            Answer::Text(text) => Ok(Some(std::mem::take(text))),
            // These are waited for, and not read in place.
            Answer::Coming(..) | Answer::Apart(..) => Ok(None),
            Answer::Cells(_, _, Some(tap), _) if !tap.is_open() => Err(banned()),
            Answer::Cells(cells, range, tap, buffers) => {
                // Pieces end at multiples of their size, so that no cell is read in two halves.
                let end = ((range.start / PIECE + 1) * PIECE).min(range.end);
                // Read in place: the store is memory, so this is a copy and does not block.
                let read = |out: &mut [u8]| cells.read(range.start, out);
                let piece = buffers.piece((end - range.start) as usize, read)?;
                range.start = end;
                if let Some(tap) = tap {
                    tap.gave(piece.len() as u64);
                }
                Ok(Some(piece))
            }
        }
    }
}

fn banned() -> io::Error {
    io::Error::other("the network has been banned")
}

/// An answer with `body`, which is of the type `kind`.
pub fn answer(status: StatusCode, kind: &'static str, body: Answer, now: Time) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let date = now.rfc5322().replace("+0000", "GMT");
    if let Ok(date) = HeaderValue::try_from(date) {
        headers.insert(DATE, date);
    }
    response
}

/// A line of text for whoever looks at the answer by hand.
pub fn line(status: StatusCode, text: &'static str, now: Time) -> Response<Answer> {
    let text = if text.is_empty() { String::new() } else { format!("{text}\n") };
    answer(status, "text/plain", Answer::Text(text.into()), now)
}

/// The refusal of a method where only `methods` are taken.
pub fn not_allowed(methods: &'static str, now: Time) -> Response<Answer> {
    let mut response = line(StatusCode::METHOD_NOT_ALLOWED, "not that way", now);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Adds a header whose value is printable.
pub fn set(response: &mut Response<Answer>, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
