//! The tree without a mail program, through the real program: completion of addresses, searching,
//! flags, deleting, moving (poste(1), Reading and Writing).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Output;

fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

fn json(home: &Home, args: &[&str]) -> Value {
    serde_json::from_str(&home.ok(&[args, &["--json"]].concat())).unwrap()
}

/// Alice with mail of bob's and her own.
fn mailbox(dir: &Path, node: &Node) -> (Home, Home) {
    let (alice, bob) = programs::acquainted(dir, &node.url);
    bob.ok_with(
        &["send", "alice", "-s", "Grüße aus ÖDE", "-a", "/etc/hostname"],
        "Tee um vier\n".as_bytes(),
    );
    bob.ok_with(&["send", "alice", "-s", "plans"], b"tea at five, or coffee\n");
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync"]);
    alice.ok_with(&["send", "bob", "-s", "Re: plans"], b"COFFEE then\n");
    (alice, bob)
}

#[test]
fn a_mail_program_completes_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let carol = Home::init(dir.path(), "carol", &node.url);
    alice.ok(&["add", "robin", &carol.card().display().to_string()]);
    let all = alice.ok(&["query"]);
    let lines: Vec<_> = all.lines().collect();
    assert_eq!(
        lines,
        ["2 addresses", "bob@poste\tbob\tunconfirmed", "robin@poste\tcarol\tunconfirmed"]
    );
    let found = |text: &str| {
        let output = alice.run(&["query", text], b"");
        let out = String::from_utf8(output.stdout).unwrap();
        let names = out.lines().skip(1).map(|line| line.split('@').next().unwrap().to_owned());
        (output.status.code().unwrap(), names.collect::<Vec<_>>())
    };
    let fingerprint = alice.ok(&["contacts"]).split('#').nth(1).unwrap()[..8].to_owned();
    for (text, names) in [
        ("BO", &["bob"][..]),
        ("Caro", &["robin"]),
        ("robin@poste", &["robin"]),
        ("ob", &["bob", "robin"]),
        (&fingerprint, &["bob"]),
    ] {
        assert_eq!(found(text), (0, names.iter().map(|n| (*n).to_owned()).collect()), "{text}");
    }
    assert_eq!(found("nobody"), (67, vec![]));
    assert_eq!(json(&alice, &["query", "bob"])[0]["address"], "bob@poste");
    alice.ok(&["block", "bob"]);
    assert_eq!(found("bob"), (67, vec![]), "nobody writes to the blocked");
    drop(bob);
}

#[test]
fn all_words_are_found_wherever_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = mailbox(dir.path(), &node);
    let count = |args: &[&str]| alice.ok(&[&["search"], args].concat()).lines().count();
    for (args, found) in [
        (&["tee um vier"][..], 1),
        (&["öde"], 1),
        (&["COFFEE"], 2),
        (&["coffee", "tea"], 1),
        (&["coffee", "nowhere"], 0),
        (&["plans"], 2),
        (&["plans", "--from", "bob"], 1),
        (&["plans", "--from", "me"], 1),
        (&["hostname"], 1),
        (&["plans", "--since", "2020-01-01"], 2),
        (&["plans", "--since", "2999-01-01T00:00"], 0),
        (&["X-Poste"], 0),
    ] {
        assert_eq!(count(args), found, "{args:?}");
    }
    assert_eq!(status(&alice.run(&["search"], b"")), Some(64));
    assert_eq!(status(&alice.run(&["search", "x", "--from", "nobody"], b"")), Some(67));
    let found = json(&alice, &["search", "coffee", "--from", "me"]);
    assert_eq!((&found[0]["from"], &found[0]["subject"]), (&"me".into(), &"Re: plans".into()));
    // The paths are as good as those of list.
    let paths = alice.ok(&["search", "coffee"]);
    assert!(alice.ok_with(&["show"], paths.as_bytes()).contains("tea at five"));
    let paths = alice.ok(&["search", "coffee"]);
    assert!(alice.ok(&["list"]).contains(alice.ok(&["search", "tee um"]).trim()));

    // One that does not open stops no other.
    let broken = alice.ok(&["search", "tee um"]);
    std::fs::write(broken.trim(), "age-encryption.org/v1\n").unwrap();
    let output = alice.run(&["search", "coffee"], b"");
    assert_eq!((status(&output), output.stdout.as_slice()), (Some(65), paths.as_bytes()));
    assert!(String::from_utf8_lossy(&output.stderr).contains(broken.trim()));
    drop(bob);
}

#[test]
fn searching_does_not_mark_and_many_are_searched() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = mailbox(dir.path(), &node);
    let unread = alice.ok(&["list", "-u"]);
    let (mut mbox, date) = (String::new(), date());
    for n in 0..600 {
        mbox += &format!(
            "From x Thu Jan  1 00:00:00 2026\nFrom: bob@poste\nTo: me@poste\nSubject: number {n}\n\
             Date: {date}\n\nneedle{n}needle\n\n"
        );
    }
    let path = dir.path().join("bob.mbox");
    std::fs::write(&path, mbox).unwrap();
    alice.ok(&["import", "--into", "bob", path.to_str().unwrap()]);
    assert_eq!(alice.ok(&["search", "needle"]).lines().count(), 600);
    let one = alice.ok(&["search", "needle599needle"]);
    assert!(alice.ok(&["show", one.trim()]).contains("number 599"));
    let still = alice.ok(&["list", "-u"]);
    assert!(unread.lines().all(|path| still.contains(path)));
}

/// A date of today, by whose key anything can be filed.
fn date() -> String {
    let output = std::process::Command::new("date").args(["-uR"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn flags_are_set_and_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = mailbox(dir.path(), &node);
    let path = alice.ok(&["search", "coffee", "--from", "bob"]).trim().to_owned();
    assert!(path.contains("/new/"), "{path}");
    let mark =
        |flags: &[&str], path: &str| alice.ok(&[&["mark", path], flags].concat()).trim().to_owned();
    let path = mark(&["--seen", "--flagged"], &path);
    assert!(path.ends_with(":2,FS"), "{path}");
    let path = mark(&["--unseen", "--replied"], &path);
    assert!(path.ends_with(":2,FR"), "{path}");
    assert!(alice.ok(&["list", "-u"]).contains(&path));
    let path = mark(&["--unflagged", "--unreplied"], &path);
    assert!(path.ends_with(":2,"), "{path}");
    assert!(Path::new(&path).exists());
    let unread = alice.ok(&["list", "-u"]);
    assert!(unread.lines().count() >= 2);
    alice.ok_with(&["mark", "--seen"], unread.as_bytes());
    assert_eq!(alice.ok(&["list", "-u"]), "");
    let said = json(&alice, &["mark", "--flagged", &path]);
    assert_eq!(said[0]["flags"], "FS");
    for bad in [&["mark", path.as_str()][..], &["mark", &path, "--seen", "--unseen"]] {
        assert_eq!(status(&alice.run(bad, b"")), Some(64), "{bad:?}");
    }
    assert_eq!(status(&alice.run(&["mark", "--seen", "ffffffffffffffff"], b"")), Some(66));
}

#[test]
fn what_is_deleted_stays_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = mailbox(dir.path(), &node);
    let found = alice.ok(&["search", "coffee"]);
    assert_eq!(alice.ok_with(&["delete"], found.as_bytes()), found, "the paths are printed");
    assert_eq!(alice.ok(&["search", "coffee"]), "");
    // Bob repeats nothing that was acknowledged, and a copy that came again would be known.
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    assert_eq!(alice.ok(&["search", "coffee"]), "");
    let path = alice.ok(&["search", "welcome"]);
    let id = path.rsplit('/').next().unwrap().split('.').nth(1).unwrap().to_owned();
    assert_eq!(json(&alice, &["delete", &id])[0]["folder"], "bob");
    assert_eq!(status(&alice.run(&["delete", &id], b"")), Some(66));
}

#[test]
fn messages_move_between_folders_that_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = mailbox(dir.path(), &node);
    let found = alice.ok(&["search", "coffee"]);
    let paths: Vec<&str> = found.lines().collect();
    let refused = alice.run(&[&["move"], &paths[..], &["archive"]].concat(), b"");
    assert_eq!(status(&refused), Some(67));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--make"));
    let moved = alice.ok(&[&["move", "--make"], &paths[..], &["archive"]].concat());
    assert!(moved.lines().all(|path| path.contains("/archive/")) && moved.lines().count() == 2);
    assert_eq!(alice.ok(&["list", "archive"]), moved);
    assert!(alice.ok(&["verify", moved.lines().next().unwrap()]).contains("holds"));
    for bad in ["quarantine", "requests"] {
        let first = moved.lines().next().unwrap();
        assert_eq!(status(&alice.run(&["move", first, bad], b"")), Some(65), "{bad}");
    }
    let first = moved.lines().next().unwrap();
    assert_eq!(json(&alice, &["move", first, "inbox"])[0]["folder"], "inbox");
    assert_eq!(status(&alice.run(&["move", "bob"], b"")), Some(64));
    assert_eq!(status(&alice.run(&["move", moved.lines().nth(1).unwrap(), "../x"], b"")), Some(64));
}

/// Names of directories are bytes.
#[test]
fn what_was_written_is_told_of_where_paths_are_no_text() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let bob = Home::init(dir.path(), "bob", &node.url);
    let alice = Home { dir: dir.path().join(OsStr::from_bytes(b"odd\xff")) };
    alice.ok(&["init", "--no-passphrase", "--node", &node.url]);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let forged = alice.ok_with(&["forge", "--from", "bob", "--json"], b"Subject: x\n\nx\n");
    let forged: Value = serde_json::from_str(&forged).unwrap();
    let id = forged[0]["id"].as_str().unwrap();
    assert_eq!(json(&alice, &["mark", "--flagged", id])[0]["flags"], "F");
    assert_eq!(json(&alice, &["move", "--make", id, "kept"])[0]["folder"], "kept");
}
