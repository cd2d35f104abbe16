//! The house holds its shape: floors, sizes, headers, purity of the core, what stands at the top
//! level and under which comment a dependency is. Each rule names the file and line that breaks
//! it, and is itself shown a bad sample. The rules are those of CONTRIBUTING.md.

#[path = "house/rules.rs"]
mod rules;
#[path = "house/source.rs"]
mod source;

use source::Source;
use std::fs;
use std::path::Path;

/// Everything that may stand at the top level, beside hidden files and `target`.
const TOP: [&str; 16] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "benches",
    "clippy.toml",
    "debian",
    "examples",
    "man",
    "rustfmt.toml",
    "src",
    "tests",
];

#[test]
fn sources_keep_the_rules() {
    let every = [rules::length, rules::header, rules::finished];
    let shipped = [
        rules::floors,
        rules::pure_core,
        rules::crypto,
        rules::no_unwrap,
        rules::no_printing,
        rules::tests_are_tests,
    ];
    let files: Vec<_> = files().into_iter().filter(|(path, _)| path.ends_with(".rs")).collect();
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "the sources were not found");
    let mut wrong = Vec::new();
    for (path, text) in &files {
        let file = Source { path, text };
        wrong.extend(every.iter().flat_map(|rule| rule(&file)));
        if path.starts_with("src/") {
            wrong.extend(shipped.iter().flat_map(|rule| rule(&file)));
        }
    }
    none(&wrong);
}

#[test]
fn dependencies_say_what_they_are_for() {
    let manifest = read("Cargo.toml");
    none(&uncommented(&manifest));
    none(&async_in_client(&manifest));
}

#[test]
fn top_level_is_as_drawn() {
    let names = fs::read_dir(top()).expect("the package has a directory");
    let names = names.map(|e| e.expect("readable").file_name().into_string().expect("UTF-8"));
    none(&strangers(names));
}

#[test]
fn the_tree_names_no_machine_and_no_registry() {
    let files = files().into_iter().filter(|(path, _)| path != "Cargo.lock");
    none(&files.flat_map(|(path, text)| places(&path, &text)).collect::<Vec<_>>());
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Path and text of every text file that belongs to the project.
fn files() -> Vec<(String, String)> {
    let ours = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let hidden = name.starts_with('.') && name != ".ci" && name != ".config";
        entry.depth() == 0 || !(hidden || name == "target" || name == "node_modules")
    };
    let mut files: Vec<_> = walkdir::WalkDir::new(top())
        .into_iter()
        .filter_entry(ours)
        .map(|entry| entry.expect("the tree can be walked"))
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(top()).expect("below the top");
            Some((path.to_str()?.to_owned(), fs::read_to_string(entry.path()).ok()?))
        })
        .collect();
    files.sort();
    files
}

/// Dependencies that stand under no comment naming the need.
fn uncommented(manifest: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut inside, mut named) = (false, false);
    for (i, line) in manifest.lines().enumerate() {
        match line.trim_start() {
            section if section.starts_with('[') => {
                inside = section.contains("dependencies]");
                named = false;
            }
            "" => named = false,
            comment if comment.starts_with('#') => named = true,
            dependency if inside && !named => {
                wrong
                    .push(format!("Cargo.toml:{}: no comment names the need: {dependency}", i + 1));
            }
            _ => {}
        }
    }
    wrong
}

/// Dependencies of the node that have crept into the client.
fn async_in_client(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("Cargo.toml is TOML");
    let dependencies = manifest["dependencies"].as_table().expect("a table").iter();
    dependencies
        .filter(|(name, _)| {
            let root = name.split('-').next().unwrap_or_default();
            ["tokio", "hyper", "axum", "tower", "h2", "async", "futures", "redis"].contains(&root)
        })
        .filter(|(_, value)| value.get("optional").and_then(toml::Value::as_bool) != Some(true))
        .map(|(name, _)| format!("Cargo.toml: {name} is the node's alone: make it optional"))
        .collect()
}

/// Names that have no place at the top level.
fn strangers(names: impl Iterator<Item = String>) -> Vec<String> {
    names
        .filter(|name| !name.starts_with('.') && name != "target" && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name}: not a name of the top level"))
        .collect()
}

/// Paths of one machine, and hosts of registries, which only `Cargo.lock` may name. They are
/// written here with `+` for a slash or a dot, or this file would break its own rule.
fn places(path: &str, text: &str) -> Vec<String> {
    let machine = ["+work+", "+root+", "+farm+"].map(|path| path.replace('+', "/"));
    let hosts = ["crates+io", "npmjs+org", "pypi+org", "pythonhosted+org", "deb+debian"];
    let hosts = hosts.map(|host| host.replace('+', "."));
    let begins = |line: &str, at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "\"'`=:(<".contains(c))
    };
    let mut wrong = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let machine =
            machine.iter().find(|p| line.match_indices(*p).any(|(at, _)| begins(line, at)));
        let host = hosts.iter().find(|host| line.contains(host.as_str()));
        if let Some(what) = machine.or(host) {
            wrong.push(format!("{path}:{}: names {what}", i + 1));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_a_comment_is_caught() {
        let good = "[dependencies]\n# - hex\na = \"1\"\nb = \"1\"\n[features]\nc = []\n";
        assert_eq!(uncommented(good), Vec::<String>::new());
        assert_eq!(uncommented("[dependencies]\n# - hex\na = \"1\"\n\nb = \"1\"\n").len(), 1);
        assert_eq!(uncommented("# - hex\n[dev-dependencies]\na = \"1\"\n").len(), 1);
    }

    #[test]
    fn an_async_client_is_caught() {
        let good = "[dependencies]\nureq = \"3\"\ntokio = { version = \"1\", optional = true }\n";
        assert_eq!(async_in_client(good), Vec::<String>::new());
        assert_eq!(async_in_client("[dependencies]\ntokio = \"1\"\nhyper-util = \"1\"\n").len(), 2);
    }

    #[test]
    fn a_stranger_at_the_top_is_caught() {
        assert_eq!(strangers(["src".into(), ".ci".into(), "scripts".into()].into_iter()).len(), 1);
    }

    #[test]
    fn a_machine_and_a_registry_are_caught() {
        let line = |text: &str| text.replace('+', "/").replace('_', ".");
        assert_eq!(places("a", &line("cd +work+main")).len(), 1);
        assert_eq!(places("a", &line("x\nhttps:++registry_npmjs_org+x")).len(), 1);
        assert_eq!(
            places("a", &line("net+work+x https:++example_org+work+")),
            Vec::<String>::new()
        );
    }
}
