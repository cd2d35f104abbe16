//! What the real client says to a real relay, heard by somebody who listens in between: every body
//! posted is whole cells of 4096 bytes, and nothing but cells is ever sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const CELL: usize = 4096;

/// What clients said, a connection each.
type Heard = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// Passes everything on to `node` and keeps what clients said; its own URL.
fn listen_in(node: &str) -> (String, Heard) {
    let node = node.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Heard::default();
    let kept = heard.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, node) = (client.unwrap(), TcpStream::connect(&node).unwrap());
            let said = Arc::new(Mutex::new(Vec::new()));
            kept.lock().unwrap().push(said.clone());
            let (back, front) = (node.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pass(client, node, Some(&said)));
            thread::spawn(move || pass(back, front, None));
        }
    });
    (url, heard)
}

fn pass(mut from: TcpStream, mut to: TcpStream, said: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if let Some(said) = said {
            said.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// The requests of a connection: first line, and body.
fn requests(mut said: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut requests = Vec::new();
    while !said.is_empty() {
        let end = said.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&said[..end]).unwrap();
        let (first, fields) = head.split_once("\r\n").unwrap();
        let length = fields.lines().find_map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "no body of unknown length");
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
        });
        let (body, rest) = said[end + 4..].split_at(length.unwrap_or(0));
        requests.push((first.to_owned(), body.to_vec()));
        said = rest;
    }
    requests
}

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

    let heard: Vec<Vec<u8>> =
        heard.lock().unwrap().iter().map(|said| said.lock().unwrap().clone()).collect();
    let requests: Vec<(String, Vec<u8>)> = heard.iter().flat_map(|said| requests(said)).collect();
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
