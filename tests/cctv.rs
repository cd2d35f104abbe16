//! Every public test vector of the age format (C2SP/CCTV) through the three ways in which poste
//! opens an age file: as a letter, at rest, under a passphrase.
//!
//! Those that the profile of poste-protocol(7) and poste-files(5) admits open to the right payload;
//! all others fail closed, also the ones in armour, which age itself would open.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use miniz_oxide::inflate::decompress_to_vec_zlib;
use poste::core::archive::{ArchiveIdentity, PassphraseError, open_at_rest, open_passphrase};
use poste::core::encode::hex;
use poste::core::hybrid::HybridSecret;
use poste::core::prim::sha256;
use poste::core::seal::{self, OpenError};

/// More than the largest payload, 16 MiB and one chunk.
const LIMIT: usize = 32 << 20;
const VECTORS: usize = 143;

/// Vectors that open, in each way. All others fail: 117 that are to fail everywhere, and the 7 that
/// age opens from armour, which poste does not take.
const LETTERS: [&str; 3] = ["hybrid", "hybrid_and_x25519", "hybrid_grease"];
const AT_REST: [&str; 17] = [
    "hybrid",
    "hybrid_grease",
    "hybrid_multiple_recipients",
    "stanza_empty_body",
    "stanza_empty_last_line",
    "stanza_valid_characters",
    "stream_257_chunks",
    "stream_257_chunks_full",
    "stream_258_chunks",
    "stream_empty_payload",
    "stream_last_chunk_full",
    "stream_last_chunk_full_second",
    "stream_three_chunks",
    "stream_two_chunks",
    "x25519",
    "x25519_grease",
    "x25519_multiple_recipients",
];
const PASSPHRASE: [&str; 1] = ["scrypt"];

/// In what way a vector was tried.
#[derive(Debug)]
enum Way {
    Letter,
    AtRest,
    Passphrase,
}

impl Way {
    fn admitted(&self) -> &'static [&'static str] {
        match self {
            Way::Letter => &LETTERS,
            Way::AtRest => &AT_REST,
            Way::Passphrase => &PASSPHRASE,
        }
    }
}

struct Vector {
    name: String,
    fields: BTreeMap<String, Vec<String>>,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Vector {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            let (key, value) = line.split_once(": ").unwrap();
            fields.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        let file = match fields.get("compressed").map(|how| how[0].as_str()) {
            None => bytes[end + 2..].to_vec(),
            Some("zlib") => decompress_to_vec_zlib(&bytes[end + 2..]).unwrap(),
            Some(other) => panic!("{other} is not known"),
        };
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        Vector { name, fields, file }
    }

    fn all(&self, key: &str) -> &[String] {
        self.fields.get(key).map_or(&[], |values| values)
    }

    fn one(&self, key: &str) -> &str {
        &self.all(key)[0]
    }

    /// What opening gave, in every way there is with the vector's keys; some bring none, as nobody
    /// should come to need one, and are tried with `spare`.
    fn open(&self, spare: &str) -> Vec<(Way, Result<Vec<u8>, OpenError>)> {
        let spare = [spare.to_owned()];
        let keyless = self.all("identity").is_empty() && self.all("passphrase").is_empty();
        let identities = if keyless { &spare } else { self.all("identity") };
        let mut results = Vec::new();
        for text in identities {
            let identity: ArchiveIdentity = text.parse().unwrap();
            results.push((Way::AtRest, open_at_rest(&identity, &self.file, LIMIT)));
            if let Ok(secret) = text.parse::<HybridSecret>() {
                results.push((Way::Letter, seal::open(&secret, &self.file, LIMIT)));
            }
        }
        for passphrase in self.all("passphrase") {
            let result = match open_passphrase(passphrase, &self.file, LIMIT) {
                Ok(plain) => Ok(plain.to_vec()),
                Err(PassphraseError::File(error)) => Err(error),
                Err(_) => Err(OpenError::NotOurs),
            };
            results.push((Way::Passphrase, result));
        }
        results
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/age");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("README.md") && !path.ends_with("LICENSE"))
        .collect();
    paths.sort();
    paths.iter().map(|path| Vector::read(path)).collect()
}

#[test]
fn every_vector_opens_to_its_payload_or_fails_closed() {
    let vectors = vectors();
    assert_eq!(vectors.len(), VECTORS);
    let hybrid = vectors.iter().find(|vector| vector.name == "hybrid").unwrap();
    let (mut failed, mut armoured) = (0, 0);
    for vector in &vectors {
        let (name, expect) = (vector.name.as_str(), vector.one("expect"));
        let start = Instant::now();
        let results = vector.open(hybrid.one("identity"));
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
        assert!(!results.is_empty(), "{name} was tried");

        let opened = results.iter().any(|(_, result)| result.is_ok());
        assert!(!opened || expect == "success", "{name} is to be a {expect}");
        failed += usize::from(!opened && expect != "success");
        armoured += usize::from(!opened && expect == "success");
        for (way, result) in results {
            assert_eq!(result.is_ok(), way.admitted().contains(&name), "{name} {way:?}");
            let late = expect == "payload failure" || expect == "HMAC failure";
            match result {
                Ok(plain) => assert_eq!(hex(&sha256(&[&plain])), vector.one("payload"), "{name}"),
                // Not masked by a failure before it was come to.
                Err(error) if late && vector.all("armored").is_empty() => {
                    assert_eq!(error, OpenError::Damaged, "{name} {way:?}");
                }
                Err(_) => {}
            }
        }
    }
    assert_eq!((failed, armoured), (117, 7));
}
