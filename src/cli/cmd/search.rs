//! `poste search`: paths of messages that have all the words, one a line, as they are found.
//! Specified in poste(1), search.

use crate::cli::Run;
use crate::cli::args::Search;
use crate::cli::cmd::list::Line;
use crate::cli::ui::{Done, Stop};
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::read::Reader;
use crate::client::search::{self, Query};
use crate::core::printable;
use crate::core::when::When;

pub fn run(run: &mut Run<'_, '_>, args: &Search) -> Done {
    let from = match &args.from {
        None => None,
        Some(name) => Some(Parties::load(run.env)?.who(name).ok_or_else(|| {
            let name = printable::line(name);
            Error::new(Kind::NoContact, format!("no contact is named {name}"))
                .hint("poste contacts")
        })?),
    };
    let since = match args.since {
        None => Default::default(),
        Some(When::Day(day)) => day.start(),
        Some(When::Moment(moment)) => moment,
    };
    let query = Query { terms: args.terms.clone(), from, since };
    let reader = Reader::open(run.env)?;
    let (ui, mut lines) = (run.ui, Vec::new());
    let wrong = search::search(run.env, &reader, &query, &mut |found| {
        if ui.json() {
            let (from, subject) = (Some(found.from), Some(found.subject));
            lines.push(Line { from, subject, ..Line::of(&found.entry) });
            return Ok(());
        }
        ui.path(&found.entry.path, '\n')?;
        ui.flush()
    })?;
    if ui.json() {
        ui.value(&lines)?;
    }
    for error in &wrong {
        ui.warn(&error.what);
    }
    match wrong.first() {
        Some(error) => Err(Stop::Silent(error.kind)),
        None => Ok(()),
    }
}
