//! Letters of cover conversations. One that passes what a stranger's letter must pass, and is from
//! somebody who takes part as one does oneself, is noted in its conversation; then it is dropped, as
//! every other one is at once. None is filed, counted, acknowledged or remembered, whoever wrote it,
//! and nothing that it carries takes effect but the card, in the conversation alone.
//! Specified in poste-protocol(7), Cover conversations.

use super::{Outcome, Way, stranger};
use crate::client::cover;
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::card::SignedCard;
use crate::core::judge::{Arrival, Verdict};
use crate::core::letter::Letter;

/// What is said of every one.
const DROPPED: Outcome = Outcome::Dropped("a letter of a cover conversation");

/// Takes a letter of the kind `cover`, with the card that it brought.
pub(super) fn take(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    card: Option<SignedCard>,
    (arrival, way): (Arrival, Way),
) -> Result<Outcome, Error> {
    let from = letter.control.from;
    let is_contact = desk.contacts.iter().any(|contact| contact.fingerprint == from);
    if way != Way::Relay || is_contact || desk.incomplete || !cover::takes_part(env) {
        return Ok(DROPPED);
    }
    // Most letters bring their card, and if that or the stamp is bad no file is read.
    let card = match card {
        Some(card) => card,
        None => match cover::partner(env, desk, from)? {
            Some(card) => card,
            None => return Ok(DROPPED),
        },
    };
    let proven = stranger::judged(env, desk, letter, &card, arrival);
    if matches!(proven, Ok((_, Verdict::Authentic))) {
        cover::heard(env, desk, &card, &letter.control)?;
    }
    Ok(DROPPED)
}
