//! Cards, fetched between what comes and what goes: one's own, once a day, and those of contacts.
//! Asking tells the host when one does. With a pace that must have nothing to do with mail: each
//! contact is asked for in the daily exchange when the card is old, and every three days in any
//! case. Without one nobody is asked for without a need, nor more than once a day. What is fetched passes the checks of `add`, and
//! what a host does against them is said aloud. Specified in poste-protocol(7), Card and Prekeys.

use super::{Report, class, collect, due};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::renew::{self, OfferDue};
use crate::client::{publish, restored};
use crate::core::card::{NotTaken, SignedCard};
use crate::core::keys::Fingerprint;
use crate::core::printable::line;
use crate::core::time::{DAY, Day, HOUR, Time};
use crate::net::DOCUMENT_LIMIT;
use crate::store::contacts::Contact;
use crate::store::peers::Peer;
use crate::store::quarantine::Waiting;
use std::collections::{BTreeMap, BTreeSet};

/// A card is asked for again after this many seconds: at most once a day.
const AGAIN: u64 = 20 * HOUR;
/// With a pace a card is asked for after this many seconds in any case: a letter that falls back
/// after three days finds one that was looked at since it went.
const LOOK: u64 = 3 * DAY - 4 * HOUR;
/// A card is asked for when fewer days than these are listed ahead.
const AHEAD: u32 = 7;
/// A host that serves an older card than one seen this many seconds ago is not merely slow.
const SLOW: u64 = DAY;

/// What decides whether a contact's card is asked for.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// The last day on which the card's prekey may be used without asking.
    prekey_until: Day,
    /// The last day that the card lists.
    last_day: Day,
    /// When the card expires.
    expires: Time,
    /// When it was last asked for.
    asked: Time,
    /// Something is to be sealed to the public prekey.
    to_prekey: bool,
    /// A letter has waited so long that the offer it went by seems to be lost.
    falls_back: bool,
    /// A letter of theirs waits for a card that lists its day.
    waits: bool,
}

/// What was found at the addresses of one contact's card.
struct Found {
    who: Fingerprint,
    cards: Vec<(String, SignedCard)>,
    bad: Vec<String>,
}

/// Asks for one's own card if this is the daily exchange, or one is to take its place, and for
/// those of contacts that are needed.
pub fn refresh(
    env: &mut Env<'_>,
    (daily, pace): (bool, usize),
    report: &mut Report,
) -> Result<(), Error> {
    if daily || publish::is_pending(env)? {
        restored::look(env, false)?.into_iter().for_each(|fault| report.soft(fault));
    }
    let wanted = plan(env, (daily, pace))?;
    if wanted.is_empty() {
        return Ok(());
    }
    let found: Vec<Found> = wanted.into_iter().map(|(who, urls)| fetch(env, who, &urls)).collect();
    take(env, found, pace > 0, report)
}

/// Whose cards are asked for, and where.
fn plan(
    env: &mut Env<'_>,
    (daily, pace): (bool, usize),
) -> Result<BTreeMap<Fingerprint, BTreeSet<String>>, Error> {
    let desk = Desk::open(env)?;
    let renews = !env.clock()?.is_wrong();
    let nodes = renew::offered_nodes(env);
    let waiting = Waiting::authors(env.home.places())?;
    let mut wanted = BTreeMap::new();
    for contact in &desk.contacts {
        // Their cards come in letters; where to ask for them somebody else has said.
        if contact.introduced.is_some() && !contact.confirmed {
            continue;
        }
        let peer = Peer::load(env.home.places(), contact.fingerprint)?;
        let need = need(&desk, (renews, &nodes), contact, &peer, &waiting, env.now());
        let urls = contact.card.card.urls.iter().chain(&contact.urls).cloned();
        let urls: BTreeSet<String> = urls.filter(|url| env.address(url).is_ok()).collect();
        let is_asked = match pace {
            0 => is_asked(&need, daily, env.now()),
            _ => is_looked_at(&need, daily, env.now()),
        };
        if !urls.is_empty() && is_asked {
            wanted.insert(contact.fingerprint, urls);
        }
    }
    Ok(wanted)
}

fn need(
    desk: &Desk,
    (renews, nodes): (bool, &[String]),
    contact: &Contact,
    peer: &Peer,
    waiting: &BTreeSet<Fingerprint>,
    now: Time,
) -> Need {
    let who = contact.fingerprint;
    let mut letters = desk.outbox.iter().filter(|i| i.to == who && i.acknowledged.is_none());
    let offer = renew::offer_due((renews, nodes), &desk.transit, who, peer, now) != OfferDue::None;
    let control = peer.card_seen != Time::default() && (offer || !peer.acks.is_empty());
    let sends = letters.clone().next().is_some() || control;
    let card = &contact.card.card;
    Need {
        prekey_until: card.prekey_until,
        last_day: card.last_day(),
        expires: card.expires,
        asked: peer.card_asked,
        to_prekey: sends && desk.transit.usable_offer(who, now).is_none(),
        falls_back: letters.any(|item| due::is_fallback(item, contact, class(desk), now)),
        waits: waiting.contains(&who),
    }
}

fn is_asked(need: &Need, daily: bool, now: Time) -> bool {
    let today = now.day();
    let ends = need.last_day < today.plus(AHEAD) || need.expires < now;
    let stale = need.to_prekey && need.prekey_until < today;
    renew::rested(need.asked, now, AGAIN)
        && (need.falls_back || need.waits || stale || daily && ends)
}

/// With a pace: by the card and the time alone.
fn is_looked_at(need: &Need, daily: bool, now: Time) -> bool {
    let today = now.day();
    let ends = need.last_day < today.plus(AHEAD) || need.expires < now;
    let again = if ends || need.prekey_until < today { AGAIN } else { LOOK };
    daily && renew::rested(need.asked, now, again)
}

/// Asks all addresses. One that cannot be reached is passed over.
fn fetch(env: &mut Env<'_>, who: Fingerprint, urls: &BTreeSet<String>) -> Found {
    let mut found = Found { who, cards: Vec::new(), bad: Vec::new() };
    for url in urls {
        let Ok(address) = env.address(url) else { continue };
        let Ok(answer) = env.network.document(&address, DOCUMENT_LIMIT, env.rng) else { continue };
        match SignedCard::parse(&answer.body) {
            Ok(card) => found.cards.push((line(url), card)),
            Err(_) => found.bad.push(format!("{}: what is there is no card", line(url))),
        }
    }
    found
}

/// Takes the cards that a reader takes, and tries letters again that waited for one.
fn take(
    env: &mut Env<'_>,
    found: Vec<Found>,
    paced: bool,
    report: &mut Report,
) -> Result<(), Error> {
    let mut desk = Desk::open(env)?;
    let places = env.home.places().clone();
    let now = env.now();
    let mut changed = false;
    for Found { who, cards, bad } in found {
        let Some(contact) = desk.contacts.iter_mut().find(|c| c.fingerprint == who) else {
            continue;
        };
        bad.iter().for_each(|what| (env.warn)(what));
        let mut older = Vec::new();
        let mut newer = false;
        for (url, card) in cards {
            match card.check(who, Some(&contact.card), now) {
                Ok(()) if card.is_newer_than(&contact.card) => {
                    contact.take_card(card, now);
                    newer = true;
                }
                Ok(()) => {}
                Err(NotTaken::Rollback) => older.push(url),
                Err(why) => {
                    let what = format!("{url}: a card of {}: {why}", contact.petname);
                    report.soft(Error::new(Kind::Data, what));
                }
            }
        }
        if !newer && now.since(contact.card.card.issued) > SLOW {
            for url in older {
                let why = NotTaken::Rollback;
                (env.warn)(&format!("{url}: a card of {}: {why}", contact.petname));
            }
        }
        if newer {
            contact.save(&places)?;
            changed = true;
        }
        let mut peer = Peer::load(&places, who)?;
        peer.card_asked = now;
        peer.save(&places, who)?;
    }
    // With a pace requests follow, and nothing is opened between two: that is done after them.
    match changed && !paced {
        true => collect::retry_waiting(env, &mut desk, report),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::from_unix(1_795_356_000)
    }

    /// Of a contact whose card is fresh and to whom nothing goes.
    fn none() -> Need {
        let today = now().day();
        Need {
            prekey_until: today.plus(14),
            last_day: today.plus(35),
            expires: now() + 90 * DAY,
            asked: Time::default(),
            to_prekey: false,
            falls_back: false,
            waits: false,
        }
    }

    #[test]
    fn nobody_is_asked_for_without_a_need() {
        let over = now().day().minus(1);
        assert!(!is_asked(&none(), true, now()));
        assert!(!is_asked(&Need { to_prekey: true, ..none() }, true, now()));
        assert!(!is_asked(&Need { prekey_until: over, ..none() }, true, now()));
        assert!(is_asked(&Need { to_prekey: true, prekey_until: over, ..none() }, false, now()));
        assert!(is_asked(&Need { falls_back: true, ..none() }, false, now()));
        assert!(is_asked(&Need { waits: true, ..none() }, false, now()));
    }

    #[test]
    fn a_card_that_ends_is_asked_for_in_the_daily_exchange() {
        let ends = Need { last_day: now().day().plus(6), ..none() };
        let expired = Need { expires: now() - 1, ..none() };
        for need in [ends, expired] {
            assert!(is_asked(&need, true, now()));
            assert!(!is_asked(&need, false, now()));
        }
        let days = Need { last_day: now().day().plus(7), ..none() };
        assert!(!is_asked(&days, true, now()));
    }

    #[test]
    fn with_a_pace_only_cards_and_time_count() {
        let mail = Need { to_prekey: true, falls_back: true, waits: true, ..none() };
        let over = now().day().minus(1);
        let old = [
            Need { prekey_until: over, ..none() },
            Need { last_day: over, ..none() },
            Need { expires: now() - 1, ..none() },
        ];
        for hours in [0, 19, 20, 60, 67, 68, 200] {
            let asked = now() - hours * HOUR;
            for need in [none(), mail] {
                let need = Need { asked, ..need };
                assert_eq!(is_looked_at(&need, true, now()), hours >= 68, "{hours}");
                assert!(!is_looked_at(&need, false, now()));
            }
            for need in old {
                let need = Need { asked, ..need };
                assert_eq!(is_looked_at(&need, true, now()), hours >= 20, "{hours}");
            }
        }
    }

    #[test]
    fn at_most_once_a_day() {
        let asked = |asked| is_asked(&Need { waits: true, asked, ..none() }, true, now());
        assert!(!asked(now() - 19 * HOUR));
        assert!(asked(now() - 20 * HOUR));
        assert!(asked(now() + DAY), "by a clock that was wrong");
    }
}
