//! The real `posted` and clients of many addresses on loopback: who is banned, over restarts and for
//! how long, the allowance, what a client makes of either, and what is never logged.
//! What is held is posted(8), BANS and ALLOWANCE.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "common/programs.rs"]
mod programs;

mod node;

use node::clients::{ask, banned, bucket, configure, fill, get, networks, sweep};
use node::{Node, cell, memory, post};
use programs::Home;
use std::process::Command;
use std::time::Duration;

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
