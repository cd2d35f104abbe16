//! `poste query`: address completion for mail programs, in the form that mutt's `query_command`
//! reads: a first line for people, then address, tab, name, tab, what else there is to say.
//! Specified in poste(1), query.

use crate::cli::Run;
use crate::cli::ui::{Done, Stop};
use crate::client::error::Kind;
use crate::client::people;
use crate::core::printable;

pub fn run(run: &mut Run<'_, '_>, text: &str) -> Done {
    let found = people::query(run.env, text)?;
    if run.ui.json() {
        run.ui.value(&found)?;
    } else {
        run.ui.line(&match found.len() {
            0 => format!("nobody matches {}", printable::line(text)),
            1 => "1 address".to_owned(),
            some => format!("{some} addresses"),
        })?;
        for row in &found {
            run.ui.columns(&[&row.address, &row.name, row.state])?;
        }
    }
    if found.is_empty() { Err(Stop::Silent(Kind::NoContact)) } else { Ok(()) }
}
