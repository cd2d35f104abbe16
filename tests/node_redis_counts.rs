//! Counts, bans and allowances of nodes over one real Redis Cluster: what is refunded, what a
//! master takes with it when it dies, and how much of the servers' memory they can fill. The nodes
//! are in this process, with clocks set by hand.
//! What is held is posted(8), REDIS, BANS and ALLOWANCE.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::redis::{Servers, Shared, believed};
use node::{Hands, cell};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::{DAY, Time};
use poste::node::meter::Rules;
use poste::node::network::Network;
use poste::node::tally::Took;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const ROOM: u64 = 64 * MIB;

/// 2026-11-22T14:30:00Z
fn noon() -> Time {
    Time::from_unix(1_795_357_800)
}

fn clock() -> Arc<Hands> {
    Arc::new(Hands::at(noon()))
}

fn hour() -> Bucket {
    Bucket::at(Class::Hourly, noon())
}

fn watcher() -> Network {
    "192.0.2.7".parse().unwrap()
}

/// Bytes under two first digits, given to a network in the hour.
fn gave(node: &Shared, network: Network, bytes: u64) {
    let took = Took { bytes, digits: 3 };
    node.relay.meter().took((network, Class::Hourly), took, noon(), || 0);
}

fn is_banned(node: &Shared, network: Network) -> bool {
    node.relay.meter().is_banned(network, node.relay.buckets().keeper().now())
}

/// The masters that have a part of the bucket, and one such part of each.
fn part_of(servers: &Servers, is_wanted: impl Fn(usize) -> bool) -> u16 {
    let master = |part: u16| servers.master_of(&format!("poste:{{{}/{part:02x}}}", hour()));
    (0..256).find(|part| is_wanted(master(*part))).unwrap()
}

#[test]
fn a_second_of_refunds_alone_is_told_and_pays_off() {
    let servers = Servers::start();
    let rules = Rules { upload_per_hour: Some(MIB), ..Rules::default() };
    let (a, b) = (
        servers.ruled(&clock(), ROOM, rules).unwrap(),
        servers.ruled(&clock(), ROOM, rules).unwrap(),
    );
    let (a_meter, b_meter) = (a.relay.meter(), b.relay.meter());
    assert_eq!(a_meter.charge(watcher(), MIB, noon()), Ok(()));
    a.chores();
    assert!(b_meter.charge(watcher(), 4096, noon()).is_ok(), "it has not heard yet");
    b.chores();
    assert!(b_meter.charge(watcher(), MIB, noon()).is_err());
    // In another second than the charge.
    a_meter.refund(watcher(), MIB);
    a.chores();
    assert!(!a.relay.buckets().is_away(), "the servers took it");
    b_meter.refund(watcher(), 4096);
    b.chores();
    assert!(!b.relay.buckets().is_away());
    assert_eq!(b_meter.charge(watcher(), MIB, noon()), Ok(()), "nothing is owed any more");
}

#[test]
fn what_was_stored_of_an_upload_is_paid_for() {
    let mut servers = Servers::start();
    let rules = Rules { upload_per_hour: Some(MIB), ..Rules::default() };
    let a = servers.ruled(&clock(), ROOM, rules).unwrap();
    let dead = (0..3).find(|n| *n != servers.master_of("poste:{time}")).unwrap();
    let lost = part_of(&servers, |n| n == dead) << 8;
    let kept = part_of(&servers, |n| n != dead) << 8;
    // 63 cells for the masters that are well, and one for the other: 252 KiB are stored.
    let post = |n: u64| {
        let well = (0..63).flat_map(|i| cell(kept, 100 * n + i));
        a.post(hour(), well.chain(cell(lost, 100 * n + 99)).collect())
    };
    servers.cli(dead, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!([post(1), post(2)], [507, 507]);
    servers.kill(dead);
    assert_eq!([post(3), post(4)], [503, 503]);
    assert_eq!(a.relay.metrics().cells.get(), 4 * 63);
    assert_eq!(post(5), 429, "1008 KiB of the MiB are used up");
    // The rest was given back: four cells less than that are left.
    assert_eq!(a.post(hour(), (0..4).flat_map(|i| cell(kept, 9000 + i)).collect()), 200);
    assert_eq!(a.post(hour(), cell(kept, 9999)), 429);
}

#[test]
fn bans_end_by_time_alone_whatever_the_servers_lose() {
    let mut servers = Servers::start();
    let rules = Rules { ban_floor: Some(MIB), ..Rules::default() };
    let (a, b) = (
        servers.ruled(&clock(), ROOM, rules).unwrap(),
        servers.ruled(&clock(), ROOM, rules).unwrap(),
    );
    gave(&a, watcher(), MIB + 1);
    a.chores();
    b.chores();
    assert!(is_banned(&a, watcher()) && is_banned(&b, watcher()));
    let keeper = servers.master_of("poste:{bans}");
    servers.kill(keeper);
    servers.run(keeper);
    believed("the cluster is whole again", || {
        (0..3).all(|n| servers.cli(n, &["CLUSTER", "INFO"]).contains("state:ok"))
    });
    assert_eq!(servers.cli(keeper, &["GET", "poste:{bans}"]).trim(), "", "it has lost everything");
    believed("both answer again", || {
        [&a, &b].into_iter().all(|node| {
            node.chores();
            !node.relay.buckets().is_away()
        })
    });
    assert!(is_banned(&a, watcher()) && is_banned(&b, watcher()));
    assert!(servers.cli(keeper, &["GET", "poste:{bans}"]).contains("192.0.2.7"));
    // A node that never knew of it hears of it.
    let c = servers.ruled(&clock(), ROOM, rules).unwrap();
    c.chores();
    assert!(is_banned(&c, watcher()));
    for node in [&a, &b, &c] {
        node.clock.pass(noon() + DAY);
        node.chores();
    }
    assert!(![&a, &b, &c].into_iter().any(|node| is_banned(node, watcher())));
    assert!(!servers.keys().contains(&"poste:{bans}".to_owned()));
}

#[test]
fn a_crowd_of_networks_fills_no_memory_and_hides_no_watcher() {
    let servers = Servers::start();
    let rules = Rules { ban_floor: Some(100 * MIB), upload_per_hour: Some(MIB) };
    let (a, b) = (
        servers.ruled(&clock(), ROOM, rules).unwrap(),
        servers.ruled(&clock(), ROOM, rules).unwrap(),
    );
    gave(&a, watcher(), 60 * MIB);
    assert_eq!(a.relay.meter().charge(watcher(), MIB, noon()), Ok(()));
    a.chores();
    assert!(!a.relay.buckets().is_away());
    // One /32 of IPv6, a network a request. Each owes for minutes: by the servers' own clock, which
    // goes on, a debt ends too. What a server that is slow was not told in time does not count.
    let mut told = 0;
    for round in 0.. {
        for n in 0..10_000u16 {
            let network = Network::V6([0x2001, 0xdb8, round, n]);
            gave(&a, network, 4096);
            assert_eq!(a.relay.meter().charge(network, MIB / 16, noon()), Ok(()));
        }
        a.chores();
        told += u32::from(!a.relay.buckets().is_away());
        if told == 18 {
            break;
        }
        assert!(round < 60, "{told} times all was told");
        believed("they answer again", || {
            a.chores();
            !a.relay.buckets().is_away()
        });
    }
    let keys = servers.keys();
    for (table, parts) in [("{taken/hourly/", 2 * 256), ("{owed/", 256)] {
        let mut ours: Vec<_> = keys.iter().filter(|key| key.contains(table)).cloned().collect();
        assert!((1..=parts).contains(&ours.len()), "{} keys {table}", ours.len());
        // All of it ends by itself.
        for (key, seconds) in ours.iter().zip(servers.numbers("TTL", &ours)) {
            assert!((1..=3700).contains(&seconds), "{key}: {seconds}");
        }
        ours.retain(|key| !key.ends_with(":digits"));
        let all: i64 = servers.numbers("ZCARD", &ours).iter().sum();
        assert!((20_000..=100_000).contains(&all), "{all} networks in {table}");
    }
    // What the watcher took there and takes here is one sum.
    gave(&b, watcher(), 50 * MIB);
    assert!(!is_banned(&b, watcher()));
    // In one second the sum is heard, in the next the ban is told.
    b.chores();
    b.chores();
    a.chores();
    assert!(is_banned(&a, watcher()) && is_banned(&b, watcher()));
    assert_eq!(b.relay.meter().charge(watcher(), 4096, noon()), Ok(()));
    b.chores();
    assert!(b.relay.meter().charge(watcher(), MIB / 2, noon()).is_err(), "nor is the debt lost");
    // Debts that are paid off leave before that.
    a.clock.pass(noon() + 301);
    a.chores();
    let owed: Vec<_> = (0..256).map(|part| format!("poste:{{owed/{part:02x}}}")).collect();
    let owed: i64 = servers.numbers("ZCARD", &owed).iter().sum();
    assert_eq!(owed, 1, "a 16th of a MiB is paid off in 225 seconds, a MiB in an hour");
}

#[test]
fn a_dead_server_holds_nobody_up_once_it_is_known() {
    let mut servers = Servers::start();
    let a = servers.node(&clock(), ROOM).unwrap();
    let dead = (0..3).find(|n| *n != servers.master_of("poste:{time}")).unwrap();
    let lost = part_of(&servers, |n| n == dead);
    let kept = part_of(&servers, |n| n != dead);
    assert_eq!(a.post(hour(), [cell(lost << 8, 1), cell(kept << 8, 1)].concat()), 200);
    let status = |part: u16| a.get(&format!("{}/{part:02x}", hour())).status.as_u16();
    let refused_at_once = |server: &str| {
        let began = Instant::now();
        assert_eq!(status(lost), 503);
        assert!(began.elapsed() < Duration::from_secs(5), "{server}: {:?}", began.elapsed());
        let began = Instant::now();
        for _ in 0..50 {
            assert_eq!(status(lost), 503);
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{server}: {:?}", began.elapsed());
        assert_eq!(status(kept), 200, "{server}");
    };
    // Its connections stand, and nothing comes.
    servers.signal(dead, "-STOP");
    refused_at_once("one that hangs");
    servers.signal(dead, "-CONT");
    believed("the one that went on", || status(lost) == 200);
    servers.kill(dead);
    refused_at_once("one that is killed");
    servers.run(dead);
    believed("the empty one", || status(lost) == 200);
}
