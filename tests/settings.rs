//! Keys of the configuration that no other test sets: each does what its page says.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;
mod world;

use poste::client::error::Kind;
use poste::client::queue;
use poste::core::bucket::Class;
use std::process::{Child, Command, Stdio};
use world::{Person, RELAY, World, petname};

#[test]
fn pace_is_what_a_node_gets() {
    let world = World::at("2026-11-22T14");
    let mut alice = Person::new(&world, "alice", 1, &[]);
    for (pace, posts) in [(7, vec![7]), (0, vec![])] {
        alice.config.pace = pace;
        let relay = world.relay(RELAY);
        relay.lock().unwrap().posts.clear();
        alice.sync();
        let hourly = relay.lock().unwrap().posts.clone().into_iter();
        let hourly = hourly.filter(|(bucket, _)| bucket.to_string().starts_with("hourly/"));
        assert_eq!(hourly.map(|(_, cells)| cells).collect::<Vec<_>>(), posts);
    }
}

#[test]
fn nodes_per_sync_is_how_many_get_cover() {
    let nodes = ["https://a.example", "https://b.example", "https://c.example"];
    for few in [1, 2] {
        let world = World::at("2026-11-22T14");
        let mut alice = Person::new(&world, "alice", 1, &nodes);
        alice.config.nodes_per_sync = few;
        alice.sync();
        let by_hour = |node: &&&str| {
            let relay = world.relay(node);
            let relay = relay.lock().unwrap();
            relay.posts.iter().any(|(bucket, _)| bucket.class() == Class::Hourly)
        };
        let visited = nodes.iter().filter(by_hour);
        assert_eq!(visited.count(), usize::from(few));
    }
}

#[test]
fn attachment_max_is_the_largest_mail() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) =
        (Person::new(&world, "alice", 1, &[]), Person::new(&world, "bob", 2, &[]));
    alice.add("bob", &bob);
    alice.config.attachment_max = 1000;
    let send = |size: usize| {
        let mail = format!("Subject: x\n\n{}", "x".repeat(size - 12));
        alice.with(|env| queue::send(env, &[petname("bob")], mail.as_bytes(), false))
    };
    // What one attaches is longer in base64.
    assert!(send(1375).is_ok());
    let error = send(1376).unwrap_err();
    assert_eq!(error.kind, Kind::Data);
    assert!(error.what.contains("attachment_max"), "{error}");
    assert_eq!(alice.outbox().len(), 1);
}

/// A relay with a certificate of its own; killed when dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ca_file_makes_a_relay_of_ones_own_believed_and_no_other_way_does() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(dir.path().join("tls.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:{port}\"\nstore = \"dir:store\"\n\
         tls_cert = \"tls.pem\"\ntls_key = \"tls.key\"\n"
    );
    let file = dir.path().join("posted.toml");
    std::fs::write(&file, config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_posted"))
        .args(["relay", "--config"])
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _relay = Relay(child);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let home = programs::Home::init(dir.path(), "alice", &format!("https://127.0.0.1:{port}"));
    let output = home.run(&["-v", "sync"], b"");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{stderr}");
    assert!(stderr.contains("certificate"), "{stderr}");
    let config = home.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let ca = dir.path().join("tls.pem").display().to_string();
    std::fs::write(&config, format!("{text}\nca_file = \"{ca}\"\n")).unwrap();
    home.ok(&["sync"]);
    assert!(home.ok(&["status"]).contains("clock      good"), "its Date counts as a witness");
}
