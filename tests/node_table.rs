//! The relay's table (poste-protocol(7), Relay), row by row, through the real router with a clock
//! set by hand.
//! What happens at the end of a bucket is in node_wipe.rs.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::world::World;
use node::{cell, cells};
use poste::core::bucket::{CELL, Class};
use poste::node::relay::UPLOAD;

#[test]
fn uploads_are_taken_from_five_minutes_before_to_five_after() {
    for class in [Class::Hourly, Class::Daily] {
        let world = World::new();
        let bucket = world.current(class).next();
        for (number, (time, status)) in [
            (bucket.opens() - 1, 409),
            (bucket.opens(), 200),
            (bucket.start(), 200),
            (bucket.closes() - 1, 200),
            (bucket.closes(), 409),
            (bucket.wiped(), 409),
        ]
        .into_iter()
        .enumerate()
        {
            world.clock.pass(time);
            assert_eq!(world.post(bucket, cell(1, number as u64)), status, "{}", time.iso());
        }
    }
}

#[test]
fn bodies_that_are_no_cells_change_nothing() {
    let world = World::new();
    for (length, status) in
        [(0, 400), (1, 400), (CELL + 1, 400), (UPLOAD + CELL, 413), (UPLOAD + 1, 413)]
    {
        assert_eq!(world.post(world.now(), vec![1; length]), status, "{length}");
    }
    assert_eq!(world.get(&format!("{}/", world.now())).body.len(), 0);
    let most: Vec<u8> = (0..256).flat_map(|n| cell(1, n)).collect();
    assert_eq!(world.post(world.now(), most), 200);
}

#[test]
fn downloads_by_time() {
    let world = World::new();
    let (hour, day) = (world.now(), world.current(Class::Daily));
    world.post(hour, cell(0x4bcd, 1));
    world.post(day, cell(0x4bcd, 2));
    let next = hour.next();
    for (path, status) in [
        (format!("{hour}/"), 200),
        (format!("{day}/"), 404),
        (format!("{next}/"), 404),
        (format!("{}/4", next.next()), 404),
        ("hourly/9999-01-01T00/".to_owned(), 404),
        (format!("{}/", hour.previous()), 200),
        (format!("{}/", hour.previous().previous()), 410),
        ("daily/1970-01-01/".to_owned(), 410),
        (format!("{}/", day.next()), 404),
        (format!("{}/", day.previous()), 200),
        (format!("{}/", day.previous().previous()), 410),
    ] {
        assert_eq!(world.status(&path), status, "{path}");
    }
    world.clock.pass(next.opens());
    assert_eq!(world.status(&format!("{next}/")), 200);
    // No chore has run: the time is asked for each request.
    world.clock.pass(hour.wiped() - 1);
    assert_eq!(world.get(&format!("{hour}/4b")).body, cell(0x4bcd, 1));
    world.clock.pass(hour.wiped());
    assert_eq!(world.status(&format!("{hour}/4b")), 410);
    world.clock.pass(day.closes() - 1);
    assert_eq!(world.status(&format!("{day}/4b")), 404);
    world.clock.pass(day.closes());
    assert_eq!(world.get(&format!("{day}/4b")).body, cell(0x4bcd, 2));
    world.clock.pass(day.wiped() - 1);
    assert_eq!(world.status(&format!("{day}/4b")), 200);
    world.clock.pass(day.wiped());
    assert_eq!(world.status(&format!("{day}/4b")), 410);
}

#[test]
fn paths_and_methods() {
    let world = World::new();
    let hour = world.now();
    for (method, path, status, allow) in [
        ("GET", format!("/v1/{hour}"), 404, None),
        ("GET", format!("/v1/{hour}/4B"), 404, None),
        ("GET", format!("/v1/{hour}/4bcd"), 404, None),
        ("GET", format!("/v1/{hour}/4/"), 404, None),
        ("GET", format!("/v1/{hour}/%34"), 404, None),
        ("GET", "/".to_owned(), 404, None),
        ("GET", "/v1/banned/".to_owned(), 404, None),
        ("GET", "/metrics".to_owned(), 404, None),
        ("GET", "/healthz".to_owned(), 404, None),
        ("GET", "/v1/weekly/2026-11-22/".to_owned(), 404, None),
        ("GET", "/v1/hourly/2026-11-22/".to_owned(), 404, None),
        ("POST", "/v1/hourly/2026-11-22T24".to_owned(), 404, None),
        ("POST", "/v1/hourly/../daily/2026-11-22".to_owned(), 404, None),
        ("POST", format!("/v1/{hour}/4"), 405, Some("GET")),
        ("PUT", format!("/v1/{hour}"), 405, Some("POST")),
        ("DELETE", format!("/v1/{hour}/"), 405, Some("GET")),
        ("HEAD", "/v1/status".to_owned(), 405, Some("GET")),
        ("OPTIONS", "/v1/status".to_owned(), 405, Some("GET")),
        ("POST", "/v1/banned".to_owned(), 405, Some("GET")),
        ("GET", "/v1/status".to_owned(), 200, None),
        ("GET", "/v1/banned".to_owned(), 200, None),
    ] {
        let got = world.ask(method, &path, &[], Vec::new());
        assert_eq!(got.status.as_u16(), status, "{method} {path}");
        let allowed = got.headers.get("allow").map(|value| value.to_str().unwrap());
        assert_eq!(allowed, allow, "{method} {path}");
    }
}

#[test]
fn headers_say_little() {
    let world = World::new();
    let hour = world.now();
    world.post(hour, cell(1, 1));
    for (method, path) in
        [("GET", format!("/v1/{hour}/")), ("POST", format!("/v1/{hour}")), ("GET", "/".to_owned())]
    {
        let got = world.ask(method, &path, &[], Vec::new());
        assert_eq!(got.headers["cache-control"], "no-store", "{path}");
        assert_eq!(got.headers["date"], "Sun, 22 Nov 2026 14:30:00 GMT", "{path}");
        for name in ["etag", "last-modified", "server", "set-cookie"] {
            assert!(!got.headers.contains_key(name), "{path}: {name}");
        }
    }
}

#[test]
fn identical_cells_are_stored_once_and_a_repeated_upload_is_fine() {
    let world = World::new();
    let twice = [cell(1, 1), cell(2, 2), cell(1, 1)].concat();
    assert_eq!(world.post(world.now(), twice.clone()), 200);
    assert_eq!(world.post(world.now(), twice.clone()), 200);
    let world = world.restart();
    assert_eq!(world.post(world.now(), twice), 200);
    assert_eq!(world.get(&format!("{}/", world.now())).body.len(), 2 * CELL);
}

#[test]
fn a_full_store_takes_nothing_and_serves_on() {
    let world = World::of(1 << 20);
    let bucket = world.now();
    let some: Vec<u8> = (0..200).flat_map(|n| cell(1, n)).collect();
    assert_eq!(world.post(bucket, some.clone()), 200);
    let more: Vec<u8> = (200..256).flat_map(|n| cell(1, n)).collect();
    assert_eq!(world.post(bucket, more), 507);
    assert_eq!(world.post(bucket, some.clone()), 200, "a repeated upload needs no room");
    assert_eq!(world.get(&format!("{bucket}/")).body, some);
    assert_eq!(world.post(bucket, (200..255).flat_map(|n| cell(1, n)).collect()), 200);
    assert_eq!(world.post(world.current(Class::Daily), cell(1, 1)), 507, "one capacity for all");
    world.pass(bucket.wiped());
    assert_eq!(world.post(world.now().next().next(), some), 200, "wiping makes room");
}

#[test]
fn closed_buckets_are_sorted_and_do_not_change() {
    let world = World::new();
    let bucket = world.now();
    let mut all: Vec<Vec<u8>> =
        (0..100).map(|n| cell((n as u16).wrapping_mul(0x6f31), n)).collect();
    for batch in all.chunks(7) {
        assert_eq!(world.post(bucket, batch.concat()), 200);
    }
    let mut open = cells(&world.get(&format!("{bucket}/")).body);
    open.sort();
    all.sort();
    assert_eq!(open, all);
    world.clock.pass(bucket.closes());
    let closed = world.get(&format!("{bucket}/"));
    assert_eq!(closed.body, all.concat());
    assert_eq!(closed.headers["accept-ranges"], "bytes");
    assert_eq!(closed.headers["content-type"], "application/octet-stream");
    assert_eq!(world.post(bucket, cell(1, 1000)), 409);
    let digits: Vec<u8> =
        (0..16).flat_map(|d| world.get(&format!("{bucket}/{d:x}")).body).collect();
    assert_eq!(digits, all.concat(), "the sixteen shards are the whole");
    let world = world.restart();
    assert_eq!(world.get(&format!("{bucket}/")).body, all.concat());
}

#[test]
fn ranges_of_closed_buckets() {
    let world = World::new();
    let bucket = world.now();
    let mut all: Vec<Vec<u8>> = (0..20).map(|n| cell(0x4000 + n as u16, n)).collect();
    world.post(bucket, all.iter().rev().flatten().copied().collect());
    let path = format!("/v1/{bucket}/4");
    let range = [("range", "bytes=4000-9999")];
    assert_eq!(world.ask("GET", &path, &range, Vec::new()).status, 200, "an open bucket is whole");
    world.clock.pass(bucket.closes());
    all.sort();
    let all = all.concat();
    let got = world.ask("GET", &path, &range, Vec::new());
    assert_eq!((got.status.as_u16(), &got.body[..]), (206, &all[4000..10_000]));
    assert_eq!(got.headers["content-range"], "bytes 4000-9999/81920");
    let got = world.ask("GET", &path, &[("range", "bytes=-5")], Vec::new());
    assert_eq!(got.body, &all[all.len() - 5..]);
    for bad in ["bytes=81920-", "bytes=9-1", "bytes=0-1,3-4", "bytes=x"] {
        let got = world.ask("GET", &path, &[("range", bad)], Vec::new());
        assert_eq!((got.status.as_u16(), got.body.len()), (416, 14), "{bad}");
        assert_eq!(got.headers["content-range"], "bytes */81920", "{bad}");
    }
    let guarded = [range[0], ("if-range", "\"a\"")];
    assert_eq!(world.ask("GET", &path, &guarded, Vec::new()).status, 200);
    assert_eq!(world.ask("GET", &path, &[("range", "cells=1-2")], Vec::new()).status, 200);
}

#[test]
fn status_tells_of_closed_buckets_only() {
    let world = World::new();
    world.post(world.now(), [cell(1, 1), cell(2, 2)].concat());
    world.post(world.current(Class::Daily), cell(1, 3));
    let read = |world: &World| -> toml::Table {
        toml::from_str(&String::from_utf8(world.get("status").body).unwrap()).unwrap()
    };
    let status = read(&world);
    assert_eq!(status["name"].as_str(), Some("n"));
    assert_eq!(status["key"].as_str().map(str::len), Some(43));
    assert_eq!(status["limits"]["upload_cells"].as_integer(), Some(256));
    assert_eq!(status["saturation"].as_float(), Some(0.01));
    assert_eq!(status["hourly"]["cells"].as_integer(), Some(0));
    assert_eq!(status["daily"]["cells"].as_integer(), Some(0));
    world.clock.pass(world.now().closes());
    let status = read(&world);
    assert_eq!(status["hourly"]["bucket"].as_str(), Some("hourly/2026-11-22T14"));
    assert_eq!(status["hourly"]["cells"].as_integer(), Some(2));
    assert_eq!(status["daily"]["bucket"].as_str(), Some("daily/2026-11-21"));
}

#[test]
fn concurrent_uploads_lose_and_double_nothing() {
    let world = World::new();
    let bucket = world.now();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let world = &world;
            scope.spawn(move || {
                // Half of each batch is also uploaded by the next thread.
                for batch in 0..8 {
                    let first = thread * 40 + batch * 10;
                    let body = (first..first + 10).flat_map(|n| cell(n as u16, n)).collect();
                    assert_eq!(world.post(bucket, body), 200);
                }
            });
        }
    });
    let mut got = cells(&world.get(&format!("{bucket}/")).body);
    let mut wanted: Vec<_> = (0..8 * 40 + 40).map(|n| cell(n as u16, n)).collect();
    got.sort();
    wanted.sort();
    assert!(got == wanted, "{} of {}", got.len(), wanted.len());
}
