//! `poste rename`: another petname for a contact, and so for the folder of the conversation.
//! Paths that were printed before name the folder as it was called then.
//! Specified in poste(1), rename.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::people;
use crate::store::petname::Petname;

pub fn run(run: &mut Run<'_, '_>, old: &Petname, new: &Petname) -> Done {
    people::rename(run.env, old, new)?;
    run.ui.note(&format!("{old} is called {new} now"));
    Ok(())
}
