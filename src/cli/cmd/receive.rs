//! `poste receive`: letters that came by hand. Each file is tried; the paths of what was filed go
//! to standard output, and what is unproven is said to be so.
//! Specified in poste(1), receive.

use crate::cli::Run;
use crate::cli::cmd::read_file;
use crate::cli::ui::{Done, Stop};
use crate::client::arrive::Outcome;
use crate::client::error::{Error, Kind};
use crate::client::hand;
use std::path::PathBuf;

/// Bytes of a letter by hand at most, with room for what is refused by name.
const LIMIT: u64 = 1 << 20;

pub fn run(run: &mut Run<'_, '_>, files: &[PathBuf], trust_clock: bool) -> Done {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut failed = None;
    for file in files {
        let taken =
            read_file(file, LIMIT).and_then(|bytes| hand::receive(run.env, &bytes, trust_clock));
        let name = file.display();
        match taken {
            Ok(Outcome::Filed { path, .. }) => run.ui.path(&path, '\n')?,
            Ok(Outcome::Quarantined { path, why }) => {
                run.ui.warn(&format!("{name}: unproven, so in quarantine: {why}"));
                run.ui.path(&path, '\n')?;
            }
            Ok(Outcome::Duplicate) => run.ui.note(&format!("{name}: had come before")),
            Ok(Outcome::Obeyed) => run.ui.note(&format!("{name}: holds no mail; it was heeded")),
            Ok(Outcome::Waiting) => {
                run.ui.note(&format!("{name}: waits for a card that lists its day"));
            }
            Ok(Outcome::Dropped(why)) => {
                run.ui.warn(&format!("{name}: not taken: {why}"));
                failed = Some(Kind::Data);
            }
            Err(Error { kind, what, hints }) => {
                let what = if what.contains(&*name.to_string()) {
                    what
                } else {
                    format!("{name}: {what}")
                };
                run.ui.error(&what, &hints);
                failed = Some(kind);
            }
        }
    }
    match failed {
        Some(kind) => Err(Stop::Silent(kind)),
        None => Ok(()),
    }
}
