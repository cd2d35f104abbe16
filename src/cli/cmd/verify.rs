//! `poste verify`: what a message proves, in words or as JSON. It succeeds if the authentication
//! holds. With cards it needs no home.
//! Specified in poste(1), verify.

use crate::cli::Run;
use crate::cli::cmd::{card_file, read_file};
use crate::cli::ui::{Done, Stop, Ui};
use crate::client::error::Kind;
use crate::client::parties::Parties;
use crate::client::read::{self, Reader};
use crate::client::verify::{self, Answer, Verdict};
use std::path::{Path, PathBuf};

/// Judges a message of the tree, or a file in filed form.
pub fn run(run: &mut Run<'_, '_>, message: &str) -> Done {
    let entry = match message {
        "-" => None,
        _ => match read::find(run.env, message) {
            Err(_) if Path::new(message).is_file() => None,
            found => Some(found?),
        },
    };
    let bytes = match entry {
        Some(entry) => Reader::open(run.env)?.read(run.env, &entry)?,
        None => read_file(Path::new(message), read::LIMIT)?,
    };
    let parties = Parties::load(run.env)?;
    let verdict = verify::verify(run.env, &parties, &bytes)?;
    say(run.ui, &verdict)
}

/// Judges a file by the two cards alone.
pub fn by_cards(ui: &Ui, message: &str, cards: &[PathBuf]) -> Done {
    let [from, to] = cards else { return Err(crate::cli::wrong("--cards takes two cards").into()) };
    let (from, to) = (card_file(from)?, card_file(to)?);
    let bytes = read_file(Path::new(message), read::LIMIT)?;
    say(ui, &verify::verify_by_cards(&from, &to, &bytes)?)
}

fn say(ui: &Ui, verdict: &Verdict) -> Done {
    match ui.json() {
        true => ui.value(verdict)?,
        false => verdict.lines().iter().try_for_each(|line| ui.line(line))?,
    }
    match verdict.holds {
        Answer::Yes => Ok(()),
        Answer::No | Answer::Unknown => Err(Stop::Silent(Kind::Data)),
    }
}
