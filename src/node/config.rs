//! posted.toml: what a node is, where it listens and what it may use. A key that this release does
//! not know is an error that names the line and the nearest key, since a limit that does nothing
//! would be worse than none.
//! Specified in posted(8), CONFIGURATION.

mod front;
mod identity;
mod store;
mod tracker;
mod values;

pub use front::Front;
pub use identity::IdentityConfig;
pub use store::StoreConfig;
pub use tracker::TrackerConfig;

use crate::node::callers::Range;
use crate::node::log::Log;
use crate::node::meter::Rules;
use front::fronted;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file, paths made absolute to its directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The operator's name for the node; at most 64 printable characters.
    #[serde(default, deserialize_with = "values::name")]
    pub name: String,
    /// The node's Ed25519 key, made if missing. A relay has one.
    pub key_file: Option<PathBuf>,
    /// How much is logged.
    #[serde(default, deserialize_with = "values::log")]
    pub log: Log,
    /// The relay.
    pub relay: Option<RelayConfig>,
    /// The tracker.
    pub tracker: Option<TrackerConfig>,
    /// The identity host.
    pub identity: Option<IdentityConfig>,
}

/// `[relay]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Under which the world reaches it.
    #[serde(default)]
    pub url: String,
    /// PEM file with the certificate and its chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Where cells lie.
    pub store: StoreConfig,
    /// Whether the store may lie where bytes can reach a disk.
    #[serde(default)]
    pub allow_disk: bool,
    /// Bytes the store may hold in all.
    #[serde(default = "capacity_default", deserialize_with = "values::capacity")]
    pub capacity: u64,
    /// Connections open at a time.
    #[serde(default = "connections_default", deserialize_with = "values::connections")]
    pub connections: usize,
    /// Where `/healthz` and `/metrics` are served; nowhere by default.
    pub admin: Option<SocketAddr>,
    /// Bytes a second that it may take, and as many that it may give.
    #[serde(default, deserialize_with = "values::bandwidth")]
    pub bandwidth: Option<u64>,
    /// Bytes a network may upload in an hour; see [`RelayConfig::rules`].
    #[serde(default, deserialize_with = "values::upload_per_hour")]
    pub upload_per_hour: Option<u64>,
    /// Bytes a network may take whatever stands; see [`RelayConfig::rules`].
    #[serde(default, deserialize_with = "values::ban_floor")]
    pub ban_floor: Option<u64>,
    /// Addresses of proxies, which are believed about their clients.
    #[serde(default, deserialize_with = "values::proxies")]
    pub proxies: Vec<Range>,
    /// Whether connections from proxies and loopback begin with a PROXY header.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// Trackers that are told how full it is.
    #[serde(default, deserialize_with = "values::trackers")]
    pub trackers: Vec<String>,
}

fronted!(RelayConfig);

impl RelayConfig {
    /// What a network may take and bring. Where all clients come from loopback and nobody says who
    /// they are, nothing is counted unless a key asks for it: one of them would use up the
    /// allowance of all, and have all of them banned.
    pub fn rules(&self) -> Rules {
        let apart = self.front().tells_apart();
        let default = |bytes: u64| apart.then_some(bytes);
        Rules {
            ban_floor: self.ban_floor.or(default(1 << 30)),
            upload_per_hour: self.upload_per_hour.or(default(64 << 20)),
        }
    }
}

/// The keys of the file, and of its tables.
const KEYS: [&str; 6] = ["name", "key_file", "log", "relay", "tracker", "identity"];
const RELAY_KEYS: [&str; 15] = [
    "listen",
    "url",
    "tls_cert",
    "tls_key",
    "store",
    "allow_disk",
    "capacity",
    "connections",
    "admin",
    "bandwidth",
    "upload_per_hour",
    "ban_floor",
    "proxies",
    "proxy_protocol",
    "trackers",
];

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A line of it is wrong.
    #[error("{0}:{1}: {2}")]
    Line(PathBuf, usize, String),
    /// Its keys do not go together.
    #[error("{0}: {1}")]
    Whole(PathBuf, String),
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Io(path.to_owned(), error))?;
    let mut config = parse(&text, path)?;
    let path =
        std::path::absolute(path).map_err(|error| ConfigError::Io(path.to_owned(), error))?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    let absolute = |file: &mut PathBuf| *file = dir.join(&*file);
    config.key_file.iter_mut().for_each(absolute);
    if let Some(relay) = &mut config.relay {
        if let StoreConfig::Dir(dir) = &mut relay.store {
            absolute(dir);
        }
        relay.tls_files().for_each(absolute);
    }
    if let Some(tracker) = &mut config.tracker {
        tracker.tls_files().for_each(absolute);
    }
    if let Some(identity) = &mut config.identity {
        absolute(&mut identity.dir);
        identity.tls_files().for_each(absolute);
    }
    Ok(config)
}

fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count();
        ConfigError::Line(path.to_owned(), line, explain(error.message()))
    })?;
    let whole = |text: String| ConfigError::Whole(path.to_owned(), text);
    if let Some(relay) = &config.relay {
        relay.check_front().map_err(whole)?;
        if relay.allow_disk && matches!(relay.store, StoreConfig::Cluster(_)) {
            return Err(whole("allow_disk is for a directory alone: remove it".to_owned()));
        }
        if config.key_file.is_none() {
            return Err(whole("key_file is missing: a relay has a key".to_owned()));
        }
        if relay.url.is_empty() && !relay.trackers.is_empty() {
            return Err(whole("trackers without url: a report says where the relay is".to_owned()));
        }
    }
    if let Some(tracker) = &config.tracker {
        tracker.check_front().map_err(whole)?;
    }
    if let Some(identity) = &config.identity {
        identity.check_front().map_err(whole)?;
    }
    Ok(config)
}

/// What the TOML reader said, with the nearest key for one that is not known.
fn explain(message: &str) -> String {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((key, rest)) = unknown else { return message.lines().collect::<Vec<_>>().join(" ") };
    // serde lists the keys of the table at hand.
    let tables: [(&str, &[&str]); 3] = [
        ("`store`", &RELAY_KEYS),
        ("`allow_private`", &tracker::KEYS),
        ("`put_per_day`", &identity::KEYS),
    ];
    let table = tables.iter().find(|(own, _)| rest.contains(own));
    let keys = table.map_or(&KEYS[..], |(_, keys)| keys);
    let nearest = keys
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    match nearest.filter(|near| strsim::jaro_winkler(key, near) > 0.7) {
        Some(near) => format!("unknown key \"{key}\": did you mean \"{near}\"?"),
        None => format!("unknown key \"{key}\": the keys here are {}", keys.join(" ")),
    }
}

fn capacity_default() -> u64 {
    1 << 30
}

fn connections_default() -> usize {
    1024
}

#[cfg(test)]
mod tests;
