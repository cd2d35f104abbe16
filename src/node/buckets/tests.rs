use super::*;
use crate::core::time::HOUR;
use crate::node::callers::{Callers, Peer};
use crate::node::meter::{Meter, Rules};
use crate::node::metrics::Metrics;
use crate::node::relay::Relay;
use crate::node::status::About;
use crate::node::store::Store;
use crate::node::tests::{Hands, ask};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::timeout;

/// 2026-11-22T14:30:00Z
const NOON: u64 = 1_795_357_800;

/// A relay, the bucket that is open, in which there are three cells, and the clock.
fn relay(dir: &Path) -> (Arc<Relay>, Bucket, Arc<Hands>) {
    let clock = Arc::new(Hands::at(NOON));
    let store = dir.join("store");
    let buckets = Buckets::open(&store, 1 << 20, clock.clone(), Log::Errors).unwrap();
    let bucket = Bucket::at(Class::Hourly, Time::from_unix(NOON));
    let cells = (0..3).flat_map(|n| [n; CELL]).collect();
    buckets.put(bucket, &Batch::new(cells).unwrap()).unwrap();
    let bans = store.join(crate::node::meter::FILE);
    let meter = Meter::open(&bans, Rules::default(), buckets.keeper().now(), Log::Errors).unwrap();
    let about = About {
        name: "n".to_owned(),
        url: String::new(),
        key: [7; 32],
        upload_cells: 256,
        connections: 1024,
        bandwidth: None,
    };
    let (store, metrics) = (Arc::new(Store::Dir(buckets)), Arc::new(Metrics::default()));
    (Arc::new(Relay::new(store, meter, Callers::default(), metrics, about)), bucket, clock)
}

/// The lock of a bucket, which stands for its being sorted.
fn entry(relay: &Relay, bucket: Bucket) -> Arc<Mutex<Option<Shelf>>> {
    let Store::Dir(buckets) = &**relay.buckets() else { panic!("another store") };
    buckets.shelves().get(&bucket).unwrap().clone()
}

#[test]
fn status_does_not_wait_for_a_bucket_that_is_being_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, bucket, clock) = relay(dir.path());
    clock.pass(HOUR);
    let entry = entry(&relay, bucket);
    let sorting = hold(&entry);
    let (answer, answered) = mpsc::channel();
    let asked = relay.clone();
    std::thread::spawn(move || {
        let role = async |request, peer| asked.answer(request, peer).await;
        answer.send(ask(("GET", "/v1/status"), "", role).1).unwrap();
    });
    let text = answered.recv_timeout(Duration::from_secs(10)).expect("status is blocked");
    let status: toml::Table = text.parse().unwrap();
    assert_eq!(status["hourly"]["bucket"].as_str(), Some(&*bucket.to_string()));
    assert_eq!(status["hourly"]["cells"].as_integer(), Some(3));
    drop(sorting);
    relay.buckets().chores();
    assert_eq!(relay.buckets().count(bucket), 3);
    clock.pass(bucket.wiped().unix() - bucket.closes().unix());
    relay.buckets().chores();
    assert_eq!(relay.buckets().count(bucket), 0);
}

#[test]
fn clients_that_ask_and_leave_do_not_take_all_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, bucket, _clock) = relay(dir.path());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(64).build().unwrap();
    let entry = entry(&relay, bucket);
    let sorting = hold(&entry);
    assert!(relay.buckets().hands() < 64, "or this shows nothing");
    runtime.block_on(async {
        for _ in 0..100 {
            let request = Request::get(format!("/v1/{bucket}/")).body(Full::<Bytes>::default());
            let from = Peer::At(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let answer = relay.answer(request.unwrap(), from);
            assert!(timeout(Duration::from_millis(1), answer).await.is_err(), "it waits");
        }
        let other = tokio::task::spawn_blocking(|| ());
        let other = timeout(Duration::from_secs(10), other).await;
        assert!(other.is_ok(), "nothing else is done any more");
    });
    drop(sorting);
}
