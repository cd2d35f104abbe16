//! The connection to one server of a cluster: made when it is needed, shared by all who need it,
//! and thrown away when it breaks. A server that cannot be reached is not tried again at once, so
//! that one that is dead costs those who ask for others nothing.
//! Specified in posted(8), REDIS.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A server is connected to, or is away, after this time.
const CONNECT: Duration = Duration::from_secs(1);
/// One that is connected answers within this time.
const ANSWER: Duration = Duration::from_secs(2);
/// One that could not be reached is not tried again before this time is over.
const REST: Duration = Duration::from_millis(300);

/// The line to one server.
#[derive(Default)]
pub struct Line(Mutex<State>);

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
        let mut state = self.0.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.number));
        }
        if let Some((when, error)) = &state.failed
            && when.elapsed() < REST
        {
            return Err(error.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let made = match Client::open(url) {
            Ok(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Err(error) => Err(error),
        };
        match made {
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
        let mut state = self.0.lock().await;
        if state.number == number {
            state.connection = None;
        }
    }
}
