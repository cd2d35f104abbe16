//! Stamps of first letters. To find one may take a minute, so it is done while no lock is held: with
//! a pace when the letter is queued and after the last request of a sync, so that it holds none up,
//! without one before a sync asks any node; and the outcome is kept with
//! the letter in the outbox.
//! Specified in poste-protocol(7), Stamp.

use crate::client::dispatch;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::own;
use crate::client::sync::due;
use crate::core::card::Card;
use crate::core::keys::{LetterId, SignPublic};
use crate::core::stamp::Stamp;
use crate::core::time::DAY;
use crate::store::contacts::Contact;
use crate::store::outbox;
use crate::store::peers::Peer;

/// Finds the stamps that letters of the outbox need and do not have.
pub fn find(env: &mut Env<'_>) -> Result<(), Error> {
    let places = env.home.places().clone();
    let own = own::load(env)?.card.class;
    // What cannot be read is named by whoever opens the desk.
    let (contacts, _) = Contact::load_all(&places)?;
    let (items, _) = outbox::load(&places)?;
    for item in items.iter().filter(|item| item.is_waiting()) {
        let Some(contact) = contacts.iter().find(|c| c.fingerprint == item.to) else { continue };
        let known = item.stamp.as_deref().and_then(Stamp::parse);
        // A day before it is needed: with a pace no sync looks for it before it posts.
        let fallback = due::is_fallback(item, contact, own, env.now() + DAY);
        let stamp = needed(env, contact, item.id, known, fallback)?;
        if stamp == known {
            continue;
        }
        let _lock = env.lock()?;
        // Somebody may have dropped the letter meanwhile.
        let (items, _) = outbox::load(&places)?;
        if let Some(mut item) = items.into_iter().find(|now| now.id == item.id) {
            item.stamp = stamp.map(|stamp| stamp.text());
            item.save(&places)?;
        }
    }
    Ok(())
}

/// The stamp for a letter to `contact`: the one it has, or if that is not enough, a new one.
pub fn needed(
    env: &Env<'_>,
    contact: &Contact,
    letter: LetterId,
    known: Option<Stamp>,
    fallback: bool,
) -> Result<Option<Stamp>, Error> {
    let me = own::load(env)?.card.sign;
    let peer = Peer::load(env.home.places(), contact.fingerprint)?;
    if !is_missing(contact, &peer, me, letter, known, fallback) {
        return Ok(known);
    }
    let Card { sign, stamp_bits, .. } = &contact.card.card;
    Ok(Some(Stamp::find(sign, &me, &letter, *stamp_bits)))
}

/// Whether a letter needs a stamp, and the one it has is not enough.
pub fn is_missing(
    contact: &Contact,
    peer: &Peer,
    me: SignPublic,
    letter: LetterId,
    known: Option<Stamp>,
    fallback: bool,
) -> bool {
    let Card { sign, stamp_bits, .. } = &contact.card.card;
    let is_worth = |stamp: Stamp| stamp.is_worth(sign, &me, &letter, *stamp_bits);
    dispatch::is_first(peer, fallback) && *stamp_bits > 0 && !known.is_some_and(is_worth)
}
