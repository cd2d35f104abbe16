//! What can be typed. Each command's flags stand here and nowhere else; what they mean is the
//! business of its file in `cmd`. The names are fixed: scripts rely on them.
//! Specified in poste(1).

mod cover;
mod group;
mod history;
mod outbox;
mod reading;
mod setup;
mod view;
mod writing;

pub use cover::CoverAction;
pub use group::GroupAction;
pub use history::{Export, Forge, Import};
pub use outbox::OutboxAction;
pub use reading::{List, Mark, Move, Search, Sync};
pub use setup::{ArchiveKind, Init};
pub use view::View;
pub use writing::{Compose, DraftsAction, Reply, Send};

use crate::core::keys::Fingerprint;
use crate::store::petname::Petname;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

/// Sealed, deniable mail in files, exchanged through relays that forget
#[derive(Debug, Parser)]
#[command(name = "poste", version, about, disable_help_subcommand = true)]
#[command(color = clap::ColorChoice::Never)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; without it, status.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Keep configuration, mail and state under DIR
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Read this configuration
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say nothing but warnings and errors; twice, nothing but errors
    #[arg(short, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say more, also when not on a terminal
    #[arg(short, global = true)]
    pub verbose: bool,
    /// Write what is listed, or came of it, as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// The commands, in the order of poste(1).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make keys, configuration and tree
    Init(Init),
    /// Print what one gives a friend, or change it
    #[command(args_conflicts_with_subcommands = true)]
    Card {
        /// What to change
        #[command(subcommand)]
        action: Option<CardAction>,
        /// The card file
        #[arg(long)]
        toml: bool,
        /// The link as a QR code too, for a dark terminal
        #[arg(long, conflicts_with = "toml")]
        qr: bool,
        /// The words of the fingerprint alone
        #[arg(long)]
        words: bool,
    },
    /// Set, change or remove the passphrase
    Passphrase {
        /// Have none
        #[arg(long)]
        remove: bool,
    },
    /// Open the keys for some hours, so that no passphrase is asked for
    Unlock {
        /// For how long, a day at most, as in 8h
        #[arg(long = "for", value_name = "DURATION", value_parser = setup::lent, default_value = "8h")]
        lent: u64,
    },
    /// Close them again
    Lock,
    /// Sign a new card if one is due, and post it
    Publish {
        /// Write it to FILE instead, or to standard output with -
        #[arg(short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Only compare what is posted with what should be
        #[arg(long)]
        check: bool,
        /// Sign although servers contradict the clock
        #[arg(long)]
        trust_clock: bool,
        /// Go on here, after another home of this identity was stopped for good
        #[arg(long)]
        force: bool,
    },
    /// Add a contact from an identity link or a card file
    Add {
        /// What to call them
        name: Petname,
        /// https://…#fingerprint, or a file, - being standard input
        #[arg(value_name = "LINK-OR-FILE")]
        link: String,
        /// The fingerprint that the card must have
        #[arg(long, value_name = "HEX")]
        fingerprint: Option<Fingerprint>,
        /// Give the name to another person than now
        #[arg(long)]
        replace: bool,
    },
    /// Accept the author of a request as a contact, or an invitation to a group
    Accept {
        /// A message in requests, or the beginning of a fingerprint or of a group's id
        request: String,
        /// What to call them
        name: Petname,
        /// Give them the name of another person
        #[arg(long)]
        replace: bool,
    },
    /// List contacts and requests
    Contacts,
    /// Give a contact another name
    Rename {
        /// The name now
        old: Petname,
        /// The name from now on
        new: Petname,
    },
    /// Remove a contact and their messages
    Remove {
        /// Whom
        name: Petname,
        /// Leave their messages
        #[arg(long)]
        keep_mail: bool,
    },
    /// Take nothing more from a contact, and let nothing go to them
    Block {
        /// Whom
        name: Petname,
    },
    /// Take letters of a blocked contact again
    Unblock {
        /// Whom
        name: Petname,
    },
    /// Print the words of a contact's fingerprint
    Words {
        /// Whose
        name: Petname,
        /// Record that they were compared
        #[arg(long)]
        confirm: bool,
        /// What one hears them read; on a terminal it is asked for
        #[arg(value_name = "WORD", requires = "confirm")]
        heard: Vec<String>,
    },
    /// Found a group, or change one
    Group {
        /// What to do
        #[command(subcommand)]
        action: GroupAction,
    },
    /// List groups and invitations, or who is in one
    Groups {
        /// Which one
        #[arg(value_name = "GROUP")]
        name: Option<Petname>,
    },
    /// Queue a letter; the text comes from standard input
    Send(Send),
    /// Answer a message in an editor
    Reply(Reply),
    /// Write a letter in an editor
    Compose(Compose),
    /// List texts that were begun and not sent
    Drafts {
        /// What to do with one
        #[command(subcommand)]
        action: Option<DraftsAction>,
    },
    /// Queue a message as sendmail(8) would
    #[command(disable_help_flag = true)]
    Sendmail {
        /// -t, -i, -f ADDRESS, --, and recipients
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        arguments: Vec<String>,
    },
    /// Seal a message from standard input for any courier
    Seal {
        /// For whom
        #[arg(long, value_name = "NAME")]
        to: Petname,
        /// Write it to FILE instead of standard output
        #[arg(short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take letters made by seal
    Receive {
        /// Take the clock as right although no server has confirmed it
        #[arg(long)]
        trust_clock: bool,
        /// Write the messages as text instead of their paths
        #[arg(long)]
        show: bool,
        /// Age files; standard input if there is none
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List letters that are not yet acknowledged
    Outbox {
        /// What to do with one
        #[command(subcommand)]
        action: Option<OutboxAction>,
    },
    /// List the nodes that trackers know, and one's own
    Nodes,
    /// Post what waits, fetch and file what has come
    Sync(Sync),
    /// Sync twice an hour, until a signal
    Watch {
        /// Also whenever a letter was queued, which shows when one writes
        #[arg(long)]
        eager: bool,
    },
    /// Print the paths of messages, the newest last
    List(List),
    /// Print the paths of messages that have all the words, the newest last
    Search(Search),
    /// Change the flags of messages
    Mark(Mark),
    /// Delete messages
    Delete {
        /// Paths or ids; from standard input if there is none
        #[arg(value_name = "MESSAGE")]
        messages: Vec<String>,
    },
    /// Move messages into another folder
    Move(Move),
    /// Complete an address, for a mail program
    Query {
        /// Part of a name; all if there is none
        text: Option<String>,
    },
    /// Write messages as text
    Show {
        /// Paths or ids; from standard input if there is none
        #[arg(value_name = "MESSAGE")]
        messages: Vec<String>,
        /// As it is filed
        #[arg(long)]
        raw: bool,
        /// One part of it, such as an attachment, decoded
        #[arg(long, value_name = "NUMBER")]
        part: Option<usize>,
    },
    /// Open the tree as plain Maildirs in memory for a mail program
    View(View),
    /// Write messages into an archive
    Export(Export),
    /// Take messages from an archive, a Maildir or an mbox
    Import(Import),
    /// Say whether a message's authentication holds, and what that proves
    Verify {
        /// A message, or a file in filed form, - being standard input
        message: String,
        /// Judge by these two cards alone, the author's first; needs no home
        #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
        cards: Vec<PathBuf>,
    },
    /// Write a message that was never sent; the text comes from standard input
    Forge(Forge),
    /// Change a message in an editor
    Edit {
        /// Which one
        message: String,
    },
    /// List, show, keep or drop unproven letters
    Quarantine {
        /// What to do with them
        action: Option<QuarantineAction>,
        /// Paths or ids
        #[arg(value_name = "MESSAGE")]
        messages: Vec<String>,
    },
    /// Take part in cover conversations, or not
    Cover {
        /// What to do
        action: CoverAction,
    },
    /// Say how things stand
    Status,
    /// Look for what could keep letters from coming and going
    Doctor {
        /// Ask nothing of the network
        #[arg(long)]
        offline: bool,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"])
            .try_map(|name| name.parse::<Shell>()))]
        shell: Shell,
    },
    /// Explain a command
    Help {
        /// Which one
        command: Vec<String>,
    },
}

/// `card …`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CardAction {
    /// Begin new keys, after a theft of the old ones
    Renew,
    /// Sign the last card of this identity
    End,
}

/// `quarantine …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QuarantineAction {
    /// Delete them
    Drop,
    /// File them by one's own hand
    Keep,
    /// Write them as text
    Show,
}
