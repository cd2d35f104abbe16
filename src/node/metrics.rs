//! Counters for the operator, in the text format that Prometheus reads. They count requests,
//! cells and refusals of the node as a whole: there is none by client, address or prefix.
//! Served on the admin address only. Specified in posted(8), ADMIN.

use std::fmt::Write;
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

/// All counters of a node since its start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers by status, for the statuses in [`STATUSES`].
    answers: [Counter; STATUSES.len()],
    /// Cells stored.
    pub cells: Counter,
    /// Cells uploaded that were there already.
    pub repeated: Counter,
    /// Bytes of cells given out, counted when their answer begins.
    pub given: Counter,
    /// Requests of proxies that named no client, so that nothing was counted for one.
    pub unnamed: Counter,
    /// Requests that failed because the store's servers did not answer.
    pub away: Counter,
    /// Buckets wiped.
    pub wiped: Counter,
    /// Connections open now.
    pub connections: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections ended by a timeout, a malformed request or a failed TLS handshake.
    pub broken: Counter,
}

/// The statuses a relay answers with.
pub const STATUSES: [u16; 17] =
    [200, 206, 400, 403, 404, 405, 408, 409, 410, 411, 413, 416, 429, 500, 503, 507, 0];

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16) {
        let at = STATUSES.iter().position(|s| *s == status).unwrap_or(STATUSES.len() - 1);
        self.answers[at].up();
    }

    /// The text, with the store's fill, whether the clock is at odds, and how many are banned.
    pub fn text(&self, (used, capacity): (u64, u64), disagrees: bool, banned: usize) -> String {
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP posted_{name} {help}\n# TYPE posted_{name} {kind}");
            for (label, value) in values {
                let _ = writeln!(text, "posted_{name}{label} {value}");
            }
        };
        let one = |value: u64| [(String::new(), value)];
        let answers: Vec<_> = STATUSES
            .iter()
            .zip(&self.answers)
            .map(|(status, count)| {
                let status = if *status == 0 { "other".into() } else { status.to_string() };
                (format!("{{status=\"{status}\"}}"), count.get())
            })
            .collect();
        put("answers_total", "counter", "answers by status", &answers);
        put("cells_stored_total", "counter", "cells stored", &one(self.cells.get()));
        let repeated = one(self.repeated.get());
        put("cells_repeated_total", "counter", "cells uploaded that were there", &repeated);
        put("bytes_given_total", "counter", "bytes of cells given out", &one(self.given.get()));
        let unnamed = one(self.unnamed.get());
        put("unnamed_total", "counter", "requests of proxies that named nobody", &unnamed);
        let away = one(self.away.get());
        put("store_away_total", "counter", "requests the store did not answer", &away);
        put("banned", "gauge", "networks banned now", &one(banned as u64));
        put("buckets_wiped_total", "counter", "buckets wiped", &one(self.wiped.get()));
        put("connections", "gauge", "connections open", &one(self.connections.get()));
        put("connections_total", "counter", "connections accepted", &one(self.accepted.get()));
        let broken = one(self.broken.get());
        put("connections_broken_total", "counter", "connections ended by an error", &broken);
        put("store_bytes", "gauge", "bytes in the store", &one(used));
        put("store_capacity_bytes", "gauge", "bytes the store may hold", &one(capacity));
        put("clock_disagrees", "gauge", "1 if the clock is not followed", &one(disagrees.into()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_line_a_counter() {
        let metrics = Metrics::default();
        metrics.answered(200);
        metrics.answered(418);
        metrics.cells.add(3);
        let text = metrics.text((4096, 8192), true, 2);
        for line in [
            "posted_answers_total{status=\"200\"} 1",
            "posted_answers_total{status=\"other\"} 1",
            "posted_cells_stored_total 3",
            "posted_store_bytes 4096",
            "posted_clock_disagrees 1",
            "posted_banned 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
