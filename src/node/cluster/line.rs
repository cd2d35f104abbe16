//! The connection to one server of a cluster: made when it is needed, shared by all who need it,
//! and thrown away when it breaks. A server that cannot be reached is not tried again at once, and
//! one that is known to be down not at all until a probe of it has succeeded: who asks for what it
//! has fails without waiting, and keeps nobody who asks for others from his turn.
//! Specified in posted(8), REDIS.

use crate::node::cluster::names;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind, Value};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A server is connected to, or is away, after this time.
const CONNECT: Duration = Duration::from_secs(1);
/// One that is connected answers within this time.
const ANSWER: Duration = Duration::from_secs(2);
/// One that could not be reached is not tried again before this time is over, nor one that is down.
pub const REST: Duration = Duration::from_millis(300);

/// The line to one server.
#[derive(Default)]
pub struct Line {
    state: Mutex<State>,
    /// Why nothing is sent.
    down: std::sync::Mutex<Option<RedisError>>,
    /// Whether the last that was sent came to nothing.
    doubtful: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Counts the connections, so that only the one that broke is thrown away.
    number: u64,
    connection: Option<MultiplexedConnection>,
    failed: Option<(Instant, RedisError)>,
}

impl Line {
    /// A connection to the server at `url`, and its number.
    pub async fn get(&self, url: &str) -> Result<(MultiplexedConnection, u64), RedisError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.number));
        }
        if let Some((when, error)) = &state.failed
            && when.elapsed() < REST
        {
            return Err(error.clone());
        }
        match connect(url).await {
            Ok(connection) => {
                state.number += 1;
                state.connection = Some(connection.clone());
                Ok((connection, state.number))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The connection of this number is of no use any more.
    pub async fn broke(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.connection = None;
        }
    }

    /// Whether the last that was sent was answered, or not.
    pub fn answered(&self, answered: bool) {
        self.doubtful.store(!answered, Ordering::Relaxed);
    }

    /// Whether others should be asked first.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Relaxed)
    }

    /// Nothing is to be sent from now on. Whether that is new, so that somebody has to probe it.
    pub fn fall(&self, why: RedisError) -> bool {
        self.lock_down().replace(why).is_none()
    }

    /// Why nothing is to be sent, if so.
    pub fn down(&self) -> Option<RedisError> {
        self.lock_down().clone()
    }

    /// It may be used again.
    pub fn rise(&self) {
        *self.lock_down() = None;
    }

    /// Whether the server serves keys, over a new connection, which is then used.
    pub async fn probe(&self, url: &str) -> bool {
        let Ok(mut connection) = connect(url).await else { return false };
        let mut command = redis::cmd("GET");
        command.arg(names::TIME);
        let answer = connection.send_packed_command(&command).await.and_then(Value::extract_error);
        let elsewhere = [ServerErrorKind::Moved, ServerErrorKind::Ask].map(ErrorKind::Server);
        if answer.is_err_and(|error| !elsewhere.contains(&error.kind())) {
            return false;
        }
        let mut state = self.state.lock().await;
        state.number += 1;
        (state.connection, state.failed) = (Some(connection), None);
        true
    }

    fn lock_down(&self) -> std::sync::MutexGuard<'_, Option<RedisError>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(url: &str) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER));
    Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}
