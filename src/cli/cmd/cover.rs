//! `poste cover`: whether this home takes part in cover conversations, and how much of the day's
//! budget they have had. What is said in them is shown nowhere, here neither.
//! Specified in poste(1), cover.

use crate::cli::Run;
use crate::cli::args::CoverAction;
use crate::cli::ui::Done;
use crate::client::cover::{self, Status};
use crate::store::config::size_text;

pub fn run(run: &mut Run<'_, '_>, action: CoverAction) -> Done {
    let on = match action {
        CoverAction::On => true,
        CoverAction::Off => false,
        CoverAction::Status => return status(run),
    };
    cover::switch(run.env, on)?;
    let status = cover::status(run.env)?;
    if on {
        missing(&status).into_iter().for_each(|what| run.ui.warn(what));
    }
    let state = if on { "on" } else { "off" };
    run.ui.note(&format!("cover conversations are {state}, and the next card says so"));
    run.ui.next("poste publish");
    Ok(())
}

fn status(run: &Run<'_, '_>) -> Done {
    let status = cover::status(run.env)?;
    if run.ui.json() {
        return run.ui.value(&status);
    }
    run.ui.line(&format!("cover          {}", if status.on { "on" } else { "off" }))?;
    if status.on {
        missing(&status).into_iter().for_each(|what| run.ui.warn(what));
        run.ui.line(&format!("volunteers     {} at hand", status.volunteers))?;
        run.ui.line(&format!("conversations  {}", status.conversations))?;
    }
    let (spent, budget) = (size_text(status.bytes), size_text(status.budget));
    run.ui.line(&format!("today          {} letters, {spent} of {budget}", status.letters))
}

/// What keeps a home that is willing from taking part.
fn missing(status: &Status) -> Option<&'static str> {
    if !status.takes_part {
        return Some(
            "this home cannot take part: it takes the class hourly, a pace of at least 2, and a \
             relay on which to listen",
        );
    }
    let lonely = "neither urls nor publish names an identity host (an address that ends in /id/): \
                  this home finds nobody to talk to";
    (status.hosts == 0).then_some(lonely)
}
