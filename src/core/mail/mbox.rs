//! The mbox format, variant mboxrd: messages one after the other, each after a line `From `, lines
//! of a body that look like one quoted with `>`. What is written reads back byte for byte, but that
//! a message always ends with a line end. Specified in RFC 4155 and mbox(5).

use crate::core::time::Time;
use std::io::{self, BufRead, Read};

/// The author in the line before a message: nobody's address, which this format asks for.
const NOBODY: &str = "MAILER-DAEMON";

/// A message as it stands in an mbox, the line before it and the empty one after it included.
pub fn write(message: &[u8], date: Time) -> Vec<u8> {
    let mut out = format!("From {NOBODY} {}\n", ctime(date)).into_bytes();
    for line in message.split_inclusive(|b| *b == b'\n') {
        if is_from(line) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
    if !message.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}

/// Whether bytes begin like an mbox.
pub fn is_mbox(bytes: &[u8]) -> bool {
    bytes.starts_with(b"From ")
}

/// Gives each message of an mbox to `take`, which is held alone in memory, and may have `limit`
/// bytes. A line within a message begins another only after an empty one.
pub fn each<E: From<BadMbox>>(
    mut from: impl BufRead,
    limit: u64,
    take: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut message: Option<Vec<u8>> = None;
    let (mut after_empty, mut count) = (true, 0);
    loop {
        let mut line = Vec::new();
        (&mut from).take(limit).read_until(b'\n', &mut line).map_err(BadMbox::Io)?;
        if line.is_empty() || after_empty && separates(&line) {
            if let Some(whole) = message.take() {
                take(without_end(whole))?;
            }
            if line.is_empty() {
                return Ok(());
            }
            (message, after_empty, count) = (Some(Vec::new()), false, count + 1);
            continue;
        }
        after_empty = matches!(line.as_slice(), b"\n" | b"\r\n");
        let Some(message) = &mut message else { continue };
        if (message.len() + line.len()) as u64 > limit {
            return Err(BadMbox::Large(count).into());
        }
        let quoted = line.first() == Some(&b'>') && is_from(&line);
        message.extend_from_slice(if quoted { &line[1..] } else { &line });
    }
}

/// Why an mbox cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BadMbox {
    /// Reading failed.
    #[error("{0}")]
    Io(io::Error),
    /// This message, counted from 1, is larger than may be.
    #[error("message {0} is larger than a message may be")]
    Large(usize),
}

/// A message without the empty line that closes it, which is not its own.
fn without_end(mut message: Vec<u8>) -> Vec<u8> {
    if message.ends_with(b"\n\n") || message.ends_with(b"\r\n\r\n") {
        let crlf = message.ends_with(b"\r\n");
        message.truncate(message.len() - if crlf { 2 } else { 1 });
    }
    message
}

/// Whether a line stands between messages: `From `, an author, and a date with a time of day. Many
/// programs do not quote a text that only begins so.
fn separates(line: &[u8]) -> bool {
    let time = |word: &[u8]| {
        word.len() >= 5 && word[2] == b':' && word[..2].iter().all(u8::is_ascii_digit)
    };
    line.starts_with(b"From ") && line.split(|b| *b == b' ').skip(2).any(time)
}

/// Whether a line is `From ` after any number of `>`.
fn is_from(line: &[u8]) -> bool {
    let start = line.iter().position(|b| *b != b'>').unwrap_or(line.len());
    line[start..].starts_with(b"From ")
}

/// As asctime(3) writes it: `Sun Nov  1 10:11:00 2026`.
fn ctime(date: Time) -> String {
    let rfc = date.rfc5322();
    let words: Vec<&str> = rfc.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [weekday, day, month, year, time, ..] => {
            let day = day.trim_start_matches('0');
            format!("{weekday} {month} {day:>2} {time} {year}")
        }
        _ => rfc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let done = each(bytes, 1000, &mut |message| {
            all.push(message);
            Ok::<(), BadMbox>(())
        });
        done.unwrap();
        all
    }

    #[test]
    fn what_is_written_reads_back() {
        let date = Time::from_unix(1_793_527_860);
        let messages: [&[u8]; 5] = [
            b"Subject: a\n\nbody\n",
            b"Subject: b\n\nFrom here on\n>From there\n>>From far\n\nFrom x\n",
            b"Subject: c\n\n",
            b"Subject: d\n\nends empty\n\n",
            b"\n\n\n",
        ];
        let text: Vec<u8> = messages.iter().flat_map(|m| write(m, date)).collect();
        assert!(text.starts_with(b"From MAILER-DAEMON Sun Nov  1 10:11:00 2026\nSubject: a\n"));
        assert!(is_mbox(&text));
        assert_eq!(read(&text), messages);
    }

    #[test]
    fn foreign_ones_are_read() {
        let text = b"From a@b Mon Jan  1 00:00:00 2024\r\nSubject: x\r\n\r\nFrom y\r\n\r\n\
            From a@b Mon Jan  1 00:00:00 2024\nSubject: y\n\nno end";
        let found = read(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], b"Subject: x\r\n\r\nFrom y\r\n");
        assert_eq!(found[1], b"Subject: y\n\nno end");
        assert!(read(b"").is_empty() && read(b"no mbox\n").is_empty());
    }
    #[test]
    fn what_is_too_large_is_named_and_not_kept() {
        let head = "From a Mon Jan  1 00:00:00 2024\n";
        let lines = "x\n".repeat(50);
        let long = "x".repeat(200);
        for (text, bad) in [(&lines, 0), (&lines, 1), (&long, 1)] {
            let small = format!("{head}a\n\n").repeat(bad);
            let mut taken = 0;
            let all = format!("{small}{head}{text}");
            let done = each(all.as_bytes(), 99, &mut |_| {
                taken += 1;
                Ok::<(), BadMbox>(())
            });
            assert!(matches!(done, Err(BadMbox::Large(n)) if n == bad + 1), "{done:?}");
            assert_eq!(taken, bad);
        }
    }
}
