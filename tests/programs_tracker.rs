//! Two relays and a tracker by the real programs: the relays report, the tracker looks at them, and
//! its list is read by a client and by people.

#![cfg(feature = "node")]
#![allow(clippy::unwrap_used)]

mod node;
#[path = "common/posted.rs"]
mod posted;

use node::{get, memory, soon};
use poste::core::nodes::{self, Listed};
use posted::Posted;
use std::net::{SocketAddr, TcpListener};

const TRACKER: &str = "[tracker]\nlisten = \"127.0.0.1:0\"\nallow_private = true\n";

fn list(tracker: SocketAddr) -> Vec<Listed> {
    let reply = get(tracker, "/v1/nodes");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/toml"));
    nodes::read(&reply.body).unwrap()
}

/// A port of loopback that is free.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn relay(port: u16, trackers: &[String]) -> String {
    format!(
        "name = \"relay {port}\"\nkey_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:{port}\"\n\
         url = \"http://127.0.0.1:{port}\"\nstore = \"dir:store\"\nallow_disk = true\n\
         trackers = {trackers:?}\n"
    )
}

#[test]
fn two_relays_report_and_are_listed() {
    let dirs = [memory(), memory(), memory()];
    let tracker = Posted::start(dirs[0].path(), "tracker", TRACKER, 1);
    let at = tracker.at("tracker");
    assert_eq!(list(at), []);
    let nobody = format!("http://127.0.0.1:{}", port());
    let relays = [1, 2].map(|number| {
        let trackers = [nobody.clone(), format!("http://{at}")];
        Posted::start(dirs[number].path(), "relay", &relay(port(), &trackers), 1)
    });
    soon("both relays are listed", || list(at).len() == 2);
    let urls = relays.each_ref().map(|relay| format!("http://{}", relay.at("relay")));
    for (url, relay) in urls.iter().zip(&relays) {
        let node = list(at).into_iter().find(|node| node.url == *url).unwrap();
        assert!(node.age <= 10 && node.saturation < 0.02, "{node:?}");
        let status = String::from_utf8(get(relay.at("relay"), "/v1/status").body).unwrap();
        let status: toml::Table = status.parse().unwrap();
        assert_eq!(status["key"].as_str().unwrap(), poste::core::encode::base64(&node.key));
        assert_eq!(status["saturation"].as_float(), Some(node.saturation));
        let said = || relay.log().matches("reporting: ").count();
        soon("the tracker that is not there is named once", || said() == 1);
        assert!(relay.log().contains(&nobody), "{}", relay.log());
    }
    let page = get(at, "/");
    let text = String::from_utf8(page.body).unwrap();
    assert_eq!(text.matches("<tr><td>").count(), 2, "{text}");
    assert!(urls.iter().all(|url| text.contains(&format!("{url}/v1/banned"))), "{text}");
    assert!(!text.contains("<script"), "{text}");
    assert_eq!(tracker.log().lines().count(), 1, "nothing about reports: {}", tracker.log());
}

#[test]
fn a_public_tracker_takes_no_relay_of_this_machine() {
    let dirs = [memory(), memory()];
    let config = TRACKER.replace("allow_private = true\n", "");
    let tracker = Posted::start(dirs[0].path(), "tracker", &config, 1);
    let trackers = [format!("http://{}", tracker.at("tracker"))];
    let relay = Posted::start(dirs[1].path(), "relay", &relay(port(), &trackers), 1);
    soon("the relay is told so", || relay.log().contains("refused (status 400)"));
    assert_eq!(list(tracker.at("tracker")), []);
}
