//! What becomes of a letter that arrived. Only an authentic one has effect: it is filed,
//! acknowledged, and its control data are obeyed. From an unproven one nothing is taken but a card
//! and a seed, which prove themselves; it goes to quarantine. A stranger's waits as a request.
//! Specified in poste-protocol(7), Authentication and Acknowledgement.

use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::filing;
use crate::core::archive;
use crate::core::card::SignedCard;
use crate::core::encode::base64;
use crate::core::filed::{self, Head};
use crate::core::judge::{self, Arrival, Author, Reader, Verdict, Why};
use crate::core::keys::SignPublic;
use crate::core::letter::{Kind, Letter};
use crate::core::random::below;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::maildir::{Folder, Maildir, Name, Place};
use crate::store::peers::Peer;
use crate::store::quarantine::{self, Held, Waiting};
use crate::store::requests::{self, Request};
use crate::store::seen::{Key, Mark};
use std::path::PathBuf;

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had been filed before.
    Duplicate,
    /// It was not kept, for this reason.
    Dropped(&'static str),
    /// It is filed.
    Filed {
        /// In which folder.
        folder: Folder,
        /// Where.
        path: PathBuf,
    },
    /// It held control data alone, which have been obeyed.
    Obeyed,
    /// It is unproven, and lies in quarantine.
    Quarantined {
        /// Where.
        path: PathBuf,
        /// Why.
        why: Why,
    },
    /// It waits for a card that lists its day.
    Waiting,
}

/// Takes a letter, opened, that arrived so.
pub fn take(
    env: &mut Env<'_>,
    desk: &mut Desk,
    bytes: &[u8],
    arrival: Arrival,
) -> Result<Outcome, Error> {
    let Ok(letter) = Letter::read(bytes) else { return Ok(Outcome::Dropped("no letter")) };
    if letter.control.from == desk.me.fingerprint() {
        return Ok(Outcome::Dropped("one's own letter"));
    }
    let card = match &letter.control.card {
        Some(text) => match SignedCard::parse(text.as_bytes()) {
            Ok(card) if card.card.fingerprint() == letter.control.from => Some(card),
            _ => return Ok(Outcome::Dropped("a bad card")),
        },
        None => None,
    };
    match desk.contacts.iter().position(|c| c.fingerprint == letter.control.from) {
        Some(at) => from_contact(env, desk, at, &letter, bytes, card, arrival),
        None => from_stranger(env, desk, &letter, card, arrival),
    }
}

fn from_contact(
    env: &mut Env<'_>,
    desk: &mut Desk,
    at: usize,
    letter: &Letter<'_>,
    bytes: &[u8],
    card: Option<SignedCard>,
    arrival: Arrival,
) -> Result<Outcome, Error> {
    learn(env, desk, at, letter, card)?;
    let contact = desk.contacts[at].clone();
    let author = Author {
        sign: contact.card.card.sign,
        day_key: contact.day_key(letter.control.day),
        held: contact.held_day(),
    };
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    match judge::judge(letter, &author, &reader, arrival) {
        Verdict::Authentic => authentic(env, desk, &contact, letter, author),
        Verdict::Unproven(why) => quarantine(env, desk, letter, why),
        Verdict::Unlisted => {
            let to = desk.transit.transit.recipient();
            let sealed = base64(&archive::seal_at_rest(&to, bytes, env.rng));
            let Arrival { stored, clock_is_good } = arrival;
            let waiting = Waiting { stored, clock_is_good, sealed, path: PathBuf::new() };
            match waiting.keep(env.home.places(), letter.control.id)? {
                true => Ok(Outcome::Waiting),
                false => Ok(Outcome::Dropped("too many letters wait for a card")),
            }
        }
    }
}

/// Takes a card and a seed, which prove themselves, from any letter of a contact.
fn learn(
    env: &Env<'_>,
    desk: &mut Desk,
    at: usize,
    letter: &Letter<'_>,
    card: Option<SignedCard>,
) -> Result<(), Error> {
    let now = env.now();
    let contact = &mut desk.contacts[at];
    let mut changed = false;
    if let Some(card) = card {
        match card.check(contact.fingerprint, Some(&contact.card), now) {
            Ok(()) if card.is_newer_than(&contact.card) => {
                contact.take_card(card, now);
                changed = true;
            }
            Ok(()) => {}
            Err(why) => (env.warn)(&format!("a card of {}: {why}", contact.petname)),
        }
    }
    if let Some(disclosed) = &letter.control.disclosed {
        changed |= contact.take_seed(disclosed, now);
    }
    if changed {
        contact.save(env.home.places())?;
    }
    Ok(())
}

fn authentic(
    env: &mut Env<'_>,
    desk: &mut Desk,
    contact: &Contact,
    letter: &Letter<'_>,
    author: Author,
) -> Result<Outcome, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let control = &letter.control;
    if control.enclosure.is_some() {
        return Ok(Outcome::Dropped("an enclosure, which this release cannot fetch"));
    }
    let outcome = match control.kind {
        Kind::Control | Kind::Cover => Outcome::Obeyed,
        Kind::Mail => {
            let folder = Folder::from(&contact.petname);
            let message = message(desk, letter, author)?;
            let key = key(letter);
            let Desk { lock, seen, .. } = desk;
            match filing::deliver_once(env, lock, seen, key, &folder, control.date, &message)? {
                Some(path) => Outcome::Filed { folder, path },
                None => Outcome::Duplicate,
            }
        }
    };
    for held in desk.quarantine.take(contact.fingerprint, control.id) {
        discard(env, &held)?;
        desk.quarantine.save(&places)?;
    }
    let mut peer = Peer::load(&places, contact.fingerprint)?;
    if control.date >= peer.latest {
        peer.latest = control.date;
        peer.card_seen = control.card_seen;
        peer.offer_seen = control.offer_seen;
    }
    if control.kind == Kind::Mail {
        peer.last_letter = peer.last_letter.max(now);
        if !peer.acks.contains(&control.id) {
            peer.acks.push(control.id);
        }
    }
    peer.save(&places, contact.fingerprint)?;
    if let Some(offer) = &control.offer
        && desk.transit.take(contact.fingerprint, offer, now)
    {
        desk.transit.save(&places)?;
    }
    for item in desk.outbox.iter_mut().filter(|item| item.to == contact.fingerprint) {
        if control.acks.contains(&item.id) && item.acknowledged.is_none() {
            item.acknowledge(&places, now)?;
        }
    }
    Ok(outcome)
}

fn from_stranger(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    card: Option<SignedCard>,
    arrival: Arrival,
) -> Result<Outcome, Error> {
    let control = &letter.control;
    let now = env.now();
    let Some(card) = card else {
        return Ok(Outcome::Dropped("a stranger's letter without a card"));
    };
    if card.check(control.from, None, now).is_err() || card.card.expires < now {
        return Ok(Outcome::Dropped("a stranger's card that cannot be taken"));
    }
    let bits = desk.card.card.stamp_bits;
    let worth = |stamp: &crate::core::stamp::Stamp| {
        stamp.is_worth(&desk.me, &card.card.sign, &control.id, bits)
    };
    if bits > 0 && !control.stamp.as_ref().is_some_and(worth) {
        return Ok(Outcome::Dropped("a stranger's letter without a sufficient stamp"));
    }
    let held = [&control.disclosed, &card.disclosed].into_iter().flatten().map(|d| d.date).max();
    let author = Author { sign: card.card.sign, day_key: card.card.day_key(control.day), held };
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    if judge::judge(letter, &author, &reader, arrival) != Verdict::Authentic {
        return Ok(Outcome::Dropped("a stranger's letter that is unproven"));
    }
    if control.kind != Kind::Mail || control.enclosure.is_some() {
        return Ok(Outcome::Dropped("a stranger's letter without a mail"));
    }
    request(env, desk, letter, card, author)
}

/// Files a stranger's letter as a request. Its name stands in the request before it is delivered.
fn request(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    card: SignedCard,
    author: Author,
) -> Result<Outcome, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let control = &letter.control;
    let key = key(letter);
    let planned = match desk.seen.lookup(&key.0, &key.1) {
        Some(Mark::Done) => return Ok(Outcome::Duplicate),
        Some(Mark::Planned(name)) => Some(name),
        None => None,
    };
    let all = Request::load_all(&places)?;
    let known = all.iter().find(|r| r.fingerprint == control.from).cloned();
    let mut request = known.unwrap_or_else(|| Request::new(control.from, card.text(), now));
    let total: usize = all.iter().map(|r| r.letter.len()).sum();
    if planned.is_none() && (request.letter.len() >= requests::MOST_EACH || total >= requests::MOST)
    {
        return Ok(Outcome::Dropped("too many requests wait"));
    }
    let name = planned.unwrap_or_else(|| Name::new(control.date.minute(), env.rng));
    if planned.is_none() {
        desk.seen.plan(&desk.lock, now, &[(key, name)])?;
    }
    if SignedCard::parse(request.card.as_bytes()).is_ok_and(|old| card.is_newer_than(&old)) {
        request.card = card.text().to_owned();
    }
    if !request.letter.iter().any(|l| l.id == control.id) {
        request.letter.push(requests::Waiting { id: control.id, name: name.to_string() });
    }
    if control.date >= request.latest {
        request.latest = control.date;
        request.card_seen = control.card_seen;
        request.offer_seen = control.offer_seen;
    }
    if let Some(offer) = &control.offer {
        request.keep_offer(offer);
    }
    request.save(&places)?;
    let folder = Folder::requests();
    let message = message(desk, letter, author)?;
    let path = filing::deliver(&places, &folder, &name, Place::New, &message, env.rng)?;
    desk.seen.done(&desk.lock, now, &[key])?;
    Ok(Outcome::Filed { folder, path })
}

fn quarantine(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    why: Why,
) -> Result<Outcome, Error> {
    let control = &letter.control;
    if control.kind != Kind::Mail {
        return Ok(Outcome::Dropped("an unproven letter without a mail"));
    }
    let places = env.home.places().clone();
    let now = env.now();
    for held in desk.quarantine.take(control.from, control.id) {
        discard(env, &held)?;
    }
    while desk.quarantine.letter.len() >= quarantine::MOST {
        let which = below(env.rng, desk.quarantine.letter.len() as u64) as usize;
        let held = desk.quarantine.letter.remove(which);
        discard(env, &held)?;
    }
    let message = filed::write_unproven(&head(letter, desk.me), letter.mail, why.word())?;
    let name = Name::new(now, env.rng);
    desk.quarantine.letter.push(Held {
        from: control.from,
        id: control.id,
        since: now,
        name: name.to_string(),
    });
    desk.quarantine.save(&places)?;
    let folder = Folder::quarantine();
    let path = filing::deliver(&places, &folder, &name, Place::New, &message, env.rng)?;
    Ok(Outcome::Quarantined { path, why })
}

/// Removes a letter from the quarantine folder.
pub fn discard(env: &Env<'_>, held: &Held) -> Result<(), Error> {
    let mail = Maildir::new(env.home.places().mail());
    if let Ok(name) = held.name.parse()
        && let Some(entry) = mail.locate(&Folder::quarantine(), &name)?
    {
        mail.remove(&entry)?;
    }
    Ok(())
}

fn message(desk: &Desk, letter: &Letter<'_>, author: Author) -> Result<Vec<u8>, Error> {
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    let Some(day_key) = author.day_key else {
        return Err(Error::new(
            crate::client::error::Kind::Bug,
            "an authentic letter has a day key",
        ));
    };
    filing::as_reader(&head(letter, desk.me), letter.mail, author.sign, day_key, &reader)
}

fn head(letter: &Letter<'_>, me: SignPublic) -> Head {
    let control = &letter.control;
    Head {
        id: control.id,
        day: control.day,
        from: control.from,
        to: vec![me.fingerprint()],
        date: control.date,
        group: None,
    }
}

fn key(letter: &Letter<'_>) -> Key {
    (*letter.control.from.as_bytes(), *letter.control.id.as_bytes())
}

/// Whether something that arrived at `since` has waited too long at `now`.
pub fn is_stale(since: Time, now: Time) -> bool {
    now.since(since) > quarantine::KEPT
}
