//! poste-json(5) against the programs: every command that the page lists is run with --json, and
//! what it writes has the fields of the page, of the types there, and no others.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, family, late, rounds};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A field of the page.
struct Field {
    kind: String,
    optional: bool,
}

type Page = BTreeMap<String, BTreeMap<String, Field>>;

/// The fields of each command.
fn page() -> Page {
    let text = include_str!("../man/poste-json.5");
    let text = text.split(".Sh COMMANDS").nth(1).unwrap().split("\n.Sh ").next().unwrap();
    let mut page = Page::new();
    let mut commands: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(names) = line.strip_prefix(".Ss ") {
            commands = names.split(", ").map(str::to_owned).collect();
        }
        let Some(item) = line.strip_prefix(".It Li ") else { continue };
        let (name, rest) = item.split_once(" No ").unwrap();
        let kind = rest.trim_end_matches(" , optional").to_owned();
        for command in &commands {
            let field = Field { kind: kind.clone(), optional: rest.ends_with(" , optional") };
            page.entry(command.clone()).or_default().insert(name.to_owned(), field);
        }
    }
    page
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a value is of what the page calls so.
fn is_of(value: &Value, named: &str) -> bool {
    named.split(" or ").any(|named| match (named.split_once(" of "), value) {
        (Some(("array", inner)), Value::Array(items)) => items.iter().all(|v| kind(v) == inner),
        (Some(("object", inner)), Value::Object(items)) => items.values().all(|v| kind(v) == inner),
        (Some(_), _) => false,
        (None, value) => kind(value) == named,
    })
}

/// Compares what a command wrote with the page; which of its fields were there.
struct Checker {
    page: Page,
    seen: BTreeMap<String, BTreeSet<String>>,
}

impl Checker {
    fn check(&mut self, command: &str, written: &str) {
        assert_eq!(written.lines().count(), 1, "{command}: {written}");
        let value: Value = serde_json::from_str(written).unwrap();
        let objects = match &value {
            Value::Array(items) => items.iter().collect(),
            other => vec![other],
        };
        assert!(!objects.is_empty(), "{command} lists nothing, which shows nothing");
        self.seen.entry(command.to_owned()).or_default();
        for object in objects {
            self.object(command, "", object);
        }
    }

    fn object(&mut self, command: &str, before: &str, object: &Value) {
        let fields = &self.page.get(command).unwrap_or_else(|| panic!("{command} has no section"));
        let object = object.as_object().unwrap();
        for (name, field) in fields.iter() {
            let Some(rest) = name.strip_prefix(before) else { continue };
            let there = rest.contains("[].") || field.optional || object.contains_key(rest);
            assert!(there, "{command}: there is no {name} in {object:?}");
        }
        let mut inner = Vec::new();
        for (key, value) in object {
            let name = format!("{before}{key}");
            let nested = format!("{name}[].");
            if fields.keys().any(|known| known.starts_with(&nested)) {
                inner.extend(value.as_array().unwrap().iter().map(|v| (nested.clone(), v.clone())));
                continue;
            }
            let field = fields.get(&name);
            let field = field.unwrap_or_else(|| panic!("{command}: the page has no {name}"));
            assert!(is_of(value, &field.kind), "{command}: {name} is no {}: {value}", field.kind);
            self.seen.get_mut(command).unwrap().insert(name);
        }
        for (nested, value) in inner {
            self.object(command, &nested, &value);
        }
    }
}

fn script(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn add_to_config(home: &Home, line: &str) {
    let config = home.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{line}\n{text}")).unwrap();
}

/// What was written, also by a command that ends with another status than 0.
fn written(home: &Home, args: &[&str], stdin: &[u8]) -> String {
    let output = home.run(&[args, &["--json"]].concat(), stdin);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn what_is_written_is_what_the_page_says() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, _carol] = family(dir.path(), &node.url);
    let mut checker = Checker { page: page(), seen: BTreeMap::new() };
    let dave = Home::init(dir.path(), "dave", &node.url);
    let frank = Home { dir: dir.path().join("frank") };
    let mut run = |home: &Home, args: &[&str], stdin: &[u8]| {
        let text = written(home, args, stdin);
        let is_shown = args[..args.len().min(2)] == ["quarantine", "show"];
        checker.check(if is_shown { "show" } else { args[0] }, &text);
        text
    };

    // Homes.
    run(&frank, &["init", "--no-passphrase", "--node", &node.url], b"");
    run(&frank, &["card"], b"");
    let whole = dir.path().join("whole.tar").display().to_string();
    alice.ok(&["export", "--keys", "-o", &whole]);
    run(&Home { dir: dir.path().join("moved") }, &["init", "--import", &whole], b"");

    // People.
    let card = |home: &Home| home.card().display().to_string();
    dave.ok(&["add", "alice", &card(&alice)]);
    dave.ok_with(&["send", "alice", "-s", "hello"], b"hello\n");
    rounds(&[&dave, &alice], 1);
    let request = alice.ok(&["list", "requests"]);
    run(&alice, &["accept", request.trim(), "dave"], b"");
    run(&alice, &["words", "dave", "--confirm"], b"");
    run(&alice, &["contacts"], b"");
    run(&alice, &["add", "dave", &card(&dave)], b"");
    let erin = Home::init(dir.path(), "erin", &node.url);
    run(&alice, &["add", "dave", &card(&erin), "--replace"], b"");
    run(&alice, &["contacts"], b"");
    run(&alice, &["remove", "dave"], b"");
    run(&alice, &["query"], b"");

    // Groups.
    run(&alice, &["groups"], b"");
    run(&alice, &["group", "rename", "family", "All of us"], b"");

    // Writing.
    alice.ok_with(&["send", "family", "-s", "tea"], b"tea\n");
    let large = dir.path().join("large");
    fs::write(&large, vec![b'x'; 200_000]).unwrap();
    alice.ok_with(&["send", "bob", "-s", "large", "-a", large.to_str().unwrap()], b"large\n");
    run(&alice, &["outbox"], b"");
    let editor = script(dir.path(), "editor", "echo written >>\"$1\"; exit 1");
    let mut compose = alice.command(&["compose", "bob"]);
    assert!(!compose.env("VISUAL", editor).output().unwrap().status.success());
    run(&alice, &["drafts"], b"");

    // Reading.
    run(&alice, &["sync"], b"");
    run(&alice, &["sync", "--dry-run"], b"");
    bob.ok(&["sync", "--now"]);
    bob.ok_with(&["send", "alice", "-s", "coffee"], b"coffee\n");
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync", "--now"]);
    run(&alice, &["list", "-l"], b"");
    run(&alice, &["list"], b"");
    run(&alice, &["search", "coffee"], b"");
    // One of bob's: those of one minute stand in no order.
    let message = alice.ok(&["search", "coffee"]).trim().to_owned();
    let marked = run(&alice, &["mark", "--seen", &message], b"");
    let marked: Value = serde_json::from_str(&marked).unwrap();
    let moved = run(&alice, &["move", marked[0]["id"].as_str().unwrap(), "notes", "--make"], b"");
    let moved: Value = serde_json::from_str(&moved).unwrap();
    let id = moved[0]["id"].as_str().unwrap().to_owned();
    run(&alice, &["verify", &id], b"");
    // What is shown, written anew, and carried by hand.
    bob.ok_with(&["send", "alice", "--expires", "2d", "-a", &card(&dave)], b"look\n");
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync", "--now"]);
    run(&alice, &["show", &id, alice.ok(&["search", "look"]).trim()], b"");
    let editor = script(dir.path(), "other-editor", "sed -i s/coffee/tea/ \"$1\"");
    add_to_config(&alice, &format!("editor = {editor:?}"));
    run(&alice, &["edit", &id], b"");
    run(&alice, &["forge", "--from", "bob", "-s", "never"], b"I never wrote this\n");
    let letter = dir.path().join("letter.age").display().to_string();
    run(&bob, &["seal", "--to", "alice", "-o", &letter], b"Subject: by hand\n\nhand\n");
    let taken = run(&alice, &["receive", "--show", &letter, &letter, &card(&bob)], b"");
    let taken: Value = serde_json::from_str(&taken).unwrap();
    let results: Vec<&Value> = taken.as_array().unwrap().iter().map(|t| &t["result"]).collect();
    assert_eq!(results, ["filed", "duplicate", "failed"], "{taken}");
    assert!(taken[0]["text"].as_str().unwrap().ends_with("\n\nhand\n"), "{taken}");
    add_to_config(&bob, "urls = [\"http://127.0.0.1:9/bob.toml\"]");
    bob.ok(&["publish"]);
    alice.ok(&["add", "bob", &card(&bob)]);
    run(&alice, &["verify", &id], b"");
    let archive = dir.path().join("a.tar").display().to_string();
    run(&alice, &["export", "-o", &archive], b"");
    run(&alice, &["delete", &id], b"");
    run(&alice, &["import", &archive], b"");
    // By a clock that nobody confirms a letter proves nothing.
    late(&alice, &bob, "alice");
    run(&alice, &["quarantine"], b"");
    run(&alice, &["quarantine", "show"], b"");
    let held = alice.ok(&["quarantine"]);
    run(&alice, &["quarantine", "keep", held.trim()], b"");

    // The rest.
    run(&alice, &["status"], b"");
    run(&alice, &["cover", "status"], b"");
    run(&alice, &["nodes"], b"");
    drop(node);
    run(&alice, &["doctor"], b"");

    // Those of a group who are contacts no more, and a group that is forgotten.
    run(&alice, &["add", "carol", &card(&erin), "--replace"], b"");
    run(&alice, &["groups"], b"");
    run(&alice, &["group", "rename", "family", "Some of us"], b"");
    run(&alice, &["remove", "bob"], b"");
    run(&alice, &["group", "leave", "family"], b"");
    run(&alice, &["remove", "family"], b"");

    let all: BTreeSet<&String> = checker.page.keys().collect();
    assert_eq!(all, checker.seen.keys().collect(), "a section of the page was not tried");
    for (command, fields) in &checker.page {
        // Those that write the same share a section.
        let alike = checker.page.iter().filter(|(_, other)| other.keys().eq(fields.keys()));
        let seen: BTreeSet<&String> = alike.flat_map(|(name, _)| &checker.seen[name]).collect();
        for name in fields.keys().filter(|name| !NOT_HERE.contains(&name.as_str())) {
            assert!(seen.contains(name), "{command}: {name} was never there");
        }
    }
}

/// Commands without a section, and why.
const PLAIN: [(&str, &str); 15] = [
    ("block", NOTHING),
    ("completions", "a script for a shell"),
    ("compose", NOTHING),
    ("help", "a text for people"),
    ("lock", NOTHING),
    ("passphrase", NOTHING),
    ("publish", NOTHING),
    ("rename", NOTHING),
    ("reply", NOTHING),
    ("send", NOTHING),
    ("sendmail", NOTHING),
    ("unblock", NOTHING),
    ("unlock", NOTHING),
    ("view", "what it runs has standard output"),
    ("watch", "in the section of sync"),
];

const NOTHING: &str = "prints nothing";

#[test]
fn every_command_is_in_the_page_or_has_a_reason() {
    let (page, tree) = (page(), poste::cli::command());
    let commands: BTreeSet<&str> = tree.get_subcommands().map(|c| c.get_name()).collect();
    let plain: BTreeSet<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
    for name in &commands {
        assert!(page.contains_key(*name) != plain.contains(name), "{name}: in which list?");
    }
    assert!(page.keys().all(|name| commands.contains(name.as_str())));
}

#[test]
fn what_prints_nothing_prints_no_json_either() {
    let dir = tempfile::tempdir().unwrap();
    let stick = format!("file://{}", dir.path().display());
    let [alice, bob] = ["alice", "bob"].map(|name| Home::init(dir.path(), name, &stick));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    for line in
        ["send bob", "block bob", "unblock bob", "rename bob robert", "publish", "unlock", "lock"]
    {
        let args: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        assert_eq!(alice.ok_with(&args, b"hello\n"), "", "{line}");
    }
    // Where there is no home to tell of, an error says so, and no text for people stands there.
    let nobody = Home { dir: dir.path().join("nobody") };
    let output = nobody.run(&["--json"], b"");
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    // With what stands on standard output itself no JSON is mixed.
    assert!(!alice.ok(&["export", "--json"]).starts_with('{'));
    assert_eq!(alice.ok(&["card", "--toml", "--json"]), alice.ok(&["card", "--toml"]));
}

/// What takes more than this test can bring about.
const NOT_HERE: [&str; 1] = ["unproven"];
