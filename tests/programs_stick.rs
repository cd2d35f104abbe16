//! A stick between two homes, by the real programs: nodes that are directories alone, the clock that
//! nobody confirms, letters through it acknowledged, and what a letter by hand is without proof.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::Home;
use std::fs;
use std::path::Path;
use std::process::Output;

fn home(parent: &Path, name: &str, stick: &Path, more: &[&str]) -> (Home, Output) {
    let home = Home { dir: parent.join(name) };
    let (node, card) = (format!("file://{}", stick.display()), home.card().display().to_string());
    let args = ["init", "--name", name, "--no-passphrase", "--node", &node, "--publish", &card];
    let output = home.run(&[&args[..], more].concat(), b"");
    assert!(output.status.success());
    let config = home.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\nstamp_bits = 4\n")).unwrap();
    home.ok(&["publish"]);
    (home, output)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn letters_over_a_stick_alone_are_authentic_and_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let stick = dir.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let (alice, said) = home(dir.path(), "alice", &stick, &["--trust-clock"]);
    assert_eq!(stderr(&said), "");
    let (bob, _) = home(dir.path(), "bob", &stick, &["--trust-clock"]);
    bob.ok(&["add", "alice", &alice.card().display().to_string()]);
    bob.ok_with(&["send", "alice", "-s", "hello"], b"hello\n");
    bob.ok(&["sync"]);
    assert!(bob.ok(&["outbox"]).contains("\tposted\t"));
    alice.ok(&["sync"]);
    let request = alice.ok(&["list", "requests"]);
    alice.ok(&["accept", request.trim(), "bob"]);
    alice.ok_with(&["send", "bob", "-s", "welcome"], b"welcome\n");
    alice.ok(&["sync"]);
    bob.ok(&["sync"]);
    assert!(bob.ok(&["outbox"]).contains("\tacknowledged\t"));
    alice.ok(&["sync"]);
    assert!(alice.ok(&["outbox"]).contains("\tacknowledged\t"));
    for reader in [(&alice, "bob"), (&bob, "alice")] {
        reader.0.ok(&["sync"]);
        assert_eq!(reader.0.ok(&["list", reader.1]).lines().count(), 2);
    }
    assert_eq!(alice.ok(&["quarantine"]), "");

    // While the stick is away a sync is done in part, and nothing is made where it would be.
    fs::rename(&stick, dir.path().join("away")).unwrap();
    bob.ok_with(&["send", "alice", "-s", "later"], b"later\n");
    assert_eq!(bob.run(&["sync"], b"").status.code(), Some(75));
    assert!(!stick.exists());
    fs::rename(dir.path().join("away"), &stick).unwrap();
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    assert_eq!(alice.ok(&["list", "bob"]).lines().count(), 3);

    // By hand, twice, and acknowledged over the stick.
    let letter = dir.path().join("letter.age").display().to_string();
    bob.ok_with(&["seal", "--to", "alice", "-o", &letter], b"Subject: sealed\n\nsealed\n");
    assert!(alice.ok(&["receive", "--show", &letter]).contains("sealed"));
    assert_eq!(alice.ok(&["receive", &letter]), "");
    alice.ok(&["sync"]);
    bob.ok(&["sync"]);
    assert_eq!(alice.ok(&["list", "bob"]).lines().count(), 4);
}

#[test]
fn a_clock_that_nobody_confirms_is_trusted_by_the_users_word_alone() {
    let dir = tempfile::tempdir().unwrap();
    let stick = dir.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let (alice, said) = home(dir.path(), "alice", &stick, &["-v"]);
    assert!(stderr(&said).contains("so letters prove nothing"), "{}", stderr(&said));
    let config = alice.dir.join("config/config.toml");
    let hint = format!("echo 'trust_clock = true' >>{}", config.display());
    assert!(stderr(&said).contains(&hint), "{}", stderr(&said));
    let (bob, _) = home(dir.path(), "bob", &stick, &["--trust-clock"]);
    bob.ok(&["add", "alice", &alice.card().display().to_string()]);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let letter = dir.path().join("letter.age").display().to_string();
    bob.ok_with(&["seal", "--to", "alice", "-o", &letter], b"Subject: s\n\n/path/of/another\n");
    let taken = alice.run(&["receive", "-v", &letter], b"");
    assert_eq!((taken.status.code(), taken.stdout.len()), (Some(65), 0), "no path of its author's");
    assert!(stderr(&taken).contains("unproven"), "{}", stderr(&taken));
    assert!(stderr(&taken).contains("poste receive --show"), "{}", stderr(&taken));
    let shown = alice.ok(&["receive", "--show", &letter]);
    assert!(shown.starts_with("Unproven: anybody may have written this (clock)\n"), "{shown}");
    assert!(shown.contains("From: bob\n") && shown.contains("/path/of/another"), "{shown}");
    assert_eq!(alice.ok(&["list"]) + &alice.ok(&["quarantine"]), "");
    let mut shell = std::process::Command::new("sh");
    assert!(shell.arg("-c").arg(hint).status().unwrap().success());
    assert_eq!(alice.ok(&["receive", &letter]).lines().count(), 1);
}
