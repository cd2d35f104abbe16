//! A store in a real Redis Cluster whose servers change under it: over TLS with a password, a master
//! that dies and is replaced by its replica, slots that move while cells are uploaded.
//! What is held is posted(8), REDIS.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::{bucket, configure_over};
use node::redis::{Servers, Shared};
use node::{Hands, Node, cell, cells, get, memory, post, soon};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// 2026-11-22T14:30:00Z
fn noon() -> Time {
    Time::from_unix(1_795_357_800)
}

/// A cell in part `n % 256` of a bucket.
fn spread(n: u64) -> Vec<u8> {
    cell(((n % 256) << 8) as u16, n)
}

/// Everything in a bucket.
fn all(relay: &Shared, bucket: Bucket) -> HashSet<Vec<u8>> {
    let got = relay.get(&format!("{bucket}/"));
    assert_eq!(got.status, 200);
    let list = cells(&got.body);
    let set: HashSet<_> = list.iter().cloned().collect();
    assert_eq!(set.len(), list.len(), "no cell twice");
    set
}

#[test]
fn servers_over_tls_want_their_password_and_a_certificate_that_is_trusted() {
    let servers = Servers::secure("p4ss");
    let trusted = servers.dir.path().join("cert.pem");
    let trusted = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let dir = memory();
    configure_over(dir.path(), &servers.store(), "");
    let node = Node::start(dir.path(), &[], &trusted);
    let bucket = bucket();
    let body: Vec<u8> = (0..64).flat_map(spread).collect();
    assert_eq!(post(node.address, bucket, &body).unwrap().status, 200);
    assert_eq!(get(node.address, &format!("/v1/{bucket}/")).body.len(), body.len());
    assert!(servers.keys().iter().any(|key| key.contains(&bucket.to_string())));
    assert!(!node.log().contains("p4ss"), "{}", node.log());
    node.kill();
    let refused = |store: &str, env: &[(&str, &str)]| {
        configure_over(dir.path(), store, "");
        let mut posted = Command::new(env!("CARGO_BIN_EXE_posted"));
        posted.args(["relay", "--check", "--config"]).arg(dir.path().join("posted.toml"));
        let output = posted.envs(env.iter().copied()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("p4ss"), "{said}");
        output.status.code()
    };
    assert_eq!(refused(&servers.store(), &trusted), Some(0));
    assert_eq!(refused(&servers.store(), &[]), Some(75), "a certificate that nobody trusts");
    assert_ne!(refused(&servers.store().replace("p4ss", "wrong"), &trusted), Some(0));
    assert_ne!(refused(&servers.store().replace("rediss:", "redis:"), &trusted), Some(0));
}

#[test]
fn a_replica_takes_the_place_of_its_master_and_nothing_that_it_had_is_lost() {
    let mut servers = Servers::with_replicas();
    let clock = Arc::new(Hands::at(noon()));
    let relay = servers.node(&clock, 64 << 20).unwrap();
    let hour = Bucket::at(Class::Hourly, noon());
    let before: Vec<_> = (0..512).map(spread).collect();
    for body in before.chunks(64) {
        assert_eq!(relay.post(hour, body.concat()), 200);
    }
    // What is with the replicas when the master dies is kept.
    let masters: Vec<usize> =
        (0..6).filter(|n| servers.cli(*n, &["ROLE"]).starts_with("master")).collect();
    assert_eq!(masters.len(), 3);
    let offsets = |n: usize| {
        let info = servers.cli(n, &["INFO", "replication"]);
        let master = info.lines().find_map(|l| l.strip_prefix("master_repl_offset:")).unwrap();
        let replica = info.lines().find_map(|l| Some(l.split_once(",offset=")?.1)).unwrap();
        (master.trim().to_owned(), replica.split(',').next().unwrap().to_owned())
    };
    soon("the replicas have it all", || {
        masters.iter().all(|n| {
            let (master, replica) = offsets(*n);
            master == replica
        })
    });
    servers.kill(masters[0]);
    let began = Instant::now();
    // Each cell by itself: some are refused until the replica has taken over.
    let after: Vec<_> = (1000..1256).map(spread).collect();
    let mut waiting: Vec<&Vec<u8>> = after.iter().collect();
    let (mut refused, mut stored) = (0, HashSet::new());
    while !waiting.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(40), "{} wait", waiting.len());
        waiting.retain(|cell| match relay.post(hour, cell.to_vec()) {
            200 => {
                stored.insert(cell.to_vec());
                false
            }
            503 => {
                refused += 1;
                true
            }
            other => panic!("{other}"),
        });
    }
    assert!(refused > 0, "nobody noticed that a master was dead");
    soon("all can be read again", || relay.get(&format!("{hour}/")).status == 200);
    let got = all(&relay, hour);
    assert!(before.iter().chain(&stored).all(|cell| got.contains(cell)));
    assert_eq!(got.len(), before.len() + after.len());
    // Nor is anything left when the time is over, on the servers that run.
    relay.pass(hour.wiped());
    soon("all is wiped", || {
        relay.pass(hour.wiped());
        servers.keys().iter().all(|key| !key.contains("hourly/2026-11-22T14"))
    });
}

#[test]
fn slots_move_under_uploads_and_downloads_and_no_cell_is_lost() {
    let servers = Servers::start();
    let clock = Arc::new(Hands::at(noon()));
    let relays = [0, 1].map(|_| servers.node(&clock, 64 << 20).unwrap());
    let hour = Bucket::at(Class::Hourly, noon());
    let id = |n| servers.cli(n, &["CLUSTER", "MYID"]).trim().to_owned();
    let (from, to) = (id(0), id(1));
    let done = AtomicBool::new(false);
    let moved = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..2u64)
            .map(|n| {
                let (relay, done) = (&relays[n as usize], &done);
                scope.spawn(move || {
                    let mut stored = Vec::new();
                    for round in 0u64.. {
                        let first = n * 1_000_000 + round * 8;
                        let body: Vec<_> = (first..first + 8).map(|n| spread(n * 37)).collect();
                        match relay.post(hour, body.concat()) {
                            200 => stored.extend(body),
                            503 => {}
                            other => panic!("{other}"),
                        }
                        let part = relay.get(&format!("{hour}/{:02x}", round % 256)).status;
                        assert!(part == 200 || part == 503, "{part}");
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    stored
                })
            })
            .collect();
        let mut reshard = servers.client();
        let at = format!("127.0.0.1:{}", servers.ports[0]);
        reshard.args(["--cluster", "reshard", &at, "--cluster-from", &from, "--cluster-to", &to]);
        let output = reshard.args(["--cluster-slots", "1500", "--cluster-yes"]).output().unwrap();
        done.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{output:?}");
        uploads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(moved.len() > 500, "only {} cells", moved.len());
    for relay in &relays {
        let got = all(relay, hour);
        assert!(moved.iter().all(|cell| got.contains(cell)));
    }
    relays[0].pass(hour.wiped());
    assert!(servers.keys().iter().all(|key| !key.contains("hourly/2026-11-22T14")));
}
