//! The real `posted` behind proxies: those that are believed and those who pretend to be one, the
//! PROXY protocol and everything that is none, circuits of onion services, and what is never logged.
//! What is held is posted(8), PROXIES.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::{ask, banned, bucket, configure, fill, fill_with, get, networks, sweep};
use node::{Node, connect, memory, reply};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

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
