//! What can be typed for commands that change history or carry it elsewhere: forge, export, import.
//! The names are fixed: scripts rely on them. What they mean is the business of the commands' files.
//! Specified in poste(1).

use crate::core::archive::ArchiveRecipient;
use crate::core::when::When;
use crate::store::maildir::Folder;
use clap::Args;
use std::path::PathBuf;

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Only these folders
    #[arg(value_name = "FOLDER")]
    pub folders: Vec<Folder>,
    /// Write it to FILE, or as a tree into a directory that is empty or ends in a slash
    #[arg(short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Opened, as a Maildir with people's names
    #[arg(long)]
    pub plain: bool,
    /// Opened, as one mbox a folder
    #[arg(long)]
    pub mbox: bool,
    /// The whole home with its keys, for init --import, sealed under the passphrase
    #[arg(long, conflicts_with_all = ["folders", "plain", "mbox"])]
    pub keys: bool,
    /// Seal the archive to this age recipient, age1… or age1pq1…
    #[arg(long, value_name = "AGE")]
    pub recipient: Option<ArchiveRecipient>,
}

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// A tar file, a directory, an mbox, or - for standard input
    #[arg(value_name = "FILE-OR-DIRECTORY")]
    pub source: PathBuf,
    /// Put everything into this folder
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<Folder>,
    /// Replace messages of the same id
    #[arg(long)]
    pub replace: bool,
    /// Say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// An address that is one's own in foreign mail
    #[arg(long, value_name = "ADDRESS")]
    pub mine: Vec<String>,
}

/// `forge`.
#[derive(Debug, Args)]
pub struct Forge {
    /// Whose it shall be: a contact, or me
    #[arg(long, value_name = "NAME", conflicts_with = "cards")]
    pub from: Option<String>,
    /// For whom, if not for oneself
    #[arg(long, value_name = "NAME", conflicts_with = "cards")]
    pub to: Option<String>,
    /// When it shall have been written, in UTC; of a day alone, some hour of it
    #[arg(long, value_name = "DATE", value_parser = crate::cli::cmd::forge::date)]
    pub date: Option<When>,
    /// The subject; standard input is then a text alone
    #[arg(short, value_name = "SUBJECT")]
    pub subject: Option<String>,
    /// Put it in the place of this message
    #[arg(long, value_name = "MESSAGE", conflicts_with = "cards")]
    pub replace: Option<String>,
    /// File it there, and not in the contact's folder
    #[arg(long, conflicts_with_all = ["cards", "replace"])]
    pub folder: Option<Folder>,
    /// Make that folder if there is none
    #[arg(long, requires = "folder")]
    pub make: bool,
    /// Forge from one card's owner to the other's; needs no home
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    pub cards: Vec<PathBuf>,
    /// The author's disclosed seed, if the card has none: base64, or DATE:base64
    #[arg(long, requires = "cards")]
    pub seed: Option<String>,
    /// Write it to FILE instead of standard output
    #[arg(short, value_name = "FILE", requires = "cards")]
    pub output: Option<PathBuf>,
}
