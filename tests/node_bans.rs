//! The real `posted` and clients of many addresses on loopback: bans, restarts, proxies and those
//! who pretend to be one, the PROXY protocol and everything that is none, and what is never logged.
//! What is held is posted(8), BANS, ALLOWANCE and PROXIES.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "common/programs.rs"]
mod programs;

mod node;

use node::{Node, Reply, cell, connect, memory, post, reply};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use programs::Home;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The bucket to which one can upload now, and for the next minutes.
fn bucket() -> Bucket {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Bucket::at(Class::Hourly, Time::from_unix(now))
}

fn configure(dir: &Path, relay: &str) {
    let text = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n{relay}\n"
    );
    std::fs::write(dir.join("posted.toml"), text).unwrap();
}

/// Connects from an address of loopback.
fn connect_from(from: &str, to: SocketAddr) -> TcpStream {
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
fn ask(from: &str, to: SocketAddr, preface: &[u8], path: &str, headers: &str) -> Option<Reply> {
    let mut stream = connect_from(from, to);
    let request = format!("GET /v1/{path} HTTP/1.1\r\nhost: node\r\n{headers}\r\n");
    // A node that has refused already may not read to the end.
    let _ = stream.write_all(&[preface, request.as_bytes()].concat());
    reply(stream)
}

/// Downloads `path`; the status.
fn get(from: &str, to: SocketAddr, path: &str) -> u16 {
    ask(from, to, b"", path, "").map_or(0, |reply| reply.status)
}

/// Fills the bucket of this hour with 4 MiB, 256 KiB under each first digit.
fn fill(node: &Node, bucket: Bucket) {
    fill_with(node, bucket, b"");
}

fn fill_with(node: &Node, bucket: Bucket, preface: &[u8]) {
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

/// Asks with `ask` for one prefix after the other until that is refused. Again if need be: at the
/// full hour what was taken is forgotten.
fn sweep(mut ask: impl FnMut(&str) -> u16) {
    for n in 0..3 * 0x1000 {
        match ask(&format!("{:03x}", n % 0x1000)) {
            200 => {}
            403 => return,
            other => panic!("{other} at {n}"),
        }
    }
    panic!("never banned");
}

fn banned(node: &Node, preface: &[u8]) -> String {
    let list = ask("127.0.0.200", node.address, preface, "banned", "").unwrap();
    assert_eq!(list.status, 200);
    String::from_utf8(list.body).unwrap()
}

fn networks(list: &str) -> Vec<String> {
    let table: toml::Table = list.parse().unwrap();
    let entries = table["banned"].as_array().unwrap().iter();
    entries.map(|entry| entry["network"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn of_fifty_clients_and_a_watcher_the_watcher_is_banned_over_restarts_and_for_a_day() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"");
    let mut node = Node::start(dir.path(), &[], &[]);
    let (bucket, to) = (bucket(), node.address);
    fill(&node, bucket);
    let mut clients = 0;
    let mut client = |n: usize| {
        let path = format!("{bucket}/{:x}", n % 16);
        let got = ask(&format!("127.0.1.{}", n + 1), to, b"", &path, "").unwrap();
        assert_eq!((got.status, got.body.len()), (200, 64 * 4096));
        clients += 1;
    };
    (0..25).for_each(&mut client);
    sweep(|prefix| get("127.0.0.7", to, &format!("{bucket}/{prefix}")));
    (0..50).for_each(&mut client);
    assert_eq!(clients, 75);
    let list = banned(&node, b"");
    assert_eq!(networks(&list), ["127.0.0.7"]);
    assert!(list.starts_with("floor = 1048576\n"), "{list}");
    assert!(list.contains("\nA = 262144\n"), "{list}");
    assert_eq!(post(to, bucket, &cell(1, 1)).unwrap().status, 200, "127.0.0.1 is not banned");
    let refused = ask("127.0.0.7", to, b"", &format!("{bucket}/4"), "").unwrap();
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    node.terminate();
    assert_eq!(node.end().code(), Some(0));
    let mut logs = node.log();
    let node = Node::start(dir.path(), &[], &[]);
    assert_eq!(get("127.0.0.7", node.address, &format!("{bucket}/4")), 403, "after SIGTERM");
    logs += &node.log();
    node.kill();
    let node = Node::start(dir.path(), &[], &[]);
    assert_eq!(get("127.0.0.7", node.address, &format!("{bucket}/4")), 403, "after SIGKILL");
    assert_eq!(get("127.0.1.1", node.address, &format!("{bucket}/4")), 200);
    assert_eq!(banned(&node, b""), list);
    logs += &node.log();
    node.kill();
    let library = node::faketime();
    let library = library.to_str().unwrap();
    for (later, wanted) in [("+86000s", vec!["127.0.0.7"]), ("+87000s", vec![])] {
        let env = [("LD_PRELOAD", library), ("FAKETIME", later)];
        let node = Node::start(dir.path(), &[], &env);
        assert_eq!(networks(&banned(&node, b"")), wanted, "{later}");
        node.kill();
    }
    let kept = std::fs::read_to_string(dir.path().join("store/bans")).unwrap();
    assert!(!kept.contains("127.0.0.7"), "no address outlives its ban: {kept}");
    for address in ["127.0.0.7", "127.0.1.", "127.0.0.200"] {
        assert!(!logs.contains(address), "{logs}");
    }
}

#[test]
fn a_ban_is_on_file_before_anybody_is_told_of_it() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"");
    for round in 0..3 {
        let node = Node::start(dir.path(), &[], &[]);
        let bucket = bucket();
        if round == 0 {
            fill(&node, bucket);
        }
        let watcher = format!("127.0.0.{}", 7 + round);
        sweep(|prefix| get(&watcher, node.address, &format!("{bucket}/{prefix}")));
        node.kill();
        let kept = std::fs::read_to_string(dir.path().join("store/bans")).unwrap();
        assert!(kept.contains(&watcher), "{kept}");
    }
    std::fs::write(dir.path().join("store/bans"), "carol\n").unwrap();
    let config = dir.path().join("posted.toml");
    let program = env!("CARGO_BIN_EXE_posted");
    let output = Command::new(program).args(["relay", "--config"]).arg(config).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("store/bans: not a list of bans: remove it"), "{error}");
}

#[test]
fn forwarded_addresses_are_taken_from_proxies_alone_and_from_the_right() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"\nproxies = [\"127.0.0.9\", \"10.0.0.0/8\"]");
    let node = Node::start(dir.path(), &[], &[]);
    let (bucket, to) = (bucket(), node.address);
    fill(&node, bucket);
    let shard = |prefix: &str| format!("{bucket}/{prefix}");
    // Somebody who pretends to be a proxy for another client each time.
    let mut n = 0;
    sweep(|prefix| {
        n += 1;
        let spoof = format!("x-forwarded-for: 203.0.113.{}\r\n", n % 250);
        ask("127.0.0.2", to, b"", &shard(prefix), &spoof).unwrap().status
    });
    assert_eq!(networks(&banned(&node, b"")), ["127.0.0.2"]);
    // Somebody behind a proxy who does the same: the proxy adds whom it sees.
    let header = |spoof: usize, client: &str| {
        format!(
            "x-forwarded-for: 203.0.113.{}\r\nX-Forwarded-For: {client}, 10.1.2.3\r\n",
            spoof % 250
        )
    };
    sweep(|prefix| {
        n += 1;
        ask("127.0.0.9", to, b"", &shard(prefix), &header(n, "198.51.100.5")).unwrap().status
    });
    assert_eq!(networks(&banned(&node, b"")), ["127.0.0.2", "198.51.100.5"]);
    for n in 0..30 {
        let client = format!("198.51.100.{}", 100 + n);
        let got = ask("127.0.0.9", to, b"", &shard("4"), &header(5, &client)).unwrap();
        assert_eq!(got.status, 200, "{client}");
    }
    // The proxy itself, or one that names nobody, is not banned, and all its clients with it.
    for _ in 0..2 {
        assert_eq!(get("127.0.0.9", to, &shard("")), 200);
        let nobody = ask("127.0.0.9", to, b"", &shard(""), "x-forwarded-for: unknown\r\n");
        assert_eq!(nobody.unwrap().status, 200);
    }
    assert_eq!(networks(&banned(&node, b"")).len(), 2);
    assert!(!node.log().contains("198.51.100") && !node.log().contains("203.0.113"));
}

/// A header of version 2 with the client 198.51.100.n and extras.
fn binary(n: u8) -> Vec<u8> {
    let addresses = [198, 51, 100, n, 192, 0, 2, 1, 0x13, 0x88, 1, 0xbb];
    let extras = [0x04, 0, 2, 0xaa, 0xbb, 0x20, 0, 5, 0, 0, 0, 0, 0];
    let length = [0, (addresses.len() + extras.len()) as u8];
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11".as_slice(), &length, &addresses, &extras].concat()
}

#[test]
fn the_proxy_protocol_names_clients_and_circuits() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"\nproxy_protocol = true");
    let node = Node::start(dir.path(), &[], &[]);
    let (bucket, to) = (bucket(), node.address);
    let line = |client: &str| format!("PROXY TCP4 {client} 192.0.2.1 5000 443\r\n").into_bytes();
    let circuit =
        |n: u32| format!("PROXY TCP6 fc00:dead:beef:4dad::0:{n:x} ::1 65535 42\r\n").into_bytes();
    let nobody = b"PROXY UNKNOWN\r\n";
    fill_with(&node, bucket, &line("203.0.113.1"));
    let shard = |prefix: &str| format!("{bucket}/{prefix}");
    for preface in [line("198.51.100.5"), binary(6), circuit(0x29)] {
        sweep(|prefix| ask("127.0.0.1", to, &preface, &shard(prefix), "").unwrap().status);
        // The header that a client has written itself changes nothing.
        let spoof = "x-forwarded-for: 203.0.113.9\r\n";
        let got = ask("127.0.0.1", to, &preface, &shard("4"), spoof).unwrap();
        assert_eq!(got.status, 403);
    }
    assert_eq!(networks(&banned(&node, nobody)), ["198.51.100.5", "198.51.100.6"]);
    for preface in [line("198.51.100.7"), binary(8), circuit(0x2a), nobody.to_vec()] {
        assert_eq!(ask("127.0.0.1", to, &preface, &shard("4"), "").unwrap().status, 200);
    }
    // A circuit is kept over a restart like any other, and listed no more than before.
    node.kill();
    let node = Node::start(dir.path(), &[], &[]);
    let (to, got) = (node.address, circuit(0x29));
    assert_eq!(ask("127.0.0.1", to, &got, &shard("4"), "").unwrap().status, 403);
    assert_eq!(networks(&banned(&node, nobody)), ["198.51.100.5", "198.51.100.6"]);
    assert!(!node.log().contains("198.51.100") && !node.log().contains("4dad"));
}

#[test]
fn the_proxy_header_comes_before_tls() {
    let dir = memory();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    configure(dir.path(), "proxy_protocol = true\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"");
    let node = Node::start(dir.path(), &[], &[]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = std::sync::Arc::new(config);
    for (preface, served) in [(binary(5), true), (Vec::new(), false)] {
        let mut stream = connect(node.address);
        stream.write_all(&preface).unwrap();
        let name = "localhost".to_owned().try_into().unwrap();
        let client = rustls::ClientConnection::new(config.clone(), name).unwrap();
        let mut tls = rustls::StreamOwned::new(client, stream);
        let sent = tls.write_all(b"GET /v1/status HTTP/1.1\r\nhost: node\r\n\r\n");
        let status = sent.ok().and_then(|()| reply(&mut tls)).map(|reply| reply.status);
        assert_eq!(status, served.then_some(200));
    }
}

#[test]
fn connections_without_a_whole_proxy_header_get_nothing_and_hinder_nobody() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"\nproxy_protocol = true");
    let node = Node::start(dir.path(), &[], &[]);
    let to = node.address;
    let signature = b"\r\n\r\n\0\r\nQUIT\n".as_slice();
    let v2 = |rest: &[u8], more: usize| [signature, rest, &vec![0; more]].concat();
    for (what, preface) in [
        ("none", Vec::new()),
        ("half a line", b"PROXY TCP4 198.51.100.5 192.0.2.1\r\n".to_vec()),
        ("no such family", b"PROXY TCP7 198.51.100.5 192.0.2.1 1 2\r\n".to_vec()),
        ("an endless line", [b"PROXY TCP4 ".as_slice(), &[b'1'; 4000]].concat()),
        ("version 3", v2(&[0x31, 0x11, 0, 12], 12)),
        ("family unknown", v2(&[0x21, 0x51, 0, 12], 12)),
        ("addresses too short", v2(&[0x21, 0x11, 0, 5], 5)),
        ("too much", v2(&[0x21, 0x11, 0xff, 0xff], 65535)),
    ] {
        assert!(ask("127.0.0.1", to, &preface, "status", "").is_none(), "{what}");
    }
    // Truncated, and then nothing: given up after 10 s, while others are served.
    let slow: Vec<_> = [b"".to_vec(), b"PROXY TCP4 198.51.".to_vec(), v2(&[0x21, 0x11, 0, 12], 3)]
        .into_iter()
        .map(|part| {
            std::thread::spawn(move || {
                let began = Instant::now();
                let mut stream = connect(to);
                stream.write_all(&part).unwrap();
                let mut all = Vec::new();
                // The node may close it with what it has not read, which resets the connection.
                let _ = stream.read_to_end(&mut all);
                assert!(all.is_empty() && (8..15).contains(&began.elapsed().as_secs()));
            })
        })
        .collect();
    let mut drip = connect(to);
    for byte in b"PROXY TCP4 198.51.100.5 192.0.2.1 1 2\r\n"[..30].iter() {
        let began = Instant::now();
        assert_eq!(ask("127.0.0.1", to, &binary(5), "status", "").unwrap().status, 200);
        assert!(began.elapsed() < Duration::from_secs(2));
        // It will be refused in the middle of this.
        let _ = drip.write_all(&[*byte]);
        std::thread::sleep(Duration::from_millis(400));
    }
    let mut all = Vec::new();
    let _ = drip.read_to_end(&mut all);
    assert!(all.is_empty(), "a byte at a time is too slow");
    slow.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn over_the_allowance_there_is_a_time_to_come_back() {
    let dir = memory();
    configure(dir.path(), "upload_per_hour = \"1 MiB\"");
    let node = Node::start(dir.path(), &[], &[]);
    let batch: Vec<u8> = (0..256).flat_map(|n| cell(n as u16, n)).collect();
    assert_eq!(post(node.address, bucket(), &batch).unwrap().status, 200);
    let refused = post(node.address, bucket(), &cell(1, 999)).unwrap();
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15).contains(&wait), "{wait}");
    std::thread::sleep(Duration::from_secs(wait));
    assert_eq!(post(node.address, bucket(), &cell(1, 999)).unwrap().status, 200);
    assert_eq!(networks(&banned(&node, b"")), [""; 0]);
}

#[test]
fn a_client_says_which_node_refused_it_and_keeps_the_letter() {
    let dir = memory();
    configure(dir.path(), "ban_floor = \"1 MiB\"\nupload_per_hour = \"1 MiB\"");
    let node = Node::start(dir.path(), &[], &[]);
    let url = format!("http://{}", node.address);
    let home = tempfile::tempdir().unwrap();
    let (alice, bob) =
        (Home::init(home.path(), "alice", &url), Home::init(home.path(), "bob", &url));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    alice.ok_with(&["send", "bob", "-s", "hello"], b"hello\n");
    let refused = |why: &str| {
        let output = alice.run(&["-v", "sync"], b"");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(75), "{error}");
        assert!(error.contains(&url) && error.contains(why), "{error}");
        assert!(alice.ok(&["outbox"]).contains("queued"));
    };
    let batch: Vec<u8> = (0..256).flat_map(|n| cell((n << 8) as u16, n)).collect();
    assert_eq!(post(node.address, bucket(), &batch).unwrap().status, 200);
    refused("over the allowance");
    let shard = format!("{}/", bucket());
    while get("127.0.0.1", node.address, &shard) == 200 {}
    refused("banned");
}

#[test]
fn a_check_prints_what_holds() {
    let dir = memory();
    let check = |relay: &str| {
        configure(dir.path(), relay);
        let config = dir.path().join("posted.toml");
        let program = env!("CARGO_BIN_EXE_posted");
        let mut command = Command::new(program);
        let output = command.args(["relay", "--check", "--config"]).arg(config).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = check("proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\nban_floor = \"2 GiB\"");
    for line in [
        "upload_per_hour = 67108864",
        "ban_floor = 2147483648",
        "proxies = [\"127.0.0.1/32\", \"10.0.0.0/8\"]",
        "proxy_protocol = false",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    // What is printed is a configuration that means the same.
    std::fs::write(dir.path().join("posted.toml"), &text).unwrap();
    let config = dir.path().join("posted.toml");
    let again = Command::new(env!("CARGO_BIN_EXE_posted"))
        .args(["relay", "--check", "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), text);
    let text = check("");
    assert!(text.contains("# ban_floor: none, since clients on loopback cannot be told apart"));
}
