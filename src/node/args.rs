//! The command line of `posted`: one role, all that are configured, or a node for trying things
//! out. What a flag means is decided in `run`. There is no flag for what the configuration says.
//! Specified in posted(8), SYNOPSIS.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The node of poste: takes cells, gives them out, forgets them.
#[derive(Debug, Parser)]
#[command(name = "posted", version)]
pub struct Cli {
    /// What to run.
    #[command(subcommand)]
    pub command: Command,
}

/// One command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the relay
    Relay {
        /// Where the configuration is.
        #[command(flatten)]
        common: Common,
    },
    /// Run the tracker
    Tracker {
        /// Where the configuration is.
        #[command(flatten)]
        common: Common,
    },
    /// Run the identity host
    Identity {
        /// Where the configuration is.
        #[command(flatten)]
        common: Common,
    },
    /// Run every role that the configuration has
    Run {
        /// Where the configuration is.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Check the configuration and what it names, change nothing, and end
        #[arg(long)]
        check: bool,
    },
    /// Run every role on loopback over plain HTTP, for trying things out; prints their URLs
    Dev {
        /// Port of the relay, any free one by default
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Keep everything here, and leave it there, instead of in memory until the stop
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

/// Flags of the roles.
#[derive(Args, Debug)]
pub struct Common {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = "/etc/poste/posted.toml")]
    pub config: PathBuf,
    /// Check the configuration and what it names, change nothing, and end
    #[arg(long)]
    pub check: bool,
}
