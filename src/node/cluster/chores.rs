//! What a node does for its cluster every second: it tells its time, counts and seals, unlinks what
//! is due, exchanges counts and bans; every five minutes it looks at all keys for what should be
//! gone, and every minute at the settings of all servers. Each node does all of it, and whatever
//! was done already does no harm.
//! Specified in posted(8), REDIS.

use super::{Cluster, Known, closed_command, digits};
use crate::core::bucket::{Bucket, CELL, Class, MARGIN};
use crate::core::time::{MINUTE, Time};
use crate::node::bans::BadBans;
use crate::node::cluster::check::{self, Unfit};
use crate::node::cluster::ledger::{self, Missed};
use crate::node::cluster::names::{self, PARTS};
use crate::node::cluster::scripts;
use redis::{Cmd, RedisError, cmd};
use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Keys looked at in one step of a sweep.
const STEP: usize = 1000;

/// When the chores that are not for every second were done.
#[derive(Debug, Default)]
pub struct Last {
    /// The sweep, in units of [`MARGIN`].
    swept: u64,
    /// The check, in minutes.
    checked: u64,
}

/// What could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A server does not answer.
    #[error("{0}")]
    Away(#[from] RedisError),
    /// One has settings it must not have.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The list of bans is not one.
    #[error("the key {key}: {0}", key = names::BANS)]
    Bans(BadBans),
}

impl From<Missed> for Trouble {
    fn from(missed: Missed) -> Trouble {
        match missed {
            Missed::Away(error) => Trouble::Away(error),
            Missed::Bans(error) => Trouble::Bans(error),
        }
    }
}

impl Cluster {
    /// Does what is due. To be called every second. How many buckets were wiped.
    pub fn chores(&self) -> usize {
        let (wiped, trouble) = match self.block_on(self.look_after()) {
            Ok(wiped) => (wiped, None),
            Err((wiped, trouble)) => (wiped, Some(trouble)),
        };
        match trouble {
            Some(trouble) => self.trouble(&trouble),
            None if self.away.swap(false, Ordering::Relaxed) => {
                self.log.info("the store answers again");
            }
            None => {}
        }
        wiped
    }

    /// Does all that can be done, and then says what could not. Also how many buckets were wiped.
    pub(super) async fn look_after(&self) -> Result<usize, (usize, Trouble)> {
        let mut trouble = None;
        let mut note = |result: Result<(), Trouble>| {
            if let Err(error) = result {
                trouble = Some(error);
            }
        };
        // Before anything is unlinked by it.
        if let Err(error) = self.tell().await {
            return Err((0, error.into()));
        }
        let now = self.keeper.now();
        let (wiped, result) = self.wipe(now).await;
        note(result.map_err(Trouble::from));
        note(self.count_all(now).await.map_err(Trouble::from));
        note(ledger::exchange(&self.link, &self.pool, now).await.map_err(Trouble::from));
        let (sweep, minute) = (now.unix() / MARGIN, now.unix() / MINUTE);
        let (swept, checked) = {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            (last.swept, last.checked)
        };
        if swept != sweep {
            let result = self.sweep(now).await;
            if result.is_ok() {
                self.last.lock().unwrap_or_else(PoisonError::into_inner).swept = sweep;
            }
            note(result.map_err(Trouble::from));
        }
        if checked != minute {
            let result = check::check(&self.link).await;
            if result.is_ok() {
                self.last.lock().unwrap_or_else(PoisonError::into_inner).checked = minute;
            }
            note(result.map_err(Trouble::from));
        }
        match trouble {
            None => Ok(wiped),
            Some(trouble) => Err((wiped, trouble)),
        }
    }

    async fn tell(&self) -> Result<(), RedisError> {
        let mut command = scripts::run(scripts::TELL, &[names::TIME, names::RUNNING]);
        command.arg(self.keeper.now().unix());
        let told: u64 = self.link.ask(command).await?;
        self.keeper.follow(Time::from_unix(told));
        Ok(())
    }

    /// Counts the parts of every bucket that stands, and seals those of closed ones.
    async fn count_all(&self, now: Time) -> Result<(), RedisError> {
        let mut result = Ok(());
        for class in [Class::Hourly, Class::Daily] {
            let mut bucket = Bucket::at(class, now).next();
            while !bucket.is_wiped(now) {
                if now >= bucket.opens() {
                    result = self.count_one(bucket, now).await.and(result);
                }
                bucket = bucket.previous();
            }
        }
        let cells: usize = {
            let known = self.known();
            known.values().flat_map(|known| &known.counts).map(|n| *n as usize).sum()
        };
        self.counted.store((cells * CELL) as u64, Ordering::Relaxed);
        result
    }

    async fn count_one(&self, bucket: Bucket, now: Time) -> Result<(), RedisError> {
        if self.known().get(&bucket).is_some_and(|known| known.sealed) {
            return Ok(());
        }
        let closed = bucket.is_closed(now);
        let answers: Vec<Result<u32, _>> = if closed {
            let answers = self.link.ask_all::<(u32, u32, u32)>((0..=255).map(|part| {
                let mut command = closed_command(bucket, part, now);
                command.arg("-").arg("+");
                command
            }));
            answers.await.into_iter().map(|a| a.map(|(_, _, all)| all)).collect()
        } else {
            let count = |part| {
                let mut command = cmd("ZCARD");
                command.arg(names::part(bucket, part));
                command
            };
            self.link.ask_all((0..=255).map(count)).await
        };
        let mut result = Ok(());
        let mut known = self.known();
        let new = Known { counts: [0; PARTS], sealed: false, asked: 0 };
        let known = known.entry(bucket).or_insert(new);
        known.asked += 1;
        for (count, answer) in known.counts.iter_mut().zip(answers) {
            match answer {
                Ok(answer) => *count = answer,
                Err(error) => result = Err(error),
            }
        }
        self.stock.set(bucket, digits(&known.counts));
        if closed && result.is_ok() {
            known.sealed = true;
            let cells: u32 = known.counts.iter().sum();
            self.log.info(format_args!("closed {bucket}: {cells} cells"));
        }
        result
    }

    /// Unlinks the keys of the buckets whose time is over. What a master that is away keeps of
    /// them is unlinked when it is back.
    async fn wipe(&self, now: Time) -> (usize, Result<(), RedisError>) {
        let due: Vec<Bucket> =
            self.known().keys().copied().filter(|bucket| bucket.is_wiped(now)).collect();
        let (mut wiped, mut result) = (0, Ok(()));
        for bucket in due {
            let unlink = |part| {
                let mut command = cmd("UNLINK");
                command.arg(names::part(bucket, part)).arg(names::seal(bucket, part));
                command
            };
            let answers = self.link.ask_all::<u32>((0..=255).map(unlink)).await;
            match answers.into_iter().find_map(Result::err) {
                Some(error) => result = Err(error),
                None => {
                    let known = self.known().remove(&bucket);
                    let cells: u32 = known.map_or(0, |known| known.counts.iter().sum());
                    self.stock.remove(bucket);
                    self.log.info(format_args!("wiped {bucket}: {cells} cells"));
                    wiped += 1;
                }
            }
        }
        (wiped, result)
    }

    /// Looks at every key of every master, and unlinks those of buckets whose time is over: what
    /// was there before this node was, or came into a master late. Lets go of paid debts.
    async fn sweep(&self, now: Time) -> Result<(), RedisError> {
        self.link.learn().await?;
        let servers = self.link.map();
        let mut left: HashMap<Bucket, u32> = HashMap::new();
        let mut result = Ok(());
        for master in &servers.masters {
            let mut cursor = 0;
            loop {
                let step: (u64, Vec<Vec<u8>>) = match self.link.ask_at(master, scan(cursor)).await {
                    Ok(step) => step,
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                };
                let keys = step.1.into_iter();
                let due = keys.filter_map(|key| Some((names::bucket(&key)?, key)));
                let due: Vec<_> = due.filter(|(bucket, _)| bucket.is_wiped(now)).collect();
                let unlink = |(_, key): &(Bucket, Vec<u8>)| {
                    let mut command = cmd("UNLINK");
                    command.arg(key);
                    command
                };
                let answers = self.link.ask_all::<u32>(due.iter().map(unlink)).await;
                for ((bucket, _), answer) in due.iter().zip(answers) {
                    match answer {
                        Ok(keys) => *left.entry(*bucket).or_default() += keys,
                        Err(error) => result = Err(error),
                    }
                }
                cursor = step.0;
                if cursor == 0 {
                    break;
                }
            }
        }
        result = ledger::pay_off(&self.link, &self.pool, now).await.and(result);
        for (bucket, keys) in left {
            self.log.info(format_args!("wiped {bucket}: {keys} keys that were left"));
        }
        result
    }
}

fn scan(cursor: u64) -> Cmd {
    let mut command = cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(format!("{}*", names::ALL)).arg("COUNT").arg(STEP);
    command
}
