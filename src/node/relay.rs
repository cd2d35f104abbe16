//! The relay's requests: upload to a bucket, download by prefix, status. One function from a
//! request to its answer, the table of the protocol in code; nothing here knows of connections.
//! Refuses everything the table does not name. Specified in poste-protocol(7), Relay.

use crate::core::bucket::{Bucket, CELL, Prefix};
use crate::node::answer::{Answer, answer, line};
use crate::node::buckets::{Buckets, GetError, PutError};
use crate::node::metrics::Metrics;
use crate::node::range;
use crate::node::selection::Selection;
use crate::node::shelf::Batch;
use crate::node::status::{About, document};
use crate::node::upload::{self, ReadError};
use hyper::body::{Body, Bytes};
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONNECTION, CONTENT_RANGE, EXPECT, HeaderValue, IF_RANGE, RANGE,
    TRANSFER_ENCODING,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::sync::Arc;

/// Largest body of an upload, in cells.
pub const UPLOAD_CELLS: usize = 256;
/// Largest body of an upload, in bytes.
pub const UPLOAD: usize = UPLOAD_CELLS * CELL;

/// A relay: the store behind it and what it says of itself.
pub struct Relay {
    buckets: Arc<Buckets>,
    metrics: Arc<Metrics>,
    about: About,
}

/// What a path names.
enum Target {
    Bucket(Bucket),
    Shard(Bucket, Prefix),
    Status,
}

impl Relay {
    /// A relay over `buckets`.
    pub fn new(buckets: Arc<Buckets>, metrics: Arc<Metrics>, about: About) -> Relay {
        Relay { buckets, metrics, about }
    }

    /// The store.
    pub fn buckets(&self) -> &Arc<Buckets> {
        &self.buckets
    }

    /// The counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, mut body) = request.into_parts();
        let waits = head.headers.contains_key(EXPECT);
        // The length of every body is told beforehand. A request with two ideas of its length,
        // which is how requests are smuggled past proxies, arrives here with this header alone.
        let chunked = head.headers.contains_key(TRANSFER_ENCODING);
        let mut response = match (target(head.uri.path()), &head.method) {
            _ if chunked => self.line(StatusCode::LENGTH_REQUIRED, "give a content-length"),
            (None, _) => self.line(StatusCode::NOT_FOUND, "no such path"),
            (Some(Target::Bucket(bucket)), &Method::POST) => self.upload(bucket, &mut body).await,
            // Without a slash at its end this is the address of uploads, not of a download.
            (Some(Target::Bucket(_)), &Method::GET) => {
                self.line(StatusCode::NOT_FOUND, "a download ends with a slash and a prefix")
            }
            (Some(Target::Shard(bucket, prefix)), &Method::GET) => {
                self.download(bucket, prefix, &head.headers).await
            }
            (Some(Target::Status), &Method::GET) => self.status(),
            (Some(Target::Bucket(_)), _) => self.not_allowed("POST"),
            (Some(Target::Shard(..) | Target::Status), _) => self.not_allowed("GET"),
        };
        // A client that waits to be told to go on has sent nothing, a slow one had its time.
        let no_more = waits || response.status() == StatusCode::REQUEST_TIMEOUT;
        let whole = body.is_end_stream()
            || (!no_more && upload::drain(&mut body, 4 * UPLOAD).await && !chunked);
        if !whole {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.metrics.answered(response.status().as_u16());
        response
    }

    async fn upload<B>(&self, bucket: Bucket, body: &mut B) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // Said before the body is read, so that it need not be sent.
        if !bucket.is_open(self.buckets.keeper().now()) {
            return self.line(StatusCode::CONFLICT, "wrong period");
        }
        let bytes = match upload::read(body, UPLOAD).await {
            Ok(bytes) => bytes,
            Err(ReadError::TooLarge) => {
                return self.line(StatusCode::PAYLOAD_TOO_LARGE, "too many cells: see /v1/status");
            }
            Err(ReadError::TooSlow) => {
                return self.line(StatusCode::REQUEST_TIMEOUT, "too slow");
            }
            Err(ReadError::Broken) => return self.line(StatusCode::BAD_REQUEST, "broken body"),
        };
        let buckets = self.buckets.clone();
        let stored = tokio::task::spawn_blocking(move || {
            Batch::new(bytes).map(|batch| (batch.len(), buckets.put(bucket, &batch)))
        });
        match stored.await {
            Ok(None) => self.line(StatusCode::BAD_REQUEST, "not a whole number of cells"),
            Ok(Some((cells, Ok(new)))) => {
                self.metrics.cells.add(new as u64);
                self.metrics.repeated.add((cells - new) as u64);
                self.line(StatusCode::OK, "")
            }
            Ok(Some((_, Err(PutError::WrongPeriod)))) => {
                self.line(StatusCode::CONFLICT, "wrong period")
            }
            Ok(Some((_, Err(PutError::Full)))) => {
                self.line(StatusCode::INSUFFICIENT_STORAGE, "full")
            }
            Ok(Some((_, Err(PutError::Io(_))))) | Err(_) => self.failed(),
        }
    }

    async fn download(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        headers: &HeaderMap,
    ) -> Response<Answer> {
        let buckets = self.buckets.clone();
        let found = tokio::task::spawn_blocking(move || buckets.get(bucket, prefix));
        match found.await {
            Ok(Ok((cells, closed))) => {
                let response = self.cells(cells, closed, headers);
                self.metrics.given.add(response.body().size_hint().lower());
                response
            }
            Ok(Err(GetError::NotYet)) => self.line(StatusCode::NOT_FOUND, "not yet"),
            Ok(Err(GetError::Wiped)) => self.line(StatusCode::GONE, "wiped"),
            Ok(Err(GetError::Io(_))) | Err(_) => self.failed(),
        }
    }

    /// Cells, or the range of them asked for. An open bucket has no order, hence no ranges; with
    /// `If-Range` everything is given, since nothing here has a validator to match.
    fn cells(&self, cells: Selection, closed: bool, headers: &HeaderMap) -> Response<Answer> {
        let kind = "application/octet-stream";
        let (now, length) = (self.buckets.keeper().wall(), cells.bytes());
        let wanted = headers.get(RANGE).filter(|_| closed && !headers.contains_key(IF_RANGE));
        let part = match wanted.map(|wanted| range::parse(wanted.as_bytes(), length)) {
            Some(Err(range::Unsatisfiable)) => {
                let mut response = self.line(StatusCode::RANGE_NOT_SATISFIABLE, "no such range");
                set(&mut response, CONTENT_RANGE, format!("bytes */{length}"));
                return response;
            }
            Some(Ok(part)) => part,
            None => None,
        };
        let mut response = match part {
            None => answer(StatusCode::OK, kind, Answer::Cells(cells, 0..length), now),
            Some(part) => {
                let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let body = Answer::Cells(cells, part);
                let mut response = answer(StatusCode::PARTIAL_CONTENT, kind, body, now);
                set(&mut response, CONTENT_RANGE, text);
                response
            }
        };
        if closed {
            response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        response
    }

    fn status(&self) -> Response<Answer> {
        let now = self.buckets.keeper().wall();
        match document(&self.about, &self.buckets) {
            Ok(text) => {
                let body = Answer::Text(text.into());
                answer(StatusCode::OK, "application/toml", body, now)
            }
            Err(_) => self.failed(),
        }
    }

    fn not_allowed(&self, methods: &'static str) -> Response<Answer> {
        let mut response = self.line(StatusCode::METHOD_NOT_ALLOWED, "not that way");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        response
    }

    /// Something in the node: what it was is in the log.
    fn failed(&self) -> Response<Answer> {
        self.line(StatusCode::INTERNAL_SERVER_ERROR, "the node has failed")
    }

    fn line(&self, status: StatusCode, text: &'static str) -> Response<Answer> {
        line(status, text, self.buckets.keeper().wall())
    }
}

fn target(path: &str) -> Option<Target> {
    let rest = path.strip_prefix("/v1/")?;
    if rest == "status" {
        return Some(Target::Status);
    }
    let (class, rest) = rest.split_once('/')?;
    let (period, prefix) = match rest.split_once('/') {
        Some((period, prefix)) => (period, Some(prefix)),
        None => (rest, None),
    };
    let bucket = format!("{class}/{period}").parse().ok()?;
    match prefix {
        None => Some(Target::Bucket(bucket)),
        Some(prefix) => Some(Target::Shard(bucket, prefix.parse().ok()?)),
    }
}

fn set(response: &mut Response<Answer>, name: hyper::header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
