//! Downloads of a closed bucket over loopback, plain and over TLS 1.3, over one connection and over
//! eight: the real `posted`, which counts what it gives as it does for the world, against nginx,
//! which has the same bytes in files. Both on a tmpfs, in turns in one run. Needs `make deps`.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "../tests/node/mod.rs"]
mod node;

use common::http::{Line, certify};
use common::nginx::Nginx;
use common::{Pairs, noise, now};
use node::{Hands, Node, memory};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::node::buckets::{Buckets, last_closed};
use poste::node::log::Log;
use poste::node::relay::UPLOAD;
use poste::node::shelf::Batch;
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const TURNS: usize = 9;
const TOTAL: usize = 64 << 20;

/// What is downloaded: a name, the prefix, and how often each connection does it in a turn.
const SIZES: [(&str, &str, usize); 3] =
    [("64 MiB", "", 4), ("4 MiB", "4", 48), ("4 KiB", "fff", 1000)];

fn main() {
    if !common::wanted() {
        return;
    }
    let (dir, plain_dir, www) = (memory(), memory(), memory());
    let trust = certify(www.path());
    let nginx = Nginx::start(www.path());
    let bucket = last_closed(Class::Daily, now());
    let cells = cells();
    let mut nodes = Vec::new();
    for (dir, tls) in [(&plain_dir, false), (&dir, true)] {
        fill(dir.path(), bucket, &cells);
        for file in ["cert.pem", "key.pem"] {
            std::fs::copy(www.path().join(file), dir.path().join(file)).unwrap();
        }
        let keys = if tls { "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n" } else { "" };
        std::fs::write(dir.path().join("posted.toml"), format!("{CONFIG}{keys}")).unwrap();
        nodes.push(Node::start(dir.path(), &[], &[]));
    }
    let files = www.path().join("www");
    for (_, prefix, _) in SIZES {
        let wanted = |cell: &&[u8]| hex(cell).starts_with(prefix);
        let mut part: Vec<&[u8]> = cells.chunks(CELL).filter(wanted).collect();
        part.sort();
        std::fs::write(files.join(format!("part{prefix}")), part.concat()).unwrap();
    }
    for (tls, node, peer) in
        [(None, &nodes[0], nginx.address), (Some(&trust), &nodes[1], nginx.tls)]
    {
        let named = |at: SocketAddr| {
            let mut line = Line::to(at, tls);
            line.get(if at == peer { "/part" } else { "/v1/status" }, "");
            line.cipher()
        };
        assert_eq!(named(node.address), named(peer), "the same cipher");
        let how = if tls.is_some() {
            format!("TLS 1.3, {}", named(peer))
        } else {
            "plain HTTP".to_owned()
        };
        common::head(&format!("downloads of a closed bucket over loopback, {how}"));
        for (size, prefix, times) in SIZES {
            for lines in [1, 8] {
                let times = (times / if lines == 8 { 4 } else { 1 }).max(1);
                let (ours, theirs) = (format!("/v1/{bucket}/{prefix}"), format!("/part{prefix}"));
                let (mut a, mut b) = (ready(node.address, tls, lines), ready(peer, tls, lines));
                let length = a[0].get(&ours, "");
                assert_eq!(length, b[0].get(&theirs, ""));
                // How fast one connection is hangs on which cores its ends come to lie on, and stays
                // so: each turn has a new one.
                let turn = |of: &mut Vec<Line>, at, path: &str| {
                    if lines == 1 {
                        *of = ready(at, tls, lines);
                    }
                    all(of, path, times, length);
                };
                let turns = if lines == 1 { 5 * TURNS } else { TURNS };
                let pairs = Pairs::run(
                    turns,
                    || turn(&mut a, node.address, &ours),
                    || turn(&mut b, peer, &theirs),
                );
                let what =
                    format!("{size}, {lines} connection{}", if lines == 1 { "" } else { "s" });
                let count = (lines * times) as f64;
                if length == CELL {
                    pairs.rate(&what, count, "per s", "nginx, static file");
                } else {
                    pairs.rate(&what, count * length as f64 / 1e6, "MB/s", "nginx, static file");
                }
            }
        }
    }
}

fn ready(to: SocketAddr, tls: Option<&Arc<ClientConfig>>, lines: usize) -> Vec<Line> {
    (0..lines).map(|_| Line::to(to, tls)).collect()
}

/// Downloads over all lines at once.
fn all(lines: &mut [Line], path: &str, times: usize, length: usize) {
    std::thread::scope(|scope| {
        for line in lines {
            scope.spawn(move || {
                for _ in 0..times {
                    assert_eq!(line.get(path, ""), length);
                }
            });
        }
    });
}

/// Puts the cells into the store of a node, as if it had taken them in that bucket's time.
fn fill(dir: &Path, bucket: Bucket, cells: &[u8]) {
    let clock = Arc::new(Hands::at(bucket.start()));
    let store = Buckets::open(&dir.join("store"), 1 << 30, clock, Log::Errors).unwrap();
    for piece in cells.chunks(UPLOAD) {
        store.put(bucket, &Batch::new(piece.to_vec()).unwrap()).unwrap();
    }
}

/// Cells in no order, one of them alone under `fff`.
fn cells() -> Vec<u8> {
    let mut cells = noise(TOTAL);
    for (n, cell) in cells.chunks_mut(CELL).enumerate() {
        match (n, cell[0]) {
            (777, _) => cell[..2].copy_from_slice(&[0xff, 0xff]),
            (_, 0xff) => cell[0] = 0xfe,
            _ => {}
        }
    }
    cells
}

fn hex(cell: &[u8]) -> String {
    format!("{:02x}{:02x}", cell[0], cell[1])
}

const CONFIG: &str = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                      store = \"dir:store\"\nban_floor = \"1024 GiB\"\nupload_per_hour = \"1024 GiB\"\n";
