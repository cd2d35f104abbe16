//! Large answers over plain HTTP: hyper writes the head, and then the system sends the cells from
//! the file of their bucket itself, with sendfile(2), without a copy in the memory of the node.
//! What hyper has of the connection is taken apart for that once the head is out, and put together
//! again for the next request. So it is not for TLS, nor for an answer after which the connection
//! ends, nor for a request of which something may still come.
//! Used by `server`.

use crate::node::meter::Tap;
use crate::node::paced::Paced;
use crate::node::selection::Selection;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::CONNECTION;
use hyper::server::conn::http1::Connection;
use hyper::service::HttpService;
use hyper::{Request, Version};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Fewer bytes are not worth it.
pub const LEAST: u64 = 256 << 10;
/// Bytes that are sent, and counted, at a time.
const PIECE: u64 = 2 << 20;

/// Cells that are one run of a file, and the range of their bytes to be sent.
pub struct Cells {
    /// Which.
    pub cells: Selection,
    /// The bytes.
    pub range: Range<u64>,
    /// Counts them, if they are for a network.
    pub tap: Option<Tap>,
}

/// Where the cells of an answer wait until its head is out.
#[derive(Default)]
pub struct Seat(Mutex<Stage>);

#[derive(Default)]
enum Stage {
    /// No such answer is under way.
    #[default]
    Empty,
    /// There is one.
    Taken(Cells),
    /// Its head has been handed over to be written.
    Due(Cells),
    /// Its head has been written.
    Out(Cells),
}

impl Seat {
    /// Cells of an answer whose head comes next.
    pub fn take(&self, cells: Cells) {
        *self.stage() = Stage::Taken(cells);
    }

    /// Hyper asks for the body, so it has the head.
    pub fn due(&self) {
        self.step(|stage| match stage {
            Stage::Taken(cells) => Stage::Due(cells),
            other => other,
        });
    }

    /// Whether cells wait for the head of their answer.
    pub fn is_taken(&self) -> bool {
        !matches!(*self.stage(), Stage::Empty)
    }

    /// All that hyper had to write has been written.
    pub fn flushed(&self) {
        self.step(|stage| match stage {
            Stage::Due(cells) => Stage::Out(cells),
            other => other,
        });
    }

    /// The cells, if it is their turn.
    fn leave(&self) -> Option<Cells> {
        let mut stage = self.stage();
        match std::mem::take(&mut *stage) {
            Stage::Out(cells) => Some(cells),
            other => {
                *stage = other;
                None
            }
        }
    }

    fn step(&self, next: impl FnOnce(Stage) -> Stage) {
        let mut stage = self.stage();
        *stage = next(std::mem::take(&mut *stage));
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the answer to a request may be sent like this: it is all there, and another one may
/// follow over the same connection.
pub fn allows<B: Body>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11
        && request.body().is_end_stream()
        && !request.headers().contains_key(CONNECTION)
}

/// What hyper lets go of when cells are to be sent: the stream, what it has read of it too much, and
/// the cells.
pub type Handed<S> = (S, Bytes, Cells);

/// Drives a connection until its end, or until the cells in its seat are to be sent. When `stop`
/// becomes true it ends after the answer under way.
pub async fn drive<S, A, B>(
    mut connection: Connection<TokioIo<S>, A>,
    seat: Option<&Seat>,
    stop: &mut watch::Receiver<bool>,
) -> hyper::Result<Option<Handed<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: HttpService<Incoming, ResBody = B>,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut stopped = std::pin::pin!(stop.wait_for(|stop| *stop));
    let mut told = false;
    let cells = poll_fn(|context| {
        if !told && stopped.as_mut().poll(context).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        match Pin::new(&mut connection).poll(context) {
            Poll::Ready(end) => Poll::Ready(end.map(|()| None)),
            Poll::Pending => match seat.and_then(Seat::leave) {
                Some(cells) => Poll::Ready(Ok(Some(cells))),
                None => Poll::Pending,
            },
        }
    });
    let Some(cells) = cells.await? else { return Ok(None) };
    let parts = connection.into_parts();
    Ok(Some((parts.io.into_inner(), parts.read_buf, cells)))
}

/// Sends cells. Fails when their bucket is wiped meanwhile, or their network banned.
pub async fn send(to: &mut Paced<TcpStream>, what: &Cells) -> io::Result<()> {
    let Cells { cells, range, tap } = what;
    let (file, first) = cells.run().ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut at = range.start;
    while at < range.end {
        if tap.as_ref().is_some_and(|tap| !tap.is_open()) {
            return Err(io::Error::other("the network has been banned"));
        }
        let sent = to.send_file(file, first + at, (range.end - at).min(PIECE)).await?;
        if sent == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at += sent;
        if let Some(tap) = tap {
            tap.gave(sent);
        }
    }
    to.rest();
    Ok(())
}
