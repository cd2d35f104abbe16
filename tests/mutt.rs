//! Messages written in the real mutt, in a terminal, through `set sendmail="poste sendmail"`: they
//! travel, arrive, and carry nothing of the machine they were written on.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_message_written_in_mutt_arrives_without_its_traces() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let text = "Dear alice,\n\nhow about Friday?  — bob\n";
    mutt(dir.path(), &bob, &["-s", "written in mutt"], text);
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    let raw = alice.ok(&["show", "--raw", &find(&alice, "written in mutt")]);
    let (header, body) = raw.split_once("\n\n").unwrap();
    assert_eq!(body, text);
    assert!(header.contains("\nSubject: written in mutt"), "{header}");
    let host = String::from_utf8(Command::new("hostname").output().unwrap().stdout).unwrap();
    for trace in ["User-Agent", "Mutt", "root", &format!("@{}", host.trim())] {
        assert!(!header.contains(trace), "{trace} in:\n{header}");
    }
    assert!(header.lines().any(|l| l.starts_with("Date: ") && l.ends_with(":00 +0000")));
}

#[test]
fn a_file_attached_in_mutt_arrives_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let file = dir.path().join("photo.bin");
    let bytes: Vec<u8> = (0..20_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    mutt(dir.path(), &bob, &["-s", "with a file", "-a", &path, "--"], "see there\n");
    // It is more than the pace has room for.
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync"]);
    let output = alice.run(&["show", "--part", "2", &find(&alice, "with a file")], b"");
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
}

/// Runs mutt in tmux: it opens its compose menu with a text that its editor wrote, `y` sends it.
fn mutt(dir: &Path, home: &programs::Home, args: &[&str], text: &str) {
    let rc = dir.join("muttrc");
    std::fs::write(dir.join("text"), text).unwrap();
    let editor = dir.join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\ncat '{}' >\"$1\"\n", dir.join("text").display()))
        .unwrap();
    Command::new("chmod").arg("755").arg(&editor).status().unwrap();
    let settings = format!(
        "set sendmail=\"{} --home {} sendmail\"\nset sendmail_wait=0\nset editor={}\n\
         set hostname=poste copy=no folder={} spoolfile={} postponed={}\nset from=me@poste\n\
         set charset=utf-8 send_charset=us-ascii:utf-8\nset abort_unmodified=no\n",
        programs::POSTE,
        home.dir.display(),
        editor.display(),
        dir.display(),
        dir.join("spool").display(),
        dir.join("postponed").display(),
    );
    std::fs::write(&rc, settings).unwrap();
    let socket = dir.join("tmux").display().to_string();
    let tmux = |arguments: &[&str]| {
        let output = Command::new("tmux").args(["-S", &socket]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut command = format!("LANG=C.UTF-8 mutt -n -F {}", rc.display());
    for arg in args {
        command += &format!(" '{arg}'");
    }
    tmux(&[
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "100",
        "-y",
        "40",
        &format!("{command} alice@poste; echo status $?; sleep 30"),
    ]);
    let wait_for = |what: &str| {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let screen = tmux(&["capture-pane", "-p"]);
            if screen.contains(what) {
                return;
            }
            assert!(Instant::now() < until, "no {what:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // With the address and subject given, mutt asks for them once more.
    wait_for("To: alice@poste");
    tmux(&["send-keys", "Enter"]);
    wait_for("Subject:");
    tmux(&["send-keys", "Enter"]);
    wait_for("y:Send");
    tmux(&["send-keys", "y"]);
    wait_for("status 0");
    tmux(&["kill-server"]);
}

/// The message with a subject: within a minute messages stand in no order.
fn find(home: &programs::Home, subject: &str) -> String {
    let line = format!("\nSubject: {subject}\n");
    let paths = home.ok(&["list", "bob"]);
    let mut found = paths.lines().filter(|p| home.ok(&["show", "--raw", p]).contains(&line));
    found.next().expect("the message has arrived").to_owned()
}
