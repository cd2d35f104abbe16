//! `sync`: plan, do, record; first for what comes, then for what goes. The network is used
//! without the state lock, so `send` never waits for it, and everything is loaded anew before it
//! is changed. A node in trouble is a soft error: it is reported, and stops nothing.
//! Specified in poste(1) and poste-protocol(7), What a sync looks like from outside.

mod cards;
mod collect;
mod cover;
pub mod due;
mod fetch;
mod fill;
mod pack;
mod post;
mod tasks;

pub use self::fetch::BUCKET_LIMIT;
use self::post::Round;

use crate::client::desk::Desk;
use crate::client::disclose::{self, Word};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{cover as conversations, groups, loops, nodes, own, publish, stamps};
use crate::core::bucket::Class;
use crate::core::clock::Clock;
use crate::core::plan::Node;
use crate::core::time::Time;
use crate::net;
use crate::store::aside;
use crate::store::lock::SyncLock;
use crate::store::outbox;
use crate::store::progress::{self, Progress};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// From this many days before the last listed day on, an unattended sync says so once a day.
const CARD_ENDS: i64 = 10;

/// With a pace, uploads begin this long after the last download ended, and what follows them this
/// long after the last upload: opening what came, and making what goes, takes less.
const STILL: Duration = Duration::from_millis(500);

/// How to sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Do the daily exchange now.
    pub daily: bool,
    /// Without a pace for once: post all that waits, and no cover.
    pub now: bool,
    /// Take the clock for good, whatever servers and its own record say.
    pub trust_clock: bool,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Wait for another sync to end.
    pub wait_lock: bool,
}

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
    #[serde(skip)]
    held: Option<String>,
    #[serde(skip)]
    worst: Option<Kind>,
    #[serde(skip)]
    asked: BTreeSet<String>,
    #[serde(skip)]
    heard: BTreeSet<String>,
    #[serde(skip)]
    blamed: BTreeSet<String>,
    #[serde(skip)]
    absent: Vec<Error>,
    #[serde(skip)]
    witnesses: Vec<(String, Time)>,
    /// When the last request was answered, by the stopwatch.
    #[serde(skip)]
    last: Duration,
}

impl Report {
    /// The soft error that decides the exit status: offline or in part, unless it is worse.
    pub fn failure(&self) -> Option<Kind> {
        self.worst
    }

    /// Notes that a node failed: once, however often it did. A directory that is not there is no
    /// failure, as a stick is elsewhere most of the time, unless nothing else answers.
    fn blame(&mut self, node: &str, error: net::Error) {
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

    fn soft(&mut self, error: Error) {
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
    fn hear(&mut self, node: &str, heard: net::Heard) {
        self.heard.insert(node.to_owned());
        if let (true, Some(date)) = (heard.trusted, heard.date) {
            self.witnesses.push((node.to_owned(), date));
        }
    }
}

/// Syncs. Fails as a whole only if the home itself cannot be used.
pub fn sync(env: &mut Env<'_>, options: &Options) -> Result<Report, Error> {
    let mut report = Report::default();
    let lock = match options.wait_lock {
        true => Some(SyncLock::wait(&env.home, None)?),
        false => SyncLock::try_lock(&env.home)?,
    };
    let Some(lock) = lock else {
        report.skipped = true;
        return Ok(report);
    };
    let daily = begin(env, options)?;

    let gets = fetch::plan(env, daily, &mut report)?;
    if options.dry_run {
        report.plan = gets.iter().map(|g| format!("get {} from {}", g.bucket, g.node)).collect();
        report.plan.extend(due::preview(env, daily)?);
        return Ok(report);
    }
    let pace = pace(env, options);
    if pace == 0 {
        stamps::find(env)?;
    }
    let fetched = fetch::fetch(env, &gets, &mut report);
    // With a pace whom else is asked has nothing to do with what came, so it is not looked at yet.
    if pace > 0 {
        report.clock = Some(judge_clock(env, &report.witnesses, options.trust_clock)?);
        ask(env, (daily, pace), &mut report)?;
    }
    report.last = env.watch.elapsed();
    collect::record(env, options, fetched, &mut report)?;
    if pace == 0 {
        ask(env, (daily, pace), &mut report)?;
    }

    if let Err(error) = env.lock().and_then(|lock| groups::errands(env, &lock)) {
        report.soft(error);
    }
    send(env, pace, daily, &mut report)?;
    if let Err(error) = disclose_when_due(env, options, &mut report) {
        report.soft(error);
    }
    if pace > 0 && publish::is_pending(env)? {
        env.watch.wait_until(report.last + STILL);
    }
    if let Err(error) = publish::when_due(env) {
        report.soft(error);
    }

    end(env, options, daily, &mut report)?;
    drop(lock);
    // It takes as long as there are letters to strangers and as they ask for, so no request comes
    // after it, and no other sync has to wait for it.
    if pace > 0 {
        for done in [stamps::find(env), conversations::prepare(env)] {
            done.unwrap_or_else(|error| report.soft(error));
        }
    }
    Ok(report)
}

/// The cells that each node gets in this sync; 0 if as many as wait.
fn pace(env: &Env<'_>, options: &Options) -> usize {
    if options.now { 0 } else { usize::from(env.config.pace) }
}

/// Asks for cards and lists of nodes.
fn ask(env: &mut Env<'_>, (daily, pace): (bool, usize), report: &mut Report) -> Result<(), Error> {
    cards::refresh(env, (daily, pace), report)?;
    let relays = {
        let desk = Desk::open(env)?;
        cover::relays(env, &desk, env.now())
    };
    let troubles = nodes::refresh(env, daily, &report.heard, &relays)?;
    troubles.into_iter().for_each(|error| report.soft(error));
    if let Err(error) = conversations::refresh(env, daily) {
        report.soft(error);
    }
    Ok(())
}

/// Discloses by what all servers of this sync have said of the time.
fn disclose_when_due(
    env: &mut Env<'_>,
    options: &Options,
    report: &mut Report,
) -> Result<(), Error> {
    let lock = env.lock()?;
    judge_clock(env, &report.witnesses, options.trust_clock)?;
    drop(lock);
    if let disclose::Outcome::Held(why) = disclose::disclose(env, Word::default())? {
        report.held = Some(disclose::advice(&why));
    }
    Ok(())
}

/// Posts in rounds: what is due, then what a node did not take to others. With a pace a node that
/// failed has another visited in its place, and that is all; without, rounds follow until nothing is
/// left that could go. Each round has a node less or letters less.
fn send(env: &mut Env<'_>, pace: usize, daily: bool, report: &mut Report) -> Result<(), Error> {
    let mut round = Round { pace, whole: pace == 0, ..Round::default() };
    round.avoided.doubtful.clone_from(&report.blamed);
    round.avoided.doubtful.extend(loops::losing(env)?.into_iter().map(|(node, _)| node));
    loop {
        let out = post::plan(env, &round, daily, report)?;
        if pace > 0 && out.is_seen() {
            env.watch.wait_until(report.last + STILL);
        }
        let posted = post::post(env, &out, report);
        report.last = env.watch.elapsed();
        let (more, visits) = (out.more, out.visits.clone());
        let letters = post::record(env, out, &posted)?;
        if posted.failed.is_empty() && (letters == 0 || !more) {
            break;
        }
        round.avoided.failed.extend(posted.failed.iter().cloned());
        round.before = Some((posted.failed, visits));
    }
    nodes::posted(env, &report.heard, &round.avoided.failed)
}

/// Whether this sync is the daily exchange. Tidies up what earlier runs left.
fn begin(env: &mut Env<'_>, options: &Options) -> Result<bool, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let lock = env.lock()?;
    env.home.sweep(&lock)?;
    for error in aside::set_aside(&places, &lock)? {
        (env.warn)(&format!("{error}; set aside as .damaged, which costs no letter"));
    }
    let mut progress = Progress::load(&places)?;
    let known = progress.daily_moment;
    let daily = progress.is_daily_exchange(now, env.rng) || options.daily;
    if known != progress.daily_moment {
        progress.save(&places)?;
    }
    Ok(daily)
}

fn end(
    env: &mut Env<'_>,
    options: &Options,
    daily: bool,
    report: &mut Report,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let _lock = env.lock()?;
    let (items, _) = outbox::load(&places)?;
    let is_mail = |item: &&outbox::Item| item.errand.is_none();
    report.outbox = items.iter().filter(is_mail).filter(|item| item.is_waiting()).count();
    if report.heard.is_empty() {
        std::mem::take(&mut report.absent).into_iter().for_each(|error| report.soft(error));
    }
    (report.nodes, report.answered) = (report.asked.len(), report.heard.len());
    judge_clock(env, &report.witnesses, options.trust_clock)?;
    let mut progress = Progress::load(&places)?;
    progress.last_sync = now;
    let last_day = own::load(env)?.card.last_day();
    let left = last_day.days_since(now.day());
    let ends = || {
        let what = format!("the card lists no day after {last_day}; sign a new one: poste publish");
        (left <= CARD_ENDS).then_some(what)
    };
    if progress.warned != Some(now.day()) {
        report.warning = ends().or(report.held.take());
        if report.warning.is_some() {
            progress.warned = Some(now.day());
        }
    }
    if !report.heard.is_empty() {
        progress.last_answer = now;
        progress.complained = None;
        if daily {
            progress.daily_done = now;
        }
    } else if report.nodes > 0 {
        let silent = now.since(progress.last_answer) >= env.config.warn_after;
        report.outage = silent && progress.complained != Some(now.day());
        if report.outage {
            progress.complained = Some(now.day());
        }
    }
    Ok(progress.save(&places)?)
}

/// The nodes that one listens on: those of the configuration, of every live offer, of the card
/// and of those before it.
fn listening(env: &Env<'_>, desk: &Desk, progress: &Progress) -> Vec<Node> {
    let former = progress.former.iter().filter(|(_, until)| **until > env.now());
    let former = former.map(|(node, _)| node.clone());
    let offers = desk.transit.given.iter().flat_map(|offer| &offer.nodes);
    let all: BTreeSet<String> = nodes::own(env)
        .into_iter()
        .chain(desk.card.card.nodes.iter().cloned())
        .chain(offers.cloned())
        .chain(former)
        .collect();
    all.into_iter().map(node).collect()
}

fn node(url: String) -> Node {
    Node { directory: url.starts_with("file:"), url }
}

/// One's own class: what the card says.
fn class(desk: &Desk) -> Class {
    desk.card.card.class
}

/// What the clock is worth now; the record is kept up to date.
fn judge_clock(env: &Env<'_>, witnesses: &[(String, Time)], trust: bool) -> Result<Clock, Error> {
    let places = env.home.places();
    let now = env.now();
    let mut record = progress::load_clock(places)?;
    for (server, said) in witnesses {
        record.hear(server, now, *said);
    }
    if trust {
        record.latest = now;
    }
    let clock = record.judge(now, trust || env.config.trust_clock);
    if clock == Clock::Good {
        record.advance(now);
    }
    progress::save_clock(places, &record)?;
    Ok(clock)
}
