//! `poste nodes` and homes that name a tracker and no node, by the real programs.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used)]

mod node;
#[path = "common/programs.rs"]
mod programs;

use node::soon;
use programs::Home;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// `posted dev` with all its roles; where the relay and the tracker are.
fn start() -> (node::Process, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_posted"))
        .arg("dev")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let (relay, tracker) = (line(), line());
    (node::Process(child), relay, tracker)
}

#[test]
fn a_home_that_names_a_tracker_finds_its_node() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, relay, tracker) = start();
    let home = |name: &str| {
        let home = Home { dir: dir.path().join(name) };
        let card = home.card().display().to_string();
        let args = ["init", "--name", name, "--no-passphrase", "--trust-clock"];
        home.ok(&[&args[..], &["--tracker", &tracker, "--publish", &card]].concat());
        let config = home.dir.join("config/config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains(&format!("\ntrackers = [\"{tracker}\"]")), "{text}");
        std::fs::write(&config, format!("{text}\nstamp_bits = 4\n")).unwrap();
        home
    };
    let (alice, bob) = (home("alice"), home("bob"));
    let listed = || alice.ok(&["nodes"]);
    soon("the relay is listed", || {
        listed().starts_with(&relay) && listed().ends_with("%\tlisted\n")
    });
    for home in [&alice, &bob] {
        home.ok(&["sync"]);
        assert!(home.ok(&["nodes"]).ends_with("\tchosen\n"));
        assert!(home.ok(&["status"]).contains(&relay));
        home.ok(&["publish"]);
        let card = std::fs::read_to_string(home.card()).unwrap();
        assert!(card.contains(&format!("nodes = [\"{relay}\"]")), "{card}");
    }
    bob.ok(&["add", "alice", &alice.card().display().to_string()]);
    bob.ok_with(&["send", "alice", "-s", "found you"], b"found you\n");
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    assert_eq!(alice.ok(&["list", "requests"]).lines().count(), 1);
    let json: serde_json::Value = serde_json::from_str(&alice.ok(&["nodes", "--json"])).unwrap();
    assert_eq!(json[0]["state"], "chosen");
    // Without a tracker that answers the own nodes are shown all the same.
    drop(dev);
    let output = alice.run(&["nodes"], b"");
    assert_eq!(output.status.code(), Some(75));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{relay}\t-\tchosen\n"));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&tracker));
    // Whoever has never found a node hears of it once a day, also where nobody looks.
    let carol = home("carol");
    let sync = || {
        let output = carol.run(&["sync"], b"");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = sync();
    assert_eq!((status, said.lines().count()), (Some(75), 1), "{said}");
    assert!(said.contains("no tracker lists a node to listen on"), "{said}");
    assert_eq!(sync(), (Some(75), String::new()), "once a day");
    // And without either always.
    let config = carol.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\ntrackers", "\n#trackers")).unwrap();
    for _ in 0..2 {
        let (status, said) = sync();
        assert_eq!((status, said.lines().count()), (Some(78), 1), "{said}");
        assert!(said.contains("name one as nodes = "), "{said}");
    }
}
