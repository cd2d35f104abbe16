//! The client against small servers on loopback that answer from a script: what is sent, what is
//! taken, and what happens when the server is broken or hostile. This file holds the servers; no
//! test reaches beyond loopback.

mod directory;
mod hostile;
mod socks;
mod tls;
mod wire;

use super::*;
use crate::core::bucket::CELL;
use crate::core::random::fixed::Fixed;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server that is there until the tests end. Counts connections and keeps what it was sent.
struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    /// Hands each connection to `talk`, with a place to note requests.
    fn new(talk: impl Fn(TcpStream, &Mutex<Seen>) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noted = seen.clone();
        let talk = Arc::new(talk);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                noted.lock().unwrap().connections += 1;
                let (talk, noted) = (talk.clone(), noted.clone());
                thread::spawn(move || talk(stream, &noted));
            }
        });
        Server { port, seen }
    }

    /// Answers every request with the same bytes, on kept connections.
    fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer = answer.into();
        Server::new(move |mut stream, seen| {
            while let Some(request) = read_request(&mut stream) {
                seen.lock().unwrap().requests.push(request);
                if stream.write_all(&answer).is_err() {
                    return;
                }
            }
        })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

/// A request, its body replaced by its length; `None` when the client is gone.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(format!("{head}[{length}]"))
}

/// An answer with the usual headers.
fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         date: Sun, 22 Nov 2026 14:00:00 GMT\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Waiting that ends soon.
fn impatient() -> Patience {
    Patience {
        connect: Duration::from_millis(700),
        idle: Duration::from_millis(400),
        whole: Duration::from_millis(900),
        pace: 64 << 20,
        longest: Duration::from_secs(60),
    }
}

fn net() -> Net {
    Net::new(Options { patience: impatient(), ..Options::default() }).unwrap()
}

fn own(url: &str) -> Address {
    Address::parse(url, Origin::Own).unwrap()
}

fn courier(url: &str) -> Box<dyn Courier> {
    net().courier(&own(url), &mut Fixed::new(1)).unwrap()
}

fn hourly() -> Bucket {
    "hourly/2026-11-22T14".parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// `count` cells under the prefix 4b.
fn cells(count: usize) -> Vec<u8> {
    vec![0x4b; count * CELL]
}

#[test]
fn long_transfers_are_given_more_time() {
    let patience = Patience::default();
    assert_eq!(patience.for_bytes(0), Duration::from_secs(60));
    assert_eq!(patience.for_bytes(1 << 20), Duration::from_secs(60 + 128));
}
