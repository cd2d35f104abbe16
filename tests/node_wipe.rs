//! The end of buckets (poste-protocol(7), Relay, wiping): at the hour and the day, over restarts,
//! under downloads and uploads, and with clocks that step back or jump ahead.
//! The real program is killed in node_crash.rs.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Body, Bytes};
use node::world::{World, open};
use node::{Hands, cell, holds_marker};
use poste::core::bucket::Class;
use poste::core::time::{DAY, HOUR, MINUTE, Time};
use poste::node::buckets::OpenError;
use std::sync::Arc;

#[test]
fn nothing_is_left_after_the_hour_and_the_day() {
    let world = World::new();
    let (hour, day) = (world.now(), world.current(Class::Daily));
    world.post(hour, cell(1, 1));
    world.pass(hour.wiped() - 1);
    assert!(holds_marker(world.dir.path()));
    world.pass(hour.wiped());
    assert!(!holds_marker(world.dir.path()));
    world.post(day, cell(1, 2));
    world.pass(day.wiped() - 1);
    assert!(holds_marker(world.dir.path()));
    let before = world.relay.buckets().fill().0;
    world.pass(day.wiped());
    assert!(!holds_marker(world.dir.path()));
    assert!(before > 0 && world.relay.buckets().fill().0 == 0, "and the room is free again");
}

#[test]
fn a_restart_keeps_what_stands_and_wipes_what_is_due() {
    let world = World::new();
    let (hour, day) = (world.now(), world.current(Class::Daily));
    world.post(hour, cell(1, 1));
    world.post(day, cell(2, 2));
    world.clock.pass(hour.closes());
    let world = world.restart();
    assert_eq!(world.get(&format!("{hour}/")).body, cell(1, 1));
    // As if the node had been dead at the boundary: no chore runs.
    world.clock.pass(hour.wiped());
    assert!(holds_marker(&world.dir.path().join("store/hourly")));
    let world = world.restart();
    assert!(!holds_marker(&world.dir.path().join("store/hourly")), "wiped before it is asked");
    assert!(holds_marker(&world.dir.path().join("store/daily")));
    world.clock.pass(day.closes());
    assert_eq!(world.get(&format!("{day}/0")).body, cell(2, 2));
}

#[test]
fn a_clock_that_steps_back_reopens_nothing() {
    let world = World::new();
    let hour = world.now();
    world.post(hour, cell(1, 1));
    world.pass(hour.closes());
    world.clock.set(hour.start());
    assert_eq!(world.post(hour, cell(1, 2)), 409);
    assert_eq!(world.get(&format!("{hour}/")).body, cell(1, 1));
    let world = world.restart();
    assert_eq!(world.post(hour, cell(1, 2)), 409, "not over a restart either");
    world.clock.set(hour.closes());
    world.pass(hour.wiped());
    world.clock.set(hour.start() + HOUR);
    assert_eq!(world.status(&format!("{hour}/")), 410);
    let world = world.restart();
    assert_eq!(world.status(&format!("{hour}/")), 410);
    world.clock.set(hour.start() - DAY);
    let World { dir, clock, relay, .. } = world;
    drop(relay);
    let refused = open(dir.path(), clock, 1 << 20).err().expect("a day back is refused");
    assert!(refused.to_string().contains("behind the time recorded"), "{refused}");
}

#[test]
fn a_clock_that_jumps_ahead_wipes_nothing_until_the_restart() {
    let world = World::new();
    let hour = world.now();
    world.post(hour, cell(1, 1));
    world.clock.set(hour.wiped() + DAY);
    world.relay.buckets().chores();
    assert_eq!(world.get(&format!("{hour}/")).body, cell(1, 1));
    assert_eq!(world.post(hour, cell(1, 2)), 200, "it goes by the monotonic clock");
    let world = world.restart();
    assert_eq!(world.status(&format!("{hour}/")), 410);
    assert!(!holds_marker(world.dir.path()));
}

#[test]
fn a_jump_ahead_that_the_monotonic_clock_confirms_wipes() {
    let world = World::new();
    let hour = world.now();
    world.post(hour, cell(1, 1));
    world.pass(hour.wiped() + DAY);
    assert_eq!(world.status(&format!("{hour}/")), 410);
    assert!(!holds_marker(world.dir.path()));
}

#[test]
fn a_download_under_way_is_cut_off_by_the_wiping() {
    let world = World::new();
    let hour = world.now();
    for half in 0..2 {
        world.post(hour, (0..100).flat_map(|n| cell(1, n + 100 * half)).collect());
    }
    world.clock.pass(hour.wiped() - 1);
    let request = Request::get(format!("/v1/{hour}/")).body(Full::new(Bytes::new())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut body = world.relay.answer(request, node::world::PEER).await.into_body();
        assert!(body.frame().await.unwrap().is_ok());
        world.pass(hour.wiped());
        assert!(body.frame().await.unwrap().is_err());
    });
}

#[test]
fn foreign_files_and_second_nodes_are_refused() {
    let world = World::new();
    let again = open(world.dir.path(), world.clock.clone(), 1 << 20).err().unwrap();
    assert!(matches!(again, OpenError::Busy(_)), "{again}");
    let World { dir, clock, relay, .. } = world;
    drop(relay);
    let stray = dir.path().join("store/hourly/letter.txt");
    std::fs::write(&stray, "mine").unwrap();
    let refused = open(dir.path(), clock, 1 << 20).err().unwrap();
    assert!(matches!(&refused, OpenError::Foreign(path) if *path == stray), "{refused}");
    assert_eq!(std::fs::read(&stray).unwrap(), b"mine");
}

#[test]
fn modes_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.post(world.now(), cell(1, 1));
    let store = world.dir.path().join("store");
    for entry in walkdir::WalkDir::new(&store) {
        let metadata = entry.unwrap().metadata().unwrap();
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, wanted);
    }
    let World { dir, clock, relay, .. } = world;
    drop(relay);
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = open(dir.path(), clock, 1 << 20).err().unwrap();
    assert!(refused.to_string().contains("chmod 700"), "{refused}");
}

#[test]
fn an_upload_that_outlasts_the_bucket_is_refused() {
    let world = World::new();
    let hour = world.now();
    world.clock.pass(hour.closes() - 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let late = Late { clock: world.clock.clone(), to: hour.closes(), cell: Some(cell(1, 1)) };
    let status = runtime.block_on(async {
        let request = Request::post(format!("/v1/{hour}")).body(late).unwrap();
        world.relay.answer(request, node::world::PEER).await.status()
    });
    assert_eq!(status, 409);
    assert_eq!(world.get(&format!("{hour}/")).body.len(), 0);
    assert_eq!(hour.closes().since(hour.end()), 5 * MINUTE);
}

/// A body in the middle of which the bucket closes.
struct Late {
    clock: Arc<Hands>,
    to: Time,
    cell: Option<Vec<u8>>,
}

impl Body for Late {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.clock.pass(self.to);
        let cell = self.cell.take();
        std::task::Poll::Ready(cell.map(|cell| Ok(hyper::body::Frame::data(cell.into()))))
    }
}
