//! The real `posted` killed at its calls: what was answered 200 is served after the restart, whole
//! and once; and what was to be wiped stays wiped.

use crate::kill::Tally;
use crate::relay::{self, Node, Process, cell, cells, get, post};
use crate::trace::{self, Call, OPENING, Trap, WRITING};
use crate::world::copy;
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Cells in an upload.
const BATCH: u64 = 4;
/// Calls of a node while it stores and serves.
const CALLS: [&str; 10] = [
    "pwrite64",
    "writev",
    "recvfrom",
    "accept4",
    "pread64",
    "write",
    "close",
    "epoll_wait",
    "epoll_ctl",
    "futex",
];

fn now() -> Time {
    Time::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

fn batch(number: u64) -> Vec<u8> {
    (0..BATCH).flat_map(|i| cell(number as u16, number * BATCH + i)).collect()
}

/// Two people upload and download until the node is dead or they have done enough. Which batches
/// were answered 200.
fn use_it(to: SocketAddr, bucket: Bucket, first: u64) -> Vec<u64> {
    let one = |mine: u64| {
        let mut stored = Vec::new();
        for number in (first + mine..first + 12).step_by(2) {
            let Some(true) = upload(to, bucket, number) else { break };
            stored.push(number);
            if let Ok(mut stream) = std::net::TcpStream::connect(to) {
                let line = format!("GET /v1/{bucket}/ HTTP/1.1\r\nhost: node\r\n\r\n");
                // Whatever comes of it: it may be killed at this.
                let _ = std::io::Write::write_all(&mut stream, line.as_bytes());
                let _ = relay::reply(stream);
            }
        }
        stored
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| one(1));
        let mut stored = one(0);
        stored.extend(other.join().unwrap());
        stored
    })
}

/// Whether a batch was stored; nothing if the node went away before it said so.
fn upload(to: SocketAddr, bucket: Bucket, number: u64) -> Option<bool> {
    let mut stream = std::net::TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = batch(number);
    let length = body.len();
    let head =
        format!("POST /v1/{bucket} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n");
    std::io::Write::write_all(&mut stream, head.as_bytes()).ok()?;
    std::io::Write::write_all(&mut stream, &body).ok()?;
    relay::reply(stream).map(|reply| reply.status == 200)
}

/// Kills it `rounds` times while it stores and serves; each time it goes on with what it had.
fn storing(name: &str, rounds: usize) {
    let dir = relay::memory();
    let mut tally = Tally::default();
    let mut next = 0;
    let mut answered: BTreeMap<Bucket, HashSet<u64>> = BTreeMap::new();
    for round in 0..rounds {
        let (call, at) = (CALLS[round % CALLS.len()], 1 + round / CALLS.len() % 8);
        let bucket = Bucket::at(Class::Hourly, now());
        let mut node = Node::start(dir.path(), &[], &[]);
        let trap = Trap::set(node.id(), call, at);
        let stored = use_it(node.address, bucket, next);
        tally.points += 1;
        tally.hits += usize::from(node.has_ended());
        drop(trap);
        node.kill();
        answered.entry(bucket).or_default().extend(stored);
        next += 12;
        if round % 4 == 3 || round + 1 == rounds {
            tally.add(&format!("{call} {at}"), served(dir.path(), &answered, next));
        }
    }
    tally.end(name);
}

/// What is wrong with what a node started on the store serves.
fn served(
    dir: &std::path::Path,
    answered: &BTreeMap<Bucket, HashSet<u64>>,
    next: u64,
) -> Vec<String> {
    let node = Node::start(dir, &[], &[]);
    let mut wrong = Vec::new();
    for (bucket, stored) in answered.iter().filter(|(bucket, _)| !bucket.is_wiped(now())) {
        let got = cells(&get(node.address, &format!("/v1/{bucket}/")).body);
        let unique: HashSet<_> = got.iter().collect();
        if unique.len() != got.len() {
            wrong.push(format!("twice: {} cells", got.len() - unique.len()));
        }
        let mut whole = 0;
        for number in 0..next {
            let there = cells(&batch(number)).iter().filter(|c| unique.contains(c)).count() as u64;
            match there {
                0 if stored.contains(&number) => wrong.push(format!("lost: batch {number}")),
                0 | BATCH => whole += there,
                some => wrong.push(format!("torn: {some} cells of batch {number}")),
            }
        }
        if whole != got.len() as u64 {
            wrong.push(format!("torn: {} cells that nobody sent", got.len() as u64 - whole));
        }
        // It still takes what is new.
        assert_eq!(post(node.address, *bucket, &batch(0)).map(|r| r.status), Some(200));
    }
    wrong
}

/// Kills it at each call it makes on its store when it is started after the end of an hour, of which
/// nothing may be left then.
fn wiping(name: &str, names: &str) {
    let dir = relay::memory();
    let here = dir.path().join("node");
    std::fs::create_dir(&here).unwrap();
    let bucket = Bucket::at(Class::Hourly, now());
    let node = Node::start(&here, &[], &[]);
    assert_eq!(post(node.address, bucket, &batch(1)).map(|r| r.status), Some(200));
    node.kill();
    let kept = dir.path().join("kept");
    copy(&here, &kept);
    let (library, late) = (relay::faketime(), bucket.wiped() - now().unix() + 60);
    let late = format!("+{}s", late.unix());
    let env = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME", late.as_str()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let log = dir.path().join("trace");
    let trace = format!("trace={names}");
    let strace = ["strace", "-f", "-qq", "-y", "-e", &trace, "-o", log.to_str().unwrap()];
    let node = Node::start(&here, &strace, &env);
    let child = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", node.id())).unwrap();
    crate::mount::run("kill", &["-KILL", child.trim()]);
    drop(node);
    let store = here.join("store");
    let calls = trace::first_thread(&std::fs::read_to_string(log).unwrap(), &store);
    assert!(calls.iter().any(|call| call.name.starts_with("unlink")), "{calls:?}");
    let mut tally = Tally::default();
    for Call { name, at, line } in &calls {
        copy(&kept, &here);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={name}"), "-e"]);
        command.arg(format!("inject={name}:signal=KILL:when={at}"));
        command.args([env!("CARGO_BIN_EXE_posted"), "relay", "--config"]);
        command.arg(here.join("posted.toml")).envs(env).stderr(Stdio::null());
        let status = Process(command.spawn().unwrap()).0.wait().unwrap();
        tally.points += 1;
        tally.hits += usize::from(status.signal() == Some(9));
        let mut wrong = Vec::new();
        let node = Node::start(&here, &[], &env);
        let path = format!("/v1/{bucket}/");
        let answer = get(node.address, &path).status;
        if answer != 410 || relay::holds_marker(&store) {
            wrong.push(format!("left over: {path} is answered {answer}"));
        }
        tally.add(&format!("{name} {at} {line}"), wrong);
    }
    tally.end(name);
}

#[test]
fn killed_while_wiping() {
    wiping("node killed while wiping", &[WRITING, OPENING].join(","));
}

#[test]
fn killed_while_storing() {
    storing("node killed while storing", 60);
}

#[test]
#[ignore = "make soak"]
fn soak_storing() {
    storing("soak: node killed while storing", 1_200);
}
