//! The real client against a relay that is bad in some fifty ways, beside good ones: each way costs
//! a named soft error at most, bounded memory and time, and no letter (poste-protocol(7), Relay).

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/ways.rs"]
mod ways;

use programs::{Home, Node};
use server::Server;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use ways::Way;

/// Bytes of memory that a sync of a small home may take, whatever it is sent.
const MEMORY: u64 = 96 << 20;
/// Within this time a sync with a bad answer ends that keeps nobody waiting.
const SOON: Duration = Duration::from_secs(15);
/// A sync ends within this time however a node drips: its patience with one exchange, and some.
const LATEST: Duration = Duration::from_secs(90);

/// Alice and bob, who listen on the bad relay first and on a good one.
struct Pair {
    alice: Home,
    bob: Home,
    bad: Server,
    good: Node,
    _dir: tempfile::TempDir,
}

/// What a sync came to.
struct Synced {
    status: i32,
    said: String,
    memory: u64,
    took: Duration,
}

impl Pair {
    fn new() -> Pair {
        let dir = tempfile::tempdir().unwrap();
        let (bad, good) = (Server::start(), Node::start());
        let nodes = [bad.url.as_str(), &good.url];
        let (alice, bob) =
            (listening(dir.path(), "alice", &nodes), listening(dir.path(), "bob", &nodes));
        for (one, name, other) in [(&alice, "bob", &bob), (&bob, "alice", &alice)] {
            one.ok(&["add", name, &other.card().display().to_string()]);
        }
        for _ in 0..2 {
            for (one, to) in [(&alice, "bob"), (&bob, "alice")] {
                one.ok_with(&["send", to, "-s", "hello"], b"hello\n");
                one.ok(&["sync"]);
            }
        }
        alice.ok(&["sync"]);
        Pair { alice, bob, bad, good, _dir: dir }
    }

    fn send(&self, subject: &str) {
        self.bob.ok_with(&["send", "alice", "-s", subject], b"text\n");
    }

    /// How many letters with this subject alice has.
    fn count(&self, subject: &str) -> usize {
        let list = self.alice.ok(&["list", "bob", "-l"]);
        list.lines().filter(|line| line.ends_with(subject)).count()
    }

    /// That a sync went as it must, with a relay that is bad in this way.
    fn judge(&self, way: &Way, synced: &Synced, most: Duration) {
        let name = way.name;
        let expected = if way.fails { 75 } else { 0 };
        assert_eq!(synced.status, expected, "{name}: {}", synced.said);
        let named = synced.said.lines().filter(|line| line.contains(&self.bad.url)).count();
        assert_eq!(named, usize::from(way.fails), "{name}: {}", synced.said);
        assert!(!synced.said.contains(&self.good.url), "{name}: {}", synced.said);
        let printable = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\n';
        assert!(synced.said.bytes().all(printable), "{name}: {:?}", synced.said);
        assert!(synced.memory < MEMORY, "{name}: {} bytes of memory", synced.memory);
        assert!(synced.took < most, "{name}: {:?}", synced.took);
    }
}

fn listening(parent: &Path, name: &str, nodes: &[&str]) -> Home {
    let home = Home::init(parent, name, nodes[0]);
    let config = home.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let line = format!("nodes = {nodes:?}\n");
    let lines = text.lines().map(|l| if l.starts_with("nodes") { line.trim_end() } else { l });
    std::fs::write(&config, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    home.ok(&["publish"]);
    home
}

/// Syncs, watching memory and time.
fn sync(home: &Home) -> Synced {
    let start = Instant::now();
    let mut command = home.command(&["sync", "-v"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        stderr.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    });
    let (status, memory) = programs::watch(&mut child);
    let (status, said) = (status.code().unwrap(), reader.join().unwrap());
    Synced { status, said, memory, took: start.elapsed() }
}

#[test]
fn bad_downloads_cost_a_retry() {
    let pair = Pair::new();
    let ways = ways::downloads(&pair.good.url);
    let mut peak = 0;
    for (at, way) in ways.iter().enumerate() {
        let subject = format!("download-{at}");
        pair.send(&subject);
        assert_eq!(sync(&pair.bob).status, 0, "{}", way.name);
        pair.bad.gets(&way.answer);
        let synced = sync(&pair.alice);
        pair.judge(way, &synced, SOON);
        peak = peak.max(synced.memory);
        pair.bad.behave();
        let synced = sync(&pair.alice);
        assert_eq!(synced.status, 0, "{}: {}", way.name, synced.said);
        assert_eq!(pair.count(&subject), 1, "{}", way.name);
    }
    println!("{} ways to answer a download; peak {} KiB", ways.len(), peak >> 10);
    assert_eq!(pair.alice.ok(&["quarantine"]), "");
}

#[test]
fn bad_uploads_send_the_letter_to_the_other_node() {
    let pair = Pair::new();
    let ways = ways::uploads(&pair.good.url);
    for (at, way) in ways.iter().enumerate() {
        let subject = format!("upload-{at}");
        pair.send(&subject);
        pair.bad.posts(&way.answer);
        let synced = sync(&pair.bob);
        pair.judge(way, &synced, SOON);
        let outbox = pair.bob.ok(&["outbox"]);
        assert!(!outbox.contains("queued"), "{}: {outbox}", way.name);
        // Nor is there a word in what alice gets from the bad one.
        sync(&pair.alice);
        assert_eq!(pair.count(&subject), 1, "{}", way.name);
        pair.bad.behave();
    }
    println!("{} ways to answer an upload", ways.len());
}

#[test]
fn dripping_and_silent_nodes_are_given_up() {
    let work = |way: Way| {
        let pair = Pair::new();
        pair.send("patience");
        assert_eq!(sync(&pair.bob).status, 0);
        pair.bad.gets(&way.answer);
        let synced = sync(&pair.alice);
        pair.judge(&way, &synced, LATEST);
        pair.bad.behave();
        assert_eq!(sync(&pair.alice).status, 0);
        assert_eq!(pair.count("patience"), 1, "{}", way.name);
    };
    std::thread::scope(|scope| {
        for way in ways::slow() {
            scope.spawn(|| work(way));
        }
    });
}
