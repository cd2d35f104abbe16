//! What a sync tells of itself, and how what went wrong at a node is taken: once for each node, and
//! never as the end of the whole. What the user must mend decides the exit status before all that
//! can be tried again later. Specified in poste(1), sync, and poste-json(5).

use crate::client::error::{Error, Kind};
use crate::core::clock::Clock;
use crate::core::time::Time;
use crate::net;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What a sync did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Another sync is running, and nothing was done.
    pub skipped: bool,
    /// Nodes asked, and those that answered at least once.
    pub nodes: usize,
    /// Nodes that answered at least once.
    pub answered: usize,
    /// Cells fetched.
    pub fetched: usize,
    /// Cells posted, cover included.
    pub posted: usize,
    /// New letters, by folder.
    pub letters: BTreeMap<String, usize>,
    /// Letters put into quarantine.
    pub quarantined: usize,
    /// New invitations to groups.
    pub invitations: usize,
    /// Letters of one's own that were acknowledged.
    pub acknowledged: usize,
    /// Letters of one's own that are still to be acknowledged.
    pub outbox: usize,
    /// With `dry_run`: what would be asked and posted.
    pub plan: Vec<String>,
    /// What the clock is worth.
    pub clock: Option<Clock>,
    /// Soft errors.
    pub errors: Vec<String>,
    /// Whether nobody has answered for so long that it is to be said, once a day.
    pub outage: bool,
    /// What the user should know, said once a day: that the card ends soon, or that something
    /// keeps expired keys from being disclosed.
    pub warning: Option<String>,
    /// Where the new letters lie.
    #[serde(skip)]
    pub new: Vec<PathBuf>,
    #[serde(skip)]
    pub(super) held: Option<String>,
    #[serde(skip)]
    pub(super) worst: Option<Kind>,
    #[serde(skip)]
    pub(super) asked: BTreeSet<String>,
    #[serde(skip)]
    pub(super) heard: BTreeSet<String>,
    #[serde(skip)]
    pub(super) blamed: BTreeSet<String>,
    #[serde(skip)]
    pub(super) absent: Vec<Error>,
    #[serde(skip)]
    pub(super) witnesses: Vec<(String, Time)>,
    /// When the last request was answered, by the stopwatch.
    #[serde(skip)]
    pub(super) last: Duration,
}

impl Report {
    /// The soft error that decides the exit status: offline or in part, unless it is worse.
    pub fn failure(&self) -> Option<Kind> {
        self.worst
    }

    /// Notes that a node failed: once, however often it did. A directory that is not there is no
    /// failure, as a stick is elsewhere most of the time, unless nothing else answers.
    pub(super) fn blame(&mut self, node: &str, error: net::Error) {
        if error.heard.date.is_some() {
            self.hear(node, error.heard);
        }
        let absent = node.starts_with("file:") && matches!(error.cause, net::Cause::Offline(_));
        if self.blamed.insert(node.to_owned()) {
            match absent {
                true => self.absent.push(error.into()),
                false => self.soft(error.into()),
            }
        }
    }

    pub(super) fn soft(&mut self, error: Error) {
        let rank = |kind: Kind| !matches!(kind, Kind::Offline | Kind::Refused | Kind::Protocol);
        // Whatever a node does, the sync was done in part: 75. What the user must mend is worse.
        let kind = if rank(error.kind) { error.kind } else { Kind::Offline };
        if self.worst.is_none_or(|worst| !rank(worst)) {
            self.worst = Some(kind);
        }
        if !self.errors.contains(&error.what) {
            self.errors.push(error.what);
        }
    }

    /// Notes that a node answered, and what it said of the time.
    pub(super) fn hear(&mut self, node: &str, heard: net::Heard) {
        self.heard.insert(node.to_owned());
        if let (true, Some(date)) = (heard.trusted, heard.date) {
            self.witnesses.push((node.to_owned(), date));
        }
    }
}
