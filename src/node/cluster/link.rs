//! Commands to a cluster, with a limit of time: whoever asks waits at most [`PATIENCE`], whatever
//! has become of a master, and the others go on answering. Finds the master that has a key, and
//! goes after the key when it has moved. One that has failed, and has its keys according to a fresh
//! map all the same, is not waited for again until it is well or another has its place.
//!
//! Commands that are safe to repeat are, within the limit; see [`Link::once`] for the others.
//! Specified in posted(8), REDIS.

use crate::node::cluster::addresses::{Addresses, Server};
use crate::node::cluster::line::{Line, REST};
use crate::node::cluster::slots::{Map, slot_of};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value, cmd};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// A command is answered, or has failed, after this time, whatever is repeated within it.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// How often a command is repeated.
const TRIES: u32 = 4;
/// The wait before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The map is not asked for again before this time is over.
const FRESH: Duration = Duration::from_millis(500);

/// A cluster, of which copies are as good.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
    /// Whether a command is sent anew when nobody knows whether it was carried out.
    repeats: bool,
}

struct Inner {
    addresses: Addresses,
    lines: Mutex<HashMap<Server, Arc<Line>>>,
    map: Mutex<Arc<Map>>,
    learnt: tokio::sync::Mutex<Option<Instant>>,
}

impl Link {
    /// Asks the named servers, one of which at least must answer, what the cluster consists of.
    pub async fn open(addresses: &Addresses) -> Result<Link, RedisError> {
        let inner = Inner {
            addresses: addresses.clone(),
            lines: Mutex::default(),
            map: Mutex::default(),
            learnt: tokio::sync::Mutex::default(),
        };
        let link = Link { inner: Arc::new(inner), repeats: true };
        link.learn().await?;
        Ok(link)
    }

    /// The same for commands that must not be carried out twice.
    pub fn once(&self) -> Link {
        Link { inner: self.inner.clone(), repeats: false }
    }

    /// The servers, as they were last told.
    pub fn map(&self) -> Arc<Map> {
        guard(&self.inner.map).clone()
    }

    /// Asks the master that has the command's key.
    pub async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Result<T, RedisError> {
        let asked = timeout(PATIENCE, self.find(&command)).await;
        let value = asked.unwrap_or_else(|_| Err(slow()))?;
        Ok(redis::from_redis_value(value.extract_error()?)?)
    }

    /// Asks one server.
    pub async fn ask_at<T: FromRedisValue>(
        &self,
        server: &Server,
        command: Cmd,
    ) -> Result<T, RedisError> {
        let asked = timeout(PATIENCE, self.send(server, &command, false)).await;
        let value = asked.unwrap_or_else(|_| Err(Failed::Answer(slow()))).map_err(Failed::error)?;
        Ok(redis::from_redis_value(value.extract_error()?)?)
    }

    /// Asks many at once; the answers in the order of the commands.
    pub async fn ask_all<T: FromRedisValue + Send + 'static>(
        &self,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> Vec<Result<T, RedisError>> {
        let mut under_way = JoinSet::new();
        for (at, command) in commands.into_iter().enumerate() {
            let link = self.clone();
            under_way.spawn(async move { (at, link.ask(command).await) });
        }
        let mut answers = under_way.join_all().await;
        answers.sort_unstable_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Asks anew what the cluster consists of, unless that has just been done.
    pub async fn learn(&self) -> Result<(), RedisError> {
        let mut learnt = self.inner.learnt.lock().await;
        if learnt.is_some_and(|when| when.elapsed() < FRESH) {
            return Ok(());
        }
        let known = self.map();
        let named = self.inner.addresses.servers();
        let mut all: Vec<_> =
            known.masters.iter().chain(&known.replicas).chain(&named).cloned().collect();
        // One that hangs would hold up all who want to know.
        all.sort_by_key(|server| self.line(server).is_doubtful());
        let mut last = slow();
        for server in all {
            let mut command = cmd("CLUSTER");
            command.arg("SLOTS");
            let rows = self.send(&server, &command, false).await.map_err(Failed::error);
            let rows = rows.and_then(|value| {
                Ok(redis::from_redis_value::<Vec<Vec<Value>>>(value.extract_error()?)?)
            });
            match rows.and_then(|rows| Map::read(rows, &server)) {
                Ok(map) => {
                    *guard(&self.inner.map) = Arc::new(map);
                    *learnt = Some(Instant::now());
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn find(&self, command: &Cmd) -> Result<Value, RedisError> {
        let slot = slot_of(command);
        let mut told: Option<(Server, bool)> = None;
        let mut last = slow();
        for again in 0..TRIES {
            let map = self.map();
            let master =
                slot.and_then(|slot| map.master(slot)).map(|master| (master.clone(), false));
            let Some((server, asking)) = told.take().or(master) else {
                self.learn().await?;
                sleep(PAUSE * 2u32.pow(again)).await;
                continue;
            };
            let failed = match self.send(&server, command, asking).await {
                Ok(value) => match value.extract_error() {
                    Ok(value) => return Ok(value),
                    Err(error) => Failed::Answer(error),
                },
                Err(failed) => failed,
            };
            let unsent = match &failed {
                Failed::Down(_) => return Err(failed.error()),
                Failed::Unsent(_) => true,
                Failed::Answer(_) => false,
            };
            let error = failed.error();
            match error.kind() {
                ErrorKind::Server(ServerErrorKind::Moved) => {
                    told = redirect(&error).map(|server| (server, false));
                    self.learn().await?;
                }
                ErrorKind::Server(ServerErrorKind::Ask) => {
                    told = redirect(&error).map(|server| (server, true));
                }
                ErrorKind::Server(ServerErrorKind::TryAgain | ServerErrorKind::ReadOnly) => {
                    self.pause(again).await?
                }
                ErrorKind::Server(
                    ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading,
                ) => self.doubt(&server, slot, again, &error).await?,
                // A replica may take its place.
                ErrorKind::Io if unsent || self.repeats => {
                    self.doubt(&server, slot, again, &error).await?;
                }
                _ => return Err(error),
            }
            last = error;
        }
        Err(last)
    }

    async fn pause(&self, again: u32) -> Result<(), RedisError> {
        sleep(PAUSE * 2u32.pow(again)).await;
        self.learn().await
    }

    /// Waits, for a replica to take the place of a server that has failed, and fails if none has, so
    /// that from then on the server is down: if it hangs at once, otherwise when it fails again.
    async fn doubt(
        &self,
        server: &Server,
        slot: Option<usize>,
        again: u32,
        error: &RedisError,
    ) -> Result<(), RedisError> {
        self.pause(again).await?;
        let map = self.map();
        let stands = slot.and_then(|slot| map.master(slot)) == Some(server);
        if !stands || (again == 0 && !error.is_timeout()) {
            return Ok(());
        }
        if self.line(server).fall(error.clone()) {
            tokio::spawn(self.clone().watch(server.clone()));
        }
        Err(error.clone())
    }

    /// Probes a server that is down until it is well, or no part of the cluster any more.
    async fn watch(self, server: Server) {
        let (line, url) = (self.line(&server), self.inner.addresses.url(&server));
        loop {
            sleep(REST).await;
            // For those who ask, none of whom asks for the map while it is down.
            let learnt = self.learn().await.is_ok();
            let map = self.map();
            let stands = map.masters.contains(&server) || map.replicas.contains(&server);
            if line.probe(&url).await || (learnt && !stands) {
                return line.rise();
            }
        }
    }

    fn line(&self, server: &Server) -> Arc<Line> {
        guard(&self.inner.lines).entry(server.clone()).or_default().clone()
    }

    async fn send(&self, server: &Server, command: &Cmd, asking: bool) -> Result<Value, Failed> {
        let line = self.line(server);
        if let Some(error) = line.down() {
            return Err(Failed::Down(error));
        }
        let url = self.inner.addresses.url(server);
        let (mut connection, number) = line.get(&url).await.map_err(|error| {
            line.answered(false);
            Failed::Unsent(error)
        })?;
        let answer = if asking {
            // In one piece: the permission is for the next command of the connection, which others
            // use too.
            let mut both = redis::pipe();
            both.cmd("ASKING").add_command(command.clone());
            let answers = connection.send_packed_commands(&both, 1, 1).await;
            answers.map(|answers| answers.into_iter().next().unwrap_or(Value::Nil))
        } else {
            connection.send_packed_command(command).await
        };
        match answer {
            Ok(value) => {
                line.answered(true);
                Ok(value)
            }
            Err(error) => {
                if error.is_io_error() {
                    line.answered(false);
                    if !error.is_timeout() {
                        line.broke(number).await;
                    }
                }
                Err(Failed::Answer(error))
            }
        }
    }
}

/// A command without an answer.
enum Failed {
    /// It was not sent, and will not be, since the server is down.
    Down(RedisError),
    /// It was not sent.
    Unsent(RedisError),
    /// It was, or may have been.
    Answer(RedisError),
}

impl Failed {
    fn error(self) -> RedisError {
        match self {
            Failed::Down(error) | Failed::Unsent(error) | Failed::Answer(error) => error,
        }
    }
}

/// Where a key is, according to the server that does not have it.
fn redirect(error: &RedisError) -> Option<Server> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    let port = port.parse().ok()?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn slow() -> RedisError {
    RedisError::from((ErrorKind::Io, "no answer in time"))
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
