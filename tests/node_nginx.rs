//! The real nginx in front of the real `posted`, set up as `examples/nginx.conf` has it: everything
//! passes, clients are told apart, and no cell reaches a file. What is held is posted(8), PROXIES.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::{ask, banned, bucket, configure, connect_from, networks, sweep};
use node::{Node, Process, cell, holds_marker, memory, raw, reply, soon};
use poste::node::relay::{UPLOAD, UPLOAD_CELLS};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

/// nginx with the example's server, at a port of loopback and without TLS.
fn nginx(dir: &Path, relay: SocketAddr) -> (Process, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let example = include_str!("../examples/nginx.conf");
    let listens = format!("listen {at};");
    for part in ["listen 443 ssl;", "server 127.0.0.1:8080;"] {
        assert!(example.contains(part), "{part}");
    }
    let server: String = example
        .replace("listen 443 ssl;", &listens)
        .replace("server 127.0.0.1:8080;", &format!("server {relay};"))
        .lines()
        .filter(|line| !line.trim().starts_with("ssl_"))
        .map(|line| format!("{line}\n"))
        .collect();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary =
        temporary.map(|name| format!("{name}_temp_path {};\n", dir.join(name).display()));
    let conf = format!(
        "daemon off;\nmaster_process off;\npid {}/nginx.pid;\nerror_log /dev/null;\n\
         events {{}}\nhttp {{\n{}{server}}}\n",
        dir.display(),
        temporary.concat(),
    );
    std::fs::write(dir.join("nginx.conf"), conf).unwrap();
    let child = Command::new("nginx")
        .args(["-p", dir.to_str().unwrap(), "-c", dir.join("nginx.conf").to_str().unwrap()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child);
    soon("nginx listens", || TcpStream::connect(at).is_ok());
    (process, at)
}

#[test]
fn everything_passes_and_clients_are_told_apart() {
    let (dir, front) = (memory(), memory());
    configure(dir.path(), "ban_floor = \"2 MiB\"\nproxies = [\"127.0.0.1\"]");
    let node = Node::start(dir.path(), &[], &[]);
    let (_nginx, at) = nginx(front.path(), node.address);
    let bucket = bucket();
    // The largest upload, a repetition of it, and one that is too large.
    let body: Vec<u8> = (0..UPLOAD_CELLS as u64).flat_map(|n| cell((n << 8) as u16, n)).collect();
    let post = |body: &[u8]| {
        let mut stream = connect_from("127.0.0.5", at);
        let head = format!(
            "POST /v1/{bucket} HTTP/1.1\r\nhost: relay.example\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // One that is refused already may not be read to its end.
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
        reply(stream).map(|reply| reply.status)
    };
    assert_eq!((post(&body), post(&body)), (Some(200), Some(200)));
    assert_eq!(post(&vec![0; UPLOAD + 4096]), Some(413));
    let whole = ask("127.0.0.6", at, b"", &format!("{bucket}/"), "").unwrap();
    assert_eq!((whole.status, whole.body.len()), (200, UPLOAD));
    let shard = ask("127.0.0.6", at, b"", &format!("{bucket}/4"), "").unwrap();
    assert_eq!(shard.body.len(), UPLOAD / 16);
    assert_eq!(shard.header("cache-control"), Some("no-store"));
    assert_eq!(shard.header("etag").or(shard.header("last-modified")), None);
    assert_eq!(ask("127.0.0.6", at, b"", "hourly/2020-01-01T00/", "").unwrap().status, 410);
    let request = b"DELETE /v1/status HTTP/1.1\r\nhost: relay.example\r\n\r\n";
    assert_eq!(raw(at, request).unwrap().status, 405);
    // One who takes everything is banned, and nobody else.
    let spoof = "x-forwarded-for: 203.0.113.7\r\n";
    sweep(|prefix| {
        ask("127.0.0.7", at, b"", &format!("{bucket}/{}", &prefix[..1]), spoof).unwrap().status
    });
    assert_eq!(networks(&banned(&node, b"")), ["127.0.0.7"]);
    assert_eq!(ask("127.0.0.8", at, b"", &format!("{bucket}/4"), "").unwrap().status, 200);
    // Nothing of what passed lies in a file of nginx's.
    assert!(!holds_marker(front.path()));
    assert!(holds_marker(&dir.path().join("store")), "the marker can be found");
}
