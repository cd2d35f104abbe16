//! The mbox format, variant mboxrd: messages one after the other, each after a line `From `, lines
//! of a body that look like one quoted with `>`. What is written reads back byte for byte, but that
//! a message always ends with a line end. Specified in RFC 4155 and mbox(5).

use crate::core::time::Time;

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

/// The messages of an mbox. A line within a message begins another only after an empty one.
pub fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut after_empty = true;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if after_empty && separates(line) {
            messages.push(Vec::new());
            after_empty = false;
            continue;
        }
        after_empty = matches!(line, b"\n" | b"\r\n");
        let Some(message) = messages.last_mut() else { continue };
        let quoted = line.first() == Some(&b'>') && is_from(line);
        message.extend_from_slice(if quoted { &line[1..] } else { line });
    }
    for message in &mut messages {
        // The empty line that closes it is not its own.
        if message.ends_with(b"\n\n") || message.ends_with(b"\r\n\r\n") {
            let crlf = message.ends_with(b"\r\n");
            message.truncate(message.len() - if crlf { 2 } else { 1 });
        }
    }
    messages
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
}
