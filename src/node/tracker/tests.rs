use super::*;
use crate::core::nodes::Listed;
use crate::core::prim::{ed25519_public, ed25519_sign};
use crate::core::time::MINUTE;
use crate::node::tests::{Hands, ask};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

struct World {
    clock: Arc<Hands>,
    tracker: Tracker,
}

impl World {
    fn new(allow_private: bool, counts: bool) -> World {
        let clock = Arc::new(Hands::at(1_795_356_000));
        let look = Look::new(allow_private);
        let callers = Callers::default();
        let tracker = Tracker::new("t".to_owned(), clock.clone(), look, callers, counts);
        World { clock, tracker }
    }

    fn ask(&self, method: &str, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        let (head, body) = self.answer(method, path, body);
        (head.status.as_u16(), body)
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> (hyper::http::response::Parts, String) {
        let role = async |request, peer| self.tracker.answer(request, peer).await;
        ask((method, path), body, role)
    }

    fn report(&self, url: &str, seed: u8) -> u16 {
        self.ask("POST", "/v1/report", self.text(url, seed)).0
    }

    fn text(&self, url: &str, seed: u8) -> String {
        let key = ed25519_public(&[seed; 32]);
        let report = Report { url: url.to_owned(), key, saturation: 0.25, time: self.clock.now() };
        report.write(|message| ed25519_sign(&[seed; 32], message))
    }

    fn list(&self) -> Vec<Listed> {
        nodes::read(self.ask("GET", "/v1/nodes", "").1.as_bytes()).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.clock.pass(seconds);
    }
}

/// A web server that answers everything alike; its URL, and how often it was asked.
fn serving(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The status of a node with a key.
fn status(seed: u8) -> String {
    let key = crate::core::encode::base64(&ed25519_public(&[seed; 32]));
    format!("name = \"n\"\nkey = \"{key}\"\nsaturation = 0.5\n[limits]\ncell = 4096\n")
}

#[test]
fn a_node_is_listed_once_its_key_was_found_where_it_says() {
    let world = World::new(true, false);
    let (url, asked) = serving(ok(&status(1)));
    assert_eq!(world.report(&url, 1), 200);
    assert!(world.list().is_empty(), "not before it was looked at");
    world.tracker.chores();
    world.pass(40);
    let key = ed25519_public(&[1; 32]);
    assert_eq!(world.list(), [Listed { url: url.clone(), key, saturation: 0.25, age: 40 }]);
    let (head, page) = world.answer("GET", "/", "");
    assert!(page.contains(&url) && page.contains("25 %"), "{page}");
    assert_eq!(head.headers["content-type"], "text/html; charset=utf-8");
    assert!(head.headers["content-security-policy"].to_str().unwrap().contains("'none'"));
    // Again, within the minute and after it.
    assert_eq!(world.report(&url, 1), 200);
    world.tracker.chores();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    world.pass(20);
    world.tracker.chores();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    world.pass(10 * MINUTE);
    assert!(world.list().is_empty(), "it has fallen silent");
}

#[test]
fn forged_stale_and_replayed_reports_are_refused() {
    let world = World::new(true, false);
    let url = "http://127.0.0.1:9";
    let text = world.text(url, 1);
    let post = |text: &str| world.ask("POST", "/v1/report", text.to_owned()).0;
    for (from, to) in [("0.25", "0.01"), (":9", ":8"), ("time = 1", "time = 2")] {
        let forged = text.replace(from, to);
        assert_ne!(forged, text);
        assert_eq!(post(&forged), 400, "{to}");
    }
    assert_eq!((post(""), post("poste = 1"), post(&"x".repeat(5000))), (400, 400, 413));
    world.pass(10 * MINUTE + 1);
    assert_eq!(post(&text), 409, "stale");
    let text = world.text(url, 1);
    assert_eq!((post(&text), post(&text)), (200, 409));
    assert_eq!(world.report(url, 1), 409, "not newer");
    world.pass(1);
    assert_eq!(world.report(url, 1), 200);
}

#[test]
fn who_lies_about_the_key_or_sends_elsewhere_is_not_listed() {
    let world = World::new(true, false);
    let (good, asked) = serving(ok(&status(1)));
    let moved = format!(
        "HTTP/1.1 302 Found\r\nlocation: {good}/v1/status\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    let long = ok(&format!("{}# {}\n", status(1), "x".repeat(5000)));
    let cases = [ok(&status(2)), moved, long, ok("key = 5\n"), ok("<html>"), String::new()];
    for answer in cases {
        let (url, asked) = serving(answer.clone());
        assert_eq!(world.report(&url, 1), 200);
        world.tracker.chores();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{answer}");
        assert!(world.list().is_empty(), "{answer}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody was sent here");
    // Somebody else's address: the one who is there stays.
    assert_eq!(world.report(&good, 1), 200);
    world.tracker.chores();
    assert_eq!(world.report(&good, 7), 200);
    world.pass(MINUTE);
    world.tracker.chores();
    assert_eq!(world.list().len(), 1);
    assert_eq!(world.list()[0].key, ed25519_public(&[1; 32]));
}

#[test]
fn addresses_where_no_public_node_can_be_are_refused() {
    let world = World::new(false, false);
    for bad in [
        "http://relay.example",
        "http://127.0.0.1:80",
        "https://127.0.0.1",
        "https://localhost",
        "https://[::1]:443",
        "https://10.0.0.1",
        "https://192.168.1.1:8443",
        "https://169.254.169.254",
        "https://[fd00::1]",
        "https://router.lan",
        "https://relay",
        "https://0x7f000001",
        "https://2130706433",
        "https://relay.example/",
        "https://RELAY.example",
        "https://user@relay.example",
        "https://relay.example?x",
        "http://abcdefgh.onion",
        "https://abcdefgh.onion",
    ] {
        assert_eq!(world.report(bad, 1), 400, "{bad}");
    }
    let long = format!("https://{}.example", "a.".repeat(60));
    assert_eq!(world.report(&long, 1), 400);
    assert_eq!(world.report("https://relay.example:8443/poste", 1), 200);
}

#[test]
fn a_slow_node_is_given_ten_seconds_and_delays_nobody_beside_it() {
    let world = World::new(true, false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = format!("http://{}", listener.local_addr().unwrap());
    let dripping = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n";
        let drip = head.bytes().chain(std::iter::repeat(b'#'));
        for byte in drip {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let (good, _) = serving(ok(&status(1)));
    assert_eq!((world.report(&slow, 1), world.report(&good, 1)), (200, 200));
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| world.tracker.chores());
        while world.list().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(5), "the good one is kept waiting");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let took = start.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(13)).contains(&took), "{took:?}");
    dripping.join().unwrap();
}

#[test]
fn a_network_has_an_allowance_and_paths_are_exact() {
    let world = World::new(true, true);
    for number in 0..REPORTS {
        assert_eq!(world.report(&format!("http://127.0.0.1:{}", 1000 + number), 1), 200);
    }
    let (head, _) = world.answer("POST", "/v1/report", world.text("http://127.0.0.1:9", 1));
    assert_eq!(head.status.as_u16(), 429);
    assert!(head.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 30);
    for (method, path, status) in [
        ("GET", "/v1/report", 405),
        ("POST", "/v1/nodes", 405),
        ("PUT", "/", 405),
        ("GET", "/v1/status", 404),
        ("GET", "/v1/nodes/", 404),
    ] {
        assert_eq!(world.ask(method, path, "").0, status, "{method} {path}");
    }
}
