//! The relay's requests: upload to a bucket, download by prefix, status, bans. One function from a
//! request to its answer, the table of the protocol in code; nothing here knows of connections.
//! Refuses everything the table does not name. Specified in poste-protocol(7), Relay.

use crate::core::bucket::{Bucket, CELL, Prefix};
use crate::node::answer::{Answer, answer, line, not_allowed, set};
use crate::node::buckets::{GetError, PutError};
use crate::node::callers::{Callers, Peer};
use crate::node::frame::Asked;
use crate::node::hands::Hands;
use crate::node::meter::{Meter, Tap, price};
use crate::node::metrics::Metrics;
use crate::node::network::Network;
use crate::node::range;
use crate::node::refusal;
use crate::node::shelf::Batch;
use crate::node::status::{About, document, saturation};
use crate::node::store::{Found, Store};
use hyper::body::{Body, Bytes};
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, HeaderValue, IF_RANGE, RANGE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::sync::Arc;

/// Largest body of an upload, in cells.
pub const UPLOAD_CELLS: usize = 256;
/// Largest body of an upload, in bytes.
pub const UPLOAD: usize = UPLOAD_CELLS * CELL;

/// A relay: the store behind it and what it says of itself.
pub struct Relay {
    buckets: Arc<Store>,
    meter: Arc<Meter>,
    callers: Callers,
    metrics: Arc<Metrics>,
    about: About,
    /// For those that are at the store.
    hands: Hands,
}

/// What a path names.
enum Target {
    Bucket(Bucket),
    Shard(Bucket, Prefix),
    Status,
    Banned,
}

impl Relay {
    /// A relay over `buckets`, which counts in `meter` those whom `callers` tells apart.
    pub fn new(
        buckets: Arc<Store>,
        meter: Meter,
        callers: Callers,
        metrics: Arc<Metrics>,
        about: About,
    ) -> Relay {
        let hands = Hands::new(buckets.hands());
        Relay { buckets, meter: Arc::new(meter), callers, metrics, about, hands }
    }

    /// The store.
    pub fn buckets(&self) -> &Arc<Store> {
        &self.buckets
    }

    /// Counts and bans.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Who is believed about whom.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// How full it is, from 0.0 to 1.0.
    pub fn saturation(&self) -> f64 {
        let connections = (self.metrics.traffic.connections.get(), self.about.connections as u64);
        let rate = self.about.bandwidth.map(|most| (self.metrics.rate.bytes_per_second(), most));
        saturation(self.buckets.fill(), connections, rate)
    }

    /// Answers one request that came from `peer`.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let traffic = &self.metrics.traffic;
        let Asked { head, mut body, frame, network } =
            Asked::new(request, peer, &self.callers, traffic);
        let now = self.buckets.keeper().now();
        let banned = network.is_some_and(|network| self.meter.is_banned(network, now));
        let mut response = match (target(head.uri.path()), &head.method) {
            _ if frame.chunked => self.line(StatusCode::LENGTH_REQUIRED, "give a content-length"),
            (None, _) => self.line(StatusCode::NOT_FOUND, "no such path"),
            (Some(Target::Bucket(_) | Target::Shard(..)), _) if banned => {
                self.line(StatusCode::FORBIDDEN, "banned for a day: see /v1/banned")
            }
            (Some(Target::Bucket(bucket)), &Method::POST) => {
                self.upload(bucket, network, &mut body).await
            }
            // Without a slash at its end this is the address of uploads, not of a download.
            (Some(Target::Bucket(_)), &Method::GET) => {
                self.line(StatusCode::NOT_FOUND, "a download ends with a slash and a prefix")
            }
            (Some(Target::Shard(bucket, prefix)), &Method::GET) => {
                self.download(bucket, prefix, network, &head.headers).await
            }
            (Some(Target::Status), &Method::GET) => self.document(document(
                &self.about,
                &self.buckets,
                self.saturation(),
                self.meter.rules(),
            )),
            (Some(Target::Banned), &Method::GET) => self.document(self.meter.list(now)),
            (Some(Target::Bucket(_)), _) => self.not_allowed("POST"),
            (Some(Target::Shard(..) | Target::Status | Target::Banned), _) => {
                self.not_allowed("GET")
            }
        };
        frame.finish(&mut response, &mut body, 4 * UPLOAD, traffic).await;
        response
    }

    async fn upload<B>(
        &self,
        bucket: Bucket,
        network: Option<Network>,
        body: &mut B,
    ) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // Said before the body is read, so that it need not be sent.
        let now = self.buckets.keeper().now();
        if !bucket.is_open(now) {
            return self.line(StatusCode::CONFLICT, "wrong period");
        }
        let (used, capacity) = self.buckets.fill();
        // What is too large is refused below, and no price.
        let length = body.size_hint().lower().min(UPLOAD as u64);
        let price = price(length, used, capacity);
        if let Some(Err(wait)) = network.map(|network| self.meter.charge(network, price, now)) {
            return refusal::over_allowance(wait, self.buckets.keeper().wall());
        }
        let (too_large, wall) = ("too many cells: see /v1/status", || self.buckets.keeper().wall());
        let bytes = match refusal::body(body, UPLOAD, too_large, wall).await {
            Ok(bytes) => bytes,
            Err(refused) => return refused,
        };
        let Some(batch) = Batch::new(bytes) else {
            return self.line(StatusCode::BAD_REQUEST, "not a whole number of cells");
        };
        let cells = batch.len();
        // Going by another thread takes about as long as storing, so only who has to wait does.
        let stored = match self.buckets.put_at_hand(bucket, &batch) {
            Some(stored) => Ok(stored),
            None => {
                let buckets = self.buckets.clone();
                self.hands.work(move || buckets.put(bucket, &batch)).await
            }
        };
        // A store of several servers may have kept a part, which is to be paid for: or whoever adds a
        // cell for one that is dead to each upload would fill the others for nothing.
        let (kept, stored) = match stored {
            Ok(Err(PutError::Part(kept, why))) => (kept, Ok(Err(*why))),
            stored => (0, stored),
        };
        self.metrics.cells.add(kept as u64);
        // Not for what the client has to answer for, or broken uploads would cost nothing.
        let refund = || {
            if let Some(network) = network {
                let rest = (cells - kept.min(cells)) as u64;
                self.meter.refund(network, price.saturating_mul(rest) / cells as u64);
            }
        };
        match stored {
            Ok(Ok(new)) => {
                self.metrics.cells.add(new as u64);
                self.metrics.repeated.add((cells - new) as u64);
                self.line(StatusCode::OK, "")
            }
            Ok(Err(PutError::WrongPeriod)) => {
                refund();
                self.line(StatusCode::CONFLICT, "wrong period")
            }
            Ok(Err(PutError::Full)) => {
                refund();
                self.line(StatusCode::INSUFFICIENT_STORAGE, "full")
            }
            Ok(Err(PutError::Away)) => {
                refund();
                self.away()
            }
            Ok(Err(PutError::Io(_) | PutError::Part(..))) | Err(_) => {
                refund();
                self.failed()
            }
        }
    }

    async fn download(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        network: Option<Network>,
        headers: &HeaderMap,
    ) -> Response<Answer> {
        // Going by another thread takes longer than a small answer itself.
        let found = match self.buckets.at_hand(bucket, prefix) {
            Some(cells) => Ok(Ok((cells, true))),
            None => {
                let buckets = self.buckets.clone();
                self.hands.work(move || buckets.get(bucket, prefix)).await
            }
        };
        match found {
            Ok(Ok((cells, closed))) => {
                let tap = network.map(|network| Tap {
                    meter: self.meter.clone(),
                    buckets: self.buckets.clone(),
                    network,
                    class: bucket.class(),
                    prefix,
                });
                let response = self.cells(cells, closed, headers, tap);
                self.metrics.given.add(response.body().size_hint().lower());
                response
            }
            Ok(Err(GetError::NotYet)) => self.line(StatusCode::NOT_FOUND, "not yet"),
            Ok(Err(GetError::Wiped)) => self.line(StatusCode::GONE, "wiped"),
            Ok(Err(GetError::Away)) => self.away(),
            Ok(Err(GetError::Io(_))) | Err(_) => self.failed(),
        }
    }

    /// Cells, or the range of them asked for. An open bucket has no order, hence no ranges; with
    /// `If-Range` everything is given, since nothing here has a validator to match.
    fn cells(
        &self,
        cells: Found,
        closed: bool,
        headers: &HeaderMap,
        tap: Option<Tap>,
    ) -> Response<Answer> {
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
            None => answer(StatusCode::OK, kind, Answer::cells(cells, 0..length, tap), now),
            Some(part) => {
                let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                let body = Answer::cells(cells, part, tap);
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

    fn document(&self, text: Result<String, toml::ser::Error>) -> Response<Answer> {
        let now = self.buckets.keeper().wall();
        match text {
            Ok(text) => {
                let body = Answer::Text(text.into());
                answer(StatusCode::OK, "application/toml", body, now)
            }
            Err(_) => self.failed(),
        }
    }

    fn not_allowed(&self, methods: &'static str) -> Response<Answer> {
        not_allowed(methods, self.buckets.keeper().wall())
    }

    /// The store's servers: the node itself is well, and so may be the next one.
    fn away(&self) -> Response<Answer> {
        self.metrics.away.up();
        self.line(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer: try again")
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
    match rest {
        "status" => return Some(Target::Status),
        "banned" => return Some(Target::Banned),
        _ => {}
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
