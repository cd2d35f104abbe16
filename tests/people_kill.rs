//! `kill -9` at each call by which renaming, blocking and removing change the disk: the next command
//! goes on, and what a person sees is the state before or the one after, never a mixture.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, killed};
use std::path::Path;

/// Each is counted by itself.
const CALLS: [&str; 8] =
    ["fsync", "fdatasync", "syncfs", "rename", "renameat2", "unlink", "unlinkat", "rmdir"];

/// Runs `attempt`, which says whether a kill cut it short, for the first, second, … of each call,
/// until one runs to its end. Gives the number of kills.
fn at_each_call(mut attempt: impl FnMut(&str, usize) -> bool) -> usize {
    CALLS.iter().map(|calls| (1..).take_while(|at| attempt(calls, *at)).count()).sum()
}

/// Alice and bob, who know each other; alice has three messages in the folder.
fn acquainted(parent: &Path, node: &Node) -> (Home, Home) {
    let (alice, bob) = programs::acquainted(parent, &node.url);
    bob.ok_with(&["send", "alice", "-s", "third"], b"third\n");
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    (alice, bob)
}

fn names(home: &Home) -> Vec<String> {
    let list = home.ok(&["contacts"]);
    list.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn a_rename_is_whole_after_a_kill_at_any_call() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node);
    let (mut here, mut there) = ("bob", "robert");
    let kills = at_each_call(|calls, at| {
        let cut = killed(&alice, &["rename", here, there], calls, at, b"");
        let now = names(&alice);
        assert!(now == [here] || now == [there], "{at}: {now:?}");
        assert_eq!(alice.ok(&["list", &now[0]]).lines().count(), 3, "{at}");
        let other = if now[0] == here { there } else { here };
        assert!(!alice.dir.join("share/mail").join(other).exists(), "{at}");
        if now[0] == there {
            (here, there) = (there, here);
        }
        cut
    });
    assert!(kills >= 10, "{kills} kills");
    bob.ok_with(&["send", "alice", "-s", "fourth"], b"fourth\n");
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    assert_eq!(alice.ok(&["list", here]).lines().count(), 4);
}

#[test]
fn a_removal_cut_short_anywhere_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node);
    let card = bob.card().display().to_string();
    let kills = at_each_call(|calls, at| {
        let cut = killed(&alice, &["remove", "bob"], calls, at, b"");
        alice.ok(&["sync"]);
        if names(&alice) == ["bob"] {
            alice.ok(&["remove", "bob"]);
        }
        assert_eq!(names(&alice), [""; 0], "{at}");
        assert_eq!(alice.ok(&["outbox"]) + &alice.ok(&["list"]), "", "{at}");
        assert!(!alice.dir.join("share/mail/bob").exists(), "{at}");
        let peers = std::fs::read_dir(alice.dir.join("state/peers")).unwrap().count();
        assert_eq!(peers, 0, "{at}");
        let keys = std::fs::read_to_string(alice.dir.join("share/keys/transit.toml")).unwrap();
        assert!(!keys.contains("[[given]]") && !keys.contains("[[received]]"), "{at}");
        alice.ok(&["add", "bob", &card]);
        alice.ok_with(&["send", "bob", "-s", "again"], b"again\n");
        alice.ok(&["sync"]);
        cut
    });
    assert!(kills >= 20, "{kills} kills");
}

#[test]
fn a_name_is_the_old_persons_or_the_new_ones_and_old_mail_verifies_throughout() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node);
    let other = Home::init(dir.path(), "robert", &node.url);
    let cards = [&bob, &other].map(|home| home.card().display().to_string());
    let messages = alice.ok(&["list", "bob"]);
    let mut turn = 1;
    let kills = at_each_call(|calls, at| {
        let card = &cards[turn];
        let cut = killed(&alice, &["add", "bob", card, "--replace"], calls, at, b"");
        assert_eq!(names(&alice).iter().filter(|name| *name == "bob").count(), 1, "{calls} {at}");
        for path in messages.lines() {
            let verdict = alice.ok(&["verify", path]);
            assert!(verdict.contains("holds"), "{calls} {at}: {verdict}");
        }
        alice.ok(&["add", "bob", card, "--replace"]);
        let contacts = alice.ok(&["contacts"]);
        assert_eq!(contacts.matches("\tformer").count(), 1, "{calls} {at}: {contacts}");
        turn = 1 - turn;
        cut
    });
    assert!(kills >= 6, "{kills} kills");
}

#[test]
fn a_block_holds_from_the_first_moment_on_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = acquainted(dir.path(), &node);
    let keys = alice.dir.join("share/keys/transit.toml");
    let kills = at_each_call(|calls, at| {
        alice.ok_with(&["send", "bob", "-s", "queued"], b"queued\n");
        let cut = killed(&alice, &["block", "bob"], calls, at, b"");
        let blocked = alice.ok(&["contacts"]).trim_end().ends_with("blocked");
        alice.ok(&["sync"]);
        let queued = alice.ok(&["outbox"]).lines().filter(|l| !l.contains("acknow")).count();
        let offered = std::fs::read_to_string(&keys).unwrap().contains("[[given]]");
        assert_eq!((queued == 0, offered), (blocked, !blocked), "{at}");
        assert!(cut || blocked);
        alice.ok(&["unblock", "bob"]);
        cut
    });
    assert!(kills >= 8, "{kills} kills");
}
