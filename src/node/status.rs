//! `/v1/status`: what a node says of itself, in TOML. The fill of the store is rounded to a
//! hundredth and cells are counted for closed buckets only, so that nothing tells when in the day
//! a cell of the daily class came.
//! Format: poste-protocol(7), Relay.

use crate::core::bucket::{CELL, Class};
use crate::core::encode::base64;
use crate::node::buckets::last_closed;
use crate::node::meter::Rules;
use crate::node::store::Store;
use serde::Serialize;

/// What of the status does not change while the node runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The operator's name for the node.
    pub name: String,
    /// Under which the world reaches it.
    pub url: String,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
    /// Largest body of an upload, in cells.
    pub upload_cells: usize,
    /// Connections open at a time.
    pub connections: usize,
    /// Bytes a second that it may take, and as many that it may give, if that is known.
    pub bandwidth: Option<u64>,
}

#[derive(Serialize)]
struct Status<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    url: &'a str,
    key: String,
    software: &'static str,
    saturation: f64,
    limits: Limits,
    hourly: Closed,
    daily: Closed,
}

/// Limits of the relay.
#[derive(Serialize)]
struct Limits {
    /// Cells in one upload.
    upload_cells: usize,
    /// Bytes the store may hold.
    capacity: u64,
    /// Bytes of a cell.
    cell: usize,
    /// Bytes a network may upload in an hour, if that is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_per_hour: Option<u64>,
    /// Bytes a network may take of a class in an hour or day whatever stands, if that is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    ban_floor: Option<u64>,
}

/// The last closed bucket of a class.
#[derive(Serialize)]
struct Closed {
    bucket: String,
    cells: usize,
}

/// The document. Fails only if a number is beyond TOML, which no limit allows.
pub fn document(
    about: &About,
    buckets: &Store,
    saturation: f64,
    Rules { upload_per_hour, ban_floor }: Rules,
) -> Result<String, toml::ser::Error> {
    let now = buckets.keeper().now();
    let closed = |class| {
        let bucket = last_closed(class, now);
        Closed { bucket: bucket.to_string(), cells: buckets.count(bucket) }
    };
    let (_, capacity) = buckets.fill();
    toml::to_string(&Status {
        name: &about.name,
        url: &about.url,
        key: base64(&about.key),
        software: concat!("posted/", env!("CARGO_PKG_VERSION")),
        saturation,
        limits: Limits {
            upload_cells: about.upload_cells,
            capacity,
            cell: CELL,
            upload_per_hour,
            ban_floor,
        },
        hourly: closed(Class::Hourly),
        daily: closed(Class::Daily),
    })
}

/// How full a node is: the largest of the shares of the store, of the connections and, if it is
/// known how much there is, of the bandwidth in use. The connection that asks is one of them, and
/// its bytes are among those that go, so these two are rounded down.
pub fn saturation(
    (used, capacity): (u64, u64),
    connections: (u64, u64),
    bandwidth: Option<(u64, u64)>,
) -> f64 {
    let down = |(used, most): (u64, u64)| share(used.saturating_mul(100) / most.max(1), 100);
    share(used, capacity).max(down(connections)).max(bandwidth.map_or(0.0, down))
}

/// `used` of `capacity` in hundredths, rounded up, 1.0 at most.
fn share(used: u64, capacity: u64) -> f64 {
    let hundredths = (u128::from(used) * 100).div_ceil(u128::from(capacity.max(1)));
    f64::from(u8::try_from(hundredths.min(100)).unwrap_or(100)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_up_to_hundredths() {
        assert_eq!(share(0, 1 << 30), 0.0);
        assert_eq!(share(1, 1 << 30), 0.01);
        assert_eq!(share(1 << 29, 1 << 30), 0.5);
        assert_eq!(share(2 << 30, 1 << 30), 1.0);
        assert_eq!(share(0, 0), 0.0);
    }

    #[test]
    fn the_larger_share_counts() {
        assert_eq!(saturation((0, 1 << 30), (1, 1024), None), 0.0);
        assert_eq!(saturation((0, 1 << 30), (512, 1024), None), 0.5);
        assert_eq!(saturation((1 << 29, 1 << 30), (11, 1024), Some((0, 1 << 20))), 0.5);
        assert_eq!(saturation((1, 1 << 30), (2000, 1024), Some((1, 1 << 20))), 1.0);
        assert_eq!(saturation((0, 1 << 30), (1, 1024), Some((10_000, 1 << 20))), 0.0);
        assert_eq!(saturation((1, 1 << 30), (1, 1024), Some((786_432, 1 << 20))), 0.75);
        assert_eq!(saturation((0, 1 << 30), (1, 1024), Some((u64::MAX, 1 << 20))), 1.0);
    }
}
