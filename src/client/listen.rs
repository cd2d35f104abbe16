//! At which digits one listens: the fewest with which one's own downloads stay under the budget.
//! A longer prefix stands in the card at once, and is fetched alone only when every contact has
//! seen that card, or 31 days later: who has an older one still writes to the shorter.
//! Specified in poste-protocol(7), A sync from outside, and poste-files(5), listen_budget.

use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::own;
use crate::core::bucket::Prefix;
use crate::core::card::Card;
use crate::core::keys::Fingerprint;
use crate::core::listen;
use crate::store::contacts::Contact;
use crate::store::peers::Peer;
use crate::store::progress::{Progress, Wider};

/// A million bytes: the unit of the budget.
const MEGABYTE: u64 = 1_000_000;

/// The digits of the next card, where `last` is the newest; of the first one, as many as the
/// configuration allows, but one at most.
pub fn digits(env: &Env<'_>, last: Option<&Card>) -> usize {
    let most = usize::from(env.config.listen_max);
    let Some(present) = last.map(|card| card.listen.len()) else { return most.min(1) };
    // What cannot be read is measured anew.
    let traffic = Progress::load(env.home.places()).unwrap_or_default().traffic;
    let days = match traffic.digits == present {
        true => traffic.bytes(env.now().day()),
        false => Vec::new(),
    };
    listen::digits(present, &days, u64::from(env.config.listen_budget) * MEGABYTE, most)
}

/// Whether a card must be signed since it costs more, or hides less, than the configuration says.
/// That fewer digits would do waits for the next card.
pub fn is_due(env: &Env<'_>, card: &Card) -> bool {
    let (present, most) = (card.listen.len(), usize::from(env.config.listen_max));
    present > most || digits(env, Some(card)) > present
}

/// Takes note of the digits of a new card. Written by the caller, before the card is.
pub fn note(progress: &mut Progress, old: &Card, new: &Card) {
    let former = progress.wider.as_ref().map_or(old.listen.len(), |wider| wider.digits);
    let digits = former.min(old.listen.len());
    if new.listen.len() > old.listen.len() {
        progress.wider = Some(Wider { digits, issued: new.issued });
    } else if new.listen.len() <= digits {
        progress.wider = None;
    }
}

/// Takes note of a newer card of one's own that this home, which has signed `own`, has not: who
/// has it writes to its digits until they see the next one.
pub fn found(progress: &mut Progress, own: &Card, newer: &Card) {
    let former = progress.wider.as_ref().map_or(newer.listen.len(), |wider| wider.digits);
    let digits = former.min(newer.listen.len());
    if digits < own.listen.len() {
        progress.wider = Some(Wider { digits, issued: newer.issued + 1 });
    }
}

/// The prefix that is fetched.
pub fn prefix(env: &Env<'_>, card: &Card) -> Result<Prefix, Error> {
    let progress = Progress::load(env.home.places())?;
    let Some(wider) = progress.wider.filter(|wider| wider.digits < card.listen.len()) else {
        return Ok(card.listen);
    };
    let (contacts, unread) = Contact::load_all(env.home.places())?;
    let mut waits = !unread.is_empty();
    for contact in contacts.iter().filter(|contact| !contact.blocked) {
        waits |= Peer::load(env.home.places(), contact.fingerprint)?.card_seen < wider.issued;
    }
    match waits && env.now() < own::listened(wider.issued) {
        true => Ok(prefix_of(card.fingerprint(), wider.digits)),
        false => Ok(card.listen),
    }
}

/// The first digits of a fingerprint.
pub fn prefix_of(who: Fingerprint, digits: usize) -> Prefix {
    Prefix::of(who.as_bytes(), digits)
}
