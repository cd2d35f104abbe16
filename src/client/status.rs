//! How things stand: identity, home, last sync, mail, outbox, keys, clock. It asks no node,
//! changes nothing and needs no passphrase.
//! Specified in poste(1), status.

use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::{groups, loops, nodes, outbox, own, read, unlocked};
use crate::core::bucket::{Bucket, Class};
use crate::core::clock::Clock;
use crate::core::listen;
use crate::core::time::{Day, Time};
use crate::store::drafts;
use crate::store::keyring::Transit;
use crate::store::maildir::Folder;
use crate::store::outbox::State;
use crate::store::progress::{self, Progress};
use crate::store::published::{Published, Stopped};
use serde::Serialize;
use std::path::PathBuf;

/// How things stand.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The identity link.
    pub link: String,
    /// The words of the own fingerprint.
    pub words: String,
    /// Where the data lie.
    pub home: PathBuf,
    /// The configuration.
    pub config: PathBuf,
    /// The nodes of the configuration.
    pub nodes: Vec<String>,
    /// Listen digits of the own card.
    pub listen: String,
    /// Bytes a day that downloads with these digits have cost lately, if known.
    pub listen_bytes: Option<u64>,
    /// Homes at these digits, by what came to the fullest node yesterday, if known.
    pub listen_crowd: Option<u64>,
    /// When the last sync ended, if there was one.
    pub last_sync: Option<Time>,
    /// When a node last answered.
    pub last_answer: Option<Time>,
    /// The day of the last daily exchange.
    pub daily_done: Option<String>,
    /// Periods of the own class whose bucket was wiped before it was fetched, since the last
    /// answer. Senders repeat what was in them.
    pub missed: u64,
    /// Unread messages, by folder.
    pub unread: Vec<(String, usize)>,
    /// Invitations to groups that wait for an answer.
    pub invitations: usize,
    /// Letters queued, posted, and expired.
    pub queued: usize,
    /// Letters that a node took and that are not yet acknowledged.
    pub posted: usize,
    /// Letters given up after 30 days.
    pub expired: usize,
    /// Texts that were begun and not sent.
    pub drafts: usize,
    /// When the oldest letter was written that still waits to be acknowledged.
    pub oldest: Option<Time>,
    /// The last day that the card lists.
    pub card_until: String,
    /// Until when senders use the prekey in the card without asking for a newer one.
    pub prekey_until: String,
    /// Whether the card is not yet everywhere that the configuration says.
    pub unpublished: bool,
    /// The last day of the series.
    pub chain_until: String,
    /// Until when `unlock` has the keys open, if it has.
    pub unlocked_until: Option<Time>,
    /// Whether a new card is due, which needs the passphrase.
    pub card_due: bool,
    /// What the clock is worth.
    pub clock: Clock,
    /// Nodes heard in the last day that contradict it.
    pub contradicting: Vec<String>,
    /// Nodes that lost a cell within the last day: letters avoid them.
    pub losing: Vec<String>,
    /// Why nothing is sent, if nothing is.
    pub stopped: Option<Stopped>,
}

/// Looks at everything.
pub fn status(env: &Env<'_>) -> Result<Status, Error> {
    let places = env.home.places();
    let now = env.now();
    let card = own::load(env)?;
    let transit = Transit::load(places)?;
    let progress = Progress::load(places)?;
    let record = progress::load_clock(places)?;
    let mut letters = outbox::list(env)?;
    letters.retain(|row| row.kind == "mail");
    let waits =
        |row: &&outbox::Row| matches!(row.state, State::Queued | State::Posted | State::Partly);
    let oldest = letters.iter().filter(waits).map(|row| row.date).min();
    let count = |state: State| letters.iter().filter(|row| row.state == state).count();
    let mut unread: Vec<(String, usize)> = Vec::new();
    for entry in read::list(env, None, true, None)?.iter().chain(&quarantined(env)?) {
        let folder = entry.folder.to_string();
        match unread.iter_mut().find(|(name, _)| *name == folder) {
            Some((_, count)) => *count += 1,
            None => unread.push((folder, 1)),
        }
    }
    let some = |time: Time| (time != Time::default()).then_some(time);
    let last_day: Day = card.card.last_day();
    Ok(Status {
        link: own::link(&card.card),
        words: card.card.fingerprint().words(),
        home: places.data().to_owned(),
        config: places.config_file(),
        nodes: nodes::own(env),
        listen: card.card.listen.to_string(),
        listen_bytes: mean(&progress.traffic.bytes(now.day())),
        listen_crowd: progress.traffic.cells(now.day()).map(listen::crowd),
        last_sync: some(progress.last_sync),
        last_answer: some(progress.last_answer),
        daily_done: some(progress.daily_done).map(|time| time.day().to_string()),
        missed: some(progress.last_answer).map_or(0, |last| missed(card.card.class, last, now)),
        unread,
        invitations: groups::invitations(env)?.len(),
        queued: count(State::Queued),
        posted: count(State::Posted) + count(State::Partly),
        expired: count(State::Expired),
        drafts: drafts::list(places)?.len(),
        oldest,
        prekey_until: card.card.prekey_until.to_string(),
        unpublished: !env.config.publish.is_empty() && progress.published < card.card.issued,
        chain_until: transit.chain().last().to_string(),
        card_until: last_day.to_string(),
        unlocked_until: unlocked::until(env),
        card_due: own::is_due(env, &transit, Some(&card)),
        clock: record.judge(now, env.config.trust_clock),
        contradicting: record.contradicting(now),
        losing: loops::losing(env)?.into_iter().map(|(node, _)| node).collect(),
        stopped: Published::load(places)?.stopped,
    })
}

fn mean(days: &[u64]) -> Option<u64> {
    days.iter().sum::<u64>().checked_div(days.len() as u64)
}

/// Buckets that were closed only after `last` and are wiped at `now`.
fn missed(class: Class, last: Time, now: Time) -> u64 {
    let unfetched = Bucket::at(class, last);
    let unfetched =
        if unfetched.previous().is_closed(last) { unfetched } else { unfetched.previous() };
    now.since(unfetched.wiped()).div_ceil(class.length()).min(now.since(last) / class.length())
}

fn quarantined(env: &Env<'_>) -> Result<Vec<crate::store::maildir::Entry>, Error> {
    read::list(env, Some(&Folder::quarantine()), true, None)
}
