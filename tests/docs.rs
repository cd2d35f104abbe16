//! The pages and the examples against the code: what the program takes is in its page, what a page
//! promises is taken by the program, and the examples that are shipped can be used as they are.

use clap::Command;
use poste::store::config::Config;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_configuration_key_is_in_its_page_and_no_other() {
    let page = read("man/poste-files.5");
    let section = page.split(".Sh CONFIGURATION").nth(1).expect("the page has that section");
    let section = section.split("\n.Sh ").next().unwrap_or_default();
    let written: BTreeSet<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It Li "))
        .map(str::to_owned)
        .collect();
    let known = rendered_keys();
    assert!(known.contains("proxy"), "the rendered configuration was not understood: {known:?}");
    assert_eq!(written, known);
}

#[test]
fn keys_of_later_releases_are_refused_as_the_page_says() {
    let page = read("man/poste-files.5");
    let list = page.split("not yet built").nth(1).and_then(|rest| rest.split(".Sh").next());
    let list = list.expect("the page lists what is not yet built");
    let names = list.lines().filter_map(|line| line.strip_prefix(".Li "));
    let names: Vec<_> =
        names.flat_map(|l| l.split([' ', ',', '.'])).filter(|n| !n.is_empty()).collect();
    assert!(names.contains(&"pace_strict"), "{names:?}");
    for name in names {
        let error = Config::parse(Path::new("config.toml"), &format!("{name} = 1\n"));
        let text = error.expect_err("a key that does nothing is not taken").to_string();
        assert!(text.contains("does not have"), "{name}: {text}");
    }
}

#[test]
fn the_example_configuration_can_be_used() {
    let text = read("examples/config.toml");
    let path = Path::new("examples/config.toml");
    Config::parse(path, &text).unwrap();
    let shown: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if is_assignment(key) => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    Config::parse(path, &shown).unwrap();
    let keys: BTreeSet<_> = shown.lines().filter_map(assigned).collect();
    assert_eq!(keys, rendered_keys(), "the example shows every key");
}

/// The keys in the configuration that `init` writes, where the unused ones stand as comments.
fn rendered_keys() -> BTreeSet<String> {
    let text = Config::default().render();
    text.lines().filter_map(|line| assigned(line.trim_start_matches("# "))).collect()
}

fn assigned(line: &str) -> Option<String> {
    let (key, _) = line.split_once(" = ")?;
    is_assignment(line).then(|| key.to_owned())
}

fn is_assignment(line: &str) -> bool {
    let key = line.split(" = ").next().unwrap_or_default();
    line.contains(" = ") && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_command_and_flag_is_in_the_page_and_no_other() {
    let page = read("man/poste.1");
    let command = poste::cli::command();
    let mut wrong = Vec::new();
    let entries = entries(&page);
    let (mut heads, mut told) = (0, 0);
    for (path, sub) in commands(&command) {
        let words: Vec<&str> = path.split(' ').collect();
        let Some((head, body)) = entries.iter().find(|(head, _)| is_of(head, &words)) else {
            // What takes no option may stand in the head of what it belongs to.
            let (last, above) = words.split_last().unwrap();
            let there = entries.iter().any(|(head, _)| {
                let names: Vec<&str> = tokens(head).skip_while(|word| *word != "Cm").collect();
                is_of(head, above) && names.windows(2).any(|pair| pair == ["Cm", last])
            });
            if above.is_empty() || !there || !options(sub).is_empty() {
                wrong.push(format!("{path} has no entry"));
            }
            continue;
        };
        heads += 1;
        // Its options are those of sendmail(8), which are looked at by hand.
        if path == "sendmail" {
            continue;
        }
        let (written, known) = (flags(head), options(sub));
        if !sub.has_subcommands() || !known.is_empty() {
            wrong.extend(known.difference(&written).map(|flag| format!("{path} lacks {flag}")));
        }
        wrong.extend(written.difference(&known).map(|flag| format!("{path} has no {flag}")));
        for (name, flag) in mentioned(body, &path) {
            let of = find(&command, &name).unwrap_or_else(|| panic!("{path}: {name}"));
            told += 1;
            if !options(of).contains(&flag) && !options(&command).contains(&flag) {
                wrong.push(format!("below {path}: {name} has no {flag}"));
            }
        }
        // These two name what they have in common with others.
        if !["compose", "reply"].contains(&words[0]) {
            let told: BTreeSet<_> = mentioned(body, &path).into_iter().map(|(_, f)| f).collect();
            let silent =
                known.iter().filter(|flag| !told.contains(*flag) && !takes(head, flag, body));
            wrong.extend(silent.map(|flag| format!("{path} says nothing of {flag}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(heads > 45 && told > 80, "the page was not understood: {heads} {told}");

    let general = page.split(".Sh COMMANDS").next().unwrap();
    let written: BTreeSet<_> =
        general.lines().filter(|line| line.starts_with(".It ")).flat_map(flags).collect();
    assert_eq!(written, options(&command));
}

#[cfg(feature = "node")]
#[test]
fn every_flag_of_the_node_is_in_its_page_and_no_other() {
    use clap::CommandFactory;
    use std::collections::BTreeMap;
    let page = read("man/posted.8");
    let command = poste::node::args::Cli::command();
    let synopsis = page.split(".Sh SYNOPSIS\n").nth(1).unwrap().split("\n.Sh ").next().unwrap();
    let mut written = BTreeMap::new();
    for form in synopsis.split(".Nm\n").filter(|form| !form.is_empty()) {
        let (name, rest) = form.split_once('\n').unwrap();
        written.insert(name.trim_start_matches(".Cm ").to_owned(), flags(rest));
    }
    let subs = commands(&command);
    let known: BTreeMap<_, _> =
        subs.iter().map(|(name, sub)| (name.clone(), options(sub))).collect();
    assert!(known.len() >= 5, "{known:?}");
    assert_eq!(written, known);

    let lists = page.split(".Sh CONFIGURATION").next().unwrap();
    let items = |what: &str| {
        let start = format!(".It {what} ");
        lists.lines().filter(move |line| line.starts_with(&start)).collect::<Vec<_>>()
    };
    let explained: BTreeSet<_> = items("Fl").into_iter().flat_map(flags).collect();
    let both = ["-help", "V", "-version", "h"].map(str::to_owned);
    let all: BTreeSet<_> = known.into_values().flatten().chain(both).collect();
    assert_eq!(explained, all);
    let named: BTreeSet<_> =
        items("Cm").iter().map(|line| line[".It Cm ".len()..].to_owned()).collect();
    assert_eq!(named, written.into_keys().collect());
}

/// All commands below one, by what is typed for them.
fn commands(command: &Command) -> Vec<(String, &Command)> {
    let mut all = Vec::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        all.push((sub.get_name().to_owned(), sub));
        let below = commands(sub).into_iter();
        all.extend(below.map(|(path, below)| (format!("{} {path}", sub.get_name()), below)));
    }
    all
}

/// The command that is typed so.
fn find<'c>(command: &'c Command, path: &str) -> Option<&'c Command> {
    path.split(' ').try_fold(command, |command, name| command.find_subcommand(name))
}

/// What can be given to a command, as its page writes it: `-json`, `q`. Without what all take.
fn options(command: &Command) -> BTreeSet<String> {
    let top = command.get_name().starts_with("poste");
    let args = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let args = args.filter(|arg| top || !arg.is_global_set());
    let mut options: BTreeSet<String> = args
        .flat_map(|arg| {
            let long = arg.get_long().map(|long| format!("-{long}"));
            [long, arg.get_short().map(String::from)]
        })
        .flatten()
        .collect();
    if command.get_name() == "poste" {
        options.extend(["h", "V"].map(str::to_owned));
    }
    options
}

/// The words of mdoc(7), as if all macros stood in the midst of a line.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let line = line.strip_prefix('.').unwrap_or(line);
        line.split_whitespace()
    })
}

/// The options in some lines; the two dashes alone are none.
fn flags(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = tokens(text).collect();
    let named = words.windows(2).filter(|pair| pair[0] == "Fl" && pair[1] != "-");
    // Several names of one stand behind a single macro.
    let more = words.windows(2).filter(|pair| pair[0] == "," && pair[1].starts_with('-'));
    named.chain(more).map(|pair| pair[1].to_owned()).collect()
}

/// Whether what an option takes is spoken of below the head.
fn takes(head: &str, flag: &str, body: &str) -> bool {
    let words: Vec<&str> = tokens(head).collect();
    let at = words.windows(2).position(|pair| pair == ["Fl", flag]).map(|at| at + 2);
    let taken = at.and_then(|at| words.get(at..at + 2)).filter(|taken| taken[0] == "Ar");
    let words: Vec<&str> = tokens(body).collect();
    taken.is_some_and(|taken| words.windows(2).any(|pair| pair == taken))
}

/// The options that are spoken of below the head of a command, each with the command that it is an
/// option of: the one named before it on its line, else the one whose entry it is.
fn mentioned(body: &str, path: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for line in body.lines() {
        let words: Vec<&str> = tokens(line).collect();
        let mut of = path.to_owned();
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let typed = *word == "poste" && words[0] == "Ql";
            match *word {
                _ if typed => next.clone_into(&mut of),
                "Cm" if line.starts_with(".Cm") => next.clone_into(&mut of),
                "Fl" if next != "-" => all.push((of.clone(), next.to_owned())),
                word if of != path && word.starts_with("-\\&-") => {
                    all.push((of.clone(), format!("-{}", &word["-\\&-".len()..])));
                }
                _ => {}
            }
        }
    }
    all
}

/// The entries of the lists of commands in a page, each with all that belongs to it: its head, and
/// what is said below.
fn entries(page: &str) -> Vec<(String, String)> {
    let commands = page.split(".Sh COMMANDS").nth(1).expect("the page has that section");
    let commands = commands.split("\n.Sh ").next().unwrap_or_default();
    let mut all: Vec<(String, String)> = Vec::new();
    let (mut depth, mut in_head) = (0, false);
    for line in commands.lines() {
        depth += usize::from(line.starts_with(".Bl"));
        depth -= usize::from(line.starts_with(".El"));
        if line.starts_with(".It ") && depth == 1 {
            all.push((format!("{line}\n"), String::new()));
            in_head = line.starts_with(".It Xo");
            continue;
        }
        let Some((head, body)) = all.last_mut() else { continue };
        *(if in_head { head } else { body }) += &format!("{line}\n");
        in_head &= line != ".Xc";
    }
    all
}

/// Whether an entry describes the command.
fn is_of(head: &str, path: &[&str]) -> bool {
    let mut words = tokens(head).skip_while(|word| *word != "Cm").skip(1);
    path.iter().all(|name| words.next() == Some(name))
}
