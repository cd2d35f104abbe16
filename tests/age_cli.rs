//! The installed `age` program (Debian's 1.1.1 or newer) and we open each other's files at rest, and
//! agree on keys: what is archived needs nothing but `age` to be read.
//!
//! Needs the packages `age` and, for a terminal to ask a passphrase on, `bsdutils`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use poste::core::archive::{ArchiveIdentity, open_at_rest, seal_at_rest, seal_passphrase};
use poste::core::random::Random;

/// The system's random numbers.
struct System;

impl Random for System {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

fn plains() -> impl Iterator<Item = Vec<u8>> {
    [0, 1, 2000, 65536, 65537].into_iter().map(|size| (0..size).map(|i| (i % 251) as u8).collect())
}

fn run(directory: &Path, program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error} (apt install age)"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    output
}

#[test]
fn age_opens_what_is_sealed_at_rest() {
    let directory = tempfile::tempdir().unwrap();
    let identity = ArchiveIdentity::generate(&mut System);
    fs::write(directory.path().join("key"), identity.to_text().as_bytes()).unwrap();
    for plain in plains() {
        let sealed = seal_at_rest(&identity.recipient(), &plain, &mut System);
        fs::write(directory.path().join("sealed"), sealed).unwrap();
        let output = run(directory.path(), "age", &["-d", "-i", "key", "sealed"], &[]);
        assert_eq!(output.stdout, plain);
    }
}

#[test]
fn what_age_seals_opens_at_rest() {
    let directory = tempfile::tempdir().unwrap();
    let identity = ArchiveIdentity::generate(&mut System);
    let recipient = identity.recipient().to_string();
    for plain in plains() {
        let sealed = run(directory.path(), "age", &["-r", &recipient], &plain).stdout;
        assert_eq!(open_at_rest(&identity, &sealed, plain.len()), Ok(plain));
    }
}

#[test]
fn both_take_each_others_keys() {
    let directory = tempfile::tempdir().unwrap();
    let ours = ArchiveIdentity::generate(&mut System);
    let theirs = run(directory.path(), "age-keygen", &["-y"], ours.to_text().as_bytes());
    assert_eq!(theirs.stdout, format!("{}\n", ours.recipient()).as_bytes());

    let text = String::from_utf8(run(directory.path(), "age-keygen", &[], &[]).stdout).unwrap();
    let identity: ArchiveIdentity = text.lines().last().unwrap().parse().unwrap();
    assert!(text.contains(&identity.recipient().to_string()));
}

#[test]
fn age_opens_what_is_sealed_under_a_passphrase() {
    let directory = tempfile::tempdir().unwrap();
    let sealed = seal_passphrase("correct horse", b"keys", Some(8));
    fs::write(directory.path().join("sealed"), sealed).unwrap();
    // age asks on a terminal only, so it is given one.
    let command = "age -d -o opened sealed";
    run(directory.path(), "script", &["-qec", command, "/dev/null"], b"correct horse\n");
    assert_eq!(fs::read(directory.path().join("opened")).unwrap(), b"keys");
}
