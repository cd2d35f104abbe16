//! Upload and download of 64 MiB over loopback: this node against nginx, which takes the same
//! bytes by PUT and gives them as a static file, both on a tmpfs, one connection, in turns in one
//! run. Prints the medians and their ratio; ends within a minute. Needs nginx (`make deps`).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails ends")]

use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::{HOUR, Time};
use poste::node::buckets::Buckets;
use poste::node::clock::Clock;
use poste::node::log::Log;
use poste::node::metrics::Metrics;
use poste::node::relay::{Relay, UPLOAD};
use poste::node::server::{Door, Service, serve};
use poste::node::status::About;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TOTAL: usize = 64 << 20;
const PAIRS: u64 = 9;
/// 2026-11-22T14:30:00Z
const BEGIN: u64 = 1_795_357_800;

fn main() {
    // Run by `cargo test --all-targets` too, where a measurement is out of place.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let clock = Arc::new(Hands(AtomicU64::new(BEGIN)));
    let buckets = Buckets::open(&dir.path().join("store"), 1 << 30, clock.clone(), Log::Errors);
    let buckets = Arc::new(buckets.unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let posted = node(&runtime, buckets.clone());
    let nginx = Nginx::start(dir.path());
    let mut cells = noise();
    let mut results = [Times::default(), Times::default(), Times::default(), Times::default()];
    for round in 0..PAIRS {
        // Fresh cells each time: one that is there already would not be stored.
        for cell in cells.chunks_exact_mut(CELL) {
            cell[100..108].copy_from_slice(&round.to_be_bytes());
        }
        let now = Time::from_unix(BEGIN + round * HOUR);
        clock.0.store(now.unix(), Ordering::Relaxed);
        buckets.chores();
        let bucket = Bucket::at(Class::Hourly, now);
        let path = format!("/v1/{bucket}");
        results[0].posted.push(timed(|| upload(posted, "POST", |_| path.clone(), &cells)));
        let put = |n| format!("/put/{n}");
        results[0].nginx.push(timed(|| upload(nginx.address, "PUT", put, &cells)));
        std::fs::write(dir.path().join("www/all"), &cells).unwrap();
        let whole = format!("{path}/");
        results[1].posted.push(timed(|| download(posted, &whole, TOTAL)));
        results[1].nginx.push(timed(|| download(nginx.address, "/all", TOTAL)));
        clock.0.store(bucket.closes().unix(), Ordering::Relaxed);
        results[3].posted.push(timed(|| buckets.chores()));
        results[2].posted.push(timed(|| download(posted, &whole, TOTAL)));
        results[2].nginx.push(timed(|| download(nginx.address, "/all", TOTAL)));
    }
    println!("64 MiB over loopback, one connection, medians of {PAIRS} pairs");
    results[0].print("upload");
    results[1].print("download, open bucket");
    results[2].print("download, closed bucket");
    println!("closing: {:.1} ms", median(&results[3].posted) * 1000.0);
}

/// Seconds of one way to do it and of the other.
#[derive(Default)]
struct Times {
    posted: Vec<f64>,
    nginx: Vec<f64>,
}

impl Times {
    fn print(&self, what: &str) {
        let ratios: Vec<f64> = self.nginx.iter().zip(&self.posted).map(|(n, p)| n / p).collect();
        let rate = |times: &[f64]| TOTAL as f64 / median(times) / 1e9;
        let (posted, nginx) = (rate(&self.posted), rate(&self.nginx));
        let ratio = median(&ratios);
        println!("{what}: posted {posted:.2} GB/s, nginx {nginx:.2} GB/s, ratio {ratio:.2}");
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
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
    let mut stream = connect(to);
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
    let mut stream = connect(from);
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

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn node(runtime: &tokio::runtime::Runtime, buckets: Arc<Buckets>) -> SocketAddr {
    let about = About { name: String::new(), url: String::new(), key: [0; 32], upload_cells: 256 };
    let relay = Arc::new(Relay::new(buckets, Arc::new(Metrics::default()), about));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door { listener, tls: None, service: Service::Relay(relay), connections: 16 };
    let (running, stop) = tokio::sync::watch::channel(false);
    runtime.spawn(async move {
        serve(door, stop, Log::Errors).await;
        drop(running);
    });
    address
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

struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_unix(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed) - BEGIN)
    }
}
