//! A connection as the system gives it, below TLS: its bytes are counted as they come and go, and its
//! far end must keep reading. While an answer waits to be sent, every half minute must move some of
//! it, or the connection ends; without this a client that asks for a bucket and never reads would
//! hold its place for ever. Bytes are counted for the role as a whole, and for the place that the
//! connection has; never for a client.
//! Specified in posted(8), LIMITS, REPORTS and ADMIN.

use crate::node::direct::Seat;
use crate::node::metrics::Traffic;
use crate::node::slots::Pulse;
use hyper::body::Bytes;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How often the pace is looked at.
pub const WINDOW: Duration = Duration::from_secs(30);
/// Bytes that must have moved in that time.
pub const LEAST: u64 = 30 * 1024;

/// A stream that fails with `TimedOut` when it cannot be written to at the pace.
pub struct Paced<S> {
    stream: S,
    /// Runs while something waits to be written.
    window: Option<Pin<Box<Sleep>>>,
    moved: u64,
    traffic: Arc<Traffic>,
    pulse: Arc<Pulse>,
    /// Where it is waited for that everything has been written.
    seat: Arc<Seat>,
    /// What was read from it and given back.
    ahead: Bytes,
}

impl<S> Paced<S> {
    /// Paces `stream`, counts its bytes in `traffic`, and tells `pulse` what moves.
    pub fn new(stream: S, traffic: Arc<Traffic>, pulse: Arc<Pulse>) -> Paced<S> {
        let (seat, ahead) = Default::default();
        Paced { stream, window: None, moved: 0, traffic, pulse, seat, ahead }
    }

    /// Where cells wait that are to be sent after what is being written.
    pub fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Gives back what was read too much; it is read again. Of nothing, nothing is kept: it would be
    /// the whole buffer from which all has been taken.
    pub fn give_back(&mut self, ahead: Bytes) {
        self.ahead = if ahead.is_empty() { Bytes::new() } else { ahead };
    }

    /// A head goes out with the first of the cells that come after it: whoever waits for the answer
    /// is woken once.
    fn hold(&self)
    where
        S: Hold,
    {
        if self.seat.is_taken() {
            self.stream.hold(true);
        }
    }

    /// Takes note of a write that went through or has to wait.
    fn note(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(n)) => {
                self.moved += n as u64;
                self.traffic.sent.add(n as u64);
                self.pulse.moved(n as u64);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => loop {
                let moved = &mut self.moved;
                let window = self.window.get_or_insert_with(|| {
                    *moved = 0;
                    Box::pin(sleep(WINDOW))
                });
                ready!(window.as_mut().poll(cx));
                if *moved < LEAST {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                *moved = 0;
                window.as_mut().reset(Instant::now() + WINDOW);
            },
        }
    }
}

/// A stream that can keep what is written until more comes.
pub trait Hold {
    /// Keeps it, or lets it go.
    fn hold(&self, on: bool);
}

impl Hold for TcpStream {
    fn hold(&self, on: bool) {
        // Where it fails, one packet more is sent.
        let _ = rustix::net::sockopt::set_tcp_cork(self, on);
    }
}

impl Paced<TcpStream> {
    /// Sends at most `most` bytes of `file`, from byte `from` on; how many, 0 behind its end.
    pub async fn send_file(&mut self, file: &File, from: u64, most: u64) -> io::Result<u64> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let sent = poll_fn(|cx| {
            let sent = self.poll_send_file(cx, file, from, most);
            self.note(cx, sent)
        });
        Ok(sent.await? as u64)
    }

    fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        file: &File,
        from: u64,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let mut from = from;
            let send = || Ok(rustix::fs::sendfile(&self.stream, file, Some(&mut from), most)?);
            match self.stream.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// Nothing waits to be sent any more.
    pub fn rest(&mut self) {
        self.window = None;
        self.stream.hold(false);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (this, before) = (self.get_mut(), buffer.filled().len());
        if !this.ahead.is_empty() {
            let again = this.ahead.len().min(buffer.remaining());
            buffer.put_slice(&this.ahead.split_to(again));
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let came = (buffer.filled().len() - before) as u64;
        this.traffic.received.add(came);
        this.pulse.moved(came);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Hold + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.hold();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.hold();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        // Nothing waits any more.
        this.window = None;
        this.seat.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::slots::Slots;
    use hyper::body::Buf;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    impl Hold for DuplexStream {
        fn hold(&self, _: bool) {}
    }

    async fn paced<S>(stream: S) -> Paced<S> {
        Paced::new(stream, Arc::default(), Slots::new(1).take().await.pulse().clone())
    }

    #[tokio::test]
    async fn nothing_given_back_keeps_no_buffer() {
        let buffer = Arc::new([0; 64]);
        struct Shared(Arc<[u8; 64]>);
        impl AsRef<[u8]> for Shared {
            fn as_ref(&self) -> &[u8] {
                &*self.0
            }
        }
        let (near, _far) = duplex(1000);
        let mut near = paced(near).await;
        let mut ahead = Bytes::from_owner(Shared(buffer.clone()));
        ahead.advance(64);
        near.give_back(ahead);
        assert_eq!(Arc::strong_count(&buffer), 1);
        let mut ahead = Bytes::from_owner(Shared(buffer.clone()));
        ahead.advance(60);
        near.give_back(ahead);
        assert_eq!(near.read_exact(&mut [1; 4]).await.unwrap(), 4);
        assert_eq!(Arc::strong_count(&buffer), 1, "all of it was read");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_is_given_up() {
        let (near, far) = duplex(1000);
        let mut near = paced(near).await;
        let error = near.write_all(&[0; 2000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_reader_is_served() {
        let (near, mut far) = duplex(1000);
        let mut near = paced(near).await;
        let reader = tokio::spawn(async move {
            let mut piece = [0; 2000];
            let mut count = 0;
            while let Ok(n @ 1..) = far.read(&mut piece).await {
                count += n;
                sleep(Duration::from_millis(500)).await;
            }
            count
        });
        near.write_all(&[0; 200_000]).await.unwrap();
        assert_eq!(near.traffic.sent.get(), 200_000);
        drop(near);
        assert_eq!(reader.await.unwrap(), 200_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_between_answers_is_no_stall() {
        let (near, mut far) = duplex(1000);
        let mut near = paced(near).await;
        for _ in 0..2 {
            let reading = async {
                sleep(Duration::from_secs(1)).await;
                far.read_exact(&mut [0; 1500]).await
            };
            let writing = async {
                near.write_all(&[0; 1500]).await?;
                near.flush().await
            };
            let (read, written) = tokio::join!(reading, writing);
            read.unwrap();
            written.unwrap();
            sleep(WINDOW * 3).await;
        }
    }
}
