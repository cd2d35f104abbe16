//! `poste edit`: a message in the user's editor, put back authenticated like any other.
//! Specified in poste(1), edit.

use crate::cli::Run;
use crate::cli::cmd::list;
use crate::cli::ui::Done;
use crate::client::edit;
use crate::client::parties::Parties;
use crate::client::read::{self, Reader};

pub fn run(run: &mut Run<'_, '_>, message: &str) -> Done {
    let entry = read::find(run.env, message)?;
    let old = Reader::open(run.env)?.read(run.env, &entry)?;
    let parties = Parties::load(run.env)?;
    let text = edit::text(&parties, &old)?;
    let edited = run.editor.edit(&text, read::LIMIT)?;
    if *edited == text {
        run.ui.note("nothing was changed");
        return list::tell(run, &entry.path);
    }
    let (message, date) = edit::message(&parties, &old, &edited, run.env.rng)?;
    let path = edit::put_back(run.env, &entry, &message, date)?;
    list::tell(run, &path)
}
