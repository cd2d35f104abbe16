//! The exchange of counts and bans between the nodes of a cluster, once a second: what this node
//! has added goes into the shared sums, and the sums come back. A network's address stands in the
//! cluster until its hour or day, its debt or its ban is over, and then the key ends by itself.
//! Specified in posted(8), REDIS.

use crate::core::bucket::Bucket;
use crate::core::time::Time;
use crate::node::bans::{BadBans, Bans, TERM};
use crate::node::cluster::link::Link;
use crate::node::cluster::pool::Pool;
use crate::node::cluster::{names, scripts};
use crate::node::tally::Took;
use redis::{Cmd, RedisError, cmd};

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
    let (added, allowance) = (pool.added(), pool.allowance());
    let took: Vec<_> = added.took.into_iter().collect();
    let owed: Vec<_> = added.owed.into_iter().filter(|(_, sum)| *sum != 0).collect();
    let once = link.once();
    let sums = once.ask_all(took.iter().map(|((network, bucket), took)| {
        let key = names::taken(*network, bucket.class(), bucket.start());
        let mut command = scripts::run(scripts::TAKE, &[key]);
        command.arg(took.bytes).arg(took.digits).arg(seconds(bucket.end(), now));
        command
    }));
    let sums: Vec<Result<(u64, u16), _>> = sums.await;
    let debts = once.ask_all(owed.iter().map(|(network, sum)| {
        let mut command = scripts::run(scripts::OWE, &[names::owed(*network)]);
        command.arg(*sum).arg(allowance).arg(now.unix());
        command
    }));
    let debts: Vec<Result<u64, _>> = debts.await;
    let mut missed = None;
    for (((network, bucket), _), sum) in took.iter().zip(sums) {
        match sum {
            // Of an hour that is over nothing is asked any more.
            Ok((bytes, digits)) if *bucket == Bucket::at(bucket.class(), now) => {
                pool.know_taken(*network, bucket.class(), Took { bytes, digits }, now);
            }
            Ok(_) => {}
            Err(error) => missed = Some(error),
        }
    }
    for ((network, _), debt) in owed.iter().zip(debts) {
        match debt {
            Ok(owed) => pool.know_owed(*network, owed, now),
            Err(error) => missed = Some(error),
        }
    }
    ban(link, pool, now).await?;
    missed.map_or(Ok(()), |error| Err(error.into()))
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
