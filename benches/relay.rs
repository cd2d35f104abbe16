//! Upload and download of 64 MiB over loopback: the real `posted` against nginx, which takes the
//! same bytes by PUT and gives them as a static file, both on a tmpfs, one connection, in turns in
//! one run. A closed bucket is that of a node started again under libfaketime, ten minutes after
//! its period; what closing itself costs is measured beside it. Needs `make deps`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "../tests/node/mod.rs"]
mod node;

use common::{Pairs, seconds};
use node::{Hands, Node, faketime, memory};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::{MINUTE, Time};
use poste::node::buckets::Buckets;
use poste::node::log::Log;
use poste::node::relay::UPLOAD;
use poste::node::shelf::Batch;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const TOTAL: usize = 64 << 20;
const PAIRS: u64 = 9;

fn main() {
    if !common::wanted() {
        return;
    }
    let nginx_dir = memory();
    let nginx = Nginx::start(nginx_dir.path());
    let library = faketime();
    let mut cells = noise();
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

fn now() -> Time {
    Time::from_unix(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs())
}

fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    words.take(TOTAL / 8).flatten().collect()
}

fn upload(to: SocketAddr, method: &str, path: impl Fn(usize) -> String, bytes: &[u8]) {
    let mut stream = direct(to);
    for (n, piece) in bytes.chunks(UPLOAD).enumerate() {
        let (path, length) = (path(n), piece.len());
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(piece).unwrap();
        let (status, length) = head_of(&mut BufReader::new(&mut stream));
        assert!(matches!(status, 200 | 201 | 204) && length == 0, "{status} {length}");
    }
}

fn download(from: SocketAddr, path: &str, total: usize) {
    let mut stream = direct(from);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    assert_eq!(head_of(&mut reader), (200, total));
    let mut count = 0;
    loop {
        let length = reader.fill_buf().unwrap().len();
        if length == 0 {
            break;
        }
        reader.consume(length);
        count += length;
    }
    assert_eq!(count, total);
}

/// Status and content-length.
fn head_of(reader: &mut impl BufRead) -> (u16, usize) {
    let (mut status, mut length) = (0, 0);
    for line in reader.lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if line.starts_with("HTTP/") {
            status = line.split(' ').nth(1).unwrap().parse().unwrap();
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    (status, length)
}

fn direct(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// nginx, killed at the end.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(dir: &Path) -> Nginx {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\n\
             http {{ access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000;\n\
             client_max_body_size 2m; client_body_temp_path {at}/body;\n\
             proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u;\n\
             scgi_temp_path {at}/s;\n\
             server {{ listen {address}; root {at}/www; location /put/ {{ dav_methods PUT; }} }} }}\n"
        );
        std::fs::create_dir_all(dir.join("www/put")).unwrap();
        let file = dir.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg(dir.join("error.log")).arg("-p").arg(dir).arg("-c").arg(file);
        let child = command.spawn().expect("nginx is installed (make deps)");
        let nginx = Nginx { child, address };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
