//! A draft as a person edits it: a short header, an empty line, the text. The header says to whom,
//! about what, in which thread, which files go with it (`Attach:`, a path on each line) and when it
//! disappears. What else stands there is refused, since it would not leave.
//! Specified in poste(1), compose.

use super::expires;
use super::fields::{self, Field, MailError};
use super::recipients::DOMAIN;
use crate::core::time::Time;
use std::fmt::Write;

/// Ids kept of a thread: enough for any reader to find it.
const MOST_IDS: usize = 8;

/// What is in a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Petnames.
    pub to: Vec<String>,
    /// The subject, in UTF-8.
    pub subject: String,
    /// Ids, with brackets, of what is answered: the answered one last.
    pub thread: Vec<String>,
    /// Paths of files that go with it.
    pub attach: Vec<String>,
    /// When it disappears.
    pub expires: Option<Time>,
    /// The text.
    pub text: Vec<u8>,
}

/// The text is no draft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDraft {
    /// A field that a draft does not have.
    #[error(
        "a draft has no header {0}; it has To, Subject, Attach, Expires and what ties a thread"
    )]
    Field(String),
    /// It breaks the limits of mail, or names people in a way that cannot be read.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// No empty line parts header and text.
    #[error("put an empty line between the header and the text")]
    NoText,
}

impl Draft {
    /// The draft as text for an editor.
    pub fn write(&self) -> Vec<u8> {
        let line = |text: &str| text.replace(['\n', '\r', '\0'], " ");
        let to: Vec<String> = self.to.iter().map(|name| format!("{name}@{DOMAIN}")).collect();
        let mut out = format!("To: {}\nSubject: {}\n", to.join(", "), line(&self.subject));
        if let Some(last) = self.thread.last() {
            let _ = writeln!(out, "References: {}\nIn-Reply-To: {last}", self.thread.join(" "));
        }
        for path in &self.attach {
            let _ = writeln!(out, "Attach: {}", line(path));
        }
        if let Some(at) = self.expires {
            out += &expires::field(at);
        }
        out.push('\n');
        [out.as_bytes(), &self.text].concat()
    }

    /// Reads what came out of an editor.
    pub fn read(text: &[u8]) -> Result<Draft, BadDraft> {
        let text = fields::normalize(text);
        let parts = fields::split(&text)?;
        if parts.separator.is_none() {
            return Err(BadDraft::NoText);
        }
        let mut draft = Draft { text: parts.body.to_vec(), ..Draft::default() };
        let mut answered = Vec::new();
        for field in &parts.fields {
            let value = || String::from_utf8_lossy(&fields::unfold(field)).into_owned();
            match field.name.to_ascii_lowercase().as_str() {
                "to" | "cc" | "bcc" => {
                    let names = super::recipients::of_field(field).map_err(MailError::from)?;
                    draft.to.extend(names);
                }
                "subject" => draft.subject = value(),
                "references" => draft.thread = ids(&value()),
                "in-reply-to" => answered = ids(&value()),
                "attach" => draft.attach.extend(Some(value()).filter(|path| !path.is_empty())),
                "expires" => {
                    draft.expires = Some(expires::of(&[*field]).ok_or(MailError::Expires)?);
                }
                _ => return Err(BadDraft::Field(name(field))),
            }
        }
        match answered.pop() {
            // Whoever takes it out begins a thread of its own.
            None => draft.thread.clear(),
            Some(last) => {
                draft.thread.retain(|id| *id != last);
                draft.thread.push(last);
            }
        }
        Ok(draft)
    }
}

/// The ids of our form in the text of a field, the last ones of many.
pub fn ids(text: &str) -> Vec<String> {
    let ours = |id: &&str| id.starts_with('<') && id.ends_with("@poste>") && id.len() <= 100;
    let all: Vec<&str> = text.split_whitespace().filter(ours).collect();
    all[all.len().saturating_sub(MOST_IDS)..].iter().map(|id| (*id).to_owned()).collect()
}

/// A text as a reply quotes it, under a line that says whose it is. A signature is left out.
pub fn quoted(whose: &str, text: &str) -> String {
    let text = text.split("\n-- \n").next().unwrap_or_default();
    let mut out = format!("{whose}\n");
    for line in text.trim_end().lines() {
        out += match (line.is_empty(), line.starts_with('>')) {
            (true, _) => ">",
            (false, true) => ">",
            (false, false) => "> ",
        };
        out += line;
        out.push('\n');
    }
    out
}

/// The subject of an answer.
pub fn answer(subject: &str) -> String {
    let is_answer = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if is_answer { subject.to_owned() } else { format!("Re: {subject}") }
}

fn name(field: &Field<'_>) -> String {
    crate::core::printable::line(field.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Draft {
        Draft {
            to: vec!["bob".into(), "carol".into()],
            subject: "Grüße: a".into(),
            thread: vec!["<a@poste>".into(), "<b@poste>".into()],
            attach: vec!["/tmp/a b.pdf".into(), "/etc/hostname".into()],
            expires: Some(Time::from_unix(1_795_356_000)),
            text: b"one\n\nSubject: two\n".to_vec(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Draft::read(&full().write()), Ok(full()));
        let bare = Draft { to: vec!["bob".into()], ..Draft::default() };
        assert_eq!(bare.write(), b"To: bob@poste\nSubject: \n\n");
        assert_eq!(Draft::read(&bare.write()), Ok(bare));
    }

    #[test]
    fn a_person_may_write_it_in_other_ways() {
        let draft = Draft::read(
            b"to: Bob <bob@poste>\r\nCC: carol\r\nIn-Reply-To: <b@poste>\r\nAttach:\r\n\r\nhello",
        )
        .unwrap();
        assert_eq!(draft.to, ["bob", "carol"]);
        assert_eq!(draft.thread, ["<b@poste>"]);
        assert_eq!((draft.attach.len(), draft.text.as_slice()), (0, &b"hello"[..]));
        let cut = Draft::read(b"To: bob\nReferences: <a@poste> <b@poste>\n\nx").unwrap();
        assert!(cut.thread.is_empty(), "a thread of its own");
    }

    #[test]
    fn what_would_not_leave_is_refused() {
        for (text, why) in [
            (&b"To: bob\nX-Mood: good\n\nx"[..], BadDraft::Field("X-Mood".into())),
            (b"To: bob\nSubject: x", BadDraft::NoText),
            (b"To: bob\nhello\n", BadDraft::NoText),
            (b"hello\n", BadDraft::NoText),
            (b"To: bob\nExpires: soon\n\n", BadDraft::Mail(MailError::Expires)),
        ] {
            assert_eq!(Draft::read(text), Err(why), "{}", String::from_utf8_lossy(text));
        }
        assert!(matches!(Draft::read(b"To: bob@laptop\n\n"), Err(BadDraft::Mail(_))));
        assert_eq!(ids("<a@poste> junk <b@host> <c@poste>"), ["<a@poste>", "<c@poste>"]);
    }

    #[test]
    fn a_reply_quotes_the_text_without_its_signature() {
        let text = "one\n\n> two\nthree\n\n-- \nBob of the hill\n";
        assert_eq!(quoted("You wrote:", text), "You wrote:\n> one\n>\n>> two\n> three\n");
        assert_eq!(quoted("You wrote:", ""), "You wrote:\n");
        assert_eq!((answer("tea"), answer("RE: tea")), ("Re: tea".into(), "RE: tea".into()));
    }
}
