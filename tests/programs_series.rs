//! `poste card renew` and `card end` by the real programs: with a letter on its way, with a
//! passphrase, and what a script is told.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, acquainted};
use std::fs;

fn exchange(alice: &Home, bob: &Home) {
    for home in [alice, bob, alice, bob] {
        home.ok(&["sync"]);
    }
}

#[test]
fn new_keys_are_told_and_the_conversation_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    exchange(&alice, &bob);
    let link = alice.ok(&["card"]);
    let before = bob.ok(&["list", "alice"]).lines().count();
    alice.ok_with(&["send", "bob", "-s", "queued before"], b"queued before\n");
    let output = alice.run(&["card", "renew", "-v"], b"");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), link, "the identity stays");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("tells 1 contact") && said.contains("poste publish"), "{said}");
    exchange(&alice, &bob);
    bob.ok_with(&["send", "alice", "-s", "to the new keys"], b"to the new keys\n");
    exchange(&bob, &alice);
    let mails = bob.ok(&["list", "alice"]);
    assert_eq!(mails.lines().count(), before + 2, "{mails}");
    for (home, other) in [(&alice, "bob"), (&bob, "alice")] {
        for path in home.ok(&["list", other]).lines() {
            assert!(home.ok(&["verify", path]).starts_with("The authentication holds"));
        }
    }
    assert_eq!(alice.ok(&["quarantine"]) + &bob.ok(&["quarantine"]), "");
}

#[test]
fn the_last_card_is_refused_at_first_and_then_final() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    exchange(&alice, &bob);
    bob.ok(&["card", "end"]);
    exchange(&bob, &alice);
    let contacts = alice.ok(&["contacts"]);
    assert!(contacts.trim_end().ends_with("\tended"), "{contacts}");
    for args in [["card", "end"], ["card", "renew"]] {
        let output = bob.run(&args, b"");
        assert_eq!(output.status.code(), Some(78));
        assert!(String::from_utf8_lossy(&output.stderr).contains("ended"));
    }
    alice.ok(&["card", "renew"]);
    let output = alice.run(&["card", "end"], b"");
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("disclosed"));
}

#[test]
fn without_the_passphrase_nothing_is_begun() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let secret = dir.path().join("secret");
    fs::write(&secret, "correct horse\n").unwrap();
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("passphrase_command = \"cat {}\"\n{text}", secret.display()))
        .unwrap();
    let script = format!("exec 3<{}; exec {} passphrase", secret.display(), programs::POSTE);
    let set = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("POSTE_HOME", &alice.dir)
        .env("POSTE_PASSPHRASE_FD", "3")
        .output()
        .unwrap();
    assert!(set.status.success(), "{set:?}");
    let keys = alice.dir.join("share/keys/transit.toml");
    let before = fs::read(&keys).unwrap();
    fs::write(&secret, "wrong\n").unwrap();
    let output = alice.run(&["card", "renew"], b"");
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert_eq!(fs::read(&keys).unwrap(), before, "nothing was begun");
    fs::write(&secret, "correct horse\n").unwrap();
    alice.ok(&["card", "renew"]);
    assert_ne!(fs::read(&keys).unwrap(), before);
}
