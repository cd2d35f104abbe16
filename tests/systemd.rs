//! The units of `examples/systemd` by systemd itself: it takes every line of them, the timer keeps
//! the minutes that relays ask for, and a manager of a user exchanges letters by them, in the bounds
//! that the service sets (poste-tour(7), UNATTENDED).
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Node, POSTE, acquainted};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/systemd");

/// The units whose name begins so, in a directory and for the programs under test.
fn placed(dir: &Path, start: &str) -> Vec<PathBuf> {
    fs::create_dir_all(dir).unwrap();
    let bin = Path::new(POSTE).parent().unwrap().display().to_string();
    let units = fs::read_dir(UNITS).unwrap().map(|entry| entry.unwrap().path());
    let units = units.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start));
    let place = |unit: PathBuf| {
        let to = dir.join(unit.file_name().unwrap());
        let text = fs::read_to_string(unit).unwrap();
        fs::write(&to, text.replace("/usr/local/bin", &bin)).unwrap();
        to
    };
    units.map(place).collect()
}

/// Runs a program that must succeed; all that it said.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    for (whose, start, count) in [("--user", "poste-", 2), ("--system", "posted.", 1)] {
        let dir = tempfile::tempdir().unwrap();
        let units = placed(dir.path(), start);
        assert_eq!(units.len(), count);
        let mut verify = Command::new("systemd-analyze");
        verify.args([whose, "--man=no", "verify"]).args(units);
        assert_eq!(run(verify.env("XDG_RUNTIME_DIR", dir.path())), "", "{start}");
    }
}

#[test]
fn the_timer_keeps_within_the_minutes_of_an_hourly_listener() {
    let text = fs::read_to_string(Path::new(UNITS).join("poste-sync.timer")).unwrap();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap().to_owned()
    };
    let mut command = Command::new("systemd-analyze");
    command.args(["calendar", "--base-time=2026-03-01 00:00:00 UTC", "--iterations=48"]);
    let said = run(command.arg(value("OnCalendar")).env("TZ", "UTC").env("LC_ALL", "C"));
    let moments = said.lines().filter(|line| line.ends_with(":00 UTC"));
    let minutes: Vec<u64> =
        moments.map(|line| line.rsplit(':').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(minutes, [11, 41].repeat(24), "{said}");
    let latest: u64 = value("RandomizedDelaySec").strip_suffix("min").unwrap().parse().unwrap();
    assert!(minutes.iter().all(|minute| *minute >= 6 && minute + latest < 55));
}

/// A control group of one's own: a manager takes all that is in its group under its care.
struct Group(String);

impl Group {
    /// Made in the hierarchies by which systemd goes; the files that take its processes.
    fn new() -> (Group, Vec<PathBuf>) {
        let group = Group(format!("poste-test-{}", std::process::id()));
        let mut files = Vec::new();
        for line in fs::read_to_string("/proc/self/cgroup").unwrap().lines() {
            let (name, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
            let top = match name {
                "name=systemd" => Path::new("/sys/fs/cgroup/systemd"),
                "" => Path::new("/sys/fs/cgroup/unified"),
                _ => continue,
            };
            let top = if top.is_dir() { top } else { Path::new("/sys/fs/cgroup") };
            let dir = top.join(path.trim_start_matches('/')).join(&group.0);
            fs::create_dir(&dir).unwrap();
            files.push(dir.join("cgroup.procs"));
        }
        (group, files)
    }

    /// It and what systemd has made in it, the innermost first.
    fn all(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new("/sys/fs/cgroup").contents_first(true).into_iter();
        let entries = entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_dir());
        let paths = entries.map(walkdir::DirEntry::into_path);
        paths.filter(|path| path.iter().any(|name| name == self.0.as_str())).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What was killed leaves it in its own time.
        let until = Instant::now() + Duration::from_secs(10);
        while !self.all().is_empty() && Instant::now() < until {
            self.all().iter().for_each(|group| drop(fs::remove_dir(group)));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A manager of a user, with all that it has started.
struct Manager(Child);

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "make soak"]
fn a_user_s_timer_exchanges_letters() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = acquainted(dir.path(), &node.url);
    let at = |name: &str| dir.path().join(name);
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let hook = format!("xargs -r {POSTE} show >>{}", at("shown").display());
    fs::write(&config, format!("{text}\nhooks = {{ post_sync = \"{hook}\" }}\n")).unwrap();

    placed(&at("config/systemd/user"), "poste-");
    // As it stands, but for the moment.
    let soon = at("config/systemd/user/poste-sync.timer.d");
    fs::create_dir(&soon).unwrap();
    let moments = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\n";
    fs::write(soon.join("soon.conf"), moments).unwrap();

    // systemd starts only where one runs already.
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
        /lib/systemd/systemd --user --log-target=console &
        until systemctl --user is-system-running | grep -q 'running\\|degraded'; do sleep 0.1; done
        systemctl --user enable --now poste-sync.timer && wait";
    let (_group, files) = Group::new();
    let enter = "for file do echo $$ >$file || exit 1; done
        exec unshare -m -p -f --mount-proc --kill-child sh -c \"$SCRIPT\"";
    let mut command = Command::new("sh");
    command.args(["-c", enter, "sh"]).args(files);
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", dir.path());
    command.env("XDG_CONFIG_HOME", at("config")).env("XDG_RUNTIME_DIR", at("run"));
    command.env("SCRIPT", script).env("POSTE_HOME", &alice.dir).stdin(Stdio::null());
    let log = fs::File::create(at("log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    fs::create_dir(at("run")).unwrap();
    let _manager = Manager(command.spawn().unwrap());

    bob.ok_with(&["send", "alice", "-s", "supper"], b"at eight?\n");
    bob.ok(&["sync", "--now"]);
    let until = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(at("shown")).unwrap_or_default().contains("at eight?") {
        let log = fs::read_to_string(at("log")).unwrap();
        assert!(Instant::now() < until, "the timer has brought no letter:\n{log}");
        std::thread::sleep(Duration::from_millis(100));
    }
    // The next runs show it no more.
    std::thread::sleep(Duration::from_secs(5));
    let shown = fs::read_to_string(at("shown")).unwrap();
    assert_eq!(shown.matches("at eight?").count(), 1, "{shown}");
    let log = fs::read_to_string(at("log")).unwrap();
    assert!(!log.contains("Failed with result"), "{log}");
}
