//! What is in a view when its command starts: the newest of each folder, however many newer ones
//! other folders have, and not yet all the rest (poste(1), view). Refuses a view that opens its
//! messages by their age alone, and one that starts the command before it has opened any.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use poste::core::time::{MINUTE, Time};
use programs::Home;
use std::fmt::Write;
use std::path::Path;
use viewed::{bob, scratch};

/// Messages of a folder that are there at once.
const SCREEN: usize = 100;

/// Imports so many messages of one's own to somebody, a minute between the one and the next.
fn import(bob: &Home, dir: &Path, name: &str, since: u64, count: u64) {
    let mut mbox = String::new();
    for number in 0..count {
        let date = Time::from_unix(since + number * MINUTE).rfc5322();
        write!(
            mbox,
            "From MAILER-DAEMON Sun Nov  1 10:11:00 2026\nFrom: me@poste\nTo: {name}@poste\n\
             Date: {date}\nMessage-ID: <{:032x}@poste>\nSubject: {number}\n\ntext\n\n",
            since + number
        )
        .unwrap();
    }
    let file = dir.join(name).with_extension("mbox");
    std::fs::write(&file, mbox).unwrap();
    bob.ok(&["import", file.to_str().unwrap(), "--into", name]);
}

/// The names without flags, in their order, which is that of time.
fn names(paths: &str) -> Vec<String> {
    let name = |path: &str| path.rsplit('/').next().unwrap().split(':').next().unwrap().to_owned();
    let mut names: Vec<String> = paths.lines().map(name).collect();
    names.sort();
    names
}

#[test]
fn the_first_screenful_of_each_folder_is_there_when_the_command_starts() {
    let dir = scratch();
    let bob = bob(dir.path(), 0);
    // All of carol's are older than all of alice's.
    import(&bob, dir.path(), "carol", 1_740_000_000, 120);
    import(&bob, dir.path(), "alice", 1_750_000_000, 700);
    let at = dir.path().join("view");
    // Nothing is opened while it looks.
    let script = "kill -STOP $PPID; cd \"$POSTE_VIEW\"; printf '%s\\n' alice/cur/* carol/cur/*; \
                  kill -CONT $PPID";
    let output = bob.ok(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", script]);
    let mut opened = 0;
    for (folder, count) in [("alice", 700), ("carol", 120)] {
        let all = names(&bob.ok(&["list", folder]));
        assert_eq!(all.len(), count);
        let begin = format!("{folder}/");
        let lines: Vec<&str> = output.lines().filter(|line| line.starts_with(&begin)).collect();
        let there = names(&lines.join("\n"));
        let missing = all[count - SCREEN..].iter().filter(|name| !there.contains(name)).count();
        assert_eq!(missing, 0, "of the newest {SCREEN} of {folder}: {} there", there.len());
        opened += there.len();
    }
    assert!(opened < 820, "the command does not wait for all of them");
}
