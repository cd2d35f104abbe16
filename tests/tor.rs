//! The example configuration of Tor is one that tor(1) itself accepts. No network is used: tor only
//! reads it. What it is for stands in posted(8), BEHIND TOR.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Output};

/// What tor says of a configuration, with its services below `dir`.
fn verify(dir: &Path, config: &str) -> Output {
    let file = dir.join("torrc");
    let here = config.replace("/var/lib/tor", dir.to_str().unwrap());
    fs::write(&file, format!("DataDirectory {}/data\n{here}", dir.display())).unwrap();
    let mut tor = Command::new("tor");
    tor.args(["--verify-config", "--defaults-torrc", "/dev/null", "-f"]).arg(file);
    tor.output().expect("tor is installed (make deps)")
}

#[test]
fn tor_accepts_the_example() {
    let example = include_str!("../examples/torrc");
    assert!(example.contains("/var/lib/tor/poste"));
    let dir = tempfile::tempdir().unwrap();
    let mut private = fs::DirBuilder::new();
    private.mode(0o700).create(dir.path().join("poste")).unwrap();
    let good = verify(dir.path(), example);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));
    let bad = verify(dir.path(), &example.replace("haproxy", "another"));
    assert!(!bad.status.success(), "tor refuses what it does not know");
}
