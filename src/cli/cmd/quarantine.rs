//! `poste quarantine`: letters that prove nothing. Looking at one changes nothing; keeping one is
//! the user's own doing, as forging it would be.
//! Specified in poste(1), quarantine.

use crate::cli::Run;
use crate::cli::args::QuarantineAction;
use crate::cli::cmd::list::Line;
use crate::cli::cmd::show;
use crate::cli::ui::Done;
use crate::cli::wrong;
use crate::client::quarantine;
use crate::client::read::{self, Reader};
use crate::store::maildir::Entry;

pub fn run(run: &mut Run<'_, '_>, action: Option<QuarantineAction>, messages: &[String]) -> Done {
    let entries = match messages {
        [] => quarantine::list(run.env)?,
        some => some.iter().map(|m| read::find(run.env, m)).collect::<Result<_, _>>()?,
    };
    match action {
        None if run.ui.json() => run.ui.value(&lines(&entries)),
        None => entries.iter().try_for_each(|entry| run.ui.path(&entry.path, '\n')),
        Some(QuarantineAction::Show) => show::entries(run, &entries, false),
        Some(_) if messages.is_empty() => {
            Err(wrong("say which letters").hint("poste quarantine").into())
        }
        Some(QuarantineAction::Drop) => {
            for entry in &entries {
                quarantine::drop(run.env, entry)?;
            }
            if run.ui.json() { run.ui.value(&lines(&entries)) } else { Ok(()) }
        }
        Some(QuarantineAction::Keep) => {
            let reader = Reader::open(run.env)?;
            let mut kept = Vec::new();
            for entry in &entries {
                let path = quarantine::keep(run.env, &reader, entry)?;
                match run.ui.json() {
                    true => kept.push(read::at(run.env, &path)?),
                    false => run.ui.path(&path, '\n')?,
                }
            }
            if run.ui.json() { run.ui.value(&lines(&kept)) } else { Ok(()) }
        }
    }
}

fn lines(entries: &[Entry]) -> Vec<Line> {
    entries.iter().map(Line::of).collect()
}
