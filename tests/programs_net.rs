//! Where the real program connects to, and where not: the variables by which other programs find
//! proxies change nothing, a configured proxy is the only way out, writing makes no socket, and an
//! outage costs no letter.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

/// A port of loopback on which nobody listens.
fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs a command of the home under strace; its exit status, and the calls that were traced.
fn traced(home: &Home, calls: &str, args: &[&str], stdin: &Path) -> (Option<i32>, String) {
    let log = home.dir.with_extension("trace");
    let options = ["-e", &format!("trace={calls}"), "-o", log.to_str().unwrap()];
    let mut command = programs::traced(home, &options, args);
    let status = command.stdin(fs::File::open(stdin).unwrap()).stdout(Stdio::null()).status();
    (status.unwrap().code(), fs::read_to_string(log).unwrap())
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let dead = format!("http://127.0.0.1:{}", dead_port());
    let mut sync = alice.command(&["sync"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        sync.env(name, &dead).env(name.to_lowercase(), &dead);
    }
    sync.env("NO_PROXY", "relay.example").env("no_proxy", "relay.example");
    let output = sync.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_dead_proxy_is_not_gone_around() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    let port = dead_port();
    let proxy = format!("socks5h://127.0.0.1:{port}");
    let node = "https://relay.example";
    home.ok(&["init", "--no-passphrase", "--node", node, "--proxy", &proxy]);
    let (status, calls) =
        traced(&home, "connect,sendto,sendmmsg", &["sync"], Path::new("/dev/null"));
    assert_eq!(status, Some(75), "{calls}");
    let there = format!("sin_port=htons({port}), sin_addr=inet_addr(\"127.0.0.1\")");
    let connects: Vec<&str> = calls.lines().filter(|line| line.contains("connect(")).collect();
    assert!(!connects.is_empty(), "it did not even try:\n{calls}");
    for line in calls.lines().filter(|line| line.contains('(')) {
        assert!(line.contains(&there), "{line}");
    }
}

#[test]
fn an_onion_service_of_others_is_left_out_without_a_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home { dir: dir.path().join("alice") };
    let (card, onion) = (alice.card().display().to_string(), "http://alpha.onion");
    let proxy = format!("socks5h://127.0.0.1:{}", dead_port());
    let args = ["init", "--no-passphrase", "--proxy", &proxy, "--node", onion, "--node", &node.url];
    alice.ok(&[&args[..], &["--publish", &card]].concat());
    alice.ok(&["publish"]);
    let bob = Home::init(dir.path(), "bob", &node.url);
    bob.ok(&["add", "alice", &card]);
    bob.ok_with(&["send", "alice", "-s", "by the other node"], b"here\n");
    bob.ok(&["sync"]);
    let waiting = bob.ok(&["outbox"]);
    assert!(waiting.contains("\talice\tposted\t"), "{waiting}");
}

#[test]
fn writing_makes_no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let mail = dir.path().join("mail");
    fs::write(&mail, "To: alice@poste\nSubject: quiet\n\nnobody sees when I write\n").unwrap();
    for args in [&["send", "alice", "-s", "quiet"][..], &["sendmail", "-t"]] {
        let (status, calls) = traced(&bob, "socket,socketpair,connect,execve", args, &mail);
        assert_eq!(status, Some(0), "{args:?}");
        assert!(calls.contains("execve("), "nothing was traced");
        let sockets = calls.lines().filter(|line| !line.contains("execve("));
        assert_eq!(sockets.collect::<Vec<_>>(), Vec::<&str>::new(), "{args:?}");
    }
    assert_eq!(bob.ok(&["outbox"]).matches("queued").count(), 2);
}

#[test]
fn a_letter_waits_out_a_dead_node() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let port: u16 = node.url.rsplit(':').next().unwrap().parse().unwrap();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    drop(node);
    bob.ok_with(&["send", "alice", "-s", "patience"], b"until you are back\n");
    assert_eq!(bob.run(&["sync"], b"").status.code(), Some(75));
    let waiting = bob.ok(&["outbox"]);
    assert!(waiting.lines().any(|line| line.contains("\talice\tqueued\t")), "{waiting}");

    let _node = Node::start_on(port);
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    let raw = alice.ok(&["list", "bob", "-l"]);
    assert_eq!(raw.matches("patience").count(), 1, "{raw}");
}
