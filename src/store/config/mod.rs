//! The configuration: one TOML file that a person writes, and nobody else after `init`.
//!
//! Unknown keys, values that cannot be, and keys of features that this release does not have are
//! refused with file and line, never passed over: a misspelt `proxy` would be a leak. What is not
//! written has the default. Keys and defaults: poste-files(5), Configuration.

mod address;
mod change;
mod keys;
mod render;
mod units;

pub use address::{Address, BadAddress, Target};
pub use change::{rename, switch};
pub use units::{BadUnit, duration, duration_text, size, size_text};

use super::atomic;
use super::error::{Cause, Error};
use super::petname::Petname;
use crate::core::bucket::Class;
use crate::core::time::HOUR;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// No configuration is longer, in bytes.
pub(super) const LIMIT: u64 = 256 << 10;

/// What the configuration says, defaults included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name suggested to readers of the card.
    pub name: String,
    /// Where the card is to be found, at most 8.
    pub urls: Vec<Address>,
    /// Where the card is put, at every publishing.
    pub publish: Vec<Target>,
    /// The nodes to listen on, at most 8.
    pub nodes: Vec<Address>,
    /// The trackers whose lists nodes are chosen from, at most 8.
    pub trackers: Vec<Address>,
    /// The SOCKS proxy through which everything goes, `socks5h://host:port`.
    pub proxy: Option<String>,
    /// Certificate authorities to believe instead of the built-in ones, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// The class to listen in.
    pub class: Class,
    /// Millions of bytes a day that downloads may cost before the prefix gets another digit.
    pub listen_budget: u32,
    /// Listen digits at most, 0 to 3.
    pub listen_max: u8,
    /// Cells posted to each node in every sync, 0 to 128; 0 is as many as there are letters.
    pub pace: u16,
    /// Nodes visited in every sync, 1 to 8.
    pub nodes_per_sync: u8,
    /// Work asked of strangers, in bits, 0 to 28.
    pub stamp_bits: u8,
    /// Whether one takes part in cover conversations.
    pub cover: bool,
    /// Bytes a day that letters of cover conversations may take at most.
    pub cover_budget: u64,
    /// The text whose words they have; without it, one that the package ships.
    pub cover_text: Option<PathBuf>,
    /// Whether the clock is good without a node's confirmation.
    pub trust_clock: bool,
    /// Prints the passphrase; run by `/bin/sh -c`.
    pub passphrase_command: Option<String>,
    /// What edits messages, a line for the shell; without it `VISUAL` or `EDITOR`.
    pub editor: Option<String>,
    /// How mail is sealed at rest.
    pub archive: Archive,
    /// Seconds without any node's answer after which an unattended sync says so.
    pub warn_after: u64,
    /// The largest mail that is sent or asked for, in bytes.
    pub attachment_max: u64,
    /// What is run by `/bin/sh -c` when something has happened.
    pub hooks: Hooks,
    /// Seconds after which what one writes in a conversation disappears, by its petname.
    pub expires: BTreeMap<Petname, u64>,
}

/// Commands of the user's own, for `/bin/sh -c`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before a sync.
    pub pre_sync: Option<String>,
    /// After it, with the paths of new messages on standard input.
    pub post_sync: Option<String>,
    /// When a card was published, with the card on standard input.
    pub publish: Option<String>,
}

/// How mail is sealed at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// To an X25519 recipient, which every age opens.
    X25519,
    /// To an ML-KEM-768 and X25519 recipient, for age 1.3.
    Hybrid,
}

impl Archive {
    /// `x25519` or `hybrid`.
    pub fn name(self) -> &'static str {
        match self {
            Archive::X25519 => "x25519",
            Archive::Hybrid => "hybrid",
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: String::new(),
            urls: Vec::new(),
            publish: Vec::new(),
            nodes: Vec::new(),
            trackers: Vec::new(),
            proxy: None,
            ca_file: None,
            class: Class::Hourly,
            listen_budget: 50,
            listen_max: 1,
            pace: 4,
            nodes_per_sync: 3,
            stamp_bits: 22,
            cover: false,
            cover_budget: 400 << 10,
            cover_text: None,
            trust_clock: false,
            passphrase_command: None,
            editor: None,
            archive: Archive::X25519,
            warn_after: 3 * HOUR,
            attachment_max: 25 << 20,
            hooks: Hooks::default(),
            expires: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the configuration at `path`, which may be a link; the defaults if there is none.
    pub fn read(path: &Path) -> Result<Config, Error> {
        match atomic::read_text_followed(path, LIMIT).map_err(Error::of_config)? {
            Some(text) => Config::parse(path, &text),
            None => Ok(Config::default()),
        }
    }

    /// Reads `text`; `path` is for the errors.
    pub fn parse(path: &Path, text: &str) -> Result<Config, Error> {
        keys::parse(text).map_err(|fault| {
            let line = fault.at.map(|at| atomic::line_of(text, at));
            Error::new(path, "use", Cause::Config { line, what: fault.what })
        })
    }

    /// The commented file that `init` writes; reading it gives this value.
    pub fn render(&self) -> String {
        render::render(self)
    }
}

#[cfg(test)]
mod tests;
