//! What the real client says to a real relay, heard by somebody who listens in between: every body
//! posted is whole cells of 4096 bytes, and nothing but cells is ever sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/overheard.rs"]
mod overheard;
#[path = "common/programs.rs"]
mod programs;

use overheard::{listen_in, requests};

const CELL: usize = 4096;

#[test]
fn everything_posted_is_whole_cells() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (url, heard) = listen_in(&node.url);
    let (alice, bob) = programs::acquainted(dir.path(), &url);
    let file = dir.path().join("photo");
    std::fs::write(&file, (0..40_000_u32).map(|i| ((i * i) >> 3) as u8).collect::<Vec<_>>())
        .unwrap();
    alice.ok_with(&["send", "bob", "-s", "short"], b"x\n");
    alice.ok_with(&["send", "bob", "-s", "long"], "many words\n".repeat(900).as_bytes());
    alice.ok_with(&["send", "bob", "-s", "file", "-a", file.to_str().unwrap()], b"see there\n");
    alice.ok(&["sync"]);
    for options in [&["sync"][..], &["sync", "--now"], &["sync", "--daily"]] {
        bob.ok(options);
        alice.ok(options);
    }
    assert!(bob.ok(&["list", "alice"]).lines().count() >= 4, "all has arrived");

    let heard = heard.lock().unwrap();
    let requests: Vec<(String, Vec<u8>)> =
        heard.iter().flat_map(|talk| requests(&talk.lock().unwrap().said)).collect();
    let (mut posts, mut cells) = (0, Vec::new());
    for (first, body) in &requests {
        if first.starts_with("GET ") {
            assert!(body.is_empty(), "{first}");
            continue;
        }
        assert!(first.starts_with("POST /v1/hourly/") || first.starts_with("POST /v1/daily/"));
        assert!(!body.is_empty() && body.len() % CELL == 0, "{first}: {} bytes", body.len());
        posts += 1;
        cells.extend(body.chunks(CELL));
    }
    assert!(posts >= 8 && cells.len() >= 30, "{posts} posts, {} cells", cells.len());
    let sent = cells.len();
    cells.sort_unstable();
    cells.dedup();
    assert_eq!(cells.len(), sent, "no cell is posted twice");
}
