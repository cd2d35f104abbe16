//! A relay under load, over loopback and plain HTTP: uploads of 64 cells over one connection and
//! over eight, cells in a second and the time of an answer, against nginx, which takes the same
//! bodies by PUT; and what is left of its best at ten times the clients, who give up after 2 s and
//! come again, with as many places as at the best. Both on a tmpfs, in turns in one run. Needs
//! `make deps`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "../tests/node/mod.rs"]
mod node;

use common::http::{Line, certify};
use common::nginx::Nginx;
use common::{Pairs, line, median, noise, now};
use node::{Node, memory};
use poste::core::bucket::{Bucket, CELL, Class};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

const TURNS: usize = 9;
/// Cells in an upload.
const BATCH: usize = 64;
/// Uploads in a turn, over all connections.
const UPLOADS: usize = 128;
/// Clients at the best, and places.
const CLIENTS: usize = 16;
/// Whoever has no answer by then gives up.
const PATIENCE: Duration = Duration::from_secs(2);
const PHASE: Duration = Duration::from_millis(1500);

/// Makes every cell a new one.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn main() {
    if !common::wanted() {
        return;
    }
    let www = memory();
    certify(www.path());
    let nginx = Nginx::start(www.path());
    let bucket = Bucket::at(Class::Hourly, now());
    let (post, mut body) = (format!("/v1/{bucket}"), noise(BATCH * CELL));
    let mut bodies =
        |count: usize| -> Vec<Vec<u8>> { (0..count).map(|_| fresh(&mut body)).collect() };
    common::head("uploads of 64 cells over loopback, plain HTTP");
    for lines in [1, 8] {
        let (dir, mut pairs) = (memory(), Pairs::default());
        std::fs::write(dir.path().join("posted.toml"), config("")).unwrap();
        let node = Node::start(dir.path(), &[], &[]);
        let [mut mine, mut others] = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            let bodies = bodies(UPLOADS);
            let ours = |_| ("POST", post.clone());
            pairs.ours.push(uploads(node.address, lines, &bodies, ours, &mut mine));
            let theirs = |n| ("PUT", format!("/put/{n}"));
            pairs.peer.push(uploads(nginx.address, lines, &bodies, theirs, &mut others));
        }
        let over = format!("{lines} connection{}", if lines == 1 { "" } else { "s" });
        pairs.rate(&format!("uploads, {over}"), (UPLOADS * BATCH) as f64, "cells/s", "nginx, PUT");
        for hundredths in [50, 99] {
            let [ours, theirs] = [&mut mine, &mut others].map(|times| {
                times.sort_by(f64::total_cmp);
                times[times.len() * hundredths / 100] * 1e3
            });
            let name = if hundredths == 50 { "median" } else { "p99" };
            let what = format!("{name} of an answer, {over}");
            line(&what, ours, "ms", Some(("nginx, PUT", theirs, theirs / ours)));
        }
    }
    for places in [CLIENTS, 1024] {
        overload(&post, places);
    }
}

/// What is left of the best at ten times the clients.
fn overload(post: &str, places: usize) {
    let text = config(&format!("connections = {places}\n"));
    let (mut best, mut under, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        // A fresh node, so that memory is enough for all that comes.
        let dir = memory();
        std::fs::write(dir.path().join("posted.toml"), &text).unwrap();
        let node = Node::start(dir.path(), &[], &[]);
        let few = || goodput(node.address, post, CLIENTS);
        let many = || goodput(node.address, post, 10 * CLIENTS);
        let (few, many) = if turn % 2 == 0 {
            (few(), many())
        } else {
            let many = many();
            (few(), many)
        };
        ratios.push(many / few);
        best.push(few);
        under.push(many);
    }
    common::head(&format!("uploads of 64 cells at {places} places, answered within 2 s"));
    let (clients, ratio) = (format!("{CLIENTS} clients"), median(ratios));
    let what = format!("{} clients", 10 * CLIENTS);
    line(&what, median(under), "cells/s", Some((&clients, median(best), ratio)));
    assert!(ratio >= 0.8, "at ten times the load {ratio:.2} of the peak is left");
}

fn config(more: &str) -> String {
    format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
         capacity = \"8 GiB\"\nban_floor = \"1024 GiB\"\nupload_per_hour = \"1024 GiB\"\n{more}"
    )
}

/// A body whose cells were never sent before.
fn fresh(body: &mut [u8]) -> Vec<u8> {
    for cell in body.chunks_exact_mut(CELL) {
        cell[100..108].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    }
    body.to_vec()
}

/// Seconds for all bodies over so many connections; adds the seconds of each to `took`.
fn uploads(
    to: SocketAddr,
    lines: usize,
    bodies: &[Vec<u8>],
    request: impl Fn(usize) -> (&'static str, String) + Sync,
    took: &mut Vec<f64>,
) -> f64 {
    let (all, request) = (Mutex::new(Vec::new()), &request);
    let mut ready: Vec<Line> = (0..lines).map(|_| Line::to(to, None)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for (n, (line, part)) in
            ready.iter_mut().zip(bodies.chunks(bodies.len() / lines)).enumerate()
        {
            let all = &all;
            scope.spawn(move || {
                let (method, path) = request(n);
                for body in part {
                    let began = Instant::now();
                    let status = line.send(method, &path, body).unwrap();
                    assert!(matches!(status, 200 | 201 | 204), "{status}");
                    all.lock().unwrap().push(began.elapsed().as_secs_f64());
                }
            });
        }
    });
    let whole = began.elapsed().as_secs_f64();
    took.append(&mut all.into_inner().unwrap());
    whole
}

/// Cells a second that are taken within the patience of so many clients, each of which sends one
/// upload after the other, over the same connection as long as it lasts.
fn goodput(to: SocketAddr, path: &str, clients: usize) -> f64 {
    let good = AtomicU64::new(0);
    let (body, start) = (noise(BATCH * CELL), Barrier::new(clients));
    std::thread::scope(|scope| {
        for n in 0..clients {
            let (good, start, mut body) = (&good, &start, body.clone());
            scope.spawn(move || {
                body[50..58].copy_from_slice(&(n as u64).to_be_bytes());
                start.wait();
                let end = Instant::now() + PHASE;
                let mut line: Option<Line> = None;
                while Instant::now() < end {
                    for cell in body.chunks_exact_mut(CELL) {
                        let next = NEXT.fetch_add(1, Ordering::Relaxed);
                        cell[100..108].copy_from_slice(&next.to_be_bytes());
                    }
                    let began = Instant::now();
                    let mut used = match line.take() {
                        Some(line) => line,
                        None => match Line::by(to, None, PATIENCE) {
                            Ok(line) => line,
                            Err(_) => continue,
                        },
                    };
                    let sent = used.send("POST", path, &body);
                    assert!(!matches!(sent, Ok(507)), "there is room");
                    if sent.as_ref().is_ok_and(|status| *status == 200) {
                        let in_time = began.elapsed() < PATIENCE && Instant::now() < end;
                        good.fetch_add(u64::from(in_time), Ordering::Relaxed);
                        line = Some(used).filter(|line| !line.is_over());
                    }
                }
            });
        }
    });
    good.into_inner() as f64 * BATCH as f64 / PHASE.as_secs_f64()
}
