//! Servers that break HTTP or the protocol: each must end in an error of the right kind, in
//! bounded time, and without taking in more than a few buffers of what it sends.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Every case must be over by then; the client's own waits add up to about 2 s.
const SOON: Duration = Duration::from_secs(5);
/// What the system's socket buffers and ours may swallow before the client hangs up.
const SWALLOWED: usize = 16 << 20;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// Writes to the client, counting, until it hangs up or `most` is reached.
struct Pen<'a> {
    stream: &'a mut TcpStream,
    written: &'a AtomicUsize,
}

impl Pen<'_> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.written.fetch_add(bytes.len(), Ordering::Relaxed);
        self.stream.write_all(bytes).is_ok()
    }

    fn forever(&mut self, bytes: &[u8], pause: Duration) {
        // An end all the same: a failing test must not fill the machine.
        for _ in 0..(1 << 30) / bytes.len() {
            if !self.put(bytes) {
                return;
            }
            thread::sleep(pause);
        }
    }
}

/// Fetches from a server that does as `script` says; gives back the cause.
fn fetched(script: impl Fn(&mut Pen) + Send + Sync + 'static) -> Cause {
    tried(script, |relay| relay.fetch(hourly(), prefix("4"), 1 << 20).unwrap_err())
}

fn posted(script: impl Fn(&mut Pen) + Send + Sync + 'static) -> Cause {
    tried(script, |relay| relay.post(hourly(), &cells(4)).unwrap_err())
}

fn tried(
    script: impl Fn(&mut Pen) + Send + Sync + 'static,
    ask: impl Fn(&dyn Courier) -> Error,
) -> Cause {
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let server = Server::new(move |mut stream, _| {
        read_request(&mut stream);
        script(&mut Pen { stream: &mut stream, written: &count });
    });
    let relay = courier(&server.url());
    let start = Instant::now();
    let error = ask(&*relay);
    assert!(start.elapsed() < SOON, "took {:?}: {error}", start.elapsed());
    assert!(written.load(Ordering::Relaxed) < SWALLOWED, "took in too much: {error}");
    assert!(error.to_string().bytes().all(|b| (b' '..=b'~').contains(&b)), "{error:?}");
    error.cause
}

const NEVER: Duration = Duration::ZERO;

#[test]
fn endless_body_without_length() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\n\r\n");
        pen.forever(&cells(16), NEVER);
    });
    assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
}

#[test]
fn body_longer_than_allowed() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n");
        pen.forever(&cells(16), NEVER);
    });
    assert!(matches!(cause, Cause::TooLong { limit: 1_048_576 }), "{cause:?}");
}

#[test]
fn length_beyond_all_numbers() {
    for length in ["99999999999999999999999", "-1", "+4096", "0x1000", "4096, 4096", "", "4096x"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let cause = fetched(move |pen| {
            pen.put(head.as_bytes());
            pen.put(&cells(1));
        });
        assert!(matches!(cause, Cause::Broken(_)), "{length}: {cause:?}");
    }
}

#[test]
fn two_lengths() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\ncontent-length: 8192\r\n\r\n");
        pen.put(&cells(2));
    });
    assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
}

#[test]
fn dripping_body() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n");
        pen.forever(b"K", Duration::from_millis(50));
    });
    assert!(matches!(cause, Cause::Timeout), "{cause:?}");
}

#[test]
fn dripping_body_where_much_is_allowed() {
    // A generous limit gives a generous whole; the pace must end it all the same.
    let limit = 1 << 30;
    assert!(impatient().for_bytes(limit) > SOON * 2);
    let script = |pen: &mut Pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n");
        pen.forever(b"K", Duration::from_millis(50));
    };
    let cause = tried(script, |relay| relay.fetch(hourly(), prefix("4"), limit).unwrap_err());
    assert!(matches!(cause, Cause::Timeout), "{cause:?}");
}

#[test]
fn a_drip_just_above_the_pace_ends_as_well() {
    let server = Server::new(|mut stream, _| {
        read_request(&mut stream);
        let written = AtomicUsize::new(0);
        let mut pen = Pen { stream: &mut stream, written: &written };
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n");
        pen.forever(b"KKKK", Duration::from_millis(50));
    });
    let patience = Patience { pace: 16, longest: Duration::from_secs(2), ..impatient() };
    let net = Net::new(Options { patience, ..Options::default() }).unwrap();
    let relay = net.courier(&own(&server.url()), &mut Fixed::new(1)).unwrap();
    let start = Instant::now();
    let error = relay.fetch(hourly(), prefix("4"), 1 << 20).unwrap_err();
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    assert!(matches!(error.cause, Cause::Timeout), "{error:?}");
}

#[test]
fn dripping_head() {
    let cause = fetched(|pen| {
        pen.put(HEAD);
        pen.forever(b"a", Duration::from_millis(50));
    });
    assert!(matches!(cause, Cause::Timeout), "{cause:?}");
}

#[test]
fn silence() {
    for says in [&b""[..], HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\nKKK"] {
        let cause = fetched(move |pen| {
            pen.put(says);
            thread::sleep(SOON);
        });
        assert!(matches!(cause, Cause::Timeout), "{cause:?}");
    }
}

#[test]
fn silence_after_a_post() {
    let cause = posted(|_| thread::sleep(SOON));
    assert!(matches!(cause, Cause::Timeout), "{cause:?}");
}

#[test]
fn cut_body() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-length: 8192\r\n\r\n");
        pen.put(&cells(1));
    });
    assert!(matches!(cause, Cause::Truncated { received: 4096, promised: 8192 }), "{cause:?}");
}

#[test]
fn closed_at_once() {
    for cause in [fetched(|_| ()), posted(|_| ())] {
        assert!(matches!(cause, Cause::Offline(_)), "{cause:?}");
    }
}

#[test]
fn closed_in_the_head() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\ncontent-le");
    });
    assert!(matches!(cause, Cause::Offline(_)), "{cause:?}");
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = courier(&url).fetch(hourly(), prefix("4"), 4096).unwrap_err();
    assert!(matches!(error.cause, Cause::Offline(_)), "{error:?}");
}

#[test]
fn part_of_a_cell() {
    let cause = fetched(|pen| {
        pen.put(&answer("200 OK", &[0x4b; 4097]));
    });
    assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
}

#[test]
fn cells_outside_the_prefix() {
    let cause = fetched(|pen| {
        let mut body = cells(3);
        body[2 * CELL] = 0x5b;
        pen.put(&answer("200 OK", &body));
    });
    assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
}

#[test]
fn more_than_the_length_is_not_the_next_answer() {
    let server = Server::new(|mut stream, seen| {
        while let Some(request) = read_request(&mut stream) {
            seen.lock().unwrap().requests.push(request);
            let mut bytes = answer("200 OK", &cells(1));
            bytes.extend(answer("200 OK", &cells(7)));
            let _ = stream.write_all(&bytes);
        }
    });
    let relay = courier(&server.url());
    for _ in 0..3 {
        let fetched = relay.fetch(hourly(), prefix("4"), 1 << 20).unwrap();
        assert_eq!(fetched.body, Fetched::Cells(cells(1)));
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn redirect() {
    let elsewhere = Server::answering(answer("200 OK", &cells(1)));
    for status in [301, 302, 303, 307, 308] {
        let text = format!(
            "HTTP/1.1 {status} Go\r\nlocation: {}/\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url()
        );
        let again = text.clone();
        let cause = fetched(move |pen| {
            pen.put(text.as_bytes());
        });
        assert!(matches!(cause, Cause::Broken(_)), "{status}: {cause:?}");
        let cause = posted(move |pen| {
            pen.put(again.as_bytes());
        });
        assert!(matches!(cause, Cause::Broken(_)), "{status}: {cause:?}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn encoded_body() {
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 4096\r\n\r\n"
        );
        let cause = fetched(move |pen| {
            pen.put(head.as_bytes());
            pen.put(&cells(1));
        });
        assert!(matches!(cause, Cause::Broken(_)), "{coding}: {cause:?}");
    }
}

#[test]
fn hundred_thousand_headers() {
    let cause = fetched(|pen| {
        pen.put(HEAD);
        for n in 0..100_000 {
            if !pen.put(format!("x-{n}: y\r\n").as_bytes()) {
                return;
            }
        }
        pen.put(b"content-length: 0\r\n\r\n");
    });
    assert!(matches!(cause, Cause::Broken(_) | Cause::Offline(_)), "{cause:?}");
}

#[test]
fn one_endless_header() {
    let cause = fetched(|pen| {
        pen.put(b"HTTP/1.1 200 OK\r\nx: ");
        pen.forever(&[b'y'; 4096], NEVER);
    });
    assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
}

#[test]
fn flood_of_interim_answers() {
    for line in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\n\r\n"] {
        let cause = fetched(move |pen| pen.forever(line.as_bytes(), Duration::from_millis(1)));
        assert!(matches!(cause, Cause::Timeout), "{cause:?}");
    }
}

#[test]
fn other_protocol() {
    for says in [
        &b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"[..],
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"\x00\x01\x02\x03\x1b[31m\r\n\r\n",
        b"HTTP/1.1 999999 Many\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
    ] {
        let cause = fetched(move |pen| {
            pen.put(says);
        });
        assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
    }
}

#[test]
fn chunked_bodies() {
    for chunks in
        [&b"1000\r\n"[..], b"ffffffffffffffffffffff\r\nK", b"-1\r\nK\r\n0\r\n\r\n", b"zz\r\n\r\n"]
    {
        for extra in ["", "content-length: 4096\r\n"] {
            let head = format!("HTTP/1.1 200 OK\r\n{extra}transfer-encoding: chunked\r\n\r\n");
            let cause = fetched(move |pen| {
                pen.put(head.as_bytes());
                pen.put(chunks);
                pen.put(&cells(1));
            });
            assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
        }
    }
}

#[test]
fn endless_chunks_of_a_document() {
    let server = Server::new(|mut stream, _| {
        read_request(&mut stream);
        let written = AtomicUsize::new(0);
        let mut pen = Pen { stream: &mut stream, written: &written };
        pen.put(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        pen.forever(b"400\r\n", NEVER);
    });
    let start = Instant::now();
    let error =
        net().document(&own(&server.url()), DOCUMENT_LIMIT, &mut Fixed::new(1)).unwrap_err();
    assert!(start.elapsed() < SOON);
    assert!(matches!(error.cause, Cause::Broken(_) | Cause::TooLong { .. }), "{error:?}");
}

#[test]
fn error_with_an_endless_body() {
    let cause = posted(|pen| {
        pen.put(b"HTTP/1.1 507 Full\r\ncontent-length: 1099511627776\r\n\r\n");
        pen.forever(&cells(16), NEVER);
    });
    assert!(matches!(cause, Cause::Full), "{cause:?}");
}

#[test]
fn answer_before_the_body_was_read() {
    let server = Server::new(|mut stream, _| {
        let _ = stream.write_all(&answer("413 Too Large", b""));
    });
    let error = courier(&server.url()).post(hourly(), &cells(512)).unwrap_err();
    // The reset may reach the client before the answer does; either way nothing was stored.
    assert!(matches!(error.cause, Cause::Refused(413) | Cause::Offline(_)), "{error:?}");
}
