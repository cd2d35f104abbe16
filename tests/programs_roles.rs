//! The roles of the real `posted`: alone, together, all of them for trying things out, checked, and
//! over TLS.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used)]

mod node;
#[path = "common/posted.rs"]
mod posted;
#[path = "common/programs.rs"]
mod programs;

use node::{get, soon};
use poste::core::nodes;
use posted::{Posted, ended};
use programs::Home;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

const HOST: &str = "[identity]\nlisten = \"127.0.0.1:0\"\ndir = \"cards\"\n";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn roles_are_run_together_or_alone_and_checked() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let both = format!(
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n\
         allow_disk = true\n{HOST}"
    );
    let posted = Posted::start(dir.path(), "run", &both, 2);
    assert_eq!(get(posted.at("relay"), "/v1/status").status, 200);
    assert_eq!(get(posted.at("identity"), "/v1/volunteers").status, 200);
    assert_eq!(get(posted.at("identity"), "/v1/status").status, 404);
    let busy = ended(dir.path(), "identity", &both);
    assert_eq!(busy.status.code(), Some(75), "{}", said(&busy));
    posted.kill();
    let alone = Posted::start(dir.path(), "identity", &both, 1);
    assert_eq!(get(alone.at("identity"), "/v1/volunteers").status, 200);
    alone.kill();

    let check = ended(dir.path(), "run --check", &both);
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{}", said(&check));
    assert!(text.contains("[relay]") && text.contains("[identity]"), "{text}");
    text.parse::<toml::Table>().unwrap();
    let check = ended(dir.path(), "identity --check", &both);
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(text.contains("capacity = 1073741824") && !text.contains("[relay]"), "{text}");
    let none = ended(dir.path(), "identity", "log = \"info\"\n");
    assert_eq!(none.status.code(), Some(78));
    assert!(said(&none).contains("no [identity] in it"), "{}", said(&none));
    let tls = format!("{HOST}tls_cert = \"a.pem\"\ntls_key = \"b.pem\"\n");
    let tls = ended(dir.path(), "identity --check", &tls);
    assert_eq!(tls.status.code(), Some(78), "{}", said(&tls));
}

#[test]
fn one_admin_address_tells_of_all_roles_of_the_process() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let admin = format!("admin = \"{free}\"\n");
    let config =
        format!("{HOST}{admin}[tracker]\nlisten = \"127.0.0.1:0\"\nallow_private = true\n{admin}");
    let posted = Posted::start(dir.path(), "run", &config, 2);
    let fingerprint = "0".repeat(64);
    assert_eq!(get(posted.at("identity"), &format!("/id/{fingerprint}.toml")).status, 404);
    assert_eq!(get(posted.at("tracker"), "/v1/nodes").status, 200);
    assert_eq!(get(free, "/healthz").status, 200);
    let metrics = || String::from_utf8(get(free, "/metrics").body).unwrap();
    let text = metrics();
    for line in [
        "posted_answers_total{role=\"identity\",status=\"404\"} 1",
        "posted_answers_total{role=\"tracker\",status=\"200\"} 1",
        "posted_connections_total{role=\"tracker\"} 1",
        "posted_clock_disagrees{role=\"identity\"} 0",
        "posted_nodes_listed 0",
        "posted_cards 0",
        "posted_cards_capacity 65536",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains("role=\"relay\"") && !text.contains("posted_store_bytes"), "{text}");
    assert_eq!(get(posted.at("tracker"), "/metrics").status, 404);
    posted.kill();
    // One role alone tells of itself.
    let alone = Posted::start(dir.path(), "tracker", &config, 1);
    assert!(!metrics().contains("role=\"identity\""));
    alone.kill();
}

#[test]
fn the_bandwidth_in_use_is_in_the_saturation() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                store = \"dir:store\"\nallow_disk = true\nbandwidth = \"1 MiB\"\n";
    let posted = Posted::start(dir.path(), "relay", text, 1);
    let saturation = || {
        let status = String::from_utf8(get(posted.at("relay"), "/v1/status").body).unwrap();
        status.parse::<toml::Table>().unwrap()["saturation"].as_float().unwrap()
    };
    assert_eq!(saturation(), 0.0);
    // 1 MiB stands in a store of 1 GiB, and is taken thirty times: 31 MiB in ten seconds or so.
    let bucket = node::clients::bucket();
    let body: Vec<u8> = (0..256).flat_map(|n| node::cell(n as u16, n)).collect();
    assert_eq!(node::post(posted.at("relay"), bucket, &body).unwrap().status, 200);
    assert_eq!(saturation(), 0.01, "the store alone, before it is known how fast");
    for _ in 0..30 {
        assert_eq!(get(posted.at("relay"), &format!("/v1/{bucket}/")).status, 200);
    }
    soon("the line is busy", || saturation() > 0.9);
    posted.kill();
}

#[test]
fn one_program_runs_all_roles_for_trying_things_out() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posted"));
    let child = command.arg("dev").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = node::Process(child);
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let urls: Vec<String> = lines.take(3).map(Result::unwrap).collect();
    let urls: [String; 3] = urls.try_into().unwrap();
    let at = |url: &str| url.strip_prefix("http://").unwrap().parse::<SocketAddr>().unwrap();
    let [relay, tracker, identity] = urls.each_ref();
    assert_eq!(get(at(relay), "/v1/status").status, 200);
    assert_eq!(get(at(identity), "/v1/volunteers").status, 200);
    soon("the relay is listed", || {
        let list = nodes::read(&get(at(tracker), "/v1/nodes").body).unwrap();
        list.iter().any(|node| node.url == *relay)
    });
    let id = child.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(child.0.wait().unwrap().success());
}

#[test]
fn an_identity_host_is_reached_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = format!("{HOST}tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    let posted = Posted::start(dir.path(), "identity", &tls, 1);
    let alice = Home { dir: dir.path().join("alice") };
    let url = format!("https://{}/id/", posted.at("identity"));
    alice.ok(&["init", "--no-passphrase", "--publish", &url, "--url", &url]);
    let config = alice.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let own = alice.run(&["publish"], b"");
    assert!(said(&own).contains("certificate is not trusted"), "{}", said(&own));
    let ca = dir.path().join("cert.pem");
    std::fs::write(&config, format!("{text}ca_file = {ca:?}\n")).unwrap();
    alice.ok(&["publish"]);
    alice.ok(&["publish", "--check"]);
    assert!(node::raw(posted.at("identity"), b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").is_none());
}

#[test]
fn the_unit_runs_every_role_of_the_example() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["relay.example".to_owned()]).unwrap();
    std::fs::write(dir.path().join("fullchain.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.path().join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();
    let example = include_str!("../examples/posted.toml");
    let at = |name: &str| dir.path().join(name).display().to_string();
    let mut config = example.to_owned();
    for (shipped, here) in [
        ("/etc/poste/tls/", at("")),
        ("/run/posted/store", at("store")),
        ("/var/lib/posted/", at("")),
        ("[::]:443\"", "127.0.0.1:0\"".to_owned()),
        ("[::]:8442\"", "127.0.0.1:0\"".to_owned()),
        ("[::]:8443\"", "127.0.0.1:0\"".to_owned()),
        ("store = \"dir:", "allow_disk = true\nstore = \"dir:".to_owned()),
        ("admin = \"127.0.0.1:9464\"\n", String::new()),
    ] {
        assert!(config.contains(shipped), "{shipped}");
        config = config.replace(shipped, &here);
    }
    // The lines of the unit, with this program and that file.
    let unit = include_str!("../examples/systemd/posted.service");
    let line = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
        let line = line.strip_prefix("/usr/local/bin/posted ").unwrap();
        let (command, rest) = line.split_once(" --config /etc/poste/posted.toml").unwrap();
        format!("{command}{rest}")
    };
    let check = ended(dir.path(), &line("ExecStartPre"), &config);
    assert!(check.status.success(), "{}", said(&check));
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    for role in ["[relay]", "[tracker]", "[identity]"] {
        assert!(text.contains(role) && example.contains(role), "{role}: {text}");
    }
    let posted = Posted::start(dir.path(), &line("ExecStart"), &config, 3);
    for role in ["relay", "tracker", "identity"] {
        assert_ne!(posted.at(role).port(), 0, "{role}");
    }
    posted.kill();
}
