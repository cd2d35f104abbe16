//! A home behind a SOCKS proxy, where nothing but the proxy can be reached: the tests run themselves
//! again in a network namespace of their own, which has loopback and no route. Names of relays,
//! identity hosts and trackers, among them onion services, go to the proxy; a stand-in for Tor leads
//! them to the real `posted`. Specified in poste-files(5), proxy.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used)]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/posted.rs"]
mod posted;
#[path = "common/programs.rs"]
mod programs;

use alone::is_alone;
use posted::Posted;
use programs::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";

/// What was asked of the proxy: name and port, and the credentials.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

fn fs(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A SOCKS5 proxy that leads each known `name:port` to a port of loopback.
fn proxy(ways: BTreeMap<String, u16>, asked: Asked) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, ways, asked) = (client.unwrap(), ways.clone(), asked.clone());
            thread::spawn(move || serve(&mut client, &ways, &asked));
        }
    });
    port
}

/// Leads one connection; a client that breaks off only ends it.
fn serve(client: &mut TcpStream, ways: &BTreeMap<String, u16>, asked: &Asked) -> Option<()> {
    let mut two = [0; 2];
    client.read_exact(&mut two).ok()?;
    client.read_exact(&mut vec![0; two[1].into()]).ok()?;
    client.write_all(&[5, 2]).ok()?;
    client.read_exact(&mut two[..1]).ok()?;
    let credentials = format!("{} {}", short(client)?, short(client)?);
    client.write_all(&[1, 0]).ok()?;
    let mut head = [0; 4];
    client.read_exact(&mut head).ok()?;
    assert_eq!(head, [5, 1, 0, 3], "a connection by name");
    let host = short(client)?;
    client.read_exact(&mut two).ok()?;
    let name = format!("{host}:{}", u16::from_be_bytes(two));
    asked.lock().unwrap().push((name.clone(), credentials));
    let Some(port) = ways.get(&name) else {
        return client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).ok();
    };
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    let mut server = TcpStream::connect(("127.0.0.1", *port)).ok()?;
    let (mut back, mut forth) = (server.try_clone().ok()?, client.try_clone().ok()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut forth);
        let _ = forth.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(client, &mut server);
    server.shutdown(Shutdown::Write).ok()
}

fn short(stream: &mut TcpStream) -> Option<String> {
    let mut length = [0];
    stream.read_exact(&mut length).ok()?;
    let mut text = vec![0; length[0].into()];
    stream.read_exact(&mut text).ok()?;
    String::from_utf8(text).ok()
}

/// A relay, an identity host and a tracker, over TLS by names that no resolver knows.
fn servers(dir: &Path) -> Posted {
    let names = ["relay.example", "cards.example", "tracker.example"];
    let made = rcgen::generate_simple_self_signed(names.map(str::to_owned)).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = "listen = \"127.0.0.1:0\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
    let config = format!(
        "key_file = \"node.key\"\n[relay]\nstore = \"dir:store\"\nallow_disk = true\n{tls}\
         [identity]\ndir = \"cards\"\n{tls}[tracker]\n{tls}"
    );
    Posted::start(dir, "run", &config, 3)
}

/// An onion service: the relay behind Tor speaks plain HTTP.
fn hidden(dir: &Path) -> Posted {
    std::fs::create_dir(dir).unwrap();
    let config = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                  store = \"dir:store\"\nallow_disk = true\n";
    Posted::start(dir, "relay", config, 1)
}

/// A home for which everything is behind the proxy.
fn home(parent: &Path, name: &str, proxy: u16) -> Home {
    let home = Home { dir: parent.join(name) };
    let (proxy, onion) = (format!("socks5h://127.0.0.1:{proxy}"), format!("http://{ONION}"));
    let init = ["init", "--name", name, "--no-passphrase", "--proxy", &proxy, "--node"];
    let nodes = ["https://relay.example", "--node", &onion];
    let cards = ["--tracker", "https://tracker.example", "--url", "https://cards.example/id/"];
    home.ok(&[&init[..], &nodes, &cards, &["--publish", "https://cards.example/id/"]].concat());
    let config = home.dir.join("config/config.toml");
    let ca = parent.join("cert.pem");
    let text = fs(config.to_str().unwrap());
    std::fs::write(config, format!("{text}\nstamp_bits = 4\nca_file = {ca:?}\n")).unwrap();
    home.ok(&["publish"]);
    home
}

#[test]
fn nothing_goes_around_the_proxy() {
    if !is_alone("nothing_goes_around_the_proxy") {
        return;
    }
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let (open, onion) = (servers(dir.path()), hidden(&dir.path().join("hidden")));
    let ways = [
        ("relay.example:443", open.at("relay")),
        ("cards.example:443", open.at("identity")),
        ("tracker.example:443", open.at("tracker")),
        (&format!("{ONION}:80"), onion.at("relay")),
    ];
    let ways: BTreeMap<_, _> = ways.map(|(name, at)| (name.to_owned(), at.port())).into();
    let names: BTreeSet<String> = ways.keys().cloned().collect();
    let asked = Asked::default();
    let port = proxy(ways, asked.clone());
    let (alice, bob) = (home(dir.path(), "alice", port), home(dir.path(), "bob", port));

    let link = alice.ok(&["card"]).lines().next().unwrap().to_owned();
    assert!(link.starts_with("https://cards.example/id/"), "{link}");
    bob.ok(&["add", "alice", &link]);
    bob.ok_with(&["send", "alice", "-s", "hidden"], b"by names alone\n");
    bob.ok(&["sync", "--daily"]);
    alice.ok(&["sync", "--daily"]);
    assert_eq!(alice.ok(&["list", "requests"]).lines().count(), 1);
    alice.run(&["nodes"], b"");

    let asked = asked.lock().unwrap();
    let seen: BTreeSet<String> = asked.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(seen, names, "everything was reached, and by its name");
    let circuits: BTreeSet<&String> = asked.iter().map(|(_, credentials)| credentials).collect();
    let by_name = asked.iter().collect::<BTreeSet<_>>();
    assert_eq!(by_name.len(), circuits.len(), "no two servers see the same credentials");
    drop(asked);

    // The namespace is tight: without the proxy nobody is reached.
    let config = bob.dir.join("config/config.toml");
    let text = fs(config.to_str().unwrap());
    let direct: Vec<&str> = text.lines().filter(|line| !line.starts_with("proxy")).collect();
    std::fs::write(config, direct.join("\n")).unwrap();
    let output = bob.run(&["sync", "-v"], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nodes 0/2"), "{said}");
}
