//! Adding a contact: a card is fetched, checked, pinned by its fingerprint. A changed fingerprint
//! changes nothing here unless it is replaced by the user's own word, which removes the person who
//! had the name, and keeps the card by which what they wrote still verifies; no address in a stranger's card is fetched before acceptance.
//! Specified in poste(1) and poste-protocol(7), Card.

use super::{admit, mend, remove};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::groups::{self, Seated};
use crate::client::own;
use crate::core::card::{self, NotTaken, SignedCard};
use crate::core::keys::Fingerprint;
use crate::core::printable;
use crate::core::time::Time;
use crate::net::{Address, DOCUMENT_LIMIT, Origin};
use crate::store::atomic;
use crate::store::contacts::{Contact, Past};
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;
use serde::Serialize;
use std::path::Path;

/// Somebody who is a contact now.
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    /// What the user calls them.
    pub petname: Petname,
    /// Who they are.
    pub fingerprint: Fingerprint,
    /// Twelve words to be compared aloud.
    pub words: String,
    /// Whether the fingerprint was given with the link, and not taken on trust.
    pub pinned: bool,
    /// Letters that had waited as requests.
    pub letters: usize,
    /// Who had the name before and was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Fingerprint>,
    /// The groups in which those are or were who had it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Seated>,
    /// Whether they are blocked, as before.
    pub blocked: bool,
}

/// Adds a contact from an identity link or a card file. The card is fetched, checked and pinned.
pub fn add(
    env: &mut Env<'_>,
    petname: &Petname,
    source: &str,
    pin: Option<Fingerprint>,
    replace: bool,
) -> Result<Added, Error> {
    let (place, fragment) = match source.split_once('#') {
        Some((place, fragment)) if place.contains("://") => (place, Some(fragment)),
        _ => (source, None),
    };
    let in_link = fragment
        .map(|text| {
            text.parse::<Fingerprint>().map_err(|_| {
                Error::new(Kind::Data, format!("{source}: no fingerprint after the #"))
            })
        })
        .transpose()?;
    if let (Some(a), Some(b)) = (in_link, pin)
        && a != b
    {
        return Err(Error::new(Kind::Data, format!("the link's fingerprint is {a}, not {b}")));
    }
    let pin = in_link.or(pin);
    let bytes = fetch(env, place)?;
    let card = SignedCard::parse(&bytes)
        .map_err(|e| Error::new(Kind::Data, format!("{place}: no card: {e}")))?;
    let fingerprint = card.card.fingerprint();
    if let Some(pin) = pin
        && pin != fingerprint
    {
        return Err(Error::new(
            Kind::Data,
            format!(
                "{place}: the card there is of {fingerprint}, not of {pin}; nothing was changed"
            ),
        )
        .hint("ask for the identity link anew, by another way"));
    }
    let card = newest_of_mirrors(env, card, place)?;
    take(env, petname, card, replace, pin.is_some())
}

/// Accepts a stranger whose letters wait as requests. `request` is a message of theirs, or the
/// beginning of their fingerprint. With `replace` they take the name of who has it now.
pub fn accept(
    env: &mut Env<'_>,
    request: &str,
    petname: &Petname,
    replace: bool,
) -> Result<Added, Error> {
    let request = admit::find(env, request)?;
    let card = SignedCard::parse(request.card.as_bytes())?;
    take(env, petname, card, replace, false)
}

fn fetch(env: &mut Env<'_>, place: &str) -> Result<Vec<u8>, Error> {
    if !place.contains("://") {
        let path = Path::new(place);
        let read = atomic::read(path, card::LIMIT as u64)?;
        return read.ok_or_else(|| {
            Error::new(Kind::NoMessage, format!("{place}: no such file"))
                .hint("give an identity link, https://…#fingerprint, or a card file")
        });
    }
    let address = Address::parse(place, Origin::Own)
        .map_err(|e| Error::new(Kind::Usage, format!("{place}: {e}")))?;
    Ok(env.network.document(&address, DOCUMENT_LIMIT, env.rng)?.body)
}

/// Asks the other addresses that the card names, and takes the newest card. One that cannot be
/// reached is passed over; two different ones with one issue time are reported.
fn newest_of_mirrors(
    env: &mut Env<'_>,
    card: SignedCard,
    place: &str,
) -> Result<SignedCard, Error> {
    let now = env.now();
    let who = card.card.fingerprint();
    let mut best = card;
    for url in best.card.urls.clone().iter().filter(|url| *url != place) {
        let Ok(address) = env.address(url) else { continue };
        let Ok(answer) = env.network.document(&address, DOCUMENT_LIMIT, env.rng) else { continue };
        let Ok(found) = SignedCard::parse(&answer.body) else {
            (env.warn)(&format!("{}: what is there is no card", printable::line(url)));
            continue;
        };
        match found.check(who, Some(&best), now) {
            Ok(()) if found.is_newer_than(&best) => best = found,
            Ok(()) | Err(NotTaken::Rollback) => {}
            Err(why) => (env.warn)(&format!("{}: {why}", printable::line(url))),
        }
    }
    Ok(best)
}

fn take(
    env: &mut Env<'_>,
    petname: &Petname,
    card: SignedCard,
    replace: bool,
    pinned: bool,
) -> Result<Added, Error> {
    let now = env.now();
    let fingerprint = card.card.fingerprint();
    if card.card.expires < now {
        return Err(Error::new(Kind::Data, "the card has expired; nothing was changed")
            .hint("ask for a newer one"));
    }
    let lock = env.lock()?;
    let places = env.home.places().clone();
    if own::find(env)?.is_some_and(|own| own.card.fingerprint() == fingerprint) {
        return Err(Error::new(Kind::Data, "this card is your own"));
    }
    let (all, bad) = mend(env, &lock)?;
    if let Some(error) = bad.into_iter().next() {
        // It may be this very person's.
        return Err(error.into());
    }
    if let Some(known) = all.iter().find(|c| c.fingerprint == fingerprint && c.petname != *petname)
    {
        return Err(Error::new(
            Kind::Data,
            format!("{} is a contact already, named {}", fingerprint, known.petname),
        ));
    }
    if card.card.end && all.iter().all(|known| known.fingerprint != fingerprint) {
        let what = "the card is the last of an identity that was ended; nothing was changed";
        return Err(Error::new(Kind::Data, what));
    }
    groups::not_named(env, petname)?;
    let old = all.into_iter().find(|c| c.petname == *petname);
    if let Some(old) = old.as_ref().filter(|old| old.fingerprint != fingerprint && !replace) {
        return Err(Error::new(
            Kind::Data,
            format!(
                "{petname} has the fingerprint {}, not {fingerprint}; nothing was changed",
                old.fingerprint
            ),
        )
        .hint(format!("compare by voice: {}", fingerprint.words()))
        .hint(format!(
            "if you are sure that this is {petname} now, do the same again with --replace"
        )));
    }
    let (old, other) = match old {
        Some(old) if old.fingerprint != fingerprint => (None, Some(old)),
        old => (old, None),
    };
    if let Some(other) = &other {
        Past { until: now.day(), contact: other.clone() }.save(&places)?;
        // Their file comes last, and is written over below: cut short, this is done again.
        remove::forget(env, &lock, other)?;
    }
    let contact = match old {
        Some(mut known) => {
            card.check(fingerprint, Some(&known.card), now)?;
            known.take_card(card, now);
            // By now the user has added them.
            known.introduced = None;
            known
        }
        None => {
            card.check(fingerprint, None, now)?;
            match Past::load(&places, fingerprint)? {
                Some(past) => again(petname, past.contact, card, now)?,
                None => fresh(petname, card, now),
            }
        }
    };
    contact.save(&places)?;
    Past::remove(&places, fingerprint)?;
    Maildir::new(places.mail()).make(&Folder::from(petname))?;
    let letters = admit::admit(env, &lock, &contact, now)?;
    let words = fingerprint.words();
    let groups = other.as_ref().map(|other| groups::seats(env, other.fingerprint)).transpose()?;
    Ok(Added {
        petname: petname.clone(),
        fingerprint,
        words,
        pinned,
        letters,
        replaced: other.map(|other| other.fingerprint),
        groups: groups.unwrap_or_default(),
        blocked: contact.blocked,
    })
}

/// Somebody who was a contact before, with what was known of their keys, and nothing else.
pub(super) fn again(
    petname: &Petname,
    was: Contact,
    card: SignedCard,
    now: Time,
) -> Result<Contact, Error> {
    let Contact { card: known, older, held, former, .. } = was;
    let mut contact = Contact { older, held, former, ..unknown(petname, known) };
    contact.urls.clone_from(&card.card.urls);
    match card.check(contact.fingerprint, Some(&contact.card), now) {
        Ok(()) => contact.take_card(card, now),
        // They may come back by a card that is older than the one that was kept.
        Err(NotTaken::Rollback) => {}
        Err(why) => return Err(why.into()),
    }
    Ok(contact)
}

pub(super) fn fresh(petname: &Petname, card: SignedCard, now: Time) -> Contact {
    let disclosed = card.disclosed.clone();
    let mut contact = unknown(petname, card);
    if let Some(disclosed) = disclosed {
        contact.take_seed(&disclosed, now);
    }
    contact
}

/// Somebody of whom nothing is known but a card.
fn unknown(petname: &Petname, card: SignedCard) -> Contact {
    Contact {
        petname: petname.clone(),
        fingerprint: card.card.fingerprint(),
        urls: card.card.urls.clone(),
        confirmed: false,
        compared: None,
        blocked: false,
        introduced: None,
        becomes: None,
        older: Vec::new(),
        held: None,
        former: Vec::new(),
        card,
    }
}
