//! Clients of a real node: connections from any address of loopback, with or without a header before
//! them; a bucket filled evenly, somebody who sweeps it, and the list of who is banned.
//! Holds no test itself.

use super::{Node, Reply, cell, connect, reply};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The bucket to which one can upload now, and for the next minutes.
pub fn bucket() -> Bucket {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Bucket::at(Class::Hourly, Time::from_unix(now))
}

/// Writes a configuration with a store, at any port, and these lines of its relay.
pub fn configure(dir: &Path, relay: &str) {
    configure_over(dir, "dir:store", relay);
}

/// The same with a store that is named.
pub fn configure_over(dir: &Path, store: &str, relay: &str) {
    let text = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"{store}\"\n{relay}\n"
    );
    std::fs::write(dir.join("posted.toml"), text).unwrap();
}

/// Connects from an address of loopback.
pub fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Begins a connection with `preface`, then downloads `path` with `headers`.
pub fn ask(from: &str, to: SocketAddr, preface: &[u8], path: &str, headers: &str) -> Option<Reply> {
    let mut stream = connect_from(from, to);
    let request = format!("GET /v1/{path} HTTP/1.1\r\nhost: node\r\n{headers}\r\n");
    // A node that has refused already may not read to the end.
    let _ = stream.write_all(&[preface, request.as_bytes()].concat());
    reply(stream)
}

/// Downloads `path`; the status.
pub fn get(from: &str, to: SocketAddr, path: &str) -> u16 {
    ask(from, to, b"", path, "").map_or(0, |reply| reply.status)
}

/// Fills the bucket of this hour with 4 MiB, 256 KiB under each first digit.
pub fn fill(node: &Node, bucket: Bucket) {
    fill_with(node, bucket, b"");
}

/// The same, over connections that begin with `preface`.
pub fn fill_with(node: &Node, bucket: Bucket, preface: &[u8]) {
    for part in 0..4u64 {
        let numbers = part * 256..(part + 1) * 256;
        let body: Vec<u8> =
            numbers.flat_map(|n| cell((((n % 16) << 12) | ((n / 16) << 4)) as u16, n)).collect();
        let length = body.len();
        let head =
            format!("POST /v1/{bucket} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n");
        let mut stream = connect(node.address);
        stream.write_all(&[preface, head.as_bytes(), &body].concat()).unwrap();
        assert_eq!(reply(stream).unwrap().status, 200);
    }
}

/// Four upload one batch after the other, each with the next number, until the node is killed after
/// `pause`; the numbers of those that were answered 200.
pub fn kill_during_uploads(
    node: Node,
    bucket: Bucket,
    numbers: &AtomicU64,
    batch: &(impl Fn(u64) -> Vec<u8> + Sync),
    pause: Duration,
) -> Vec<u64> {
    let to = node.address;
    let upload = |n| {
        let (mut stream, body) = (TcpStream::connect(to).ok()?, batch(n));
        let length = body.len();
        let head = format!("POST /v1/{bucket} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body).ok()?;
        reply(stream)
    };
    let until_the_end = || {
        let mut mine = Vec::new();
        loop {
            let n = numbers.fetch_add(1, Ordering::Relaxed);
            match upload(n) {
                Some(reply) if reply.status == 200 => mine.push(n),
                Some(reply) => panic!("{reply:?}"),
                None => return mine,
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(until_the_end)).collect();
        std::thread::sleep(pause);
        node.kill();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Asks with `ask` for one prefix after the other until that is refused. Again if need be: at the
/// full hour what was taken is forgotten.
pub fn sweep(mut ask: impl FnMut(&str) -> u16) {
    for n in 0..3 * 0x1000 {
        match ask(&format!("{:03x}", n % 0x1000)) {
            200 => {}
            403 => return,
            other => panic!("{other} at {n}"),
        }
    }
    panic!("never banned");
}

/// The text of the public list.
pub fn banned(node: &Node, preface: &[u8]) -> String {
    let list = ask("127.0.0.200", node.address, preface, "banned", "").unwrap();
    assert_eq!(list.status, 200);
    String::from_utf8(list.body).unwrap()
}

/// The networks in a list.
pub fn networks(list: &str) -> Vec<String> {
    let table: toml::Table = list.parse().unwrap();
    let entries = table["banned"].as_array().unwrap().iter();
    entries.map(|entry| entry["network"].as_str().unwrap().to_owned()).collect()
}
