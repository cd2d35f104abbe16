//! The pages and the examples against the code: what the program takes is in its page, what a page
//! promises is taken by the program, and the examples that are shipped can be used as they are.

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
fn every_command_and_flag_is_in_the_page() {
    let page = read("man/poste.1");
    let command = poste::cli::command();
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = sub.get_name();
        let entry = entries(&page).into_iter().find(|entry| heads(entry, name));
        let entry = entry.unwrap_or_else(|| panic!("poste.1 has no entry for {name}"));
        for arg in sub.get_arguments().filter(|a| !a.is_global_set() && !a.is_hide_set()) {
            let long = arg.get_long().map(|l| format!("Fl -{l}"));
            let short = arg.get_short().map(|s| format!("Fl {s}"));
            let is_help = arg.get_long() == Some("help") || arg.get_long() == Some("version");
            let written = [&long, &short].into_iter().flatten().any(|flag| entry.contains(flag));
            let positional = long.is_none() && short.is_none();
            assert!(is_help || positional || written, "poste.1, {name}: {long:?} {short:?}");
        }
    }
    for arg in command.get_arguments().filter(|a| !a.is_positional()) {
        let flag = match (arg.get_long(), arg.get_short()) {
            (Some(long), _) => format!("Fl -{long}"),
            (None, Some(short)) => format!("Fl {short}"),
            (None, None) => continue,
        };
        let short = arg.get_short().map(|s| format!("Fl {s}"));
        let written = page.contains(&flag) || short.is_some_and(|short| page.contains(&short));
        assert!(written, "poste.1: {flag}");
    }
}

/// The entries of the lists in a page, each with all that belongs to it.
fn entries(page: &str) -> Vec<String> {
    let commands = page.split(".Sh COMMANDS").nth(1).expect("the page has that section");
    let commands = commands.split("\n.Sh ").next().unwrap_or_default();
    let mut all: Vec<String> = Vec::new();
    let mut depth = 0;
    for line in commands.lines() {
        depth += usize::from(line.starts_with(".Bl"));
        depth -= usize::from(line.starts_with(".El"));
        match all.last_mut() {
            _ if line.starts_with(".It ") && depth == 1 => all.push(format!("{line}\n")),
            Some(entry) => *entry += &format!("{line}\n"),
            None => {}
        }
    }
    all
}

/// Whether an entry describes the command.
fn heads(entry: &str, name: &str) -> bool {
    let head: Vec<&str> =
        entry.split_whitespace().skip_while(|w| *w != "Cm" && *w != ".Cm").collect();
    head.get(1) == Some(&name)
}
