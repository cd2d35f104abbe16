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
mod report;
mod tasks;

pub use self::fetch::BUCKET_LIMIT;
use self::post::Round;
pub use self::report::Report;

use crate::client::desk::Desk;
use crate::client::disclose::{self, Word};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::hook::{self, Hook};
use crate::client::{cover as conversations, groups, loops, nodes, own, publish, stamps};
use crate::core::bucket::Class;
use crate::core::clock::Clock;
use crate::core::plan::Node;
use crate::core::time::Time;
use crate::store::aside;
use crate::store::lock::SyncLock;
use crate::store::outbox;
use crate::store::progress::{self, Progress};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
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

/// Syncs. Fails as a whole only if the home itself cannot be used.
pub fn sync(env: &mut Env<'_>, options: &Options) -> Result<Report, Error> {
    let mut report = Report::default();
    if hook::is_within(env) {
        report.skipped = true;
        return Ok(report);
    }
    let lock = match options.wait_lock {
        true => Some(SyncLock::wait(&env.home, None)?),
        false => SyncLock::try_lock(&env.home)?,
    };
    let Some(lock) = lock else {
        report.skipped = true;
        return Ok(report);
    };
    if options.dry_run {
        return exchange(env, options, &mut report).map(|()| report);
    }
    if let Err(error) = hook::run(env, Hook::PreSync, Vec::new()) {
        report.soft(error);
    }
    let done = exchange(env, options, &mut report);
    // What comes now may take long, and no other sync has to wait for it.
    drop(lock);
    // What was filed is told of, however the rest went.
    let paths: Vec<_> = report.new.iter().map(|path| path.as_os_str().as_bytes()).collect();
    let lines = paths.into_iter().flat_map(|path| [path, b"\n"]).flatten().copied().collect();
    if let Err(error) = hook::run(env, Hook::PostSync, lines) {
        report.soft(error);
    }
    // It takes as long as there are letters to strangers and as they ask for, so no request comes
    // after it.
    if pace(env, options) > 0 {
        for done in [stamps::find(env), conversations::prepare(env)] {
            done.unwrap_or_else(|error| report.soft(error));
        }
    }
    done.map(|()| report)
}

fn exchange(env: &mut Env<'_>, options: &Options, report: &mut Report) -> Result<(), Error> {
    let daily = begin(env, options)?;

    let gets = fetch::plan(env, daily, report)?;
    if options.dry_run {
        report.plan = gets.iter().map(|g| format!("get {} from {}", g.bucket, g.node)).collect();
        report.plan.extend(due::preview(env, daily)?);
        return Ok(());
    }
    let pace = pace(env, options);
    if pace == 0 {
        stamps::find(env)?;
    }
    let fetched = fetch::fetch(env, &gets, report);
    // With a pace whom else is asked has nothing to do with what came, so it is not looked at yet.
    if pace > 0 {
        report.clock = Some(judge_clock(env, &report.witnesses, options.trust_clock)?);
        ask(env, (daily, pace), report)?;
    }
    report.last = env.watch.elapsed();
    collect::record(env, options, fetched, report)?;
    if pace == 0 {
        ask(env, (daily, pace), report)?;
    }

    if let Err(error) = env.lock().and_then(|lock| groups::errands(env, &lock)) {
        report.soft(error);
    }
    send(env, pace, daily, report)?;
    if let Err(error) = disclose_when_due(env, options, report) {
        report.soft(error);
    }
    if pace > 0 && publish::is_pending(env)? {
        env.watch.wait_until(report.last + STILL);
    }
    if let Err(error) = publish::when_due(env) {
        report.soft(error);
    }

    end(env, options, daily, report)
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
    let is_nowhere = nodes::own(env).is_empty();
    if is_nowhere && env.config.trackers.is_empty() {
        let file = env.home.places().config_file();
        let what = "there is no node to listen on: name one as nodes = [\"https://…\"] in";
        report.soft(Error::new(Kind::Config, format!("{what} {}", file.display())));
    } else if is_nowhere {
        report.soft(Error::new(Kind::Offline, "there is no node to listen on"));
    }
    judge_clock(env, &report.witnesses, options.trust_clock)?;
    let mut progress = Progress::load(&places)?;
    progress.last_sync = now;
    let last_day = own::load(env)?.card.last_day();
    let left = last_day.days_since(now.day());
    let ends = || {
        let what = format!("the card lists no day after {last_day}; sign a new one: poste publish");
        (left <= CARD_ENDS).then_some(what)
    };
    let wrong = || {
        let what = "the clock is not right, so letters prove nothing; see: poste status";
        report.clock.is_some_and(Clock::is_wrong).then(|| what.to_owned())
    };
    let nowhere = || {
        let what = "no tracker lists a node to listen on, so nothing arrives; see: poste nodes";
        (is_nowhere && !env.config.trackers.is_empty()).then(|| what.to_owned())
    };
    if progress.warned != Some(now.day()) {
        report.warning = wrong().or_else(nowhere).or_else(ends).or(report.held.take());
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
