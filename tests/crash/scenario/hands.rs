//! Scenarios of single messages: carried by hand, doubted, marked, moved and deleted.

use super::{Again, Make, QUIET, ROUND, SEALED, Scenario, TEXT, World, ledger, ready};
use crate::check::Ledger;
use std::fs;

/// All of them.
pub const HANDS: [Make; 8] =
    [receive, sync_unproven, keep, discard, drop_letter, mark, delete, move_away];

fn receive() -> Scenario {
    let world = sealed_letter();
    let file = world.path("sealed.age");
    ready("receive", world, "alice", &["receive", &file], b"", Again::Same, ROUND, by_hand())
}

fn sync_unproven() -> Scenario {
    let all = unproven("quarantine");
    ready("sync unproven", doubted(), "alice", &["sync", "-v"], b"", Again::Same, &["alice"], all)
}

fn keep() -> Scenario {
    let (world, letter) = quarantined();
    let (args, all) = (["quarantine", "keep", &letter], unproven("bob"));
    ready("keep", world, "alice", &args, b"", Again::Or(66), &["alice"], all)
}

fn discard() -> Scenario {
    let (world, letter) = quarantined();
    let args = ["quarantine", "drop", &letter];
    let mut all = unproven("quarantine");
    all.remove(&("alice", "quarantine".into(), "doubted".into()));
    ready("quarantine drop", world, "alice", &args, b"", Again::Or(66), &["alice"], all)
}

fn drop_letter() -> Scenario {
    let world = World::acquainted();
    let bob = world.home("bob");
    bob.ok_with(&["send", "alice", "-s", "given up"], TEXT);
    let outbox = bob.ok(&["outbox"]);
    let line = outbox.lines().find(|line| line.contains("queued")).unwrap();
    let args = ["outbox", "drop", line.split('\t').next().unwrap()];
    let mut all = ledger(&[]);
    all.insert(("bob", "alice".into(), "given up".into()), 1..=1);
    ready("outbox drop", world, "bob", &args, b"", Again::Or(66), QUIET, all)
}

/// A letter of bob's that alice has, and what is in both homes.
fn hello() -> (World, String, Ledger) {
    let world = World::acquainted();
    let listed = world.home("alice").ok(&["list", "bob"]);
    let shown = |path: &&str| world.home("alice").ok(&["show", path]).contains("Subject: hello");
    let path = listed.lines().find(shown).unwrap().to_owned();
    (world, path, ledger(&[]))
}

fn mark() -> Scenario {
    let (world, path, all) = hello();
    let args = ["mark", &path, "--flagged", "--unseen"];
    ready("mark", world, "alice", &args, b"", Again::Same, QUIET, all)
}

fn delete() -> Scenario {
    let (world, path, mut all) = hello();
    all.remove(&("alice", "bob".into(), "hello".into()));
    ready("delete", world, "alice", &["delete", &path], b"", Again::Or(66), QUIET, all)
}

fn move_away() -> Scenario {
    let (world, path, mut all) = hello();
    let moved = all.remove(&("alice", "bob".into(), "hello".into())).unwrap();
    all.insert(("alice", "kept".into(), "hello".into()), moved);
    let args = ["move", &path, "kept", "--make"];
    ready("move", world, "alice", &args, b"", Again::Or(66), QUIET, all)
}

fn sealed_letter() -> World {
    let world = World::acquainted();
    let file = world.path("sealed.age");
    world.home("bob").ok_with(&["seal", "--to", "alice", "-o", &file], SEALED);
    world
}

/// A letter waits for alice, who has a clock that nobody confirms.
fn doubted() -> World {
    let world = World::acquainted();
    world.home("bob").ok_with(&["send", "alice", "-s", "doubted"], TEXT);
    world.home("bob").ok(&["sync"]);
    let config = world.home("alice").dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let doubting = text.replace("trust_clock = true", "trust_clock = false");
    assert_ne!(text, doubting);
    fs::write(config, doubting).unwrap();
    world
}

/// Alice has a letter of bob's in quarantine.
fn quarantined() -> (World, String) {
    let world = doubted();
    world.home("alice").ok(&["sync"]);
    let path = world.home("alice").ok(&["quarantine"]);
    (world, path.trim().to_owned())
}

/// What alice has, with the letter that proves nothing in a folder.
fn unproven(folder: &str) -> Ledger {
    let mut all = ledger(&[]);
    all.retain(|(who, ..), _| *who == "alice");
    all.insert(("alice", folder.into(), "doubted".into()), 1..=1);
    all
}

fn by_hand() -> Ledger {
    let mut all = ledger(&[]);
    for (who, folder) in [("bob", "alice"), ("alice", "bob")] {
        all.insert((who, folder.into(), "sealed".into()), 1..=1);
    }
    all
}
