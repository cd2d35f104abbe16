//! Counters for the operator, in the text format that Prometheus reads. They count requests,
//! cells and refusals of a role as a whole: there is none by client, address or prefix.
//! Served on the admin address only. Specified in posted(8), ADMIN.

use crate::node::rate::Rate;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn up(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// One less, for what can also fall.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What every role counts since its start.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Answers by status, for the statuses in [`STATUSES`].
    answers: [Counter; STATUSES.len()],
    /// Requests of proxies that named no client, so that nothing was counted for one.
    pub unnamed: Counter,
    /// Connections open now.
    pub connections: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections ended by a timeout, a malformed request or a failed TLS handshake.
    pub broken: Counter,
    /// Bytes that came, of any kind.
    pub received: Counter,
    /// Bytes that went.
    pub sent: Counter,
}

/// All counters of a relay since its start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Those of every role.
    pub traffic: Arc<Traffic>,
    /// How fast bytes come and go.
    pub rate: Rate,
    /// Cells stored.
    pub cells: Counter,
    /// Cells uploaded that were there already.
    pub repeated: Counter,
    /// Bytes of cells given out, counted when their answer begins.
    pub given: Counter,
    /// Requests that failed because the store's servers did not answer.
    pub away: Counter,
    /// Buckets wiped.
    pub wiped: Counter,
}

/// The statuses a node answers with.
pub const STATUSES: [u16; 18] =
    [200, 201, 206, 400, 403, 404, 405, 408, 409, 410, 411, 413, 416, 429, 500, 503, 507, 0];

impl Traffic {
    /// Counts an answer.
    pub fn answered(&self, status: u16) {
        let at = STATUSES.iter().position(|s| *s == status).unwrap_or(STATUSES.len() - 1);
        self.answers[at].up();
    }
}

/// The text for Prometheus, line by line.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// A counter that only grows, whose name should end with `_total`; or a gauge.
    pub fn put(&mut self, name: &str, help: &str, value: u64) {
        self.all(name, help, &[(String::new(), value)]);
    }

    /// One that each role has.
    pub fn by_role(&mut self, name: &str, help: &str, values: &[(&str, u64)]) {
        let label = |(role, value): &(&str, u64)| (format!("{{role=\"{role}\"}}"), *value);
        self.all(name, help, &values.iter().map(label).collect::<Vec<_>>());
    }

    /// What every role counts.
    pub fn traffic(&mut self, roles: &[(&str, &Traffic)]) {
        let mut answers = Vec::new();
        for (role, traffic) in roles {
            for (status, count) in STATUSES.iter().zip(&traffic.answers) {
                let status = if *status == 0 { "other".into() } else { status.to_string() };
                let label = format!("{{role=\"{role}\",status=\"{status}\"}}");
                answers.push((label, count.get()));
            }
        }
        self.all("answers_total", "answers by status", &answers);
        let mut each = |name: &str, help: &str, counter: fn(&Traffic) -> &Counter| {
            let values: Vec<_> = roles.iter().map(|(r, t)| (*r, counter(t).get())).collect();
            self.by_role(name, help, &values);
        };
        each("unnamed_total", "requests of proxies that named nobody", |t| &t.unnamed);
        each("connections", "connections open", |t| &t.connections);
        each("connections_total", "connections accepted", |t| &t.accepted);
        each("connections_broken_total", "connections ended by an error", |t| &t.broken);
        each("received_bytes_total", "bytes that came, of any kind", |t| &t.received);
        each("sent_bytes_total", "bytes that went, of any kind", |t| &t.sent);
    }

    /// What a relay counts besides.
    pub fn relay(&mut self, metrics: &Metrics) {
        self.put("cells_stored_total", "cells stored", metrics.cells.get());
        self.put("cells_repeated_total", "cells uploaded that were there", metrics.repeated.get());
        self.put("bytes_given_total", "bytes of cells given out", metrics.given.get());
        self.put("store_away_total", "requests the store did not answer", metrics.away.get());
        self.put("buckets_wiped_total", "buckets wiped", metrics.wiped.get());
    }

    /// The whole text.
    pub fn text(self) -> String {
        self.text
    }

    fn all(&mut self, name: &str, help: &str, values: &[(String, u64)]) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "# HELP posted_{name} {help}\n# TYPE posted_{name} {kind}");
        for (label, value) in values {
            let _ = writeln!(self.text, "posted_{name}{label} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_line_a_counter() {
        let (metrics, tracker) = (Metrics::default(), Traffic::default());
        metrics.traffic.answered(200);
        metrics.traffic.answered(418);
        metrics.cells.add(3);
        tracker.connections.up();
        let mut page = Page::default();
        page.traffic(&[("relay", &metrics.traffic), ("tracker", &tracker)]);
        page.relay(&metrics);
        page.put("banned", "networks banned now", 2);
        let text = page.text();
        for line in [
            "posted_answers_total{role=\"relay\",status=\"200\"} 1",
            "posted_answers_total{role=\"relay\",status=\"other\"} 1",
            "posted_answers_total{role=\"tracker\",status=\"200\"} 0",
            "posted_connections{role=\"tracker\"} 1",
            "posted_cells_stored_total 3",
            "# TYPE posted_cells_stored_total counter",
            "# TYPE posted_banned gauge",
            "posted_banned 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut names: Vec<_> = names.map(|rest| rest.split(' ').next().unwrap()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "each once, whatever the roles");
    }
}
