//! Whether a cluster is one that can forget: every server of it is asked for its settings, and one
//! that would write to a disk, or evict cells before their time, is named.
//! Specified in posted(8), REDIS.

use crate::node::cluster::addresses::Server;
use crate::node::cluster::link::Link;
use redis::{Cmd, RedisError, cmd};

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
    #[error("{0}: asking for its settings: {1}: allow it CONFIG GET, or start it")]
    Silent(String, RedisError),
    /// Some keys would have no place.
    #[error("the cluster has no master for {0} of its 16384 slots: see redis-cli --cluster fix")]
    Holes(usize),
    /// Nobody tells what the cluster consists of.
    #[error("asking for its slots: {0}")]
    Away(#[from] RedisError),
}

/// Refuses a cluster of which a server would keep what is wiped, or lose what is not.
pub async fn check(link: &Link) -> Result<(), Unfit> {
    link.learn().await?;
    let servers = link.map();
    if servers.holes() > 0 {
        return Err(Unfit::Holes(servers.holes()));
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
    server: &Server,
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
