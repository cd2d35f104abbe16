//! The real `posted` and a new certificate while it runs: connections to come see it, those that
//! are there go on, and a broken one changes nothing, neither for its role nor for another.
//! openssl(1) is the client.
//! What is held is posted(8), tls_cert.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::{ALL_ROLES, Node, Process, memory, soon};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Puts a new certificate and key into the files.
fn certify(dir: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
}

fn client(to: SocketAddr) -> Command {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &to.to_string(), "-quiet", "-ign_eof"]);
    client.stderr(Stdio::null());
    client
}

/// The certificate that a new connection is shown.
fn shown(to: SocketAddr) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &to.to_string(), "-showcerts"]);
    let output = client.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let from = text.find("-----BEGIN").unwrap();
    text[from..].split_inclusive("-----END CERTIFICATE-----").next().unwrap().to_owned()
}

fn file(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("cert.pem")).unwrap().replace('\r', "").trim().to_owned()
}

fn hang_up(node: &Node) {
    let id = node.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let dir = memory();
    certify(dir.path(), "a.example");
    let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
                tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let node = Node::start(dir.path(), &[], &[]);
    let first = file(dir.path());
    assert_eq!(shown(node.address), first);
    let mut old =
        Process(client(node.address).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut to = old.0.stdin.take().unwrap();
    let mut from = BufReader::new(old.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut ask = || {
        to.write_all(b"GET /v1/status HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(from.any(|line| line.starts_with("HTTP/1.1 200")));
    };
    ask();
    certify(dir.path(), "b.example");
    assert_eq!(shown(node.address), first, "not before it is told");
    hang_up(&node);
    let second = file(dir.path());
    soon("the new one is shown", || shown(node.address) == second);
    ask();
    std::fs::write(dir.path().join("cert.pem"), "broken").unwrap();
    hang_up(&node);
    soon("it is in the log", || node.log().contains("the certificate before stays"));
    assert_eq!(shown(node.address), second);
    ask();
}

#[test]
fn what_is_wrong_with_the_pair_of_one_role_keeps_no_other_from_being_read() {
    let dir = memory();
    let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
                tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n\
                [tracker]\nlisten = \"127.0.0.1:0\"\n\
                tls_cert = \"tracker/cert.pem\"\ntls_key = \"tracker/key.pem\"\n\
                [identity]\nlisten = \"127.0.0.1:0\"\ndir = \"cards\"\n\
                tls_cert = \"host/cert.pem\"\ntls_key = \"host/key.pem\"\n";
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let places = [("relay", "."), ("tracker", "tracker"), ("identity", "host")];
    let places = places.map(|(role, place)| (role, dir.path().join(place)));
    for (role, place) in &places {
        std::fs::create_dir_all(place).unwrap();
        certify(place, &format!("{role}.example"));
    }
    let node = Node::start(dir.path(), &ALL_ROLES, &[]);
    let [relay, tracker, identity] = places.each_ref().map(|(role, place)| {
        assert_eq!(shown(node.at(role)), file(place), "{role}");
        node.at(role)
    });
    let first = file(&places[0].1);
    std::fs::write(places[0].1.join("cert.pem"), "broken").unwrap();
    certify(&places[1].1, "another.example");
    std::fs::remove_file(places[2].1.join("key.pem")).unwrap();
    hang_up(&node);
    soon("the tracker's is shown", || shown(tracker) == file(&places[1].1));
    assert_eq!(shown(relay), first);
    soon("both are in the log", || node.log().matches("the certificate before stays").count() == 2);
    let log = node.log();
    let named = |role: &str| log.lines().any(|l| l.contains(&format!("error: {role}: ")));
    assert!(named("relay") && named("identity") && !named("tracker"), "{log}");
    certify(&places[2].1, "another.example");
    hang_up(&node);
    soon("the host's is shown", || shown(identity) == file(&places[2].1));
}
