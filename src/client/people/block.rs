//! Blocking and unblocking. To the blocked it looks like absence: the offers made to them are erased,
//! nothing of theirs is filed or acknowledged, what was queued for them is dropped, and no control
//! letter, card or cover goes where they listen. What they offered stays, so that unblocking can
//! say at once, by a letter, which new offer counts.
//! Specified in poste(1) and poste-protocol(7), Acknowledgement.

use super::{load, mend};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::{queue, renew};
use crate::core::keys::Fingerprint;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::outbox::Item;
use crate::store::peers::Peer;
use crate::store::petname::Petname;

/// Blocks a contact. Gives the number of letters that will not be sent.
pub fn block(env: &mut Env<'_>, petname: &Petname) -> Result<usize, Error> {
    let lock = env.lock()?;
    let (contacts, _) = mend(env, &lock)?;
    let mut contact = load(env, petname)?;
    // The decision first: whoever is killed below finds them blocked, and `finish` goes on.
    contact.blocked = true;
    contact.save(env.home.places())?;
    let mut transit = Transit::load(env.home.places())?;
    let items = queue::outbox(env, &lock, &contacts)?;
    let mut items = env.readable(items);
    finish(env, &lock, &[contact.fingerprint], &mut transit, &mut items)
}

/// Makes a blocked contact an ordinary one again, with a new offer that their next letter from us
/// carries. Says whether they were blocked.
pub fn unblock(env: &mut Env<'_>, petname: &Petname) -> Result<bool, Error> {
    let lock = env.lock()?;
    mend(env, &lock)?;
    let places = env.home.places().clone();
    let mut contact = load(env, petname)?;
    if !contact.blocked {
        return Ok(false);
    }
    let person = contact.fingerprint;
    let mut peer = Peer::load(&places, person)?;
    // They take none that is not newer than what they hold, even if the clock was set back.
    let made = env.now().max(peer.offer_seen + 1);
    let nodes = renew::offered_nodes(env);
    let mut transit = Transit::load(&places)?;
    transit.give(person, &nodes, made, env.rng);
    transit.save(&places)?;
    peer.offer_sent = Time::default();
    peer.save(&places, person)?;
    // The decision last: until it is on disk, `finish` erases such an offer again.
    contact.blocked = false;
    contact.save(&places)?;
    Ok(true)
}

/// Takes from the blocked what they must not have, as far as it was not done. Gives the number of
/// letters dropped.
pub(in crate::client) fn finish(
    env: &Env<'_>,
    _lock: &StateLock,
    blocked: &[Fingerprint],
    transit: &mut Transit,
    items: &mut Vec<Item>,
) -> Result<usize, Error> {
    let places = env.home.places();
    for person in blocked {
        let mut peer = Peer::load(places, *person)?;
        let erased = transit.withdraw(*person);
        // They may hold the newest, so that none but a newer one will be taken.
        let seen = peer.offer_seen.max(erased.unwrap_or_default());
        let owes = !peer.acks.is_empty() || !peer.again.is_empty();
        if owes || seen != peer.offer_seen {
            peer.acks.clear();
            peer.again.clear();
            peer.offer_seen = seen;
            peer.save(places, *person)?;
        }
        if erased.is_some() {
            transit.save(places)?;
        }
    }
    let (dropped, kept) =
        std::mem::take(items).into_iter().partition::<Vec<_>, _>(|item| blocked.contains(&item.to));
    *items = kept;
    for item in &dropped {
        item.remove(places)?;
    }
    Ok(dropped.iter().filter(|item| item.is_waiting()).count())
}

/// The contacts that are blocked, apart from the others.
pub(in crate::client) fn part(contacts: Vec<Contact>) -> (Vec<Contact>, Vec<Fingerprint>) {
    let (blocked, others) = contacts.into_iter().partition::<Vec<_>, _>(|c| c.blocked);
    (others, blocked.iter().map(|contact| contact.fingerprint).collect())
}
