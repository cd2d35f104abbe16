//! What every request has to satisfy whatever it asks for, whom it is counted for, and what becomes of
//! a body that was not read: the part of an answer that has nothing to do with the role that gives it.
//! Specified in posted(8), LIMITS.

use crate::node::answer::Answer;
use crate::node::callers::{Callers, Peer};
use crate::node::metrics::Traffic;
use crate::node::network::Network;
use crate::node::upload;
use hyper::body::{Body, Bytes};
use hyper::header::{CONNECTION, EXPECT, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode};

/// A request, as every role begins with it.
pub struct Asked<B> {
    /// What it asks for.
    pub head: Parts,
    /// Not read yet.
    pub body: B,
    /// How the one comes with the other.
    pub frame: Frame,
    /// Whom it is counted for, if that is known.
    pub network: Option<Network>,
}

impl<B> Asked<B> {
    /// Takes a request apart that came from `peer`.
    pub fn new(request: Request<B>, peer: Peer, callers: &Callers, traffic: &Traffic) -> Asked<B> {
        let (head, body) = request.into_parts();
        let network = callers.network(peer, &head.headers);
        if network.is_none() {
            traffic.unnamed.up();
        }
        Asked { frame: Frame::of(&head.headers), head, body, network }
    }
}

/// How a request comes with its body.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    waits: bool,
    /// Whether the length is not told beforehand, which is refused. A request with two ideas of its
    /// length, which is how requests are smuggled past proxies, arrives here with this header alone.
    pub chunked: bool,
}

impl Frame {
    fn of(headers: &HeaderMap) -> Frame {
        Frame {
            waits: headers.contains_key(EXPECT),
            chunked: headers.contains_key(TRANSFER_ENCODING),
        }
    }

    /// Reads on what is left of the body, at most `limit` bytes, so that the client gets to see the
    /// answer; if it cannot all be read, the connection is closed after it. Counts the answer.
    pub async fn finish<B>(
        self,
        response: &mut Response<Answer>,
        body: &mut B,
        limit: usize,
        traffic: &Traffic,
    ) where
        B: Body<Data = Bytes> + Unpin,
    {
        // A client that waits to be told to go on has sent nothing, a slow one had its time.
        let no_more = self.waits || response.status() == StatusCode::REQUEST_TIMEOUT;
        let whole =
            body.is_end_stream() || (!no_more && upload::drain(body, limit).await && !self.chunked);
        if !whole {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        traffic.answered(response.status().as_u16());
    }
}
