//! Takes an RFC 5322 message apart: header fields as written, and the body, not a byte lost.
//!
//! Tolerated: LF or CRLF, 8-bit text, NUL, lines of any length, space before the colon, a leading
//! mbox `From ` line or byte order mark (dropped), no header at all, no body. The header ends at
//! the first line that is no field, empty or not, as mutt and Python have it. Refused: more header
//! than [`MAX_HEADER`] bytes or [`MAX_FIELDS`] fields. Nothing is decoded here.
//! What may be in a letter's mail is specified in poste-protocol(7), Letter.

use std::borrow::Cow;

/// Most bytes that a header may have.
pub const MAX_HEADER: usize = 256 * 1024;
/// Most fields that a header may have.
pub const MAX_FIELDS: usize = 1000;

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// More than [`MAX_HEADER`] bytes before the body.
    #[error("the header is longer than {} KiB", MAX_HEADER / 1024)]
    HeaderTooLong,
    /// More than [`MAX_FIELDS`] fields.
    #[error("the header has more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// A line in the middle of the header is no field, so what follows it, which may be fields
    /// that must not leave, would leave as text. The number counts lines from 1.
    #[error("line {0} is no header field: put an empty line between the header and the text")]
    NoSeparator(usize),
    /// The message ends within its header, and no field of it is one that mail has.
    #[error("no header that mail would have and no text: begin the text after an empty line")]
    NoText,
    /// The field by which a mail disappears is no date.
    #[error("its Expires is no date; write it as: Sun, 08 Nov 2026 10:11:00 +0000")]
    Expires,
    /// To or Cc cannot be read.
    #[error(transparent)]
    Recipient(#[from] super::recipients::RecipientError),
}

/// A header field as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, without the spaces before the colon: printable ASCII, not empty.
    pub name: &'a str,
    /// Everything after the colon, all line ends and folds included.
    pub value: &'a [u8],
    /// The whole field, from the name to the last line end.
    pub raw: &'a [u8],
}

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stood before the first field: a `From ` line or byte order mark, mostly empty.
    pub envelope: &'a [u8],
    /// The fields in their order.
    pub fields: Vec<Field<'a>>,
    /// The empty line; `None` if the header ends otherwise.
    pub separator: Option<&'a [u8]>,
    /// Everything after it.
    pub body: &'a [u8],
    /// Lines before the body, the separator included.
    pub lines: usize,
}

/// Takes `mail` apart. What `envelope`, fields, separator and body hold, one after the other, is
/// `mail`.
pub fn split(mail: &[u8]) -> Result<Parts<'_>, MailError> {
    let envelope = envelope(mail);
    let (before, mut rest) = mail.split_at(envelope);
    let mut parts = Parts {
        envelope: before,
        fields: Vec::new(),
        separator: None,
        body: rest,
        lines: before.iter().filter(|b| **b == b'\n').count(),
    };
    let mut header = 0;
    while !rest.is_empty() {
        let first = line(rest);
        if matches!(first, b"\n" | b"\r\n") {
            parts.separator = Some(first);
            parts.lines += 1;
            rest = &rest[first.len()..];
            break;
        }
        let Some(name) = field_name(first) else { break };
        let mut end = first.len();
        parts.lines += 1;
        while let Some(b' ' | b'\t') = rest.get(end) {
            end += line(&rest[end..]).len();
            parts.lines += 1;
        }
        header += end;
        if header > MAX_HEADER {
            return Err(MailError::HeaderTooLong);
        }
        if parts.fields.len() == MAX_FIELDS {
            return Err(MailError::TooManyFields);
        }
        let raw = &rest[..end];
        let colon = raw.iter().position(|b| *b == b':').map_or(end, |at| at + 1);
        parts.fields.push(Field { name, value: &raw[colon..], raw });
        rest = &rest[end..];
    }
    parts.body = rest;
    Ok(parts)
}

/// `mail` with each CRLF made LF; nothing else is changed.
pub fn normalize(mail: &[u8]) -> Cow<'_, [u8]> {
    if !mail.windows(2).any(|pair| pair == b"\r\n") {
        return Cow::Borrowed(mail);
    }
    let mut out = Vec::with_capacity(mail.len());
    for (at, byte) in mail.iter().enumerate() {
        if *byte != b'\r' || mail.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

/// Appends `field` in the one form in which fields travel and are filed: `Name:`, the value, LF.
///
/// Whatever some reader might take for the end of a line or of the header becomes a space or goes:
/// control characters, NEL, U+2028 and U+2029, and folds that hold nothing but space. So a value
/// cannot smuggle in a second field.
pub fn write(out: &mut Vec<u8>, field: &Field<'_>) {
    out.extend_from_slice(field.name.as_bytes());
    out.push(b':');
    let mut rest = field.value;
    let mut first = true;
    while !rest.is_empty() {
        let whole = line(rest);
        rest = &rest[whole.len()..];
        let clean = clean(whole);
        let clean = clean.trim_ascii_end();
        if first || !clean.is_empty() {
            out.extend_from_slice(clean);
            out.push(b'\n');
        }
        first = false;
    }
    if first {
        out.push(b'\n');
    }
}

/// The value on one line, cleaned as [`write()`] does.
pub fn unfold(field: &Field<'_>) -> Vec<u8> {
    let mut value = normalize(field.value).into_owned();
    value.retain(|byte| *byte != b'\n');
    clean(&value).trim_ascii().to_vec()
}

/// Length of what stands before the first field and is no part of the message. Only what a field
/// follows counts: text without a header may well begin with `From `.
fn envelope(mail: &[u8]) -> usize {
    let mut at = if mail.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while mail[at..].starts_with(b"From ") || mail[at..].starts_with(b">From ") {
        at += line(&mail[at..]).len();
    }
    if field_name(line(&mail[at..])).is_some() { at } else { 0 }
}

/// The first line of `bytes` with its line end.
fn line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

/// The name if this line begins a field: RFC 5322 ftext, then spaces if need be, then a colon.
fn field_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// Control characters, and what else ends a line somewhere, as spaces; TAB stays.
fn clean(value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) => text
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' || matches!(c, '\u{2028}' | '\u{2029}') {
                    ' '
                } else {
                    c
                }
            })
            .collect::<String>()
            .into_bytes(),
        // In an 8-bit charset 0x85 is the NEL of those who read it as ISO 8859-1.
        Err(_) => value
            .iter()
            .map(|b| if b.is_ascii_control() && *b != b'\t' || *b == 0x85 { b' ' } else { *b })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names<'a>(parts: &Parts<'a>) -> Vec<&'a str> {
        parts.fields.iter().map(|f| f.name).collect()
    }

    fn joined(parts: &Parts<'_>) -> Vec<u8> {
        let mut out = parts.envelope.to_vec();
        parts.fields.iter().for_each(|f| out.extend_from_slice(f.raw));
        out.extend_from_slice(parts.separator.unwrap_or_default());
        out.extend_from_slice(parts.body);
        out
    }

    fn written(mail: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        split(mail).unwrap().fields.iter().for_each(|f| write(&mut out, f));
        out
    }

    #[test]
    fn folds_and_line_ends_are_kept() {
        let mail = b"Subject: a\r\n b\r\nTo : bob\n\tcarol\n\nbody\r\nno end";
        let parts = split(mail).unwrap();
        assert_eq!(names(&parts), ["Subject", "To"]);
        assert_eq!(parts.fields[0].value, b" a\r\n b\r\n");
        assert_eq!(parts.fields[1].value, b" bob\n\tcarol\n");
        assert_eq!(parts.body, b"body\r\nno end");
        assert_eq!(parts.lines, 5);
        assert_eq!(joined(&parts), mail);
    }

    #[test]
    fn an_mbox_line_is_no_field_and_no_text() {
        let parts = split(b"From alice Thu Jan  1\n>From relay\nSubject: x\n\nFrom here").unwrap();
        assert_eq!(names(&parts), ["Subject"]);
        assert_eq!(parts.body, b"From here");
        let text = b"From here on it is text\nof two lines\n";
        assert_eq!(split(text).unwrap().body, text, "text alone may begin with From");
        assert_eq!(names(&split(b"\xef\xbb\xbfSubject: x\n\n").unwrap()), ["Subject"]);
    }

    #[test]
    fn the_header_ends_at_the_first_line_that_is_no_field() {
        for (mail, fields, body) in [
            (&b"Subject: x\nhello\nFrom: y\n"[..], 1, &b"hello\nFrom: y\n"[..]),
            (b" folded: first\nSubject: x\n\n", 0, b" folded: first\nSubject: x\n\n"),
            (b"Subject: x\nS\xc3\xbc: y\n\n", 1, b"S\xc3\xbc: y\n\n"),
            (b"Subject: x\nX Y: y\n\n", 1, b"X Y: y\n\n"),
            (b"Subject: x\n: y\n\n", 1, b": y\n\n"),
            (b"\nSubject: x\n\n", 0, b"Subject: x\n\n"),
            (b"", 0, b""),
            (b"Subject: x", 1, b""),
        ] {
            let parts = split(mail).unwrap();
            assert_eq!((parts.fields.len(), parts.body), (fields, body), "{mail:?}");
        }
    }

    #[test]
    fn a_header_has_limits() {
        let long = format!("Subject: {}\n\n", "x".repeat(MAX_HEADER));
        assert_eq!(split(long.as_bytes()), Err(MailError::HeaderTooLong));
        let many = "X: y\n".repeat(MAX_FIELDS + 1);
        assert_eq!(split(many.as_bytes()), Err(MailError::TooManyFields));
        assert!(split("X: y\n".repeat(MAX_FIELDS).as_bytes()).is_ok());
    }

    #[test]
    fn a_value_cannot_smuggle_a_field() {
        assert_eq!(written(b"Subject : a\rFrom: b\n\n"), b"Subject: a From: b\n");
        assert_eq!(written(b"Subject: a\0\x0bFrom: b\x0cc\n\n"), b"Subject: a  From: b c\n");
        assert_eq!(written(b"Subject: a\n \t \n From: b\n\n"), b"Subject: a\n From: b\n");
        assert_eq!(
            written("Subject: a\u{85}X: b\u{2028}Y: c\n\n".as_bytes()),
            b"Subject: a X: b Y: c\n"
        );
        assert_eq!(written(b"Subject: \xe4\x85X: b\n\n"), b"Subject: \xe4 X: b\n");
        assert_eq!(written(b"Subject:"), b"Subject:\n");
        assert_eq!(written(b"Subject:\n x"), b"Subject:\n x\n");
    }

    #[test]
    fn only_crlf_is_normalized() {
        assert_eq!(&*normalize(b"a\r\nb\rc\r\r\n"), b"a\nb\rc\r\n");
        assert_eq!(&*normalize(b"a\nb"), b"a\nb");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(mail in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'F'), any::<u8>()], 0..300,
        )) {
            let parts = split(&mail).unwrap();
            prop_assert_eq!(joined(&parts), mail.clone());
        }

        #[test]
        fn what_is_written_reads_back_the_same(value in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(0x85), any::<u8>()], 0..100,
        )) {
            let mut mail = b"Subject:".to_vec();
            mail.extend_from_slice(&value);
            let parts = split(&mail).unwrap();
            let mut once = Vec::new();
            write(&mut once, &parts.fields[0]);
            let again = split(&once).unwrap();
            prop_assert_eq!(again.fields.len(), 1);
            prop_assert_eq!(again.body, b"");
            let mut twice = Vec::new();
            write(&mut twice, &again.fields[0]);
            prop_assert_eq!(once, twice);
        }
    }
}
