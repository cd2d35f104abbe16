//! `poste edit`: a message in the user's editor, put back authenticated like any other.
//! What killed edits left of messages that are gone is wiped on the way.
//! Specified in poste(1), edit.

use crate::cli::Run;
use crate::cli::cmd::list;
use crate::cli::editor::Sheet;
use crate::cli::ui::{Done, Stop};
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::read::{self, Reader};
use crate::client::{edit, sheets};
use crate::store::maildir::Entry;
use crate::store::view::Stamp;

pub fn run(run: &mut Run<'_, '_>, message: &str) -> Done {
    forget(run);
    let entry = read::find(run.env, message)?;
    let was = Stamp::of_sealed(&entry.path);
    let old = Reader::open(run.env)?.read(run.env, &entry)?;
    let parties = Parties::load(run.env)?;
    let text = edit::text(&parties, &old)?;
    let sheet =
        run.editor.lay(&sheets::name(run.env.home.places(), &entry.name.unique()), &text)?;
    if sheet.was_there() {
        run.ui.note("an earlier edit of it was not put back; this goes on with it");
    }
    let edited = match sheet.edit().and_then(|()| sheet.read(read::LIMIT)) {
        Ok(edited) => edited,
        // As it was laid out, or removed, it says nothing that would be missed.
        Err(error) if sheet.says(&text) || !sheet.is_there() => return Err(error.into()),
        Err(error) => return Err(kept(&sheet, &entry, error)),
    };
    if *edited == text {
        run.ui.note("nothing was changed");
        return list::tell(run, &entry.path);
    }
    let put = edit::message(&parties, &old, &edited, run.env.rng)
        .and_then(|(message, date)| edit::put_back(run.env, &entry, was, &message, date));
    let error = match put {
        Ok(Some(path)) => return list::tell(run, &path),
        Ok(None) => {
            let what = format!("{} was changed meanwhile, and stays so", entry.path.display());
            Error::new(Kind::Data, what)
        }
        Err(error) => error,
    };
    Err(kept(&sheet, &entry, error))
}

/// Wipes what killed edits have left of messages that are gone.
pub fn forget(run: &Run<'_, '_>) {
    if let Err(error) = sheets::wipe(run.env, run.editor.runtime_dir.as_deref()) {
        run.ui.warn(&error.what);
    }
}

/// The error, with where the text stays and the way on.
fn kept(sheet: &Sheet<'_>, entry: &Entry, error: Error) -> Stop {
    if error.kind == Kind::NoMessage {
        // There is nothing to go on with.
        let until = format!("what you wrote is in {} until the next sync", sheet.leave());
        return error.hint(until).into();
    }
    let error = error.hint(format!("what you wrote is in {}", sheet.leave()));
    error.hint(format!("poste edit {}", entry.name.unique())).into()
}
