//! The store in a Redis Cluster, a real one: what nodes that share it serve, in which order and in
//! which ranges, and what is left of it when its time is over or a master is dead. The nodes are in
//! this process, with clocks set by hand.
//! What is held is poste-protocol(7), Relay, and posted(8), REDIS.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use http_body_util::BodyExt;
use node::redis::{Servers, Shared, believed};
use node::{Hands, cell, cells, soon};
use poste::core::bucket::{Bucket, CELL, Class, Prefix};
use poste::core::time::{DAY, HOUR, Time};
use poste::node::cluster::OpenError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 2026-11-22T14:30:00Z
const NOON: u64 = 1_795_357_800;
const ROOM: u64 = 64 << 20;

fn noon() -> Arc<Hands> {
    Arc::new(Hands::at(Time::from_unix(NOON)))
}

fn hour() -> Bucket {
    Bucket::at(Class::Hourly, Time::from_unix(NOON))
}

fn day() -> Bucket {
    Bucket::at(Class::Daily, Time::from_unix(NOON))
}

/// Cells under all digits, some parts with many; a few differ in their last byte only.
fn many() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = (0..300).map(|n| cell((n * 0x9e3) as u16 ^ 0x4b7, n)).collect();
    all.extend((0..150).map(|n| cell(0x4b00 | (n * 7) as u16, 1000 + n)));
    for last in 0..5 {
        let mut twin = cell(0xffff, 2000);
        twin[CELL - 1] = last * 50;
        all.push(twin);
    }
    all
}

fn sorted(cells: &[Vec<u8>], prefix: &str) -> Vec<u8> {
    let prefix: Prefix = prefix.parse().unwrap();
    let set: BTreeSet<_> = cells.iter().filter(|cell| prefix.matches(&cell[..16])).collect();
    set.into_iter().flatten().copied().collect()
}

fn put_all(nodes: &[&Shared], bucket: Bucket, all: &[Vec<u8>]) {
    for (n, batch) in all.chunks(50).enumerate() {
        assert_eq!(nodes[n % nodes.len()].post(bucket, batch.concat()), 200);
    }
}

#[test]
fn what_one_node_takes_the_other_gives_and_closed_buckets_are_one_sorted_run() {
    let servers = Servers::start();
    let (a, b) = (servers.node(&noon(), ROOM).unwrap(), servers.node(&noon(), ROOM).unwrap());
    let all = many();
    put_all(&[&a, &b], hour(), &all);
    put_all(&[&b, &a], hour(), &all[..100]);
    put_all(&[&a, &b], day(), &all[..10]);
    for prefix in ["", "4", "4b", "4b7", "ff", "fff", "000"] {
        let (here, there) =
            (a.get(&format!("{}/{prefix}", hour())), b.get(&format!("{}/{prefix}", hour())));
        assert_eq!(here.status, 200);
        assert!(here.headers.get("accept-ranges").is_none());
        for got in [here, there] {
            let mut got = cells(&got.body);
            got.sort();
            assert_eq!(got.concat(), sorted(&all, prefix), "{prefix}, open");
        }
    }
    assert_eq!(a.get(&format!("{}/", day())).status, 404);
    a.clock.pass(hour().closes());
    b.clock.pass(hour().closes());
    for prefix in ["", "4", "4b", "4b7", "ff", "fff", "000"] {
        let path = format!("{}/{prefix}", hour());
        let wanted = sorted(&all, prefix);
        assert_eq!(a.get(&path).body, wanted, "{prefix}");
        assert_eq!(b.get(&path).body, wanted, "{prefix}");
    }
    let whole = sorted(&all, "");
    let end = whole.len();
    for (from, to) in [
        (0, 0),
        (0, end - 1),
        (1, 4095),
        (4095, 4096),
        (100_000, 900_000),
        (end - 5000, end - 1),
        (64 * CELL, 64 * CELL),
        (64 * CELL - 1, 130 * CELL),
    ] {
        for node in [&a, &b] {
            let range = format!("bytes={from}-{to}");
            let got = node.ranged(&format!("{}/", hour()), &[("range", &range)]);
            assert_eq!(got.status, 206, "{range}");
            assert_eq!(got.body, whole[from..=to], "{range}");
        }
    }
    let tail = a.ranged(&format!("{}/4b", hour()), &[("range", "bytes=-5000")]);
    let wanted = sorted(&all, "4b");
    assert_eq!(tail.body, wanted[wanted.len() - 5000..]);
    let beyond = a.ranged(&format!("{}/000", hour()), &[("range", "bytes=5-")]);
    assert_eq!(beyond.status, 416);
    // The count of the last closed bucket, which nodes publish.
    a.relay.buckets().chores();
    assert_eq!(a.relay.buckets().count(hour()), end / CELL);
    let stock = a.relay.buckets().stock().fullest(Class::Hourly, hour().closes());
    assert_eq!(stock, sorted(&all, "4").len() as u64);
}

#[test]
fn a_sealed_bucket_takes_nothing_from_a_node_whose_clock_is_late() {
    let servers = Servers::start();
    let (a, b) = (servers.node(&noon(), ROOM).unwrap(), servers.node(&noon(), ROOM).unwrap());
    assert_eq!(a.post(hour(), cell(0x4b00, 1)), 200);
    a.clock.pass(hour().closes());
    b.clock.pass(hour().closes() - 30);
    assert_eq!(a.get(&format!("{}/", hour())).body, cell(0x4b00, 1));
    assert_eq!(b.post(hour(), cell(0x4b00, 2)), 409);
    assert_eq!(b.post(hour(), cell(0x0000, 3)), 409, "nor a part that held nothing");
    assert_eq!(a.get(&format!("{}/", hour())).body, cell(0x4b00, 1));
}

#[test]
fn nothing_is_left_after_the_hour_and_the_day() {
    let servers = Servers::start();
    let (a, b) = (servers.node(&noon(), ROOM).unwrap(), servers.node(&noon(), ROOM).unwrap());
    put_all(&[&a, &b], hour(), &many());
    put_all(&[&a, &b], day(), &many());
    let held = |name: &str| servers.keys().iter().any(|key| key.contains(name));
    a.pass(hour().closes());
    b.clock.pass(hour().wiped() - 1);
    a.pass(hour().wiped() - 1);
    assert!(held("hourly/"));
    // The first to notice wipes for both; the other knows it by the time that was told.
    a.pass(hour().wiped());
    assert!(
        !servers.keys().iter().any(|key| key.contains(&hour().to_string())),
        "{:?}",
        servers.keys()
    );
    assert_eq!(b.get(&format!("{}/", hour())).status, 410);
    assert_eq!(a.get(&format!("{}/", hour())).status, 410);
    a.pass(day().wiped() - 1);
    assert_eq!(a.get(&format!("{}/", day())).body, sorted(&many(), ""));
    a.pass(day().wiped());
    assert!(!held(&day().to_string()));
    assert_eq!(a.get(&format!("{}/", day())).status, 410);
    // What every node tells of buckets that stand, empty: their seals, and the time.
    for key in servers.keys() {
        let known = key.ends_with(":sealed") || key.starts_with("poste:{time}");
        assert!(known, "{key}");
    }
    assert_eq!(a.relay.buckets().fill().0, 0, "and the room is free again");
}

#[test]
fn what_stood_when_all_nodes_were_dead_is_wiped_at_the_start_and_ends_by_itself() {
    let servers = Servers::start();
    let a = servers.node(&noon(), ROOM).unwrap();
    put_all(&[&a], hour(), &many());
    let part = servers.keys().into_iter().find(|key| key.contains(&hour().to_string())).unwrap();
    let seconds: u64 =
        servers.cli(servers.master_of(&part), &["TTL", &part]).trim().parse().unwrap();
    let wanted = hour().wiped().since(Time::from_unix(NOON)) + 60;
    assert!((wanted - 60..=wanted).contains(&seconds), "{seconds}");
    drop(a);
    // Of a bucket that no node knows of, and of others, which are left alone.
    let stray = format!("poste:{{{}/07}}", hour().previous().previous());
    servers.cli(servers.master_of(&stray), &["ZADD", &stray, "0", "x"]);
    servers.cli(servers.master_of("letter"), &["SET", "letter", "mine"]);
    std::thread::sleep(Duration::from_secs(11));
    let clock = Arc::new(Hands::at(hour().wiped()));
    let a = servers.node(&clock, ROOM).unwrap();
    let left = servers.keys();
    assert!(!left.iter().any(|key| key.contains(&hour().to_string())), "{left:?}");
    assert!(!left.contains(&stray) && left.contains(&"letter".to_owned()), "{left:?}");
    assert_eq!(a.get(&format!("{}/", hour())).status, 410);
}

#[test]
fn clocks_agree_or_the_node_does_not_start() {
    let servers = Servers::start();
    let a = servers.node(&noon(), ROOM).unwrap();
    assert_eq!(a.post(hour(), cell(1, 1)), 200);
    for apart in [NOON - 61, NOON + 61, NOON + DAY] {
        let clock = Arc::new(Hands::at(Time::from_unix(apart)));
        let refused = servers.node(&clock, ROOM).err().expect("the clocks differ");
        assert!(matches!(refused, OpenError::Apart(_, 61 | DAY)), "{refused}");
    }
    // Time stepping back opens nothing again, and what jumps ahead wipes nothing.
    a.clock.set(Time::from_unix(NOON + DAY));
    a.relay.buckets().chores();
    assert_eq!(a.get(&format!("{}/", hour())).body, cell(1, 1));
    a.clock.set(Time::from_unix(NOON));
    a.pass(hour().closes());
    a.clock.set(hour().start());
    assert_eq!(a.post(hour(), cell(1, 2)), 409);
    drop(a);
    std::thread::sleep(Duration::from_secs(11));
    let clock = Arc::new(Hands::at(hour().start() - 3 * HOUR));
    let refused = servers.node(&clock, ROOM).err().expect("the clock is behind");
    assert!(refused.to_string().contains("behind the time recorded"), "{refused}");
}

#[test]
fn a_store_that_is_full_takes_nothing_and_has_room_again_after_the_wipe() {
    let servers = Servers::start();
    let a = servers.node(&noon(), 100 * CELL as u64).unwrap();
    assert_eq!(a.post(hour(), many()[..90].concat()), 200);
    let b = servers.node(&noon(), 100 * CELL as u64).unwrap();
    assert_eq!(b.post(hour(), many()[90..110].concat()), 507);
    assert_eq!(b.post(hour(), many()[90..100].concat()), 200);
    assert_eq!(cells(&b.get(&format!("{}/", hour())).body).len(), 100, "nothing of the 507");
    // The servers have a limit of their own.
    for n in 0..3 {
        servers.cli(n, &["CONFIG", "SET", "maxmemory", "1"]);
    }
    let c = servers.node(&noon(), ROOM);
    assert!(c.is_err(), "not even the time can be told");
    a.pass(hour().closes());
    for n in 0..3 {
        servers.cli(n, &["CONFIG", "SET", "maxmemory", "0"]);
    }
    a.pass(hour().wiped());
    assert_eq!(a.post(Bucket::at(Class::Hourly, hour().wiped()), many()[..100].concat()), 200);
}

#[test]
fn a_dead_master_costs_its_part_and_nothing_else() {
    let mut servers = Servers::start();
    let a = servers.node(&noon(), ROOM).unwrap();
    let place = |part: u16| servers.master_of(&format!("poste:{{{}/{part:02x}}}", hour()));
    let dead = (0..3).find(|n| *n != servers.master_of("poste:{time}")).unwrap();
    let lost = (0..256).find(|part| place(*part) == dead).unwrap();
    let kept = (0..256).find(|part| place(*part) != dead).unwrap();
    let (lost_cell, kept_cell) = (cell(lost << 8, 1), cell(kept << 8, 2));
    assert_eq!(a.post(hour(), [lost_cell.clone(), kept_cell.clone()].concat()), 200);
    servers.kill(dead);
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(a.post(hour(), cell(lost << 8, 3)), 503);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!(a.post(hour(), cell(kept << 8, 4)), 200);
        assert_eq!(a.get(&format!("{}/{kept:02x}", hour())).status, 200);
        assert_eq!(a.get(&format!("{}/{lost:02x}", hour())).status, 503);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    // In part: the rest comes with the repeat.
    let both = [cell(lost << 8, 5), cell(kept << 8, 6)].concat();
    assert_eq!(a.post(hour(), both.clone()), 503);
    a.relay.buckets().chores();
    assert!(a.relay.buckets().is_away());
    servers.run(dead);
    believed("the master is back", || a.post(hour(), both.clone()) == 200);
    soon("all is well", || {
        a.relay.buckets().chores();
        !a.relay.buckets().is_away()
    });
    let mut got = cells(&a.get(&format!("{}/", hour())).body);
    got.sort();
    let mut wanted = vec![kept_cell, cell(kept << 8, 4), cell(lost << 8, 5), cell(kept << 8, 6)];
    wanted.sort();
    assert_eq!(got, wanted, "what the master had is gone, and is not missed");
}

#[test]
fn a_download_under_way_ends_with_the_bucket() {
    let servers = Servers::start();
    let a = servers.node(&noon(), ROOM).unwrap();
    put_all(&[&a], hour(), &many());
    a.clock.pass(hour().wiped() - 1);
    let path = format!("/v1/{}/", hour());
    let request =
        hyper::Request::get(path).body(http_body_util::Empty::<hyper::body::Bytes>::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut body =
        runtime.block_on(a.relay.answer(request.unwrap(), node::world::PEER)).into_body();
    assert!(runtime.block_on(body.frame()).unwrap().is_ok());
    // Meanwhile some more has been read.
    std::thread::sleep(Duration::from_millis(300));
    a.clock.pass(hour().wiped());
    let got = runtime.block_on(body.frame()).expect("cut off, not ended");
    assert!(got.is_err(), "not even what was read before leaves");
}
