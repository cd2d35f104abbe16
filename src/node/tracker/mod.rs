//! The tracker's requests: a report, the list for programs, the list for people. One function from
//! a request to its answer; and once a second, a look at the nodes that have reported. Believes a
//! node nothing but how full it is. Refuses everything else.
//! Specified in poste-protocol(7), Tracker, and posted(8), REPORTS.

pub mod look;
pub mod page;
pub mod table;

use crate::core::nodes;
use crate::core::report::{LIMIT, Report};
use crate::core::time::Time;
use crate::node::answer::{Answer, answer, line, not_allowed, set};
use crate::node::callers::{Callers, Peer};
use crate::node::clock::Clock;
use crate::node::frame::Asked;
use crate::node::metrics::Traffic;
use crate::node::network::Network;
use crate::node::refusal;
use crate::node::tally::{Counts, Tables};
use crate::node::tracker::look::Look;
use crate::node::tracker::page::{POLICY, page};
use crate::node::tracker::table::{FRESH, NotTaken, Table, URL};
use hyper::body::{Body, Bytes};
use hyper::header::CONTENT_SECURITY_POLICY;
use hyper::{Method, Request, Response, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Nodes looked at at a time.
pub const LOOKS: usize = 32;
/// Reports that a network may send in an hour: those of ten relays.
pub const REPORTS: u64 = 120;

/// A tracker.
pub struct Tracker {
    name: String,
    clock: Arc<dyn Clock>,
    look: Look,
    callers: Callers,
    /// Whether clients can be told apart, and so be counted.
    counts: bool,
    table: Mutex<Table>,
    tables: Mutex<Tables>,
    traffic: Arc<Traffic>,
    /// When nodes were looked at, or at least looked for, last.
    looked: Mutex<Time>,
}

impl Tracker {
    /// A tracker that looks at nodes as `look` does. With `counts` networks have an allowance.
    pub fn new(
        name: String,
        clock: Arc<dyn Clock>,
        look: Look,
        callers: Callers,
        counts: bool,
    ) -> Tracker {
        let (table, tables, traffic) = (Mutex::default(), Mutex::default(), Arc::default());
        let looked = Mutex::new(clock.now());
        Tracker { name, clock, look, callers, counts, table, tables, traffic, looked }
    }

    /// Who is believed about whom.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The counters.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// How many nodes are listed, and how many more are waited for.
    pub fn count(&self, now: Time) -> (usize, usize) {
        self.table().count(now)
    }

    /// Whether it has not looked at nodes for as long as one is listed.
    pub fn is_stuck(&self, now: Time) -> bool {
        now.since(*hold(&self.looked)) > FRESH
    }

    /// Looks at nodes that have reported, as many as are due and no more than [`LOOKS`], and
    /// forgets what counts no more. Blocks for as long as a look takes.
    pub fn chores(&self) {
        let now = self.clock.now();
        hold(&self.tables).forget(REPORTS, now);
        let due = {
            let mut table = self.table();
            table.forget(now);
            table.due(LOOKS, now)
        };
        std::thread::scope(|looks| {
            for url in &due {
                looks.spawn(move || {
                    let key = self.look.key_at(url);
                    self.table().found(url, key, self.clock.now());
                });
            }
        });
        *hold(&self.looked) = self.clock.now();
    }

    /// Answers one request that came from `peer`.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let traffic = &self.traffic;
        let Asked { head, mut body, frame, network } =
            Asked::new(request, peer, &self.callers, traffic);
        let network = network.filter(|_| self.counts);
        let mut response = match (head.uri.path(), &head.method) {
            _ if frame.chunked => self.line(StatusCode::LENGTH_REQUIRED, "give a content-length"),
            ("/v1/report", &Method::POST) => self.report(network, &mut body).await,
            ("/v1/nodes", &Method::GET) => {
                self.text("application/toml", nodes::write(&self.table().list(self.now())))
            }
            ("/", &Method::GET) => {
                let page = page(&self.name, &self.table().list(self.now()));
                let mut response = self.text("text/html; charset=utf-8", page);
                set(&mut response, CONTENT_SECURITY_POLICY, POLICY.to_owned());
                response
            }
            ("/v1/report", _) => not_allowed("POST", self.now()),
            ("/v1/nodes" | "/", _) => not_allowed("GET", self.now()),
            _ => self.line(StatusCode::NOT_FOUND, "no such path"),
        };
        frame.finish(&mut response, &mut body, 4 * LIMIT, traffic).await;
        response
    }

    async fn report<B>(&self, network: Option<Network>, body: &mut B) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let charge = |n| hold(&self.tables).charge(n, 1, REPORTS, self.now());
        if let Some(Err(wait)) = network.map(charge) {
            return refusal::over_allowance(wait, self.now());
        }
        let too_large = "a report has at most 4 KiB";
        let bytes = match refusal::body(body, LIMIT, too_large, || self.now()).await {
            Ok(bytes) => bytes,
            Err(refused) => return refused,
        };
        let Ok(report) = Report::read(&bytes) else {
            return self.line(StatusCode::BAD_REQUEST, "not a report, or not signed by its key");
        };
        if report.url.len() > URL || !self.look.is_admissible(&report.url) {
            return self.line(StatusCode::BAD_REQUEST, "no node can be at this url");
        }
        match self.table().take(report, self.now()) {
            Ok(()) => self.line(StatusCode::OK, ""),
            Err(NotTaken::Stale) => self.line(StatusCode::CONFLICT, "the report is not of now"),
            Err(NotTaken::Replayed) => self.line(StatusCode::CONFLICT, "a newer report has come"),
        }
    }

    fn text(&self, kind: &'static str, text: String) -> Response<Answer> {
        answer(StatusCode::OK, kind, Answer::Text(text.into()), self.now())
    }

    fn line(&self, status: StatusCode, text: &'static str) -> Response<Answer> {
        line(status, text, self.now())
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        hold(&self.table)
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Entries are put in and taken out whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
