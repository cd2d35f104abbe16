//! The admin address: `/healthz` and `/metrics` of every role that the process runs, for the
//! operator's own monitoring. On loopback only; it changes nothing.
//! Specified in posted(8), ADMIN.

use crate::core::time::Time;
use crate::node::answer::{Answer, answer, line, not_allowed};
use crate::node::clock::{Clock, System};
use crate::node::identity::Host;
use crate::node::metrics::{Page, Traffic};
use crate::node::relay::Relay;
use crate::node::tracker::Tracker;
use hyper::{Method, Response, StatusCode};
use std::sync::Arc;

/// The roles that run here.
#[derive(Clone, Default)]
pub struct Admin {
    /// The relay.
    pub relay: Option<Arc<Relay>>,
    /// The tracker.
    pub tracker: Option<Arc<Tracker>>,
    /// The identity host.
    pub identity: Option<Arc<Host>>,
}

impl Admin {
    /// Answers one request by its method and path.
    pub fn respond(&self, method: &Method, path: &str) -> Response<Answer> {
        let now = System.now();
        match (path, method) {
            ("/healthz", &Method::GET) => match self.trouble(now) {
                Some(trouble) => line(StatusCode::SERVICE_UNAVAILABLE, trouble, now),
                None => line(StatusCode::OK, "ok", now),
            },
            ("/metrics", &Method::GET) => {
                let text = Answer::Text(self.metrics(now).into());
                answer(StatusCode::OK, "text/plain; version=0.0.4", text, now)
            }
            ("/healthz" | "/metrics", _) => not_allowed("GET", now),
            _ => line(StatusCode::NOT_FOUND, "no such path", now),
        }
    }

    /// What keeps a role from its work.
    fn trouble(&self, now: Time) -> Option<&'static str> {
        if self.clocks().iter().any(|(_, disagrees)| *disagrees > 0) {
            return Some("the clock is not followed");
        }
        if self.relay.as_ref().is_some_and(|relay| relay.buckets().is_away()) {
            return Some("the store does not answer");
        }
        let stuck = self.tracker.as_ref().is_some_and(|tracker| tracker.is_stuck(now));
        stuck.then_some("the tracker looks at no nodes")
    }

    fn metrics(&self, now: Time) -> String {
        let mut page = Page::default();
        let mut roles: Vec<(&str, &Traffic)> = Vec::new();
        roles.extend(self.relay.iter().map(|relay| ("relay", &*relay.metrics().traffic)));
        roles.extend(self.tracker.iter().map(|tracker| ("tracker", &**tracker.traffic())));
        roles.extend(self.identity.iter().map(|host| ("identity", &**host.traffic())));
        page.traffic(&roles);
        page.by_role("clock_disagrees", "1 if the clock is not followed", &self.clocks());
        if let Some(relay) = &self.relay {
            let (used, capacity) = relay.buckets().fill();
            let banned = relay.meter().banned(relay.buckets().keeper().now());
            page.relay(relay.metrics());
            page.put("banned", "networks banned now", banned as u64);
            page.put("store_bytes", "bytes in the store", used);
            page.put("store_capacity_bytes", "bytes the store may hold", capacity);
        }
        if let Some(tracker) = &self.tracker {
            let (listed, waiting) = tracker.count(now);
            page.put("nodes_listed", "nodes in the list", listed as u64);
            page.put("nodes_waiting", "nodes that were not found yet", waiting as u64);
        }
        if let Some(host) = &self.identity {
            let (cards, most) = host.fill();
            page.put("cards", "cards kept", cards as u64);
            page.put("cards_capacity", "cards that may be kept", most as u64);
        }
        page.text()
    }

    /// Whether the clock is at odds with what a role goes by; a tracker goes by the clock itself.
    fn clocks(&self) -> Vec<(&'static str, u64)> {
        let relay = self.relay.iter().map(|r| ("relay", r.buckets().keeper().disagrees().into()));
        let identity = self.identity.iter().map(|host| ("identity", host.disagrees().into()));
        relay.chain(identity).collect()
    }
}
