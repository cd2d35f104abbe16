//! The real `posted` killed at any moment, and its clock moved under it with libfaketime: what was
//! answered 200 is served, no cell is torn, and nothing outlives its hour or day
//! (poste-protocol(7), Relay).
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::clients::kill_during_uploads;
use node::faked::{Faked, afternoon};
use node::{Node, cell, cells, get, holds_marker, memory, post, soon};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::{DAY, HOUR, MINUTE};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Stores a cell for the hour and one for the day of [`afternoon`].
fn cell_for_hour_and_day(node: &Node) -> (Bucket, Bucket) {
    let [hour, day] = [Class::Hourly, Class::Daily].map(|class| Bucket::at(class, afternoon()));
    assert_eq!(post(node.address, hour, &cell(1, 1)).unwrap().status, 200);
    assert_eq!(post(node.address, day, &cell(2, 2)).unwrap().status, 200);
    (hour, day)
}

#[test]
fn nothing_is_left_when_the_node_was_dead_at_the_boundary() {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let node = faked.start(dir.path());
    let (hour, day) = cell_for_hour_and_day(&node);
    node.kill();
    assert!(holds_marker(dir.path()));
    // Within the hour after, everything is still there.
    faked.set(hour.wiped() - MINUTE);
    let node = faked.start(dir.path());
    assert_eq!(get(node.address, &format!("/v1/{hour}/")).body, cell(1, 1));
    node.kill();
    faked.set(hour.wiped());
    let node = faked.start(dir.path());
    // The first request already finds it gone, also from the directory.
    assert!(!holds_marker(&dir.path().join("store/hourly")));
    assert_eq!(get(node.address, &format!("/v1/{hour}/")).status, 410);
    node.kill();
    faked.set(day.wiped() - MINUTE);
    let node = faked.start(dir.path());
    assert_eq!(get(node.address, &format!("/v1/{day}/0")).body, cell(2, 2));
    node.kill();
    faked.set(day.wiped());
    let node = faked.start(dir.path());
    assert!(!holds_marker(dir.path()));
    assert_eq!(get(node.address, &format!("/v1/{day}/0")).status, 410);
}

#[test]
fn the_running_node_wipes_at_the_hour_and_the_day() {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let node = faked.start(dir.path());
    let (hour, day) = cell_for_hour_and_day(&node);
    let store = dir.path().join("store");
    faked.set(hour.wiped());
    soon("the hour is wiped", || !holds_marker(&store.join("hourly")));
    assert!(holds_marker(&store.join("daily")));
    // In steps that are believed: not more than two hours at once.
    let mut time = hour.wiped();
    while time + 2 * HOUR < day.wiped() {
        time = time + 2 * HOUR - 30;
        faked.set(time);
        soon("the node has followed", || {
            let next = Bucket::at(Class::Hourly, time);
            get(node.address, &format!("/v1/{next}/")).status == 200
        });
    }
    assert!(holds_marker(&store.join("daily")));
    faked.set(day.wiped());
    soon("the day is wiped", || !holds_marker(&store));
    assert!(node.log().contains(&format!("wiped {day}: 1 cells")), "{}", node.log());
}

#[test]
fn a_jump_of_a_day_wipes_nothing_until_the_restart() {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let hour = Bucket::at(Class::Hourly, afternoon());
    let node = faked.start(dir.path());
    assert_eq!(post(node.address, hour, &cell(1, 1)).unwrap().status, 200);
    faked.set(afternoon() + DAY);
    soon("the jump is in the log", || node.log().contains("jumped ahead"));
    assert_eq!(get(node.address, &format!("/v1/{hour}/")).body, cell(1, 1));
    node.kill();
    let node = faked.start(dir.path());
    assert!(!holds_marker(&dir.path().join("store")));
    assert_eq!(get(node.address, &format!("/v1/{hour}/")).status, 410);
}

#[test]
fn a_kill_during_uploads_tears_nothing_and_loses_nothing() {
    /// Cells in a batch.
    const BATCH: u64 = 16;
    let dir = memory();
    let numbers = AtomicU64::new(0);
    let batch =
        |n: u64| -> Vec<u8> { (0..BATCH).flat_map(|i| cell(n as u16, n * BATCH + i)).collect() };
    let mut stored = HashSet::new();
    // The whole test in one bucket, which is open for an hour yet.
    let faked = Faked::at(dir.path(), afternoon());
    let bucket = Bucket::at(Class::Hourly, afternoon());
    for round in 0..6 {
        let node = faked.start(dir.path());
        let pause = Duration::from_millis(60 + 17 * round);
        stored.extend(kill_during_uploads(node, bucket, &numbers, &batch, pause));
    }
    let node = faked.start(dir.path());
    let got = cells(&get(node.address, &format!("/v1/{bucket}/")).body);
    let unique: HashSet<_> = got.iter().collect();
    assert_eq!(unique.len(), got.len(), "no cell twice");
    let mut served = 0;
    for n in 0..numbers.load(Ordering::Relaxed) {
        let whole = batch(n);
        let found = cells(&whole).iter().filter(|cell| unique.contains(cell)).count() as u64;
        assert!(found == 0 || found == BATCH, "batch {n}: {found} cells");
        assert!(found == BATCH || !stored.contains(&n), "batch {n} was answered 200");
        served += found;
    }
    assert_eq!(served, got.len() as u64, "every cell served was uploaded");
    assert!(stored.len() > 20, "only {} batches", stored.len());
}

/// Fills the bucket of [`afternoon`] and kills the node at a moment when the sorted copy of the
/// closed bucket lies half written beside it: what was uploaded.
fn kill_while_sorting(faked: &Faked, dir: &Path) -> Vec<Vec<u8>> {
    /// Cells in a batch, and batches: 32 MiB, so that sorting takes longer than looking.
    const BATCH: u64 = 128;
    const BATCHES: u64 = 64;
    let bucket = Bucket::at(Class::Hourly, afternoon());
    let uploaded: Vec<Vec<u8>> = (0..BATCH * BATCHES)
        .map(|number| cell((number.wrapping_mul(40_503) & 0xffff) as u16, number))
        .collect();
    faked.set(afternoon());
    let node = faked.start(dir);
    for batch in uploaded.chunks(BATCH as usize) {
        assert_eq!(post(node.address, bucket, &batch.concat()).unwrap().status, 200);
    }
    let whole = std::fs::metadata(dir.join(format!("store/{bucket}"))).unwrap().len();
    let new = dir.join(format!("store/{bucket}.new"));
    let half = || std::fs::metadata(&new).is_ok_and(|new| new.len() < whole);
    let mut node = Some(node);
    for _ in 0..50 {
        let running = node.take().unwrap_or_else(|| faked.start(dir));
        faked.set(bucket.closes());
        let closed = || running.log().contains(&format!("closed {bucket}"));
        while !half() && !closed() {}
        running.kill();
        if half() {
            return uploaded;
        }
        faked.set(afternoon());
    }
    panic!("fifty times the copy was whole before it was seen");
}

#[test]
fn a_kill_while_a_closed_bucket_is_sorted_loses_nothing_and_leaves_no_copy() {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let bucket = Bucket::at(Class::Hourly, afternoon());
    let mut uploaded = kill_while_sorting(&faked, dir.path());
    let node = faked.start(dir.path());
    assert!(!dir.path().join(format!("store/{bucket}.new")).exists());
    uploaded.sort_unstable();
    assert!(cells(&get(node.address, &format!("/v1/{bucket}/")).body) == uploaded);
}

#[test]
fn a_half_sorted_copy_is_wiped_by_a_node_that_was_dead_at_the_boundary() {
    let dir = memory();
    let faked = Faked::at(dir.path(), afternoon());
    let bucket = Bucket::at(Class::Hourly, afternoon());
    kill_while_sorting(&faked, dir.path());
    assert!(holds_marker(dir.path()));
    faked.set(bucket.wiped());
    let node = faked.start(dir.path());
    assert!(!holds_marker(dir.path()));
    assert_eq!(get(node.address, &format!("/v1/{bucket}/")).status, 410);
}
