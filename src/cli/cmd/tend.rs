//! `poste mark`, `delete` and `move`: the tree without a mail program. Each prints the paths that the
//! messages have then, or had, so that what comes after in a pipe still finds them.
//! Specified in poste(1), Reading.

use crate::cli::Run;
use crate::cli::args::{Mark, Move};
use crate::cli::cmd::{self, edit, list};
use crate::cli::ui::Done;
use crate::cli::wrong;
use crate::client::error::Error;
use crate::client::{read, tend};
use crate::store::maildir::{Entry, Flags};
use std::collections::HashSet;
use std::path::PathBuf;

pub fn mark(run: &mut Run<'_, '_>, args: &Mark) -> Done {
    let chosen = |pairs: [(bool, Flags); 3]| {
        let set = pairs.into_iter().filter(|(is_set, _)| *is_set);
        set.fold(Flags::NONE, |flags, (_, flag)| flags.with(flag))
    };
    let (seen, flagged, replied) = (Flags::SEEN, Flags::FLAGGED, Flags::REPLIED);
    let set = chosen([(args.seen, seen), (args.flagged, flagged), (args.replied, replied)]);
    let unset = chosen([(args.unseen, seen), (args.unflagged, flagged), (args.unreplied, replied)]);
    if set.with(unset) == Flags::NONE {
        return Err(wrong("say what to mark them as").hint("poste mark --seen …").into());
    }
    let entries = once(run, &args.messages)?;
    each(run, &entries, |run, entry| tend::mark(run.env, entry, set, unset))
}

pub fn delete(run: &mut Run<'_, '_>, given: &[String]) -> Done {
    let entries = once(run, given)?;
    let mut lines = Vec::new();
    for entry in &entries {
        tend::delete(run.env, entry)?;
        match run.ui.json() {
            true => lines.push(list::Line::of(entry)),
            false => run.ui.path(&entry.path, '\n')?,
        }
    }
    edit::forget(run);
    if run.ui.json() { run.ui.value(&lines) } else { Ok(()) }
}

pub fn move_to(run: &mut Run<'_, '_>, args: &Move) -> Done {
    let entries = once(run, &args.messages)?;
    each(run, &entries, |run, entry| tend::move_to(run.env, entry, &args.folder, args.make))
}

/// The messages that are named, each once.
fn once(run: &Run<'_, '_>, given: &[String]) -> Result<Vec<Entry>, Error> {
    let mut met = HashSet::new();
    let mut entries = cmd::messages(run, given)?;
    entries.retain(|entry| met.insert((entry.folder.clone(), entry.name)));
    Ok(entries)
}

fn each(
    run: &mut Run<'_, '_>,
    entries: &[Entry],
    act: impl Fn(&mut Run<'_, '_>, &Entry) -> Result<PathBuf, Error>,
) -> Done {
    let mut lines = Vec::new();
    for entry in entries {
        let path = act(run, entry)?;
        match run.ui.json() {
            true => lines.push(list::Line::of(&read::at(run.env, &path)?)),
            false => run.ui.path(&path, '\n')?,
        }
    }
    if run.ui.json() { run.ui.value(&lines) } else { Ok(()) }
}
