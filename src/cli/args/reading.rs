//! What can be typed for commands about messages that are there. The names are fixed: scripts rely
//! on them. What they mean is the business of the commands' files.
//! Specified in poste(1), Reading.

use crate::core::when::When;
use crate::store::maildir::Folder;
use clap::Args;

/// `sync`.
#[derive(Debug, Default, Args)]
pub struct Sync {
    /// Begin after a random part of this time, as in 13m
    #[arg(long, value_name = "DURATION")]
    pub jitter: Option<String>,
    /// Wait for another sync to end
    #[arg(long)]
    pub wait_lock: bool,
    /// Say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do the daily exchange now
    #[arg(long)]
    pub daily: bool,
    /// Post without cover
    #[arg(long)]
    pub now: bool,
    /// Take the clock as right although no server has confirmed it
    #[arg(long)]
    pub trust_clock: bool,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// A contact's folder, requests, quarantine or inbox
    pub folder: Option<Folder>,
    /// Only unread ones
    #[arg(short)]
    pub unread: bool,
    /// Only the last NUMBER
    #[arg(short = 'n', value_name = "NUMBER")]
    pub last: Option<usize>,
    /// End paths with a zero byte
    #[arg(short = '0')]
    pub zero: bool,
    /// One line for people instead of a path
    #[arg(short = 'l')]
    pub long: bool,
}

/// `search`.
#[derive(Debug, Args)]
pub struct Search {
    /// What a message must have in its names, subject or text, in whatever case
    #[arg(required = true, value_name = "TERM")]
    pub terms: Vec<String>,
    /// Only what this person wrote: a contact, or me
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Only what is dated then or later, in UTC
    #[arg(long, value_name = "DATE", value_parser = crate::cli::cmd::forge::date)]
    pub since: Option<When>,
}

/// `mark`.
#[derive(Debug, Args)]
pub struct Mark {
    /// Paths or ids; from standard input if there is none
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    /// Read
    #[arg(long, conflicts_with = "unseen")]
    pub seen: bool,
    /// Not read
    #[arg(long)]
    pub unseen: bool,
    /// Flagged
    #[arg(long, conflicts_with = "unflagged")]
    pub flagged: bool,
    /// Not flagged
    #[arg(long)]
    pub unflagged: bool,
    /// Answered
    #[arg(long, conflicts_with = "unreplied")]
    pub replied: bool,
    /// Not answered
    #[arg(long)]
    pub unreplied: bool,
}

/// `move`.
#[derive(Debug, Args)]
pub struct Move {
    /// Paths or ids
    #[arg(required = true, value_name = "MESSAGE")]
    pub messages: Vec<String>,
    /// Where to
    pub folder: Folder,
    /// Make the folder if there is none
    #[arg(long)]
    pub make: bool,
}
