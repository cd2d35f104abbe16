//! The manners of `poste sync` in cron, by the real program: quiet when it goes well, quiet at
//! first when no node answers, and never two at a time.

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::fs::{self, File};
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn ended(output: Output) -> (i32, String, String) {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().expect("the program ended by itself"), stdout, stderr)
}

#[test]
fn a_sync_that_goes_well_says_nothing_and_counts_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    assert_eq!(ended(alice.run(&["sync"], b"")), (0, String::new(), String::new()));
    let report: serde_json::Value = serde_json::from_str(&alice.ok(&["sync", "--json"])).unwrap();
    assert_eq!((&report["nodes"], &report["answered"]), (&1.into(), &1.into()), "{report}");
    let (status, stdout, stderr) = ended(alice.run(&["sync", "-v"], b""));
    assert_eq!((status, stdout.as_str()), (0, ""));
    assert!(stderr.contains("nodes 1/1") && stderr.ends_with("no new letters\n"), "{stderr}");
}

#[test]
fn an_outage_is_75_and_is_not_complained_of_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    alice.ok(&["sync"]);
    drop(node);
    assert_eq!(ended(alice.run(&["sync"], b"")), (75, String::new(), String::new()));
    let (status, stdout, stderr) = ended(alice.run(&["sync", "-v"], b""));
    assert_eq!((status, stdout.as_str()), (75, ""));
    assert!(stderr.starts_with("poste: warning: http://127.0.0.1:"), "{stderr}");
}

#[test]
fn after_warn_after_one_line_a_day_says_that_nobody_answers() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let nowhere = Home::init(dir.path(), "nowhere", "http://127.0.0.1:1");
    let (status, _, stderr) = ended(nowhere.run(&["sync"], b""));
    assert_eq!(status, 75);
    assert_eq!(stderr, "poste: warning: no node has answered yet; see: poste sync -v\n");
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\nwarn_after = \"1s\"\n")).unwrap();
    alice.ok(&["sync"]);
    drop(node);
    sleep(Duration::from_millis(2100));
    let (status, stdout, stderr) = ended(alice.run(&["sync"], b""));
    assert_eq!((status, stdout.as_str(), stderr.lines().count()), (75, "", 1), "{stderr}");
    assert!(stderr.starts_with("poste: warning: no node has answered"), "{stderr}");
    assert_eq!(ended(alice.run(&["sync"], b"")), (75, String::new(), String::new()), "said today");
}

#[test]
fn while_another_sync_runs_there_is_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    alice.ok(&["sync"]);
    let lock = File::options().write(true).open(alice.dir.join("state/lock")).unwrap();
    lock.lock().unwrap();
    drop(node);
    // With the lock it would find the node gone, and end with 75.
    assert_eq!(ended(alice.run(&["sync"], b"")), (0, String::new(), String::new()));
    lock.unlock().unwrap();
    assert_eq!(ended(alice.run(&["sync"], b"")).0, 75);
}

#[test]
fn with_wait_lock_it_waits_for_the_other_and_then_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    bob.ok_with(&["send", "alice", "-s", "afterwards"], b"afterwards\n");
    bob.ok(&["sync"]);
    let came = || alice.ok(&["list", "bob", "-l"]).contains("afterwards");
    let lock = File::options().write(true).open(alice.dir.join("state/lock")).unwrap();
    lock.lock().unwrap();
    let mut command = alice.command(&["sync", "--wait-lock"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waits = command.spawn().unwrap();
    // Until the kernel has it among those who wait for a lock of a file.
    let wanted = format!(" {} ", waits.id());
    let until = Instant::now() + Duration::from_secs(60);
    let is_in_line = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&wanted))
    };
    while !is_in_line() {
        assert!(Instant::now() < until, "it does not wait for the lock");
        assert_eq!(waits.try_wait().unwrap(), None, "it has ended while another sync runs");
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(500));
    assert_eq!(waits.try_wait().unwrap(), None, "it waits");
    assert!(!came(), "nothing is done before");
    lock.unlock().unwrap();
    assert_eq!(ended(waits.wait_with_output().unwrap()), (0, String::new(), String::new()));
    assert!(came(), "it has synced");
}

#[test]
fn jitter_is_a_wait_of_less_than_was_said_and_nothing_else_is_taken_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let trace = dir.path().join("trace");
    let options = ["-e", "trace=clock_nanosleep,nanosleep", "-o", trace.to_str().unwrap()];
    // How long it sleeps before it does anything, by what it asks the kernel for.
    let slept = |jitter: &str| {
        let mut command = programs::traced(&alice, &options, &["sync", "--jitter", jitter]);
        assert!(command.status().unwrap().success());
        let text = fs::read_to_string(&trace).unwrap();
        let first = text.lines().find(|line| line.contains("nanosleep(")).map(str::to_owned);
        let seconds = first?.split("tv_sec=").nth(1)?.split(',').next()?.parse::<u64>().ok();
        seconds.filter(|seconds| *seconds > 0)
    };
    for none in ["0s", "1s"] {
        assert_eq!(slept(none), None, "{none}");
    }
    // None or a second: thirty times none is once in a thousand million times.
    let waits: Vec<_> = (0..30).map(|_| slept("2s")).take_while(Option::is_none).collect();
    assert!(waits.len() < 30, "it never waits");
    for (jitter, more) in [("13", &[][..]), ("soon", &[]), ("-3m", &[]), ("13", &["--dry-run"])] {
        let jitter = format!("--jitter={jitter}");
        let args = [&["sync", jitter.as_str()], more].concat();
        let (status, stdout, stderr) = ended(alice.run(&args, b""));
        assert_eq!((status, stdout.as_str()), (64, ""), "{args:?}: {stderr}");
        assert!(stderr.contains("a length of time is a number and"), "{stderr}");
    }
}

#[test]
fn damaged_state_is_set_aside_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    bob.ok_with(&["send", "alice", "-s", "nevertheless"], b"nevertheless\n");
    bob.ok(&["sync"]);
    let state = alice.dir.join("state");
    let names = ["cursors.toml", "clock.toml", "quarantine.toml"];
    for name in names {
        fs::write(state.join(name), "last_sync = \"\n").unwrap();
    }
    let (status, _, stderr) = ended(alice.run(&["publish", "--check"], b""));
    assert!(status == 65 && stderr.contains("poste sync"), "{status}: {stderr}");
    let (status, _, stderr) = ended(alice.run(&["sync"], b""));
    assert_eq!((status, stderr.lines().count()), (0, 3), "{stderr}");
    for name in names {
        assert!(stderr.contains(&state.join(name).display().to_string()), "{stderr}");
        assert!(state.join(format!("{name}.damaged")).exists());
        assert!(name == "quarantine.toml" || state.join(name).exists(), "begun anew");
    }
    assert_eq!(alice.ok(&["list", "bob", "-l"]).matches("nevertheless").count(), 1);
    assert_eq!(ended(alice.run(&["sync"], b"")), (0, String::new(), String::new()));
}

#[test]
fn a_damaged_line_of_the_journal_is_deleted_by_what_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = programs::acquainted(dir.path(), &node.url);
    let log = fs::read_dir(alice.dir.join("state/seen")).unwrap().next().unwrap().unwrap().path();
    let good = fs::read_to_string(&log).unwrap();
    let (first, rest) = good.split_once('\n').unwrap();
    fs::write(&log, format!("{first}\n\0\0 4b\n{rest}")).unwrap();
    let (status, _, stderr) = ended(alice.run(&["sync"], b""));
    let place = format!("{}:2: ", log.display());
    assert!(status == 65 && stderr.contains(&place), "{status}: {stderr}");
    let hint = &stderr[stderr.find("sed ").unwrap()..];
    let hint = hint.lines().next().unwrap();
    assert!(std::process::Command::new("sh").args(["-c", hint]).status().unwrap().success());
    assert_eq!(fs::read_to_string(&log).unwrap(), good);
    alice.ok(&["sync"]);
}
