//! `poste receive`: letters that came by hand. Each file is tried; the paths of what was filed go
//! to standard output. What is unproven is filed nowhere and shown with its mark, to a person or who
//! asks for text: among paths its author could put what another program takes for one.
//! Specified in poste(1), receive.

use crate::cli::Run;
use crate::cli::cmd::{read_file, show};
use crate::cli::ui::{Done, Stop};
use crate::client::arrive::Outcome;
use crate::client::error::{Error, Kind};
use crate::client::hand;
use crate::client::read::{self, Names};
use std::path::PathBuf;

/// Bytes of a letter by hand at most, with room for what is refused by name.
const LIMIT: u64 = 1 << 20;

pub fn run(run: &mut Run<'_, '_>, files: &[PathBuf], trust_clock: bool, as_text: bool) -> Done {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut failed = None;
    for file in files {
        let taken =
            read_file(file, LIMIT).and_then(|bytes| hand::receive(run.env, &bytes, trust_clock));
        let name = file.display();
        match taken {
            Ok(Outcome::Filed { path, .. }) if as_text => {
                let entry = read::find(run.env, &path.display().to_string())?;
                show::entries(run, &[entry], false)?;
            }
            Ok(Outcome::Filed { path, .. } | Outcome::Quarantined { path, .. }) => {
                run.ui.path(&path, '\n')?;
            }
            Ok(Outcome::Unproven { message, why }) => {
                run.ui.warn(&format!("{name}: unproven, so it is filed nowhere: {why}"));
                if as_text || run.ui.shows() {
                    show::message(run, &message, &Names::load(run.env)?)?;
                } else {
                    run.ui.next(&format!("poste receive --show {name}"));
                    failed = Some(Kind::Data);
                }
            }
            Ok(Outcome::Duplicate) => run.ui.note(&format!("{name}: had come before")),
            Ok(Outcome::Coming) => {
                run.ui.note(&format!("{name}: its mail comes in many cells; they are asked for"));
            }
            Ok(Outcome::Invited) => {
                run.ui.note(&format!("{name}: invites into a group"));
                run.ui.next("poste groups");
            }
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
