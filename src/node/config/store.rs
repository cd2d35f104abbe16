//! Which store a relay has: a directory, or a Redis Cluster. A password in the address is never
//! shown.
//! Specified in posted(8), CONFIGURATION.

use crate::node::cluster::addresses::Addresses;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;

/// Where cells lie.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// In files of this directory.
    Dir(PathBuf),
    /// In a Redis Cluster.
    Cluster(Addresses),
}

impl fmt::Display for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreConfig::Dir(dir) => write!(f, "dir:{}", dir.display()),
            StoreConfig::Cluster(addresses) => addresses.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for StoreConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StoreConfig, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(StoreConfig::Dir(PathBuf::from(path))),
            Some(("redis" | "rediss", _)) => text
                .parse()
                .map(StoreConfig::Cluster)
                .map_err(|error| D::Error::custom(format!("store: {error}"))),
            _ => Err(D::Error::custom(
                "store: must be \"dir:DIRECTORY\" or \"redis://HOST:PORT,HOST:PORT\"",
            )),
        }
    }
}
