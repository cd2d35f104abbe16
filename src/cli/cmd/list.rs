//! `poste list`: paths of messages, one a line, for other programs; with -l lines for people,
//! which takes opening the messages.
//! Specified in poste(1), list.

use crate::cli::Run;
use crate::cli::args::List;
use crate::cli::ui::Done;
use crate::client::read::{self, Reader};
use crate::core::mail::render;
use crate::core::time::Time;
use crate::store::maildir::Entry;
use serde::Serialize;
use std::path::Path;

/// A message as `--json` lists it.
#[derive(Serialize)]
pub struct Line {
    pub id: String,
    pub path: String,
    pub folder: String,
    pub flags: String,
    pub date: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Line {
    /// What is known without opening it.
    pub fn of(entry: &Entry) -> Line {
        Line {
            id: entry.name.unique(),
            path: entry.path.display().to_string(),
            folder: entry.folder.to_string(),
            flags: if entry.is_new { "new".to_owned() } else { entry.flags.to_string() },
            date: entry.name.time(),
            from: None,
            subject: None,
        }
    }
}

/// Says where the message that a command wrote lies.
pub fn tell(run: &Run<'_, '_>, path: &Path) -> Done {
    if !run.ui.json() {
        return run.ui.path(path, '\n');
    }
    run.ui.value(&[Line::of(&read::at(run.env, path)?)])
}

pub fn run(run: &mut Run<'_, '_>, args: &List) -> Done {
    let entries = read::list(run.env, args.folder.as_ref(), args.unread, args.last)?;
    if !args.long && !run.ui.json() {
        let end = if args.zero { '\0' } else { '\n' };
        return entries.iter().try_for_each(|entry| run.ui.path(&entry.path, end));
    }
    let reader = args.long.then(|| Reader::open(run.env)).transpose()?;
    let lines: Result<Vec<Line>, _> =
        entries.iter().map(|entry| line(run, reader.as_ref(), entry)).collect();
    let lines = lines?;
    if run.ui.json() {
        return run.ui.value(&lines);
    }
    for line in lines {
        let from = line.from.unwrap_or_default();
        let subject = line.subject.unwrap_or_default();
        let date = line.date.iso();
        run.ui.columns(&[&line.id, &date, &line.folder, &line.flags, &from, &subject])?;
    }
    Ok(())
}

fn line(
    run: &Run<'_, '_>,
    reader: Option<&Reader>,
    entry: &Entry,
) -> Result<Line, crate::client::error::Error> {
    let mut line = Line::of(entry);
    if let Some(reader) = reader {
        let filed = reader.read(run.env, entry)?;
        let heading = render::heading(read::message(&filed).0, &|who| reader.names.name(who));
        line.from = Some(heading.from);
        line.subject = Some(heading.subject);
    }
    Ok(line)
}
