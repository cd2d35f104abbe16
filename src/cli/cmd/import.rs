//! `poste import`: messages from an archive, a Maildir or an mbox. It ends with what was imported,
//! and fails if something could not be.
//! Specified in poste(1), import.

use crate::cli::Run;
use crate::cli::args::Import;
use crate::cli::ui::{Done, Stop};
use crate::client::error::Kind;
use crate::client::import::{self, Options};
use crate::store::memory;
use std::io::stdin;

pub fn run(run: &mut Run<'_, '_>, args: &Import) -> Done {
    let options = Options {
        into: args.into.clone(),
        replace: args.replace,
        dry_run: args.dry_run,
        mine: args.mine.clone(),
        memory: memory::directory(run.editor.runtime_dir.as_deref()),
    };
    let done = import::import(run.env, &args.source, &mut stdin().lock(), &options)?;
    done.skipped.iter().for_each(|what| run.ui.warn(what));
    if run.ui.json() {
        run.ui.value(&done)?;
    }
    let mut parts = vec![format!("{} imported", done.imported)];
    let more = [(done.replaced, "replaced"), (done.there, "there already")];
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.push(format!("{} skipped", done.skipped.len()));
    if done.contacts > 0 {
        parts.push(format!("{} contacts added", done.contacts));
    }
    if done.groups > 0 {
        parts.push(format!("{} groups added", done.groups));
    }
    run.ui.count(&parts.join(", "));
    match done.skipped.is_empty() {
        true => Ok(()),
        false => Err(Stop::Silent(Kind::Data)),
    }
}
