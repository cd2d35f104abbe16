//! What comes: the plan of downloads, fetching, and opening what was fetched. A closed bucket
//! counts as fetched only when everything in it has been dealt with.
//! Specified in poste-protocol(7), Receiving.

use super::{Options, Report, class, judge_clock, listening, node};
use crate::client::arrive::{self, Outcome};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{expiry, loops, own};
use crate::core::archive;
use crate::core::bucket::{Bucket, CELL};
use crate::core::clock::Clock;
use crate::core::hybrid::HybridSecret;
use crate::core::judge::Arrival;
use crate::core::keys::PairSecret;
use crate::core::letter::Letter;
use crate::core::parts::{Joined, Joiner};
use crate::core::plan::{self, Get};
use crate::core::scan::{self, How};
use crate::core::seal;
use crate::core::time::MINUTE;
use crate::net::{Address, Fetched, Origin};
use crate::store::loops::{Looping, Loops};
use crate::store::maildir::Folder;
use crate::store::progress::{self, Progress};
use crate::store::quarantine::Waiting;
use crate::store::spool::Spool;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of one bucket from one node at most: 16,384 cells. They are held in memory, those of one
/// bucket at all nodes at a time.
const BUCKET_LIMIT: u64 = 64 << 20;
/// After this many seconds no further download is begun: a node must not keep a sync for ever.
const DOWNLOADS: u64 = 40 * MINUTE;
/// Bytes of a letter at most: 16 cells.
const LETTER_LIMIT: usize = 16 * CELL;

/// What was fetched.
#[derive(Default)]
pub struct Fetch {
    /// The cells of each bucket, from all nodes.
    cells: BTreeMap<Bucket, Spool>,
    /// Loop cells that were looked for in closed buckets, and whether they were there.
    loops: Vec<(Looping, bool)>,
    /// Closed buckets that a node served to the end.
    complete: Vec<Get>,
}

/// Which buckets are fetched where. What is wrong with single files is reported here.
pub fn plan(env: &mut Env<'_>, daily: bool, report: &mut Report) -> Result<Vec<Get>, Error> {
    let mut desk = Desk::open(env)?;
    desk.troubles.drain(..).for_each(|error| report.soft(error));
    let progress = Progress::load(env.home.places())?;
    let nodes = listening(env, &desk, &progress);
    let fetched = |node: &str, bucket| progress.was_fetched(node, bucket);
    let daily = daily || progress.is_past_daily_moment(env.now());
    Ok(plan::downloads(env.now(), &nodes, class(&desk), daily, &fetched))
}

/// Fetches. A node that fails at one bucket is not asked for the next ones.
pub fn fetch(env: &mut Env<'_>, gets: &[Get], report: &mut Report) -> Fetch {
    let mut out = Fetch::default();
    let digits = own::load(env).map(|card| card.card.listen);
    let known = Loops::load(env.home.places()).map_err(Error::from);
    let (digits, known) = match (digits, known) {
        (Ok(digits), Ok(known)) => (digits, known),
        (Err(error), _) | (_, Err(error)) => {
            report.soft(error);
            return out;
        }
    };
    let mut couriers = Vec::new();
    let started = env.now();
    for gets in gets.chunk_by(|a, b| a.node == b.node) {
        report.asked.insert(gets[0].node.clone());
        let courier = own_address(&gets[0].node)
            .and_then(|address| Ok(env.network.courier(&address, env.rng)?));
        let courier = match courier {
            Ok(courier) => courier,
            Err(error) => {
                report.soft(error);
                continue;
            }
        };
        let mut failed = false;
        for get in gets {
            let now = env.now();
            if now.since(started) > DOWNLOADS {
                let what = "downloads took too long; the rest waits for the next sync";
                report.soft(Error::new(Kind::Offline, what));
                return out;
            }
            match courier.fetch(get.bucket, digits, BUCKET_LIMIT) {
                Ok(answer) => {
                    report.hear(&get.node, answer.heard);
                    // A node whose clock is behind may yet take cells for it.
                    let sure = answer.heard.date.map_or(now, |date| date.min(now));
                    let closed = get.bucket.is_closed(sure) && answer.body != Fetched::NotYet;
                    if let Fetched::Cells(cells) = answer.body {
                        report.fetched += cells.len() / CELL;
                        if let Err(error) = keep(env, &mut out, get.bucket, &cells) {
                            report.soft(error);
                            continue;
                        }
                        if closed {
                            out.loops.extend(loops::looked_for(&known, get, digits, &cells));
                        }
                    }
                    if closed {
                        out.complete.push(get.clone());
                    }
                }
                Err(error) => {
                    report.blame(&get.node, error);
                    failed = true;
                    break;
                }
            }
        }
        if !failed {
            couriers.push((gets[0].node.clone(), courier));
        }
    }
    // By a wrong clock what others left in a directory would be wiped too early.
    if !is_contradicted(env, report) {
        for (node, courier) in couriers {
            if let Err(error) = courier.tidy(env.now()) {
                report.blame(&node, error);
            }
        }
    }
    out
}

fn keep(env: &Env<'_>, out: &mut Fetch, bucket: Bucket, cells: &[u8]) -> Result<(), Error> {
    let spool = match out.cells.entry(bucket) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Spool::new(env.home.places())?),
    };
    Ok(spool.add(cells)?)
}

/// Opens what was fetched and lets it take effect, one bucket after the other.
pub fn record(
    env: &mut Env<'_>,
    options: &Options,
    mut fetch: Fetch,
    report: &mut Report,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let mut desk = Desk::open(env)?;
    let clock = judge_clock(env, &report.witnesses, options.trust_clock)?;
    report.clock = Some(clock);
    let arrival = Arrival { stored: env.now(), clock_is_good: clock == Clock::Good };
    let before = unacknowledged(&desk);
    let mut progress = Progress::load(&places)?;
    let mut failed = BTreeSet::new();
    for (bucket, spool) in &mut fetch.cells {
        let cells = match spool.read() {
            Ok(cells) => cells,
            Err(error) => {
                report.soft(error.into());
                failed.insert(*bucket);
                continue;
            }
        };
        for joined in join(env, &desk, *bucket, &cells) {
            if progress.was_opened(*bucket, &joined.id) {
                continue;
            }
            let Some(letter) = unseal(&desk, &joined) else { continue };
            match arrive::take(env, &mut desk, &letter, arrival) {
                // Dropped again next time: strangers shall not fill the memory of what was opened.
                Ok(Outcome::Dropped(_)) => {}
                Ok(outcome) => {
                    count(&outcome, report);
                    progress.opened(*bucket, &joined.id);
                }
                // One letter that cannot be filed stops no other, and is fetched again.
                Err(error) => {
                    report.soft(error);
                    failed.insert(*bucket);
                }
            }
        }
    }
    retry_waiting(env, &mut desk, report)?;
    for node in loops::conclude(env, &desk.lock, &fetch.loops, clock)? {
        let what = format!("{node}: it lost a cell that it had taken; letters avoid it for a day");
        report.soft(Error::new(Kind::Offline, what));
    }
    report.acknowledged = before - unacknowledged(&desk);
    if clock == Clock::Good {
        desk.seen.tidy(&desk.lock, env.now())?;
        drop_stale(env, &mut desk)?;
        let reports = expiry::give_up(env, &mut desk, &mut |error| report.soft(error))?;
        if reports > 0 {
            *report.letters.entry(Folder::inbox().to_string()).or_default() += reports;
        }
    }
    // A directory may be a copy, into which others' cells come late.
    let whole = |get: &&Get| !failed.contains(&get.bucket) && !node(get.node.clone()).directory;
    for get in fetch.complete.iter().filter(whole) {
        progress.fetched(&get.node, get.bucket);
    }
    progress.forget(env.now());
    Ok(progress.save(&places)?)
}

/// Whether servers contradict the clock, those just heard included; also if none can be known.
fn is_contradicted(env: &Env<'_>, report: &Report) -> bool {
    let Ok(mut record) = progress::load_clock(env.home.places()) else { return true };
    let now = env.now();
    report.witnesses.iter().for_each(|(server, said)| record.hear(server, now, *said));
    record.judge(now, env.config.trust_clock) == Clock::Contradicted
}

/// A node that one has named oneself, whatever the configuration says by now.
fn own_address(url: &str) -> Result<Address, Error> {
    Address::parse(url, Origin::Own)
        .map_err(|error| Error::new(Kind::Config, format!("{url}: {error}")))
}

fn count(outcome: &Outcome, report: &mut Report) {
    match outcome {
        Outcome::Filed { folder, .. } => {
            *report.letters.entry(folder.to_string()).or_default() += 1;
        }
        Outcome::Quarantined { .. } => report.quarantined += 1,
        Outcome::Duplicate
        | Outcome::Dropped(_)
        | Outcome::Obeyed
        | Outcome::Unproven { .. }
        | Outcome::Waiting => {}
    }
}

/// The sealings in a bucket that are for us: found by tag or by trial, and joined.
fn join(env: &mut Env<'_>, desk: &Desk, bucket: Bucket, cells: &[u8]) -> Vec<Joined> {
    let given = &desk.transit.given;
    let secrets: Vec<&PairSecret> = given.iter().map(|g| &g.secret).collect();
    let found = scan::scan(cells, bucket, &secrets, &desk.transit.series.dh);
    let mut joiner = Joiner::default();
    found.chunks.into_iter().filter_map(|(how, chunk)| joiner.add(how, chunk, env.rng)).collect()
}

/// The letter in a sealing, if it opens and is from the one to whom the secret was given.
fn unseal(desk: &Desk, joined: &Joined) -> Option<Vec<u8>> {
    match joined.how {
        How::Pair(which) => {
            let given = &desk.transit.given[which];
            let plain = seal::open(&given.prekey, &joined.sealed, LETTER_LIMIT).ok()?;
            let from = Letter::read(&plain).ok()?.control.from;
            (from == given.to).then_some(plain)
        }
        How::Stranger => {
            let prekeys: Vec<&HybridSecret> =
                desk.transit.prekey.iter().map(|p| &p.secret).collect();
            seal::open_any(&prekeys, &joined.sealed, LETTER_LIMIT).ok().map(|(_, plain)| plain)
        }
    }
}

/// Tries letters again whose day no card listed when they came.
fn retry_waiting(env: &mut Env<'_>, desk: &mut Desk, report: &mut Report) -> Result<(), Error> {
    let now = env.now();
    let (all, bad) = Waiting::load_all(env.home.places())?;
    bad.into_iter().for_each(|error| report.soft(error.into()));
    for waiting in all {
        let sealed = crate::core::encode::unbase64_vec(&waiting.sealed, 2 * LETTER_LIMIT);
        let plain = sealed.ok().and_then(|sealed| {
            archive::open_at_rest(&desk.transit.transit, &sealed, LETTER_LIMIT).ok()
        });
        let listed = plain.as_ref().and_then(|plain| {
            let control = Letter::read(plain).ok()?.control;
            let contact = desk.contacts.iter().find(|c| c.fingerprint == control.from)?;
            contact.day_key(control.day)
        });
        match plain {
            Some(plain) if listed.is_some() => {
                let arrival =
                    Arrival { stored: waiting.stored, clock_is_good: waiting.clock_is_good };
                match arrive::take_late(env, desk, &plain, arrival) {
                    Ok(outcome) => {
                        count(&outcome, report);
                        waiting.remove()?;
                    }
                    Err(error) => report.soft(error),
                }
            }
            Some(_) if !arrive::is_stale(waiting.stored, now) => {}
            _ => waiting.remove()?,
        }
    }
    Ok(())
}

/// Removes what has lain in quarantine for 30 days.
fn drop_stale(env: &mut Env<'_>, desk: &mut Desk) -> Result<(), Error> {
    let now = env.now();
    let (stale, kept) = std::mem::take(&mut desk.quarantine.letter)
        .into_iter()
        .partition::<Vec<_>, _>(|held| arrive::is_stale(held.since, now));
    desk.quarantine.letter = kept;
    if stale.is_empty() {
        return Ok(());
    }
    for held in &stale {
        arrive::discard(env, held)?;
    }
    Ok(desk.quarantine.save(env.home.places())?)
}

fn unacknowledged(desk: &Desk) -> usize {
    desk.outbox.iter().filter(|item| item.acknowledged.is_none()).count()
}
