//! What can be typed for commands that write letters. The names are fixed: scripts rely on them.
//! What they mean is the business of the commands' files.
//! Specified in poste(1), Writing.

use crate::core::mail::expires::LEAST;
use crate::store::config::duration;
use crate::store::petname::Petname;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `send`.
#[derive(Debug, Args)]
pub struct Send {
    /// To whom
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<Petname>,
    /// The subject
    #[arg(short, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// A file to attach
    #[arg(short, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Travel in the daily class alone
    #[arg(long)]
    pub daily: bool,
    /// It disappears after this time, as in 7d
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub expires: Option<u64>,
    /// The message that this one answers
    #[arg(long, value_name = "MESSAGE")]
    pub in_reply_to: Option<String>,
}

/// `reply`.
#[derive(Debug, Args)]
pub struct Reply {
    /// Which one
    pub message: String,
    /// A file to attach
    #[arg(short, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Travel in the daily class alone
    #[arg(long)]
    pub daily: bool,
    /// It disappears after this time, as in 7d
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub expires: Option<u64>,
}

/// `compose`.
#[derive(Debug, Args)]
pub struct Compose {
    /// To whom
    #[arg(required_unless_present = "draft", value_name = "NAME")]
    pub names: Vec<Petname>,
    /// The subject
    #[arg(short, value_name = "SUBJECT", conflicts_with = "draft")]
    pub subject: Option<String>,
    /// A file to attach
    #[arg(short, value_name = "FILE", conflicts_with = "draft")]
    pub attach: Vec<PathBuf>,
    /// Travel in the daily class alone
    #[arg(long)]
    pub daily: bool,
    /// It disappears after this time, as in 7d
    #[arg(long, value_name = "DURATION", value_parser = lifetime, conflicts_with = "draft")]
    pub expires: Option<u64>,
    /// Go on with a draft, by the beginning of its id
    #[arg(long, value_name = "ID", conflicts_with = "names")]
    pub draft: Option<String>,
}

/// `drafts …`.
#[derive(Debug, Subcommand)]
pub enum DraftsAction {
    /// Forget a draft
    Drop {
        /// The beginning of its id
        id: String,
    },
}

/// How long a letter lasts, in seconds.
fn lifetime(text: &str) -> Result<u64, String> {
    let seconds = duration(text).map_err(|error| error.to_string())?;
    if seconds < LEAST { Err("an hour is the least".to_owned()) } else { Ok(seconds) }
}
