//! `poste unlock` and `lock` by the real program and the real kernel: what asks for no passphrase
//! then, what still does, how it ends, and what is said where the kernel has or lends no keyring.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, POSTE};
use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

const PASSPHRASE: &str = "correct horse\ncorrect horse\n";

struct Locked {
    _dir: tempfile::TempDir,
    home: Home,
}

impl Locked {
    /// A home under a passphrase, with a message from oneself.
    fn new() -> Locked {
        let dir = tempfile::tempdir().unwrap();
        let home = Home { dir: dir.path().join("alice") };
        fs::create_dir(dir.path().join("node")).unwrap();
        let node = format!("file://{}", dir.path().join("node").display());
        let locked = Locked { _dir: dir, home };
        ok(&locked.told(&["init", "--name", "alice", "--node", &node, "--trust-clock"]));
        ok(&locked.told(&["publish", "-o", "-"]));
        locked
    }

    /// Runs with the passphrase at hand.
    fn told(&self, args: &[&str]) -> Output {
        let file = self.home.dir.with_extension("passphrase");
        fs::write(&file, PASSPHRASE).unwrap();
        let line = "f=$1; shift; exec 3<\"$f\"; exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(&file).arg(POSTE).args(args).env_clear();
        command.env("POSTE_HOME", &self.home.dir).env("POSTE_PASSPHRASE_FD", "3");
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs where nobody can be asked.
    fn alone(&self, args: &[&str]) -> Output {
        let mut command = Command::new("setsid");
        command.args(["-w", POSTE]).args(args).env_clear().env("POSTE_HOME", &self.home.dir);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.alone(&["lock"]);
    }
}

fn ok(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn unlocked_until(home: &Locked) -> Option<u64> {
    let status: serde_json::Value =
        serde_json::from_str(&ok(&home.alone(&["status", "--json"]))).unwrap();
    status["unlocked_until"].as_u64()
}

#[test]
fn while_unlocked_nobody_is_asked_and_afterwards_everybody() {
    let alice = Locked::new();
    let search = ["search", "nothing"];
    assert!(refused(&alice.alone(&search)).contains("nobody can be asked"));
    assert!(refused(&alice.alone(&["unlock"])).contains("nobody can be asked"));
    assert_eq!(unlocked_until(&alice), None);

    ok(&alice.told(&["unlock", "--for", "2h"]));
    let left = unlocked_until(&alice).unwrap() - now();
    assert!((7100..=7200).contains(&left), "{left}");
    assert!(ok(&alice.alone(&["status"])).contains("unlocked   until "));
    ok(&alice.alone(&search));
    // A card that is due needs the signing key.
    let config = alice.home.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\nstamp_bits = 5\n")).unwrap();
    assert!(ok(&alice.alone(&["publish", "-o", "-"])).contains("stamp_bits = 5"));
    // What would let in for good whoever sits there now still asks.
    for args in [
        &["passphrase", "--remove"][..],
        &["card", "renew"],
        &["card", "end"],
        &["export", "--keys"],
    ] {
        assert!(refused(&alice.alone(args)).contains("nobody can be asked"), "{args:?}");
    }
    ok(&alice.alone(&["lock"]));
    assert_eq!(unlocked_until(&alice), None);
    refused(&alice.alone(&search));
    ok(&alice.alone(&["lock"]));
}

#[test]
fn it_is_over_after_its_time_or_with_another_passphrase_and_is_no_other_home_s() {
    let (alice, bob) = (Locked::new(), Locked::new());
    ok(&alice.told(&["unlock", "--for", "3s"]));
    refused(&bob.alone(&["search", "x"]));
    ok(&alice.alone(&["search", "x"]));
    sleep(Duration::from_millis(3500));
    refused(&alice.alone(&["search", "x"]));
    assert!(!kept(&alice), "the kernel let it go by itself");

    ok(&alice.told(&["unlock"]));
    assert!(kept(&alice));
    ok(&alice.told(&["passphrase", "--remove"]));
    assert!(!kept(&alice));
    ok(&alice.alone(&["unlock"]));
    assert!(!kept(&alice), "there is nothing to unlock");
}

#[test]
fn it_is_the_possessor_s_alone_and_never_the_passphrase() {
    let alice = Locked::new();
    ok(&alice.told(&["unlock"]));
    let line = listed(&alice).expect("root sees it listed");
    // Possessor: all but making links to it. User, group and others: nothing.
    assert!(line.contains(" 2f000000 "), "{line}");
    assert!(line.contains(" 7h ") || line.contains(" 8h "), "it has a time: {line}");
    for args in ["0s", "2d", "soon"] {
        let output = alice.alone(&["unlock", "--for", args]);
        assert_eq!(output.status.code(), Some(64), "{args}");
    }
}

#[test]
fn where_there_is_no_keyring_it_is_said_before_the_passphrase_is_asked_for() {
    let alice = Locked::new();
    for (errno, why) in [("ENOSYS", "this kernel has none"), ("EPERM", "does not let one use it")] {
        let run = |args: &[&str]| {
            let mut command = Command::new("strace");
            let inject = format!("inject=add_key,keyctl:error={errno}");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=add_key,keyctl", "-e"]);
            command.arg(inject).arg(POSTE).args(args).env_clear();
            command.env("POSTE_HOME", &alice.home.dir).stdin(Stdio::null()).output().unwrap()
        };
        let said = refused(&run(&["unlock", "--no-input"]));
        assert!(said.contains("the kernel keyring cannot be used") && said.contains(why), "{said}");
        assert!(said.contains("passphrase_command"), "{said}");
        assert!(refused(&run(&["lock"])).contains(why));
        // All else is as it is without.
        assert!(refused(&run(&["search", "x"])).contains("nobody can be asked"));
        ok(&run(&["status"]));
        ok(&run(&["sync"]));
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn kept(home: &Locked) -> bool {
    listed(home).is_some()
}

/// The line of the home's key in the list of all keys that this test may see, if it is alive.
fn listed(home: &Locked) -> Option<String> {
    let recipient = fs::read_to_string(home.home.dir.join("share/keys/archive.pub")).unwrap();
    let name = &recipient.trim()[recipient.trim().len() - 40..];
    // Whoever possesses it sees it: a program that has the user's keyring in its own.
    let listing = "import ctypes, platform; link, user, process = 8, -4, -2; call = {\"x86_64\": 250, \"aarch64\": 219}[platform.machine()]; ctypes.CDLL(None).syscall(call, link, user, process); print(open(\"/proc/keys\").read())";
    let output = Command::new("python3").args(["-c", listing]).output().unwrap();
    let keys = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = keys.lines().find(|line| line.contains(name))?.to_owned();
    (!line.contains(" expd ") && !line.split_whitespace().nth(1)?.contains('R')).then_some(line)
}
