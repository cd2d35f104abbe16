//! What the tests of the roles share: a clock with which time passes as a test says, and a request
//! from loopback to a role in this process.
//! Holds no test itself.

use crate::core::time::Time;
use crate::node::answer::Answer;
use crate::node::callers::Peer;
use crate::node::clock::Clock;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::http::response::Parts;
use hyper::{Request, Response};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock.
pub struct Hands(AtomicU64);

impl Hands {
    /// Shows a Unix time.
    pub fn at(seconds: u64) -> Hands {
        Hands(AtomicU64::new(seconds))
    }

    /// Time passes.
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Somebody sets it back.
    pub fn back(&self, seconds: u64) {
        self.0.fetch_sub(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_unix(self.0.load(Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Head and text of what `role` answers.
pub fn ask(
    (method, path): (&str, &str),
    body: impl Into<Bytes>,
    role: impl AsyncFnOnce(Request<Full<Bytes>>, Peer) -> Response<Answer>,
) -> (Parts, String) {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Full::new(body.into())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let from = Peer::At(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let (head, body) = role(request, from).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    })
}
