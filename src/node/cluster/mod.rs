//! The store that many nodes share: a Redis Cluster without persistence. Each bucket lies in 256
//! parts, by the first two digits, all over the cluster; each part is a sorted set of whole cells,
//! so a cell that comes twice is there once, and a closed part is one run in the order of bytes.
//!
//! A node keeps nothing itself but what it can ask for again. Whoever comes first after the end of
//! a bucket unlinks its keys, and all go by the highest time that one of them has seen. Refuses a
//! cluster that writes to a disk, and a clock that is not the other nodes'.
//! Specified in poste-protocol(7), Relay, and posted(8), REDIS.

pub mod addresses;
pub mod check;
mod chores;
mod ledger;
mod line;
pub mod link;
pub mod listing;
mod names;
pub mod pool;
mod scripts;
mod slots;

use crate::core::bucket::{Bucket, CELL, Prefix};
use crate::core::time::{MINUTE, Time};
use crate::node::buckets::{GetError, PutError, reserve, served};
use crate::node::clock::{Clock, Keeper, KeeperError};
use crate::node::cluster::ledger::get;
use crate::node::log::Log;
use crate::node::shelf::Batch;
use crate::node::stock::Stock;
use addresses::Addresses;
use check::Unfit;
use link::Link;
use listing::{Cells, DIGIT, Listing, Order};
use names::PARTS;
use pool::Pool;
use redis::{Cmd, RedisError, cmd};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;

/// The clocks of two nodes of a cluster differ by at most so many seconds when one is started.
pub const APART: u64 = MINUTE;

/// The store. Shared by all connections. Its methods wait for the cluster, at most a few seconds,
/// so they are not for threads that must not wait.
pub struct Cluster {
    /// Where the connection lives. Always there but while it is dropped.
    runtime: Option<Runtime>,
    link: Link,
    capacity: u64,
    /// Bytes that were counted last, and since by this node's own uploads.
    counted: AtomicU64,
    /// Bytes of uploads under way.
    reserved: AtomicU64,
    keeper: Arc<Keeper>,
    log: Log,
    known: Mutex<BTreeMap<Bucket, Known>>,
    stock: Stock,
    pool: Pool,
    away: AtomicBool,
    /// What the chores did last; see `chores`.
    last: Mutex<chores::Last>,
}

/// What a node knows of a bucket.
struct Known {
    /// Cells in each part.
    counts: [u32; PARTS],
    /// Whether every part has been sealed, so that these counts stand.
    sealed: bool,
    /// How often they were asked for.
    asked: u64,
}

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The cluster does not answer.
    #[error("{0}: {1}")]
    Away(String, RedisError),
    /// It is not fit to be a store.
    #[error("{0}: {1}")]
    Unfit(String, Box<Unfit>),
    /// The clock stands too far behind the time in the cluster.
    #[error("{0}: {1}")]
    Time(String, KeeperError),
    /// The clock is not that of the nodes that run.
    #[error(
        "{0}: the clock is {1} s apart from that of the nodes that run: set it, or wait 10 seconds \
         after the last of them was stopped"
    )]
    Apart(String, u64),
    /// The system refuses what the connection needs.
    #[error("starting: {0}")]
    System(#[from] io::Error),
}

impl Cluster {
    /// Opens the store of a cluster: checks it, agrees with the other nodes on the time, and wipes
    /// what is due. At most `capacity` bytes of cells will lie in it, as far as this node knows.
    pub fn open(
        addresses: &Addresses,
        capacity: u64,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Cluster, OpenError> {
        let (runtime, link) = connect(addresses)?;
        let away = |error| OpenError::Away(addresses.to_string(), error);
        let (recorded, running) = runtime
            .block_on(async {
                let recorded: Option<u64> = link.ask(get(names::TIME)).await?;
                let running: Option<u64> = link.ask(get(names::RUNNING)).await?;
                Ok((recorded.unwrap_or(0), running))
            })
            .map_err(away)?;
        if let Some(apart) = running.map(|time| time.abs_diff(clock.now().unix()))
            && apart > APART
        {
            return Err(OpenError::Apart(addresses.to_string(), apart));
        }
        let keeper = Keeper::shared(Time::from_unix(recorded), clock, log)
            .map_err(|error| OpenError::Time(addresses.to_string(), error))?;
        let cluster = Cluster {
            runtime: Some(runtime),
            link,
            capacity,
            counted: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            keeper: Arc::new(keeper),
            log,
            known: Mutex::default(),
            stock: Stock::default(),
            pool: Pool::default(),
            away: AtomicBool::new(false),
            last: Mutex::default(),
        };
        cluster.block_on(cluster.look_after()).map_err(|(_, error)| match error {
            chores::Trouble::Away(error) => away(error),
            chores::Trouble::Unfit(error) => {
                OpenError::Unfit(addresses.to_string(), Box::new(error))
            }
            chores::Trouble::Bans(error) => OpenError::System(io::Error::other(error)),
        })?;
        Ok(cluster)
    }

    /// Checks a cluster, and changes nothing.
    pub fn check(addresses: &Addresses) -> Result<(), OpenError> {
        connect(addresses).map(drop)
    }

    /// Stores a batch; how many of its cells were new. On [`PutError::Part`] some of them have been
    /// stored, each whole: sent again, the batch completes them.
    pub fn put(&self, bucket: Bucket, batch: &Batch) -> Result<usize, PutError> {
        let now = self.keeper.now();
        if !bucket.is_open(now) {
            return Err(PutError::WrongPeriod);
        }
        let bytes = (batch.len() * CELL) as u64;
        let room = self.capacity.saturating_sub(self.counted.load(Ordering::Relaxed));
        reserve(&self.reserved, bytes, room)?;
        let mut parts: BTreeMap<u8, Cmd> = BTreeMap::new();
        for cell in batch.cells() {
            let command = parts.entry(cell[0]).or_insert_with(|| {
                let keys = [names::part(bucket, cell[0]), names::seal(bucket, cell[0])];
                let mut command = scripts::run(scripts::PUT, &keys);
                command.arg(ledger::seconds(bucket.wiped(), now));
                command
            });
            command.arg(cell);
        }
        let numbers: Vec<_> = parts.keys().copied().collect();
        let asked = self.known().get(&bucket).map(|known| known.asked);
        let answers = self.block_on(self.link.ask_all::<i64>(parts.into_values()));
        let (mut new, mut result) = (0, Ok(()));
        let mut known = self.known();
        for (part, answer) in numbers.into_iter().zip(answers) {
            match answer.map(u32::try_from) {
                Ok(Ok(more)) => {
                    new += more as usize;
                    // Counts that came meanwhile may have these; the next ones have them.
                    if let Some(known) = known.get_mut(&bucket)
                        && Some(known.asked) == asked
                    {
                        known.counts[usize::from(part)] += more;
                    }
                }
                Ok(Err(_)) => result = Err(PutError::WrongPeriod),
                Err(error) if error.code() == Some("OOM") => result = Err(PutError::Full),
                Err(error) => {
                    self.trouble(&error);
                    result = Err(PutError::Away);
                }
            }
        }
        if let Some(known) = known.get(&bucket) {
            self.stock.set(bucket, digits(&known.counts));
        }
        self.counted.fetch_add((new * CELL) as u64, Ordering::Relaxed);
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
        match result {
            Ok(()) => Ok(new),
            Err(why) if new > 0 => Err(PutError::Part(new, Box::new(why))),
            Err(why) => Err(why),
        }
    }

    /// The cells of a bucket that start with `prefix`, and whether it is closed.
    pub fn get(&self, bucket: Bucket, prefix: Prefix) -> Result<(Listing, bool), GetError> {
        let now = self.keeper.now();
        let closed = served(bucket, now)?;
        let cells = self.block_on(async {
            let cells = if closed {
                self.closed(bucket, prefix, now).await?
            } else {
                self.open_cells(bucket, prefix).await?
            };
            // Another node tells its time before it unlinks anything by it.
            let told: Option<u64> = self.link.ask(get(names::TIME)).await?;
            Ok((cells, Time::from_unix(told.unwrap_or(0))))
        });
        let (cells, told) = cells.map_err(|error: RedisError| {
            self.trouble(&error);
            GetError::Away
        })?;
        if bucket.is_wiped(told) {
            return Err(GetError::Wiped);
        }
        let cells: Vec<_> = cells.into_iter().filter(|cells| cells.count > 0).collect();
        let keeper = self.keeper.clone();
        let wiped = Arc::new(move |bucket: Bucket| bucket.is_wiped(keeper.now()));
        let (link, handle) = (self.link.clone(), self.handle());
        Ok((Listing { link, handle, cells, bucket, wiped }, closed))
    }

    /// How many cells a bucket held when it was last counted, at most a second ago.
    pub fn count(&self, bucket: Bucket) -> usize {
        let known = self.known();
        known.get(&bucket).map_or(0, |known| known.counts.iter().map(|n| *n as usize).sum())
    }

    /// The time the buckets go by.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// What stands under each first digit.
    pub fn stock(&self) -> &Stock {
        &self.stock
    }

    /// Counts and bans of all nodes.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Bytes in the store, and how many there may be.
    pub fn fill(&self) -> (u64, u64) {
        let counted = self.counted.load(Ordering::Relaxed);
        (counted + self.reserved.load(Ordering::Relaxed), self.capacity)
    }

    /// Whether the cluster, or a part of it, did not answer when it was last looked after.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// The parts of a closed bucket, sealed if they were not.
    async fn closed(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        now: Time,
    ) -> Result<Vec<Cells>, RedisError> {
        let (parts, third) = names::parts(prefix);
        let ends = |part: u8| match third {
            None => (b"-".to_vec(), b"+".to_vec()),
            Some(third) => {
                let next = u16::from_be_bytes([part, third << 4]).checked_add(16);
                let to = |top: u16| [b"(", &top.to_be_bytes()[..]].concat();
                (vec![b'[', part, third << 4], next.map_or(b"+".to_vec(), to))
            }
        };
        let answers = self.link.ask_all::<(u64, u64, u64)>(parts.clone().map(|part| {
            let (from, to) = ends(part);
            let mut command = closed_command(bucket, part, now);
            command.arg(from).arg(to);
            command
        }));
        let answers = answers.await;
        let cells = parts.zip(answers).map(|(part, answer)| {
            let (from, count, _) = answer?;
            Ok(Cells { key: names::part(bucket, part), count, order: Order::From(from) })
        });
        cells.collect()
    }

    /// The parts of an open bucket, as they stand.
    async fn open_cells(&self, bucket: Bucket, prefix: Prefix) -> Result<Vec<Cells>, RedisError> {
        let (parts, third) = names::parts(prefix);
        let scores = match third {
            None => 0..16 * DIGIT,
            Some(third) => u64::from(third) * DIGIT..(u64::from(third) + 1) * DIGIT,
        };
        let answers = self.link.ask_all::<u64>(parts.clone().map(|part| {
            let mut command = cmd("ZCOUNT");
            command.arg(names::part(bucket, part));
            command.arg(scores.start).arg(format!("({}", scores.end));
            command
        }));
        let answers = answers.await;
        let cells = parts.zip(answers).map(|(part, answer)| {
            let count = answer?;
            // Of some of a part it is not known how many came before; those to come are behind.
            let before = if third.is_none() { count } else { DIGIT };
            let order = Order::Scores(scores.clone(), before);
            Ok(Cells { key: names::part(bucket, part), count, order })
        });
        cells.collect()
    }

    /// Says what does not work, once until it does again.
    fn trouble(&self, error: &dyn std::fmt::Display) {
        if !self.away.swap(true, Ordering::Relaxed) {
            self.log.error(format_args!("the store does not answer: {error}"));
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Bucket, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self) -> tokio::runtime::Handle {
        match &self.runtime {
            Some(runtime) => runtime.handle().clone(),
            None => unreachable!("it is taken by drop alone"),
        }
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle().block_on(future)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Waiting for its threads is not allowed everywhere a node may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn connect(addresses: &Addresses) -> Result<(Runtime, Link), OpenError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let link = runtime.block_on(Link::open(addresses));
    let link = link.map_err(|error| OpenError::Away(addresses.to_string(), error))?;
    let fit = runtime.block_on(check::check(&link));
    fit.map_err(|error| OpenError::Unfit(addresses.to_string(), Box::new(error)))?;
    Ok((runtime, link))
}

/// Seals a part and counts it; the range to be counted is still to be added.
fn closed_command(bucket: Bucket, part: u8, now: Time) -> Cmd {
    let keys = [names::part(bucket, part), names::seal(bucket, part)];
    let mut command = scripts::run(scripts::CLOSED, &keys);
    command.arg(ledger::seconds(bucket.wiped(), now));
    command
}

/// Cells under each first digit.
fn digits(counts: &[u32; PARTS]) -> [u64; 16] {
    std::array::from_fn(|digit| {
        counts[16 * digit..16 * (digit + 1)].iter().map(|n| u64::from(*n)).sum()
    })
}
