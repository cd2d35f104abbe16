//! A mail of many cells by the real programs: sent and fetched with `sync --now` it comes back byte
//! for byte, and a kill in the middle of queueing or exchanging it costs only repeats.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, POSTE};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes that do not repeat, in a file.
fn film(dir: &Path, length: usize) -> (String, Vec<u8>) {
    let mut state = length as u64;
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    let path = dir.join("film.webm");
    std::fs::write(&path, &bytes).unwrap();
    (path.display().to_string(), bytes)
}

/// That the message with this subject came once, with the file as it was sent.
fn came_once(home: &Home, folder: &str, subject: &str, bytes: &[u8]) {
    let list = home.ok(&["list", folder, "-l"]);
    let lines: Vec<&str> = list.lines().filter(|line| line.ends_with(subject)).collect();
    assert_eq!(lines.len(), 1, "{subject} in:\n{list}");
    let id = lines[0].split('\t').next().unwrap();
    let output = home.run(&["show", id, "--part", "2"], b"");
    assert!(output.status.success() && output.stdout == bytes, "{subject} came changed");
    assert!(home.ok(&["show", id]).contains("film.webm"));
}

#[test]
fn three_mebibytes_arrive_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let (path, bytes) = film(dir.path(), 3 << 20);
    bob.ok_with(&["send", "alice", "-s", "film.", "-a", &path], b"look\n");
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync", "--now"]);
    let outbox = bob.ok(&["outbox"]);
    assert!(outbox.contains("\tposted\t") && outbox.contains("\t0/1062\n"), "{outbox}");
    bob.ok(&["sync", "--now"]);
    let outbox = bob.ok(&["outbox"]);
    assert!(outbox.contains("\tpartly\t") && outbox.contains("\t1062/1062\n"), "{outbox}");
    assert!(bob.ok(&["status"]).contains("0 queued, 1 posted"), "what has left in part has left");
    alice.ok(&["sync", "--now"]);
    bob.ok(&["sync", "--now"]);
    assert!(bob.ok(&["outbox"]).contains("\tacknowledged\t"));
    came_once(&alice, "bob", "film.", &bytes);
    came_once(&bob, "alice", "film.", &bytes);
}

/// Runs a command that is killed at its `at`th call of a family; whether it came that far.
fn killed(home: &Home, args: &[&str], calls: &str, at: usize) -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={at}")]).arg(POSTE);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("POSTE_HOME", &home.dir).args(args);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{args:?} {calls} {at}: {status}");
    !status.success()
}

#[test]
fn kills_at_any_step_cost_only_repeats() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let (path, bytes) = film(dir.path(), 120_000);
    let mut kills = 0;
    let families = ["fsync,fdatasync", "rename,renameat,renameat2", "unlink", "pwrite64,sendto"];
    for (round, calls) in families.into_iter().enumerate() {
        let subject = format!("film {round}.");
        let send = ["send", "alice", "-s", &subject, "-a", &path];
        let mut queued = false;
        for at in 1..6 {
            let before = bob.ok(&["outbox"]).lines().count();
            if !queued {
                kills += usize::from(killed(&bob, &send, calls, at));
                queued = bob.ok(&["outbox"]).lines().count() > before;
            }
        }
        if !queued {
            bob.ok_with(&send, b"");
        }
        for at in [1, 2, 3, 4, 6, 8, 11, 15, 20] {
            kills += usize::from(killed(&bob, &["sync", "--now"], calls, at));
            kills += usize::from(killed(&alice, &["sync", "--now"], calls, at));
        }
        for _ in 0..4 {
            bob.ok(&["sync", "--now"]);
            alice.ok(&["sync", "--now"]);
        }
        bob.ok(&["sync", "--now"]);
        came_once(&alice, "bob", &subject, &bytes);
        came_once(&bob, "alice", &subject, &bytes);
        let outbox = bob.ok(&["outbox"]);
        assert!(!outbox.contains("\tpartly\t") && !outbox.contains("\tposted\t"), "{outbox}");
    }
    assert!(kills >= 30, "only {kills} kills");
    // What a kill left of a file that was being written goes after 36 hours.
    let left = std::fs::read_dir(alice.dir.join("state/enclosures")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| !name.starts_with(".new-")).collect();
    assert_eq!(left, Vec::<String>::new());
}
