//! `posted dev`: every role on loopback over plain HTTP, for trying things out. What it keeps is gone
//! when it stops, unless a directory is given for it.
//! Specified in posted(8), dev.

use super::error::RunError;
use crate::node::config::{Config, IdentityConfig, RelayConfig, StoreConfig, TrackerConfig};
use crate::node::log::Log;
use crate::node::tmpfs;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;

/// What runs, and the directory that is to be removed when it stops.
pub fn config(port: u16, dir: Option<PathBuf>) -> Result<(Config, Option<TempDir>), RunError> {
    let (dir, temporary) = match dir {
        Some(dir) => {
            std::fs::create_dir_all(&dir).map_err(|e| RunError::Directory(dir.clone(), e))?;
            (dir, None)
        }
        None => {
            let made = memory_directory()?;
            (made.path().to_owned(), Some(made))
        }
    };
    let relay = RelayConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        url: String::new(),
        tls_cert: None,
        tls_key: None,
        store: StoreConfig::Dir(dir.join("store")),
        allow_disk: temporary.is_none(),
        capacity: 1 << 30,
        connections: 1024,
        admin: None,
        bandwidth: None,
        upload_per_hour: None,
        ban_floor: None,
        proxies: Vec::new(),
        proxy_protocol: false,
        trackers: Vec::new(),
    };
    let config = Config {
        name: "dev".to_owned(),
        key_file: Some(dir.join("node.key")),
        log: Log::All,
        relay: Some(relay),
        tracker: Some(TrackerConfig::on_loopback()),
        identity: Some(IdentityConfig::on_loopback(dir.join("cards"))),
    };
    Ok((config, temporary))
}

/// A directory of our own in the user's runtime directory, or else in shared memory.
fn memory_directory() -> Result<TempDir, RunError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let shared = PathBuf::from("/dev/shm");
    let parent = runtime.filter(|dir| tmpfs::check(dir).is_ok()).unwrap_or(shared);
    let made = tempfile::Builder::new().prefix("posted-dev.").tempdir_in(&parent);
    made.map_err(|error| RunError::Directory(parent, error))
}
