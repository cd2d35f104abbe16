//! The admin address: `/healthz` and `/metrics`, for the operator's own monitoring. On loopback
//! only; it changes nothing. Specified in posted(8), ADMIN.

use crate::node::answer::{Answer, answer, line, not_allowed};
use crate::node::relay::Relay;
use hyper::{Method, Response, StatusCode};

/// Answers one request by its method and path.
pub fn respond(method: &Method, path: &str, relay: &Relay) -> Response<Answer> {
    let (buckets, metrics) = (relay.buckets(), relay.metrics());
    let now = buckets.keeper().wall();
    let disagrees = buckets.keeper().disagrees();
    match (path, method) {
        ("/healthz", &Method::GET) if disagrees => {
            line(StatusCode::SERVICE_UNAVAILABLE, "the clock is not followed", now)
        }
        ("/healthz", &Method::GET) if buckets.is_away() => {
            line(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer", now)
        }
        ("/healthz", &Method::GET) => line(StatusCode::OK, "ok", now),
        ("/metrics", &Method::GET) => {
            let banned = relay.meter().banned(buckets.keeper().now());
            let text = metrics.text(buckets.fill(), disagrees, banned);
            answer(StatusCode::OK, "text/plain; version=0.0.4", Answer::Text(text.into()), now)
        }
        ("/healthz" | "/metrics", _) => not_allowed("GET", now),
        _ => line(StatusCode::NOT_FOUND, "no such path", now),
    }
}
