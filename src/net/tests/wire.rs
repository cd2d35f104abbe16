//! What the client sends, byte by byte, and what it makes of honest answers.

use super::*;
use crate::net::agent::{Ask, Wire};
use crate::net::setup::config;
use ureq::tls::RootCerts;

#[test]
fn requests_have_the_fewest_headers() {
    let server = Server::answering(answer("200 OK", b""));
    let host = format!("127.0.0.1:{}", server.port);
    let relay = courier(&server.url());
    relay.post(hourly(), &cells(2)).unwrap();
    relay.fetch(hourly(), prefix("4b"), 1 << 20).unwrap();
    relay.fetch(hourly(), prefix(""), 1 << 20).unwrap();
    net()
        .document(&own(&format!("{}/alice.toml", server.url())), DOCUMENT_LIMIT, &mut Fixed::new(1))
        .unwrap();
    net().put(&own(&format!("{}/id/x.toml", server.url())), b"card", &mut Fixed::new(1)).unwrap();
    assert_eq!(
        server.requests(),
        [
            format!(
                "POST /v1/hourly/2026-11-22T14 HTTP/1.1\r\ncontent-length: 8192\r\n\
                 host: {host}\r\n\r\n[8192]"
            ),
            format!("GET /v1/hourly/2026-11-22T14/4b HTTP/1.1\r\nhost: {host}\r\n\r\n[0]"),
            format!("GET /v1/hourly/2026-11-22T14/ HTTP/1.1\r\nhost: {host}\r\n\r\n[0]"),
            format!("GET /alice.toml HTTP/1.1\r\nhost: {host}\r\n\r\n[0]"),
            format!("PUT /id/x.toml HTTP/1.1\r\ncontent-length: 4\r\nhost: {host}\r\n\r\n[4]"),
        ]
    );
}

#[test]
fn uploads_and_downloads_use_separate_connections_and_keep_them() {
    let server = Server::answering(answer("200 OK", b""));
    let relay = courier(&server.url());
    for _ in 0..3 {
        relay.post(hourly(), &cells(1)).unwrap();
        relay.fetch(hourly(), prefix("4"), 1 << 20).unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn no_proxy_is_taken_but_the_one_given() {
    // ureq's own default is the environment's; ours must be none, whatever is set there.
    let config = config(&Patience::default(), RootCerts::WebPki, None);
    assert!(config.proxy().is_none());
    assert_eq!(config.max_redirects(), 0);
    assert!(config.max_response_header_size() <= 16 * 1024);
}

#[test]
fn cells_and_dates_arrive() {
    let server = Server::answering(answer("200 OK", &cells(3)));
    let relay = courier(&server.url());
    let fetched = relay.fetch(hourly(), prefix("4b"), 3 * CELL as u64).unwrap();
    assert_eq!(fetched.body, Fetched::Cells(cells(3)));
    let heard = fetched.heard;
    assert_eq!(heard.date, Time::parse_rfc5322("Sun, 22 Nov 2026 14:00:00 +0000"));
    assert!(heard.date.is_some() && !heard.trusted, "plain http on loopback does not count");
}

#[test]
fn dates_that_contradict_each_other_are_none() {
    let two = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: Sun, 22 Nov 2026 14:00:00 GMT\r\n\
               date: Sun, 22 Nov 2026 15:00:00 GMT\r\n\r\n";
    let server = Server::answering(two);
    assert_eq!(courier(&server.url()).post(hourly(), &cells(1)).unwrap().date, None);
}

#[test]
fn not_yet_and_wiped_are_no_errors() {
    for (status, expected) in [("404 Not Found", Fetched::NotYet), ("410 Gone", Fetched::Wiped)] {
        let server = Server::answering(answer(status, b"in words"));
        let relay = courier(&server.url());
        for _ in 0..2 {
            assert_eq!(relay.fetch(hourly(), prefix("4"), 4096).unwrap().body, expected);
        }
        assert_eq!(server.connections(), 1, "the short body was read, the connection kept");
    }
}

#[test]
fn statuses_have_their_causes() {
    type Expected = fn(&Cause) -> bool;
    let table: [(&str, Expected, Kind); 9] = [
        ("400 Bad", |c| matches!(c, Cause::Refused(400)), Kind::Refused),
        ("403 No", |c| matches!(c, Cause::Forbidden), Kind::Refused),
        ("409 Conflict", |c| matches!(c, Cause::WrongPeriod), Kind::Refused),
        ("413 Large", |c| matches!(c, Cause::Refused(413)), Kind::Refused),
        ("500 Oh", |c| matches!(c, Cause::Trouble(500)), Kind::Transient),
        ("503 Busy", |c| matches!(c, Cause::Trouble(503)), Kind::Transient),
        ("507 Full", |c| matches!(c, Cause::Full), Kind::Transient),
        ("204 Nothing", |c| matches!(c, Cause::Broken(_)), Kind::Protocol),
        ("299 What", |c| matches!(c, Cause::Broken(_)), Kind::Protocol),
    ];
    for (status, expected, kind) in table {
        let server = Server::answering(answer(status, b""));
        let error = courier(&server.url()).post(hourly(), &cells(1)).unwrap_err();
        assert!(expected(&error.cause), "{status}: {error:?}");
        assert_eq!(error.kind(), kind, "{status}");
        assert!(error.heard.date.is_some(), "{status}: the clock may be why");
        assert!(error.to_string().starts_with(&server.url()), "{error}");
    }
}

#[test]
fn retry_after_is_heard_and_bounded() {
    for (header, seconds) in [("120", Some(120)), ("99999999", Some(86_400)), ("soon", None)] {
        let text =
            format!("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\nretry-after: {header}\r\n\r\n");
        let server = Server::answering(text);
        let error = courier(&server.url()).post(hourly(), &cells(1)).unwrap_err();
        assert!(
            matches!(error.cause, Cause::TooMany { retry_after } if retry_after == seconds),
            "{error:?}"
        );
    }
}

#[test]
fn half_a_cell_is_never_posted() {
    let server = Server::answering(answer("200 OK", b""));
    let relay = courier(&server.url());
    for bad in [&[][..], &[0; 4095], &[0; 4097]] {
        assert!(matches!(relay.post(hourly(), bad).unwrap_err().cause, Cause::NotCells));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn learnt_name_that_leads_to_loopback_is_not_connected_to() {
    let server = Server::answering(answer("200 OK", b""));
    // As if DNS had answered 127.0.0.1 for a contact's host.
    let wire = Wire::within(&net(), address::Reach::Public, None, false);
    let uri = format!("http://localhost:{}/alice.toml", server.port);
    let failure = wire.ask(Ask::Get, &uri, 100).unwrap_err();
    assert!(matches!(failure.cause, Cause::NotPublic), "{failure:?}");
    assert_eq!(server.connections(), 0);
    // The same server answers who names it in his own configuration.
    let wire = Wire::within(&net(), address::Reach::Loopback, None, false);
    assert_eq!(wire.ask(Ask::Get, &uri, 100).unwrap().status, 200);
}

#[test]
fn document_may_come_without_a_length() {
    let server = Server::new(|mut stream, _| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nposte = 1\n");
    });
    let address = own(&format!("{}/alice.toml", server.url()));
    let answer = net().document(&address, DOCUMENT_LIMIT, &mut Fixed::new(1)).unwrap();
    assert_eq!(answer.body, b"poste = 1\n");
}

#[test]
fn documents_are_bounded_and_may_be_files() {
    let server = Server::answering(answer("200 OK", &vec![b'x'; 16 * 1024 + 1]));
    let fetch =
        |url: &str| net().document(&own(url), DOCUMENT_LIMIT, &mut Fixed::new(1)).map(|a| a.body);
    assert!(matches!(
        fetch(&server.url()).unwrap_err().cause,
        Cause::TooLong { limit: DOCUMENT_LIMIT }
    ));
    let missing = Server::answering(answer("404 No", b""));
    assert!(matches!(fetch(&missing.url()).unwrap_err().cause, Cause::Absent));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alice.toml");
    let url = format!("file://{}", path.display());
    assert!(matches!(fetch(&url).unwrap_err().cause, Cause::Absent));
    std::fs::write(&path, "poste = 1\n").unwrap();
    assert_eq!(fetch(&url).unwrap(), b"poste = 1\n");
    std::fs::write(&path, vec![b'x'; 16 * 1024 + 1]).unwrap();
    assert!(matches!(fetch(&url).unwrap_err().cause, Cause::TooLong { .. }));
    let folder_url = format!("file://{}", folder.path().display());
    assert!(matches!(fetch(&folder_url).unwrap_err().cause, Cause::Broken(_)));
}
