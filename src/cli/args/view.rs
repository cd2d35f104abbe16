//! `view`.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// `view`.
#[derive(Debug, Args)]
pub struct View {
    /// Where to put it: an empty directory, or one to be made
    #[arg(long, value_name = "DIR")]
    pub at: Option<PathBuf>,
    /// Also where it reaches a disk
    #[arg(long)]
    pub anywhere: bool,
    /// What to run; the view is closed when it ends
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
