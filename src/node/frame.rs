//! What every request has to satisfy whatever it asks for, and what becomes of a body that was not
//! read: the part of an answer that has nothing to do with the role that gives it.
//! Specified in posted(8), LIMITS.

use crate::node::answer::Answer;
use crate::node::upload;
use hyper::body::{Body, Bytes};
use hyper::header::{CONNECTION, EXPECT, HeaderValue, TRANSFER_ENCODING};
use hyper::{HeaderMap, Response, StatusCode};

/// How a request comes with its body.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    waits: bool,
    /// Whether the length is not told beforehand, which is refused. A request with two ideas of its
    /// length, which is how requests are smuggled past proxies, arrives here with this header alone.
    pub chunked: bool,
}

impl Frame {
    /// That of the request with these headers.
    pub fn of(headers: &HeaderMap) -> Frame {
        Frame {
            waits: headers.contains_key(EXPECT),
            chunked: headers.contains_key(TRANSFER_ENCODING),
        }
    }

    /// Reads on what is left of the body, at most `limit` bytes, so that the client gets to see the
    /// answer; if it cannot all be read, the connection is closed after it.
    pub async fn finish<B>(self, response: &mut Response<Answer>, body: &mut B, limit: usize)
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // A client that waits to be told to go on has sent nothing, a slow one had its time.
        let no_more = self.waits || response.status() == StatusCode::REQUEST_TIMEOUT;
        let whole =
            body.is_end_stream() || (!no_more && upload::drain(body, limit).await && !self.chunked);
        if !whole {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}
