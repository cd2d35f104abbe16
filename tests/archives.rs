//! Archives that mean harm: each is refused by name, and leaves the home as it was
//! (poste-files(5), Archives).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::import::{Imported, Options, import};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use world::{Person, World, acquainted};

/// A header as tar(5) has it, then the content, padded.
struct Raw {
    name: Vec<u8>,
    kind: u8,
    size: Option<Vec<u8>>,
    link: &'static str,
    prefix: &'static str,
    mode: u32,
    magic: &'static [u8; 8],
    body: Vec<u8>,
    checksum: Option<u32>,
}

fn file(name: &str, body: &[u8]) -> Raw {
    Raw {
        name: name.as_bytes().to_vec(),
        kind: b'0',
        size: None,
        link: "",
        prefix: "",
        mode: 0o600,
        magic: b"ustar\x0000",
        body: body.to_vec(),
        checksum: None,
    }
}

fn special(name: &str, kind: u8, link: &'static str) -> Raw {
    Raw { kind, link, ..file(name, b"") }
}

impl Raw {
    fn bytes(&self) -> Vec<u8> {
        let mut header = [0u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, b"0000000\x000000000\x00");
        let size = format!("{:011o}\0", self.body.len()).into_bytes();
        put(124, self.size.as_deref().unwrap_or(&size));
        put(136, b"00000000000\0        ");
        put(156, &[self.kind]);
        put(157, self.link.as_bytes());
        put(257, self.magic);
        put(345, self.prefix.as_bytes());
        let sum = header.iter().map(|b| u32::from(*b)).sum();
        let sum = format!("{:06o}\0 ", self.checksum.unwrap_or(sum));
        header[148..156].copy_from_slice(sum.as_bytes());
        let mut out = [&header[..], &self.body].concat();
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

fn archive(entries: &[Raw]) -> Vec<u8> {
    let mut out: Vec<u8> = entries.iter().flat_map(Raw::bytes).collect();
    out.resize(out.len() + 1024, 0);
    out
}

fn pax(records: &[(&str, &str)]) -> Raw {
    let record = |(key, value): &(&str, &str)| {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        format!("{length}{rest}")
    };
    let body: String = records.iter().map(record).collect();
    Raw { kind: b'x', ..file("PaxHeaders/x", body.as_bytes()) }
}

fn long_name(name: &str) -> Raw {
    Raw { kind: b'L', ..file("././@LongLink", format!("{name}\0").as_bytes()) }
}

const GOOD: &str = "mail/alice/cur/1793527860.5f0d6e1b9c2a4788.poste:2,S";
const MAIL: &[u8] = b"From: alice@poste\nTo: me@poste\n\
    Date: Sun, 22 Nov 2026 10:11:00 +0000\nSubject: kept\n\nfrom an archive\n";

/// Archives, each with what must stand in the error.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut all: Vec<(&'static str, Vec<u8>, &'static str)> = Vec::new();
    // What is wrong comes after a message that could be taken.
    let mut add = |what, entry: Vec<Raw>, says| {
        let entries: Vec<Raw> = std::iter::once(file(GOOD, MAIL)).chain(entry).collect();
        all.push((what, archive(&entries), says));
    };
    add("symlink", vec![special("mail/alice/cur/x", b'2', "/etc/passwd")], "neither");
    add("relative symlink", vec![special("mail/alice/cur/x", b'2', "y")], "neither");
    add("hard link", vec![special("mail/alice/cur/x", b'1', GOOD)], "neither");
    add("hard link outside", vec![special("mail/alice/cur/x", b'1', "/etc/shadow")], "neither");
    add(
        "symlink, then a file through it",
        vec![special("mail/eve", b'2', "/tmp"), file("mail/eve/cur/x", MAIL)],
        "neither",
    );
    add(
        "symlink, then a directory in its place",
        vec![special("mail/eve", b'2', "/tmp"), special("mail/eve/", b'5', "")],
        "neither",
    );
    add("character device", vec![special("mail/alice/cur/x", b'3', "")], "neither");
    add("block device", vec![special("mail/alice/cur/x", b'4', "")], "neither");
    add("fifo", vec![special("mail/alice/cur/x", b'6', "")], "neither");
    add("contiguous file", vec![special("mail/alice/cur/x", b'7', "")], "neither");
    add("sparse file", vec![special("mail/alice/cur/x", b'S', "")], "neither");
    add("long link name", vec![Raw { kind: b'K', ..file("././@LongLink", b"x\0") }], "not plain");
    add("volume label", vec![special("label", b'V', "")], "neither");
    add("multi-volume part", vec![special("mail/alice/cur/x", b'M', "")], "neither");
    add("global header", vec![Raw { kind: b'g', ..pax(&[("comment", "x")]) }], "neither");
    add("unknown kind", vec![special("mail/alice/cur/x", b'Z', "")], "neither");
    add("absolute", vec![file("/etc/cron.d/x", MAIL)], "absolute");
    add("absolute after a dot", vec![file(".//etc/x", MAIL)], "plain");
    add("parent", vec![file("../x", MAIL)], "leads out");
    add("parent within", vec![file("mail/alice/cur/../../../x", MAIL)], "leads out");
    add("parent at the end", vec![file("mail/alice/cur/..", MAIL)], "leads out");
    add("dot within", vec![file("mail/./alice/cur/x", MAIL)], "not plain");
    add("two slashes", vec![file("mail//alice/cur/x", MAIL)], "not plain");
    add("slash at the end", vec![file("mail/alice/cur/x/", MAIL)], "slash");
    add("only dots", vec![file("..", MAIL)], "leads out");
    add("no name", vec![file("", MAIL)], "without a name");
    add("only a dot", vec![file("./", MAIL)], "slash");
    add("newline in the name", vec![file("mail/alice/cur/a\nb", MAIL)], "control");
    add("escape in the name", vec![file("mail/alice/cur/\u{1b}[2J", MAIL)], "control");
    add("no UTF-8", vec![Raw { name: b"mail/alice/cur/\xff".to_vec(), ..file("", MAIL) }], "UTF-8");
    add("twice", vec![file(GOOD, MAIL)], "met before");
    add("twice, once with a dot", vec![file(&format!("./{GOOD}"), MAIL)], "met before");
    add(
        "a file where a directory was",
        vec![special("mail/bob/cur/x/", b'5', ""), file("mail/bob/cur/x", MAIL)],
        "met before",
    );
    add("keys", vec![file("keys/transit.toml", b"x")], "no place");
    add("locked keys", vec![file("keys/locked.age", b"x")], "no place");
    add("configuration", vec![file("config.toml", b"x")], "no place");
    add("configuration of the home", vec![file("config/config.toml", b"x")], "no place");
    add("hidden", vec![file(".poste/keys", b"x")], "no place");
    add("card", vec![file("card.toml", b"x")], "no place");
    add("outbox", vec![file("outbox/x.toml", b"x")], "no place");
    add("state", vec![file("state/cursors.toml", b"x")], "no place");
    add("folder that is none", vec![file("mail/.git/cur/x", MAIL)], "no name of a folder");
    add("folder in capitals", vec![file("mail/ALICE/cur/x", MAIL)], "no name of a folder");
    add("folder in a folder", vec![file("mail/a/b/cur/x", MAIL)], "no place");
    add("contact that is none", vec![file("contacts/..toml", b"x")], "no name of a contact");
    add("stray file", vec![file("mail/alice/dovecot-uidlist", b"x")], "no place");
    add(
        "a tebibyte",
        vec![Raw {
            size: Some(b"20000000000000".to_vec()[..12].to_vec()),
            ..file("mail/a/cur/x", b"")
        }],
        "larger",
    );
    let mut base256 = vec![0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    add(
        "a size in base 256",
        vec![Raw { size: Some(base256.clone()), ..file("mail/a/cur/x", b"") }],
        "larger",
    );
    base256[0] = 0xff;
    add(
        "a negative size",
        vec![Raw { size: Some(base256), ..file("mail/a/cur/x", b"") }],
        "larger",
    );
    add(
        "no size",
        vec![Raw { size: Some(b"zzzzzzzzzzzz".to_vec()), ..file("mail/a/cur/x", b"") }],
        "size",
    );
    add(
        "a directory with content",
        vec![Raw { kind: b'5', ..file("mail/bob/", b"xx") }],
        "content",
    );
    add(
        "pax path",
        vec![pax(&[("path", "../../x")]), file("mail/a/cur/x", MAIL)],
        "extended header",
    );
    add("pax size", vec![pax(&[("size", "1")]), file("mail/a/cur/x", MAIL)], "extended header");
    add(
        "pax link",
        vec![pax(&[("linkpath", "/etc")]), file("mail/a/cur/x", MAIL)],
        "extended header",
    );
    add(
        "pax sparse",
        vec![pax(&[("GNU.sparse.major", "1")]), file("mail/a/cur/x", b"")],
        "extended header",
    );
    add("pax garbage", vec![Raw { kind: b'x', ..file("x", b"99999 path=x\n") }], "extended header");
    add("pax without end", vec![Raw { kind: b'x', ..file("x", b"9 mtime=1") }], "extended header");
    add("pax of a megabyte", vec![Raw { kind: b'x', ..file("x", &vec![b'1'; 1 << 20]) }], "larger");
    add("long name out", vec![long_name("../../x"), file("x", MAIL)], "leads out");
    add("long name absolute", vec![long_name("/etc/x"), file("x", MAIL)], "absolute");
    add(
        "two long names",
        vec![long_name("mail/a/cur/x"), long_name("y"), file("x", MAIL)],
        "two long",
    );
    add(
        "long name of a megabyte",
        vec![long_name(&"x".repeat(1 << 20)), file("x", MAIL)],
        "larger",
    );
    add(
        "long name too long",
        vec![long_name(&format!("mail/a/cur/{}", "x".repeat(600))), file("x", MAIL)],
        "too long",
    );
    add("long name with a zero", vec![long_name("mail/a/cur/x\0y"), file("x", MAIL)], "control");
    add(
        "long name for a link",
        vec![long_name("mail/a/cur/x"), special("x", b'2', "/etc")],
        "neither",
    );
    add("prefix out", vec![Raw { prefix: "..", ..file("x", MAIL) }], "leads out");
    add("prefix absolute", vec![Raw { prefix: "/etc", ..file("x", MAIL) }], "absolute");
    add("checksum", vec![Raw { checksum: Some(7), ..file("mail/a/cur/x", MAIL) }], "damaged");
    add(
        "contacts of another home",
        vec![file("contacts.age", b"age-encryption.org/v1\n")],
        "contacts.age",
    );
    let whole = archive(&[file(GOOD, MAIL)]);
    let header_only = file("mail/alice/cur/y", &[b'x'; 2000]).bytes();
    all.push((
        "cut in a file",
        [file(GOOD, MAIL).bytes(), header_only[..1024].to_vec()].concat(),
        "cut short",
    ));
    all.push((
        "cut in a header",
        [file(GOOD, MAIL).bytes(), header_only[..100].to_vec()].concat(),
        "cut short",
    ));
    all.push(("no end", file(GOOD, MAIL).bytes(), "cut short"));
    all.push(("nothing", Vec::new(), "is empty"));
    all.push(("two archives", [whole.clone(), whole.clone()].concat(), "follows its end"));
    all.push(("a byte after the end", [whole.clone(), vec![1]].concat(), "follows its end"));
    all.push(("gzip", [b"\x1f\x8b\x08\x00".to_vec(), vec![7; 600]].concat(), "compressed"));
    all.push(("zip", [b"PK\x03\x04".to_vec(), vec![7; 600]].concat(), "compressed"));
    all.push(("zstd", [b"\x28\xb5\x2f\xfd".to_vec(), vec![7; 600]].concat(), "compressed"));
    all.push(("text", b"no archive at all\n".repeat(100), "no tar file"));
    all.push(("a long name at the end", archive(&[file(GOOD, MAIL), long_name("x")]), "cut short"));
    all
}

/// Every file of a directory, with its content.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(Result::unwrap)
        .filter(|item| item.file_type().is_file())
        .map(|item| (item.path().to_owned(), std::fs::read(item.path()).unwrap()))
        .collect()
}

fn take(person: &Person<'_>, archive: &[u8]) -> Result<Imported, poste::client::error::Error> {
    let path = person.dir.path().join("archive.tar");
    std::fs::write(&path, archive).unwrap();
    person.with(|env| import(env, &path, &mut std::io::empty(), &Options::default()))
}

#[test]
fn every_hostile_archive_is_refused_by_name_and_changes_nothing() {
    let world = World::at("2026-11-22T14");
    let (_alice, bob) = acquainted(&world);
    let cases = hostile();
    assert!(cases.len() >= 60, "{}", cases.len());
    let before = snapshot(&bob.dir.path().join("home"));
    let mut wrong = Vec::new();
    for (what, archive, says) in cases {
        let error = take(&bob, &archive).expect_err(what);
        if !error.what.contains(says) {
            wrong.push(format!("{what}: {error}"));
        }
        assert_eq!(snapshot(&bob.dir.path().join("home")), before, "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_plain_tar_writes_is_taken() {
    let world = World::at("2026-11-22T14");
    let (_alice, bob) = acquainted(&world);
    let good = archive(&[
        special("./", b'5', ""),
        special("./mail/", b'5', ""),
        pax(&[("mtime", "1793527860.123"), ("uname", "bob")]),
        file(&format!("./{GOOD}"), MAIL),
        long_name("./mail/alice/cur/1793527861.5f0d6e1b9c2a4789.poste:2,S"),
        file("x", MAIL),
        file("mail/alice/tmp/half", b"half"),
    ]);
    let done = take(&bob, &good).unwrap();
    assert_eq!((done.imported, done.skipped.len()), (2, 0), "{done:?}");
    assert!(bob.bodies("alice").contains(&"from an archive".to_owned()));
    let again = take(&bob, &good).unwrap();
    assert_eq!((again.imported, again.there), (0, 2), "{again:?}");
}

#[test]
fn without_memory_standard_input_goes_nowhere_else() {
    let world = World::at("2026-11-22T14");
    let (_alice, bob) = acquainted(&world);
    let good = archive(&[file(GOOD, MAIL)]);
    let from_stdin = |memory: Option<&Path>| {
        let options = Options { memory: memory.map(Path::to_owned), ..Options::default() };
        bob.with(|env| import(env, Path::new("-"), &mut good.as_slice(), &options))
    };
    for (memory, says) in [
        (None, "no directory in memory"),
        (Some(Path::new("/nowhere")), "cannot keep standard input in /nowhere"),
    ] {
        let error = from_stdin(memory).unwrap_err();
        assert!(error.what.contains(says), "{error}");
        assert!(error.hints.iter().any(|hint| hint.contains("poste import FILE")), "{error:?}");
    }
    assert_eq!(from_stdin(Some(Path::new("/dev/shm"))).unwrap().imported, 1);
}
