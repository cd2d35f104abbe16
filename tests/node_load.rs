//! The real `posted` with more clients than it has places for: idle ones, some that send a byte now
//! and then, some that never read; honest ones get in and are served. With few of them always, with
//! ten thousand under `make soak`. What is held is posted(8), LIMITS.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::{bucket, configure, fill};
use node::{Node, cell, get, memory, post, raw, reply};
use poste::core::bucket::CELL;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

type Stream = tokio::net::TcpStream;

/// What slow clients have seen.
#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    ended: AtomicUsize,
}

/// Runs `count` slow clients against a node until it is dropped.
struct Slow {
    runtime: Option<tokio::runtime::Runtime>,
    seen: Arc<Seen>,
}

impl Slow {
    fn start(to: SocketAddr, count: usize, over: Duration) -> Slow {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(Seen::default());
        for n in 0..count {
            let seen = seen.clone();
            runtime.spawn(async move {
                sleep(over * n as u32 / count as u32).await;
                loop {
                    // Who could not get in, or was thrown out, comes again after a while.
                    if let Ok(Ok(stream)) = timeout(Duration::from_secs(20), join(to, n)).await {
                        seen.open.fetch_add(1, Ordering::Relaxed);
                        // Its end is all there is to know.
                        let _ = dawdle(stream, n).await;
                        seen.open.fetch_sub(1, Ordering::Relaxed);
                        seen.ended.fetch_add(1, Ordering::Relaxed);
                    }
                    sleep(Duration::from_millis(5000 + n as u64 % 5000)).await;
                }
            });
        }
        Slow { runtime: Some(runtime), seen }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// Connects from one of 250 addresses of loopback, with little room for what comes.
async fn join(to: SocketAddr, n: usize) -> std::io::Result<Stream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.bind((Ipv4Addr::new(127, 0, 7, (n % 250 + 1) as u8), 0).into())?;
    socket.connect(to).await
}

/// Is slow in one of four ways, until the node has had enough.
async fn dawdle(mut stream: Stream, n: usize) -> std::io::Result<()> {
    let (bucket, mut byte) = (bucket(), [0]);
    match n % 4 {
        0 => stream.read_exact(&mut byte).await.map(drop),
        1 => {
            let whole = format!("GET /v1/{bucket}/ HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(4000));
            trickle(stream, whole.as_bytes()).await
        }
        2 => {
            let head = format!("POST /v1/{bucket} HTTP/1.1\r\ncontent-length: {CELL}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            trickle(stream, &[7; CELL]).await
        }
        _ => {
            let head = format!("GET /v1/{bucket}/ HTTP/1.1\r\nhost: node\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            // Reads nothing, and sees an end all the same.
            while stream.write_all(b"\r").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
    }
}

async fn trickle(mut stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        let mut answer = [0; 64];
        // An answer is a refusal, or the end.
        if let Ok(read) = timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
            return read.map(drop);
        }
    }
    Ok(())
}

/// Seconds that each of some requests of an honest client takes, connecting included: uploads of a
/// cell and downloads of 64 KiB in turns. Sorted.
fn honest(to: SocketAddr, count: u64, pause: Duration) -> Vec<Duration> {
    let bucket = bucket();
    let mut took = Vec::new();
    for n in 0..count {
        let began = Instant::now();
        if n % 2 == 0 {
            let status = post(to, bucket, &cell(0xfff0, 1_000_000 + n)).map(|reply| reply.status);
            assert_eq!(status, Some(200), "upload {n}");
        } else {
            let head = format!("GET /v1/{bucket}/40 HTTP/1.1\r\nhost: node\r\n\r\n");
            let reply = raw(to, head.as_bytes()).unwrap_or_else(|| panic!("download {n} cut off"));
            assert_eq!((reply.status, reply.body.len()), (200, 16 * CELL));
        }
        took.push(began.elapsed());
        std::thread::sleep(pause);
    }
    took.sort();
    took
}

fn resident(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Honest requests while `count` slow clients hold all places of a node that has `places`.
fn besieged(places: usize, count: usize, over: Duration, requests: u64) {
    let dir = memory();
    configure(dir.path(), &format!("connections = {places}"));
    let node = Node::start(dir.path(), &[], &[]);
    fill(&node, bucket());
    let slow = Slow::start(node.address, count, over);
    std::thread::sleep(over + Duration::from_secs(1));
    let open = slow.seen.open.load(Ordering::Relaxed);
    assert!(open >= places / 2, "the places are taken: {open}");
    let took = honest(node.address, requests, Duration::from_millis(20));
    let at = |hundredths: usize| took[took.len() * hundredths / 100];
    #[allow(clippy::print_stdout, reason = "`make soak` shows what it measured")]
    {
        println!(
            "{count} slow clients at {places} places ({open} open before, {} open and {} ended \
             after): {requests} honest requests, median {:?}, p99 {:?}, most {:?}; VmRSS {} KiB",
            slow.seen.open.load(Ordering::Relaxed),
            slow.seen.ended.load(Ordering::Relaxed),
            at(50),
            at(99),
            took[took.len() - 1],
            resident(&node),
        );
    }
    assert!(at(99) < Duration::from_secs(2), "{:?}", at(99));
    assert!(slow.seen.ended.load(Ordering::Relaxed) > 0, "some gave way");
    drop(slow);
    assert_eq!(get(node.address, "/v1/status").status, 200);
}

#[test]
fn slow_clients_on_all_places_keep_nobody_out() {
    besieged(64, 250, Duration::from_secs(2), 100);
}

#[test]
#[ignore = "make soak"]
fn ten_thousand_slow_clients_keep_nobody_out() {
    // Each is an open file here too.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let files = limit.maximum.unwrap_or(u64::MAX);
    assert!(files > 10_200, "ulimit -Hn is {files}: 10,000 connections need more");
    besieged(1024, 10_000, Duration::from_secs(10), 600);
}

#[test]
fn a_connection_that_moves_keeps_its_place_and_an_idle_one_gives_way() {
    let dir = memory();
    configure(dir.path(), "connections = 2");
    let node = Node::start(dir.path(), &[], &[]);
    let bucket = bucket();
    let idle = node::connect(node.address);
    let mut busy = node::connect(node.address);
    let head = format!("POST /v1/{bucket} HTTP/1.1\r\ncontent-length: {}\r\n\r\n", 64 * CELL);
    busy.write_all(head.as_bytes()).unwrap();
    let send = |mut busy: &TcpStream, n: u64| {
        busy.write_all(&(n * 8..n * 8 + 8).flat_map(|n| cell(1, n)).collect::<Vec<_>>()).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    };
    (0..6).for_each(|n| send(&busy, n));
    let asked = std::thread::spawn(move || get(node.address, "/v1/status").status);
    send(&busy, 6);
    assert_eq!(asked.join().unwrap(), 200);
    assert!(matches!((&idle).read(&mut [0]), Ok(0) | Err(_)), "the idle one has gone");
    send(&busy, 7);
    let reply = reply(busy).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, None));
}

#[test]
fn one_cell_is_there_at_once() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    let bucket = bucket();
    assert_eq!(post(node.address, bucket, &cell(0x4bc0, 1)).unwrap().status, 200);
    let mut stream = node::connect(node.address);
    let began = Instant::now();
    for _ in 0..50 {
        let ask = format!("GET /v1/{bucket}/4bc HTTP/1.1\r\nhost: node\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        assert_eq!(reply(&mut stream).unwrap().body.len(), CELL);
    }
    let each = began.elapsed() / 50;
    assert!(each < Duration::from_millis(20), "{each:?} an answer: is TCP_NODELAY set?");
}
