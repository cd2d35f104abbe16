//! `poste publish`: signs a new card when one is due, and posts it, or writes it where one says.
//! With --check nothing is posted.
//! Specified in poste(1), publish.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::disclose::{self, Outcome, Word};
use crate::client::error::{Error, Kind};
use crate::client::{own, people, publish};
use crate::core::card::SignedCard;
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
    let mut card = publish::renewed(run.env, trust_clock)?;
    if !check {
        card = disclosed(run, card, Word { trust_clock, force })?;
    }
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
            if people::list(run.env)?.is_empty() {
                run.ui.next("poste card  # the link that you give to friends, and its words");
                run.ui.next("poste add bob LINK-OR-FILE");
            }
            Ok(())
        }
    }
}

/// The card with the newest seed that is due in its trailer.
fn disclosed(run: &mut Run<'_, '_>, card: SignedCard, word: Word) -> Result<SignedCard, Error> {
    match disclose::disclose(run.env, word)? {
        Outcome::Disclosed(day) => {
            run.ui.note(&format!("the key of {day} is disclosed, and with it all earlier ones"));
            own::load(run.env)
        }
        Outcome::Held(why) | Outcome::Waits(why) => {
            run.ui.warn(&disclose::advice(&why));
            Ok(card)
        }
        Outcome::Nothing => Ok(card),
    }
}
