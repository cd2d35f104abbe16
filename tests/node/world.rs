//! A relay over a store in memory with a clock set by hand, asked through the real router.
//! No socket is involved, and no time passes that a test does not let pass.
//! Holds no test itself.

use super::{Hands, memory};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::{Request, StatusCode};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use poste::node::buckets::{Buckets, OpenError};
use poste::node::callers::{Callers, Peer};
use poste::node::log::Log;
use poste::node::meter::{FILE, Meter, Rules};
use poste::node::metrics::Metrics;
use poste::node::relay::Relay;
use poste::node::status::About;
use poste::node::store::Store;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// 2026-11-22T14:30:00Z
const NOON: u64 = 1_795_357_800;

/// From where requests come, unless a test says otherwise.
pub const PEER: Peer = Peer::At(IpAddr::V4(Ipv4Addr::LOCALHOST));

/// A relay in memory, asked through its router.
pub struct World {
    pub dir: tempfile::TempDir,
    pub clock: Arc<Hands>,
    pub relay: Arc<Relay>,
    rules: Rules,
}

/// An answer of the router.
pub struct Got {
    pub status: StatusCode,
    pub headers: hyper::HeaderMap,
    pub body: Vec<u8>,
}

impl World {
    /// With room for 16 MiB.
    pub fn new() -> World {
        World::of(16 << 20)
    }

    /// With room for `capacity` bytes.
    pub fn of(capacity: u64) -> World {
        World::with(capacity, Rules::default())
    }

    /// With rules for networks.
    pub fn with(capacity: u64, rules: Rules) -> World {
        let dir = memory();
        let clock = Arc::new(Hands::at(Time::from_unix(NOON)));
        let relay = open_with(dir.path(), clock.clone(), capacity, rules).unwrap();
        World { dir, clock, relay, rules }
    }

    /// The node is stopped and started again.
    pub fn restart(self) -> World {
        let World { dir, clock, relay, rules } = self;
        let capacity = relay.buckets().fill().1;
        drop(relay);
        let relay = open_with(dir.path(), clock.clone(), capacity, rules).unwrap();
        World { dir, clock, relay, rules }
    }

    /// One request; checks that the body is as long as announced.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Got {
        let got = self.ask_from(PEER, method, path, headers, body);
        got.expect("the body is as long as announced")
    }

    /// One request from somewhere; `None` if its answer was cut off.
    pub fn ask_from(
        &self,
        peer: Peer,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Option<Got> {
        ask(&self.relay, peer, method, path, headers, body)
    }

    /// Downloads below `/v1/`.
    pub fn get(&self, path: &str) -> Got {
        self.ask("GET", &format!("/v1/{path}"), &[], Vec::new())
    }

    /// Uploads; the status.
    pub fn post(&self, bucket: Bucket, body: Vec<u8>) -> u16 {
        self.ask("POST", &format!("/v1/{bucket}"), &[], body).status.as_u16()
    }

    /// The status of a download.
    pub fn status(&self, path: &str) -> u16 {
        self.get(path).status.as_u16()
    }

    /// Time passes, and the chores are done.
    pub fn pass(&self, time: Time) {
        self.clock.pass(time);
        self.relay.buckets().chores();
        self.relay.meter().chores(self.relay.buckets().keeper().now());
    }

    /// The hourly bucket at the beginning.
    pub fn now(&self) -> Bucket {
        self.current(Class::Hourly)
    }

    /// The bucket of a class at the beginning.
    pub fn current(&self, class: Class) -> Bucket {
        Bucket::at(class, Time::from_unix(NOON))
    }
}

/// One request to a relay; `None` if its answer was cut off. Checks that its body is as long as
/// announced.
pub fn ask(
    relay: &Relay,
    peer: Peer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Option<Got> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (head, body) = relay.answer(request, peer).await.into_parts();
        let announced = body.size_hint().exact();
        let body = body.collect().await.ok()?.to_bytes().to_vec();
        assert_eq!(announced, Some(body.len() as u64), "content-length of {path}");
        Some(Got { status: head.status, headers: head.headers, body })
    })
}

/// Opens a relay on the store in `dir`.
pub fn open(dir: &Path, clock: Arc<Hands>, capacity: u64) -> Result<Arc<Relay>, OpenError> {
    open_with(dir, clock, capacity, Rules::default())
}

fn open_with(
    dir: &Path,
    clock: Arc<Hands>,
    capacity: u64,
    rules: Rules,
) -> Result<Arc<Relay>, OpenError> {
    let store = dir.join("store");
    let buckets = Arc::new(Store::Dir(Buckets::open(&store, capacity, clock, Log::Errors)?));
    let now = buckets.keeper().now();
    let meter = Meter::open(&store.join(FILE), rules, now, Log::Errors).unwrap();
    Ok(relay(buckets, meter))
}

/// A relay over a store.
pub fn relay(store: Arc<Store>, meter: Meter) -> Arc<Relay> {
    let (callers, metrics) = (Callers::default(), Arc::new(Metrics::default()));
    let about = About {
        name: "n".to_owned(),
        url: String::new(),
        key: [7; 32],
        upload_cells: 256,
        connections: 1024,
        bandwidth: None,
    };
    Arc::new(Relay::new(store, meter, callers, metrics, about))
}
