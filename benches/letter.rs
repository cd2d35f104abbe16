//! Sealing and opening one letter of one cell, whole: authentication, age file, and the cell
//! around it. Peers, in turns in one run: the bare X25519 and ML-KEM-768 operations that the
//! design asks for, and one process of age(1) for the same bytes, sealed classically (`make deps`).
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;

use common::{Pairs, System};
use ml_kem::kem::Decapsulate;
use ml_kem::{B32, EncapsulateDeterministic, KemCore, MlKem768};
use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::{Bucket, Prefix};
use poste::core::cell::{self, Cell};
use poste::core::chain::Chain;
use poste::core::hybrid::{HybridPublic, HybridSecret};
use poste::core::judge::{Arrival, Author, Reader, Verdict, judge};
use poste::core::keys::{DhPublic, DhSecret, LetterId, PairSecret, SignPublic, SignSecret};
use poste::core::letter::{Control, Letter};
use poste::core::random::bytes;
use poste::core::time::MINUTE;
use poste::core::{attempt, seal};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PAIRS: usize = 15;
/// Letters in one run of ours and of the bare operations.
const TIMES: usize = 50;
/// Processes in one run.
const PROCESSES: usize = 5;
const LIMIT: usize = 1 << 20;

fn main() {
    if !common::wanted() {
        return;
    }
    let people = People::new();
    let mail = mail();
    let cells = people.seal(&mail);
    let letter = people.open(&cells);
    common::head("a letter: a reply of 1,700 bytes of text, one cell; one thread");
    let seal = || (0..TIMES).for_each(|_| drop(black_box(people.seal(&mail))));
    let open = || (0..TIMES).for_each(|_| drop(black_box(people.open(&cells))));
    let raw = Raw::new();
    let bare = "bare X25519 and ML-KEM-768 operations";
    Pairs::run(PAIRS, seal, || (0..TIMES).for_each(|_| raw.seal())).time("seal", TIMES, bare);
    Pairs::run(PAIRS, open, || (0..TIMES).for_each(|_| raw.open())).time("open", TIMES, bare);

    let dir = tempfile::tempdir().unwrap();
    let key = age::x25519::Identity::generate();
    let recipient = key.to_public().to_string();
    let text = age::secrecy::ExposeSecret::expose_secret(&key.to_string()).to_owned();
    let file = dir.path().join("key");
    std::fs::write(&file, text).unwrap();
    let sealed = age_program(&["-r", &recipient], &letter);
    let few_seals = || (0..PROCESSES).for_each(|_| drop(people.seal(&mail)));
    let few_opens = || (0..PROCESSES).for_each(|_| drop(people.open(&cells)));
    let seals = || (0..PROCESSES).for_each(|_| drop(age_program(&["-r", &recipient], &letter)));
    let opens = || (0..PROCESSES).for_each(|_| drop(age_opens(&file, &sealed)));
    assert_eq!(age_opens(&file, &sealed), letter);
    Pairs::run(PAIRS, few_seals, seals).time("seal", PROCESSES, "age -r, one process each");
    Pairs::run(PAIRS, few_opens, opens).time("open", PROCESSES, "age -d, one process each");
}

/// A reply as mutt writes it.
fn mail() -> Vec<u8> {
    let body = "A line of a letter such as people write to one another, to the margin.\n";
    let mut mail = format!(
        "Subject: Re: Sunday\nMessage-ID: <{0}@poste>\nReferences: <{0}@poste>\n\
         In-Reply-To: <{0}@poste>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\n",
        "a".repeat(32)
    );
    mail += &body.repeat(24)[..1700];
    mail.into_bytes()
}

/// Alice, who writes, and Bob, whose card and offer she has.
struct People {
    alice: SignPublic,
    chain: Chain,
    day_key: DhPublic,
    bob: SignPublic,
    bob_dh: DhSecret,
    bob_dh_public: DhPublic,
    prekey: HybridSecret,
    prekey_public: HybridPublic,
    secret: PairSecret,
    bucket: Bucket,
}

impl People {
    fn new() -> People {
        let rng = &mut System;
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        // Near the end of the chain, where a day key costs no walk from the last seed.
        let chain = Chain::generate(bucket.day().minus(4090), rng);
        let bob_dh = DhSecret::generate(rng);
        let prekey = HybridSecret::generate(rng);
        People {
            alice: SignSecret::generate(rng).public(),
            day_key: chain.day_key(bucket.day()).unwrap().public(),
            chain,
            bob: SignSecret::generate(rng).public(),
            bob_dh_public: bob_dh.public(),
            bob_dh,
            prekey_public: prekey.public(),
            prekey,
            secret: PairSecret::generate(rng),
            bucket,
        }
    }

    fn seal(&self, mail: &[u8]) -> Vec<Cell> {
        let rng = &mut System;
        let day = self.bucket.day();
        let day_key = self.chain.day_key(day).unwrap();
        let terms = Terms {
            author: self.alice,
            day_key: day_key.public(),
            day,
            reader: self.bob,
            reader_dh: self.bob_dh_public,
        };
        let key = MacKey::by_day_key(&terms, &day_key).unwrap();
        let (id, from) = (LetterId::generate(rng), self.alice.fingerprint());
        let mut control = Control::new(id, from, self.bucket.start(), day);
        control.card_seen = self.bucket.start();
        control.offer_seen = self.bucket.start();
        let sealed = attempt::sealed(&control, mail, &key, &self.prekey_public, rng).unwrap();
        let chunks = attempt::chunks(&sealed, rng).unwrap();
        let digits = Prefix::of(self.bob.fingerprint().as_bytes(), 1);
        let cell = |(n, chunk)| cell::pair(&self.secret, self.bucket, n, digits, chunk, rng);
        let cells: Vec<Cell> = (0..).zip(&chunks).map(cell).collect();
        assert_eq!(cells.len(), 1);
        cells
    }

    fn open(&self, cells: &[Cell]) -> Vec<u8> {
        let chunk = cell::open_pair(&cells[0], &self.secret, self.bucket, 0).unwrap().unwrap();
        let plain = seal::open(&self.prekey, &chunk.data, LIMIT).unwrap();
        let letter = Letter::read(&plain).unwrap();
        let author = Author { sign: self.alice, day_key: Some(self.day_key), held: None };
        let reader = Reader { sign: self.bob, dh: &self.bob_dh };
        let arrival = Arrival { stored: self.bucket.start() + MINUTE, clock_is_good: true };
        assert_eq!(judge(&letter, &author, &reader, arrival), Verdict::Authentic);
        plain
    }
}

/// The public-key operations that one letter takes at the least, and nothing around them.
struct Raw {
    secret: [u8; 32],
    point: [u8; 32],
    encapsulation: <MlKem768 as KemCore>::EncapsulationKey,
    ciphertext: ml_kem::Ciphertext<MlKem768>,
    random: B32,
}

impl Raw {
    fn new() -> Raw {
        let random: B32 = bytes::<32>(&mut System).into();
        let (_, encapsulation) = MlKem768::generate_deterministic(&random, &random);
        let (ciphertext, _) = encapsulation.encapsulate_deterministic(&random).unwrap();
        let secret = bytes(&mut System);
        Raw { secret, point: public(secret), encapsulation, ciphertext, random }
    }

    /// Authentication and the hybrid key: an exchange each; the hybrid key and the cell: a fresh
    /// point each; and one encapsulation.
    fn seal(&self) {
        for _ in 0..2 {
            black_box(x25519_dalek::x25519(self.secret, self.point));
            black_box(public(self.secret));
        }
        black_box(self.encapsulation.encapsulate_deterministic(&self.random).unwrap());
    }

    /// An exchange each, the own public half that the hybrid key hashes, and the ML-KEM key, which
    /// is made from its seed and used.
    fn open(&self) {
        for _ in 0..2 {
            black_box(x25519_dalek::x25519(self.secret, self.point));
        }
        black_box(public(self.secret));
        let (key, _) = MlKem768::generate_deterministic(&self.random, &self.random);
        black_box(key.decapsulate(&self.ciphertext).unwrap());
    }
}

fn public(secret: [u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret)).to_bytes()
}

/// What age(1) makes of `input`.
fn age_program(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("age");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("age is installed (make deps)");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn age_opens(key: &Path, sealed: &[u8]) -> Vec<u8> {
    age_program(&["-d", "-i", key.to_str().unwrap()], sealed)
}
