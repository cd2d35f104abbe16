//! `poste doctor` by the real program, with a real relay: its lines, its exit status, and homes that
//! cannot be worked in.
#![allow(clippy::unwrap_used)]

mod node;
#[path = "common/programs.rs"]
mod programs;

use node::clients;
use programs::{Home, Node};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn doctor(home: &Home, args: &[&str]) -> (i32, String) {
    let output = home.run(&[&["doctor"], args].concat(), b"");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().expect("the program ended by itself"), text)
}

#[test]
fn a_letter_goes_to_a_real_relay_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    alice.ok(&["sync"]);
    let (status, text) = doctor(&alice, &[]);
    assert_eq!(status, 0, "{text}");
    assert!(text.lines().all(|line| line.starts_with("ok    ")), "{text}");
    assert!(text.contains(&format!("through {} and back: authentic", node.url)), "{text}");
    alice.ok(&["sync"]);
    assert_eq!(alice.ok(&["list"]) + &alice.ok(&["quarantine"]), "");
    let (_, json) = doctor(&alice, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json.as_array().unwrap().iter().all(|check| check["level"] == "ok"), "{json}");
    drop(node);
    let (status, text) = doctor(&alice, &[]);
    assert_eq!(status, 75, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("fail  node ")).count(), 1, "{text}");
    assert_eq!(doctor(&alice, &["--offline"]).0, 0);
    fs::remove_file(alice.card()).unwrap();
    let (status, text) = doctor(&alice, &[]);
    assert_eq!(status, 65, "what the user must mend is worse: {text}");
    assert!(text.contains("\n                 poste publish\n"), "{text}");
}

#[test]
fn a_home_that_cannot_be_worked_in_is_told_with_the_line_that_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    let (status, text) = doctor(&home, &["--offline"]);
    assert_eq!(status, 78, "{text}");
    assert!(text.contains("poste init"), "{text}");
    home.ok(&["init", "--no-passphrase"]);
    let keys = home.dir.join("share/keys");
    fs::set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
    let (status, text) = doctor(&home, &["--offline"]);
    assert_eq!(status, 77, "{text}");
    let fix = text.lines().nth(1).unwrap().trim();
    assert!(Command::new("sh").args(["-c", fix]).status().unwrap().success());
    fs::write(home.dir.join("config/config.toml"), "nodez = []\n").unwrap();
    let (status, text) = doctor(&home, &["--offline"]);
    assert_eq!(status, 78, "{text}");
    assert!(text.starts_with("ok    home ") && text.contains("config.toml:1: "), "{text}");
    fs::write(home.dir.join("config/config.toml"), "").unwrap();
    fs::remove_file(keys.join("archive.pub")).unwrap();
    assert_eq!(doctor(&home, &["--offline"]).0, 65);
}

#[test]
fn a_lock_that_is_held_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    home.ok(&["init", "--no-passphrase"]);
    let lock = |name: &str| {
        let path = home.dir.join("state").join(name);
        let file = File::options().append(true).create(true).open(path).unwrap();
        file.lock().unwrap();
        file
    };
    let held = lock("lock");
    let (status, text) = doctor(&home, &["--offline"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("warn  lock       a sync is running\n"), "{text}");
    drop(held);
    let held = lock("state.lock");
    let (status, text) = doctor(&home, &["--offline"]);
    assert_eq!(status, 75, "{text}");
    assert!(text.contains("fuser -v "), "{text}");
    drop(held);
    assert_eq!(doctor(&home, &["--offline"]).0, 0);
}

#[test]
fn a_ban_is_told_with_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let relay = tempfile::tempdir_in("/dev/shm").unwrap();
    clients::configure(relay.path(), "ban_floor = \"1 MiB\"");
    let node = node::Node::start(relay.path(), &[], &[]);
    let bucket = clients::bucket();
    let alice = Home::init(dir.path(), "alice", &format!("http://{}", node.address));
    alice.ok(&["sync"]);
    clients::fill(&node, bucket);
    assert!(doctor(&alice, &[]).1.contains("answers"), "not banned yet");
    clients::sweep(|prefix| clients::get("127.0.0.1", node.address, &format!("{bucket}/{prefix}")));
    let (status, text) = doctor(&alice, &[]);
    assert_eq!(status, 69, "{text}");
    let line = text.lines().find(|line| line.starts_with("fail  node ")).unwrap();
    assert!(line.contains("127.0.0.1 took 1 MiB and is in its list until 20"), "{text}");
}

/// Nothing is lost of a file that its owner has closed to himself. Root is closed out of nothing.
#[test]
fn a_file_that_is_closed_is_to_be_opened_and_not_to_come_from_a_backup() {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let script = "cp \"$POSTE\" poste; chmod 755 . poste; mkdir home; as=; \
        if [ \"$(id -u)\" = 0 ]; then \
            as='setpriv --reuid=65534 --regid=65534 --clear-groups'; chown 65534 home; fi; \
        export HOME=$PWD/home; $as ./poste init --no-passphrase >home.log 2>&1; \
        file=$HOME/.local/share/poste/keys/transit.toml; chmod 000 \"$file\"; \
        $as ./poste doctor --offline && exit 1; chmod 600 \"$file\"; echo \"chmod u+rwX $file\"";
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(dir.path()).env("POSTE", programs::POSTE);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fix = said.lines().last().unwrap();
    assert!(output.status.success() && said.matches(fix).count() == 2, "{said}");
    assert!(!said.contains("backup"), "{said}");
}
