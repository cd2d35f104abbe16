//! What only a terminal sees, and what a pipe must not: progress on a line that is wiped again, no
//! colour, and a reader who goes away.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, POSTE};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs on a terminal; all that appeared there.
fn on_terminal(home: &Path, line: &str) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{POSTE} {line}"), "/dev/null"]).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm");
    command.env("COLUMNS", "80").env("POSTE_HOME", home);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn quiet(output: &Output) -> bool {
    output.stderr.is_empty()
}

#[test]
fn what_takes_long_says_on_a_terminal_how_far_it_is_and_wipes_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let init = format!("init --no-passphrase --node {}", node.url);
    let seen = on_terminal(&dir.path().join("fresh"), &init);
    let at = seen.find("making keys\r").unwrap_or_else(|| panic!("no progress: {seen:?}"));
    assert!(seen[at..].contains(&format!("\r{}\r", " ".repeat(11))), "{seen:?}");
    let seen = on_terminal(&dir.path().join("silent"), &format!("-q {init}"));
    assert!(seen.contains('#') && !seen.contains("making keys"), "{seen:?}");
    let piped = Home { dir: dir.path().join("piped") };
    let said = piped.run(&init.split(' ').collect::<Vec<_>>(), b"");
    assert!(said.status.success() && quiet(&said), "{said:?}");
    let alice = Home::init(dir.path(), "alice", &node.url);
    let bob = Home::init(dir.path(), "bob", &node.url);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    for number in 0..3 {
        let subject = number.to_string();
        alice.ok_with(&["forge", "--from", "bob", "-s", &subject], b"tea\n");
    }
    let archive = dir.path().join("a.tar").display().to_string();
    let (sync, export) = ("sync --now".to_owned(), format!("export --plain -o {archive}"));
    let import = format!("import --dry-run {archive}");
    for (line, progress) in [
        (&sync, format!("fetching from {}", node.url)),
        (&"sync".to_owned(), format!("posting to {}", node.url)),
        (&export, "messages read for the archive".to_owned()),
        (&import, "messages taken".to_owned()),
        (&"search tea".to_owned(), "searched 0 of 3 messages".to_owned()),
    ] {
        let _ = fs::remove_file(if line.starts_with("export") { &archive } else { "" });
        let seen = on_terminal(&alice.dir, line);
        let at = seen.find(&progress).unwrap_or_else(|| panic!("{line}: no {progress}: {seen:?}"));
        // Spaces over it, and then what is to stay.
        let wiped = seen[at..].contains(&format!("\r{}", " ".repeat(progress.len())));
        assert!(wiped, "{line}: {seen:?}");
        assert!(!seen.contains('\x1b'), "no colour, and no other trick: {seen:?}");
        let _ = fs::remove_file(if line.starts_with("export") { &archive } else { "" });
        let seen = on_terminal(&alice.dir, &format!("-q {line}"));
        assert!(!seen.contains(&progress), "{line}: {seen:?}");
        // In a pipe there is none.
        let _ = fs::remove_file(if line.starts_with("export") { &archive } else { "" });
        let args: Vec<&str> = line.split(' ').collect();
        let said = String::from_utf8(alice.run(&args, b"").stderr).unwrap();
        assert!(!said.contains(&progress) && !said.contains('\r'), "{line}: {said:?}");
    }
    let whole = dir.path().join("whole.tar").display().to_string();
    alice.ok(&["export", "--keys", "-o", &whole]);
    let seen = on_terminal(&dir.path().join("moved"), &format!("init --import {whole}"));
    let at = seen.find("0 files taken").unwrap_or_else(|| panic!("no progress: {seen:?}"));
    assert!(seen[at..].contains(&format!("\r{}\r", " ".repeat(13))), "{seen:?}");
    let seen = on_terminal(&dir.path().join("quiet"), &format!("-q init --import {whole}"));
    assert!(!seen.contains("files taken"), "{seen:?}");
}

#[test]
fn nothing_is_coloured_whatever_the_environment_says() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("nobody");
    for line in ["--help", "help send", "completions bash", "-V"] {
        assert!(!on_terminal(&home, line).contains('\x1b'), "{line}");
    }
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1")] {
        let output = Command::new(POSTE).arg("--nonsense").env(name, value).output().unwrap();
        assert!(!output.stderr.contains(&0x1b), "{name}");
    }
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let node = dir.path().join("node");
    fs::create_dir(&node).unwrap();
    let node = format!("file://{}", node.display());
    let alice = Home::init(dir.path(), "alice", &node);
    let bob = Home::init(dir.path(), "bob", &node);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    // More than a pipe holds, so that the writer is still at it.
    let date = Command::new("date").args(["-u", "-R"]).env("LC_ALL", "C").output().unwrap().stdout;
    let date = String::from_utf8(date).unwrap();
    let mut mbox = String::new();
    for number in 0..900 {
        mbox += &format!(
            "From bob@poste Sun Nov 22 10:00:00 2026\nFrom: bob@poste\nTo: me@poste\nSubject: {number}\n\
             Date: {}\n\ntea {number}\n\n",
            date.trim()
        );
    }
    let file = dir.path().join("many.mbox");
    fs::write(&file, mbox).unwrap();
    let imported = alice.run(&["import", "--into", "bob", file.to_str().unwrap()], b"");
    let paths = alice.ok(&["list"]);
    assert!(paths.len() > 70_000, "{} bytes are too few: {imported:?}", paths.len());
    for args in ["list", "list -l", "list --json", "search tea"] {
        let line = format!("{{ {POSTE} {args}; echo $? >&3; }} | head -n 1 >/dev/null");
        let mut command = Command::new("bash");
        let status = dir.path().join("status");
        command.args(["-c", &format!("exec 3>{}; {line}", status.display())]);
        let output = command.env("POSTE_HOME", &alice.dir).output().unwrap();
        assert!(output.status.success() && quiet(&output), "{args}: {output:?}");
        assert_eq!(fs::read_to_string(&status).unwrap(), "0\n", "{args}");
    }
}
