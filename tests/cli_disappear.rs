//! Messages that disappear, through the real program: what is typed, what is shown, archives, and
//! `kill -9` while they go (poste(1), send).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, killed};
use std::fs;
use std::path::Path;

/// Alice, who has sent bob a letter for a week; both have it.
fn sent(dir: &Path, node: &Node) -> (Home, Home) {
    let (alice, bob) = programs::acquainted(dir, &node.url);
    alice.ok_with(&["send", "bob", "-s", "soon gone", "--expires", "7d"], b"read it soon\n");
    alice.ok(&["sync"]);
    bob.ok(&["sync"]);
    (alice, bob)
}

fn subjects(home: &Home) -> String {
    home.ok(&["list", "-l"])
}

/// Turns all times in the list of a home back by so many days, as if they had passed.
fn pass(home: &Home, days: u64) {
    let path = home.dir.join("state/expiring.toml");
    let text = fs::read_to_string(&path).unwrap();
    let back = |line: &str| match line.split_once(" = ") {
        Some((key @ ("expires" | "since"), time)) => {
            format!("{key} = {}\n", time.parse::<u64>().unwrap() - days * 86_400)
        }
        _ => format!("{line}\n"),
    };
    fs::write(&path, text.lines().map(back).collect::<String>()).unwrap();
}

#[test]
fn it_is_shown_when_a_message_disappears_and_then_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = sent(dir.path(), &node);
    let newest = bob.ok(&["search", "read it soon"]);
    let shown = bob.ok(&["show", newest.trim()]);
    assert!(shown.contains("\nExpires: ") && shown.contains("read it soon"), "{shown}");
    assert!(bob.ok(&["verify", newest.trim()]).contains("holds"));
    for home in [&alice, &bob] {
        pass(home, 6);
        home.ok(&["sync"]);
        assert!(subjects(home).contains("soon gone"));
        pass(home, 1);
        home.ok(&["sync"]);
        let left = subjects(home);
        assert!(!left.contains("soon gone") && left.contains("welcome"), "{left}");
        assert_eq!(fs::read_to_string(home.dir.join("state/expiring.toml")).unwrap(), "");
    }
}

#[test]
fn archives_keep_when_a_message_disappears() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = sent(dir.path(), &node);
    let list = bob.dir.join("state/expiring.toml");
    for form in [&[][..], &["--plain"], &["--mbox"]] {
        let tar = dir.path().join("out.tar").display().to_string();
        bob.ok(&[&["export", "alice", "-o", &tar], form].concat());
        let count = bob.ok(&["list"]).lines().count();
        for path in bob.ok(&["list", "alice"]).lines() {
            fs::remove_file(path).unwrap();
        }
        bob.ok(&["sync"]);
        pass(&bob, 14);
        bob.ok(&["sync"]);
        assert_eq!(fs::read_to_string(&list).unwrap(), "", "a message that is gone is forgotten");
        bob.ok(&["import", "--into", "alice", &tar]);
        assert_eq!(bob.ok(&["list"]).lines().count(), count, "{form:?}");
        assert!(fs::read_to_string(&list).unwrap().contains("lasts = 604800\n"), "{form:?}");
        fs::remove_file(&tar).unwrap();
    }
    // Foreign mail means something else by it.
    let mbox = "From x Thu Jan  1 00:00:00 2026\nFrom: news@example.org\nSubject: news\n\
        Date: Sun, 01 Nov 2026 10:11:00 +0000\nExpires: Mon, 02 Nov 2026 10:11:00 +0000\n\nnews\n";
    let news = dir.path().join("news.mbox");
    fs::write(&news, mbox).unwrap();
    bob.run(&["import", "--into", "alice", news.to_str().unwrap()], b"");
    assert_eq!(fs::read_to_string(&list).unwrap().matches("[[message]]").count(), 1);
}

#[test]
fn lengths_and_dates_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = programs::acquainted(dir.path(), &node.url);
    for bad in ["1", "59m", "soon", "-1d"] {
        let output = alice.run(&["send", "bob", "--expires", bad], b"x\n");
        assert_eq!(output.status.code(), Some(64), "{bad}");
    }
    let output = alice.run(&["sendmail", "bob"], b"Expires: in a week\n\nx\n");
    assert_eq!(output.status.code(), Some(65));
    let config = alice.dir.join("config/config.toml");
    let before = fs::read_to_string(&config).unwrap();
    for (line, says) in [
        ("expires = \"7d\"", "a table of names"),
        ("expires = { Bob = \"7d\" }", "lower case"),
        ("expires = { bob = \"30m\" }", "an hour at least"),
        ("expires = { bob = 7 }", "a text in quotes"),
    ] {
        fs::write(&config, format!("{before}{line}\n")).unwrap();
        let output = alice.run(&["list"], b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(78) && stderr.contains(says), "{line}: {stderr}");
    }
    fs::write(&config, format!("{before}expires = {{ bob = \"1d\" }}\n")).unwrap();
    alice.ok_with(&["send", "bob"], b"for a day\n");
    let newest = alice.ok(&["search", "for a day"]);
    assert!(alice.ok(&["show", newest.trim()]).contains("\nExpires: "));
    alice.ok(&["rename", "bob", "robert"]);
    assert!(fs::read_to_string(&config).unwrap().contains("expires = { \"robert\" = \"1d\" }"));
}

#[test]
fn a_kill_at_any_call_loses_no_other_message_and_it_goes_with_the_next_sync() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = sent(dir.path(), &node);
    pass(&alice, 7);
    let mut kills = 0;
    let copy = Home { dir: dir.path().join("copy") };
    let cp = |from: &Path, to: &Path| {
        let _ = fs::remove_dir_all(to);
        let status = std::process::Command::new("cp").arg("-a").args([from, to]).status();
        assert!(status.unwrap().success());
    };
    for calls in ["unlink", "unlinkat", "rename", "fsync"] {
        for at in 1.. {
            cp(&alice.dir, &copy.dir);
            let cut = killed(&copy, &["sync"], calls, at, b"");
            copy.run(&["sync"], b"");
            let left = subjects(&copy);
            assert!(
                !left.contains("soon gone") && left.contains("welcome"),
                "{calls} {at}: {left}"
            );
            if !cut {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 10, "{kills} kills");
}
