//! Somebody who listens between a client and a node, and what they hear.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// What was said on a connection, with when it began and when the last of the answers came.
pub struct Talk {
    pub began: Option<Instant>,
    pub said: Vec<u8>,
    pub answered: Option<Instant>,
}

/// All connections, in the order in which they came.
pub type Heard = Arc<Mutex<Vec<Arc<Mutex<Talk>>>>>;

/// Passes everything on to `node` and notes what clients said, and when; the address to go to.
pub fn listen_in(node: &str) -> (String, Heard) {
    let node = node.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Heard::default();
    let kept = heard.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, node) = (client.unwrap(), TcpStream::connect(&node).unwrap());
            let talk = Talk { began: None, said: Vec::new(), answered: None };
            let talk = Arc::new(Mutex::new(talk));
            kept.lock().unwrap().push(talk.clone());
            let (back, front) = (node.try_clone().unwrap(), client.try_clone().unwrap());
            let asks = talk.clone();
            thread::spawn(move || {
                pass(client, node, |said| {
                    let mut talk = asks.lock().unwrap();
                    talk.began.get_or_insert_with(Instant::now);
                    talk.said.extend_from_slice(said);
                });
            });
            thread::spawn(move || {
                pass(back, front, |_| talk.lock().unwrap().answered = Some(Instant::now()));
            });
        }
    });
    (url, heard)
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut note: impl FnMut(&[u8])) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        note(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// The requests of a connection, each a head and a body of the length that the head says.
pub fn requests(mut said: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut requests = Vec::new();
    while !said.is_empty() {
        let end = said.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&said[..end]).unwrap().to_owned();
        let length = head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "no body of unknown length");
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
        });
        let (body, rest) = said[end + 4..].split_at(length.unwrap_or(0));
        requests.push((head, body.to_vec()));
        said = rest;
    }
    requests
}
