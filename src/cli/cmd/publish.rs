//! `poste publish`: signs a new card when one is due, and posts it, or writes it where one says.
//! With --check nothing is posted.
//! Specified in poste(1), publish.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::error::{Error, Kind};
use crate::client::publish;
use std::fs;
use std::path::Path;

pub fn run(
    run: &mut Run<'_, '_>,
    output: Option<&Path>,
    check: bool,
    (trust_clock, force): (bool, bool),
) -> Done {
    if force {
        publish::go_on(run.env)?;
    }
    let card = publish::renewed(run.env, trust_clock)?;
    if check {
        publish::check(run.env, &card)?;
        run.ui.note("the card is everywhere as it should be");
        return Ok(());
    }
    match output {
        Some(path) if path == Path::new("-") => run.ui.text(card.text()),
        Some(path) => fs::write(path, card.text()).map_err(|error| {
            Error::new(Kind::CannotCreate, format!("cannot write {}: {error}", path.display()))
                .into()
        }),
        None => {
            let places = publish::publish(run.env, &card)?;
            run.ui.note(&format!("the card is at {places} of {places} places"));
            Ok(())
        }
    }
}
