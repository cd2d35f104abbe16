//! An export is read by the programs that other people have: tar, age, mutt, notmuch
//! (poste(1), export; poste-files(5), Archives). Needs `make deps`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn sh(script: &str, dir: &Path) -> String {
    let output = Command::new("sh").args(["-euc", script]).current_dir(dir).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Bob with mail of every kind, genuine and forged, and how much of it.
fn mailbox(dir: &Path, node: &Node) -> (Home, usize) {
    let (alice, bob) = programs::acquainted(dir, &node.url);
    alice.ok_with(&["send", "bob", "-s", "Grüße", "-a", "/etc/hostname"], "schöne\n".as_bytes());
    alice.ok_with(&["send", "bob", "-s", "quoted"], b"From here on\n>From there\n\nFrom b\n");
    alice.ok(&["sync", "--now"]);
    bob.ok(&["sync"]);
    bob.ok_with(&["forge", "--from", "alice", "-s", "forged"], b"never written");
    bob.ok_with(&["forge", "--from", "me", "--to", "alice", "-s", "mine"], b"nor this\n");
    let count = bob.ok(&["list"]).lines().count();
    assert!(count >= 6, "{count}");
    (bob, count)
}

#[test]
fn tar_and_age_open_what_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (bob, count) = mailbox(dir.path(), &node);
    bob.ok(&["export", "-o", dir.path().join("sealed.tar").to_str().unwrap()]);
    sh("mkdir out && tar -xf sealed.tar -C out", dir.path());
    let keys = bob.dir.join("share/keys").display().to_string();
    let transit = format!(r#"sed -n 's/^transit = "\(.*\)"/\1/p' {keys}/transit.toml"#);
    let archive = r#"sed -n 's/^archive = "\(.*\)"/\1/p'"#;
    sh(&format!("{transit} | age -d -i - {keys}/locked.age | {archive} >key"), dir.path());
    let files = sh("find out/mail -type f | sort", dir.path());
    assert_eq!(files.lines().count(), count, "{files}");
    for file in files.lines() {
        let opened = sh(&format!("age -d -i key {file}"), dir.path());
        assert_eq!(opened, bob.ok(&["show", "--raw", unique(file)]));
    }
    assert!(sh("age -d -i key out/contacts.age", dir.path()).contains("name = \"alice\""));
}

/// The part of a file's name by which a message is named.
fn unique(file: &str) -> &str {
    file.rsplit('/').next().unwrap().split('.').nth(1).unwrap()
}

#[test]
fn notmuch_finds_what_is_in_plain() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (bob, count) = mailbox(dir.path(), &node);
    bob.ok(&["export", "--plain", "-o", dir.path().join("plain.tar").to_str().unwrap()]);
    sh("mkdir box && tar -xf plain.tar -C box", dir.path());
    let config = format!(
        "[database]\npath={}/box/mail\n[user]\nname=bob\nprimary_email=me@poste\n[new]\ntags=new\n",
        dir.path().display()
    );
    std::fs::write(dir.path().join("config"), config).unwrap();
    let notmuch =
        |args: &str| sh(&format!("HOME=. NOTMUCH_CONFIG=$PWD/config notmuch {args}"), dir.path());
    let said = notmuch("new 2>&1");
    assert!(said.contains(&format!("Added {count} new messages")), "{said}");
    assert_eq!(notmuch("count '*'").trim(), count.to_string());
    let from = |who: &str| notmuch(&format!("count from:{who}@poste")).trim().parse::<usize>();
    assert_eq!(from("alice").unwrap() + from("me").unwrap(), count);
    for subject in ["Grüße", "forged", "mine"] {
        let found = notmuch(&format!("search --output=files subject:{subject}"));
        assert_eq!(found.lines().count(), 1, "{subject}: {found}");
    }
    assert_eq!(notmuch("count schöne").trim(), "1");
    assert_eq!(notmuch("count attachment:hostname").trim(), "1");
}

#[test]
fn mutt_reads_maildirs_and_mboxes() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (bob, count) = mailbox(dir.path(), &node);
    let in_folder = bob.ok(&["list", "alice"]).lines().count();
    assert_eq!(in_folder, count, "all of it is between the two");
    bob.ok(&["export", "--plain", "-o", dir.path().join("plain.tar").to_str().unwrap()]);
    bob.ok(&["export", "--mbox", "-o", dir.path().join("mbox.tar").to_str().unwrap()]);
    sh("tar -xf plain.tar && tar -xf mbox.tar", dir.path());
    for place in ["mail/alice", "alice.mbox"] {
        let screen = mutt(dir.path(), place, &format!("Msgs:{count}"));
        for subject in ["hello", "welcome", "Grüße", "quoted", "forged", "mine"] {
            assert!(screen.contains(subject), "{place}: no {subject} in\n{screen}");
        }
    }
}

/// What mutt shows of a mailbox, once it shows `what`.
fn mutt(dir: &Path, place: &str, what: &str) -> String {
    let socket = dir.join(place.replace('/', "-")).with_extension("tmux").display().to_string();
    let tmux = |arguments: &[&str]| {
        let output = Command::new("tmux").args(["-S", &socket]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let settings = "set charset=utf-8 folder=. spoolfile=/dev/null\n";
    std::fs::write(dir.join("muttrc"), settings).unwrap();
    let run = format!("cd {} && LANG=C.UTF-8 mutt -n -F muttrc -R -f {place}; cat", dir.display());
    tmux(&["-f", "/dev/null", "-u", "new-session", "-d", "-x", "100", "-y", "40", &run]);
    let until = Instant::now() + Duration::from_secs(30);
    let screen = loop {
        let screen = tmux(&["capture-pane", "-p"]);
        if screen.contains(what) || Instant::now() > until {
            break screen;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    tmux(&["kill-server"]);
    assert!(screen.contains(what), "{place}: no {what:?} on the screen:\n{screen}");
    screen
}
