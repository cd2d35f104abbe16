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
use crate::store::quoted;
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
    let (ui, name) = (run.ui, file.display());
    let (is_json, mut taken, mut failed) = (ui.json(), Taken::default(), None);
    let note = |result: &'static str, what: &str| {
        ui.note(&format!("{name}: {what}"));
        result
    };
    taken.result = match outcome {
        Outcome::Filed { folder, path } => {
            taken.folder = Some(folder.to_string());
            taken.path = Some(path.display().to_string());
            let entry = read::at(run.env, &path)?;
            match (as_text, is_json) {
                (true, true) => {
                    let reader = Reader::open(run.env)?;
                    let told = show::Told::of(&reader.read(run.env, &entry)?, &reader.names);
                    taken.text = Some(told.to_string());
                    read::mark_seen(run.env, &entry)?;
                }
                (true, false) => show::entries(run, &[entry], false)?,
                (false, true) => {}
                (false, false) => ui.path(&path, '\n')?,
            }
            "filed"
        }
        Outcome::Quarantined { path, why } => {
            taken.path = Some(path.display().to_string());
            taken.why = Some(why.to_string());
            if !is_json {
                ui.path(&path, '\n')?;
            }
            "quarantined"
        }
        Outcome::Unproven { message, why } => {
            ui.warn(&format!("{name}: unproven, so it is filed nowhere: {why}"));
            taken.why = Some(why.to_string());
            if as_text || !is_json && ui.shows() {
                let told = show::Told::of(&message, &Names::load(run.env)?).to_string();
                match is_json {
                    true => taken.text = Some(told),
                    false => ui.text(&told)?,
                }
            } else {
                ui.next(&format!("poste receive --show {}", quoted(file)));
                failed = Some(Kind::Data);
            }
            "unproven"
        }
        Outcome::Duplicate => note("duplicate", "had come before"),
        Outcome::Coming => note("coming", "its mail comes in many cells; they are asked for"),
        Outcome::Invited => {
            let result = note("invited", "invites into a group");
            ui.next("poste groups");
            result
        }
        Outcome::Obeyed => note("obeyed", "holds no mail; it was heeded"),
        Outcome::Waiting => note("waiting", "waits for a card that lists its day"),
        Outcome::Dropped(why) => {
            ui.warn(&format!("{name}: not taken: {why}"));
            taken.why = Some(why.to_owned());
            failed = Some(Kind::Data);
            "dropped"
        }
    };
    Ok((taken, failed))
}
