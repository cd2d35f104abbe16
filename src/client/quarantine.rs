//! Unproven letters: looking at them is `show`'s business; here they are listed, kept by the
//! user's own hand (authenticated as a forger would), or dropped. Specified in poste(1),
//! quarantine.

use crate::client::arrive;
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::filing;
use crate::client::read::{self, Reader};
use crate::core::filed::Filed;
use crate::core::judge;
use crate::store::maildir::{Entry, Folder, Maildir};
use crate::store::quarantine::Held;
use std::path::PathBuf;

/// Files a quarantined letter in its supposed author's folder. From then on it is as genuine as
/// any other, and a later authentic copy of it is a duplicate.
pub fn keep(env: &mut Env<'_>, reader: &Reader, entry: &Entry) -> Result<PathBuf, Error> {
    let bytes = reader.read(env, entry)?;
    let path = entry.path.display().to_string();
    let unproven = || Error::new(Kind::Data, format!("{path} is no quarantined letter"));
    let filed = Filed::read(&bytes).map_err(|_| unproven())?;
    filed.unproven().ok_or_else(unproven)?;
    let mut desk = Desk::open(env)?;
    let head = filed.head.clone();
    let contact = desk.contacts.iter().find(|c| c.fingerprint == head.from).ok_or_else(|| {
        Error::new(Kind::NoContact, format!("{} is no contact any more", head.from))
    })?;
    let day_key = contact.day_key(head.day).ok_or_else(|| {
        Error::new(Kind::Data, format!("no card of {} lists {}", contact.petname, head.day))
    })?;
    let me = judge::Reader { sign: desk.me, dh: &desk.transit.series.dh };
    let sign = contact.card.card.sign;
    let begun = contact.card.card.series.max(desk.transit.series.number);
    let (head, day_key) = filing::by_date(head, day_key, begun, |day| contact.day_key(day));
    let message = filing::as_reader(&head, filed.message(), sign, day_key, &me)?;
    let folder = Folder::from(&contact.petname);
    let key = (*head.from.as_bytes(), *head.id.as_bytes());
    let Desk { lock, seen, .. } = &mut desk;
    let kept = filing::deliver_once(env, lock, seen, key, &folder, head.date, &message)?;
    forget(env, &mut desk, entry)?;
    kept.ok_or_else(|| {
        let what = format!("the letter has come authentic since; it lies in {folder}");
        Error::new(Kind::NoMessage, what)
    })
}

/// Deletes a quarantined letter.
pub fn drop(env: &mut Env<'_>, entry: &Entry) -> Result<(), Error> {
    if entry.folder != Folder::quarantine() {
        let path = entry.path.display();
        return Err(Error::new(Kind::Data, format!("{path} does not lie in quarantine")));
    }
    let mut desk = Desk::open(env)?;
    forget(env, &mut desk, entry)
}

/// The quarantined letters.
pub fn list(env: &Env<'_>) -> Result<Vec<Entry>, Error> {
    read::list(env, Some(&Folder::quarantine()), false, None)
}

fn forget(env: &mut Env<'_>, desk: &mut Desk, entry: &Entry) -> Result<(), Error> {
    let name = entry.name.to_string();
    let means = |held: &&Held| held.name == name;
    let gone: Vec<Held> = desk.quarantine.letter.iter().filter(means).cloned().collect();
    for held in &gone {
        arrive::drop_from(env, desk, held)?;
    }
    desk.quarantine.save(env.home.places())?;
    if gone.is_empty() {
        Maildir::new(env.home.places().mail()).remove(entry)?;
    }
    Ok(())
}
