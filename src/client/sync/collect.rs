//! What came: opening what was fetched, one bucket after the other, and letting it take effect. A
//! closed bucket counts as fetched only when everything in it has been dealt with.
//! Specified in poste-protocol(7), Receiving.

use super::fetch::Fetch;
use super::{Options, Report, judge_clock, node};
use crate::client::arrive::{self, Outcome};
use crate::client::desk::Desk;
use crate::client::disappear;
use crate::client::enclosure::coming;
use crate::client::env::Env;
use crate::client::error::{self, Error};
use crate::client::{expiry, loops, renew};
use crate::core::archive;
use crate::core::bucket::{Bucket, CELL};
use crate::core::cell::{Chunk, Kind};
use crate::core::clock::Clock;
use crate::core::hybrid::HybridSecret;
use crate::core::judge::Arrival;
use crate::core::keys::{Fingerprint, PairSecret};
use crate::core::letter::Letter;
use crate::core::parts::{Joined, Joiner};
use crate::core::plan::Get;
use crate::core::scan::{self, How};
use crate::core::seal;
use crate::store::maildir::Folder;
use crate::store::progress::Progress;
use crate::store::quarantine::{Held, Waiting};
use std::collections::BTreeSet;

/// Bytes of a letter at most: 16 cells.
const LETTER_LIMIT: usize = 16 * CELL;

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
    let buckets = fetch.cells.len();
    for (at, (bucket, spool)) in fetch.cells.iter_mut().enumerate() {
        (env.progress)(&format!("opening bucket {} of {buckets}", at + 1));
        let cells = match spool.read() {
            Ok(cells) => cells,
            Err(error) => {
                report.soft(error.into());
                failed.insert(*bucket);
                continue;
            }
        };
        let (letters, parts) = join(env, &desk, *bucket, &cells);
        let new = letters.iter().filter(|joined| !progress.was_opened(*bucket, &joined.id));
        let new = new.filter_map(|joined| Some((joined.id, unseal(&desk, joined)?)));
        // A letter by new keys is proved by the card that came beside it.
        let (cards, others): (Vec<_>, Vec<_>) = new.partition(|(_, letter)| brings_card(letter));
        for (id, letter) in cards.into_iter().chain(others) {
            match arrive::take(env, &mut desk, &letter, arrival) {
                // Dropped again next time: strangers shall not fill the memory of what was opened.
                Ok(Outcome::Dropped(_)) => {}
                Ok(outcome) => {
                    count(&outcome, report);
                    progress.opened(*bucket, &id);
                }
                // One letter that cannot be filed stops no other, and is fetched again.
                Err(error) => {
                    report.soft(error);
                    failed.insert(*bucket);
                }
            }
        }
        if let Err(error) = coming::keep(env, parts) {
            report.soft(error);
            failed.insert(*bucket);
        }
    }
    retry_waiting(env, &mut desk, report)?;
    let (outcomes, wrong) = coming::finish(env, &mut desk)?;
    outcomes.iter().for_each(|outcome| count(outcome, report));
    wrong.into_iter().for_each(|error| report.soft(error));
    for node in loops::conclude(env, &desk.lock, &fetch.loops, clock)? {
        let what = format!("{node}: it lost a cell that it had taken; letters avoid it for a day");
        report.soft(Error::new(error::Kind::Offline, what));
    }
    report.acknowledged = before - unacknowledged(&desk);
    if clock == Clock::Good {
        desk.seen.tidy(&desk.lock, env.now())?;
        drop_stale(env, &mut desk)?;
        let reports = expiry::give_up(env, &mut desk, &mut |error| report.soft(error))?;
        if !reports.is_empty() {
            *report.letters.entry(Folder::inbox().to_string()).or_default() += reports.len();
            report.new.extend(reports);
        }
        disappear::tidy(env, &desk.lock)?;
        renew::erase(env, &mut desk)?;
    }
    coming::tidy(env, &desk, clock == Clock::Good)?;
    // A directory may be a copy, into which others' cells come late.
    let whole = |get: &&Get| !failed.contains(&get.bucket) && !node(get.node.clone()).directory;
    for get in fetch.complete.iter().filter(whole) {
        progress.fetched(&get.node, get.bucket);
    }
    // Directories cost nothing.
    for took in fetch.took.iter().filter(|took| !node(took.node.clone()).directory) {
        let (bytes, cells) = (took.bytes as u64, (took.bytes / CELL) as u64);
        let cells = if took.closed { cells } else { 0 };
        progress.traffic.add(env.now().day(), fetch.digits, &took.node, bytes, cells);
    }
    progress.forget(env.now(), clock == Clock::Good);
    Ok(progress.save(&places)?)
}

fn count(outcome: &Outcome, report: &mut Report) {
    match outcome {
        Outcome::Filed { folder, path } => {
            *report.letters.entry(folder.to_string()).or_default() += 1;
            report.new.push(path.clone());
        }
        Outcome::Invited => report.invitations += 1,
        Outcome::Quarantined { .. } => report.quarantined += 1,
        Outcome::Coming
        | Outcome::Duplicate
        | Outcome::Dropped(_)
        | Outcome::Obeyed
        | Outcome::Unproven { .. }
        | Outcome::Waiting => {}
    }
}

/// What in a bucket is for us, found by tag or by trial: sealings, joined, and cells of enclosures
/// with the one to whom the secret was given that opened them.
fn join(
    env: &mut Env<'_>,
    desk: &Desk,
    bucket: Bucket,
    cells: &[u8],
) -> (Vec<Joined>, Vec<(Fingerprint, Chunk)>) {
    let given = &desk.transit.given;
    let secrets: Vec<&PairSecret> = given.iter().map(|g| &g.secret).collect();
    let found = scan::scan(cells, bucket, &secrets, &desk.transit.series.dh);
    let (mut joiner, mut letters, mut parts) = (Joiner::default(), Vec::new(), Vec::new());
    for (how, chunk) in found.chunks {
        match (chunk.kind, how) {
            (Kind::Letter, _) => letters.extend(joiner.add(how, chunk, env.rng)),
            (Kind::Enclosure, How::Pair(which)) => parts.push((given[which].to, chunk)),
            (Kind::Enclosure, How::Stranger) | (Kind::Loop, _) => {}
        }
    }
    (letters, parts)
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

fn brings_card(letter: &[u8]) -> bool {
    Letter::read(letter).is_ok_and(|letter| letter.control.card.is_some())
}

/// Tries letters again whose day no card listed when they came.
pub(super) fn retry_waiting(
    env: &mut Env<'_>,
    desk: &mut Desk,
    report: &mut Report,
) -> Result<(), Error> {
    let now = env.now();
    let may_drop = report.clock == Some(Clock::Good);
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
            Some(_) if !may_drop || !arrive::is_stale(waiting.stored, now) => {}
            _ => waiting.remove()?,
        }
    }
    Ok(())
}

/// Removes what has lain in quarantine for 30 days.
fn drop_stale(env: &mut Env<'_>, desk: &mut Desk) -> Result<(), Error> {
    let now = env.now();
    let is_stale = |held: &&Held| arrive::is_stale(held.since, now);
    let stale: Vec<Held> = desk.quarantine.letter.iter().filter(is_stale).cloned().collect();
    if stale.is_empty() {
        return Ok(());
    }
    for held in &stale {
        arrive::drop_from(env, desk, held)?;
    }
    Ok(desk.quarantine.save(env.home.places())?)
}

fn unacknowledged(desk: &Desk) -> usize {
    desk.outbox.iter().filter(|item| item.acknowledged.is_none()).count()
}
