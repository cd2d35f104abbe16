//! From `init` to the first letter, and from there to its answer, by doing what each command says is
//! to be done next: what a terminal is shown after "hint:" is what is typed then.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Node, POSTE};
use std::path::Path;
use std::process::{Command, Stdio};

/// Somebody at a terminal, in a directory of which both see.
struct Person<'d> {
    home: &'static str,
    dir: &'d Path,
    typed: usize,
}

impl Person<'_> {
    /// Types a line; what is to be done next, of which there may be several.
    fn types(&mut self, line: &str) -> Vec<String> {
        self.typed += 1;
        let line = line.replace("poste ", &format!("{POSTE} --home {} ", self.home));
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(self.dir)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}\n{said}");
        said.lines()
            .filter_map(|line| line.trim().split_once("poste: hint: "))
            .map(|(_, hint)| {
                let home = format!("poste --home {} ", self.home);
                assert_eq!(hint.matches(&home).count(), hint.matches("poste ").count(), "{hint}");
                hint.replace(&home, "poste ")
            })
            .collect()
    }
}

/// The hint that begins so.
fn hint(hints: &[String], start: &str) -> String {
    let found = hints.iter().find(|hint| hint.starts_with(start));
    found.unwrap_or_else(|| panic!("no hint {start:?} in {hints:?}")).clone()
}

#[test]
fn five_commands_each_naming_the_next_lead_to_the_first_letter_and_as_many_to_the_answer() {
    let (node, dir) = (Node::start(), tempfile::tempdir().unwrap());
    let person = |home| Person { home, dir: dir.path(), typed: 0 };
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    let init = format!("poste init --no-passphrase --node {}", node.url);
    let next = bob.types(&init);
    bob.types(&hint(&next, "poste card --toml >card.toml"));
    let given = dir.path().join("bob.toml");
    std::fs::rename(dir.path().join("card.toml"), &given).unwrap();

    let next = alice.types(&init);
    let card = next.iter().position(|hint| hint == "poste card").unwrap();
    let next = alice.types(&next[card]);
    let add = hint(&next, "poste add bob LINK-OR-FILE");
    let next = alice.types(&add.replace("LINK-OR-FILE", "bob.toml"));
    let next = alice.types(&hint(&next, "echo hello | poste send bob"));
    alice.types(&hint(&next, "poste sync"));
    assert_eq!(alice.typed, 5);

    let typed = bob.typed;
    let next = bob.types("poste sync");
    let next = bob.types(&hint(&next, "poste list -u | poste show"));
    let next = bob.types(&hint(&next, "poste accept ").replace("NAME", "alice"));
    assert_eq!(hint(&next, "poste words alice --confirm"), "poste words alice --confirm");
    let next = bob.types("echo hello to you | poste send alice");
    assert!(next.is_empty(), "who has synced knows how: {next:?}");
    bob.types("poste sync");
    assert_eq!(bob.typed - typed, 5);
    let next = alice.types("poste sync");
    assert!(alice.types(&hint(&next, "poste list -u | poste show")).is_empty());
}

#[test]
fn five_commands_lead_to_the_first_letter_also_of_who_publishes_a_card() {
    let (node, dir) = (Node::start(), tempfile::tempdir().unwrap());
    let person = |home| Person { home, dir: dir.path(), typed: 0 };
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    let init = |card| format!("poste init --no-passphrase --node {} --publish {card}", node.url);
    let next = bob.types(&init("bob.toml"));
    bob.types(&hint(&next, "poste publish"));

    let next = alice.types(&init("alice.toml"));
    let next = alice.types(&hint(&next, "poste publish"));
    // What friends are given; the link is what init has printed already.
    let shown = alice.types(&hint(&next, "poste card"));
    assert_eq!(shown, ["poste add bob LINK-OR-FILE"]);
    alice.typed -= 1;
    let add = hint(&next, "poste add bob LINK-OR-FILE");
    let next = alice.types(&add.replace("LINK-OR-FILE", "bob.toml"));
    let next = alice.types(&hint(&next, "echo hello | poste send bob"));
    alice.types(&hint(&next, "poste sync"));
    assert_eq!(alice.typed, 5);

    let next = bob.types("poste sync");
    bob.types(&hint(&next, "poste list -u | poste show"));
    // Who has contacts knows how to add them.
    assert!(alice.types("poste publish").is_empty());
}

#[test]
fn nobody_is_told_what_to_do_who_is_no_terminal() {
    let (node, dir) = (Node::start(), tempfile::tempdir().unwrap());
    let output = Command::new(POSTE)
        .args(["--home", "alice", "init", "--no-passphrase", "--node", &node.url])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
