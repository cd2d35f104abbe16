//! What can be typed. Each command's flags stand here and nowhere else; what they mean is the
//! business of its file in `cmd`. The names are fixed: scripts rely on them.
//! Specified in poste(1).

mod cover;
mod group;
mod history;
mod outbox;

pub use cover::CoverAction;
pub use group::GroupAction;
pub use history::{Export, Forge, Import};
pub use outbox::OutboxAction;

use crate::core::keys::Fingerprint;
use crate::store::maildir::Folder;
use crate::store::petname::Petname;
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
    /// Say nothing but errors; twice, no hints and warnings either
    #[arg(short, global = true, action = clap::ArgAction::Count)]
    pub quiet: u8,
    /// Say more, also when not on a terminal
    #[arg(short, global = true)]
    pub verbose: bool,
    /// Write what is listed as JSON
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
    /// Print the paths of messages, the newest last
    List(List),
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
        shell: Shell,
    },
    /// Explain a command
    Help {
        /// Which one
        command: Option<String>,
    },
}

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

/// Kinds of the archive's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArchiveKind {
    /// Also against a later quantum computer; age 1.3 and later open it
    Hybrid,
    /// Every age opens it
    X25519,
}

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
    /// The message that this one answers
    #[arg(long, value_name = "MESSAGE")]
    pub in_reply_to: Option<String>,
}

/// `card …`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CardAction {
    /// Begin new keys, after a theft of the old ones
    Renew,
    /// Sign the last card of this identity
    End,
}

/// `sync`.
#[derive(Debug, Args)]
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
