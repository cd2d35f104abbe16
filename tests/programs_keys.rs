//! A whole home moves, with the real programs: out with `export --keys`, by tar and age, and up
//! again with `init --import`, where the conversation goes on (poste(1), export and init).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn sh(script: &str, dir: &Path) -> String {
    let output = Command::new("sh").args(["-euc", script]).current_dir(dir).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command whose passphrase stands in a file.
fn with_passphrase(home: &Home, args: &[&str], passphrase: &str) -> Output {
    let file = home.dir.with_extension("passphrase");
    fs::write(&file, format!("{passphrase}\n")).unwrap();
    let mut command = home.command(args);
    command.env("POSTE_PASSPHRASE_FD", "0").stdin(File::open(file).unwrap());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn well(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The subjects in a folder, whoever wrote them.
fn subjects(home: &Home, folder: &str, passphrase: &str) -> Vec<String> {
    let output = with_passphrase(home, &["list", folder, "-l"], passphrase);
    well(&output);
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut all: Vec<String> =
        lines.lines().map(|line| line.rsplit('\t').next().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn acknowledged(home: &Home) {
    let outbox = home.ok(&["outbox"]);
    assert!(outbox.lines().all(|line| line.contains("\tacknowledged\t")), "{outbox}");
}

#[test]
fn the_conversation_goes_on_on_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    well(&with_passphrase(&alice, &["passphrase"], "correct horse"));
    let file = |name: &str| dir.path().join(name);

    // A letter of hers waits in her outbox, and one of his on the relay.
    alice.ok_with(&["send", "bob", "-s", "queued"], b"queued\n");
    bob.ok_with(&["send", "alice", "-s", "meanwhile"], b"meanwhile\n");
    bob.ok(&["sync"]);
    let archive = file("alice.tar.age");
    let args = ["export", "--keys", "-o", path(&archive)];
    let told = well(&with_passphrase(&alice, &args, "correct horse"));
    assert!(told.contains("3 exported, 0 skipped") && !told.contains("warning"), "{told}");
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);

    // Other people's programs open it, and the messages in it are those of the tree.
    let script = "printf 'correct horse\n' | script -qec 'age -d -o alice.tar alice.tar.age' \
        /dev/null; tar -tf alice.tar; mkdir open; tar -xf alice.tar -C open mail";
    let list = sh(script, dir.path());
    let messages = "find mail -type f -exec sha256sum {} + | sort";
    let (out, tree) = (dir.path().join("open"), alice.dir.join("share"));
    assert_eq!(sh(messages, &out), sh(messages, &tree));
    assert_eq!(sh(messages, &out).lines().count(), 3);
    for name in ["keys/transit.toml", "keys/locked.age", "contacts/bob.toml", "config.toml"] {
        assert!(
            list.contains(&format!("{name}\r\n")) || list.contains(&format!("{name}\n")),
            "{list}"
        );
    }
    assert!(!list.contains("loops") && !list.contains("lock\n"), "{list}");

    // Her old machine is lost. The wrong passphrase leaves nothing, the right one a home.
    fs::remove_dir_all(&alice.dir).unwrap();
    let moved = Home { dir: file("moved") };
    let args = ["init", "--import", path(&archive)];
    let wrong = with_passphrase(&moved, &args, "battery staple");
    assert_eq!(wrong.status.code(), Some(77), "{}", said(&wrong));
    assert!(!moved.dir.join("share").exists() && !moved.dir.join("state").exists());
    let output = with_passphrase(&moved, &args, "correct horse");
    let told = well(&output);
    assert!(told.contains("3 messages, 1 contacts"), "{told}");
    assert!(told.contains("stop the home") && told.contains("publish"), "{told}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().matches('#').count(), 1);
    assert_eq!(with_passphrase(&moved, &args, "correct horse").status.code(), Some(73));

    for home in [&moved, &bob, &moved, &bob] {
        home.ok(&["sync"]);
    }
    // Then his, sealed to a key and brought up by way of a pipe.
    sh("age-keygen -o key 2>/dev/null; age-keygen -y key >recipient", dir.path());
    let recipient = sh("cat recipient", dir.path());
    let archive = file("bob.tar.age");
    bob.ok(&["export", "--keys", "--recipient", recipient.trim(), "-o", path(&archive)]);
    fs::remove_dir_all(&bob.dir).unwrap();
    let bob = Home { dir: file("robert") };
    let refused = bob.run(&["init", "--import", path(&archive)], b"");
    assert_eq!(refused.status.code(), Some(65));
    assert!(said(&refused).contains("age -d -i KEYFILE"), "{}", said(&refused));
    let mut age = Command::new("age");
    age.args(["-d", "-i", "key", "bob.tar.age"]).current_dir(dir.path());
    let tar = age.output().unwrap().stdout;
    bob.ok_with(&["init", "--import", "-"], &tar);

    moved.ok_with(&["send", "bob", "-s", "afterwards"], b"afterwards\n");
    bob.ok_with(&["send", "alice", "-s", "as well"], b"as well\n");
    for home in [&moved, &bob, &moved, &bob, &moved] {
        home.ok(&["sync"]);
    }
    let all = ["afterwards", "as well", "hello", "meanwhile", "queued", "welcome"];
    assert_eq!(subjects(&moved, "bob", "correct horse"), all);
    assert_eq!(subjects(&bob, "alice", ""), all);
    [&moved, &bob].into_iter().for_each(acknowledged);
}

#[test]
fn out_in_and_out_again_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    bob.ok_with(&["send", "alice", "-s", "queued", "-a", "/etc/hostname"], b"queued\n");
    bob.ok_with(&["forge", "--from", "alice", "-s", "forged"], b"forged\n");
    let other = Home { dir: dir.path().join("other") };
    let plain = bob.run(&["export", "--plain"], b"").stdout;
    let first = bob.run(&["export", "--keys"], b"");
    assert!(well(&first).contains("no passphrase"), "it is said that nothing seals the keys");
    other.ok_with(&["init", "--import", "-"], &first.stdout);
    let second = other.run(&["export", "--keys"], b"");
    well(&second);
    fs::write(dir.path().join("first.tar"), &first.stdout).unwrap();
    fs::write(dir.path().join("second.tar"), &second.stdout).unwrap();
    let list =
        |name: &str| sh(&format!("tar -xOf {name} mail | sha256sum; tar -tvf {name}"), dir.path());
    assert_eq!(list("second.tar"), list("first.tar"));
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(other.run(&["export", "--plain"], b"").stdout, plain);
    for folder in ["alice", "requests"] {
        assert_eq!(subjects(&other, folder, ""), subjects(&bob, folder, ""));
    }
    // Times and modes are those of a home that was made here.
    let modes =
        "find . -name config.toml -prune -o -perm /077 -print; stat -c '%Y %n' share/mail/*/*/*";
    assert_eq!(sh(modes, &other.dir), sh(modes, &bob.dir));
    assert!(
        !other.dir.join("share/.home-new").exists() && !other.dir.join("state/.home-new").exists()
    );
}

#[test]
fn a_recipient_seals_any_archive() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    sh("age-keygen -o key 2>/dev/null; age-keygen -y key >recipient", dir.path());
    let recipient = sh("cat recipient", dir.path());
    let sealed = dir.path().join("plain.age");
    let args = ["export", "--plain", "--recipient", recipient.trim()];
    bob.ok(&[&args[..], &["-o", path(&sealed)]].concat());
    let plain = bob.run(&["export", "--plain"], b"").stdout;
    fs::write(dir.path().join("plain.tar"), plain).unwrap();
    sh("age -d -i key plain.age | cmp - plain.tar", dir.path());
    // What is sealed is opened before it comes in, and what is a home is no import.
    let refused = bob.run(&["import", path(&sealed)], b"");
    assert_eq!(refused.status.code(), Some(65));
    assert!(said(&refused).contains("age -d"), "{}", said(&refused));
    let whole = bob.run(&["export", "--keys"], b"").stdout;
    let refused = bob.run(&["import", "-"], &whole);
    assert_eq!(refused.status.code(), Some(65));
    assert!(said(&refused).contains("init --import"), "{}", said(&refused));
    let other = Home { dir: dir.path().join("other") };
    let refused = other.run(&["init", "--import", "-"], &bob.run(&["export"], b"").stdout);
    assert_eq!(refused.status.code(), Some(65));
    assert!(said(&refused).contains("poste import"), "{}", said(&refused));
    let mut command = bob.command(&args);
    let piped = command.output().unwrap().stdout;
    fs::write(dir.path().join("piped.age"), piped).unwrap();
    sh("age -d -i key piped.age | cmp - plain.tar", dir.path());
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let alice = Home { dir: dir.path().join("alice") };
    alice.ok(&["init", "--no-passphrase", "--name", "alice"]);
    let file = dir.path().join("alice.tar");
    let tree = format!("{}/", dir.path().join("tree").display());
    for args in [
        &["export", "--keys", "alice"][..],
        &["export", "--keys", "--plain"],
        &["export", "--keys", "--mbox"],
        &["export", "--keys", "-o", &tree],
        &["export", "--recipient", "age1bob"],
        &["init", "--import", "x", "--name", "x"],
        &["init", "--import", "x", "--no-passphrase"],
    ] {
        let output = alice.run(args, b"");
        assert_eq!(output.status.code(), Some(64), "{args:?} {}", said(&output));
    }
    assert!(!Path::new(&tree).exists());
    well(&with_passphrase(&alice, &["passphrase"], "correct horse"));
    let nobody = alice.run(&["export", "--keys", "--no-input", "-o", path(&file)], b"");
    assert_eq!(nobody.status.code(), Some(77));
    assert!(said(&nobody).contains("--recipient"), "{}", said(&nobody));
    let args = ["export", "--keys", "-o", path(&file)];
    assert_eq!(with_passphrase(&alice, &args, "battery staple").status.code(), Some(77));
    assert!(!file.exists());
    fs::write(&file, "mine").unwrap();
    assert_eq!(with_passphrase(&alice, &args, "correct horse").status.code(), Some(73));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    fs::remove_file(&file).unwrap();
    well(&with_passphrase(&alice, &args, "correct horse"));

    // Where something lies already that would be mixed in.
    let other = Home { dir: dir.path().join("other") };
    let absent = other.run(&["init", "--import", "/nowhere.tar"], b"");
    assert_eq!(absent.status.code(), Some(66));
    for (name, text) in [
        ("share/mail/bob/cur/1793527860.5f0d6e1b9c2a4788.poste:2,S", "x"),
        ("share/contacts/bob.toml", "x"),
        ("state/cursors.toml", "x"),
        ("config/config.toml", "name = \"other\"\n"),
    ] {
        let at = other.dir.join(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, text).unwrap();
        sh("chmod -R go= .", &other.dir);
        let output = with_passphrase(&other, &["init", "--import", path(&file)], "correct horse");
        assert_eq!(output.status.code(), Some(73), "{name} {}", said(&output));
        assert!(said(&output).contains("exists already"), "{}", said(&output));
        assert_eq!(fs::read_to_string(&at).unwrap(), text);
        assert!(!other.dir.join("share/keys").exists());
        fs::remove_dir_all(&other.dir).unwrap();
    }
    // A configuration that says the same may stay; it is the user's.
    fs::create_dir_all(other.dir.join("config")).unwrap();
    let config = alice.dir.join("config/config.toml");
    fs::copy(config, other.dir.join("config/config.toml")).unwrap();
    sh("chmod -R go= .", &other.dir);
    let args = ["init", "--import", path(&file)];
    well(&with_passphrase(&other, &args, "correct horse"));
    assert_eq!(other.ok(&["card"]), alice.ok(&["card"]));
}
