//! What the words of the commands stand for, and so what a shell offers in their place. Every
//! argument is in one of the tables here, or its type tells: a test walks the commands for that.
//! Specified in poste(1), completions.

use clap::builder::{PossibleValue, Resettable};
use clap::{Arg, ValueEnum, ValueHint};

/// What a word names. The functions of the shells call it so too, in small letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Names {
    /// A contact, or oneself.
    Authors,
    /// A contact or a group.
    Both,
    /// A command of poste.
    Commands,
    /// What another program is started with.
    Command,
    Directories,
    Drafts,
    Files,
    /// A message, by its file, or a folder: a shell cannot tell which of many words is the last.
    Filed,
    Folders,
    Groups,
    /// A group, or an invitation to one.
    Invited,
    /// What is on its way in the outbox.
    Letters,
    /// Nothing that can be known.
    Nothing,
    People,
    /// A letter in quarantine, by its id or its file.
    Quarantined,
    /// Who asks to be accepted, and invitations.
    Requests,
}

use Names::*;

/// The arguments that are names, by command and id.
pub const ARGUMENTS: [(&str, &str, Names); 47] = [
    ("init", "publish", Files),
    ("add", "link", Files),
    ("accept", "request", Requests),
    ("rename", "old", Both),
    ("remove", "name", Both),
    ("block", "name", People),
    ("unblock", "name", People),
    ("words", "name", People),
    ("group new", "members", People),
    ("group add", "group", Groups),
    ("group add", "members", People),
    ("group remove", "group", Groups),
    ("group remove", "members", People),
    ("group keeper", "group", Groups),
    ("group keeper", "members", People),
    ("group leave", "group", Invited),
    ("group rename", "group", Groups),
    ("groups", "name", Groups),
    ("send", "names", Both),
    ("send", "in_reply_to", Files),
    ("reply", "message", Files),
    ("compose", "names", Both),
    ("compose", "draft", Drafts),
    ("drafts drop", "id", Drafts),
    ("sendmail", "arguments", Both),
    ("seal", "to", People),
    ("outbox drop", "id", Letters),
    ("list", "folder", Folders),
    ("search", "from", Authors),
    ("mark", "messages", Files),
    ("delete", "messages", Files),
    ("move", "messages", Filed),
    ("move", "folder", Filed),
    ("query", "text", Both),
    ("show", "messages", Files),
    ("view", "at", Directories),
    ("view", "command", Command),
    ("export", "folders", Folders),
    ("import", "into", Folders),
    ("verify", "message", Files),
    ("forge", "from", Authors),
    ("forge", "to", Both),
    ("forge", "folder", Folders),
    ("forge", "replace", Files),
    ("edit", "message", Files),
    ("quarantine", "messages", Quarantined),
    ("help", "command", Commands),
];

/// The arguments of which nothing can be known, and why. A star is any command.
pub const FREE: [(&str, &str, &str); 24] = [
    ("accept", "name", "a new name"),
    ("add", "name", "a new name"),
    ("add", "fingerprint", "what somebody else gave"),
    ("export", "recipient", "a key"),
    ("forge", "date", "a date"),
    ("forge", "seed", "a key"),
    ("group new", "group", "a new name"),
    ("group rename", "title", "a text"),
    ("import", "mine", "an address of foreign mail"),
    ("init", "name", "a new name"),
    ("init", "node", "an address"),
    ("init", "proxy", "an address"),
    ("init", "tracker", "an address"),
    ("init", "url", "an address"),
    ("list", "last", "a number"),
    ("rename", "new", "a new name"),
    ("search", "since", "a date"),
    ("search", "terms", "a text"),
    ("show", "part", "a number"),
    ("sync", "jitter", "a time"),
    ("unlock", "lent", "a time"),
    ("words", "heard", "what one hears"),
    ("*", "expires", "a time"),
    ("*", "subject", "a text"),
];

/// What stands in the place of an argument.
pub enum What {
    /// What the script that clap makes knows how to complete.
    Known,
    /// What the shell asks for.
    Names(Names),
    /// One of these.
    Values(Vec<String>),
}

/// What an argument of the command at `path` stands for; `None` of one that was forgotten.
pub fn what(path: &str, arg: &Arg) -> Option<What> {
    let is_of = |(at, id): (&str, &str)| (at == "*" || at == path) && arg.get_id() == id;
    if let Some((.., names)) = ARGUMENTS.iter().find(|(at, id, _)| is_of((at, id))) {
        return Some(What::Names(*names));
    }
    if FREE.iter().any(|(at, id, _)| is_of((at, id))) {
        return Some(What::Names(Nothing));
    }
    let values = arg.get_possible_values();
    let (is_word, is_path) = (arg.is_positional(), arg.get_value_hint() == ValueHint::AnyPath);
    match (values.is_empty(), is_path) {
        // In the place of an option the script of each shell has both.
        (false, _) | (_, true) if !is_word => Some(What::Known),
        (false, _) => {
            Some(What::Values(values.iter().map(|value| value.get_name().to_owned()).collect()))
        }
        (true, true) => Some(What::Names(Files)),
        (true, false) => None,
    }
}

impl Names {
    /// As the functions of the shells call it.
    pub fn word(self) -> String {
        self.alone().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// That word as the only value, which marks where the script for zsh is to ask.
    pub fn alone(self) -> Option<PossibleValue> {
        self.to_possible_value().map(|value| value.help(Resettable::Reset))
    }

    /// Whether a file may stand there too.
    pub fn or_files(self) -> bool {
        matches!(self, Filed | Files | Quarantined)
    }
}
