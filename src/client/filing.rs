//! Filing: a message becomes a sealed file in the tree, authenticated anew by its holder. Each
//! letter is filed once: its name is written down before it is delivered, and that it was after.
//! Specified in poste-protocol(7), Filed form.

use crate::client::disappear;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::archive;
use crate::core::attempt::{self, Author};
use crate::core::auth::{MacKey, Terms};
use crate::core::card::Card;
use crate::core::chain::Chain;
use crate::core::filed::{self, Head};
use crate::core::judge::Reader;
use crate::core::keys::{DhPublic, SignPublic};
use crate::core::random::Random;
use crate::core::time::{Day, Time};
use crate::store::home::Places;
use crate::store::lock::StateLock;
use crate::store::locked::archive_recipient;
use crate::store::maildir::{Folder, Maildir, Name, Place};
use crate::store::seen::{Key, Mark, Seen};
use std::path::PathBuf;

/// A letter may be on its way for so many days.
const MOST_DAYS: i64 = 31;

/// By which day a letter that came is filed: by the day of its Date, as every message is that is
/// made in the tree, so that a letter which went out after midnight, or again days later, shows no
/// more than a forged one. By the day it names, and the key of that, only if the author's key of
/// the other is not `known`, or it lies before the series of both `begun`.
pub fn by_date(
    head: Head,
    day_key: DhPublic,
    begun: Time,
    known: impl Fn(Day) -> Option<DhPublic>,
) -> (Head, DhPublic) {
    let day = head.date.day();
    let late = head.day.days_since(day);
    let key = ((1..=MOST_DAYS).contains(&late) && begun.day() <= day).then(|| known(day));
    match key.flatten() {
        Some(key) => (Head { day, ..head }, key),
        None => (head, day_key),
    }
}

/// A message in filed form by the reader's key: what was received, forged or kept.
pub fn as_reader(
    head: &Head,
    mail: &[u8],
    author: SignPublic,
    day_key: DhPublic,
    reader: &Reader<'_>,
) -> Result<Vec<u8>, Error> {
    let terms = Terms {
        author,
        day_key,
        day: head.day,
        reader: reader.sign,
        reader_dh: reader.dh.public(),
    };
    let key = MacKey::by_reader(&terms, reader.dh).map_err(|_| attempt::CannotAttempt::Key)?;
    Ok(filed::write(head, mail, &key)?)
}

/// A message of one's own in filed form, to the owner of `card`.
pub fn as_author(
    head: &Head,
    mail: &[u8],
    sign: SignPublic,
    chain: &Chain,
    card: &Card,
) -> Result<Vec<u8>, Error> {
    let key = attempt::mac_key(Author { sign, chain }, card, head.day)?;
    Ok(filed::write(head, mail, &key)?)
}

/// A message sealed to the archive recipient.
pub fn at_rest(places: &Places, message: &[u8], rng: &mut dyn Random) -> Result<Vec<u8>, Error> {
    Ok(archive::seal_at_rest(&archive_recipient(places)?, message, rng))
}

/// Seals a message to the archive recipient and delivers it under `name`, having noted when it
/// disappears. Callers hold the state lock.
pub fn deliver(
    places: &Places,
    folder: &Folder,
    name: &Name,
    place: Place,
    message: &[u8],
    rng: &mut dyn Random,
) -> Result<PathBuf, Error> {
    disappear::note(places, [(name, message)])?;
    let sealed = at_rest(places, message, rng)?;
    Ok(Maildir::new(places.mail()).deliver(folder, name, place, &sealed)?)
}

/// Delivers a letter that came, once: `None` if it was delivered before.
pub fn deliver_once(
    env: &mut Env<'_>,
    lock: &StateLock,
    seen: &mut Seen,
    key: Key,
    folder: &Folder,
    date: Time,
    message: &[u8],
) -> Result<Option<PathBuf>, Error> {
    let now = env.now();
    let name = match seen.lookup(&key.0, &key.1) {
        Some(Mark::Done) => return Ok(None),
        Some(Mark::Planned(name)) => name,
        None => {
            let name = Name::new(date.minute(), env.rng);
            seen.plan(lock, now, &[(key, name)])?;
            name
        }
    };
    let places = env.home.places().clone();
    let path = deliver(&places, folder, &name, Place::New, message, env.rng)?;
    seen.done(lock, now, &[key])?;
    Ok(Some(path))
}
