//! `kill -9` in the middle of writing and of exchanging: whichever call it falls on, the next run
//! goes on by itself, and each letter arrives once.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, killed};

const SYNCED: &str = "fsync,fdatasync";
const RENAMED: &str = "rename,renameat,renameat2";
const WRITTEN: &str = "write,pwrite64,writev,sendto";

/// Exchanges until nothing waits for an acknowledgement.
fn settle(alice: &Home, bob: &Home) {
    for _ in 0..4 {
        bob.ok(&["sync"]);
        alice.ok(&["sync"]);
        if bob.ok(&["outbox"]).is_empty() {
            return;
        }
    }
}

/// That `alice` has these subjects from `bob`, once each, and `bob` knows it.
fn arrived_once(alice: &Home, bob: &Home, subjects: &[String]) {
    settle(alice, bob);
    let list = alice.ok(&["list", "bob", "-l"]);
    for subject in subjects {
        let count = list.lines().filter(|line| line.ends_with(subject.as_str())).count();
        assert_eq!(count, 1, "{subject} in:\n{list}");
    }
    let outbox = bob.ok(&["outbox"]);
    assert!(!outbox.contains("queued") && !outbox.contains("posted"), "{outbox}");
}

#[test]
fn a_letter_survives_a_kill_while_it_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    settle(&alice, &bob);
    let (mut subjects, mut kills) = (Vec::new(), 0);
    for (calls, points) in
        [(SYNCED, &[1, 2, 3, 5][..]), (RENAMED, &[1, 2, 3]), (WRITTEN, &[1, 2, 4])]
    {
        for at in points {
            let subject = format!("queued {calls} {at}.");
            let send = ["send", "alice", "-s", &subject];
            let before = bob.ok(&["outbox"]).lines().count();
            kills += usize::from(killed(&bob, &send, calls, *at, b"hello\n"));
            // One who was not told that it is queued looks, and writes again if it is not.
            if bob.ok(&["outbox"]).lines().count() == before {
                bob.ok_with(&send, b"hello\n");
            }
            subjects.push(subject);
        }
    }
    assert!(kills >= 7, "only {kills} kills");
    arrived_once(&alice, &bob, &subjects);
}

#[test]
fn letters_survive_kills_while_they_are_exchanged() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    settle(&alice, &bob);
    let (mut subjects, mut kills) = (Vec::new(), 0);
    for (calls, points) in [(SYNCED, &[1, 4, 8][..]), (RENAMED, &[1, 3, 5]), (WRITTEN, &[1, 5, 9])]
    {
        for at in points {
            let subject = format!("exchanged {calls} {at}.");
            bob.ok_with(&["send", "alice", "-s", &subject], b"hello\n");
            kills += usize::from(killed(&bob, &["sync"], calls, *at, b""));
            bob.ok(&["sync"]);
            kills += usize::from(killed(&alice, &["sync"], calls, *at, b""));
            subjects.push(subject);
        }
    }
    assert!(kills >= 12, "only {kills} kills");
    arrived_once(&alice, &bob, &subjects);
}
