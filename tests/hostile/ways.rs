//! The ways in which a relay can be bad, each with a name and what it does to the exit status.

use super::server::{Answer, CELL, Request, Store, cells, forever, ok, put};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// One way to be bad.
pub struct Way {
    pub name: &'static str,
    /// Whether the client must take it for a failure of the node.
    pub fails: bool,
    pub answer: Answer,
}

const NOW: Duration = Duration::ZERO;

fn way(
    name: &'static str,
    fails: bool,
    answer: impl Fn(&mut TcpStream, &Request, &Store) + Send + Sync + 'static,
) -> Way {
    Way { name, fails, answer: Arc::new(answer) }
}

/// These bytes, and the end of the connection.
fn says(name: &'static str, bytes: impl Into<Vec<u8>>) -> Way {
    let bytes = bytes.into();
    way(name, true, move |stream, _, _| {
        put(stream, &bytes);
    })
}

/// A cell of nobody's with the prefix that was asked for.
fn junk(request: &Request) -> [u8; CELL] {
    let digits = format!("{:0<4}", request.prefix);
    let mut cell = [0x5a; CELL];
    cell[..2].copy_from_slice(&u16::from_str_radix(&digits, 16).unwrap().to_be_bytes());
    cell
}

/// Bad downloads that end soon.
pub fn downloads(elsewhere: &str) -> Vec<Way> {
    let headers: String = (0..100_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let page = "<html><body>Log in to the café's network</body></html>";
    let page = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    vec![
        way("a body cut within a cell", true, |stream, request, _| {
            put(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 8192\r\n\r\n");
            put(stream, &junk(request)[..100]);
        }),
        way("a body cut between cells", true, |stream, request, _| {
            put(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 8192\r\n\r\n");
            put(stream, &junk(request));
        }),
        way("part of a cell", true, |stream, request, _| ok(stream, &junk(request)[..4095])),
        way("cells outside the prefix", true, |stream, request, _| {
            let mut cell = junk(request);
            cell[0] ^= 0xf0;
            ok(stream, &cell);
        }),
        way("an endless body without a length", true, |stream, request, _| {
            put(stream, b"HTTP/1.1 200 OK\r\n\r\n");
            forever(stream, &[junk(request); 16].concat(), NOW);
        }),
        way("a terabyte", true, |stream, request, _| {
            put(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n");
            forever(stream, &[junk(request); 16].concat(), NOW);
        }),
        says("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 4096\r\n\r\n"),
        says("a length below zero", "HTTP/1.1 200 OK\r\ncontent-length: -4096\r\n\r\n"),
        says(
            "a length beyond all numbers",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        ),
        says("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        way("endless chunks", true, |stream, _, _| {
            put(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            forever(stream, b"1\r\nK\r\n", NOW);
        }),
        says(
            "a compressed body",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\u{8}",
        ),
        says("a captive portal", page),
        says("a redirect to another node", redirect),
        way("a redirect to itself", true, |stream, request, _| {
            let path = format!("/v1/{}/{}", request.bucket, request.prefix);
            let head = format!("HTTP/1.1 301 Go\r\nlocation: {path}\r\ncontent-length: 0\r\n\r\n");
            put(stream, head.as_bytes());
        }),
        says("forbidden", "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"),
        says("a login", "HTTP/1.1 401 Who\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"),
        says(
            "too many",
            "HTTP/1.1 429 Wait\r\nretry-after: 99999999999\r\ncontent-length: 0\r\n\r\n",
        ),
        says(
            "an error with a terabyte",
            "HTTP/1.1 500 X\r\ncontent-length: 1099511627776\r\n\r\nK",
        ),
        says("trouble", "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"),
        says("no content", "HTTP/1.1 204 X\r\n\r\n"),
        says("another protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
        says("a hundred thousand headers", format!("HTTP/1.1 200 OK\r\n{headers}\r\n")),
        way("an endless header", true, |stream, _, _| {
            put(stream, b"HTTP/1.1 200 OK\r\nx: ");
            forever(stream, &[b'y'; 4096], NOW);
        }),
        says("escapes for the terminal", "HTTP/1.1 200 \x1b[31m\x07\r\n\x1b]0;x: \x1b[2J\r\n\r\n"),
        says("another language", "SSH-2.0-OpenSSH_9.9\r\n"),
        says("noise", [0xff_u8, 0, 0x80, b'\r', b'\n'].repeat(1000)),
        says("half a head", "HTTP/1.1 200 OK\r\ncontent-le"),
        says("nothing at all", ""),
        // What follows costs nothing, as far as the client can tell.
        way("more than was promised", false, |stream, request, store| {
            ok(stream, cells(store, request).as_flattened());
            put(stream, &junk(request));
        }),
        way("each cell three times, backwards", false, |stream, request, store| {
            let cells = cells(store, request);
            let all: Vec<_> = cells.iter().rev().flat_map(|cell| [*cell; 3]).collect();
            ok(stream, all.as_flattened());
        }),
        way("every bucket there ever was", false, |stream, request, store| {
            let of = |bucket: &String| Request {
                bucket: bucket.clone(),
                prefix: request.prefix.clone(),
                ..*request
            };
            let all: Vec<_> = store.keys().flat_map(|bucket| cells(store, &of(bucket))).collect();
            ok(stream, all.as_flattened());
        }),
        way("spoilt copies before the cells", false, |stream, request, store| {
            let spoilt = |cell: &[u8; CELL], at: usize| {
                let mut cell = *cell;
                cell[at] ^= 1;
                cell
            };
            let all: Vec<_> = cells(store, request)
                .iter()
                .flat_map(|cell| [spoilt(cell, 4095), spoilt(cell, 48), spoilt(cell, 20), *cell])
                .collect();
            ok(stream, all.as_flattened());
        }),
        way("a flood of junk", false, |stream, request, store| {
            let mut all = cells(store, request);
            for n in 0_u32..16_000 {
                let mut cell = junk(request);
                cell[4..8].copy_from_slice(&n.to_be_bytes());
                all.push(cell);
            }
            ok(stream, all.as_flattened());
        }),
        way("all is wiped", false, |stream, _, _| {
            put(stream, b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
        }),
        way("nothing yet", false, |stream, _, _| {
            put(stream, b"HTTP/1.1 404 Not yet\r\ncontent-length: 0\r\n\r\n");
        }),
        way("another year", false, |stream, request, store| {
            let cells = cells(store, request);
            let date = "date: Mon, 22 Nov 2027 14:00:00 GMT\r\n";
            let head =
                format!("HTTP/1.1 200 OK\r\n{date}content-length: {}\r\n\r\n", cells.len() * CELL);
            put(stream, head.as_bytes());
            put(stream, cells.as_flattened());
        }),
    ]
}

/// Bad answers to uploads that end soon.
pub fn uploads(elsewhere: &str) -> Vec<Way> {
    let redirect =
        format!("HTTP/1.1 307 Go\r\nlocation: {elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    vec![
        says("full", "HTTP/1.1 507 Full\r\ncontent-length: 0\r\n\r\n"),
        says(
            "over the allowance",
            "HTTP/1.1 429 Wait\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n",
        ),
        says("too large", "HTTP/1.1 413 Large\r\ncontent-length: 0\r\n\r\n"),
        says("the wrong period", "HTTP/1.1 409 Late\r\ncontent-length: 0\r\n\r\n"),
        says("trouble at the upload", "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n"),
        says("a redirect of the upload", redirect),
        says("a portal at the upload", "<html>log in</html>"),
        says("no answer to the upload", ""),
        way("full, with a terabyte", true, |stream, _, _| {
            put(stream, b"HTTP/1.1 507 Full\r\ncontent-length: 1099511627776\r\n\r\n");
            forever(stream, &[0; 65536], NOW);
        }),
    ]
}

/// Ways to keep a client waiting, for a download.
pub fn slow() -> Vec<Way> {
    vec![
        way("silence", true, |_, _, _| thread::sleep(Duration::from_secs(120))),
        way("a dripping body", true, |stream, request, _| {
            put(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n");
            forever(stream, &junk(request)[..1], Duration::from_millis(500));
        }),
        way("a dripping head", true, |stream, _, _| {
            put(stream, b"HTTP/1.1 200 OK\r\nx: ");
            forever(stream, b"a", Duration::from_millis(500));
        }),
        way("interim answers for ever", true, |stream, _, _| {
            forever(stream, b"HTTP/1.1 100 Continue\r\n\r\n", Duration::from_millis(20));
        }),
    ]
}
