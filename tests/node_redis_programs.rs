//! The real `posted`, twice over one real Redis Cluster: it refuses servers that write to a disk,
//! what is taken at one is given at both, whoever collects from both is banned at both, and one that
//! is killed while it stores leaves no cell in part.
//! What is held is posted(8), REDIS, BANS and ALLOWANCE.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::{
    ask, banned, bucket, configure_over, fill, get, kill_during_uploads, networks,
};
use node::redis::Servers;
use node::{Node, cell, cells, memory, post, soon};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn posted(dir: &Path, flags: &[&str]) -> Output {
    let mut posted = Command::new(env!("CARGO_BIN_EXE_posted"));
    posted.args(["relay", "--config"]).arg(dir.join("posted.toml")).args(flags);
    posted.output().unwrap()
}

#[test]
fn servers_that_keep_or_drop_cells_are_refused_and_named() {
    let servers = Servers::start();
    let dir = memory();
    configure_over(dir.path(), &servers.store(), "");
    let checked = posted(dir.path(), &["--check"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains(&format!("store = \"{}\"", servers.store())), "{text}");
    assert!(servers.keys().is_empty(), "a check changes nothing");
    for (setting, wrong, right) in [
        ("save", "3600 1", ""),
        ("appendonly", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ] {
        servers.cli(1, &["CONFIG", "SET", setting, wrong]);
        for flags in [&["--check"][..], &[]] {
            let refused = posted(dir.path(), flags);
            assert_eq!(refused.status.code(), Some(78), "{setting}: {refused:?}");
            let error = String::from_utf8(refused.stderr).unwrap();
            let named = format!("127.0.0.1:{}: {setting} is \"{wrong}\"", servers.ports[1]);
            assert!(error.contains(&named), "{error}");
        }
        servers.cli(1, &["CONFIG", "SET", setting, right]);
    }
    // What was slow is kept with its arguments, and those are cells: none, or no log.
    let check = || {
        let checked = posted(dir.path(), &["--check"]);
        (checked.status.code(), String::from_utf8(checked.stderr).unwrap())
    };
    servers.cli(1, &["CONFIG", "SET", "slowlog-max-len", "128"]);
    let (code, error) = check();
    assert_eq!(code, Some(78), "{error}");
    let name = format!("127.0.0.1:{}", servers.ports[1]);
    for part in [&name, "slowlog-max-len", "set the first to \"0\"", "CONFIG SET", "redis.conf"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    servers.cli(1, &["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    servers.cli(1, &["CONFIG", "SET", "slowlog-log-slower-than", "-1"]);
    let (code, error) = check();
    assert_eq!(code, Some(78), "what was kept before: {error}");
    assert!(error.contains(&name) && error.contains("SLOWLOG RESET"), "{error}");
    servers.cli(1, &["SLOWLOG", "RESET"]);
    assert_eq!(check().0, Some(0), "with no threshold nothing is kept");
    servers.cli(1, &["CONFIG", "SET", "slowlog-max-len", "0"]);
    servers.cli(1, &["CONFIG", "SET", "slowlog-log-slower-than", "10000"]);
    assert_eq!(check(), (Some(0), String::new()));
    // A node whose servers have gone says so.
    let node = Node::start(dir.path(), &[], &[]);
    assert_eq!(post(node.address, bucket(), &cell(1, 1)).unwrap().status, 200);
    drop(servers);
    let away = posted(dir.path(), &["--check"]);
    assert_eq!(away.status.code(), Some(75), "{away:?}");
    assert_eq!(post(node.address, bucket(), &cell(1, 2)).unwrap().status, 503);
    soon("the log says so once", || node.log().matches("does not answer").count() == 1);
    node.terminate();
}

#[test]
fn who_sweeps_two_nodes_is_banned_at_both_and_has_one_allowance() {
    let servers = Servers::start();
    let dirs = [memory(), memory()];
    let limits = "ban_floor = \"1 MiB\"\nupload_per_hour = \"2 MiB\"";
    dirs.iter()
        .for_each(|dir| configure_over(dir.path(), &servers.store(), "ban_floor = \"1 MiB\""));
    let nodes = dirs.each_ref().map(|dir| Node::start(dir.path(), &[], &[]));
    let bucket = bucket();
    fill(&nodes[0], bucket);
    soon("both know what stands", || {
        nodes.iter().all(|node| get("127.0.0.99", node.address, &format!("{bucket}/4")) == 200)
    });
    // A is 256 KiB, so 1 MiB is the bound: three quarters of it from each, and then a little.
    for node in &nodes {
        for digit in 0..3 {
            assert_eq!(get("127.0.0.7", node.address, &format!("{bucket}/{digit:x}")), 200);
        }
    }
    soon("both have banned him", || {
        nodes.iter().all(|node| get("127.0.0.7", node.address, &format!("{bucket}/4bc")) == 403)
    });
    let lists = nodes.each_ref().map(|node| banned(node, b""));
    assert_eq!(networks(&lists[0]), ["127.0.0.7"]);
    assert_eq!(lists[0], lists[1]);
    assert!(lists[0].contains("\nA = 262144\n"), "{}", lists[0]);
    for node in &nodes {
        let other = ask("127.0.0.8", node.address, b"", &format!("{bucket}/4"), "").unwrap();
        assert_eq!((other.status, other.body.len()), (200, 64 * 4096));
    }
    // Counts and bans end by themselves, so no address stays.
    let keys = servers.keys();
    let kept =
        |key: &&String| ["{taken/", "{owed/", "{bans}"].iter().any(|name| key.contains(name));
    assert!(keys.iter().filter(kept).count() > 1, "{keys:?}");
    for key in keys.iter().filter(kept) {
        let seconds = servers.cli(servers.master_of(key), &["TTL", key]);
        assert!((1..=86_400).contains(&seconds.trim().parse::<i64>().unwrap()), "{key}: {seconds}");
    }
    // A node that is started later knows of the ban, and of the uploads at the other.
    let [first, second] = nodes;
    first.kill();
    second.kill();
    dirs.iter().for_each(|dir| configure_over(dir.path(), &servers.store(), limits));
    let nodes = dirs.each_ref().map(|dir| Node::start(dir.path(), &[], &[]));
    assert_eq!(get("127.0.0.7", nodes[0].address, &format!("{bucket}/4")), 403);
    let mebibyte =
        |n: u64| (0..256).flat_map(|i| cell(i as u16, 256 * n + i + 5000)).collect::<Vec<_>>();
    assert_eq!(post(nodes[0].address, bucket, &mebibyte(0)).unwrap().status, 200);
    assert_eq!(post(nodes[1].address, bucket, &mebibyte(1)).unwrap().status, 200);
    std::thread::sleep(Duration::from_secs(3));
    // One cell lets each node hear what the network owes at the other.
    for node in &nodes {
        post(node.address, bucket, &cell(9, 9)).unwrap();
    }
    std::thread::sleep(Duration::from_secs(3));
    for (n, node) in nodes.iter().enumerate() {
        assert_eq!(post(node.address, bucket, &mebibyte(2 + n as u64)).unwrap().status, 429);
        assert!(!node.log().contains("127.0.0.7"), "{}", node.log());
    }
}

#[test]
fn a_kill_during_uploads_leaves_no_cell_in_part_and_loses_nothing() {
    /// Cells in a batch.
    const BATCH: u64 = 16;
    let servers = Servers::start();
    let dirs = [memory(), memory()];
    dirs.iter().for_each(|dir| configure_over(dir.path(), &servers.store(), ""));
    let other = Node::start(dirs[1].path(), &[], &[]);
    let numbers = AtomicU64::new(0);
    let batch = |n: u64| -> Vec<u8> {
        (0..BATCH).flat_map(|i| cell((n * 4099 + i * 4096) as u16, n * BATCH + i)).collect()
    };
    let bucket = bucket();
    let mut stored = HashSet::new();
    for round in 0..4 {
        let node = Node::start(dirs[0].path(), &[], &[]);
        let pause = Duration::from_millis(250 + 17 * round);
        stored.extend(kill_during_uploads(node, bucket, &numbers, &batch, pause));
    }
    let read = || cells(&node::get(other.address, &format!("/v1/{bucket}/")).body);
    let sent: HashSet<_> =
        (0..numbers.load(Ordering::Relaxed)).flat_map(|n| cells(&batch(n))).collect();
    let got = read();
    let unique: HashSet<_> = got.iter().cloned().collect();
    assert_eq!(unique.len(), got.len(), "no cell twice");
    assert!(unique.is_subset(&sent), "every cell served was uploaded as it is");
    for n in &stored {
        assert!(cells(&batch(*n)).iter().all(|cell| unique.contains(cell)), "batch {n}");
    }
    assert!(stored.len() > 20, "only {} batches", stored.len());
    // An upload without an answer is sent again, here to the other node, and is then whole.
    for n in 0..numbers.load(Ordering::Relaxed) {
        assert_eq!(post(other.address, bucket, &batch(n)).unwrap().status, 200);
    }
    let got = read();
    assert_eq!(got.len(), sent.len());
    assert_eq!(got.into_iter().collect::<HashSet<_>>(), sent);
}
