//! The minimal safe reader behind `poste show`: a filed message as text for a terminal.
//!
//! Every string that leaves this file has been through [`crate::core::printable`]: nothing that a
//! correspondent wrote steers a terminal. HTML is reduced to its words; nothing is fetched, run
//! or opened; attachments are listed, and handed out one by one. Specified in poste-show(1).

use super::{fields, mime, recipients};
use crate::core::printable;
use mail_parser::decoders::html::html_to_text;
use serde::Serialize;
use std::fmt;

/// Most bytes of HTML that are reduced to words; more is listed as an attachment.
const MAX_HTML: usize = 1024 * 1024;

/// A message as its reader sees it. All strings are fit for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Who wrote it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The `Date` as it is filed.
    pub date: String,
    /// Decoded; empty if there is none.
    pub subject: String,
    /// When it disappears, as it says; empty if it does not.
    pub expires: String,
    /// The text, its lines ended by LF.
    pub text: String,
    /// What is in it besides.
    pub attachments: Vec<Attachment>,
}

/// A part of a message that is not shown with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// What to give to [`part`], from 1.
    pub number: usize,
    /// A safe name for a file.
    pub name: String,
    /// Its content type.
    pub kind: String,
    /// Its size, in bytes.
    pub size: usize,
}

/// Reads the header of a message in filed form: everything but text and attachments.
/// `who` gives the petname of a fingerprint, if there is one.
pub fn heading(mail: &[u8], who: &dyn Fn(&str) -> Option<String>) -> Reading {
    let Ok(parts) = fields::split(mail) else { return Reading::default() };
    let text = |name| printable::line(&mime::shown_of(&parts.fields, name));
    let people = |name| {
        let field = parts.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name));
        match field.map(recipients::of_field) {
            Some(Ok(list)) => list
                .into_iter()
                .map(|person| printable::line(&who(&person).unwrap_or(person)))
                .collect::<Vec<_>>()
                .join(", "),
            _ => text(name),
        }
    };
    Reading {
        from: people("From"),
        to: people("To"),
        date: text("Date"),
        subject: text("Subject"),
        expires: text("Expires"),
        ..Reading::default()
    }
}

/// Reads a message in filed form, whole.
pub fn read(mail: &[u8], who: &dyn Fn(&str) -> Option<String>) -> Reading {
    let mut reading = heading(mail, who);
    for (at, part) in mime::parts(mail).iter().enumerate() {
        if part.alternative {
            continue;
        }
        match words(part) {
            Some(words) => {
                if !reading.text.is_empty() && !reading.text.ends_with('\n') {
                    reading.text.push('\n');
                }
                reading.text.push_str(&printable::text(&words));
            }
            None => reading.attachments.push(Attachment {
                number: at + 1,
                name: part.file_name(at + 1),
                kind: printable::line(&part.kind),
                size: part.bytes().len(),
            }),
        }
    }
    reading
}

/// Part `number`, counted from 1 over all parts, text included: a safe name for a file and the
/// bytes, decoded from their transfer encoding and otherwise untouched.
pub fn part(mail: &[u8], number: usize) -> Option<(String, Vec<u8>)> {
    let parts = mime::parts(mail);
    let part = parts.get(number.checked_sub(1)?)?;
    Some((part.file_name(number), part.bytes().into_owned()))
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "From: {}", self.from)?;
        writeln!(f, "To: {}", self.to)?;
        writeln!(f, "Date: {}", self.date)?;
        if !self.expires.is_empty() {
            writeln!(f, "Expires: {}", self.expires)?;
        }
        writeln!(f, "Subject: {}\n", self.subject)?;
        f.write_str(&self.text)?;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            writeln!(f)?;
        }
        for Attachment { number, name, kind, size } in &self.attachments {
            writeln!(f, "[part {number}: {name}, {kind}, {size} bytes]")?;
        }
        Ok(())
    }
}

/// The words of a part that is shown with the text.
fn words(part: &mime::Part<'_>) -> Option<String> {
    if part.attachment {
        return None;
    }
    match part.kind.as_str() {
        "text/plain" => Some(part.text().replace("\r\n", "\n")),
        "text/html" => {
            let html = part.text();
            if html.len() > MAX_HTML {
                return None;
            }
            Some(paragraphs(&html_to_text(&with_breaks(&html))))
        }
        _ => None,
    }
}

/// HTML with a line break at both ends of each block: the library knows paragraphs and breaks
/// only, and would run table rows and list items together.
fn with_breaks(html: &str) -> String {
    const BLOCKS: [&str; 11] =
        ["blockquote", "div", "h1", "h2", "h3", "h4", "li", "ol", "table", "tr", "ul"];
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut pieces = html.split('<');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let tag = piece.trim_start_matches('/');
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        if BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(&tag[..end])) {
            out.push_str("<br>");
        }
        out.push('<');
        out.push_str(piece);
    }
    out
}

/// `text` with at most one empty line in a row, and none at its ends.
fn paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            empty = !out.is_empty();
            continue;
        }
        if std::mem::take(&mut empty) {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn who(person: &str) -> Option<String> {
        (person == "a11ce").then(|| "alice".to_owned())
    }

    #[test]
    fn a_filed_message_is_shown() {
        let mail = b"X-Poste: 1 x y z\nFrom: a11ce@poste\nTo: b0b@poste\n\
            Date: Sun, 01 Nov 2026 10:11:00 +0000\nSubject: =?utf-8?Q?t=C3=A9?=\n\
            Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\n\
            Content-Type: image/png\nContent-Disposition: attachment; filename=\"t a.png\"\n\
            Content-Transfer-Encoding: base64\n\naGV5\n--b--\n";
        assert_eq!(
            read(mail, &who).to_string(),
            "From: alice\nTo: b0b\nDate: Sun, 01 Nov 2026 10:11:00 +0000\nSubject: té\n\nhello\n\
             [part 2: t_a.png, image/png, 3 bytes]\n"
        );
        assert_eq!(part(mail, 2), Some(("t_a.png".into(), b"hey".to_vec())));
        assert_eq!(part(mail, 1), Some(("part-1".into(), b"hello".to_vec())));
        assert_eq!((part(mail, 0), part(mail, 3)), (None, None));
        assert_eq!(heading(mail, &who).subject, "té");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let mail = "From: \u{1b}]0;x\u{7}@poste\nSubject: =?utf-8?Q?=1B[31m=E2=80=AE?=\n\
            Date: \u{9b}1m\n\na\u{1b}[2J\rb\u{202e}\tc\n"
            .as_bytes();
        let shown = read(mail, &|_| None).to_string();
        assert!(shown.ends_with("\n\na\\u{1b}[2J\\u{d}b\\u{202e}\tc\n"), "{shown:?}");
        assert!(shown.contains("Subject: \\u{1b}[31m\\u{202e}\n"), "{shown:?}");
        assert!(shown.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
    }

    #[test]
    fn html_is_reduced_to_words() {
        let mail =
            b"Content-Type: text/html\n\n<head><title>x</title></head><p>One &amp; two&#27;</p>\
            <ul><li>a<LI>b</ul><script>evil()</script><a href='https://example.org/'>link</a>";
        assert_eq!(read(mail, &who).text, "One & two\\u{1b}\n\na\nb\nlink\n");
        let both = b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n\
            Content-Type: text/html\n\n<p>rich</p>\n--b--\n";
        let reading = read(both, &who);
        assert_eq!((reading.text.as_str(), reading.attachments.len()), ("plain", 0));
        assert_eq!(part(both, 2), Some(("part-2".into(), b"<p>rich</p>".to_vec())));
    }

    proptest! {
        #[test]
        fn hostile_html_is_read(html in "(<[/!]?[a-zA-Z-]{0,6}[ -~]{0,5}>?|&[#x0-9a-z]{0,9};?|[ -~é日]{0,9}){0,30}") {
            let mail = format!("Content-Type: text/html\n\n{html}");
            let shown = read(mail.as_bytes(), &who).to_string();
            prop_assert!(shown.chars().all(|c| printable::is_printable(c) || c == '\n' || c == '\t'));
        }

        #[test]
        fn hostile_headers_are_read(field in "(From|To|Subject|Date|Content-Type|Content-Disposition): [ -~é\\n\\t=?\"(]{0,80}") {
            let mail = format!("{field}\n\ntext");
            let shown = read(mail.as_bytes(), &who).to_string();
            prop_assert!(shown.chars().all(|c| printable::is_printable(c) || c == '\n' || c == '\t'));
        }
    }
}
