//! A relay in memory, which can be told to misbehave, and the courier to it. It keeps the rules of
//! poste-protocol(7), Relay, as far as its faults let it.

use super::faults::Faults;
use poste::core::bucket::{Bucket, CELL, Class, Prefix};
use poste::core::time::Time;
use poste::net::{self, Answer, Cause, Courier, Fetched, Heard};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Relay {
    /// Cells by bucket.
    pub buckets: BTreeMap<Bucket, Vec<[u8; CELL]>>,
    /// Every POST, in order: bucket and number of cells.
    pub posts: Vec<(Bucket, usize)>,
    /// Nobody is reached.
    pub down: bool,
    /// It takes nothing any more.
    pub full: bool,
    /// It says that it took what it drops.
    pub swallows: bool,
    /// Seconds by which its clock is wrong.
    pub skew: i64,
    /// It says nothing of the time.
    pub silent: bool,
    /// What it does to cells and requests.
    pub faults: Faults,
}

impl Relay {
    /// It stops, and all that it held is gone.
    pub fn die(&mut self) {
        self.down = true;
        self.buckets.clear();
    }
}

pub struct InMemory {
    pub url: String,
    pub relay: Arc<Mutex<Relay>>,
    pub now: Time,
    pub trace: Arc<Mutex<Vec<String>>>,
}

impl InMemory {
    fn note(&self, line: String) {
        self.trace.lock().unwrap().push(line);
    }

    fn heard(&self, relay: &Relay) -> Heard {
        let said = (self.now.unix() as i64 + relay.skew) as u64;
        Heard { date: (!relay.silent).then_some(Time::from_unix(said)), trusted: true }
    }

    fn offline(&self, doing: &str) -> net::Error {
        self.fail(doing, Cause::Offline("connection refused".into()), Heard::default())
    }

    fn fail(&self, doing: &str, cause: Cause, heard: Heard) -> net::Error {
        net::Error { node: self.url.clone(), doing: doing.into(), cause, heard }
    }
}

impl Courier for InMemory {
    fn post(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, net::Error> {
        self.note(format!("POST {}/v1/{bucket} {}", self.url, cells.len()));
        let mut relay = self.relay.lock().unwrap();
        let heard = self.heard(&relay);
        let refused = |cause| Err(self.fail("posting", cause, heard));
        if relay.down {
            return Err(self.offline("posting"));
        }
        if relay.full {
            return refused(Cause::Full);
        }
        if !bucket.is_open(self.now) {
            return refused(Cause::WrongPeriod);
        }
        if let Some(cause) = relay.faults.refusal() {
            return refused(cause);
        }
        assert!(cells.len().is_multiple_of(CELL) && !cells.is_empty());
        relay.posts.push((bucket, cells.len() / CELL));
        let mut kept = relay.faults.upload(cells.as_chunks::<CELL>().0);
        if relay.swallows {
            kept.clear();
        }
        let stored = relay.buckets.entry(bucket).or_default();
        for cell in kept {
            if !stored.contains(&cell) {
                stored.push(cell);
            }
        }
        match relay.faults.goes_silent() {
            true => Err(self.fail("posting", Cause::Timeout, Heard::default())),
            false => Ok(heard),
        }
    }

    fn fetch(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        _limit: u64,
    ) -> Result<Answer<Fetched>, net::Error> {
        self.note(format!("GET {}/v1/{bucket}/{prefix}", self.url));
        let mut relay = self.relay.lock().unwrap();
        if relay.down {
            return Err(self.offline("fetching"));
        }
        let heard = self.heard(&relay);
        let wiped = relay.buckets.extract_if(.., |bucket, _| bucket.is_wiped(self.now));
        let wiped: Vec<_> = wiped.flat_map(|(_, cells)| cells).collect();
        relay.faults.remember(wiped);
        let daily_open = bucket.class() == Class::Daily && !bucket.is_closed(self.now);
        let body = if bucket.is_wiped(self.now) {
            Fetched::Wiped
        } else if bucket.opens() > self.now || daily_open {
            Fetched::NotYet
        } else {
            let mut cells = relay.buckets.get(&bucket).cloned().unwrap_or_default();
            cells.retain(|cell| prefix.matches(cell));
            cells.sort_unstable();
            let promised = (cells.len() * CELL) as u64;
            let cells = relay.faults.download(cells, prefix);
            let cells = cells.map_err(|received| {
                self.fail("fetching", Cause::Truncated { received, promised }, heard)
            })?;
            Fetched::Cells(cells.as_flattened().to_vec())
        };
        Ok(Answer { body, heard })
    }

    fn tidy(&self, _now: Time) -> Result<(), net::Error> {
        Ok(())
    }
}
