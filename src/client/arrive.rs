//! What becomes of a letter that arrived. Only an authentic one has effect: it is filed,
//! acknowledged, and its control data are obeyed. From an unproven one nothing is taken but a card
//! and a seed, which prove themselves; it goes to quarantine. A stranger's waits as a request.
//! Specified in poste-protocol(7), Authentication and Acknowledgement.

mod cover;
mod stranger;
mod unproven;

pub use unproven::{drop_from, is_stale};

use crate::client::desk::Desk;
use crate::client::enclosure::{coming, going};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::filing;
use crate::client::groups::{self, Heard, Here, Where};
use crate::client::sync::due;
use crate::core::archive;
use crate::core::card::{NotTaken, SignedCard};
use crate::core::encode::base64;
use crate::core::filed::Head;
use crate::core::judge::{self, Arrival, Author, Reader, Verdict, Why};
use crate::core::keys::{DhPublic, LetterId, SignPublic};
use crate::core::letter::{Kind, Letter};
use crate::core::time::{Day, HOUR, Time};
use crate::store::contacts::Contact;
use crate::store::keyring::Series;
use crate::store::maildir::Folder;
use crate::store::outbox::Item;
use crate::store::peers::Peer;
use crate::store::quarantine::Waiting;
use crate::store::seen::Key;
use std::path::PathBuf;

/// Whoever made a letter so many seconds ago is taken to be awake.
const JUST: u64 = 2 * HOUR;
/// Why a letter is dropped whose mail cannot be filed.
const UNFIT: &str = "a mail whose header breaks the limits of mail";

/// Why a letter of a group is dropped whose author may have been invited a moment ago.
const TOO_EARLY: &str = "a letter of a group by somebody who is not known to be in it yet";

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
    /// It is the head of an enclosure, whose cells are asked for.
    Coming,
    /// It invites into a group.
    Invited,
    /// It held control data alone, which have been obeyed.
    Obeyed,
    /// It is unproven, and lies in quarantine.
    Quarantined {
        /// Where.
        path: PathBuf,
        /// Why.
        why: Why,
    },
    /// It came by hand and is unproven: it is filed nowhere.
    Unproven {
        /// The letter in filed form, whose first line says that it is unproven.
        message: Vec<u8>,
        /// Why.
        why: Why,
    },
    /// It waits for a card that lists its day.
    Waiting,
}

/// How a letter came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Hand,
    Late,
    Relay,
}

/// Takes a letter, opened, that arrived so.
pub fn take(
    env: &mut Env<'_>,
    desk: &mut Desk,
    bytes: &[u8],
    arrival: Arrival,
) -> Result<Outcome, Error> {
    decide(env, desk, bytes, arrival, Way::Relay)
}

/// Takes a letter that has waited for a card since it arrived so.
pub fn take_late(
    env: &mut Env<'_>,
    desk: &mut Desk,
    bytes: &[u8],
    arrival: Arrival,
) -> Result<Outcome, Error> {
    decide(env, desk, bytes, arrival, Way::Late)
}

/// Takes a letter that came by hand so. If it is unproven, it is given back to be shown.
pub fn take_by_hand(
    env: &mut Env<'_>,
    desk: &mut Desk,
    bytes: &[u8],
    arrival: Arrival,
) -> Result<Outcome, Error> {
    decide(env, desk, bytes, arrival, Way::Hand)
}

fn decide(
    env: &mut Env<'_>,
    desk: &mut Desk,
    bytes: &[u8],
    arrival: Arrival,
    way: Way,
) -> Result<Outcome, Error> {
    let Ok(letter) = Letter::read(bytes) else { return Ok(Outcome::Dropped("no letter")) };
    if letter.control.from == desk.me.fingerprint() {
        return Ok(Outcome::Dropped("one's own letter"));
    }
    if desk.blocked.contains(&letter.control.from) {
        return Ok(Outcome::Dropped("a letter of somebody who is blocked"));
    }
    // A card that cannot be taken says nothing of the letter.
    let card = letter.control.card.as_ref();
    let card = card.and_then(|text| SignedCard::parse(text.as_bytes()).ok());
    let card = card.filter(|card| card.card.fingerprint() == letter.control.from);
    if letter.control.kind == Kind::Cover {
        return cover::take(env, desk, &letter, card, (arrival, way));
    }
    match desk.contacts.iter().position(|c| c.fingerprint == letter.control.from) {
        Some(at) => from_contact(env, desk, at, (&letter, bytes), card, (arrival, way)),
        // It may be the contact whose file cannot be read.
        None if desk.incomplete => {
            Ok(Outcome::Dropped("a letter of nobody known, while a file cannot be read"))
        }
        None => stranger::take(env, desk, &letter, card, (arrival, way)),
    }
}

fn from_contact(
    env: &mut Env<'_>,
    desk: &mut Desk,
    at: usize,
    (letter, bytes): (&Letter<'_>, &[u8]),
    card: Option<SignedCard>,
    (arrival, way): (Arrival, Way),
) -> Result<Outcome, Error> {
    let carried = carried(letter, card.as_ref());
    learn(env, desk, at, letter, card)?;
    let contact = desk.contacts[at].clone();
    let day = letter.control.day;
    // What comes too late is unproven whatever its key, which for a day long past is much work.
    let in_time = day.plus(1) >= arrival.stored.day();
    let author = Author {
        sign: contact.card.card.sign,
        day_key: if in_time { contact.day_key(day) } else { None },
        // No seed of its day or a later one was held when a letter began to wait, else it had been
        // unproven at once; those learnt since do not count.
        held: if way == Way::Late { carried } else { contact.held_day().max(carried) },
    };
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    match judge::judge(letter, &author, &reader, arrival) {
        Verdict::Authentic => authentic(env, desk, &contact, letter, author),
        Verdict::Unproven(why) if way == Way::Hand => Ok(unproven::given_back(desk, letter, why)),
        Verdict::Unproven(why) => unproven::quarantine(env, desk, letter, why),
        Verdict::Unlisted => {
            let to = desk.transit.transit.recipient();
            let sealed = base64(&archive::seal_at_rest(&to, bytes, env.rng));
            let Arrival { stored, clock_is_good } = arrival;
            let waiting = Waiting { stored, clock_is_good, sealed, path: PathBuf::new() };
            match waiting.keep(env.home.places(), letter.control.from, letter.control.id)? {
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
            // It was made, or repeated, before a newer one was seen.
            Err(NotTaken::Rollback) => {}
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
    let me = desk.me.fingerprint();
    let group = control.group.as_ref().filter(|_| control.kind == Kind::Mail);
    let group = match group.map(|said| groups::place(env, me, control.from, control.date, said)) {
        None => None,
        Some(place) => match place? {
            Where::Elsewhere => None,
            Where::Here(here) => {
                groups::compare(env, control)?;
                Some(here)
            }
            Where::Later => return Ok(Outcome::Dropped(TOO_EARLY)),
        },
    };
    let mut heard = Heard::NotYet;
    let outcome = match control.kind {
        // A letter of a cover conversation does not come to this.
        Kind::Control | Kind::Cover => {
            heard = hear(env, desk, contact, letter)?;
            if heard == Heard::Invited { Outcome::Invited } else { Outcome::Obeyed }
        }
        Kind::Mail if control.enclosure.is_some() => match author.day_key {
            Some(day_key) => coming::head(env, desk, contact, letter, day_key)?,
            None => return Ok(Outcome::Dropped(UNFIT)),
        },
        Kind::Mail => {
            let own = || Folder::from(&contact.petname);
            let folder = group.as_ref().map_or_else(own, |here| here.folder.clone());
            let (series, known) = (contact.card.card.series, |day| contact.day_key(day));
            let head = head(letter, desk.me, group.as_ref());
            let Some(message) = message(desk, letter, head, author, series, known) else {
                return Ok(Outcome::Dropped(UNFIT));
            };
            let key = key(letter);
            let Desk { lock, seen, .. } = desk;
            match filing::deliver_once(env, lock, seen, key, &folder, control.date, &message)? {
                Some(path) => {
                    coming::forget(&places, control.from, control.id)?;
                    Outcome::Filed { folder, path }
                }
                None => Outcome::Duplicate,
            }
        }
    };
    for held in desk.quarantine.find(contact.fingerprint, control.id) {
        drop_from(env, desk, &held)?;
        desk.quarantine.save(&places)?;
    }
    let mut peer = Peer::load(&places, contact.fingerprint)?;
    // Each hour is enough, and leaves the file alone else.
    let known = peer.awake <= now && now.since(peer.awake) < HOUR;
    if control.date <= now && now.since(control.date) <= JUST && !known {
        peer.awake = now;
    }
    // A date in the future must not outlast all later ones.
    peer.learn(control.date.min(now), control.card_seen, control.offer_seen);
    if control.is_acknowledged() {
        peer.last_letter = now;
        if control.card.is_some() && control.offer.is_some() {
            peer.fell_back = now;
        }
        // The head of an enclosure is acknowledged when the mail is there.
        // What is said of a group, when it is known.
        if matches!(outcome, Outcome::Filed { .. } | Outcome::Duplicate) || heard != Heard::NotYet {
            peer.owe(control.id);
        }
    }
    peer.save(&places, contact.fingerprint)?;
    if let Some(offer) = &control.offer
        && desk.transit.take(contact.fingerprint, offer, now)
    {
        desk.transit.save(&places)?;
    }
    if let Some(want) = &control.want {
        going::take_want(env, desk, contact, control.date, want)?;
    }
    acknowledged(env, desk, contact, &control.acks)?;
    Ok(outcome)
}

/// Takes what the letter says of a group.
fn hear(
    env: &mut Env<'_>,
    desk: &mut Desk,
    contact: &Contact,
    letter: &Letter<'_>,
) -> Result<Heard, Error> {
    let (control, from) = (&letter.control, contact.fingerprint);
    match (&control.statement, &control.introduction) {
        (Some(statement), _) => groups::statement(env, desk, from, statement),
        (None, Some(introduction)) => groups::introduction(env, desk, from, introduction),
        (None, None) => Ok(Heard::NotYet),
    }
}

/// Records that letters are safe with their addressee. If one of them went by the offer, the offer
/// is not lost, and what else is on its way to them goes on by it.
fn acknowledged(
    env: &Env<'_>,
    desk: &mut Desk,
    contact: &Contact,
    acks: &[LetterId],
) -> Result<(), Error> {
    let (places, now, own) = (env.home.places(), env.now(), desk.card.card.class);
    let theirs = |item: &&mut Item| item.to == contact.fingerprint && item.acknowledged.is_none();
    let mut by_offer = false;
    for item in desk.outbox.iter_mut().filter(theirs).filter(|item| acks.contains(&item.id)) {
        let last = item.attempt.last().map(|attempt| attempt.at);
        by_offer |= last.is_some_and(|at| !due::is_fallback(item, contact, own, at));
        item.acknowledge(places, now)?;
    }
    for item in desk.outbox.iter_mut().filter(theirs).filter(|_| by_offer) {
        item.heard = Some(now);
        item.save(places)?;
    }
    Ok(())
}

/// The message in filed form; `None` for a mail whose header breaks the limits of mail, which no
/// sender of good will sends.
fn message(
    desk: &Desk,
    letter: &Letter<'_>,
    head: Head,
    author: Author,
    series: Time,
    known: impl Fn(Day) -> Option<DhPublic>,
) -> Option<Vec<u8>> {
    let Series { number, dh, .. } = &desk.transit.series;
    let reader = Reader { sign: desk.me, dh };
    let (head, key) = filing::by_date(head, author.day_key?, series.max(*number), known);
    filing::as_reader(&head, letter.mail, author.sign, key, &reader).ok()
}

/// The newest day whose seed the letter itself or its card's trailer gives away.
fn carried(letter: &Letter<'_>, card: Option<&SignedCard>) -> Option<Day> {
    let trailer = card.and_then(|card| card.disclosed.as_ref());
    [letter.control.disclosed.as_ref(), trailer].into_iter().flatten().map(|d| d.date).max()
}

fn head(letter: &Letter<'_>, me: SignPublic, group: Option<&Here>) -> Head {
    let control = &letter.control;
    Head {
        id: control.id,
        day: control.day,
        from: control.from,
        to: group.map_or_else(|| vec![me.fingerprint()], |here| here.to.clone()),
        date: control.date,
        group: group.map(|here| here.of(letter.mail)),
    }
}

fn key(letter: &Letter<'_>) -> Key {
    (*letter.control.from.as_bytes(), *letter.control.id.as_bytes())
}
