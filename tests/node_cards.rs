//! The real `posted identity` on a disk that fails: what it says in the log, and why it does not
//! start, names no card, since that would tell who put one or who was asked for; and it says it once.
//! What is held is posted(8), CARDS and LOG.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;
#[path = "common/posted.rs"]
mod posted;
#[path = "common/programs.rs"]
mod programs;

use node::{get, raw, soon};
use posted::Posted;
use programs::Home;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const HOST: &str = "[identity]\nlisten = \"127.0.0.1:0\"\ndir = \"cards\"\n";

/// A card and where it is kept.
struct Of {
    path: String,
    file: PathBuf,
    card: Vec<u8>,
}

/// A directory for an identity host, and the cards of three people.
fn world() -> (tempfile::TempDir, [Of; 3]) {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let of = ["alice", "bob", "carol"].map(|name| {
        let home = Home::init(dir.path(), name, &node.url);
        let link = home.ok(&["card"]);
        let print = link.lines().next().unwrap().split('#').nth(1).unwrap();
        assert_eq!(print.len(), 64, "{link}");
        Of {
            path: format!("/id/{print}.toml"),
            file: dir.path().join(format!("cards/{print}.toml")),
            card: std::fs::read(home.card()).unwrap(),
        }
    });
    (dir, of)
}

fn put(host: &Posted, of: &Of) -> u16 {
    let (path, length) = (&of.path, of.card.len());
    let head = format!("PUT {path} HTTP/1.1\r\nhost: id\r\ncontent-length: {length}\r\n\r\n");
    raw(host.at("identity"), &[head.as_bytes(), &of.card].concat()).unwrap().status
}

fn names_nobody(said: &str, of: &[Of]) {
    for of in of {
        let print = of.file.file_stem().unwrap().to_str().unwrap();
        assert!(!said.contains(print), "{said}");
    }
}

#[test]
fn a_disk_that_fails_is_said_once_and_without_whom_it_was_about() {
    let (dir, of) = world();
    let [alice, bob, carol] = &of;
    let host = Posted::start(dir.path(), "identity", HOST, 1);
    assert_eq!(put(&host, bob), 201);
    for of in [alice, carol, alice] {
        // What is being written goes to a full disk.
        symlink("/dev/full", of.file.with_extension("new")).unwrap();
        assert_eq!(put(&host, of), 507);
        assert!(!of.file.exists() && !of.file.with_extension("new").is_symlink());
        assert_eq!(get(host.at("identity"), &bob.path).body, bob.card, "what is there is served");
    }
    std::fs::remove_file(&bob.file).unwrap();
    std::fs::create_dir(&bob.file).unwrap();
    for _ in 0..3 {
        assert_eq!((get(host.at("identity"), &bob.path).status, put(&host, bob)), (500, 500));
    }
    assert_eq!(put(&host, alice), 201, "the disk takes cards again");
    soon("the last error is in the log", || host.log().contains("reading"));
    std::thread::sleep(std::time::Duration::from_millis(200));
    let log = host.log();
    let cards = dir.path().join("cards");
    let errors: Vec<_> = log.lines().filter_map(|line| line.split_once("error: ")).collect();
    let wanted = ["writing a card: No space left on device", "reading a card: Is a directory"];
    assert_eq!(errors.len(), wanted.len(), "{log}");
    for ((_, error), wanted) in errors.iter().zip(wanted) {
        assert!(error.starts_with(&format!("{}: {wanted}", cards.display())), "{log}");
    }
    names_nobody(&log, &of);
}

#[test]
fn a_host_that_starts_names_no_card_either() {
    let (dir, of) = world();
    let [alice, bob, _] = &of;
    std::fs::create_dir(dir.path().join("cards")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(dir.path().join("cards"), mode).unwrap();
    let refused = |code: i32, why: &str| {
        let output = posted::ended(dir.path(), "identity", HOST);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(why), "{said}");
        names_nobody(&said, &of);
    };
    std::fs::create_dir(&bob.file).unwrap();
    refused(74, "cards: one of the cards in it: Is a directory");
    std::fs::remove_dir(&bob.file).unwrap();
    let copy = bob.file.with_extension("toml.bak");
    std::fs::write(&copy, &bob.card).unwrap();
    refused(78, "cards/*.toml.bak: does not belong among cards");
    std::fs::remove_file(copy).unwrap();

    // Damaged, and of another identity.
    std::fs::write(&bob.file, &bob.card[..100]).unwrap();
    std::fs::write(&alice.file, &bob.card).unwrap();
    let host = Posted::start(dir.path(), "identity", HOST, 1);
    assert_eq!(get(host.at("identity"), &bob.path).status, 404);
    let log = host.log();
    assert!(log.contains("cards: 2 cards are damaged and not served"), "{log}");
    names_nobody(&log, &of);
    assert_eq!((put(&host, bob), put(&host, alice)), (201, 201));
}
