//! The real `posted` over real sockets: malformed, oversize and slow requests, TLS, the limit of
//! connections, the stop, exit codes and the log.
//! What is held is posted(8).
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod node;

use node::{Node, cell, connect, get, memory, post, raw, reply};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::time::Time;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The bucket to which one can upload now, and for the next minutes.
fn bucket() -> Bucket {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Bucket::at(Class::Hourly, Time::from_unix(now))
}

fn configure(dir: &Path, relay: &str) {
    let text = format!("key_file = \"node.key\"\n[relay]\nstore = \"dir:store\"\n{relay}\n");
    std::fs::write(dir.join("posted.toml"), text).unwrap();
}

fn certify(dir: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    std::fs::write(dir.join("cert.pem"), &certificate).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    configure(dir, "listen = \"127.0.0.1:0\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"");
    certificate
}

fn posted(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posted")).args(args).output().unwrap()
}

#[test]
fn malformed_requests_get_an_answer_or_the_door_and_change_nothing() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    let to = node.address;
    let path = format!("/v1/{}", bucket());
    let body = "x".repeat(CELL);
    let many = "a: b\r\n".repeat(40);
    let long = "a".repeat(20_000);
    for (what, request, status) in [
        ("garbage", "\0\u{1}\u{2}\r\n\r\n".to_owned(), Some(400)),
        ("tls to plain", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\r\n\r\n".to_owned(), Some(400)),
        ("http/0.9", "GET /v1/status\r\n\r\n".to_owned(), Some(400)),
        ("http/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), None),
        ("many headers", format!("GET /v1/status HTTP/1.1\r\n{many}\r\n"), Some(431)),
        ("long header", format!("GET /v1/status HTTP/1.1\r\na: {long}\r\n\r\n"), Some(431)),
        ("long path", format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), Some(431)),
        (
            "both lengths",
            format!(
                "POST {path} HTTP/1.1\r\ncontent-length: 4096\r\n\
                 transfer-encoding: chunked\r\n\r\n1000\r\n{body}\r\n0\r\n\r\n"
            ),
            Some(411),
        ),
        (
            "two lengths",
            format!("POST {path} HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
            Some(400),
        ),
        ("negative", format!("POST {path} HTTP/1.1\r\ncontent-length: -1\r\n\r\n"), Some(400)),
        (
            "bad chunk",
            format!("POST {path} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            Some(411),
        ),
        ("no cells", format!("POST {path} HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"), Some(400)),
        ("no length", format!("POST {path} HTTP/1.1\r\n\r\n"), Some(400)),
        (
            "endless",
            format!(
                "POST {path} HTTP/1.1\r\ncontent-length: 99999999999\r\nexpect: 100-continue\r\n\r\n"
            ),
            Some(413),
        ),
        ("method", "BREW /v1/status HTTP/1.1\r\n\r\n".to_owned(), Some(405)),
    ] {
        let got = raw(to, request.as_bytes()).map(|reply| reply.status);
        // hyper says 400 to some heads that are too large: either is a refusal.
        let refused = got == status || (status == Some(431) && got == Some(400));
        assert!(refused, "{what}: {got:?}");
    }
    assert_eq!(get(to, &format!("{path}/")).body.len(), 0);
    let metrics = get(to, "/v1/status");
    assert_eq!(metrics.status, 200);
}

#[test]
fn bodies_have_one_length_and_are_whole() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    let to = node.address;
    let path = format!("/v1/{}", bucket());
    assert_eq!(post(to, bucket(), &cell(1, 1)).unwrap().status, 200);
    // A smuggler's request: the length of a body twice, and a second request within the first.
    let inner = format!("GET {path}/ HTTP/1.1\r\n\r\n");
    let outer = format!(
        "POST {path} HTTP/1.1\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        inner.len() + 5
    );
    let mut stream = connect(to);
    stream.write_all(format!("{outer}0\r\n\r\n{inner}").as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let text = String::from_utf8(all).unwrap();
    assert!(text.starts_with("HTTP/1.1 411 "), "{text}");
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{text}");
    // Bodies without a length, and too long, both sent whole before the answer is read.
    let mut endless =
        format!("POST {path} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..20 {
        endless.extend_from_slice(b"10000\r\n");
        endless.extend_from_slice(&vec![b'x'; 0x10000]);
        endless.extend_from_slice(b"\r\n");
    }
    endless.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(raw(to, &endless).unwrap().status, 411);
    assert_eq!(post(to, bucket(), &vec![7; 3 << 20]).unwrap().status, 413);
    // Half a body, and then nobody.
    let head = format!("POST {path} HTTP/1.1\r\ncontent-length: 8192\r\n\r\n");
    let mut stream = connect(to);
    stream.write_all(&[head.as_bytes(), &cell(3, 3)].concat()).unwrap();
    drop(stream);
    let got = node::cells(&get(to, &format!("{path}/")).body);
    assert!(got == [cell(1, 1)], "{} cells", got.len());
}

#[test]
fn small_answers_do_not_wait() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    let mut stream = connect(node.address);
    let began = Instant::now();
    for _ in 0..50 {
        stream.write_all(b"GET /v1/status HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(reply(&mut stream).unwrap().status, 200);
    }
    let each = began.elapsed() / 50;
    assert!(each < Duration::from_millis(20), "{each:?} an answer: is TCP_NODELAY set?");
}

#[test]
fn slow_clients_are_given_up_and_others_are_served() {
    let dir = memory();
    let node = Node::start(dir.path(), &[], &[]);
    let tls_dir = memory();
    certify(tls_dir.path());
    let tls = Node::start(tls_dir.path(), &[], &[]);
    let path = format!("/v1/{}", bucket());
    let (plain, secure) = (node.address, tls.address);
    let upload = format!("POST {path} HTTP/1.1\r\ncontent-length: 4096\r\n\r\nabc");
    let ends = [
        ("half a head", plain, "GET /v1/st".to_owned(), 8..15, None),
        ("nothing", plain, String::new(), 8..15, None),
        ("half a body", plain, upload, 4..8, Some(408)),
        ("idle", plain, "GET /v1/status HTTP/1.1\r\n\r\n".to_owned(), 8..15, Some(200)),
        ("no handshake", secure, String::new(), 8..15, None),
    ]
    .map(|(what, to, request, seconds, status)| {
        std::thread::spawn(move || {
            let began = Instant::now();
            let mut stream = connect(to);
            stream.write_all(request.as_bytes()).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            let took = began.elapsed().as_secs();
            assert!(seconds.contains(&took), "{what}: {took} s");
            let got = reply(&all[..]).map(|reply| reply.status);
            // hyper may say 408 to a head that does not come.
            assert!(got == status || (status.is_none() && got == Some(408)), "{what}: {got:?}");
        })
    });
    for _ in 0..40 {
        let began = Instant::now();
        assert_eq!(get(plain, "/v1/status").status, 200);
        assert!(began.elapsed() < Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(200));
    }
    for end in ends {
        end.join().unwrap();
    }
    assert_eq!(get(plain, &format!("{path}/")).body.len(), 0);
}

#[test]
fn more_connections_than_the_limit_wait() {
    let dir = memory();
    configure(dir.path(), "listen = \"127.0.0.1:0\"\nconnections = 2");
    let node = Node::start(dir.path(), &[], &[]);
    let mut held = [connect(node.address), connect(node.address)];
    for stream in &mut held {
        stream.write_all(b"GET /v1/status HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(reply(&mut *stream).unwrap().status, 200);
    }
    let mut third = connect(node.address);
    third.write_all(b"GET /v1/status HTTP/1.1\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(third.read(&mut [0]).is_err(), "it waits");
    third.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    drop(held);
    assert_eq!(reply(third).unwrap().status, 200);
}

#[test]
fn tls_by_certificate_and_key() {
    let dir = memory();
    let certificate = certify(dir.path());
    let node = Node::start(dir.path(), &[], &[]);
    let root = ureq::tls::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .https_only(true)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let url = format!("https://localhost:{}/v1/{}", node.address.port(), bucket());
    let body: Vec<u8> = (0..256).flat_map(|n| cell(n as u16, n)).collect();
    assert_eq!(agent.post(&url).send(&body[..]).unwrap().status(), 200);
    let got = agent.get(format!("{url}/")).call().unwrap().body_mut().read_to_vec().unwrap();
    assert!(got == body);
    assert!(raw(node.address, b"GET /v1/status HTTP/1.1\r\n\r\n").is_none(), "no plain HTTP");
}

#[test]
fn a_stop_lets_an_upload_finish_and_nobody_in() {
    let dir = memory();
    let mut node = Node::start(dir.path(), &[], &[]);
    let to = node.address;
    let head = format!("POST /v1/{} HTTP/1.1\r\ncontent-length: 4096\r\n\r\n", bucket());
    let mut stream = connect(to);
    stream.write_all(&[head.as_bytes(), &cell(1, 1)[..1000]].concat()).unwrap();
    // The request must have been begun before the stop.
    std::thread::sleep(Duration::from_millis(300));
    node.terminate();
    node::soon("the door is closed", || std::net::TcpStream::connect(to).is_err());
    stream.write_all(&cell(1, 1)[1000..]).unwrap();
    assert_eq!(reply(&mut stream).unwrap().status, 200);
    assert_eq!(node.end().code(), Some(0));
    let again = Node::start(dir.path(), &[], &[]);
    let got = get(again.address, &format!("/v1/{}/", bucket()));
    assert!(got.body == cell(1, 1), "what was answered 200 is there");
}

#[test]
fn the_log_holds_nothing_about_clients() {
    let dir = memory();
    let mut node = Node::start(dir.path(), &[], &[]);
    post(node.address, bucket(), &cell(0x4bc0, 1)).unwrap();
    get(node.address, &format!("/v1/{}/4bc", bucket()));
    raw(node.address, b"garbage\r\n\r\n");
    node.terminate();
    assert_eq!(node.end().code(), Some(0));
    node::soon("the last line", || node.log().contains("stopped"));
    let log = node.log();
    let lines: Vec<&str> = log.lines().collect();
    let first = format!("posted: info: relay at {}", node.address);
    assert_eq!(lines, [&first, "posted: info: stopping", "posted: info: stopped"]);
}

#[test]
fn the_admin_address_has_health_and_counters() {
    let dir = memory();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    configure(dir.path(), &format!("listen = \"127.0.0.1:0\"\nadmin = \"{free}\""));
    let node = Node::start(dir.path(), &[], &[]);
    post(node.address, bucket(), &cell(1, 1)).unwrap();
    let health = get(free, "/healthz");
    assert_eq!((health.status, &health.body[..]), (200, &b"ok\n"[..]));
    let text = String::from_utf8(get(free, "/metrics").body).unwrap();
    assert!(text.lines().any(|line| line == "posted_cells_stored_total 1"), "{text}");
    let answered = "posted_answers_total{role=\"relay\",status=\"200\"} 1";
    assert!(text.lines().any(|line| line == answered), "{text}");
    let received =
        text.lines().find_map(|l| l.strip_prefix("posted_received_bytes_total{role=\"relay\"} "));
    assert!((4096..6000).contains(&received.unwrap().parse().unwrap()), "{text}");
    assert_eq!(get(free, "/v1/status").status, 404);
    assert_eq!(get(node.address, "/metrics").status, 404);
}

#[test]
fn a_full_tmpfs_takes_nothing_by_halves() {
    let dir = memory();
    let small = dir.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                store = \"dir:small/store\"\n";
    std::fs::write(dir.path().join("posted.toml"), text).unwrap();
    let mount =
        format!("mount -t tmpfs -o size=1m,mode=700 none {} && exec \"$@\"", small.display());
    let node = Node::start(dir.path(), &["unshare", "-rm", "sh", "-c", &mount, "sh"], &[]);
    let batch = |n: u64| -> Vec<u8> { (0..60).flat_map(|i| cell(1, n * 60 + i)).collect() };
    let statuses: Vec<u16> =
        (0..6).map(|n| post(node.address, bucket(), &batch(n)).unwrap().status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 507, 507]);
    let wanted: Vec<u8> = (0..4).flat_map(batch).collect();
    assert!(get(node.address, &format!("/v1/{}/", bucket())).body == wanted);
    assert_eq!(post(node.address, bucket(), &cell(9, 9)).unwrap().status, 200, "one still fits");
}

#[test]
fn exit_codes() {
    let dir = memory();
    let config = dir.path().join("posted.toml");
    let path = config.to_str().unwrap();
    let fails = |args: &[&str], code: i32, text: &str| {
        let output = posted(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.contains(text), "{args:?}: {error}");
    };
    fails(&["sing"], 64, "sing");
    fails(&["run"], 64, "--config");
    fails(&["relay", "--config", path], 78, "No such file");
    assert_eq!(posted(&["--version"]).status.code(), Some(0));
    configure(dir.path(), "listen = \"127.0.0.1:0\"\ncapasity = 5");
    fails(
        &["relay", "--config", path],
        78,
        "posted.toml:5: unknown key \"capasity\": did you mean \"capacity\"?",
    );
    std::fs::write(&config, "key_file = \"node.key\"\n").unwrap();
    fails(&["run", "--config", path], 78, "no [relay]");
    configure(dir.path(), "listen = \"127.0.0.1:0\"");
    assert_eq!(posted(&["run", "--check", "--config", path]).status.code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "a check makes nothing");
    let node = Node::start(dir.path(), &[], &[]);
    fails(&["relay", "--config", path], 75, "in use by another node");
    let other = memory();
    configure(other.path(), &format!("listen = \"{}\"", node.address));
    let taken = other.path().join("posted.toml");
    fails(&["relay", "--config", taken.to_str().unwrap()], 69, "listening at");
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    configure(disk.path(), "listen = \"127.0.0.1:0\"");
    let config = disk.path().join("posted.toml");
    for check in [&["--check"][..], &[]] {
        let args = [&["relay", "--config", config.to_str().unwrap()], check].concat();
        fails(&args, 78, "not on a tmpfs");
    }
}

#[test]
fn dev_prints_its_url_and_leaves_nothing() {
    let runtime = memory();
    let mut child = Command::new(env!("CARGO_BIN_EXE_posted"))
        .arg("dev")
        .env("XDG_RUNTIME_DIR", runtime.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    let to: SocketAddr = line.trim_end().strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(post(to, bucket(), &cell(1, 1)).unwrap().status, 200);
    assert!(node::holds_marker(runtime.path()));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(runtime.path()).unwrap().count(), 0);
}

#[test]
fn relative_paths_are_taken_from_the_directory_of_the_file_even_if_it_is_this_one() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let config =
        "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\nstore = \"dir:store\"\n";
    std::fs::write(dir.path().join("posted.toml"), config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_posted"))
        .args(["relay", "--config", "posted.toml", "--check"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
