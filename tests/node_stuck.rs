//! The real `posted` beside what hangs or is cut short: cards on a disk that does not answer, a
//! tracker that does not, a first start that is killed. Wiping does not wait, nor does the stop.
//! What is held is posted(8), STORE, FILES and the stop.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;
#[path = "common/programs.rs"]
mod programs;

use node::faked::Faked;
use node::{ALL_ROLES, Node, cell, connect, get, memory, post, soon};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::Time;
use programs::Home;
use rustix::fs::{Mode, OFlags};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// More than there are threads for what blocks.
const CLIENTS: usize = 600;
/// Some of those threads that cards may be fetched with.
const AT_WORK: usize = 16;

fn now() -> Time {
    Time::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

#[test]
fn clients_that_ask_a_stuck_disk_and_leave_delay_no_wiping() {
    let dir = memory();
    let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
         [identity]\nlisten = \"127.0.0.1:0\"\ndir = \"cards\"\nadmin = \"{admin}\"\n"
    );
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let hour = Bucket::at(Class::Hourly, now());
    let faked = Faked::at(dir.path(), hour.start());
    let node = faked.start_by(dir.path(), &ALL_ROLES);
    assert_eq!(post(node.address, hour, &cell(1, 1)).unwrap().status, 200);
    let host = node.at("identity");
    let alice = Home { dir: dir.path().join("alice") };
    let url = format!("http://{host}/id/");
    alice.ok(&["init", "--no-passphrase", "--publish", &url, "--url", &url]);
    alice.ok(&["publish"]);
    let cards = std::fs::read_dir(dir.path().join("cards")).unwrap();
    let mut cards = cards.map(|entry| entry.unwrap().path());
    let card: PathBuf = cards.find(|path| path.extension().is_some_and(|e| e == "toml")).unwrap();
    let name = card.file_name().unwrap().to_str().unwrap();
    let request = format!("GET /id/{name} HTTP/1.1\r\nhost: node\r\n\r\n");
    assert_eq!(get(host, &format!("/id/{name}")).status, 200);
    // Whoever opens it waits for a writer, who never comes.
    std::fs::remove_file(&card).unwrap();
    assert!(Command::new("mkfifo").arg(&card).status().unwrap().success());
    let count = |what: &str| -> usize {
        let text = String::from_utf8(get(admin, "/metrics").body).unwrap();
        let count = format!("posted_{what}{{role=\"identity\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&count)).unwrap().parse().unwrap()
    };
    let threads = || std::fs::read_dir(format!("/proc/{}/task", node.id())).unwrap().count();
    soon("alice is gone", || count("connections") == 0);
    let (came, idle) = (count("received_bytes_total"), threads());
    let clients: Vec<_> = (0..CLIENTS).map(|_| connect(host)).collect();
    for mut client in &clients {
        client.write_all(request.as_bytes()).unwrap();
    }
    soon("all have come", || count("connections") == CLIENTS);
    let asked = came + CLIENTS * request.len();
    soon("all have asked", || count("received_bytes_total") == asked);
    soon("some are at the disk", || threads() >= idle + AT_WORK);
    drop(clients);
    soon("all have left", || count("connections") == 0);
    faked.set(hour.wiped());
    soon("the hour is wiped", || node.log().contains(&format!("wiped {hour}: 1 cells")));
    // It opens at once, or not at all if there is nobody to write for.
    let writer = rustix::fs::open(&card, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    assert!(writer.is_ok(), "nobody waited for the disk all the while: {writer:?}");
}

#[test]
fn a_stop_waits_for_no_tracker() {
    let dir = memory();
    // The system takes the connections, and nobody answers.
    let silent = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [first, second] = silent.each_ref().map(|s| s.local_addr().unwrap());
    let text = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
         url = \"https://relay.example\"\ntrackers = [\"http://{first}\", \"http://{second}\"]\n"
    );
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let mut node = Node::start(dir.path(), &[], &[]);
    let (_report, _) = silent[0].accept().unwrap();
    let began = Instant::now();
    node.terminate();
    assert_eq!(node.end().code(), Some(0));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    soon("the last line", || node.log().contains("stopped"));
}

#[test]
fn a_first_start_that_is_killed_leaves_no_part_of_a_key() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    node.kill();
    std::fs::remove_file(dir.path().join("node.key")).unwrap();
    // Whoever writes to a file under this limit is killed at the first byte.
    let killed = Command::new("sh")
        .args(["-c", "ulimit -f 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_posted"), "relay"])
        .arg("--config")
        .arg(dir.path().join("posted.toml"))
        .output()
        .unwrap();
    assert_eq!(killed.status.signal(), Some(25), "SIGXFSZ: {killed:?}");
    assert!(!dir.path().join("node.key").exists());
    let again = Node::start(dir.path(), &[], &[]);
    assert_eq!(get(again.address, "/v1/status").status, 200);
}
