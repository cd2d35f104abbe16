//! Bans and the upload allowance over hours and days, with a clock set by hand: who is banned and
//! who never is, whatever others post; when bans end; what uploads cost.
//! What is held is poste-protocol(7), Relay, and posted(8), BANS and ALLOWANCE.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::cell;
use node::world::{Got, World};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::{DAY, HOUR, MINUTE, Time};
use poste::node::callers::Peer;
use poste::node::meter::Rules;
use std::net::{IpAddr, Ipv4Addr};

const MIB: u64 = 1 << 20;

/// The network `192.0.2.n`.
fn from(n: u8) -> Peer {
    Peer::At(IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)))
}

/// `count` cells, as many under each first digit if that divides by 16.
fn spread(first: u64, count: u64) -> Vec<u8> {
    let top = |n: u64| (((n % 16) << 12) | ((n / 16 % 256) << 4)) as u16;
    (first..first + count).flat_map(|n| cell(top(n), n)).collect()
}

/// `count` cells under one first digit.
fn under(digit: u16, first: u64, count: u64) -> Vec<u8> {
    (first..first + count).flat_map(|n| cell((digit << 12) | (n & 0xfff) as u16, n)).collect()
}

fn banning(floor: u64) -> World {
    World::with(256 * MIB, Rules { ban_floor: Some(floor), upload_per_hour: None })
}

fn get(world: &World, peer: Peer, path: &str) -> Option<Got> {
    world.ask_from(peer, "GET", &format!("/v1/{path}"), &[], Vec::new())
}

/// Downloads; the status and how many bytes came, 0 for an answer that was cut off.
fn take(world: &World, peer: Peer, path: &str) -> (u16, u64) {
    get(world, peer, path).map_or((0, 0), |got| (got.status.as_u16(), got.body.len() as u64))
}

fn post(world: &World, peer: Peer, bucket: Bucket, body: Vec<u8>) -> Got {
    world.ask_from(peer, "POST", &format!("/v1/{bucket}"), &[], body).unwrap()
}

fn list(world: &World) -> toml::Table {
    let got = get(world, from(250), "banned").unwrap();
    assert_eq!(got.status, 200);
    assert_eq!(got.headers["cache-control"], "no-store");
    String::from_utf8(got.body).unwrap().parse().unwrap()
}

fn banned(world: &World) -> Vec<String> {
    let list = list(world);
    let entries = list["banned"].as_array().unwrap().iter();
    entries.map(|entry| entry["network"].as_str().unwrap().to_owned()).collect()
}

/// The hourly bucket of now.
fn hour(world: &World) -> Bucket {
    Bucket::at(Class::Hourly, world.relay.buckets().keeper().now())
}

/// Asks for every prefix of three digits until that is refused; how many were given.
fn sweep(world: &World, peer: Peer, bucket: Bucket) -> usize {
    (0..0x1000).take_while(|n| take(world, peer, &format!("{bucket}/{n:03x}")).0 == 200).count()
}

#[test]
fn a_watcher_who_sweeps_is_banned_for_a_day_and_listed() {
    for class in [Class::Hourly, Class::Daily] {
        let world = banning(MIB);
        let bucket = world.current(class);
        for n in 0..4 {
            assert_eq!(world.post(bucket, spread(n * 256, 256)), 200);
        }
        world.pass(bucket.closes());
        // 4 MiB stand, 256 KiB under each digit: the bound is 1 MiB, which is 4 digits.
        assert_eq!(sweep(&world, from(7), bucket), 0x401, "of 4096 prefixes");
        let began = bucket.closes().unix() as i64;
        let list = list(&world);
        assert_eq!(list["floor"].as_integer(), Some(MIB as i64));
        let entry = list["banned"][0].as_table().unwrap();
        let number = |key: &str| entry[key].as_integer().unwrap();
        assert_eq!(entry["network"].as_str(), Some("192.0.2.7"));
        assert_eq!(entry["class"].as_str(), Some(class.name()));
        assert_eq!((number("bytes"), number("A")), ((MIB as i64) + 4096, (MIB / 4) as i64));
        assert_eq!((number("from"), number("until")), (began, began + DAY as i64));
        // He gets and brings nothing of either class, but may read what it is about.
        let other = world.current(Class::Daily);
        assert_eq!(take(&world, from(7), &format!("{bucket}/4")).0, 403);
        assert_eq!(take(&world, from(7), &format!("{other}/4")).0, 403);
        assert_eq!(post(&world, from(7), hour(&world), cell(1, 1)).status, 403);
        assert_eq!(take(&world, from(7), "status").0, 200);
        assert_eq!(take(&world, from(7), "banned").0, 200);
        // Others go on, and he does after a day, also if the node has slept through it.
        assert_eq!(take(&world, from(8), &format!("{bucket}/4")), (200, MIB / 4));
        let end = bucket.closes() + DAY;
        world.pass(end - 1);
        let world = world.restart();
        assert_eq!(take(&world, from(7), &format!("{}/4", hour(&world))).0, 403);
        world.clock.pass(end);
        assert_eq!(banned(&world), [""; 0]);
        assert_eq!(take(&world, from(7), &format!("{}/4", hour(&world))).0, 200);
        let world = world.restart();
        assert_eq!(banned(&world), [""; 0]);
    }
}

#[test]
fn one_answer_with_everything_ends_at_the_bound() {
    let world = banning(MIB);
    let bucket = world.now();
    for n in 0..16 {
        assert_eq!(world.post(bucket, spread(n * 256, 256)), 200);
    }
    assert_eq!(take(&world, from(7), &format!("{bucket}/")), (0, 0), "cut off");
    assert_eq!(banned(&world), ["192.0.2.7"]);
    let list = list(&world);
    // 16 MiB stand, a MiB under each digit: 4 MiB and one piece of an answer.
    assert_eq!(list["banned"][0]["bytes"].as_integer(), Some((4 * MIB + MIB / 16) as i64));
}

#[test]
fn a_small_node_may_be_taken_whole() {
    let world = banning(MIB);
    let bucket = world.now();
    world.post(bucket, spread(0, 250));
    assert_eq!(take(&world, from(7), &format!("{bucket}/")), (200, 250 * CELL as u64));
    assert_eq!(banned(&world), [""; 0]);
}

/// Syncs at minutes 11 and 41 with every download done twice, as over a line that breaks at its
/// end each time, while somebody posts all the junk of the hour to that digit before the first.
#[test]
fn one_digit_is_never_banned_whatever_is_posted_under_it() {
    let world = banning(MIB);
    let start = world.now().end();
    let mut most = 0;
    for n in 0..30 {
        let begins = start + n * HOUR;
        world.pass(begins - 4 * MINUTE);
        let bucket = Bucket::at(Class::Hourly, begins);
        let junk = 100 * (1 + n * 7 % 5);
        for part in 0..2 {
            world.post(bucket, under(4, (n * 2 + part) * 1000, junk.min(256)));
        }
        let mut taken = 0;
        let mut fetch = |path: String, wanted: u16| {
            for _ in 0..2 {
                let (status, bytes) = take(&world, from(7), &path);
                assert_eq!(status, wanted, "hour {n}: {path}");
                taken += bytes;
            }
        };
        world.pass(begins + 11 * MINUTE);
        fetch(format!("{}/4", bucket.previous()), 200);
        fetch(format!("{bucket}/4"), 200);
        let day = Bucket::at(Class::Daily, begins);
        if begins == day.start() {
            fetch(format!("{}/4", day.previous()), 200);
        }
        world.pass(begins + 41 * MINUTE);
        fetch(format!("{bucket}/4"), 200);
        most = most.max(taken);
    }
    assert!(most > 4 * MIB, "the floor was passed, or this shows nothing: {most}");
    assert_eq!(banned(&world), [""; 0]);
}

/// And somebody who is far more eager, with junk before each of his downloads.
#[test]
fn one_digit_is_never_banned_however_often_it_is_asked_for() {
    let world = banning(MIB);
    let bucket = world.now();
    let mut taken = 0;
    for n in 0..60 {
        world.post(bucket, under(4, n * 1000, 5));
        for prefix in ["4", "4b", "4bc"] {
            let (status, bytes) = take(&world, from(7), &format!("{bucket}/{prefix}"));
            assert_eq!(status, 200);
            taken += bytes;
        }
    }
    assert!(taken > 20 * MIB, "{taken}");
    assert_eq!(banned(&world), [""; 0]);
    // What he took counts as soon as he asks for more.
    take(&world, from(7), &format!("{bucket}/5"));
    assert_eq!(take(&world, from(7), &format!("{bucket}/4")).0, 200, "there was nothing there");
    world.post(bucket, under(5, 0, 5));
    take(&world, from(7), &format!("{bucket}/5"));
    assert_eq!(banned(&world), ["192.0.2.7"]);
}

#[test]
fn one_digit_asked_every_ten_minutes_of_a_steady_crowd_is_within_the_bound() {
    let world = banning(MIB);
    let start = world.now().end();
    let mut fetched = 0;
    for minute in 0..180 {
        world.pass(start + minute * MINUTE);
        let bucket = hour(&world);
        assert_eq!(world.post(bucket, under((minute % 16) as u16, minute * 1000, 200)), 200);
        if minute % 10 != 9 {
            continue;
        }
        let (status, bytes) = take(&world, from(7), &format!("{bucket}/4"));
        assert_eq!(status, 200, "minute {minute}");
        fetched += bytes;
        if minute % 60 == 9 {
            let (status, bytes) = take(&world, from(7), &format!("{}/4", bucket.previous()));
            assert_eq!(status, 200, "minute {minute}");
            fetched += bytes;
        }
    }
    assert!(fetched > 20 * MIB, "{fetched}");
    assert_eq!(banned(&world), [""; 0]);
}

#[test]
fn ranges_count_for_what_they_are() {
    let world = banning(MIB);
    let bucket = world.now();
    for n in 0..4 {
        world.post(bucket, spread(n * 256, 256));
    }
    world.pass(bucket.closes());
    let ask = |range: &str| {
        let path = format!("/v1/{bucket}/");
        let got = world.ask_from(from(7), "GET", &path, &[("range", range)], Vec::new());
        got.map_or(0, |got| got.status.as_u16())
    };
    // 256 parts of 4096 bytes from all over the bucket are a MiB exactly.
    for n in 0..256 {
        assert_eq!(ask(&format!("bytes={}-{}", n * 16_384, n * 16_384 + 4095)), 206);
    }
    assert_eq!(banned(&world), [""; 0]);
    assert_eq!(ask("bytes=0-0"), 206);
    assert_eq!(ask("bytes=0-0"), 403);
    assert_eq!(banned(&world), ["192.0.2.7"]);
}

#[test]
fn an_hour_is_forgotten_with_the_next() {
    let world = banning(MIB);
    let bucket = world.now();
    for n in 0..4 {
        world.post(bucket, spread(n * 256, 256));
    }
    let half = |from_digit: u16| {
        for digit in from_digit..from_digit + 4 {
            let (status, bytes) = take(&world, from(7), &format!("{bucket}/{digit:x}"));
            assert_eq!((status, bytes), (200, MIB / 4));
        }
    };
    half(0);
    world.pass(bucket.end());
    half(4);
    assert_eq!(banned(&world), [""; 0]);
    assert_eq!(take(&world, from(7), &format!("{bucket}/8")), (0, 0), "cut off");
    assert_eq!(banned(&world), ["192.0.2.7"]);
}

#[test]
fn an_allowance_is_told_when_it_will_do_and_then_does() {
    let rules = Rules { ban_floor: None, upload_per_hour: Some(MIB) };
    let world = World::with(64 * MIB, rules);
    let bucket = world.now();
    assert_eq!(post(&world, from(7), bucket, spread(0, 256)).status, 200);
    let refused = post(&world, from(7), bucket, cell(1, 900));
    assert_eq!(refused.status, 429);
    // A cell of the MiB of an hour comes back in 14.06 s.
    assert_eq!(refused.headers["retry-after"], "15");
    assert_eq!(post(&world, from(8), bucket, cell(1, 901)).status, 200, "another network");
    let now = world.relay.buckets().keeper().now();
    world.pass(now + 14);
    assert_eq!(post(&world, from(7), bucket, cell(1, 900)).status, 429);
    world.pass(now + 15);
    assert_eq!(post(&world, from(7), bucket, cell(1, 900)).status, 200);
    assert_eq!(post(&world, from(7), bucket, cell(1, 902)).status, 429);
    assert_eq!(take(&world, from(7), &format!("{bucket}/4")).0, 200, "downloads go on");
}

#[test]
fn a_full_store_is_dear_and_then_refuses_without_a_charge() {
    let rules = Rules { ban_floor: None, upload_per_hour: Some(2 * MIB) };
    let world = World::with(8 * MIB, rules);
    let bucket = world.now();
    // Up to half of the store everybody's 2 MiB are 2 MiB.
    for n in 0..4 {
        assert_eq!(post(&world, from((n / 2) as u8), bucket, spread(n * 256, 256)).status, 200);
    }
    assert_eq!(post(&world, from(0), bucket, cell(1, 9000)).status, 429);
    // From there on a MiB costs two, and the next one four.
    assert_eq!(post(&world, from(2), bucket, spread(1024, 256)).status, 200);
    assert_eq!(post(&world, from(2), bucket, cell(1, 9000)).status, 429);
    assert_eq!(post(&world, from(3), bucket, spread(1280, 256)).status, 200);
    assert_eq!(post(&world, from(3), bucket, cell(1, 9000)).status, 429);
    for n in 0..2 {
        let status = post(&world, from(4 + n as u8), bucket, spread(1536 + n * 256, 250)).status;
        assert_eq!(status, 200);
    }
    // Now 1 cell and the first page of a bucket fit no more than 11 cells.
    for _ in 0..5 {
        assert_eq!(post(&world, from(6), bucket, spread(5000, 256)).status, 507);
    }
    assert_eq!(post(&world, from(6), bucket, cell(1, 9000)).status, 200);
    assert_eq!(banned(&world), [""; 0], "nobody is banned for uploads");
    assert!(list(&world).get("floor").is_none(), "and no floor is told where there is none");
}

#[test]
fn the_status_has_what_is_allowed() {
    let limits = |rules: Rules| -> toml::Table {
        let got = get(&World::with(MIB, rules), from(1), "status").unwrap();
        let status: toml::Table = String::from_utf8(got.body).unwrap().parse().unwrap();
        status["limits"].as_table().unwrap().clone()
    };
    let told = limits(Rules { ban_floor: Some(5), upload_per_hour: Some(7) });
    assert_eq!(told["ban_floor"].as_integer(), Some(5));
    assert_eq!(told["upload_per_hour"].as_integer(), Some(7));
    assert!(!limits(Rules::default()).contains_key("ban_floor"));
}

#[test]
fn clocks_that_step_back_end_no_ban_early_and_none_late() {
    let world = banning(MIB);
    let bucket = world.now();
    for n in 0..4 {
        world.post(bucket, spread(n * 256, 256));
    }
    sweep(&world, from(7), bucket);
    let now: Time = world.relay.buckets().keeper().now();
    world.clock.set(now - HOUR);
    assert_eq!(banned(&world), ["192.0.2.7"]);
    world.clock.set(now + 3 * DAY);
    assert_eq!(banned(&world), ["192.0.2.7"], "a jump is not followed");
    world.clock.set(now);
    world.pass(now + DAY);
    assert_eq!(banned(&world), [""; 0]);
}
