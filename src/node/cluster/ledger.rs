//! The exchange of counts and bans between the nodes of a cluster, once a second: what this node
//! has added goes into the shared sums, and the sums come back. A network's address stands in the
//! cluster until its hour or day, its debt or its ban is over.
//!
//! The tables there are bounded as a node's own are, see `tally`, in 256 parts of which each loses
//! its lighter half when it is full. A floor below which nothing is told would be no bound that
//! holds: with one of a 64th, somebody at 128 nodes could take twice what is allowed, one half of it
//! never told. With parts nothing is held back, so what is taken at all nodes is one sum, to the
//! byte. To have his own forgotten, a watcher must let 195 other networks of his part take as much
//! as he did, each: then he does better to use those, which no ban is meant to find.
//! Specified in posted(8), REDIS.

use crate::core::bucket::Bucket;
use crate::core::time::Time;
use crate::node::bans::{BadBans, Bans, TERM};
use crate::node::cluster::link::Link;
use crate::node::cluster::names::MOST;
use crate::node::cluster::pool::Pool;
use crate::node::cluster::{names, scripts};
use crate::node::network::Network;
use crate::node::tally::Took;
use redis::{Cmd, RedisError, cmd};
use std::collections::BTreeMap;

/// How often the list of bans is read anew when another node has written it meanwhile.
const TRIES: usize = 3;

/// The exchange did not come about; the next one will do.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    /// A master did not answer.
    #[error("{0}")]
    Away(#[from] RedisError),
    /// The list of bans is not one.
    #[error("the key {key}: {0}", key = names::BANS)]
    Bans(#[from] BadBans),
}

/// Exchanges everything. What could not be told is forgotten, but for bans.
pub async fn exchange(link: &Link, pool: &Pool, now: Time) -> Result<(), Missed> {
    let added = pool.added();
    let took = parted(added.took.into_iter().map(|((network, bucket), t)| (bucket, network, t)));
    let owed = added.owed.into_iter().filter(|(_, sum)| *sum != 0);
    let owed = parted(owed.map(|(network, sum)| ((), network, sum)));
    let once = link.once();
    let sums = once.ask_all(took.iter().map(|((bucket, part), networks)| {
        let mut command = scripts::run(scripts::TAKE, &names::taken(*bucket, *part));
        command.arg(MOST).arg(seconds(bucket.end(), now));
        for (network, took) in networks {
            command.arg(network.to_string()).arg(took.bytes).arg(took.digits);
        }
        command
    }));
    let sums: Vec<Result<Vec<u64>, _>> = sums.await;
    let debts = once.ask_all(owed.iter().map(|((_, part), networks)| {
        let mut command = owe(*part, pool.allowance(), now);
        for (network, sum) in networks {
            command.arg(network.to_string()).arg(*sum);
        }
        command
    }));
    let debts: Vec<Result<Vec<u64>, _>> = debts.await;
    let mut missed = None;
    for (((bucket, _), networks), sums) in took.iter().zip(sums) {
        match sums {
            // Of an hour that is over nothing is asked any more.
            Ok(sums) if *bucket == Bucket::at(bucket.class(), now) => {
                for ((network, _), sum) in networks.iter().zip(sums.chunks_exact(2)) {
                    let sum = Took { bytes: sum[0], digits: sum[1] as u16 };
                    pool.know_taken(*network, bucket.class(), sum, now);
                }
            }
            Ok(_) => {}
            Err(error) => missed = Some(error),
        }
    }
    for ((_, networks), debts) in owed.iter().zip(debts) {
        match debts {
            Ok(debts) => networks
                .iter()
                .zip(debts)
                .for_each(|((network, _), owed)| pool.know_owed(*network, owed, now)),
            Err(error) => missed = Some(error),
        }
    }
    ban(link, pool, now).await?;
    missed.map_or(Ok(()), |error| Err(error.into()))
}

/// Lets the networks that have paid off what they owed leave the cluster, where they would stand
/// until another one of their part is charged, or has paid too.
pub async fn pay_off(link: &Link, pool: &Pool, now: Time) -> Result<(), RedisError> {
    let commands = (0..=255).map(|part| owe(part, pool.allowance(), now));
    let answers = link.ask_all::<Vec<u64>>(commands).await;
    answers.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

/// Adds nothing yet to what the networks of a part owe.
fn owe(part: u8, allowance: u64, now: Time) -> Cmd {
    let mut command = scripts::run(scripts::OWE, &[names::owed(part)]);
    command.arg(MOST).arg(allowance).arg(now.unix());
    command
}

/// What there is to tell of networks of one part of the table `K`.
type Part<K, V> = ((K, u8), Vec<(Network, V)>);

/// By the parts of a table, so that a second of a crowd is some hundred commands; not more networks
/// in one than a part has room for, so that none keeps a server long.
fn parted<K: Ord + Copy, V: Copy>(all: impl Iterator<Item = (K, Network, V)>) -> Vec<Part<K, V>> {
    let mut parts: BTreeMap<(K, u8), Vec<(Network, V)>> = BTreeMap::new();
    for (key, network, value) in all {
        parts.entry((key, names::table(network))).or_default().push((network, value));
    }
    let mut some = Vec::new();
    for (part, networks) in parts {
        some.extend(networks.chunks(MOST).map(|networks| (part, networks.to_vec())));
    }
    some
}

/// Brings the bans of this node into the list, and those that have ended out of it. A list that came
/// back empty, as after its master was started anew, is made whole by what the nodes know.
async fn ban(link: &Link, pool: &Pool, now: Time) -> Result<(), Missed> {
    for _ in 0..TRIES {
        let kept: Option<String> = link.ask(get(names::BANS)).await?;
        let kept = kept.unwrap_or_default();
        let mut list = Bans::read(&kept)?;
        let (ended, more) = (list.end(now), list.merge(&pool.bans(), now));
        if !ended && !more {
            pool.know_bans(&list, now);
            return Ok(());
        }
        let text = match list.count(now) {
            0 => String::new(),
            _ => list.kept().map_err(|_| BadBans)?,
        };
        let mut command = scripts::run(scripts::BAN, &[names::BANS]);
        command.arg(&kept).arg(&text).arg(TERM);
        if link.ask(command).await? {
            pool.know_bans(&list, now);
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a key.
pub fn get(key: &str) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

/// Seconds until something ends by itself, and a minute for clocks that differ.
pub fn seconds(end: Time, now: Time) -> u64 {
    end.since(now) + 60
}
