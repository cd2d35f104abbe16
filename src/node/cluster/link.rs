//! The connection to a cluster: where it is, and commands with a limit of time. Whoever asks waits
//! at most [`PATIENCE`], whatever has become of a master. Refuses addresses it cannot read, and
//! never shows the password among them.
//! Specified in posted(8), REDIS.

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisError};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio::task::JoinSet;

/// A command is answered, or has failed, after this time, whatever is repeated within it.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// A master is connected to, or is away, after this time.
const CONNECT: Duration = Duration::from_secs(1);
/// One that is connected answers within this time.
const ANSWER: Duration = Duration::from_secs(2);

/// Where a cluster is: addresses of some of its nodes, with one user and password for all.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    scheme: &'static str,
    /// With the `@` after it; may be empty.
    user: String,
    hosts: Vec<String>,
}

/// The text names no cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"redis://HOST:PORT,HOST:PORT\", with USER:PASSWORD@ before or without")]
pub struct BadAddresses;

impl FromStr for Addresses {
    type Err = BadAddresses;
    fn from_str(text: &str) -> Result<Addresses, BadAddresses> {
        let known = ["redis://", "rediss://"].into_iter();
        let mut found = known.filter_map(|s| text.strip_prefix(s).map(|rest| (s, rest)));
        let (scheme, rest) = found.next().ok_or(BadAddresses)?;
        let (user, hosts) = match rest.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), rest),
        };
        let hosts: Vec<_> = hosts.split(',').map(str::to_owned).collect();
        let addresses = Addresses { scheme, user, hosts };
        for (url, host) in addresses.urls().iter().zip(&addresses.hosts) {
            let plain = !host.contains(['/', '?', '#']) && !host.is_empty();
            if !plain || url.as_str().into_connection_info().is_err() {
                return Err(BadAddresses);
            }
        }
        Ok(addresses)
    }
}

impl Addresses {
    fn urls(&self) -> Vec<String> {
        self.hosts.iter().map(|host| format!("{}{}{host}", self.scheme, self.user)).collect()
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.user.is_empty() { "" } else { "***@" };
        write!(f, "{}{user}{}", self.scheme, self.hosts.join(","))
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection, of which copies are as good.
#[derive(Clone)]
pub struct Link(ClusterConnection);

impl Link {
    /// Connects to the cluster, of which one address at least must answer.
    pub async fn open(addresses: &Addresses) -> Result<Link, RedisError> {
        let client: ClusterClient = ClusterClientBuilder::new(addresses.urls())
            .connection_timeout(CONNECT)
            .response_timeout(ANSWER)
            .overall_response_timeout(Some(PATIENCE))
            .retries(3)
            .min_retry_wait(50)
            .max_retry_wait(500)
            .use_protocol(ProtocolVersion::RESP2)
            .build()?;
        Ok(Link(client.get_async_connection().await?))
    }

    /// Asks the master that has the command's key.
    pub async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.0.clone()).await
    }

    /// Asks the server at an address of the cluster.
    pub async fn ask_at<T: FromRedisValue>(
        &self,
        (host, port): &(String, u16),
        command: Cmd,
    ) -> Result<T, RedisError> {
        let at = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
        let value = self.0.clone().route_command(command, RoutingInfo::SingleNode(at)).await?;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_passwords_not_shown() {
        let read = |text: &str| text.parse::<Addresses>();
        let one = read("redis://10.0.0.1:6379").unwrap();
        assert_eq!((one.to_string(), one.urls().len()), ("redis://10.0.0.1:6379".to_owned(), 1));
        let three = read("rediss://poste:s3:cr@t@a.example:1,b.example:2,[2001:db8::1]:3").unwrap();
        assert_eq!(three.to_string(), "rediss://***@a.example:1,b.example:2,[2001:db8::1]:3");
        assert_eq!(format!("{three:?}"), three.to_string());
        assert_eq!(three.urls()[1], "rediss://poste:s3:cr@t@b.example:2");
        for bad in ["", "redis:", "redis://", "redis://a,", "redis://a:b", "http://a", "redis://a/1"]
        {
            assert_eq!(read(bad), Err(BadAddresses), "{bad}");
        }
    }
}
