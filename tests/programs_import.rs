//! Import of what people have lying about: Maildirs of other programs, archives with something
//! added, messages that are in them twice. Whatever cannot be taken is named and counted
//! (poste(1), import).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use poste::core::time::Time;
use programs::{Home, Node};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Status and standard error of an import.
fn import(home: &Home, args: &[&str]) -> (i32, String) {
    let output = home.run(&[&["import"], args].concat(), b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

fn mail(subject: &str) -> String {
    let now = Time::from_unix(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).rfc5322();
    format!("From: Alice <a@example.org>\nDate: {now}\nSubject: {subject}\n\nhello\n")
}

fn put(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn tar(dir: &Path, args: &[&str]) {
    let status = Command::new("tar").args(args).current_dir(dir).status().unwrap();
    assert!(status.success(), "{args:?}");
}

/// The files of a tree of messages, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
    all.filter(|item| item.file_type().is_file()).map(|item| item.path().to_owned()).collect()
}

#[test]
fn mail_of_a_directory_is_taken_or_named_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let maildir = dir.path().join("Maildir");
    let path = maildir.to_str().unwrap();
    fs::create_dir_all(maildir.join("cur")).unwrap();
    put(&maildir, "dovecot-uidlist", "3 V1\n");
    let (status, said) = import(&bob, &[path, "--into", "alice"]);
    assert_eq!(status, 66, "{said}");
    assert!(said.contains("no messages, contacts or groups are in it"), "{said}");
    let (status, said) = import(&bob, &["-"]);
    assert!(status == 66 && said.contains("- is empty"), "{said}");

    let places = ["cur/1.M1.host:2,S", ".Sent/cur/2.M2.host:2,S", "Work/new/3", "a/b/cur/4"];
    for place in places {
        put(&maildir, place, &mail(place));
    }
    let from = "From a@example.org Sun Nov 22 10:11:00 2026\n";
    put(&maildir, "x/y/z.mbox", &format!("{from}{}", mail("in an mbox")));
    put(&maildir, "tmp/half", "half");
    let (status, said) = import(&bob, &[path]);
    assert_eq!(status, 64, "{said}");
    assert!(said.contains("its place names no folder; nothing was imported"), "{said}");

    let elsewhere = dir.path().join("elsewhere");
    put(&elsewhere, "cur/5", &mail("elsewhere"));
    std::os::unix::fs::symlink(&elsewhere, maildir.join("linked")).unwrap();
    put(&maildir, "alice/cur/6", &mail("placed"));
    let (status, said) = import(&bob, &[path]);
    assert_eq!(status, 65, "{said}");
    assert!(said.contains("1 imported, 6 skipped"), "{said}");
    for place in places.iter().chain(&["x/y/z.mbox, message 1", "linked: a link"]) {
        assert!(said.contains(place), "{place}: {said}");
    }
    let (status, said) = import(&bob, &[path, "--into", "alice"]);
    assert_eq!(status, 65, "{said}");
    assert!(said.contains("5 imported, 1 there already, 1 skipped"), "{said}");
    let list = bob.ok(&["list", "alice", "-l"]);
    for subject in places.iter().chain(&["placed", "in an mbox"]) {
        assert!(list.contains(subject), "{subject}: {list}");
    }
}

#[test]
fn what_has_no_place_in_an_archive_keeps_nothing_else_out() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let archive = dir.path().join("archive.tar");
    let path = archive.to_str().unwrap();
    bob.ok(&["export", "--plain", "-o", path]);
    let count = bob.ok(&["list"]).lines().count();
    let from = "From a@example.org Sun Nov 22 10:11:00 2026\n";
    let mbox = format!("{from}{}\n{from}{}", mail("one"), mail("two"));
    fs::write(dir.path().join("Sent.mbox"), mbox).unwrap();
    tar(dir.path(), &["-rf", path, "Sent.mbox"]);
    let other = Home::init(dir.path(), "other", &node.url);
    let (status, said) = import(&other, &[path]);
    assert_eq!(status, 65, "{said}");
    assert!(said.contains(&format!("{count} imported, 2 skipped, 1 contacts added")), "{said}");
    assert!(said.contains("Sent.mbox, message 2: its place names no folder"), "{said}");
    assert_eq!(other.ok(&["list"]).lines().count(), count);

    // If nothing has a place, it is the command that is wrong.
    tar(dir.path(), &["-cf", "sent.tar", "Sent.mbox"]);
    let (status, said) = import(&other, &[dir.path().join("sent.tar").to_str().unwrap()]);
    assert_eq!(status, 64, "{said}");
    assert!(said.contains("--into"), "{said}");
}

#[test]
fn the_first_is_taken_of_two_messages_of_one_id() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let tree = dir.path().join("tree");
    bob.ok(&["export", "--plain", "-o", &format!("{}/", tree.display())]);
    let count = bob.ok(&["list"]).lines().count();
    let all = files(&tree.join("mail"));
    let welcome = |path: &&PathBuf| fs::read_to_string(path).unwrap().contains("welcome");
    let original = all.iter().find(welcome).unwrap();
    let text = fs::read_to_string(original).unwrap();
    fs::remove_file(original).unwrap();
    let name = original.file_name().unwrap().to_str().unwrap();
    let name = name.split(':').next().unwrap();
    for (flags, subject) in [("F", "farewell"), ("S", "hail")] {
        put(&tree, &format!("mail/alice/cur/{name}:2,{flags}"), &text.replace("welcome", subject));
    }
    let path = tree.to_str().unwrap();
    let twice = format!("{name}:2,S: twice in what is imported");

    // Into a home that has neither: the first still waits to be filed when the second comes.
    let other = Home::init(dir.path(), "other", &node.url);
    for (home, counts) in [
        (&other, format!("{count} imported, 1 skipped")),
        (&bob, { format!("0 imported, 1 replaced, {} there already, 1 skipped", count - 1) }),
    ] {
        let (status, said) = import(home, &["--replace", path]);
        assert_eq!(status, 65, "{said}");
        assert!(said.contains(&counts) && said.contains(&twice), "{counts}: {said}");
        let list = home.ok(&["list", "alice", "-l"]);
        assert!(list.contains("farewell") && !list.contains("hail"), "{list}");
        let (status, said) = import(home, &[path]);
        assert_eq!(status, 65, "{said}");
        let counts = format!("0 imported, {count} there already, 1 skipped");
        assert!(said.contains(&counts) && said.contains(&twice), "{said}");
        assert_eq!(home.ok(&["list", "alice", "-l"]), list);
    }
}

#[test]
fn standard_input_is_kept_in_memory_alone() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let mut command = bob.command(&["import", "-", "--into", "alice"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"From a@example.org Sun Nov 22 10:11:00 2026\n").unwrap();
    let open = format!("/proc/{}/fd", child.id());
    let spool = || {
        let open = fs::read_dir(&open).unwrap();
        let mut open = open.filter_map(|item| fs::read_link(item.unwrap().path()).ok());
        open.find(|path| path.to_string_lossy().ends_with(" (deleted)"))
    };
    let mut found = None;
    for _ in 0..1000 {
        found = spool();
        if found.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let found = found.expect("it is kept in a file without a name");
    assert!(found.starts_with("/dev/shm") && !found.starts_with(&bob.dir), "{found:?}");
    stdin.write_all(mail("from a pipe").as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(bob.ok(&["list", "alice", "-l"]).contains("from a pipe"));
}

#[test]
fn what_was_in_quarantine_does_not_come_back_as_proven() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let tree = dir.path().join("tree");
    put(&tree, "mail/quarantine/cur/1", &mail("unproven").replace("a@example.org", "alice@poste"));
    let (status, said) = import(&bob, &[tree.to_str().unwrap()]);
    assert_eq!(status, 65, "{said}");
    assert!(said.contains("0 imported, 1 skipped") && said.contains("as proven"), "{said}");
    for folder in ["requests", "quarantine"] {
        let (status, said) = import(&bob, &["--into", folder, tree.to_str().unwrap()]);
        assert!(status == 65 && said.contains("holds only what came so"), "{said}");
        assert_eq!(bob.ok(&["list", folder]), "");
    }
    let (status, said) = import(&bob, &["--into", "alice", tree.to_str().unwrap()]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("1 imported"), "{said}");
}

/// A copy without an id stands for the message that says the same: what comes after it under that id
/// does not take its place.
#[test]
fn a_copy_without_an_id_keeps_the_message_that_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let plain = dir.path().join("plain");
    bob.ok(&["export", "alice", "--plain", "-o", &format!("{}/", plain.display())]);
    let one = files(&plain.join("mail/alice")).remove(0);
    let text = fs::read_to_string(&one).unwrap();
    fs::write(one.with_file_name("0.host:2,S"), &text).unwrap();
    fs::write(&one, text.replace("\n\n", "\n\nquite another text\n")).unwrap();
    let (status, said) = import(&bob, &["--replace", plain.to_str().unwrap()]);
    assert!(status == 65 && said.contains("twice in what is imported"), "{said}");
    let all: String =
        bob.ok(&["list", "alice"]).lines().map(|path| bob.ok(&["show", path])).collect();
    assert!(!all.contains("quite another text"), "{all}");
}

#[test]
fn what_has_no_end_is_not_read_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let bob = Home::init(dir.path(), "bob", "file:///nowhere");
    for (line, says) in [
        ("yes | poste import -", "standard input: it is no tar file"),
        ("poste import - </dev/zero", "no messages, contacts or groups"),
        ("poste import /dev/full", "something follows its end"),
    ] {
        let line = format!("timeout 60 {}", line.replace("poste", programs::POSTE));
        let line = line.replace("timeout 60 yes", "yes");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("POSTE_HOME", &bob.dir).env("XDG_RUNTIME_DIR", "/dev/shm");
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(65 | 66)) && said.contains(says), "{said}");
    }
}
