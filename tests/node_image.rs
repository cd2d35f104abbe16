//! What somebody finds who takes the machine of a running `posted` after the wipe: nothing of the
//! bucket is in its store, in its memory or in swap, and it leaves no core file. Before the wipe the
//! same search finds it.
//!
//! Root alone can take the memory; anybody else is refused it, which is then what is tested.
//! What is held is poste-protocol(7), Relay, wiping, and posted(8), CAVEATS.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::faked::{Faked, afternoon};
use node::{Node, connect, memory, reply, soon};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::MINUTE;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of which the cells here are full, each with its number.
const MARK: &[u8; 8] = b"\xe3\x91cell\x8f\xa7";

/// Answers that a reader who stalls has asked for: more than lies between him and the node.
const STALLED: usize = 4;

/// A cell of which any 32 bytes can be found again.
fn cell(number: u64) -> Vec<u8> {
    let mut cell = [&MARK[..], &number.to_be_bytes()].concat().repeat(CELL / 16);
    cell[..2].copy_from_slice(&((number * 0x9e37) as u16).to_be_bytes());
    cell
}

/// So many cells that no other call gives.
fn batch(first: u64, cells: u64) -> Vec<u8> {
    (first..first + cells).flat_map(cell).collect()
}

fn marks(bytes: &[u8]) -> usize {
    bytes.windows(MARK.len()).filter(|window| window[0] == MARK[0] && window == MARK).count()
}

/// Marks in the files below `dir`.
fn in_files(dir: &Path) -> usize {
    let files = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| marks(&std::fs::read(entry.path()).unwrap())).sum()
}

/// Marks in the memory of a process, by what it is used for; `None` if we may not see it.
fn in_memory(id: u32) -> Option<Vec<(String, usize)>> {
    let opened = std::fs::read_to_string(format!("/proc/{id}/maps"))
        .and_then(|maps| Ok((maps, File::open(format!("/proc/{id}/mem"))?)));
    let (maps, file) = match opened {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        opened => opened.unwrap(),
    };
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let mut bytes = vec![0; (to - from) as usize];
        match file.read_exact_at(&mut bytes, from) {
            // It may have been given back meanwhile, with all that was in it.
            Err(_) => continue,
            Ok(()) => match marks(&bytes) {
                0 => {}
                count => found.push((line.to_owned(), count)),
            },
        }
    }
    Some(found)
}

/// A connection, with TLS or without.
trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

struct Relay {
    node: Node,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Relay {
    fn start(dir: &Path, faked: &Faked, tls: bool) -> Relay {
        let mut text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                        store = \"dir:store\"\n"
            .to_owned();
        let tls = tls.then(|| {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
            text += "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
            let mut roots = rustls::RootCertStore::empty();
            roots.add(made.cert.der().clone()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider);
            let config = config.with_safe_default_protocol_versions().unwrap();
            Arc::new(config.with_root_certificates(roots).with_no_client_auth())
        });
        std::fs::write(dir.join("posted.toml"), text).unwrap();
        Relay { node: faked.start(dir), tls }
    }

    fn connect(&self) -> Box<dyn Line> {
        let stream = connect(self.node.address);
        let Some(config) = &self.tls else { return Box::new(stream) };
        let name = "localhost".try_into().unwrap();
        let client = rustls::ClientConnection::new(config.clone(), name).unwrap();
        Box::new(rustls::StreamOwned::new(client, stream))
    }
}

/// Uploads over a connection that stays.
fn post(line: &mut dyn Line, bucket: Bucket, body: &[u8]) -> u16 {
    let length = body.len();
    let head = format!(
        "POST /v1/{bucket} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"
    );
    line.write_all(&[head.as_bytes(), body].concat()).unwrap();
    line.flush().unwrap();
    reply(line).unwrap().status
}

/// Downloads over a connection that stays; the status and the marks.
fn get(line: &mut dyn Line, path: &str, headers: &str) -> io::Result<(u16, usize)> {
    let request = format!("GET /v1/{path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    line.write_all(request.as_bytes())?;
    line.flush()?;
    let reply = reply(line).ok_or(ErrorKind::UnexpectedEof)?;
    Ok((reply.status, marks(&reply.body)))
}

/// Fills the hour over some connections, takes from it over others in all ways there are, and gives
/// the connections, of which nobody has let go.
fn traffic(relay: &Relay, hour: Bucket) -> Vec<Box<dyn Line>> {
    let mut lines = Vec::new();
    for n in 0..4u64 {
        let mut line = relay.connect();
        for round in 0..3 {
            assert_eq!(post(&mut line, hour, &batch(1000 * n + 64 * round, 64)), 200);
        }
        // Some of what is there already, and one that is refused.
        assert_eq!(post(&mut line, hour, &batch(1000 * n + 60, 9)), 200);
        assert_eq!(post(&mut line, hour.previous().previous(), &batch(10_000, 32)), 409);
        lines.push(line);
    }
    for prefix in ["", "4", "4b", "7"] {
        let mut line = relay.connect();
        for _ in 0..2 {
            let (status, marks) = get(&mut line, &format!("{hour}/{prefix}"), "").unwrap();
            assert!(status == 200 && (marks > 100_000 || !prefix.is_empty()));
        }
        lines.push(line);
    }
    lines
}

/// Asks for the hour again and again, and then reads no more of it.
fn stall(relay: &Relay, hour: Bucket) -> Box<dyn Line> {
    let mut line = relay.connect();
    let request = format!("GET /v1/{hour}/ HTTP/1.1\r\nhost: localhost\r\n\r\n");
    line.write_all(request.repeat(STALLED).as_bytes()).unwrap();
    line.flush().unwrap();
    line.read_exact(&mut [0; 100]).unwrap();
    line
}

/// Searches before the wipe and after it, and with readers who stall until they are given up.
fn check(tls: bool, stalled: bool) {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let hour = Bucket::at(Class::Hourly, afternoon());
    let relay = Relay::start(dir.path(), &faked, tls);
    let (id, store) = (relay.node.id(), dir.path().join("store"));
    let mut lines = traffic(&relay, hour);
    assert!(in_files(&store) > 100_000, "what was uploaded can be found");
    // An upload that breaks off after 200 KiB, of which the node has already taken some.
    let mut broken = relay.connect();
    let head =
        format!("POST /v1/{hour} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 400000\r\n\r\n");
    broken.write_all(&[head.as_bytes(), &batch(20_000, 50)].concat()).unwrap();
    broken.flush().unwrap();
    if in_memory(id).is_some() {
        soon("it can be found in memory too", || !in_memory(id).unwrap().is_empty());
    } else {
        assert!(!rustix::process::geteuid().is_root(), "root may look");
    }
    drop(broken);
    faked.set(hour.closes());
    let mut line = relay.connect();
    let path = format!("{hour}/");
    soon("the hour is closed", || {
        get(&mut relay.connect(), &path, "range: bytes=5-9\r\n").unwrap().0 == 206
    });
    let (status, some) = get(&mut line, &path, "range: bytes=5000-700000\r\n").unwrap();
    assert!(status == 206 && some > 10_000);
    let whole = get(&mut line, &path, "").unwrap();
    assert!(whole.1 > 100_000);
    let stalled: Vec<_> = stalled.then(|| stall(&relay, hour)).into_iter().collect();
    faked.set(hour.wiped() - MINUTE);
    assert!(get(&mut line, &path, "").unwrap().1 > 100_000, "until its time is over");
    faked.set(hour.wiped());
    soon("the hour is wiped", || in_files(&store) == 0);
    // Connections end by themselves if nothing is asked, and if somebody goes on asking at his
    // next question; then another is made.
    let end = Instant::now() + Duration::from_secs(if stalled.is_empty() { 20 } else { 50 });
    loop {
        if get(&mut lines[0], "status", "").is_err() {
            lines[0] = relay.connect();
        }
        let left = in_memory(id).unwrap_or_default();
        if left.is_empty() {
            break;
        }
        let mut text = String::new();
        left.iter().for_each(|(what, count)| writeln!(text, "{count:6} in {what}").unwrap());
        assert!(Instant::now() < end, "still in memory:\n{text}");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(in_files(dir.path()), 0, "nor is it anywhere else in its directory");
    assert_eq!(relay.node.swapped(), "0 kB");
    for mut line in stalled {
        let mut got = Vec::new();
        // What lay between, and then the end, which need not be a polite one.
        let _ = line.read_to_end(&mut got);
        assert!(got.len() < STALLED * whole.1 * 16, "{} bytes", got.len());
    }
}

#[test]
fn an_image_after_the_wipe_holds_nothing_of_the_bucket() {
    check(false, false);
}

#[test]
fn nor_does_it_after_traffic_over_tls() {
    check(true, false);
}

#[test]
fn nor_does_it_once_readers_who_stall_are_given_up() {
    check(false, true);
}

#[test]
fn nor_does_it_once_readers_who_stall_over_tls_are_given_up() {
    check(true, true);
}

#[test]
fn no_core_file_is_written() {
    let dir = memory();
    let shell = ["sh", "-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""];
    let mut node = Node::start(dir.path(), &shell, &[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    let id = node.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &id]).status().unwrap().success());
    let status = node.end();
    assert!(status.signal() == Some(6) && !status.core_dumped(), "{status:?}");
}
