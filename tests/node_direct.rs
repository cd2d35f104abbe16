//! Answers that the real `posted` has the system send from the file of a bucket, over plain HTTP:
//! they are the same bytes, other requests may stand before and behind them on their connection, and
//! they end with the wipe, with a stop, and with the ban of their network as all others do.
//! What is held is poste-protocol(7), Relay, and posted(8), LIMITS.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::faked::{Faked, afternoon};
use node::{Node, Reply, cell, connect, get, holds_marker, memory, post, reply, soon};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::MINUTE;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// More than lies between the node and a reader who does not read.
const CELLS: u64 = 16 * 256;

/// A node with a closed hour, and its cells in order.
struct World {
    dir: tempfile::TempDir,
    faked: Faked,
    node: Node,
    hour: Bucket,
    cells: Vec<u8>,
}

impl World {
    fn new(more: &str) -> World {
        let dir = memory();
        let text = format!(
            "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
             {more}"
        );
        std::fs::write(dir.path().join("posted.toml"), text).unwrap();
        let faked = Faked::at(dir.path(), afternoon());
        let hour = Bucket::at(Class::Hourly, afternoon());
        let node = faked.start(dir.path());
        // In no order.
        let top = |n: u64| (n * 40_503) as u16;
        let mut cells: Vec<_> = (0..CELLS).map(|n| cell(top(n), n)).collect();
        for batch in cells.chunks(256) {
            assert_eq!(post(node.address, hour, &batch.concat()).unwrap().status, 200);
        }
        faked.set(hour.closes());
        soon("the hour is closed", || node.log().contains("closed hourly"));
        cells.sort();
        World { dir, faked, node, hour, cells: cells.concat() }
    }

    /// Sends requests at once over one connection.
    fn ask(&self, requests: &[(&str, &str)]) -> TcpStream {
        let request = |(path, headers): &(&str, &str)| {
            let path = path.replace("HOUR", &self.hour.to_string());
            format!("GET /v1/{path} HTTP/1.1\r\nhost: node\r\n{headers}\r\n")
        };
        let mut stream = connect(self.node.address);
        let all: String = requests.iter().map(request).collect();
        stream.write_all(all.as_bytes()).unwrap();
        stream
    }
}

/// Reads an answer and not a byte more.
fn answer(stream: &mut TcpStream) -> Option<Reply> {
    struct Careful<'a>(&'a mut TcpStream);
    impl Read for Careful<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            // What is read ahead is read byte by byte; what is longer is the body, and exact.
            let most = if out.len() > 8192 { out.len() } else { 1 };
            self.0.read(&mut out[..most])
        }
    }
    reply(Careful(stream))
}

#[test]
fn a_connection_ends_with_the_first_answer_after_the_hour_in_which_it_began() {
    let world = World::new("");
    let next = world.hour.next();
    for batch in world.cells.chunks(256 * CELL) {
        assert_eq!(post(world.node.address, next, batch).unwrap().status, 200);
    }
    // The hour passes while the system sends.
    let mut stream = world.ask(&[(&format!("{next}/"), "")]);
    stream.peek(&mut [0]).unwrap();
    world.faked.set(next.closes());
    soon("the next hour is closed", || world.node.log().contains(&format!("closed {next}")));
    let first = answer(&mut stream).unwrap();
    assert_eq!(first.body.len(), world.cells.len());
    assert_eq!(first.header("connection"), None, "it began before");
    stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: node\r\n\r\n").unwrap();
    let second = answer(&mut stream).unwrap();
    assert_eq!((second.status, second.header("connection")), (200, Some("close")));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn other_requests_stand_before_and_behind_on_the_same_connection() {
    let world = World::new("");
    let mut stream = world.ask(&[
        ("status", ""),
        ("HOUR/", ""),
        ("HOUR/", "range: bytes=5000-8000000\r\n"),
        ("HOUR/4", ""),
        ("HOUR/4bc", ""),
        ("HOUR/", "range: bytes=-600000\r\n"),
        ("HOUR/", "connection: close\r\n"),
        ("status", ""),
    ]);
    let cells = &world.cells;
    let under = |prefix: &str| -> Vec<u8> {
        let hex = |cell: &[u8]| format!("{:02x}{:02x}", cell[0], cell[1]);
        cells.chunks(CELL).filter(|cell| hex(cell).starts_with(prefix)).flatten().copied().collect()
    };
    let mut next = |status: u16| {
        let reply = answer(&mut stream).unwrap();
        assert_eq!(reply.status, status);
        reply.body
    };
    assert!(String::from_utf8(next(200)).unwrap().contains("upload_cells"));
    assert!(next(200) == *cells);
    assert!(next(206) == cells[5000..=8_000_000]);
    assert!(next(200) == under("4"));
    assert!(next(200) == under("4bc"));
    assert!(next(206) == cells[cells.len() - 600_000..]);
    assert!(next(200) == *cells);
    assert!(answer(&mut stream).is_none(), "the one before was to be the last");
    assert_eq!(get(world.node.address, "/v1/status").status, 200);
}

#[test]
fn a_reader_who_stalls_gets_nothing_more_after_the_wipe() {
    let world = World::new("");
    let mut stream = world.ask(&[("HOUR/", "")]);
    let mut got = vec![0; 100_000];
    stream.read_exact(&mut got).unwrap();
    world.faked.set(world.hour.wiped());
    soon("the hour is wiped", || !holds_marker(&world.dir.path().join("store")));
    // What had left the node before, and then the end.
    let _ = stream.read_to_end(&mut got);
    assert!(got.len() < world.cells.len(), "{} bytes", got.len());
    let body = got.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(got[body..] == world.cells[..got.len() - body]);
}

#[test]
fn a_reader_of_what_was_there_before_the_sorting_has_five_minutes() {
    let World { dir: _dir, faked, node, hour, .. } = World::new("capacity = \"64 MiB\"\n");
    let next = Bucket::at(Class::Hourly, hour.end());
    // Three of four under one digit, between the others.
    let digit = |n: u64| if n.is_multiple_of(4) { 0x1000 } else { 0x8000 };
    let top = |n: u64| digit(n) | (n * 40_503) as u16 & 0xfff;
    let mut cells: Vec<_> = (0..CELLS).map(|n| cell(top(n), CELLS + n)).collect();
    for batch in cells.chunks(256) {
        assert_eq!(post(node.address, next, &batch.concat()).unwrap().status, 200);
    }
    // Both ways that cells go: sent by the system, and read piece by piece.
    let streams = ["", "8"].map(|prefix| {
        let mut stream = connect(node.address);
        let request = format!("GET /v1/{next}/{prefix} HTTP/1.1\r\nhost: node\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.peek(&mut [0]).unwrap();
        stream
    });
    let fill = || {
        let status = String::from_utf8(get(node.address, "/v1/status").body).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix("saturation = "));
        value.unwrap().parse::<f64>().unwrap()
    };
    faked.set(next.closes());
    soon("the bucket is closed", || node.log().contains(&format!("closed {next}")));
    assert!(fill() > 0.5, "twice 16 MiB of 64");
    faked.set(next.closes() + 5 * MINUTE - 30);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(fill() > 0.5, "they are still read");
    faked.set(next.closes() + 5 * MINUTE);
    soon("the room is free again", || fill() < 0.3);
    for (mut stream, digit) in streams.into_iter().zip([None, Some(8)]) {
        let asked = cells.iter().filter(|cell| digit.is_none_or(|digit| cell[0] >> 4 == digit));
        let whole = asked.flatten().copied().collect::<Vec<u8>>();
        let mut got = Vec::new();
        // What had left the node before, and then the end.
        let _ = stream.read_to_end(&mut got);
        let body = got.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert!(got.len() - body < whole.len(), "{} bytes", got.len());
        assert!(got[body..] == whole[..got.len() - body], "nothing else is in it");
    }
    cells.sort();
    assert!(get(node.address, &format!("/v1/{next}/")).body == cells.concat());
}

#[test]
fn a_stop_lets_it_finish() {
    let mut world = World::new("");
    let mut stream = world.ask(&[("HOUR/", "")]);
    let mut some = [0];
    stream.peek(&mut some).unwrap();
    world.node.terminate();
    soon("the stop is in the log", || world.node.log().contains("stopping"));
    assert!(answer(&mut stream).unwrap().body == world.cells);
    assert_eq!(stream.read(&mut some).unwrap(), 0);
    assert!(world.node.end().success());
}

#[test]
fn a_ban_cuts_it_off() {
    let world = World::new("ban_floor = \"1 MiB\"\n");
    // Four times what stands under the fullest digit is a quarter of all.
    let mut stream = world.ask(&[("HOUR/", "")]);
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    assert!(got.len() > world.cells.len() / 5 && got.len() < world.cells.len(), "{}", got.len());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(get(world.node.address, &format!("/v1/{}/", world.hour)).status, 403);
}
