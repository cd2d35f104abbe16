//! The PROXY header with which a proxy begins a connection, before TLS and HTTP: version 1, a line
//! of text, and version 2, binary. Read to its end and not a byte further, within strict limits;
//! whoever must send one and does not is not served. Nothing of version 2's extras is looked at.
//! Specified in posted(8), PROXIES, and HAProxy's proxy-protocol.txt, section 2.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end.
const LINE: usize = 107;
/// The most bytes of addresses and extras in version 2.
const LENGTH: usize = 2048;

/// What was sent is no PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads the header; the client that it names, if it names one. Fails with `InvalidData` if it is
/// malformed.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<IpAddr>> {
    // The shortest header of version 1 has 15 bytes, so this reads into no request.
    let mut first = [0; SIGNATURE.len()];
    stream.read_exact(&mut first).await?;
    let client =
        if first == SIGNATURE { binary(stream).await? } else { line(stream, first).await? };
    client.map_err(|Malformed| io::ErrorKind::InvalidData.into())
}

type Client = Result<Option<IpAddr>, Malformed>;

async fn line<S: AsyncRead + Unpin>(
    stream: &mut S,
    first: [u8; SIGNATURE.len()],
) -> io::Result<Client> {
    if !first.starts_with(b"PROXY ") {
        return Ok(Err(Malformed));
    }
    let mut line = first.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE {
            return Ok(Err(Malformed));
        }
        line.push(stream.read_u8().await?);
    }
    Ok(client_of_line(&line[..line.len() - 2]))
}

fn client_of_line(line: &[u8]) -> Client {
    let text = std::str::from_utf8(line).map_err(|_| Malformed)?;
    let mut words = text.split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(None);
    }
    let words: [&str; 4] =
        words.collect::<Vec<_>>().try_into().map_err(|_: Vec<&str>| Malformed)?;
    let [source, destination, ports @ ..] = words;
    if !ports.iter().all(|port| is_port(port)) {
        return Err(Malformed);
    }
    fn pair<A: Into<IpAddr> + std::str::FromStr>(source: &str, destination: &str) -> Client {
        let _: A = destination.parse().map_err(|_| Malformed)?;
        let source: A = source.parse().map_err(|_| Malformed)?;
        Ok(Some(source.into()))
    }
    match family {
        Some("TCP4") => pair::<Ipv4Addr>(source, destination),
        Some("TCP6") => pair::<Ipv6Addr>(source, destination),
        _ => Err(Malformed),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

async fn binary<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Client> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [version_and_command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Of a header that is refused nothing more is read: the connection ends.
    let known = matches!(version_and_command, 0x20 | 0x21);
    let Some(least) = least(family).filter(|_| known && length <= LENGTH) else {
        return Ok(Err(Malformed));
    };
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    if version_and_command == 0x20 {
        // The proxy speaks for itself, and the rest is to be ignored.
        return Ok(Ok(None));
    }
    if rest.len() < least {
        return Ok(Err(Malformed));
    }
    Ok(Ok(source(family, &rest)))
}

/// Bytes of the addresses of a family; `None` for one that does not come over a stream, or that
/// nobody has defined.
fn least(family: u8) -> Option<usize> {
    match family {
        0x00 => Some(0),
        0x11 => Some(12),
        0x21 => Some(36),
        0x31 => Some(216),
        _ => None,
    }
}

fn source(family: u8, addresses: &[u8]) -> Option<IpAddr> {
    match family {
        0x11 => addresses.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes)),
        0x21 => addresses.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client named, and what was left unread.
    fn parse(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut rest = bytes;
        let got = runtime.block_on(read(&mut rest));
        (got, rest.len())
    }

    fn v2(command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        [&SIGNATURE[..], &[command, family], &length.to_be_bytes(), rest].concat()
    }

    #[test]
    fn lines_of_version_1() {
        let rest = b"GET / HTTP/1.1\r\n\r\n";
        for (line, wanted) in [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n", Some("192.0.2.7")),
            ("PROXY TCP6 2001:db8::7 2001:db8::1 5000 443\r\n", Some("2001:db8::7")),
            (
                "PROXY TCP6 fc00:dead:beef:4dad::0:29 ::1 65535 42\r\n",
                Some("fc00:dead:beef:4dad::29"),
            ),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
        ] {
            let (got, left) = parse(&[line.as_bytes(), rest].concat());
            assert_eq!(got.unwrap(), wanted.map(|text| text.parse().unwrap()), "{line}");
            assert_eq!(left, rest.len(), "not a byte of the request is read: {line}");
        }
    }

    #[test]
    fn headers_of_version_2() {
        let rest = b"GET / HTTP/1.1\r\n\r\n";
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 1, 0xbb];
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 1]);
        let extras = [&four[..], &[0x04, 0, 3, 1, 2, 3, 0x20, 0, 0]].concat();
        for (header, wanted) in [
            (v2(0x21, 0x11, 12, &four), Some("192.0.2.7")),
            (v2(0x21, 0x21, 36, &six), Some("2001::")),
            (v2(0x21, 0x11, 21, &extras), Some("192.0.2.7")),
            (v2(0x21, 0x11, 2048, &[&four[..], &[0; 2036]].concat()), Some("192.0.2.7")),
            (v2(0x21, 0x00, 0, &[]), None),
            (v2(0x21, 0x31, 216, &[b'/'; 216]), None),
            (v2(0x20, 0x11, 12, &four), None),
            (v2(0x20, 0x00, 3, &[1, 2, 3]), None),
        ] {
            let (got, left) = parse(&[&header[..], rest].concat());
            assert_eq!(got.unwrap(), wanted.map(|text| text.parse().unwrap()), "{header:?}");
            assert_eq!(left, rest.len(), "{header:?}");
        }
    }

    #[test]
    fn whatever_else_comes_is_refused() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 1, 0xbb];
        let mut bad: Vec<Vec<u8>> = [
            "GET / HTTP/1.1\r\nhost: node\r\n\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 5000\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 5000 443 1\r\n",
            "PROXY TCP4 192.0.2.7  198.51.100.1 5000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 5000 65536\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +500 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 5000 \r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::1 5000 443\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 5000 443\r\n",
            "PROXY TCP5 192.0.2.7 198.51.100.1 5000 443\r\n",
            "PROXY tcp4 192.0.2.7 198.51.100.1 5000 443\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\n\r\n",
            "PROXY TCP4\r\nGET / HTTP/1.1\r\n",
            "proxy TCP4 192.0.2.7 198.51.100.1 5000 443\r\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        bad.push([b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200], b"\r\n".to_vec()].concat());
        bad.push(b"PROXY TCP4 \xff\xff\xff\r\n".to_vec());
        bad.push(v2(0x11, 0x11, 12, &four));
        bad.push(v2(0x22, 0x11, 12, &four));
        for family in [0x12, 0x22, 0x32, 0x01, 0x10, 0x41, 0xff] {
            bad.push(v2(0x21, family, 216, &[0; 216]));
        }
        bad.push(v2(0x21, 0x11, 11, &four[..11]));
        bad.push(v2(0x21, 0x21, 12, &four));
        bad.push(v2(0x21, 0x11, 2049, &[0; 2049]));
        bad.push(v2(0x21, 0x11, u16::MAX, &[0; 65535]));
        for bytes in bad {
            let error = parse(&bytes).0.unwrap_err();
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{shown:?}");
        }
    }

    #[test]
    fn what_ends_too_early_is_refused() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 1, 0xbb];
        let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n".to_vec();
        for whole in [line, v2(0x21, 0x11, 12, &four)] {
            assert!(parse(&whole).0.is_ok());
            for cut in 0..whole.len() {
                let error = parse(&whole[..cut]).0.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
            }
        }
    }
}
