//! `poste list`: paths of messages, one a line, for other programs; with -l lines for people,
//! which takes opening the messages.
//! Specified in poste(1), list.

use crate::cli::Run;
use crate::cli::args::List;
use crate::cli::ui::{Done, Stop};
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

    /// With what is known of it in filed form.
    fn opened(self, filed: &[u8], reader: &Reader) -> Line {
        let heading = render::heading(read::message(filed).0, &|who| reader.names.name(who));
        Line { from: Some(heading.from), subject: Some(heading.subject), ..self }
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
    let mut wrong = None;
    let mut line = |entry: &Entry| {
        let line = Line::of(entry);
        let Some(reader) = &reader else { return line };
        match reader.read(run.env, entry) {
            Ok(filed) => line.opened(&filed, reader),
            Err(error) => {
                run.ui.error(&error.what, &error.hints);
                wrong = wrong.or(Some(error.kind));
                line
            }
        }
    };
    let lines: Vec<Line> = entries.iter().map(&mut line).collect();
    if run.ui.json() {
        run.ui.value(&lines)?;
    } else {
        lines.into_iter().try_for_each(|line| {
            let from = line.from.unwrap_or_default();
            let subject = line.subject.unwrap_or_default();
            let date = line.date.iso();
            run.ui.columns(&[&line.id, &date, &line.folder, &line.flags, &from, &subject])
        })?;
    }
    wrong.map_or(Ok(()), |kind| Err(Stop::Silent(kind)))
}
