//! `poste completions`: what a shell needs to complete commands and flags, made from the same tree
//! that parses them, and the names that words stand for: of people, groups and folders, for which the
//! shell asks `poste contacts`, `groups` and `list`, letters and drafts, files, and the command that
//! `view` runs. What the shell asks needs no passphrase and no network. It needs no home.
//! Specified in poste(1), completions.

mod names;

use crate::cli::ui::{Done, Ui};
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueEnum};
use clap_complete::Shell;
use names::{Names, What};

pub fn run(shell: Shell, ui: &Ui) -> Done {
    // Built, the tree knows which options each command has from above.
    let mut tree = crate::cli::command();
    tree.build();
    let words = words(&tree);
    let mut shown = crate::cli::command();
    if shell == Shell::Zsh {
        for Word { path, arg, what } in &words {
            let What::Names(names) = what else { continue };
            let path: Vec<&str> = path.split(' ').collect();
            shown = marked(shown, &path, arg.get_id().as_str(), *names);
        }
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown, "poste", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    ui.text(&match shell {
        Shell::Bash => script + &bash(&tree, &words),
        Shell::Fish => script + &fish(&tree, &words),
        Shell::Zsh => zsh(&script),
        _ => script,
    })
}

/// A word that one may have to complete.
struct Word<'t> {
    /// Of which command, such as `group add`.
    path: String,
    arg: &'t Arg,
    what: What,
}

/// All words of all commands that stand for something, in the order in which they are typed.
fn words(tree: &Command) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    each(tree, "", &mut |path, arg| {
        if let Some(what) = names::what(path, arg) {
            words.push(Word { path: path.to_owned(), arg, what });
        }
    });
    words
}

/// Visits the arguments with values of all commands below one.
fn each<'t>(command: &'t Command, path: &str, visit: &mut dyn FnMut(&str, &'t Arg)) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name()).trim().to_owned();
        let own = |arg: &&Arg| arg.get_action().takes_values() && !arg.is_global_set();
        below.get_arguments().filter(own).for_each(|arg| visit(&path, arg));
        each(below, &path, visit);
    }
}

/// The tree with a value alone in the place where the script for zsh is to ask. In place: to change
/// one argument alone would put it last, and the order of arguments is their meaning.
fn marked(tree: Command, path: &[&str], id: &str, names: Names) -> Command {
    match path {
        [] => tree.mut_args(|arg| match arg.get_id() == id {
            true => arg.value_parser(PossibleValuesParser::new(names.alone())),
            false => arg,
        }),
        [first, rest @ ..] => tree.mut_subcommands(|command| {
            if command.get_name() == *first { marked(command, rest, id, names) } else { command }
        }),
    }
}

fn zsh(script: &str) -> String {
    let asking = Names::value_variants().iter().fold(script.to_owned(), |script, names| {
        let ask = match names {
            Names::Nothing => ": ".to_owned(),
            _ => format!(": _poste_ask {}", names.word()),
        };
        script.replace(&format!(":({})", names.word()), &ask)
    });
    let end = "if [ \"$funcstack[1]\" = \"_poste\" ]";
    asking.replace(end, &format!("{}\n{end}", include_str!("completions/names.zsh")))
}

/// The names of all commands.
fn commands(tree: &Command) -> String {
    tree.get_subcommands().map(Command::get_name).collect::<Vec<_>>().join(" ")
}

fn typed(arg: &Arg) -> Vec<String> {
    let long = arg.get_long().map(|long| format!("--{long}"));
    long.into_iter().chain(arg.get_short().map(|short| format!("-{short}"))).collect()
}

/// The options with a value of a command and those below it, each after its path.
fn options(command: &Command, path: &str) -> Vec<String> {
    let with_value = command.get_arguments().filter(|arg| arg.get_action().takes_values());
    let own = with_value.flat_map(typed).map(|option| format!("'{path} {option}'"));
    let below = command
        .get_subcommands()
        .flat_map(|below| options(below, format!("{path} {}", below.get_name()).trim()));
    own.chain(below).collect()
}

fn bash(tree: &Command, words: &[Word<'_>]) -> String {
    let mut takes = options(tree, "");
    takes.sort();
    takes.dedup();
    let takes = format!("                {}", takes.join(" | \\\n                "));
    let nested = tree.get_subcommands().filter(|command| command.has_subcommands());
    let nested: Vec<&str> = nested.map(Command::get_name).collect();
    let mut what = Vec::new();
    for Word { path, arg, what: named } in words {
        let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        // The pattern of many words is the last one of its command.
        let patterns: Vec<String> = match arg.get_index() {
            None => typed(arg).iter().map(|option| format!("'{path} {option}'")).collect(),
            Some(_) if many => vec![format!("'{path} '*[0-9]")],
            Some(index) => vec![format!("'{path} {}'", index - 1)],
        };
        let named = match named {
            What::Known => continue,
            What::Names(names) => names.word(),
            What::Values(values) => format!("'values {}'", values.join(" ")),
        };
        what.push(format!("        {}) what={named} ;;", patterns.join(" | ")));
    }
    include_str!("completions/names.bash")
        .replace("@COMMANDS@", &commands(tree))
        .replace("@TAKES@", &takes)
        .replace("@NESTED@", &nested.join(" | "))
        .replace("@WHAT@", &what.join("\n"))
}

fn fish(tree: &Command, words: &[Word<'_>]) -> String {
    let functions = include_str!("completions/names.fish");
    let mut script = functions.replace("@COMMANDS@", &commands(tree));
    for Word { path, arg, what } in words {
        let mut condition = match path.split_once(' ') {
            None => format!("__fish_poste_using_subcommand {path}"),
            Some((first, second)) => format!(
                "__fish_poste_using_subcommand {first}; and __fish_seen_subcommand_from {second}"
            ),
        };
        if arg.is_last_set() {
            condition += "; and contains -- -- (commandline -opc)";
        }
        let option = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("-l {long} -r "),
            (None, Some(short)) => format!("-s {short} -r "),
            (None, None) => String::new(),
        };
        let rest = match what {
            What::Known => continue,
            What::Names(Names::Nothing) => "-f".to_owned(),
            What::Names(Names::Files) => "-F".to_owned(),
            What::Names(names) => {
                let files = if names.or_files() { "-F" } else { "-f" };
                format!("{files} -a \"(__fish_poste_ask {})\"", names.word())
            }
            What::Values(values) => format!("-f -a \"{}\"", values.join(" ")),
        };
        let line = format!("complete -c poste -n \"{condition}\" {option}{rest}\n");
        // Words of one kind need it once: fish does not count them.
        if !script.contains(&line) {
            script += &line;
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_every_argument_it_is_known_what_it_stands_for() {
        let mut tree = crate::cli::command();
        tree.build();
        let mut seen = Vec::new();
        each(&tree, "", &mut |path, arg| {
            let place = (path.to_owned(), arg.get_id().to_string());
            let what = names::what(path, arg);
            assert!(what.is_some(), "{place:?} is in no table of names.rs, and has no hint");
            seen.push(place);
        });
        assert!(seen.len() > 60, "{seen:?}");
        // And no table has what there is not any more.
        let has =
            |path: &str, id: &str| seen.iter().any(|(p, i)| (path == "*" || p == path) && i == id);
        for (path, id, _) in names::ARGUMENTS {
            assert!(has(path, id), "there is no {path} {id}");
        }
        for (path, id, why) in names::FREE {
            assert!(has(path, id) && !why.is_empty(), "there is no {path} {id}");
        }
    }

    #[test]
    fn every_mark_is_replaced() {
        let mut tree = crate::cli::command();
        tree.build();
        let words = words(&tree);
        let of = |names| words.iter().any(|w| matches!(&w.what, What::Names(n) if n == names));
        for names in Names::value_variants() {
            assert!(of(names), "{names:?} is what nothing stands for");
        }
        for script in [bash(&tree, &words), fish(&tree, &words)] {
            for mark in ["@COMMANDS", "@NESTED", "@TAKES", "@WHAT"] {
                assert!(!script.contains(mark), "{mark}: {script}");
            }
        }
    }
}
