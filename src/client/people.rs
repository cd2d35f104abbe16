//! Contacts and requests: pinning a person by fingerprint, accepting a stranger, comparing words.
//! A changed fingerprint changes nothing here unless it is replaced by the user's own word; no
//! address in a stranger's card is fetched before acceptance.
//! Specified in poste(1) and poste-protocol(7), Card.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::card::{self, NotTaken, SignedCard};
use crate::core::keys::Fingerprint;
use crate::core::printable;
use crate::core::time::Time;
use crate::net::{Address, Origin};
use crate::store::atomic;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::maildir::{Folder, Maildir};
use crate::store::peers::Peer;
use crate::store::petname::Petname;
use crate::store::requests::Request;
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
}

/// A line of the list of contacts and requests.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The petname, or for a request the first digits of the fingerprint.
    pub name: String,
    /// The identity link.
    pub link: String,
    /// `confirmed`, `unconfirmed` or `request`.
    pub state: &'static str,
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
/// beginning of their fingerprint.
pub fn accept(env: &mut Env<'_>, request: &str, petname: &Petname) -> Result<Added, Error> {
    let request = find_request(env, request)?;
    let card = SignedCard::parse(request.card.as_bytes())?;
    take(env, petname, card, false, false)
}

/// Contacts, then requests.
pub fn list(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let contact = |c: Contact| Row {
        name: c.petname.to_string(),
        link: match c.urls.first() {
            Some(url) => format!("{url}#{}", c.fingerprint),
            None => own::link(&c.card.card),
        },
        state: if c.confirmed { "confirmed" } else { "unconfirmed" },
    };
    let request = |r: Request| Row {
        name: r.fingerprint.to_string()[..16].to_owned(),
        link: format!("#{}", r.fingerprint),
        state: "request",
    };
    let contacts = env.readable(Contact::load_all(env.home.places())?);
    let requests = env.readable(Request::load_all(env.home.places())?);
    Ok(contacts.into_iter().map(contact).chain(requests.into_iter().map(request)).collect())
}

/// The words of a contact; with `confirm` it is recorded that they were compared.
pub fn words(env: &mut Env<'_>, petname: &Petname, confirm: bool) -> Result<String, Error> {
    let _lock = env.lock()?;
    let mut contact = load(env, petname)?;
    if confirm && !contact.confirmed {
        contact.confirmed = true;
        contact.save(env.home.places())?;
    }
    Ok(contact.fingerprint.words())
}

/// The contact of that name, or an error with a hint.
pub fn load(env: &Env<'_>, petname: &Petname) -> Result<Contact, Error> {
    Contact::load(env.home.places(), petname)?.ok_or_else(|| {
        Error::new(Kind::NoContact, format!("no contact is named {petname}"))
            .hint(format!("poste add {petname} LINK"))
            .hint("poste contacts")
    })
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
    Ok(env.network.document(&address, env.rng)?.body)
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
        let Ok(answer) = env.network.document(&address, env.rng) else { continue };
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
    if card.card.end {
        return Err(Error::new(Kind::Data, "the card is the last of an identity that was ended"));
    }
    let lock = env.lock()?;
    let places = env.home.places().clone();
    if own::find(env)?.is_some_and(|own| own.card.fingerprint() == fingerprint) {
        return Err(Error::new(Kind::Data, "this card is your own"));
    }
    let (all, bad) = Contact::load_all(&places)?;
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
    let old = all.into_iter().find(|c| c.petname == *petname);
    if let Some(old) = old.as_ref().filter(|old| old.fingerprint != fingerprint && !replace) {
        return Err(Error::new(
            Kind::Data,
            format!(
                "{petname} has the fingerprint {}, not {fingerprint}; nothing was changed",
                old.fingerprint
            ),
        )
        .hint(format!("if you are sure that this is {petname} now: poste add --replace")));
    }
    let contact = match old.filter(|old| old.fingerprint == fingerprint) {
        Some(mut known) => {
            card.check(fingerprint, Some(&known.card), now)?;
            known.take_card(card, now);
            known
        }
        None => {
            card.check(fingerprint, None, now)?;
            fresh(petname, card, now)
        }
    };
    contact.save(&places)?;
    Maildir::new(places.mail()).make(&Folder::from(petname))?;
    let letters = admit(env, &lock, &contact, now)?;
    let words = fingerprint.words();
    Ok(Added { petname: petname.clone(), fingerprint, words, pinned, letters })
}

fn fresh(petname: &Petname, card: SignedCard, now: Time) -> Contact {
    let mut contact = Contact {
        petname: petname.clone(),
        fingerprint: card.card.fingerprint(),
        urls: card.card.urls.clone(),
        confirmed: false,
        older: Vec::new(),
        held: None,
        card: card.clone(),
    };
    if let Some(disclosed) = &card.disclosed {
        contact.take_seed(disclosed, now);
    }
    contact
}

/// Gives effect to what a person sent as a stranger: their letters move to their folder and are
/// to be acknowledged, and their offer is taken.
fn admit(
    env: &mut Env<'_>,
    _lock: &crate::store::lock::StateLock,
    contact: &Contact,
    now: Time,
) -> Result<usize, Error> {
    let places = env.home.places().clone();
    let Some(request) = Request::load(&places, contact.fingerprint)? else { return Ok(0) };
    let mail = Maildir::new(places.mail());
    let folder = Folder::from(&contact.petname);
    let mut moved = 0;
    for letter in &request.letter {
        let Ok(name) = letter.name.parse() else { continue };
        if let Some(entry) = mail.locate(&Folder::requests(), &name)? {
            mail.move_to(&entry, &folder)?;
            moved += 1;
        }
    }
    if let Some(offer) = request.offer() {
        let mut transit = Transit::load(&places)?;
        if transit.take(contact.fingerprint, &offer, now) {
            transit.save(&places)?;
        }
    }
    let mut peer = Peer::load(&places, contact.fingerprint)?;
    request.letter.iter().for_each(|letter| peer.owe(letter.id));
    peer.learn(request.latest, request.card_seen, request.offer_seen);
    peer.last_letter = peer.last_letter.max(request.latest);
    peer.save(&places, contact.fingerprint)?;
    request.remove(&places)?;
    Ok(moved)
}

fn find_request(env: &Env<'_>, text: &str) -> Result<Request, Error> {
    let all = env.readable(Request::load_all(env.home.places())?);
    let unique = |name: &str| name.split('.').nth(1).unwrap_or_default().to_owned();
    let file = Path::new(text).file_name().and_then(|n| n.to_str()).unwrap_or(text);
    let base = file.split(':').next().unwrap_or(file);
    let means = |r: &&Request| {
        let digits = text.len() >= 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits && r.fingerprint.to_string().starts_with(text)
            || r.letter
                .iter()
                .any(|l| l.name == base || digits && unique(&l.name).starts_with(text))
    };
    let mut found = all.iter().filter(means);
    match (found.next(), found.next()) {
        (Some(request), None) => Ok(request.clone()),
        (Some(_), Some(_)) => Err(Error::new(
            Kind::NoContact,
            format!("{text} begins several requests; give more of it"),
        )),
        (None, _) => Err(Error::new(
            Kind::NoContact,
            format!("no request is named {}", printable::line(text)),
        )
        .hint("poste list requests")),
    }
}
