//! What somebody between the real client and a real relay sees, with a pace: two homes that are
//! alike but for their mail make the same requests, of the same sizes, in the same order, uploads
//! on other connections than downloads, and after the same pause. `sync --now` is told from them.
//! Specified in poste-protocol(7), A sync from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/overheard.rs"]
mod overheard;
#[path = "common/programs.rs"]
mod programs;

use overheard::{Heard, listen_in, requests};
use programs::{Home, Node};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A sync as it was seen: the heads and the sizes of bodies, connection by connection in order; and
/// how long it was still between the last download and the first upload.
fn seen(home: &Home, args: &[&str], heard: &Heard) -> (Vec<Vec<(String, usize)>>, Duration) {
    heard.lock().unwrap().clear();
    home.ok(args);
    // What the last connections said has been passed on.
    thread::sleep(Duration::from_millis(100));
    let talks = std::mem::take(&mut *heard.lock().unwrap());
    let (mut trace, mut down, mut up) = (Vec::new(), None, None);
    for talk in &talks {
        let talk = talk.lock().unwrap();
        let requests: Vec<_> =
            requests(&talk.said).into_iter().map(|(head, body)| (head, body.len())).collect();
        let uploads = requests.iter().filter(|(head, _)| head.starts_with("POST ")).count();
        assert!(
            [0, requests.len()].contains(&uploads),
            "both ways on one connection: {requests:?}"
        );
        match uploads {
            0 => down = down.max(talk.answered),
            _ => up = [up, talk.began].into_iter().flatten().min(),
        }
        trace.push(requests);
    }
    let still = up.zip(down).map(|(up, down)| up.saturating_duration_since(down));
    (trace, still.unwrap_or_default())
}

fn copy(home: &Home, to: &Path) -> Home {
    let done = Command::new("cp").arg("-a").arg(&home.dir).arg(to).status().unwrap();
    assert!(done.success());
    Home { dir: to.to_owned() }
}

#[test]
fn a_busy_home_looks_like_an_idle_one() {
    // Another hour has other buckets, for both: what was compared across its turn says nothing.
    assert!((0..3).any(|_| busy_and_idle_in_one_hour()), "no hour was long enough");
}

/// Whether all was compared before the hour turned.
fn busy_and_idle_in_one_hour() -> bool {
    let hour = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3600;
    let began = hour();
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (url, heard) = listen_in(&node.url);
    let (alice, bob) = programs::acquainted(dir.path(), &url);
    alice.ok(&["sync", "--daily"]);
    let film = dir.path().join("film");
    let bytes: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    std::fs::write(&film, bytes).unwrap();
    // Mail for alice, so that there is something to open and to acknowledge.
    for number in 0..3 {
        bob.ok_with(&["send", "alice", "-s", &number.to_string()], b"read me\n");
    }
    bob.ok(&["sync", "--now"]);
    for (number, options) in [&["sync"][..], &["sync", "--daily"]].into_iter().enumerate() {
        let idle = copy(&alice, &dir.path().join(format!("idle{number}")));
        let busy = copy(&alice, &dir.path().join(format!("busy{number}")));
        for _ in 0..12 {
            busy.ok_with(&["send", "bob", "-s", "flood"], "many words\n".repeat(250).as_bytes());
        }
        busy.ok_with(&["send", "bob", "-s", "slow", "--daily"], b"by the day\n");
        busy.ok_with(&["send", "bob", "-s", "film", "-a", film.to_str().unwrap()], b"look\n");
        let (trace, still) = seen(&idle, options, &heard);
        for _ in 0..2 {
            let (other, pause) = seen(&busy, options, &heard);
            if hour() != began {
                return false;
            }
            assert_eq!(trace, other, "{options:?}");
            for pause in [still, pause] {
                let pause = pause.as_millis();
                assert!((490..5000).contains(&pause), "{pause} ms between down and up");
            }
        }
        // The measure is no blind one.
        let (now, _) = seen(&busy, &["sync", "--now"], &heard);
        assert_ne!(trace, now);
    }
    true
}

#[test]
fn a_sync_without_pace_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let said = |args: &[&str]| {
        let output = alice.run(args, b"");
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap().matches("without pace").count()
    };
    assert_eq!((said(&["sync", "--now"]), said(&["sync"])), (1, 0));
}
