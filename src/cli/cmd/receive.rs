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
use crate::client::read::{self, Names, Reader};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Bytes of a letter by hand at most, with room for what is refused by name.
const LIMIT: u64 = 1 << 20;

/// What became of a file, as `--json` tells it.
#[derive(Default, Serialize)]
struct Taken {
    file: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub fn run(run: &mut Run<'_, '_>, files: &[PathBuf], trust_clock: bool, as_text: bool) -> Done {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let (mut all, mut failed) = (Vec::new(), None);
    for file in files {
        let taken =
            read_file(file, LIMIT).and_then(|bytes| hand::receive(run.env, &bytes, trust_clock));
        let told = match taken {
            Ok(outcome) => tell(run, file, outcome, as_text)?,
            Err(Error { kind, what, hints }) => {
                let name = file.display().to_string();
                let what = if what.contains(&name) { what } else { format!("{name}: {what}") };
                run.ui.error(&what, &hints);
                (Taken { result: "failed", why: Some(what), ..Taken::default() }, Some(kind))
            }
        };
        failed = told.1.or(failed);
        all.push(Taken { file: file.display().to_string(), ..told.0 });
    }
    if run.ui.json() {
        run.ui.value(&all)?;
    }
    match failed {
        Some(kind) => Err(Stop::Silent(kind)),
        None => Ok(()),
    }
}

/// Says what became of a file, and whether that is a failure.
fn tell(
    run: &mut Run<'_, '_>,
    file: &Path,
    outcome: Outcome,
    as_text: bool,
) -> Result<(Taken, Option<Kind>), Stop> {
    let name = file.display();
    let (is_json, mut taken, mut failed) = (run.ui.json(), Taken::default(), None);
    taken.result = match outcome {
        Outcome::Filed { folder, path } => {
            taken.folder = Some(folder.to_string());
            taken.path = Some(path.display().to_string());
            if as_text {
                let entry = read::find(run.env, &path.display().to_string())?;
                if is_json {
                    let reader = Reader::open(run.env)?;
                    let filed = reader.read(run.env, &entry)?;
                    taken.text = Some(show::Told::of(&filed, &reader.names).to_string());
                    read::mark_seen(run.env, &entry)?;
                } else {
                    show::entries(run, &[entry], false)?;
                }
            } else if !is_json {
                run.ui.path(&path, '\n')?;
            }
            "filed"
        }
        Outcome::Quarantined { path, why } => {
            taken.path = Some(path.display().to_string());
            taken.why = Some(why.to_string());
            if !is_json {
                run.ui.path(&path, '\n')?;
            }
            "quarantined"
        }
        Outcome::Unproven { message, why } => {
            run.ui.warn(&format!("{name}: unproven, so it is filed nowhere: {why}"));
            taken.why = Some(why.to_string());
            if as_text || !is_json && run.ui.shows() {
                let told = show::Told::of(&message, &Names::load(run.env)?).to_string();
                match is_json {
                    true => taken.text = Some(told),
                    false => run.ui.text(&told)?,
                }
            } else {
                run.ui.next(&format!("poste receive --show {name}"));
                failed = Some(Kind::Data);
            }
            "unproven"
        }
        Outcome::Duplicate => {
            run.ui.note(&format!("{name}: had come before"));
            "duplicate"
        }
        Outcome::Coming => {
            run.ui.note(&format!("{name}: its mail comes in many cells; they are asked for"));
            "coming"
        }
        Outcome::Invited => {
            run.ui.note(&format!("{name}: invites into a group"));
            run.ui.next("poste groups");
            "invited"
        }
        Outcome::Obeyed => {
            run.ui.note(&format!("{name}: holds no mail; it was heeded"));
            "obeyed"
        }
        Outcome::Waiting => {
            run.ui.note(&format!("{name}: waits for a card that lists its day"));
            "waiting"
        }
        Outcome::Dropped(why) => {
            run.ui.warn(&format!("{name}: not taken: {why}"));
            taken.why = Some(why.to_owned());
            failed = Some(Kind::Data);
            "dropped"
        }
    };
    Ok((taken, failed))
}
