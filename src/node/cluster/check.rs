//! Whether a cluster is one that can forget: every server of it is asked for its settings, and one
//! that would write to a disk, keep commands that were slow, or evict cells before their time, is
//! named.
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
    /// A server keeps commands that took long, with what they brought.
    #[error(
        "{0}: slowlog-max-len is \"{1}\" and slowlog-log-slower-than is \"{2}\", which keeps cells \
         of slow commands: set the first to \"0\", or the second to \"-1\", with CONFIG SET and in its \
         redis.conf, and then run SLOWLOG RESET"
    )]
    Slow(String, String, String),
    /// It has done so.
    #[error(
        "{0}: its slow log still has {1} commands, perhaps with cells: run SLOWLOG RESET there"
    )]
    Kept(String, u64),
    /// A server does not tell.
    #[error("{0}: asking for its settings: {1}: allow it CONFIG GET and SLOWLOG LEN, or start it")]
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
        forget_slow(link, master).await?;
        if !servers.replicas.is_empty() {
            hold(link, master, &[("repl-diskless-sync", "yes")]).await?;
        }
    }
    for replica in &servers.replicas {
        hold(link, replica, &all).await?;
        forget_slow(link, replica).await?;
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
    for (setting, wanted) in settings {
        let found = value(link, server, setting).await?;
        if found.as_deref() != Some(wanted) {
            let (server, found) = (name(server), found.unwrap_or_default());
            return Err(Unfit::Setting { server, setting, found, wanted });
        }
    }
    Ok(())
}

/// The slow log keeps the first bytes of each argument, for as long as it is not pushed out by
/// others. Wiping does not reach it, so there must be none.
async fn forget_slow(link: &Link, server: &Server) -> Result<(), Unfit> {
    let most = value(link, server, "slowlog-max-len").await?.unwrap_or_default();
    let threshold = value(link, server, "slowlog-log-slower-than").await?.unwrap_or_default();
    if most != "0" && !threshold.starts_with('-') {
        return Err(Unfit::Slow(name(server), most, threshold));
    }
    // Of before that was set.
    let mut ask = cmd("SLOWLOG");
    ask.arg("LEN");
    match link.ask_at(server, ask).await {
        Ok(0) => Ok(()),
        Ok(kept) => Err(Unfit::Kept(name(server), kept)),
        Err(error) => Err(Unfit::Silent(name(server), error)),
    }
}

/// What a setting of a server is, if it has it.
async fn value(link: &Link, server: &Server, setting: &str) -> Result<Option<String>, Unfit> {
    let mut ask: Cmd = cmd("CONFIG");
    ask.arg("GET").arg(setting);
    let asked = link.ask_at::<Vec<String>>(server, ask).await;
    let pair = asked.map_err(|error| Unfit::Silent(name(server), error))?;
    Ok(<[String; 2]>::try_from(pair).ok().map(|[_, value]| value))
}

fn name(server: &Server) -> String {
    format!("{}:{}", server.0, server.1)
}
