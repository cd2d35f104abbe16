//! The memory of the real `posted` while it takes and wipes bucket after bucket: its clock runs 120
//! times as fast, so that an hour is over in half a minute. What it holds must not grow: once each
//! of its threads has had its share, for which a crowd uploads first, the line through the last ten
//! minutes is level. Thirty minutes under `make soak`, or as many as POSTE_SOAK_MINUTES says. What is
//! held is posted(8), STORE.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::{Node, cell, connect, faketime, memory, reply};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

/// How much faster the clock of the node goes.
const SPEED: u32 = 120;
/// Cells in an upload.
const BATCH: u64 = 64;
/// Clients that come at once in the beginning: as many as there may ever be threads for one. More
/// would leave free memory in which a leak could hide.
const CROWD: u64 = 6;
/// Seconds from one look at the memory to the next.
const EVERY: u32 = 5;
/// KiB by which it may rise in a minute over the last third of the run. A leak of 200 bytes in a
/// request would be more.
const RISE: f64 = 100.0;

#[test]
#[ignore = "make soak"]
fn memory_stays_level_over_thirty_minutes_of_upload_and_wipe() {
    let minutes = std::env::var("POSTE_SOAK_MINUTES").map_or(30, |m| m.parse().unwrap());
    assert!(minutes >= 5, "less shows nothing");
    let dir = memory();
    let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                store = \"dir:store\"\ncapacity = \"1 GiB\"\nban_floor = \"1024 GiB\"\n\
                upload_per_hour = \"1024 GiB\"\n";
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let (library, began) = (faketime(), Instant::now());
    let start = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let speed = format!("+0 x{SPEED}");
    let env = [("LD_PRELOAD", library.to_str().unwrap()), ("FAKETIME", &speed)];
    let node = Node::start(dir.path(), &[], &env);
    // As the node sees it, but for the moment it took to start.
    let now = || Time::from_unix((start + began.elapsed() * SPEED).as_secs());
    let (mut series, mut next, mut taken, mut refused) = (Vec::new(), 0, 0u64, 0u64);
    let mut wiped = 0;
    crowd(&node, Bucket::at(Class::Hourly, now()));
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let bucket = Bucket::at(Class::Hourly, now());
        let body: Vec<u8> = (0..BATCH).flat_map(|n| cell((n << 10) as u16, next + n)).collect();
        next += BATCH;
        match request(node.address, &format!("POST /v1/{bucket}"), &body) {
            Some(200) => taken += 1,
            // The clock runs through the hour while a request is under way.
            _ => refused += 1,
        }
        for path in [format!("{bucket}/4"), format!("{}/", bucket.previous())] {
            request(node.address, &format!("GET /v1/{path}"), b"");
        }
        if began.elapsed() >= Duration::from_secs(1) * EVERY * series.len() as u32 {
            series.push(resident(&node));
            wiped = node.log().matches("wiped hourly").count();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let late = &series[series.len() * 2 / 3..];
    let rise = rise(late) * 60.0 / f64::from(EVERY);
    let minute: Vec<_> = series.chunks(60 / EVERY as usize).map(|of| of.iter().max()).collect();
    #[allow(clippy::print_stdout, reason = "`make soak` shows what it measured")]
    {
        println!(
            "{minutes} min: {taken} uploads of {BATCH} cells, {refused} not taken, {wiped} buckets \
             wiped; most VmRSS of each minute in KiB: {:?}; over the last third it rose by \
             {rise:.1} KiB in a minute",
            minute.into_iter().flatten().collect::<Vec<_>>()
        );
    }
    assert!(taken > 20 * refused, "{taken} taken, {refused} not");
    assert!(wiped as u64 >= 2 * minutes - 4, "an hour is half a minute: {wiped} wiped");
    assert!(rise <= RISE, "it rose by {rise:.1} KiB in a minute: {late:?}");
    // After the first wipes everything has been there that will be.
    let level = series[series.len() / 6..series.len() / 2].iter().max().unwrap();
    let late = late.iter().max().unwrap();
    assert!(*late <= level + level / 10 + 1024, "{level} KiB in the first half, then {late}");
}

/// A few upload and download at once, so that there are as many threads as one client will ever
/// make, each with what malloc(3) gives it.
fn crowd(node: &Node, bucket: Bucket) {
    std::thread::scope(|scope| {
        for client in 1..=CROWD {
            scope.spawn(move || {
                for turn in 0..30 {
                    let first = client << 40 | turn << 20;
                    let body: Vec<u8> =
                        (0..BATCH).flat_map(|n| cell(n as u16, first + n)).collect();
                    // Some are refused when the hour is over meanwhile.
                    request(node.address, &format!("POST /v1/{bucket}"), &body);
                    request(node.address, &format!("GET /v1/{bucket}/0"), b"");
                }
            });
        }
    });
}

/// By how much a series rises from one value to the next: the slope of the line nearest to it.
fn rise(series: &[u64]) -> f64 {
    let count = series.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, series.iter().sum::<u64>() as f64 / count);
    let values = || series.iter().enumerate().map(|(n, value)| (n as f64 - middle, *value as f64));
    values().map(|(n, value)| n * (value - mean)).sum::<f64>()
        / values().map(|(n, _)| n * n).sum::<f64>()
}

/// The status of one request over a connection of its own.
fn request(to: SocketAddr, line: &str, body: &[u8]) -> Option<u16> {
    let mut stream = connect(to);
    let head = format!("{line} HTTP/1.1\r\nhost: node\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    reply(stream).map(|reply| reply.status)
}

fn resident(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
