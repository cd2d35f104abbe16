//! The hooks of the configuration by the real programs: what they are given, that they can call
//! poste while a sync runs, and that one which fails, or reads nothing, costs no mail.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, acquainted};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Adds hooks to the configuration.
fn hook(home: &Home, lines: &str) {
    let config = home.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.split("\n[hooks]").next().unwrap();
    fs::write(&config, format!("{text}\n[hooks]\n{lines}\n")).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn what_came_is_told_by_its_paths_and_hooks_may_call_poste() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    let log = dir.path().join("log");
    let poste = programs::POSTE;
    let lines = format!(
        "pre_sync = \"echo before $(id -u) >>{0}; echo from a hook | {poste} send bob -s hooked\"\n\
         post_sync = \"cat >>{0}; echo after >>{0}; {poste} list -u >>{0}; echo noise\"",
        log.display()
    );
    hook(&alice, &lines);
    let output = alice.run(&["sync", "--json"], b"");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(report.lines().count(), 1, "what a hook prints is no data: {report}");
    let said = read(&log);
    let unread = alice.ok(&["list", "-u"]);
    assert!(said.starts_with("before ") && said.ends_with(&format!("after\n{unread}")), "{said}");
    assert_eq!(said.lines().nth(1), Some("after"), "nothing came, so no path: {said}");

    fs::write(&log, "").unwrap();
    bob.ok(&["sync", "--now"]);
    assert!(bob.ok(&["list", "alice", "-l"]).contains("hooked"), "it went with the same sync");
    bob.ok_with(&["send", "alice", "-s", "one"], b"one\n");
    bob.ok_with(&["send", "alice", "-s", "two"], b"two\n");
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync"]);
    let said = read(&log);
    let paths: Vec<&str> = said.lines().skip(1).take_while(|line| *line != "after").collect();
    assert_eq!(paths.len(), 2, "{said}");
    let subjects = alice.ok(&[&["show"], &paths[..]].concat());
    assert!(subjects.contains("Subject: one") && subjects.contains("Subject: two"), "{subjects}");
    fs::write(&log, "").unwrap();
    alice.ok(&["sync", "--dry-run"]);
    assert_eq!(read(&log), "", "a dry run runs nothing");
}

#[test]
fn one_that_fails_or_reads_nothing_is_named_and_costs_no_mail() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    bob.ok_with(&["send", "alice", "-s", "nevertheless"], b"nevertheless\n");
    bob.ok(&["sync", "--now"]);
    hook(&alice, "pre_sync = \"exit 3\"\npost_sync = \"exec 0<&-; exit 4\"");
    let output = alice.run(&["sync"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("the hook pre_sync, \"exit 3\", failed: exit status: 3"), "{said}");
    assert!(said.contains("the hook post_sync") && said.contains("exit status: 4"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    assert_eq!(alice.ok(&["list", "bob", "-l"]).matches("nevertheless").count(), 1);
    hook(&alice, "post_sync = \"true\"");
    alice.ok(&["sync"]);
}

#[test]
fn a_card_that_was_published_is_told_of_once_it_is_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let (told, order) = (dir.path().join("told"), dir.path().join("order"));
    let config = alice.dir.join("config/config.toml");
    let text = read(&config).replace(
        "publish = [",
        &format!("publish = [\"!cat >/dev/null; echo place >>{}\", ", order.display()),
    );
    fs::write(&config, text).unwrap();
    hook(
        &alice,
        &format!("publish = \"cat >{}; echo hook >>{}\"", told.display(), order.display()),
    );
    alice.ok(&["publish"]);
    assert_eq!(read(&told), read(&alice.card()));
    assert_eq!(read(&order), "place\nhook\n", "each once");
    // While a place refuses it is not published.
    fs::remove_file(&told).unwrap();
    let card = alice.card();
    fs::remove_file(&card).unwrap();
    fs::create_dir(&card).unwrap();
    assert!(!alice.run(&["publish"], b"").status.success());
    assert!(!told.exists());
    // A sync publishes, and tells too.
    fs::remove_dir(&card).unwrap();
    let text = read(&config).replace("stamp_bits = 4", "stamp_bits = 5");
    fs::write(&config, text).unwrap();
    alice.ok(&["sync"]);
    assert_eq!(read(&told), read(&card));
    hook(&alice, "publish = \"exit 9\"");
    let output = alice.run(&["publish"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("the hook publish") && said.contains("exit status: 9"), "{said}");
}

#[test]
fn the_desktop_is_told_how_many_came_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    let told = dir.path().join("told");
    let fake = dir.path().join("notify-send");
    fs::write(&fake, format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >>{}\n", told.display())).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/notify.sh");
    let path = format!("PATH={}:$PATH", dir.path().display());
    hook(&alice, &format!("post_sync = \"{path} sh {}\"", script.display()));
    alice.ok(&["sync"]);
    assert!(!told.exists(), "nothing came");
    for count in [1, 2] {
        for _ in 0..count {
            bob.ok_with(&["send", "alice", "-s", "secret"], b"secret\n");
        }
        bob.ok(&["sync", "--now"]);
        alice.ok(&["sync"]);
    }
    let said = read(&told);
    let lines = ["1 new letter", "2 new letters"];
    let expected: String = lines.map(|text| format!("--app-name=poste poste {text}\n")).concat();
    assert_eq!(said, expected);
}

#[test]
fn a_sync_that_a_hook_begins_does_nothing_and_waits_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let other = Home::init(dir.path(), "other", &node.url);
    let (log, link) = (dir.path().join("log"), dir.path().join("link"));
    std::os::unix::fs::symlink(&alice.dir, &link).unwrap();
    let sync = |home: &Path, more: &str| {
        let poste = programs::POSTE;
        format!("{poste} --home {} --json sync {more} >>{}", home.display(), log.display())
    };
    hook(
        &alice,
        &format!(
            "pre_sync = \"{}; {}\"\npost_sync = \"{}; {}\"",
            sync(&alice.dir, "--wait-lock"),
            sync(&link, "--wait-lock"),
            sync(&alice.dir, ""),
            sync(&other.dir, ""),
        ),
    );
    // What the other home begins in turn, is begun by hooks of both.
    hook(&other, &format!("post_sync = \"{}\"", sync(&alice.dir, "")));
    let begun = std::time::Instant::now();
    alice.ok(&["sync"]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "one waited");
    let said = read(&log);
    let skipped = |line: &str| line.contains("\"skipped\":true");
    let lines: Vec<bool> = said.lines().map(skipped).collect();
    assert_eq!(lines, [true, true, true, true, false], "{said}");
    // It is the hook that keeps it from working, and not the home.
    alice.ok(&["sync"]);
    assert_eq!(read(&log).lines().count(), 10, "{said}");
}

#[test]
fn who_brings_up_a_home_is_told_what_its_hooks_run() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    hook(&alice, "post_sync = \"echo harm\"");
    let archive = dir.path().join("alice.tar");
    alice.run(&["export", "--keys", "-o", archive.to_str().unwrap()], b"");
    let other = Home { dir: dir.path().join("other") };
    let output = other.run(&["init", "--import", archive.to_str().unwrap()], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("hooks.post_sync is \"echo harm\""), "{said}");
}
