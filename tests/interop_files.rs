//! Files that another implementation of age sealed (`tests/vectors/interop`), opened in each of our
//! ways, so that `make test` holds the formats to something that is not this program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use poste::core::archive::{ArchiveIdentity, Kind, kind_of, open_at_rest, open_passphrase};
use poste::core::hybrid::HybridSecret;
use poste::core::seal;

const SIZES: [usize; 3] = [0, 2000, 65537];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/interop")
}

fn key(name: &str) -> String {
    let text = fs::read_to_string(folder().join("keys.txt")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().to_owned()
}

/// The files sealed to the key of this name, and their payloads.
fn files(name: &str, kind: Kind) -> Vec<(Vec<u8>, Vec<u8>)> {
    let read = |size: &usize| {
        let file = fs::read(folder().join(format!("{name}-{size}.age"))).unwrap();
        assert_eq!(kind_of(&file), Ok(kind));
        (file, (0..*size).map(|index| (index % 251) as u8).collect())
    };
    SIZES.iter().map(read).collect()
}

#[test]
fn hybrid_files_open_as_letters_and_at_rest() {
    let secret: HybridSecret = key("hybrid").parse().unwrap();
    let identity: ArchiveIdentity = key("hybrid").parse().unwrap();
    for (file, plain) in files("hybrid", Kind::Hybrid) {
        assert_eq!(file.len(), plain.len() + seal::OVERHEAD + 16 * (plain.len() / 65537));
        assert_eq!(seal::open(&secret, &file, plain.len()).as_ref(), Ok(&plain));
        assert_eq!(open_at_rest(&identity, &file, plain.len()).as_ref(), Ok(&plain));
    }
}

#[test]
fn x25519_files_open_at_rest() {
    let identity: ArchiveIdentity = key("x25519").parse().unwrap();
    for (file, plain) in files("x25519", Kind::X25519) {
        assert_eq!(open_at_rest(&identity, &file, plain.len()), Ok(plain));
    }
}

#[test]
fn files_under_a_passphrase_open() {
    for (file, plain) in files("passphrase", Kind::Passphrase) {
        let opened = open_passphrase(&key("passphrase"), &file, plain.len()).unwrap();
        assert_eq!(*opened, plain);
    }
}
