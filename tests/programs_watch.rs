//! `poste watch` and cron by the real program: the schedule under a clock that runs faster, what
//! --eager does, an end in good order, and the silence of a job that nobody watches.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, POSTE};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// A program that is killed when the test ends before it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The status, when it has ended, and what it said.
    fn end(&mut self) -> (Option<i32>, String) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not end");
            sleep(Duration::from_millis(20));
        }
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

/// Somebody whose node is a directory, whose clock is trusted, and whose syncs leave a mark.
fn alice(dir: &Path) -> Home {
    fs::create_dir(dir.join("node")).unwrap();
    let alice = Home::init(dir, "alice", &format!("file://{}", dir.join("node").display()));
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let marks = dir.join("marks");
    let hook = format!("grep last_sync $POSTE_HOME/state/cursors.toml >>{}", marks.display());
    fs::write(&config, format!("{text}\nhooks = {{ post_sync = \"{hook}\" }}\n")).unwrap();
    alice
}

/// The minute of each sync, by the clock that it had.
fn marks(dir: &Path) -> Vec<u64> {
    let text = fs::read_to_string(dir.join("marks")).unwrap_or_default();
    let seconds = text.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    seconds.map(|seconds| seconds / 60 % 60).collect()
}

/// What makes the clock of a program another. The program `faketime` would stay between it and us,
/// and take our signals.
fn preloaded() -> String {
    let mut command = Command::new("faketime");
    let output = command.args(["-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("libfaketime"), "{text:?}");
    text.trim().to_owned()
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(150);
    while !there() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(50));
    }
}

fn watch(home: &Home, faketime: Option<&str>, args: &[&str]) -> Running {
    let mut command = home.command(&[&["watch"], args].concat());
    if let Some(when) = faketime {
        command.env("LD_PRELOAD", preloaded()).env("FAKETIME", when).env("TZ", "UTC");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

#[test]
fn it_syncs_at_the_minutes_of_the_crontab_and_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    let day = Command::new("date").args(["-u", "+%F"]).output().unwrap();
    let day = String::from_utf8(day.stdout).unwrap();
    // A second is a minute.
    let mut watch = watch(&alice, Some(&format!("@{} 00:05:00 x60", day.trim())), &[]);
    wait_for("two syncs", || marks(dir.path()).len() >= 2);
    watch.signal("-TERM");
    assert_eq!(watch.end(), (Some(0), String::new()));
    let minutes = marks(dir.path());
    // It looks at the clock every five seconds, which here are minutes.
    assert!((11..41).contains(&minutes[0]), "{minutes:?}");
    assert!(!(11..41).contains(&minutes[1]), "{minutes:?}");
}

#[test]
fn a_signal_ends_it_and_without_a_home_it_does_not_begin() {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut watch = watch(&alice, None, &[]);
        sleep(Duration::from_millis(700));
        watch.signal(signal);
        assert_eq!(watch.end(), (Some(0), String::new()), "{signal}");
    }
    let nobody = Home { dir: dir.path().join("nobody") };
    let (status, said) = watch(&nobody, None, &[]).end();
    assert_eq!(status, Some(78), "{said}");
}

#[test]
fn a_second_signal_ends_the_sync_that_runs() {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    let node = format!("file://{}", dir.path().join("node").display());
    let bob = Home::init(dir.path(), "bob", &node);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    // The hook holds the sync until somebody looks for it.
    let (begun, free) = (dir.path().join("begun"), dir.path().join("free"));
    let hook =
        format!("echo >{}; until [ -e {} ]; do sleep 0.1; done", begun.display(), free.display());
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("hooks = { ", &format!("hooks = {{ pre_sync = \"{hook}\", "));
    fs::write(&config, text).unwrap();
    let mut watch = watch(&alice, None, &["--eager"]);
    sleep(Duration::from_millis(1500));
    alice.ok_with(&["send", "bob", "-s", "kept"], b"kept\n");
    wait_for("a sync that runs", || begun.exists());
    watch.signal("-TERM");
    sleep(Duration::from_millis(1000));
    assert_eq!(watch.0.try_wait().unwrap(), None, "the first one waits for the sync");
    watch.signal("-TERM");
    let until = Instant::now() + Duration::from_secs(10);
    let ended = loop {
        match watch.0.try_wait().unwrap() {
            Some(ended) => break ended,
            None => assert!(Instant::now() < until, "it goes on"),
        }
        sleep(Duration::from_millis(20));
    };
    fs::write(&free, "").unwrap();
    assert_eq!(ended.signal(), Some(15), "{ended}");
    assert!(marks(dir.path()).is_empty(), "the sync did not end");
    // Nothing is lost: the next one takes it up.
    assert!(alice.ok(&["outbox"]).contains("\tqueued\t"));
    alice.ok(&["sync"]);
    assert!(alice.ok(&["outbox"]).contains("\tposted\t"));
}

#[test]
fn as_json_it_writes_a_line_for_each_sync() {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    let mut command = alice.command(&["watch", "--json"]);
    let day = Command::new("date").args(["-u", "+%F"]).output().unwrap();
    let day = String::from_utf8(day.stdout).unwrap();
    command.env("LD_PRELOAD", preloaded()).env("TZ", "UTC");
    command.env("FAKETIME", format!("@{} 00:05:00 x60", day.trim()));
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = Running(command.spawn().unwrap());
    let out = BufReader::new(watch.0.stdout.take().unwrap());
    let (send, lines) = channel();
    spawn(move || out.lines().try_for_each(|line| send.send(line.unwrap())));
    // Each comes when its sync has ended, and not at the end of all.
    for count in 1..=2 {
        let line = lines.recv_timeout(Duration::from_secs(150)).expect("a line for each sync");
        let report: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&report["nodes"], &report["answered"]), (&1.into(), &1.into()), "{line}");
        assert_eq!(marks(dir.path()).len(), count);
    }
    watch.signal("-TERM");
    assert_eq!(watch.end(), (Some(0), String::new()));
    assert_eq!(lines.iter().count(), marks(dir.path()).len() - 2);
}

#[test]
fn the_eager_say_what_it_shows_and_post_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    let node = format!("file://{}", dir.path().join("node").display());
    let bob = Home::init(dir.path(), "bob", &node);
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let mut watch = watch(&alice, None, &["--eager"]);
    sleep(Duration::from_millis(1500));
    let before = marks(dir.path()).len();
    alice.ok_with(&["send", "bob", "-s", "now"], b"now\n");
    wait_for("a sync after a letter", || marks(dir.path()).len() > before);
    sleep(Duration::from_secs(4));
    let syncs = marks(dir.path()).len() - before;
    watch.signal("-INT");
    let (status, said) = watch.end();
    assert_eq!(status, Some(0));
    assert!(said.starts_with("poste: warning: each letter leaves when it is written"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(syncs, 1, "its own changes wake it not");
    assert!(alice.ok(&["outbox"]).contains("\tposted\t"));
}

#[test]
fn an_outage_is_one_line_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    alice.ok(&["sync"]);
    drop(node);
    let later = "+12600 x300";
    let mut watch = watch(&alice, Some(later), &[]);
    let out = alice.dir.join("state/cursors.toml");
    wait_for("a sync", || fs::read_to_string(&out).is_ok_and(|text| text.contains("complained")));
    sleep(Duration::from_secs(8));
    watch.signal("-TERM");
    let (status, said) = watch.end();
    assert_eq!(status, Some(0));
    assert!(said.lines().count() >= 1 && said.lines().count() <= 2, "{said}");
    let line = "poste: warning: no node has answered for 3h or more; see: poste sync -v";
    assert!(said.lines().all(|said| said == line), "{said}");
}

/// As cron starts a job: no terminal, hardly an environment, a login shell's line.
fn cron(home: &Home, faketime: &str, line: &str) -> (i32, String) {
    let bin = Path::new(POSTE).parent().unwrap().display();
    let mut command = Command::new("setsid");
    command.args(["-w", "env", "-i"]).arg(format!("HOME={}", home.dir.display()));
    command.args(["LOGNAME=alice", "SHELL=/bin/sh", "PATH=/usr/bin:/bin", "/bin/sh", "-c"]);
    let line = line.replace("/usr/local/bin/poste", &format!("{faketime} {bin}/poste"));
    let output = command.arg(line).current_dir("/").stdin(Stdio::null()).output().unwrap();
    // cron mails both.
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// The line of the shipped crontab, with a short jitter.
fn job() -> String {
    let text = include_str!("../examples/crontab");
    let line = text.lines().find(|line| line.starts_with("11,41 * * * *")).unwrap();
    let command = line.trim_start_matches("11,41 * * * *").trim();
    assert!(command.ends_with("poste sync --jitter 13m"), "{command}");
    command.replace("13m", "2s")
}

#[test]
fn from_cron_it_works_in_silence_and_an_outage_is_said_after_three_hours() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    // Where HOME has it, since no variable of ours is set there.
    let alice = Home { dir: dir.path().join("alice") };
    fs::create_dir(&alice.dir).unwrap();
    let init = format!("/usr/local/bin/poste init --no-passphrase --node {}", node.url);
    assert_eq!(cron(&alice, "", &init).0, 0);
    assert_eq!(cron(&alice, "", &job()), (0, String::new()));
    assert!(alice.dir.join(".local/state/poste/cursors.toml").exists());
    drop(node);
    for (later, lines) in [("+0s", 0), ("+10200", 0), ("+11400", 1), ("+11460", 0), ("+100800", 1)]
    {
        let (status, said) = cron(&alice, &format!("faketime -f {later}"), &job());
        assert_eq!((status, said.lines().count()), (75, lines), "{later}: {said}");
        assert!(said.is_empty() || said.starts_with("poste: warning: no node has answered for 3h"));
    }
}
