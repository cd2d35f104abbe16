//! Downloads: which buckets are fetched where, and fetching them. A node that fails costs itself
//! alone, and none keeps a sync for ever. Nothing is looked at before all requests are made, so
//! that their times tell nobody what was in the answers.
//! Specified in poste-protocol(7), A sync from outside.

use super::{Report, class, listening};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{listen, loops, own};
use crate::core::bucket::{Bucket, CELL};
use crate::core::clock::Clock;
use crate::core::plan::{self, Get};
use crate::core::time::MINUTE;
use crate::net::{Address, Fetched, Origin};
use crate::store::loops::{Looping, Loops};
use crate::store::progress::{self, Progress};
use crate::store::spool::Spool;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Bytes of one bucket from one node at most: 16,384 cells. They are held in memory, those of one
/// bucket at all nodes at a time.
pub const BUCKET_LIMIT: u64 = 64 << 20;
/// After this many seconds no further download is begun: a node must not keep a sync for ever.
const DOWNLOADS: u64 = 40 * MINUTE;

/// What was fetched.
#[derive(Default)]
pub struct Fetch {
    /// The cells of each bucket, from all nodes.
    pub cells: BTreeMap<Bucket, Spool>,
    /// Loop cells that were looked for in closed buckets, and whether they were there.
    pub loops: Vec<(Looping, bool)>,
    /// Closed buckets that a node served to the end.
    pub complete: Vec<Get>,
    /// With how many digits, and what each download brought.
    pub digits: usize,
    pub took: Vec<Took>,
}

/// What a download brought.
pub struct Took {
    /// From where.
    pub node: String,
    /// Bytes of cells.
    pub bytes: usize,
    /// Whether the bucket was closed.
    pub closed: bool,
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
    let digits = own::load(env).and_then(|card| listen::prefix(env, &card.card));
    let known = Loops::load(env.home.places()).map_err(Error::from);
    let (digits, known) = match (digits, known) {
        (Ok(digits), Ok(known)) => (digits, known),
        (Err(error), _) | (_, Err(error)) => {
            report.soft(error);
            return out;
        }
    };
    out.digits = digits.len();
    let mut couriers = Vec::new();
    let started = env.now();
    for gets in gets.chunk_by(|a, b| a.node == b.node) {
        (env.progress)(&format!("fetching from {}, {} cells so far", gets[0].node, report.fetched));
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
                        let (node, bytes) = (get.node.clone(), cells.len());
                        report.fetched += bytes / CELL;
                        out.took.push(Took { node, bytes, closed });
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

/// Puts cells aside until all requests are made.
fn keep(env: &Env<'_>, out: &mut Fetch, bucket: Bucket, cells: &[u8]) -> Result<(), Error> {
    let spool = match out.cells.entry(bucket) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Spool::new(env.home.places())?),
    };
    Ok(spool.add(cells)?)
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
