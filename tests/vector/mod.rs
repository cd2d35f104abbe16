//! Test vectors as files: what one is, how it is written and read, and the people in them.
//!
//! A file is a header of `key: value` lines, an empty line, and a body, after the manner of the
//! vectors of age. `expect` is `good` or the name of the one rule that is broken; `comment` says
//! it in words. Every format's other keys are described in tests/vectors/README.md.

pub mod make;

use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::Bucket;
use poste::core::chain::Chain;
use poste::core::encode::base64;
use poste::core::keys::{DhSecret, SignPublic, SignSecret};
use poste::core::prim;
use poste::core::random::Random;
use poste::core::time::{Day, Time};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

/// The folders that are made here; others below tests/vectors come from elsewhere.
pub const FOLDERS: [&str; 12] = [
    "auth", "bucket", "card", "cell", "chain", "filed", "group", "letter", "point", "report",
    "stamp", "words",
];

/// One test vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    pub folder: String,
    pub name: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Vector {
    pub fn new(folder: &str, name: &str, expect: &str, comment: &str) -> Vector {
        let fields = Vec::new();
        let vector = Vector { folder: folder.into(), name: name.into(), fields, body: Vec::new() };
        vector.with("expect", expect).with("comment", comment)
    }

    pub fn with(mut self, key: &str, value: impl ToString) -> Vector {
        self.fields.push((key.into(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Vector {
        self.body = body.into();
        self
    }

    /// The keys on which a MAC depends, both secrets among them.
    pub fn with_terms(self, author: &Person, reader: &Person, day: Day) -> Vector {
        let secret = author.day_key(day);
        self.with("author", author.public())
            .with("day", day)
            .with("day-key", secret.public())
            .with("day-secret", base64(secret.expose()))
            .with("reader", reader.public())
            .with("reader-dh", reader.dh.public())
            .with("reader-secret", base64(reader.dh.expose()))
    }

    pub fn path(&self) -> PathBuf {
        top().join(&self.folder).join(&self.name)
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let line = |(key, value): &(String, String)| match value.as_str() {
            "" => format!("{key}:\n"),
            _ => format!("{key}: {value}\n"),
        };
        let header: String = self.fields.iter().map(line).collect();
        [header.as_bytes(), b"\n", &self.body].concat()
    }

    /// Reads a file back.
    pub fn parse(folder: &str, name: &str, bytes: &[u8]) -> Option<Vector> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let field = |line: &str| {
            let (key, value) = line.split_once(':')?;
            Some((key.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()))
        };
        let header = std::str::from_utf8(&bytes[..end]).ok()?;
        let fields = header.lines().map(field).collect::<Option<_>>()?;
        let body = bytes[end + 2..].to_vec();
        Some(Vector { folder: folder.into(), name: name.into(), fields, body })
    }
}

/// Where the vectors lie.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Repeatable randomness: SHA-256 of a label and a counter. It remembers what was drawn.
pub struct Dice {
    label: String,
    block: u64,
    pub drawn: Vec<u8>,
}

impl Dice {
    pub fn new(label: &str) -> Dice {
        Dice { label: label.into(), block: 0, drawn: Vec::new() }
    }
}

impl Random for Dice {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let hash = prim::sha256(&[self.label.as_bytes(), &self.block.to_be_bytes()]);
            self.block += 1;
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
        self.drawn.extend_from_slice(out);
    }
}

/// Somebody with all long-lived secrets.
pub struct Person {
    pub sign: SignSecret,
    pub dh: DhSecret,
    pub chain: Chain,
    day_keys: Mutex<BTreeMap<Day, DhSecret>>,
}

impl Person {
    pub fn new(name: &str) -> Person {
        let mut dice = Dice::new(name);
        Person {
            sign: SignSecret::generate(&mut dice),
            dh: DhSecret::generate(&mut dice),
            chain: Chain::generate(first_day(), &mut dice),
            day_keys: Mutex::default(),
        }
    }

    /// The day key, whose some 4000 hashes are done once.
    pub fn day_key(&self, day: Day) -> DhSecret {
        let mut known = self.day_keys.lock().expect("nobody panicked");
        let make = || self.chain.day_key(day).expect("a day of the chain");
        known.entry(day).or_insert_with(make).clone()
    }

    pub fn public(&self) -> SignPublic {
        self.sign.public()
    }
}

/// The two people of most vectors: alice writes, bob reads.
pub static ALICE: LazyLock<Person> = LazyLock::new(|| Person::new("alice"));
pub static BOB: LazyLock<Person> = LazyLock::new(|| Person::new("bob"));

/// The key that authenticates what `author` writes to `reader` on `day`.
pub fn mac_key(author: &Person, reader: &Person, day: Day) -> MacKey {
    let secret = author.day_key(day);
    let terms = Terms {
        author: author.public(),
        day_key: secret.public(),
        day,
        reader: reader.public(),
        reader_dh: reader.dh.public(),
    };
    MacKey::by_day_key(&terms, &secret).expect("public keys are checked")
}

/// The first day of every chain.
pub fn first_day() -> Day {
    "2026-11-20".parse().expect("a date")
}

/// The day on which all is written.
pub fn today() -> Day {
    first_day().plus(2)
}

/// The moment at which all is written, 2026-11-22T14:00:00Z.
pub fn now() -> Time {
    bucket().start()
}

pub fn bucket() -> Bucket {
    "hourly/2026-11-22T14".parse().expect("a bucket")
}
