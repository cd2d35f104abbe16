//! Whether a cluster is one that can forget: every server of it is asked for its settings, and one
//! that would write to a disk, or evict cells before their time, is named. Also finds the servers.
//! Specified in posted(8), REDIS.

use crate::node::cluster::link::Link;
use redis::{Cmd, RedisError, Value, cmd, from_redis_value};

/// Slots of a cluster.
const SLOTS: usize = 16384;

/// Why a cluster is no place for a store.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A server keeps, or drops, what it should not.
    #[error(
        "{server}: {setting} is \"{found}\", must be \"{wanted}\": set it with CONFIG SET and in \
         its redis.conf"
    )]
    Setting {
        /// Address of the server.
        server: String,
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The value it must have.
        wanted: &'static str,
    },
    /// A server does not tell.
    #[error("{0}: asking for its settings: {1}: allow CONFIG GET and INFO, and start it")]
    Silent(String, RedisError),
    /// Some keys would have no place.
    #[error("the cluster has no master for {0} of its 16384 slots: see redis-cli --cluster fix")]
    Holes(usize),
    /// Nobody tells what the cluster consists of.
    #[error("asking for its slots: {0}")]
    Away(#[from] RedisError),
}

/// The servers of a cluster.
#[derive(Debug, Default)]
pub struct Servers {
    /// Address of each master.
    pub masters: Vec<(String, u16)>,
    /// Address of each replica.
    pub replicas: Vec<(String, u16)>,
}

/// Asks for the servers; and how many slots have none.
pub async fn servers(link: &Link) -> Result<(Servers, usize), RedisError> {
    let mut slots = cmd("CLUSTER");
    slots.arg("SLOTS");
    let ranges: Vec<(usize, usize, Value)> = {
        let rows: Vec<Vec<Value>> = link.ask(slots).await?;
        let mut ranges = Vec::new();
        for row in rows {
            let [first, last, servers @ ..] = row.as_slice() else { continue };
            let (first, last) = (from_redis_value(first.clone())?, from_redis_value(last.clone())?);
            ranges.push((first, last, Value::Array(servers.to_vec())));
        }
        ranges
    };
    let (mut found, mut covered) = (Servers::default(), 0);
    for (first, last, servers) in ranges {
        covered += (last + 1usize).saturating_sub(first);
        let servers: Vec<Vec<Value>> = from_redis_value(servers)?;
        for (at, server) in servers.iter().enumerate() {
            let [host, port, ..] = server.as_slice() else { continue };
            let address: (String, u16) =
                (from_redis_value(host.clone())?, from_redis_value(port.clone())?);
            let list = if at == 0 { &mut found.masters } else { &mut found.replicas };
            if !list.contains(&address) {
                list.push(address);
            }
        }
    }
    Ok((found, SLOTS.saturating_sub(covered)))
}

/// Refuses a cluster of which a server would keep what is wiped, or lose what is not.
pub async fn check(link: &Link) -> Result<(), Unfit> {
    let (servers, holes) = servers(link).await?;
    if holes > 0 {
        return Err(Unfit::Holes(holes));
    }
    let all = [("save", ""), ("appendonly", "no"), ("maxmemory-policy", "noeviction")];
    for master in &servers.masters {
        hold(link, master, &all).await?;
        if !servers.replicas.is_empty() {
            hold(link, master, &[("repl-diskless-sync", "yes")]).await?;
        }
    }
    for replica in &servers.replicas {
        hold(link, replica, &all).await?;
        // Otherwise the copy that it begins with goes through a file.
        hold(link, replica, &[("repl-diskless-load", "swapdb")]).await?;
    }
    Ok(())
}

async fn hold(
    link: &Link,
    server: &(String, u16),
    settings: &[(&'static str, &'static str)],
) -> Result<(), Unfit> {
    let name = format!("{}:{}", server.0, server.1);
    for (setting, wanted) in settings {
        let mut ask: Cmd = cmd("CONFIG");
        ask.arg("GET").arg(setting);
        let pair: Vec<String> =
            link.ask_at(server, ask).await.map_err(|error| Unfit::Silent(name.clone(), error))?;
        let found = pair.get(1).cloned().unwrap_or_default();
        if found != *wanted || pair.len() != 2 {
            return Err(Unfit::Setting { server: name, setting, found, wanted });
        }
    }
    Ok(())
}
