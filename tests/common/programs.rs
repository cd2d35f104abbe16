//! The two real programs for tests: a relay on loopback, homes, and commands run in them.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// The client.
pub const POSTE: &str = env!("CARGO_BIN_EXE_poste");

/// `posted dev` on loopback; stopped when dropped.
pub struct Node {
    child: Child,
    pub url: String,
}

impl Node {
    pub fn start() -> Node {
        Node::start_on(0)
    }

    /// On a port of loopback; 0 is any that is free.
    pub fn start_on(port: u16) -> Node {
        Node::start_with(&["--port", &port.to_string()])
    }

    /// On a port of loopback, with its store in a directory that stays when it stops.
    pub fn start_in(port: u16, dir: &Path) -> Node {
        Node::start_with(&["--port", &port.to_string(), "--dir", dir.to_str().unwrap()])
    }

    fn start_with(args: &[&str]) -> Node {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posted"))
            .arg("dev")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Node { child, url: url.trim().to_owned() }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Kills it on the spot, if it still runs.
    pub fn kill(mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SIGTERM, so that it removes its store.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.child.wait();
    }
}

/// Somebody's home.
pub struct Home {
    pub dir: PathBuf,
}

impl Home {
    /// A new identity that listens on `node` and publishes its card beside its home.
    pub fn init(parent: &Path, name: &str, node: &str) -> Home {
        let home = Home { dir: parent.join(name) };
        let card = home.card().display().to_string();
        let mut init = vec!["init", "--name", name, "--no-passphrase", "--node", node];
        if node.starts_with("file:") {
            init.push("--trust-clock");
        }
        home.ok(&[&init[..], &["--publish", &card]].concat());
        let config = home.dir.join("config/config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("{text}\nstamp_bits = 4\n")).unwrap();
        home.ok(&["publish"]);
        home
    }

    /// Where the card is published.
    pub fn card(&self) -> PathBuf {
        self.dir.with_extension("card")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(POSTE);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("POSTE_HOME", &self.dir).args(args);
        command
    }

    pub fn run(&self, args: &[&str], stdin: &[u8]) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        let feeder = std::thread::spawn(move || {
            let _ = pipe.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        output
    }

    /// Runs a command that must succeed; its standard output.
    pub fn ok(&self, args: &[&str]) -> String {
        self.ok_with(args, b"")
    }

    pub fn ok_with(&self, args: &[&str], stdin: &[u8]) -> String {
        let output = self.run(args, stdin);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "poste {args:?}: {:?}\n{stderr}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Alice and bob, who have written to each other through `node`.
pub fn acquainted(parent: &Path, node: &str) -> (Home, Home) {
    let (alice, bob) = (Home::init(parent, "alice", node), Home::init(parent, "bob", node));
    let card = alice.card().display().to_string();
    bob.ok(&["add", "alice", &card]);
    bob.ok_with(&["send", "alice", "-s", "hello"], b"hello\n");
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    let request = alice.ok(&["list", "requests"]);
    alice.ok(&["accept", request.trim(), "bob"]);
    alice.ok_with(&["send", "bob", "-s", "welcome"], b"welcome\n");
    alice.ok(&["sync"]);
    bob.ok(&["sync"]);
    (alice, bob)
}

/// Waits for a program: its status, and the most bytes of memory it was seen to take.
pub fn watch(child: &mut Child) -> (ExitStatus, u64) {
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    loop {
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        memory = memory.max(peak.unwrap_or_default() << 10);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(memory > 0, "its memory was never seen");
            return (status, memory);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A command of the home under strace with these options.
pub fn traced(home: &Home, options: &[&str], args: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(POSTE).args(args);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("POSTE_HOME", &home.dir);
    command
}

/// Runs a command that is killed at its `at`th call of a family; whether it came that far.
pub fn killed(home: &Home, args: &[&str], calls: &str, at: usize, stdin: &[u8]) -> bool {
    let input = home.dir.with_extension("input");
    std::fs::write(&input, stdin).unwrap();
    let (trace, inject) =
        (format!("trace={calls}"), format!("inject={calls}:signal=KILL:when={at}"));
    let mut command = traced(home, &["-o", "/dev/null", "-e", &trace, "-e", &inject], args);
    let status = command.stdin(std::fs::File::open(input).unwrap()).stdout(Stdio::null()).status();
    let status = status.unwrap();
    assert!(status.success() || status.signal() == Some(9), "{args:?} {calls} {at}: {status}");
    !status.success()
}

/// Everybody syncs so often.
pub fn rounds(homes: &[&Home], count: usize) {
    for _ in 0..count {
        homes.iter().for_each(|home| drop(home.ok(&["sync", "--now"])));
    }
}

/// A group of alice, bob and carol, which they call family, kin and clan; bob and carol know of
/// each other by alice alone.
pub fn family(dir: &Path, node: &str) -> [Home; 3] {
    let homes = ["alice", "bob", "carol"].map(|name| Home::init(dir, name, node));
    let [alice, bob, carol] = &homes;
    let card = |home: &Home| home.card().display().to_string();
    for (name, other) in [("bob", bob), ("carol", carol)] {
        alice.ok(&["add", name, &card(other)]);
        other.ok(&["add", "alice", &card(alice)]);
    }
    alice.ok(&["group", "new", "family", "bob", "carol"]);
    rounds(&[alice, bob, carol], 2);
    for (home, name) in [(bob, "kin"), (carol, "clan")] {
        let list = home.ok(&["groups"]);
        let id = list.split('\t').next().unwrap();
        home.ok(&["accept", id, name]);
    }
    rounds(&[bob, carol, alice], 5);
    homes
}

/// Has a letter come to a home, whose name its sender knows, when it proves nothing any more.
pub fn late(home: &Home, sender: &Home, name: &str) {
    sender.ok_with(&["send", name, "-s", "late"], b"late\n");
    sender.ok(&["sync", "--now"]);
    let clock = home.dir.join("state/clock.toml");
    let text = std::fs::read_to_string(&clock).unwrap();
    let ahead = text.replace("latest = ", "latest = 9");
    assert_ne!(text, ahead);
    std::fs::write(&clock, ahead).unwrap();
    home.run(&["sync"], b"");
    std::fs::write(&clock, text).unwrap();
}
