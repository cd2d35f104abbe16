//! `poste completions`: what a shell needs to complete commands and flags, made from the same tree
//! that parses them, and names of people, groups and folders, for which the shell asks `poste
//! contacts`, `groups` and `list`: they need no passphrase and no network. It needs no home.
//! Specified in poste(1), completions.

use crate::cli::ui::{Done, Ui};
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

/// What a word names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A contact, or oneself.
    Authors,
    /// A contact or a group.
    Both,
    Folders,
    Groups,
    People,
    /// Who asks to be accepted, and invitations.
    Requests,
}

use Names::{Authors, Both, Folders, Groups, People, Requests};

/// The arguments that are names, by command and id.
const ARGUMENTS: [(&str, &str, Names); 29] = [
    ("accept", "request", Requests),
    ("rename", "old", People),
    ("remove", "name", People),
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
    ("group leave", "group", Groups),
    ("group rename", "group", Groups),
    ("groups", "name", Groups),
    ("send", "names", Both),
    ("compose", "names", Both),
    ("seal", "to", People),
    ("list", "folder", Folders),
    ("search", "from", Authors),
    // A shell cannot tell which of the words is the last.
    ("move", "messages", Folders),
    ("move", "folder", Folders),
    ("export", "folders", Folders),
    ("import", "into", Folders),
    ("forge", "from", Authors),
    ("forge", "to", Both),
    ("forge", "folder", Folders),
    ("query", "text", Both),
];

impl Names {
    /// As the functions of the shells call it.
    fn word(self) -> &'static str {
        match self {
            Authors => "authors",
            Both => "both",
            Folders => "folders",
            Groups => "groups",
            People => "people",
            Requests => "requests",
        }
    }

    /// A hint of clap's that nothing here has otherwise, and the function of zsh that it stands for.
    /// It marks the place in the script where ours goes.
    fn mark(self) -> (ValueHint, &'static str) {
        match self {
            Authors => (ValueHint::Url, "_urls"),
            Both => (ValueHint::EmailAddress, "_email_addresses"),
            Folders => (ValueHint::Hostname, "_hosts"),
            Groups => (ValueHint::ExecutablePath, "_absolute_command_paths"),
            People => (ValueHint::Username, "_users"),
            Requests => (ValueHint::CommandName, "_command_names -e"),
        }
    }
}

pub fn run(shell: Shell, ui: &Ui) -> Done {
    let mut tree = crate::cli::command();
    if shell == Shell::Zsh {
        tree = ARGUMENTS.into_iter().fold(tree, |tree, (path, id, names)| {
            let path: Vec<&str> = path.split(' ').collect();
            marked(tree, &path, id, names.mark().0)
        });
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree, "poste", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // Built, the tree knows which options each command has from above.
    tree.build();
    ui.text(&match shell {
        Shell::Bash => script + &bash(&tree),
        Shell::Fish => script + &fish(&tree),
        Shell::Zsh => zsh(&script),
        _ => script,
    })
}

/// In place: to change one alone would put it last, and the order of arguments is their meaning.
fn marked(tree: Command, path: &[&str], id: &str, hint: ValueHint) -> Command {
    match path {
        [] => tree.mut_args(|arg| if arg.get_id() == id { arg.value_hint(hint) } else { arg }),
        [first, rest @ ..] => tree.mut_subcommands(|command| {
            if command.get_name() == *first { marked(command, rest, id, hint) } else { command }
        }),
    }
}

/// The command of a path, and its argument.
fn argument<'t>(tree: &'t Command, path: &str, id: &str) -> Option<(&'t Command, &'t Arg)> {
    let command = path.split(' ').try_fold(tree, |at, name| at.find_subcommand(name))?;
    Some((command, command.get_arguments().find(|arg| arg.get_id() == id)?))
}

/// The options of a command, as they are typed, that take a value.
fn options(command: &Command) -> Vec<String> {
    let with_value = command.get_arguments().filter(|arg| arg.get_action().takes_values());
    with_value.flat_map(typed).collect()
}

fn typed(arg: &Arg) -> Vec<String> {
    let long = arg.get_long().map(|long| format!("--{long}"));
    long.into_iter().chain(arg.get_short().map(|short| format!("-{short}"))).collect()
}

fn bash(tree: &Command) -> String {
    let (mut takes, mut what) = (Vec::new(), Vec::new());
    takes.extend(options(tree).into_iter().map(|option| format!("' {option}'")));
    for (path, id, names) in ARGUMENTS {
        let Some((command, arg)) = argument(tree, path, id) else { continue };
        takes.extend(options(command).into_iter().map(|option| format!("'{path} {option}'")));
        let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        let at = match arg.get_index() {
            None => typed(arg),
            Some(_) if many => vec!["*[0-9]".to_owned()],
            Some(index) => vec![(index - 1).to_string()],
        };
        // The pattern of many words is the last one of its command.
        let patterns: Vec<String> = at
            .iter()
            .map(|at| match at.strip_prefix('*') {
                Some(digits) => format!("'{path} '{digits}*"),
                None => format!("'{path} {at}'"),
            })
            .collect();
        what.push(format!("        {}) what={} ;;", patterns.join(" | "), names.word()));
    }
    takes.sort();
    takes.dedup();
    let takes = format!("                {}", takes.join(" | \\\n                "));
    include_str!("completions/names.bash")
        .replace("@TAKES@", &takes)
        .replace("@WHAT@", &what.join("\n"))
}

fn fish(tree: &Command) -> String {
    let mut script = include_str!("completions/names.fish").to_owned();
    for (path, id, names) in ARGUMENTS {
        let Some((_, arg)) = argument(tree, path, id) else { continue };
        let condition = match path.split_once(' ') {
            None => format!("__fish_poste_using_subcommand {path}"),
            Some((first, second)) => format!(
                "__fish_poste_using_subcommand {first}; and __fish_seen_subcommand_from {second}"
            ),
        };
        let option = match arg.get_long() {
            Some(long) => format!("-l {long} -x"),
            None => "-f".to_owned(),
        };
        let word = names.word();
        script += &format!(
            "complete -c poste -n \"{condition}\" {option} -a \"(__fish_poste_ask {word})\"\n"
        );
    }
    script
}

fn zsh(script: &str) -> String {
    let named = [Authors, Both, Folders, Groups, People, Requests].into_iter().fold(
        script.to_owned(),
        |script, names| {
            script
                .replace(&format!(":{}", names.mark().1), &format!(": _poste_ask {}", names.word()))
        },
    );
    let end = "if [ \"$funcstack[1]\" = \"_poste\" ]";
    named.replace(end, &format!("{}\n{end}", include_str!("completions/names.zsh")))
}
