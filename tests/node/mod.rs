//! What the tests of the node share: cells that can be told apart and found again in a store, a
//! clock with hands, plain HTTP over a socket, and the real program as a child.
//! Holds no test itself.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod clients;
pub mod faked;
pub mod redis;
pub mod world;

use poste::core::bucket::{Bucket, CELL};
use poste::core::time::Time;
use poste::node::clock::Clock;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Stands in every test cell.
pub const MARKER: &[u8] = b"this is a cell of a test";

/// A cell that no other pair of arguments gives; its first two bytes are `top`.
pub fn cell(top: u16, number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(top) ^ 0xabcd;
    let mut cell: Vec<u8> = (0..CELL)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    cell[..2].copy_from_slice(&top.to_be_bytes());
    cell[16..24].copy_from_slice(&number.to_be_bytes());
    cell[2000..2000 + MARKER.len()].copy_from_slice(MARKER);
    cell
}

/// The cells of a download, in its order.
pub fn cells(body: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(body.len() % CELL, 0, "a download is whole cells");
    body.chunks(CELL).map(<[u8]>::to_vec).collect()
}

/// Whether any file below `dir` holds a test cell.
pub fn holds_marker(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds_marker(&path);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(MARKER.len()).any(|window| window == MARKER)
    })
}

/// A directory in memory.
pub fn memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// A clock that is set by hand; the monotonic one goes on with it unless told otherwise.
pub struct Hands(Mutex<(u64, u64)>);

impl Hands {
    /// Shows `time`.
    pub fn at(time: Time) -> Hands {
        Hands(Mutex::new((time.unix(), 1_000)))
    }

    /// Time passes until it is `time`.
    pub fn pass(&self, time: Time) {
        let mut hands = self.0.lock().unwrap();
        hands.1 += time.unix().checked_sub(hands.0).expect("time passes forwards");
        hands.0 = time.unix();
    }

    /// Somebody sets the clock to `time`.
    pub fn set(&self, time: Time) {
        self.0.lock().unwrap().0 = time.unix();
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_unix(self.0.lock().unwrap().0)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.lock().unwrap().1)
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Connects, with timeouts that end a test that hangs.
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Reads one answer; `None` if the connection ended before it was whole.
pub fn reply(stream: impl Read) -> Option<Reply> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Reply { status, headers, body })
}

/// Sends `bytes` as they are and reads one answer.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    let mut stream = connect(to);
    // A node that has refused already may not read to the end.
    let _ = stream.write_all(bytes);
    reply(stream)
}

/// Downloads `path`.
pub fn get(to: SocketAddr, path: &str) -> Reply {
    raw(to, format!("GET {path} HTTP/1.1\r\nhost: node\r\n\r\n").as_bytes()).unwrap()
}

/// Uploads `body` to a bucket.
pub fn post(to: SocketAddr, bucket: Bucket, body: &[u8]) -> Option<Reply> {
    let length = body.len();
    let head =
        format!("POST /v1/{bucket} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n");
    raw(to, &[head.as_bytes(), body].concat())
}

/// By way of which [`Node::start`] runs all roles of the configuration instead of the relay alone:
/// the words that it adds are the program, `relay`, `--config` and the file.
pub const ALL_ROLES: [&str; 4] = ["sh", "-c", "exec \"$1\" run --config \"$4\"", "sh"];

/// The real program, killed when dropped.
pub struct Node {
    child: Process,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Node {
    /// Writes a configuration into `dir` unless there is one, and runs `posted relay` with it, by
    /// way of `wrapper` (such as `["faketime", …]`) and with `env`.
    pub fn start(dir: &Path, wrapper: &[&str], env: &[(&str, &str)]) -> Node {
        let config = dir.join("posted.toml");
        if !config.exists() {
            let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                        store = \"dir:store\"\ncapacity = \"1 GiB\"\n";
            std::fs::write(&config, text).unwrap();
        }
        let program = env!("CARGO_BIN_EXE_posted");
        let line: Vec<&str> = wrapper.iter().copied().chain([program]).collect();
        let log = dir.join("log");
        let child = Command::new(line[0])
            .args(&line[1..])
            .args(["relay", "--config"])
            .arg(&config)
            .envs(env.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = Process(child);
        let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("did not start: {seen}")).unwrap();
            seen += &line;
            seen += "\n";
            if let Some((_, address)) = line.split_once("relay at ") {
                break address.parse().unwrap();
            }
        };
        std::fs::write(&log, &seen).unwrap();
        let path = log.clone();
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            for line in lines.map_while(Result::ok) {
                writeln!(file, "{line}").unwrap();
            }
        });
        Node { child, address, log }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// How much of its memory is in swap, as proc(5) says it.
    pub fn swapped(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmSwap:")).unwrap();
        line.trim().to_owned()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }

    /// Kills it on the spot, as a crash would.
    pub fn kill(mut self) {
        // It may have been killed already.
        let _ = self.child.0.kill();
        self.child.0.wait().unwrap();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let id = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        self.child.0.wait().unwrap()
    }

    /// Where another of its roles listens.
    pub fn at(&self, role: &str) -> SocketAddr {
        let find = || {
            let (log, name) = (self.log(), format!("{role} at "));
            log.lines().find_map(|line| line.split_once(&name)?.1.parse().ok())
        };
        soon("it listens", || find().is_some());
        find().unwrap()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

/// A running program; killed when dropped, with what libfaketime left of it.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
        // What libfaketime has in a process that is killed stays behind.
        for file in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{file}{}", self.0.id()));
        }
    }
}

/// The library that gives a process another clock. It is loaded into the node itself: the program
/// faketime(1) would stand between, and leave the node behind when it is killed.
pub fn faketime() -> PathBuf {
    let mut libraries = walkdir::WalkDir::new("/usr/lib").max_depth(3).into_iter();
    libraries
        .find_map(|entry| {
            let path = entry.ok()?.into_path();
            path.ends_with("faketime/libfaketimeMT.so.1").then_some(path)
        })
        .expect("libfaketime is installed (make deps)")
}

/// Waits up to 10 s for something to become true.
pub fn soon(what: &str, check: impl Fn() -> bool) {
    within(10, what, check);
}

/// Waits up to so many seconds for something to become true.
pub fn within(seconds: u64, what: &str, check: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !check() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
