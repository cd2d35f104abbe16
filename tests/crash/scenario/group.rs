//! Scenarios of a group of two: made, joined, written to, changed and left.

use super::{Again, Make, Scenario, TEXT, World, ledger, ready};
use crate::check::Ledger;

/// Making it, and the invitation on its way.
pub const FOUNDED: [Make; 3] = [found, invite, hear];
/// Joining it, and what is written to it.
pub const JOINED: [Make; 4] = [join, write, post, come];
/// What becomes of it.
pub const CHANGED: [Make; 5] = [retitle, call, leave, forget, remove];

/// Until both have said and heard everything.
const TALK: &[&str] = &["bob", "alice", "bob", "alice", "bob", "alice", "bob"];

const INVITED: &str = "alice\tinvited\thearsay\nme\tcreator\t\n";
const BOTH: &str = "alice\tmember\t\nme\tcreator\t\n";

fn found() -> Scenario {
    let args = ["group", "new", "family", "alice"];
    let made = made("group new", World::acquainted(), "bob", &args, Again::Or(73), ledger(&[]));
    made.then(&[("bob", "family", INVITED)])
}

fn invite() -> Scenario {
    let all = ledger(&[]);
    made("sync invites", founded(), "bob", &["sync", "-v"], Again::Same, all)
        .then(&[("bob", "family", INVITED)])
}

fn hear() -> Scenario {
    let world = founded();
    world.home("bob").ok(&["sync"]);
    let all = ledger(&[]);
    made("sync is invited", world, "alice", &["sync", "-v"], Again::Same, all)
        .then(&[("bob", "family", INVITED)])
}

fn join() -> Scenario {
    let (world, id) = invited();
    let args = ["accept", &id, "kin"];
    made("accept of a group", world, "alice", &args, Again::Or(67), ledger(&[])).then(&JOINT)
}

/// Both are in it, by the view of both.
const JOINT: [(&str, &str, &str); 2] =
    [("bob", "family", BOTH), ("alice", "kin", "bob\tcreator\t\nme\tmember\t\n")];

fn write() -> Scenario {
    let args = ["send", "family", "-s", "to all"];
    let world = joined();
    made("send to a group", world, "bob", &args, Again::IfNotQueued, to_all()).then(&JOINT)
}

fn post() -> Scenario {
    made("sync to a group", written(), "bob", &["sync", "-v"], Again::Same, to_all()).then(&JOINT)
}

fn come() -> Scenario {
    let world = written();
    world.home("bob").ok(&["sync"]);
    made("sync in a group", world, "alice", &["sync", "-v"], Again::Same, to_all()).then(&JOINT)
}

fn retitle() -> Scenario {
    let args = ["group", "rename", "family", "The Family"];
    made("group rename", joined(), "bob", &args, Again::Same, ledger(&[])).then(&JOINT)
}

fn call() -> Scenario {
    let mut all = to_all();
    all.remove(&("bob", "family".to_owned(), "to all".to_owned()));
    all.insert(("bob", "folk".to_owned(), "to all".to_owned()), 1..=1);
    let args = ["rename", "family", "folk"];
    let called = made("rename of a group", come_to_all(), "bob", &args, Again::Or(67), all);
    called.then(&[("bob", "folk", BOTH), JOINT[1]])
}

fn leave() -> Scenario {
    let args = ["group", "leave", "kin"];
    let left = made("group leave", joined(), "alice", &args, Again::Same, ledger(&[]));
    left.then(&[("bob", "family", "alice\tleft\t\nme\tcreator\t\n")])
}

fn forget() -> Scenario {
    let world = come_to_all();
    world.home("alice").ok(&["group", "leave", "kin"]);
    assert!(world.settle(TALK).is_empty());
    let mut all = to_all();
    all.remove(&("alice", "kin".to_owned(), "to all".to_owned()));
    let gone = made("remove of a group", world, "alice", &["remove", "kin"], Again::Or(67), all);
    gone.then(&[("bob", "family", "alice\tleft\t\nme\tcreator\t\n")])
}

fn remove() -> Scenario {
    let args = ["group", "remove", "family", "alice"];
    let gone = made("group remove", joined(), "bob", &args, Again::Same, ledger(&[]));
    gone.then(&[("bob", "family", "alice\tremoved\t\nme\tcreator\t\n")])
}

fn made(
    name: &'static str,
    world: World,
    who: &'static str,
    args: &[&str],
    again: Again,
    ledger: Ledger,
) -> Scenario {
    ready(name, world, who, args, TEXT, again, TALK, ledger)
}

/// Bob has made a group and asked alice in; nothing of it is posted.
fn founded() -> World {
    let world = World::acquainted();
    world.home("bob").ok(&["group", "new", "family", "alice"]);
    world
}

/// Alice has heard of it; by which word she accepts.
fn invited() -> (World, String) {
    let world = founded();
    assert!(world.settle(TALK).is_empty());
    let groups = world.home("alice").ok(&["groups"]);
    let id = groups.split('\t').next().unwrap().to_owned();
    (world, id)
}

fn joined() -> World {
    let (world, id) = invited();
    world.home("alice").ok(&["accept", &id, "kin"]);
    assert!(world.settle(TALK).is_empty());
    world
}

fn written() -> World {
    let world = joined();
    world.home("bob").ok_with(&["send", "family", "-s", "to all"], TEXT);
    world
}

fn come_to_all() -> World {
    let world = written();
    assert!(world.settle(TALK).is_empty());
    world
}

/// A letter to the group, of both.
fn to_all() -> Ledger {
    let mut all = ledger(&[]);
    for (who, folder) in [("bob", "family"), ("alice", "kin")] {
        all.insert((who, folder.to_owned(), "to all".to_owned()), 1..=1);
    }
    all
}
