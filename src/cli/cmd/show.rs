//! `poste show`: messages as text, or as they are filed, or one part of one. What others wrote
//! reaches the terminal only once it is made printable.
//! Specified in poste(1), show.

use crate::cli::Run;
use crate::cli::cmd;
use crate::cli::cmd::list::Line;
use crate::cli::ui::{Done, Stop};
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::read::{self, Names, Reader};
use crate::core::mail::render::{self, Attachment, Reading};
use crate::core::printable;
use crate::store::maildir::{Entry, Folder};
use serde::Serialize;
use std::fmt;

pub fn run(run: &mut Run<'_, '_>, messages: &[String], raw: bool, part: Option<usize>) -> Done {
    let found = cmd::messages(run, messages)?;
    match (part, found.as_slice()) {
        (None, found) => entries(run, found, raw),
        (Some(number), [entry]) => one_part(run, entry, number),
        (Some(_), _) => Err(wrong("--part takes one message").into()),
    }
}

/// Shows messages, and marks them as seen unless they are shown raw. One that does not open is said,
/// and stops no other.
pub fn entries(run: &mut Run<'_, '_>, entries: &[Entry], raw: bool) -> Done {
    if entries.is_empty() && (raw || !run.ui.json()) {
        return Ok(());
    }
    let reader = Reader::open(run.env)?;
    let (mut shown, mut wrong, mut first) = (Vec::new(), None, true);
    for entry in entries {
        let filed = match reader.read(run.env, entry) {
            Ok(filed) => filed,
            Err(error) => {
                run.ui.error(&error.what, &error.hints);
                wrong = wrong.or(Some(error.kind));
                continue;
            }
        };
        if raw {
            run.ui.bytes(&filed)?;
            continue;
        }
        let told = Told::of(&filed, &reader.names);
        match run.ui.json() {
            true => shown.push(Shown::of(entry, told)),
            false if first => run.ui.text(&told.to_string())?,
            false => run.ui.text(&format!("\n{told}"))?,
        }
        first = false;
        read::mark_seen(run.env, entry)?;
        if entry.folder == Folder::requests() {
            run.ui.next(&format!("poste accept {} NAME", entry.name.unique()));
        }
    }
    if !raw && run.ui.json() {
        run.ui.value(&shown)?;
    }
    wrong.map_or(Ok(()), |kind| Err(Stop::Silent(kind)))
}

/// What there is to tell of a message.
pub struct Told {
    /// Why it proves nothing, if it does not.
    unproven: Option<String>,
    /// Whether its author wrote to other members of a group than are known here.
    differs: bool,
    reading: Reading,
}

impl Told {
    /// What there is to tell of one that is in filed form.
    pub fn of(filed: &[u8], names: &Names) -> Told {
        let (message, unproven) = read::message(filed);
        let mut told = Told {
            unproven: unproven.map(printable::line),
            differs: false,
            reading: render::read(message, &|who| names.name(who)),
        };
        if let Some((group, date)) = read::group(filed) {
            if let Some(name) = names.group(group.id) {
                told.reading.to = name.to_owned();
            }
            told.differs = group.differs && !names.is_settling(group.id, date);
        }
        told
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unproven {
            writeln!(f, "Unproven: anybody may have written this ({why})")?;
        }
        if self.differs {
            writeln!(
                f,
                "Differs: its author wrote to other members than you know of, or sent you another \
                 text"
            )?;
        }
        self.reading.fmt(f)
    }
}

/// A message as `--json` shows it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: Line,
    to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unproven: Option<String>,
    differs: bool,
    text: String,
    attachments: Vec<Attachment>,
}

impl Shown {
    fn of(entry: &Entry, told: Told) -> Shown {
        let Told { unproven, differs, reading } = told;
        let Reading { from, to, subject, expires, text, attachments, date: _ } = reading;
        let line = Line { from: Some(from), subject: Some(subject), ..Line::of(entry) };
        Shown { line, to, expires, unproven, differs, text, attachments }
    }
}

fn one_part(run: &mut Run<'_, '_>, entry: &Entry, number: usize) -> Done {
    let filed = Reader::open(run.env)?.read(run.env, entry)?;
    let (_, bytes) = render::part(read::message(&filed).0, number).ok_or_else(|| {
        Error::new(Kind::NoMessage, format!("{} has no part {number}", entry.path.display()))
    })?;
    run.ui.bytes(&bytes)
}
