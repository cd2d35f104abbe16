//! What a home keeps is opened with `age` and `sed` alone, as poste-files(5) says: the archive
//! identity out of `keys/`, with and without a passphrase, and with it the mail.
//!
//! Needs the packages `age` and, for a terminal to ask a passphrase on, `bsdutils`.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, POSTE};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const ARCHIVE: &str = r#"sed -n 's/^archive = "\(.*\)"/\1/p'"#;

/// A home without a node.
fn make(parent: &Path, name: &str) -> Home {
    let home = Home { dir: parent.join(name) };
    home.ok(&["init", "--no-passphrase", "--name", name]);
    home
}

/// Runs a script in the data directory of the home; what it wrote.
fn shell(home: &Home, script: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(home.dir.join("share"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The filed message to bob, by nothing but age and the key in `key`.
fn opened(home: &Home) -> String {
    shell(home, r#"for f in mail/bob/*/*; do age -d -i ../key "$f"; done"#)
}

#[test]
fn age_and_sed_open_the_mail_of_a_home() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    alice.ok_with(&["add", "bob", "-"], bob.ok(&["card", "--toml"]).as_bytes());
    alice.ok_with(&["send", "bob", "-s", "at rest"], "grüße\nan bob\n".as_bytes());
    let raw = alice.ok(&["show", "--raw", alice.ok(&["list", "bob"]).trim()]);

    let transit = r#"sed -n 's/^transit = "\(.*\)"/\1/p' keys/transit.toml"#;
    shell(&alice, &format!("{transit} | age -d -i - keys/locked.age | {ARCHIVE} >../key"));
    let filed = opened(&alice);
    assert!(filed.starts_with("X-Poste: 1 ") && filed.contains("\nSubject: at rest\n"), "{filed}");
    assert!(filed.ends_with("\n\ngrüße\nan bob\n"), "{filed}");
    assert_eq!(filed, raw);

    // With a passphrase the same, through the terminal on which age asks.
    fs::remove_file(alice.dir.join("key")).unwrap();
    let passphrase = "echo correct horse | POSTE_PASSPHRASE_FD=0";
    shell(&alice, &format!("{passphrase} '{POSTE}' --home .. passphrase"));
    shell(
        &alice,
        "printf 'correct horse\\n' | script -qec 'age -d -o ../locked keys/locked.age' /dev/null",
    );
    shell(&alice, &format!("{ARCHIVE} ../locked >../key"));
    assert_eq!(opened(&alice), filed);
}
