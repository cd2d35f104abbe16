//! What can be typed after `init`. The names are fixed: scripts rely on them.
//! What they mean is the business of the command's file.
//! Specified in poste(1), Setting up.

use crate::client::unlocked::MOST;
use crate::store::config::duration;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The name that the card suggests
    #[arg(long)]
    pub name: Option<String>,
    /// Where the card can be fetched
    #[arg(long)]
    pub url: Vec<String>,
    /// Where publish puts the card: a path, an https:// address, or !command
    #[arg(long, value_name = "TARGET")]
    pub publish: Vec<String>,
    /// A relay on which to listen, or file:///directory
    #[arg(long, value_name = "URL")]
    pub node: Vec<String>,
    /// A tracker from whose list nodes are chosen
    #[arg(long, value_name = "URL")]
    pub tracker: Vec<String>,
    /// Reach everything through this SOCKS proxy, socks5h://host:port
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Take the clock as right although no node can confirm it
    #[arg(long)]
    pub trust_clock: bool,
    /// Have no passphrase
    #[arg(long)]
    pub no_passphrase: bool,
    /// How mail is sealed at rest
    #[arg(long, value_enum, default_value_t = ArchiveKind::X25519)]
    pub archive: ArchiveKind,
    /// Bring up the home that is in what export --keys wrote, - being standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "name", "url", "publish", "node", "tracker", "proxy", "trust_clock", "no_passphrase",
        "archive",
    ])]
    pub import: Option<PathBuf>,
}

/// For how long keys are unlocked, in seconds.
pub(super) fn lent(text: &str) -> Result<u64, String> {
    let seconds = duration(text).map_err(|error| error.to_string())?;
    match seconds {
        0 => Err("a second is the least".to_owned()),
        1..=MOST => Ok(seconds),
        _ => Err("a day is the most".to_owned()),
    }
}

/// Kinds of the archive's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArchiveKind {
    /// Also against a later quantum computer; age 1.3 and later open it
    Hybrid,
    /// Every age opens it
    X25519,
}
