//! The life of what correspondents hold of ours: when a new offer is made or the last one
//! repeated, when the card is told again, and when secrets that nobody uses any more are erased.
//! What is due follows from what they last said that they hold, so any loss or restored backup
//! repairs itself. Specified in poste-protocol(7), Prekeys and offers.

use crate::client::desk::Desk;
use crate::client::dispatch::Sender;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::nodes;
use crate::core::keys::Fingerprint;
use crate::core::letter::{self, Offer};
use crate::core::time::{DAY, HOUR, Time};
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::peers::Peer;
use std::collections::BTreeMap;

/// What is not yet seen is repeated at most once a day: after this many seconds.
const AGAIN: u64 = 20 * HOUR;
/// One that names other nodes than one listens on is replaced when it is this old.
const MOVED: u64 = HOUR;
/// An unseen offer is repeated, not replaced, until it is this old.
const OFFER_REPEATED: u64 = 30 * DAY;
/// An offer that was seen is replaced when a letter has passed within this many seconds.
const LIVELY: u64 = 7 * DAY;
/// The card that the other side has seen is replaced when it is this old: it lists 35 days.
const CARD_AGE: u64 = 28 * DAY;

/// Which offer a person is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferDue {
    /// None: they hold a fresh one, or got it lately.
    None,
    /// A new one.
    New,
    /// The newest one again.
    Repeated,
}

/// Whether so much time has passed at `now` since something was done last. What was done in the
/// future was done by a clock that has been set back since.
pub fn rested(last: Time, now: Time, seconds: u64) -> bool {
    last > now || now.since(last) >= seconds
}

/// Which offer is due to a person. `renews` says whether the clock allows new ones, `nodes` what
/// they would name.
pub fn offer_due(
    (renews, nodes): (bool, &[String]),
    transit: &Transit,
    to: Fingerprint,
    peer: &Peer,
    now: Time,
) -> OfferDue {
    let newest = transit.newest_given(to);
    let moved = newest.filter(|given| given.nodes != nodes && now.since(given.made) >= MOVED);
    let newest = newest.map(|given| given.made);
    match by_state(newest, peer, now) {
        _ if moved.is_some() && renews => OfferDue::New,
        // A wrong clock makes none: until it is right, the last one must do.
        OfferDue::New if !renews => match newest {
            Some(made) if peer.offer_seen < made && rested(peer.offer_sent, now, AGAIN) => {
                OfferDue::Repeated
            }
            _ => OfferDue::None,
        },
        due => due,
    }
}

/// The offer to a person that a letter carries: a new one if that is due, on disk before it is
/// handed out, else the newest; none if there is none.
pub fn offer(
    env: &mut Env<'_>,
    transit: &mut Transit,
    to: Fingerprint,
    due: OfferDue,
) -> Result<Option<Offer>, Error> {
    if due != OfferDue::New {
        return Ok(transit.newest_given(to).map(|given| given.offer()));
    }
    let nodes = offered_nodes(env);
    let offer = transit.give(to, &nodes, env.now(), env.rng).offer();
    transit.save(env.home.places())?;
    Ok(Some(offer))
}

/// Makes every contact a new offer, to be sent at once, and writes the keys.
pub fn offer_anew(env: &mut Env<'_>, transit: &mut Transit) -> Result<(), Error> {
    let places = env.home.places().clone();
    let (mut contacts, _) = Contact::load_all(&places)?;
    contacts.retain(|contact| !contact.blocked);
    let (now, nodes) = (env.now(), offered_nodes(env));
    for contact in &contacts {
        transit.give(contact.fingerprint, &nodes, now, env.rng);
    }
    transit.save(&places)?;
    for contact in &contacts {
        let mut peer = Peer::load(&places, contact.fingerprint)?;
        (peer.offer_sent, peer.card_asked) = (Time::default(), Time::default());
        peer.save(&places, contact.fingerprint)?;
    }
    Ok(())
}

/// The nodes that go into an offer: the first of the configuration that find room.
pub fn offered_nodes(env: &Env<'_>) -> Vec<String> {
    let mut nodes: Vec<String> = Vec::new();
    for node in nodes::own(env).into_iter().take(letter::MOST_NODES) {
        let length: usize = nodes.iter().map(String::len).sum();
        if length + node.len() <= letter::NODES_LENGTH {
            nodes.push(node);
        }
    }
    nodes
}

/// Whether a person is to get the card outside a first letter.
pub fn card_due(sender: &Sender, peer: &Peer, now: Time) -> bool {
    let old = peer.card_seen < sender.material || now.since(peer.card_seen) > CARD_AGE;
    // What has changed since the card was sent last is told at once.
    let rested = rested(peer.card_sent, now, AGAIN) || peer.card_sent < sender.material;
    peer.card_seen < sender.card.card.issued && old && rested
}

/// Erases secrets whose time is over. The clock must be good: what is erased too early loses
/// letters.
pub fn erase(env: &mut Env<'_>, desk: &mut Desk) -> Result<(), Error> {
    let places = env.home.places();
    let now = env.now();
    let mut peers: BTreeMap<Fingerprint, Peer> = BTreeMap::new();
    let known = desk.contacts.iter().map(|c| c.fingerprint);
    for who in known.chain(desk.transit.given.iter().map(|g| g.to)) {
        peers.insert(who, Peer::load(places, who)?);
    }
    let seen = |who: Fingerprint| peers.get(&who).map(|p| p.offer_seen).unwrap_or_default();
    let mut changed = desk.transit.note_offers(&seen, now);
    // With an address, only what is seen there counts: strangers take the card from it.
    if env.config.urls.is_empty() && desk.card.card.urls.is_empty() && !desk.incomplete {
        let cards = desk.contacts.iter().map(|c| peers[&c.fingerprint].card_seen);
        changed |= desk.transit.note_cards(cards.min(), now);
    }
    changed |= desk.transit.erase(&seen, now);
    if changed {
        desk.transit.save(places)?;
    }
    Ok(())
}

fn by_state(newest: Option<Time>, peer: &Peer, now: Time) -> OfferDue {
    let Some(made) = newest else { return OfferDue::New };
    let age = now.since(made);
    if peer.offer_seen < made {
        return match (age > OFFER_REPEATED, rested(peer.offer_sent, now, AGAIN)) {
            (true, _) => OfferDue::New,
            (false, true) => OfferDue::Repeated,
            (false, false) => OfferDue::None,
        };
    }
    // They hold one that a restored backup does not have, or write without the one they hold.
    let lost = peer.offer_seen > made || peer.fell_back > made;
    let lively = now.since(peer.last_letter) <= LIVELY;
    match lost && age >= AGAIN || lively && age >= DAY {
        true => OfferDue::New,
        false => OfferDue::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Time {
        Time::from_unix(1_795_356_000) + hours * HOUR
    }

    /// A peer who holds the offer made at `seen`, got one at `sent`, and wrote at `letter`.
    fn peer(seen: Time, sent: Time, letter: Time) -> Peer {
        Peer { offer_seen: seen, offer_sent: sent, last_letter: letter, ..Peer::default() }
    }

    #[test]
    fn a_seen_offer_is_replaced_after_a_day_while_letters_pass() {
        let made = Some(at(0));
        assert_eq!(by_state(None, &Peer::default(), at(0)), OfferDue::New);
        let seen = peer(at(0), at(0), at(1));
        assert_eq!(by_state(made, &seen, at(23)), OfferDue::None);
        assert_eq!(by_state(made, &seen, at(24)), OfferDue::New);
        assert_eq!(by_state(made, &seen, at(7 * 24 + 2)), OfferDue::None, "nobody writes");
    }

    #[test]
    fn an_unseen_one_is_repeated_once_a_day_and_replaced_after_a_month() {
        let made = Some(at(0));
        let unseen = peer(Time::default(), at(0), at(1));
        assert_eq!(by_state(made, &unseen, at(19)), OfferDue::None);
        assert_eq!(by_state(made, &unseen, at(20)), OfferDue::Repeated);
        assert_eq!(by_state(made, &unseen, at(30 * 24)), OfferDue::Repeated);
        assert_eq!(by_state(made, &unseen, at(30 * 24 + 1)), OfferDue::New);
        let sent_tomorrow = peer(Time::default(), at(48), at(1));
        assert_eq!(by_state(made, &sent_tomorrow, at(1)), OfferDue::Repeated);
    }

    #[test]
    fn one_that_is_not_ours_is_answered_with_a_new_one() {
        let made = Some(at(0));
        let lost = peer(at(100), at(0), Time::default());
        assert_eq!(by_state(made, &lost, at(19)), OfferDue::None, "at most one a day");
        assert_eq!(by_state(made, &lost, at(101)), OfferDue::New);
        let fell_back = Peer { fell_back: at(90), ..peer(at(0), at(0), Time::default()) };
        assert_eq!(by_state(made, &fell_back, at(200)), OfferDue::New);
        assert_eq!(by_state(Some(at(91)), &fell_back, at(200)), OfferDue::Repeated);
    }
}
