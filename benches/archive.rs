//! Export and import of a mailbox of 10,000 messages by the real `poste`: the sealed archive, the
//! plain one and the mboxes, and the sealed one read back into an empty tree. Peer, in turns in one
//! run: tar(1) on the same tree, which opens, checks and seals nothing, both on a tmpfs, since tar
//! does not wait for a disk and poste does. Then the same with a quarter of the messages, and the
//! most memory in use, which hardly grows with them.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "common/mailbox.rs"]
mod mailbox;
#[path = "../tests/common/programs.rs"]
mod programs;

use common::{Pairs, line, median, seconds};
use programs::{Home, POSTE};
use std::path::Path;
use std::process::Command;

const MESSAGES: usize = 10_000;
const PAIRS: usize = 5;

fn main() {
    if !common::wanted() {
        return;
    }
    common::head(&format!("a mailbox of {MESSAGES} messages"));
    let whole = measure(MESSAGES, "");
    let quarter = measure(MESSAGES / 4, "a quarter: ");
    for ((what, whole), (_, quarter)) in whole.iter().zip(&quarter) {
        let each = |all: f64, count: usize| all / count as f64 * 1e6;
        let (of_all, of_few) = (each(*whole, MESSAGES), each(*quarter, MESSAGES / 4));
        line(what, of_all, "us each", Some(("with a quarter of them", of_few, of_few / of_all)));
    }
}

/// Measures with so many messages; the seconds that each thing took.
fn measure(count: usize, prefix: &str) -> Vec<(&'static str, f64)> {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = mailbox::filled(dir.path(), count);
    let file = |name: &str| dir.path().join(name);
    let tree = bob.dir.join("share/mail");
    let bytes = sizes(&tree);
    let mut took = Vec::new();
    let mut run = |what: &'static str, args: &[&str], peer: &[&str], reset: &dyn Fn()| {
        let peer = || ok(Command::new("tar").args(peer));
        reset();
        let memory = most_memory(&bob, args);
        let mut pairs = Pairs::default();
        for _ in 0..PAIRS {
            reset();
            pairs.ours.push(seconds(|| drop(bob.ok(args))));
            reset();
            pairs.peer.push(seconds(peer));
        }
        pairs.rate(&format!("{prefix}{what}"), bytes as f64 / 1e6, "MB/s", "tar(1)");
        line(&format!("{prefix}{what}: most memory"), memory, "MiB", None);
        took.push((what, median(pairs.ours.iter().copied())));
    };
    let text = |name: &str| file(name).display().to_string();
    let (out, theirs, sealed) = (text("out.tar"), text("theirs.tar"), text("sealed.tar"));
    let clear = || drop(std::fs::remove_file(file("out.tar")));
    let at = tree.display().to_string();
    let pack = ["-C", &at, "-cf", &theirs, "."];
    run("export", &["export", "-o", &out], &pack, &clear);
    run("export --plain", &["export", "--plain", "-o", &out], &pack, &clear);
    run("export --mbox", &["export", "--mbox", "-o", &out], &pack, &clear);
    bob.ok(&["export", "-o", &sealed]);
    let empty = || {
        let _ = std::fs::remove_dir_all(&tree);
        let _ = std::fs::remove_dir_all(bob.dir.join("state/seen"));
        std::fs::create_dir_all(bob.dir.with_extension("theirs")).unwrap();
    };
    let theirs = bob.dir.with_extension("theirs").display().to_string();
    run("import", &["import", &sealed], &["-C", &theirs, "-xf", &sealed], &empty);
    bob.ok(&["import", &sealed]);
    run("import again", &["import", &sealed], &["-tf", &sealed], &|| {});
    took
}

/// Runs the program, and gives the most memory that it had, in MiB.
fn most_memory(home: &Home, args: &[&str]) -> f64 {
    let script = "import resource, subprocess, sys; subprocess.check_call(sys.argv[1:]); \
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut command = Command::new("python3");
    command.args(["-c", script, POSTE]).args(args).env("POSTE_HOME", &home.dir);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse::<f64>().unwrap() / 1024.0
}

fn ok(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Bytes of all files.
fn sizes(dir: &Path) -> u64 {
    let items = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    items.filter(|item| item.file_type().is_file()).map(|item| item.metadata().unwrap().len()).sum()
}
