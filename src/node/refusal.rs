//! Refusals that roles have in common: of a client over its allowance, and of a body that did not
//! come as it should.
//! Specified in posted(8), LIMITS and ALLOWANCE.

use crate::core::time::Time;
use crate::node::answer::{Answer, line, set};
use crate::node::upload::{self, ReadError};
use hyper::body::{Body, Bytes};
use hyper::header::RETRY_AFTER;
use hyper::{Response, StatusCode};

/// The client may try again after so many seconds.
pub fn over_allowance(seconds: u64, now: Time) -> Response<Answer> {
    let mut response = line(StatusCode::TOO_MANY_REQUESTS, "over the allowance", now);
    set(&mut response, RETRY_AFTER, seconds.to_string());
    response
}

/// Reads a body of at most `limit` bytes, or says why not: `too_large` if it was longer.
pub async fn body<B>(
    body: &mut B,
    limit: usize,
    too_large: &'static str,
    now: impl Fn() -> Time,
) -> Result<Vec<u8>, Response<Answer>>
where
    B: Body<Data = Bytes> + Unpin,
{
    upload::read(body, limit).await.map_err(|error| match error {
        ReadError::TooLarge => line(StatusCode::PAYLOAD_TOO_LARGE, too_large, now()),
        ReadError::TooSlow => line(StatusCode::REQUEST_TIMEOUT, "too slow", now()),
        ReadError::Broken => line(StatusCode::BAD_REQUEST, "broken body", now()),
    })
}
