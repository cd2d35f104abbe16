//! Upload and download of 64 MiB over loopback: the real `posted` against nginx, which takes the
//! same bytes by PUT and gives them as a static file, both on a tmpfs, one connection, in turns in
//! one run. A closed bucket is that of a node started again under libfaketime, ten minutes after
//! its period; what closing itself costs is measured beside it. Needs `make deps`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "../tests/node/mod.rs"]
mod node;

use common::http::{Line, certify};
use common::nginx::Nginx;
use common::{Pairs, noise, now, seconds};
use node::{Hands, Node, faketime, memory};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::MINUTE;
use poste::node::buckets::Buckets;
use poste::node::log::Log;
use poste::node::relay::UPLOAD;
use poste::node::shelf::Batch;
use std::net::SocketAddr;
use std::sync::Arc;

const TOTAL: usize = 64 << 20;
const PAIRS: u64 = 9;

fn main() {
    if !common::wanted() {
        return;
    }
    let nginx_dir = memory();
    certify(nginx_dir.path());
    let nginx = Nginx::start(nginx_dir.path());
    let library = faketime();
    let mut cells = noise(TOTAL);
    let mut uploads = Pairs::default();
    let mut open = Pairs::default();
    let mut closed = Pairs::default();
    let mut closing = Pairs::default();
    for turn in 0..PAIRS {
        // Fresh cells each time, as they would be.
        for cell in cells.chunks_exact_mut(CELL) {
            cell[100..108].copy_from_slice(&turn.to_be_bytes());
        }
        // A fresh node, so that a bucket holds what one turn brought.
        let dir = memory();
        std::fs::write(dir.path().join("posted.toml"), CONFIG).unwrap();
        let bucket = Bucket::at(Class::Hourly, now());
        let (path, whole) = (format!("/v1/{bucket}"), format!("/v1/{bucket}/"));
        let node = Node::start(dir.path(), &[], &[]);
        uploads.ours.push(seconds(|| upload(node.address, "POST", |_| path.clone(), &cells)));
        let put = |n| format!("/put/{n}");
        uploads.peer.push(seconds(|| upload(nginx.address, "PUT", put, &cells)));
        std::fs::write(nginx_dir.path().join("www/all"), &cells).unwrap();
        open.ours.push(seconds(|| download(node.address, &whole, TOTAL)));
        open.peer.push(seconds(|| download(nginx.address, "/all", TOTAL)));
        node.kill();
        let later = bucket.closes().unix() + 5 * MINUTE - now().unix();
        let later = format!("+{later}s");
        let env = [("LD_PRELOAD", library.to_str().unwrap()), ("FAKETIME", &later)];
        let node = Node::start(dir.path(), &[], &env);
        closed.ours.push(seconds(|| download(node.address, &whole, TOTAL)));
        closed.peer.push(seconds(|| download(nginx.address, "/all", TOTAL)));
        node.kill();
        closing.ours.push(close(&cells));
        let copy = nginx_dir.path().join("copy");
        closing.peer.push(seconds(|| std::fs::write(&copy, &cells).unwrap()));
        std::fs::remove_file(copy).unwrap();
    }
    common::head("a relay: 64 MiB over loopback, plain HTTP, one connection");
    let megabytes = TOTAL as f64 / 1e6;
    uploads.rate("upload", megabytes, "MB/s", "nginx, PUT");
    open.rate("download, open bucket", megabytes, "MB/s", "nginx, static file");
    closed.rate("download, closed bucket", megabytes, "MB/s", "nginx, static file");
    closing.rate("closing the bucket", megabytes, "MB/s", "writing as much");
}

/// Seconds that a store takes for closing a bucket with these cells.
fn close(cells: &[u8]) -> f64 {
    let dir = memory();
    let clock = Arc::new(Hands::at(now()));
    let bucket = Bucket::at(Class::Hourly, now());
    let buckets = Buckets::open(&dir.path().join("store"), 1 << 30, clock.clone(), Log::Errors);
    let buckets = buckets.unwrap();
    for piece in cells.chunks(UPLOAD) {
        buckets.put(bucket, &Batch::new(piece.to_vec()).unwrap()).unwrap();
    }
    clock.pass(bucket.closes());
    seconds(|| buckets.chores())
}

const CONFIG: &str = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                      store = \"dir:store\"\ncapacity = \"256 MiB\"\nallow_disk = true\n";

fn upload(to: SocketAddr, method: &str, path: impl Fn(usize) -> String, bytes: &[u8]) {
    let mut line = Line::to(to, None);
    for (n, piece) in bytes.chunks(UPLOAD).enumerate() {
        let status = line.send(method, &path(n), piece).unwrap();
        assert!(matches!(status, 200 | 201 | 204), "{status}");
    }
}

fn download(from: SocketAddr, path: &str, total: usize) {
    assert_eq!(Line::to(from, None).get(path, ""), total);
}
