//! Archives that mean harm, given to `init --import`: each is refused by what is wrong with it, and
//! there is no home, nor anything of one, afterwards (poste-files(5), Archives).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::Home;
use std::fs;
use std::io::Read;
use std::path::Path;
use tar::{Archive, Builder, EntryType, Header};

type Files = Vec<(String, Vec<u8>)>;

/// A home without a node that knows somebody, has a letter in its outbox and a copy of it.
fn make(parent: &Path, name: &str, friend: Option<&Home>) -> Home {
    let home = Home { dir: parent.join(name) };
    home.ok(&["init", "--no-passphrase", "--name", name]);
    if let Some(friend) = friend {
        home.ok_with(&["add", "bob", "-"], friend.ok(&["card", "--toml"]).as_bytes());
        home.ok_with(&["send", "bob", "-s", "waits"], b"waits\n");
    }
    home
}

/// What is in the archive of a home.
fn files(home: &Home) -> Files {
    let output = home.run(&["export", "--keys"], b"");
    assert!(output.status.success());
    let mut archive = Archive::new(&output.stdout[..]);
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.header().entry_type() == EntryType::Regular);
    files
        .map(|mut entry| {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), bytes)
        })
        .collect()
}

/// A header whose name is written as it is.
fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(size);
    header.set_mtime(0);
    header
}

fn append(out: &mut Builder<Vec<u8>>, mut header: Header, bytes: &[u8]) {
    header.set_cksum();
    out.append(&header, bytes).unwrap();
}

fn archive(files: &Files) -> Vec<u8> {
    let mut out = Builder::new(Vec::new());
    for (name, bytes) in files {
        append(&mut out, header(name, EntryType::Regular, bytes.len() as u64), bytes);
    }
    out.into_inner().unwrap()
}

/// The same with one more entry at its end.
fn with(files: &Files, header: Header, bytes: &[u8]) -> Vec<u8> {
    let mut out = Builder::new(Vec::new());
    for (name, bytes) in files {
        append(&mut out, self::header(name, EntryType::Regular, bytes.len() as u64), bytes);
    }
    append(&mut out, header, bytes);
    out.into_inner().unwrap()
}

/// The same with another content of the first file whose name begins so.
fn changed(files: &Files, name: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut files = files.clone();
    let file = files.iter_mut().find(|(known, _)| known.starts_with(name));
    let file = file.unwrap_or_else(|| panic!("no {name}"));
    file.1 = change(&file.1);
    archive(&files)
}

fn without(files: &Files, name: &str) -> Vec<u8> {
    archive(&files.iter().filter(|(known, _)| known != name).cloned().collect())
}

fn content(files: &Files, name: &str) -> Vec<u8> {
    files.iter().find(|(known, _)| known == name).unwrap().1.clone()
}

/// Archives, each with what must stand in the error.
fn hostile(good: &Files, foreign: &Files) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    use EntryType as Kind;
    let entry = |name: &str, kind| with(good, header(name, kind, 0), b"");
    let file = |name: &str, bytes: &[u8]| {
        with(good, header(name, Kind::Regular, bytes.len() as u64), bytes)
    };
    let link = |name: &str, kind, to: &str| {
        let mut header = header(name, kind, 0);
        header.set_link_name_literal(to).unwrap();
        with(good, header, b"")
    };
    let from_foreign = |name: &str| changed(good, name, |_| content(foreign, name));
    let line = |text: &'static str| move |old: &[u8]| [text.as_bytes(), b"\n", old].concat();
    let sent = good.iter().find(|(n, _)| n.starts_with("outbox/") && n.ends_with(".toml")).unwrap();
    let (item, whole) = (sent.0.clone(), archive(good));
    let moved = item.replace(&item[7..39], &"7a".repeat(16));
    let mut all = vec![
        ("symlink", link("contacts/eve.toml", Kind::Symlink, "/etc/passwd"), "neither"),
        ("hard link", link("contacts/eve.toml", Kind::Link, "keys/transit.toml"), "neither"),
        ("link for a directory", link("mail/eve", Kind::Symlink, "/tmp"), "neither"),
        ("fifo", entry("outbox/x", Kind::Fifo), "neither"),
        ("device", entry("outbox/x", Kind::Char), "neither"),
        ("sparse", entry("outbox/x", Kind::GNUSparse), "neither"),
        ("absolute", file("/etc/cron.d/x", b"x"), "absolute"),
        ("out of it", file("../.ssh/authorized_keys", b"x"), "leads out"),
        ("out of it by a folder", file("mail/../../x", b"x"), "leads out"),
        ("twice", file("card.toml", b"x"), "met before"),
        ("a program", file("hooks/received", b"#!/bin/sh\n"), "no place"),
        ("a program beside", file("config/hooks/received", b"#!/bin/sh\n"), "no place"),
        ("a lock", file("state/lock", b""), "no place"),
        ("hidden", file("mail/.git/cur/x", b"x"), "no name of a folder"),
        ("a message of no name", file("mail/bob/cur/.bashrc", b"x"), "no name of a message"),
        ("a contact of no name", file("contacts/..toml", b"x"), "no name that"),
        ("a letter of no id", file("outbox/x.age", b"x"), "no name that"),
        ("control characters", file("contacts/\u{1b}[2J.toml", b"x"), "control"),
        ("a card that is long", changed(good, "card.toml", |old| old.repeat(20)), "more than"),
        ("cut in a file", whole[..whole.len() - 2048].to_vec(), "cut short"),
        ("cut in a header", whole[..700].to_vec(), "cut short"),
        ("nothing", Vec::new(), "cut short"),
        ("one after the other", [whole.clone(), whole.clone()].concat(), "follows its end"),
        ("garbage at the end", [whole.clone(), b"x".to_vec()].concat(), "follows its end"),
        ("compressed", [b"\x1f\x8b\x08\x00".to_vec(), vec![7; 600]].concat(), "compressed"),
        ("text", b"no archive at all\n".repeat(100), "no tar file"),
        ("half an age file", b"age-encryption.org/v1\n-> scrypt x\n".to_vec(), "age header"),
        ("no day chain", without(good, "keys/transit.toml"), "keys/transit.toml"),
        ("no locked keys", without(good, "keys/locked.age"), "keys/locked.age"),
        ("no recipient", without(good, "keys/archive.pub"), "keys/archive.pub"),
        ("another's locked keys", from_foreign("keys/locked.age"), "keys/locked.age"),
        ("another's transit keys", from_foreign("keys/transit.toml"), "keys/locked.age"),
        ("mail sealed to another", from_foreign("keys/archive.pub"), "keys/archive.pub"),
        ("another's card", from_foreign("card.toml"), "card.toml"),
        ("a changed card", changed(good, "card.toml", |old| [old, b"x"].concat()), "card.toml"),
        ("no recipient at all", changed(good, "keys/archive.pub", |_| b"age1".to_vec()), "age1"),
        ("no keys at all", changed(good, "keys/locked.age", |_| b"x".to_vec()), "not an age v1"),
        ("unknown key", changed(good, "config.toml", line("proxi = \"x\"")), "config.toml:1"),
        ("unknown secret", changed(good, "keys/transit.toml", line("x = 1")), "transit.toml:1"),
        ("damaged letter", changed(good, &item, |_| b"id = \0\n".to_vec()), "outbox/"),
        ("damaged contact", changed(good, "contacts/bob.toml", |_| b"\xff".to_vec()), "UTF-8"),
        ("damaged cursors", file("state/cursors.toml", b"last_sync = 'x'\n"), "cursors.toml"),
        ("damaged journal", file("state/seen/2026-11-22.log", b"done 4b\n"), "seen/2026-11-22"),
        ("a letter under another's id", file(&moved, &content(good, &item)), "of two things"),
    ];
    let foreign: Files = foreign.iter().filter(|(n, _)| n.starts_with("keys/")).cloned().collect();
    let own = good.iter().filter(|(name, _)| !name.starts_with("keys/"));
    let mixed: Files = foreign.into_iter().chain(own.cloned()).collect();
    all.push(("all keys of another", archive(&mixed), "card.toml"));
    let mut huge = header("outbox/x", Kind::Regular, 0);
    huge.set_size(1 << 40);
    let mut out = whole[..whole.len() - 1024].to_vec();
    huge.set_cksum();
    out.extend(huge.as_bytes());
    all.push(("a tebibyte", out, "larger"));
    all
}

#[test]
fn every_hostile_archive_is_refused_by_name_and_leaves_no_home() {
    let dir = tempfile::tempdir().unwrap();
    let bob = make(dir.path(), "bob", None);
    let (alice, carol) =
        (make(dir.path(), "alice", Some(&bob)), make(dir.path(), "carol", Some(&bob)));
    let (good, foreign) = (files(&alice), files(&carol));
    assert!(good.iter().any(|(name, _)| name == "contacts/bob.toml"), "something is to be lost");
    let target = Home { dir: dir.path().join("target") };
    let cases = hostile(&good, &foreign);
    assert!(cases.len() > 40);
    let mut wrong = Vec::new();
    for (what, archive, says) in cases {
        let output = target.run(&["init", "--import", "-"], &archive);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(65) || !said.contains(says) || said.contains('\u{1b}') {
            wrong.push(format!("{what}: {:?} {said}", output.status.code()));
        }
        for part in ["share", "state", "config"] {
            if target.dir.join(part).exists() {
                wrong.push(format!("{what}: {part} is left"));
                fs::remove_dir_all(target.dir.join(part)).unwrap();
            }
        }
        assert_eq!(target.run(&["list"], b"").status.code(), Some(78), "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And what they were made of is a home.
    target.ok_with(&["init", "--import", "-"], &archive(&good));
    assert_eq!(target.ok(&["card"]), alice.ok(&["card"]));
    assert!(target.ok(&["outbox"]).contains("queued"));
}

#[test]
fn what_the_configuration_of_an_archive_names_is_said_and_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let bob = make(dir.path(), "bob", None);
    let alice = make(dir.path(), "alice", Some(&bob));
    let ran = dir.path().join("ran");
    let command = format!("touch {}", ran.display());
    let config = format!(
        "passphrase_command = \"{command}\"\neditor = \"{command}\"\n\
         publish = [\"!{command}\", \"{}\"]\n",
        dir.path().join("bashrc").display()
    );
    let archive = changed(&files(&alice), "config.toml", |_| config.clone().into_bytes());
    let target = Home { dir: dir.path().join("target") };
    let output = target.run(&["init", "--import", "-"], &archive);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("see that it is right on this machine").count(), 4, "{said}");
    assert!(said.contains("bashrc") && said.contains("touch"), "{said}");
    assert!(!ran.exists() && !dir.path().join("bashrc").exists());
}
