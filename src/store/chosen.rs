//! The nodes that this home has chosen from the lists of trackers, beside those of the
//! configuration. They lie in the state directory: when they are lost, others are chosen, and the
//! old ones are still listened on as long as an offer or a card names them.
//! Specified in poste-files(5), State.

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Bytes of the file at most.
pub const LIMIT: u64 = 64 << 10;

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chosen {
    /// When the trackers were last asked.
    pub asked: Time,
    /// The nodes, the oldest choice first.
    pub node: Vec<Choice>,
    /// Nodes that one does not listen on, and posts to beside all others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Choice>,
}

/// A node that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Where it is.
    pub url: String,
    /// Its public key, in base64: one node under two addresses is still one.
    pub key: String,
    /// When it was chosen.
    pub since: Time,
    /// When it last answered; when it was chosen, if it has not yet.
    pub answered: Time,
}

impl Chosen {
    /// Reads it; nothing if nothing was chosen.
    pub fn load(places: &Places) -> Result<Chosen, Error> {
        let known = atomic::read_toml(&file(places), LIMIT).map_err(Error::fixed_by_sync)?;
        Ok(known.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places), self)
    }
}

fn file(places: &Places) -> PathBuf {
    places.state().join("nodes.toml")
}
