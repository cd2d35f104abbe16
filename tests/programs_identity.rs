//! Identity hosts and the client by the real programs: a card put at two hosts at once, added from
//! one, and what is said when a host serves an old card, another one, or somebody else's.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used)]

mod node;
#[path = "common/posted.rs"]
mod posted;
#[path = "common/programs.rs"]
mod programs;

use node::{Reply, get, raw, reply};
use posted::Posted;
use programs::{Home, Node};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;

const HOST: &str = "[identity]\nlisten = \"127.0.0.1:0\"\ndir = \"cards\"\n";

/// An identity host with a directory of its own.
struct Host {
    posted: Posted,
    dir: tempfile::TempDir,
}

impl Host {
    fn start() -> Host {
        let dir = tempfile::tempdir().unwrap();
        Host { posted: Posted::start(dir.path(), "identity", HOST, 1), dir }
    }

    /// Kills it and starts it again at the same address.
    fn restart(self) -> Host {
        let Host { posted, dir } = self;
        let config = HOST.replace("127.0.0.1:0", &posted.at("identity").to_string());
        posted.kill();
        Host { posted: Posted::start(dir.path(), "identity", &config, 1), dir }
    }

    fn at(&self) -> SocketAddr {
        self.posted.at("identity")
    }

    /// The address that a person gives who does not know their fingerprint yet.
    fn url(&self) -> String {
        format!("http://{}/id/", self.at())
    }

    fn card(&self, fingerprint: &str) -> String {
        let reply = get(self.at(), &format!("/id/{fingerprint}.toml"));
        assert_eq!(reply.status, 200);
        String::from_utf8(reply.body).unwrap()
    }
}

fn put(to: SocketAddr, fingerprint: &str, card: &[u8]) -> Option<Reply> {
    let length = card.len();
    let head = format!(
        "PUT /id/{fingerprint}.toml HTTP/1.1\r\nhost: id\r\ncontent-length: {length}\r\n\r\n"
    );
    raw(to, &[head.as_bytes(), card].concat())
}

fn status(reply: Option<Reply>) -> u16 {
    reply.unwrap().status
}

/// A web server that serves one document, whatever it is asked for; its address.
fn serving(document: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let length = document.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{document}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// A home whose card is put at these hosts and found there.
fn published(parent: &Path, name: &str, node: &Node, hosts: &[&Host]) -> Home {
    let home = Home { dir: parent.join(name) };
    let urls: Vec<String> = hosts.iter().map(|host| host.url()).collect();
    let mut init = vec!["init", "--name", name, "--no-passphrase", "--node", &node.url];
    for url in &urls {
        init.extend(["--publish", url, "--url", url]);
    }
    home.ok(&init);
    home.ok(&["publish"]);
    home
}

fn link(home: &Home) -> String {
    home.ok(&["card"]).lines().next().unwrap().to_owned()
}

fn fingerprint(home: &Home) -> String {
    link(home).split('#').nth(1).unwrap().to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Signs a new card that says another name.
fn renamed(home: &Home, name: &str, to: &Path) {
    let file = home.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("name = "));
    let lines: Vec<&str> = lines.collect();
    std::fs::write(&file, format!("name = \"{name}\"\n{}\n", lines.join("\n"))).unwrap();
    home.ok(&["publish", "-o", to.to_str().unwrap()]);
}

/// What a home keeps of a contact.
fn contact(home: &Home, name: &str) -> String {
    let file = walkdir::WalkDir::new(&home.dir).into_iter().map(Result::unwrap);
    let mut file = file.filter(|e| e.path().ends_with(format!("contacts/{name}.toml")));
    std::fs::read_to_string(file.next().unwrap().path()).unwrap()
}

#[test]
fn a_card_is_put_at_two_hosts_and_added_from_one() {
    let dir = tempfile::tempdir().unwrap();
    let (node, one, two) = (Node::start(), Host::start(), Host::start());
    let alice = published(dir.path(), "alice", &node, &[&one, &two]);
    let bob = published(dir.path(), "bob", &node, &[&two]);
    let print = fingerprint(&alice);
    assert_eq!(link(&alice), format!("{}{print}.toml#{print}", one.url()));
    let card = alice.ok(&["card", "--toml"]);
    assert_eq!((one.card(&print), two.card(&print)), (card.clone(), card));
    alice.ok(&["publish", "--check"]);
    let doctor = alice.ok(&["doctor"]);
    assert_eq!(doctor.matches("serves the newest card").count(), 2, "{doctor}");
    bob.ok(&["add", "alice", &link(&alice)]);
    bob.ok(&["add", "alice", &format!("{}{print}.toml#{print}", two.url())]);

    // One host is down: the other has the new card, and bob gets it from there.
    let (at, address) = (dir.path().join("card"), one.at());
    one.posted.kill();
    renamed(&alice, "Alice Two", &at);
    let output = alice.run(&["publish"], b"");
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains(&address.to_string()), "{}", said(&output));
    assert!(two.card(&print).contains("Alice Two"));
    bob.ok(&["add", "alice", &format!("{}{print}.toml#{print}", two.url())]);
    assert!(contact(&bob, "alice").contains("Alice Two"));
}

#[test]
fn an_old_card_and_another_one_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (node, one, two) = (Node::start(), Host::start(), Host::start());
    let alice = published(dir.path(), "alice", &node, &[&one, &two]);
    let print = fingerprint(&alice);
    let bob = Home::init(dir.path(), "bob", &node.url);
    let (old, new) = (one.card(&print), dir.path().join("card"));
    renamed(&alice, "Alice Two", &new);
    let new = std::fs::read(&new).unwrap();
    assert_eq!(status(put(one.at(), &print, &new)), 200);
    assert_eq!(status(put(one.at(), &print, old.as_bytes())), 409, "the host itself refuses");
    bob.ok(&["add", "alice", &link(&alice)]);
    // Rollback: the other host goes on with the old one.
    let stale = format!("{}{print}.toml#{print}", two.url());
    let output = bob.run(&["add", "alice", &stale], b"");
    assert_eq!(output.status.code(), Some(65), "{}", said(&output));
    assert!(said(&output).contains("rollback"), "{}", said(&output));
    assert!(contact(&bob, "alice").contains("Alice Two"), "nothing was changed");
    let output = alice.run(&["publish", "--check"], b"");
    assert!(!output.status.success() && said(&output).contains(&two.at().to_string()));

    // Equivocation: two homes of one key sign two cards in one second, which lies ahead, so that
    // no clock can tell them apart.
    for number in 0..20 {
        renamed(&alice, &format!("Alice {number}"), &dir.path().join("card"));
    }
    let twin = Home { dir: dir.path().join("twin") };
    let copied = std::process::Command::new("cp").arg("-a").args([&alice.dir, &twin.dir]).status();
    assert!(copied.unwrap().success());
    let cards = [(&alice, "Left", &one), (&twin, "Right", &two)];
    let [left, right] = cards.map(|(home, name, host)| {
        let file = dir.path().join(name);
        renamed(home, name, &file);
        (std::fs::read(file).unwrap(), host)
    });
    for (card, host) in [&left, &right] {
        assert_eq!(status(put(host.at(), &print, card)), 200);
    }
    assert_eq!(status(put(two.at(), &print, &left.0)), 409, "another of the same time");
    let carol = published(dir.path(), "carol", &node, &[&one, &two]);
    let output = carol.run(&["add", "alice", &link(&alice)], b"");
    assert!(said(&output).contains("equivocation"), "{}", said(&output));
}

#[test]
fn somebody_elses_card_is_refused_loudly() {
    let dir = tempfile::tempdir().unwrap();
    let (node, host) = (Node::start(), Host::start());
    let alice = published(dir.path(), "alice", &node, &[&host]);
    let mallory = published(dir.path(), "mallory", &node, &[&host]);
    let bob = Home::init(dir.path(), "bob", &node.url);
    let (print, theirs) = (fingerprint(&alice), host.card(&fingerprint(&mallory)));
    assert_eq!(status(put(host.at(), &print, theirs.as_bytes())), 400, "no host takes it");
    let liar = serving(theirs);
    let link = format!("http://{liar}/id/{print}.toml#{print}");
    let output = bob.run(&["add", "alice", &link], b"");
    assert_eq!(output.status.code(), Some(65));
    assert!(said(&output).contains("nothing was changed"), "{}", said(&output));
    assert_eq!(bob.ok(&["contacts"]), "");
    // Nor does it take the place of the card of one who is known.
    bob.ok(&["add", "alice", &self::link(&alice)]);
    let before = contact(&bob, "alice");
    let bare = format!("http://{liar}/id/{print}.toml");
    for link in [&link, &bare] {
        let output = bob.run(&["add", "alice", link], b"");
        assert_eq!(output.status.code(), Some(65), "{link}: {}", said(&output));
        assert_eq!(contact(&bob, "alice"), before);
    }
}

#[test]
fn a_seed_that_is_disclosed_later_reaches_the_host_and_bob() {
    let dir = tempfile::tempdir().unwrap();
    let (node, host) = (Node::start(), Host::start());
    let alice = Home { dir: dir.path().join("alice") };
    let url = host.url();
    let ago = |args: &[&str]| {
        let mut command = alice.command(args);
        command.env("LD_PRELOAD", node::faketime()).env("FAKETIME", "-3d");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    };
    let to = ["--publish", &url, "--url", &url, "--node", &node.url];
    ago(&[&["init", "--name", "alice", "--no-passphrase"], &to[..]].concat());
    ago(&["publish", "--trust-clock"]);
    let print = fingerprint(&alice);
    let bob = Home::init(dir.path(), "bob", &node.url);
    bob.ok(&["add", "alice", &link(&alice)]);
    let before = host.card(&print);
    assert!(!before.contains("[disclosed]"));
    alice.ok(&["publish", "--trust-clock"]);
    let after = host.card(&print);
    let signed = |card: &str| card.split("[signature]").next().unwrap().to_owned();
    assert_eq!(signed(&after), signed(&before), "the signed part is the same");
    let seed = after.lines().find(|line| line.starts_with("seed = ")).unwrap();
    assert!(!contact(&bob, "alice").contains(seed));
    bob.ok(&["add", "alice", &link(&alice)]);
    assert!(contact(&bob, "alice").contains(seed));
    assert_eq!(status(put(host.at(), &print, before.as_bytes())), 200);
    assert_eq!(host.card(&print), after, "an earlier trailer changes nothing");
}

#[test]
fn what_is_no_card_is_refused_and_a_slow_one_is_cut_off() {
    let host = Host::start();
    let print = "0".repeat(64);
    assert_eq!(status(put(host.at(), &print, b"no card")), 400);
    assert_eq!(status(put(host.at(), &print, &[b'#'; 20_000])), 413);
    let path = format!("/id/{print}.toml");
    let chunked = format!("PUT {path} HTTP/1.1\r\nhost: id\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(status(raw(host.at(), chunked.as_bytes())), 411);
    let mut slow = node::connect(host.at());
    write!(slow, "PUT {path} HTTP/1.1\r\nhost: id\r\ncontent-length: 9000\r\n\r\npos").unwrap();
    assert_eq!(status(reply(slow)), 408);
    assert_eq!(get(host.at(), &path).status, 404);
    let log = host.posted.log();
    assert!(!log.contains(&print) && !log.contains("127.0.0.1:0"), "{log}");
    assert_eq!(log.lines().count(), 1, "nothing about requests: {log}");
}

#[test]
fn a_head_has_no_body() {
    let dir = tempfile::tempdir().unwrap();
    let (node, host) = (Node::start(), Host::start());
    let alice = published(dir.path(), "alice", &node, &[&host]);
    let print = fingerprint(&alice);
    let mut stream = node::connect(host.at());
    let close = "host: id\r\nconnection: close\r\n\r\n";
    write!(stream, "HEAD /id/{print}.toml HTTP/1.1\r\n{close}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let length = format!("content-length: {}\r\n", host.card(&print).len());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&length), "{answer}");
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("poste = 1"), "{answer}");
}

#[test]
fn a_kill_leaves_the_old_card_or_the_new_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (node, mut host) = (Node::start(), Host::start());
    let alice = published(dir.path(), "alice", &node, &[&host]);
    let print = fingerprint(&alice);
    let first = host.card(&print);
    let file = dir.path().join("card");
    let make = |number: usize| {
        renamed(&alice, &format!("Alice {number}"), &file);
        std::fs::read(&file).unwrap()
    };
    let cards: Vec<Vec<u8>> = (0..40).map(make).collect();
    let mut next = 0;
    let mut kept = first.into_bytes();
    for round in 0..8 {
        let (at, range) = (host.at(), next..(next + 5).min(cards.len()));
        let putting = cards[range.clone()].to_vec();
        let print_of = print.clone();
        let putter = std::thread::spawn(move || {
            let taken = |card: &Vec<u8>| {
                std::net::TcpStream::connect(at).is_ok()
                    && put_quietly(at, &print_of, card) == Some(200)
            };
            putting.iter().take_while(|card| taken(card)).count()
        });
        std::thread::sleep(std::time::Duration::from_millis(3 * round));
        host = host.restart();
        let taken = putter.join().unwrap();
        let now = host.card(&print).into_bytes();
        let at_least = if taken == 0 { &kept } else { &cards[range.start + taken - 1] };
        let follows = cards.get(range.start + taken);
        assert!(now == *at_least || Some(&now) == follows, "round {round}: after {taken}");
        next = range.end;
        kept = now;
        let files = std::fs::read_dir(host.dir.path().join("cards")).unwrap().count();
        assert_eq!(files, 3, "lock, time and the card");
    }
}

/// The status, unless the host was killed meanwhile.
fn put_quietly(to: SocketAddr, fingerprint: &str, card: &[u8]) -> Option<u16> {
    let mut stream = std::net::TcpStream::connect(to).ok()?;
    let length = card.len();
    let head = format!(
        "PUT /id/{fingerprint}.toml HTTP/1.1\r\nhost: id\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), card].concat()).ok()?;
    reply(stream).map(|reply| reply.status)
}
