//! `poste card`: what one gives a friend. Without a flag the identity link and the words of the
//! fingerprint; the link to be copied, the words to be read aloud. `renew` and `end` sign a card that
//! cannot be taken back, so a person at a terminal is asked; a script is taken at its word.
//! Specified in poste(1), card.

use crate::cli::Run;
use crate::cli::args::CardAction;
use crate::cli::ui::Done;
use crate::client::{own, series};

pub fn run(run: &mut Run<'_, '_>, toml: bool, words: bool) -> Done {
    let signed = own::load(run.env)?;
    let spoken = signed.card.fingerprint().words();
    if toml {
        return run.ui.text(signed.text());
    }
    if !words {
        run.ui.line(&own::link(&signed.card))?;
    }
    run.ui.line(&spoken)
}

pub fn change(run: &mut Run<'_, '_>, action: CardAction) -> Done {
    let question = match action {
        CardAction::Renew => {
            "begin new keys, so that letters by the old ones prove nothing? [y/N] "
        }
        CardAction::End => "end this identity for good? nobody takes another card after it [y/N] ",
    };
    if run.prompt.agrees(question)? == Some(false) {
        run.ui.note("nothing was changed");
        return Ok(());
    }
    let signed = match action {
        CardAction::Renew => series::renew(run.env)?,
        CardAction::End => series::end(run.env)?,
    };
    run.ui.note(&match action {
        CardAction::Renew => format!("new keys since {}", signed.card.series.iso()),
        CardAction::End => {
            format!("this is the last card; letters can be sent until {}", signed.card.last_day())
        }
    });
    match series::correspondents(run.env)? {
        0 => {}
        some => run.ui.note(&format!("the next sync tells {some} contacts")),
    }
    run.ui.next(match run.env.config.publish.is_empty() {
        true => "poste card --toml >alice.toml",
        false => "poste publish",
    });
    run.ui.line(&own::link(&signed.card))?;
    run.ui.line(&signed.card.fingerprint().words())
}
