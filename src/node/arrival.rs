//! The body of a request on its way in. Once all of it is there, it is the node that is waited
//! for, and the connection must not give way to another on account of that.
//! Used by `server`.

use crate::node::slots::Pulse;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A body that tells the pulse of its connection when it is whole.
pub struct Arrival<B> {
    body: B,
    pulse: Arc<Pulse>,
}

impl<B: Body> Arrival<B> {
    /// That of a request which has just come.
    pub fn new(body: B, pulse: Arc<Pulse>) -> Arrival<B> {
        pulse.beat();
        pulse.works(body.is_end_stream());
        Arrival { body, pulse }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Arrival<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if frame.is_none() || this.body.is_end_stream() {
            this.pulse.works(true);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
