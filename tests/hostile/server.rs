//! A relay in the test, on loopback, that keeps what is posted and answers as it is told: well, or
//! in one of many bad ways. It speaks HTTP by hand, so that it can break every rule of it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub const CELL: usize = 4096;

/// A request, taken in whole.
pub struct Request {
    pub post: bool,
    /// `hourly/2026-11-22T14`.
    pub bucket: String,
    /// The digits asked for.
    pub prefix: String,
}

/// Cells by bucket.
pub type Store = BTreeMap<String, Vec<[u8; CELL]>>;

/// What is answered in place of the right thing.
pub type Answer = Arc<dyn Fn(&mut TcpStream, &Request, &Store) + Send + Sync>;

#[derive(Default)]
struct State {
    store: Store,
    gets: Option<Answer>,
    posts: Option<Answer>,
}

/// The relay.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                thread::spawn(move || talk(stream, &state));
            }
        });
        Server { url, state }
    }

    /// From now on every download is answered so.
    pub fn gets(&self, answer: &Answer) {
        self.state.lock().unwrap().gets = Some(answer.clone());
    }

    /// From now on every upload is answered so, and nothing is kept.
    pub fn posts(&self, answer: &Answer) {
        self.state.lock().unwrap().posts = Some(answer.clone());
    }

    /// From now on it is as good as any.
    pub fn behave(&self) {
        let mut state = self.state.lock().unwrap();
        (state.gets, state.posts) = (None, None);
    }
}

/// The cells of a bucket with a prefix, as a good relay gives them.
pub fn cells(store: &Store, request: &Request) -> Vec<[u8; CELL]> {
    let mut cells = store.get(&request.bucket).cloned().unwrap_or_default();
    cells.retain(|cell| hex(&cell[..2]).starts_with(&request.prefix));
    cells.sort_unstable();
    cells.dedup();
    cells
}

/// An answer of a good relay.
pub fn ok(stream: &mut TcpStream, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = put(stream, head.as_bytes()) && put(stream, body);
}

/// Whether the client still listens.
pub fn put(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Writes until the client hangs up, at most 1 GiB: a failing test must not fill the machine.
pub fn forever(stream: &mut TcpStream, bytes: &[u8], pause: Duration) {
    for _ in 0..(1 << 30) / bytes.len() {
        if !put(stream, bytes) {
            return;
        }
        thread::sleep(pause);
    }
}

fn talk(mut stream: TcpStream, state: &Mutex<State>) {
    loop {
        let Some((method, path, length)) = head(&mut stream) else { return };
        let mut parts = path.trim_start_matches("/v1/").splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let bucket = format!("{}/{}", part(), part());
        let request = Request { post: method == "POST", bucket, prefix: part() };
        let answer = {
            let state = state.lock().unwrap();
            if request.post { state.posts.clone() } else { state.gets.clone() }
        };
        if answer.is_none() || request.post {
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).is_err() {
                return;
            }
            if answer.is_none() && request.post {
                let mut state = state.lock().unwrap();
                let stored = state.store.entry(request.bucket.clone()).or_default();
                stored.extend(body.as_chunks::<CELL>().0);
            }
        }
        let Some(answer) = answer else {
            let body = if request.post {
                Vec::new()
            } else {
                cells(&state.lock().unwrap().store, &request)
            };
            ok(&mut stream, body.as_flattened());
            continue;
        };
        let store = state.lock().unwrap().store.clone();
        answer(&mut stream, &request, &store);
        // What was answered badly is the last thing on its connection.
        return;
    }
}

fn head(stream: &mut TcpStream) -> Option<(String, String, usize)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.split(' ');
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    Some((words.next()?.to_owned(), words.next()?.to_owned(), length))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
