//! The identity host's requests: putting a card, getting it back, and who volunteers for cover. One
//! function from a request to its answer, the table of the protocol in code. Whoever puts a card
//! needs no account: the signature says whose it is. Refuses everything the table does not name.
//! Specified in poste-protocol(7), Identity host.

pub mod allowance;
pub mod cards;
pub mod trouble;

use crate::core::card::{LIMIT, NotTaken};
use crate::core::keys::Fingerprint;
use crate::core::time::Time;
use crate::node::answer::{Answer, answer, line, not_allowed};
use crate::node::callers::{Callers, Peer};
use crate::node::frame::Asked;
use crate::node::hands::Hands;
use crate::node::identity::allowance::Allowance;
use crate::node::identity::cards::{Cards, PutError, Taken};
use crate::node::meter::price;
use crate::node::metrics::Traffic;
use crate::node::network::Network;
use crate::node::random;
use crate::node::refusal;
use hyper::body::{Body, Bytes};
use hyper::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;

/// Cards that are fetched from the disk at a time.
const FETCHES: usize = 32;
/// Cards that are checked and written at a time, the latter one after the other. Apart from the
/// fetches, so that whoever puts keeps nobody from fetching.
const PUTS: usize = 4;

/// An identity host.
pub struct Host {
    cards: Arc<Cards>,
    allowance: Allowance,
    callers: Callers,
    traffic: Arc<Traffic>,
    fetches: Hands,
    puts: Hands,
}

/// What a path names.
enum Target {
    Card(Fingerprint),
    Volunteers,
}

impl Host {
    /// A host of `cards`, which counts by `allowance` those whom `callers` tells apart.
    pub fn new(cards: Cards, allowance: Allowance, callers: Callers) -> Host {
        let (cards, traffic) = (Arc::new(cards), Arc::default());
        let (fetches, puts) = (Hands::new(FETCHES), Hands::new(PUTS));
        Host { cards, allowance, callers, traffic, fetches, puts }
    }

    /// Who is believed about whom.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The counters.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// How many cards are kept, and how many may be.
    pub fn fill(&self) -> (usize, usize) {
        (self.cards.count(), self.cards.most())
    }

    /// Whether the clock is at odds with what the host goes by.
    pub fn disagrees(&self) -> bool {
        self.cards.keeper().disagrees()
    }

    /// Drops what is over. To be called often.
    pub fn chores(&self) {
        self.cards.chores();
        self.allowance.forget(self.cards.keeper().now());
    }

    /// Answers one request that came from `peer`.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let traffic = &self.traffic;
        let Asked { head, mut body, frame, network } =
            Asked::new(request, peer, &self.callers, traffic);
        let mut response = match (target(head.uri.path()), &head.method) {
            _ if frame.chunked => self.line(StatusCode::LENGTH_REQUIRED, "give a content-length"),
            (None, _) => self.line(StatusCode::NOT_FOUND, "no such path"),
            (Some(Target::Card(owner)), &Method::PUT) => self.put(owner, network, &mut body).await,
            (Some(Target::Card(owner)), &Method::GET | &Method::HEAD) => self.get(owner).await,
            (Some(Target::Volunteers), &Method::GET | &Method::HEAD) => {
                self.text(self.cards.volunteers(&mut random::System))
            }
            (Some(Target::Card(_)), _) => not_allowed("GET, HEAD, PUT", self.now()),
            (Some(Target::Volunteers), _) => not_allowed("GET, HEAD", self.now()),
        };
        frame.finish(&mut response, &mut body, 4 * LIMIT, traffic).await;
        response
    }

    async fn put<B>(
        &self,
        owner: Fingerprint,
        network: Option<Network>,
        body: &mut B,
    ) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // A newcomer's card counts for more as the host fills; who has one here is not kept out.
        let (used, most) = (self.cards.count() as u64, self.cards.most() as u64);
        let price = if self.cards.holds(owner) { 1 } else { price(1, used, most) };
        let now = self.cards.keeper().now();
        if let Some(Err(wait)) = network.map(|n| self.allowance.charge(n, price, now)) {
            return refusal::over_allowance(wait, self.now());
        }
        let too_large = "a card has at most 16 KiB";
        let bytes = match refusal::body(body, LIMIT, too_large, || self.now()).await {
            Ok(bytes) => bytes,
            Err(refused) => return refused,
        };
        let cards = self.cards.clone();
        let put = self.puts.work(move || cards.put(owner, &bytes)).await;
        let (status, text) = match put.unwrap_or(Err(PutError::Io)) {
            Ok(Taken::First) => (StatusCode::CREATED, ""),
            Ok(Taken::Newer | Taken::Known) => (StatusCode::OK, ""),
            Err(PutError::Bad(_)) => (StatusCode::BAD_REQUEST, "not a card"),
            Err(PutError::Foreign) => (StatusCode::BAD_REQUEST, "not the card of this fingerprint"),
            Err(PutError::Expired) => (StatusCode::CONFLICT, "the card has expired"),
            Err(PutError::NotTaken(NotTaken::Future)) => {
                (StatusCode::CONFLICT, "the card is from the future")
            }
            Err(PutError::NotTaken(NotTaken::Equivocation)) => {
                (StatusCode::CONFLICT, "another card of the same issue time is here")
            }
            Err(PutError::NotTaken(_)) => (StatusCode::CONFLICT, "a newer card is here"),
            Err(PutError::Full) => (StatusCode::INSUFFICIENT_STORAGE, "full"),
            Err(PutError::Io) => (StatusCode::INTERNAL_SERVER_ERROR, "the host has failed"),
        };
        if let Some(network) = network.filter(|_| status.is_server_error()) {
            self.allowance.refund(network, price);
        }
        self.line(status, text)
    }

    async fn get(&self, owner: Fingerprint) -> Response<Answer> {
        let cards = self.cards.clone();
        match self.fetches.work(move || cards.get(owner)).await {
            Ok(Ok(Some(card))) => self.text(card),
            Ok(Ok(None)) => self.line(StatusCode::NOT_FOUND, "no such card"),
            Ok(Err(_)) | Err(_) => {
                self.line(StatusCode::INTERNAL_SERVER_ERROR, "the host has failed")
            }
        }
    }

    /// What others have written, which a browser must not take for a page.
    fn text(&self, text: impl Into<Bytes>) -> Response<Answer> {
        let body = Answer::Text(text.into());
        let mut response = answer(StatusCode::OK, "text/plain; charset=utf-8", body, self.now());
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    fn line(&self, status: StatusCode, text: &'static str) -> Response<Answer> {
        line(status, text, self.now())
    }

    fn now(&self) -> Time {
        self.cards.keeper().wall()
    }
}

fn target(path: &str) -> Option<Target> {
    if path == "/v1/volunteers" {
        return Some(Target::Volunteers);
    }
    let name = path.strip_prefix("/id/")?.strip_suffix(".toml")?;
    Some(Target::Card(name.parse().ok()?))
}

#[cfg(test)]
mod tests;
