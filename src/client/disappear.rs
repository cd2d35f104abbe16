//! Messages that disappear: those whose mail says when. Every message that is filed is noted with
//! its time, and a sync with a good clock deletes those whose time is over, wherever they lie. The
//! time is counted from the first sync of a good clock that knew of the message: one that came late
//! lasts as long as any, and no wrong clock takes one away early. It is a courtesy, since whoever
//! holds a message can keep it. Specified in poste(1), send, and poste-files(5).

use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::mail::expires::{self, Lifetime};
use crate::core::time::Time;
use crate::store::expiring::Expiring;
use crate::store::home::Places;
use crate::store::lock::StateLock;
use crate::store::maildir::{Maildir, Name};
use crate::store::petname::Petname;
use std::collections::HashSet;

/// The mail that leaves for a contact or group, as `outgoing` gives it, marked as the configuration says of the conversation
/// unless it says itself when it disappears.
pub fn marked(env: &Env<'_>, name: &Petname, date: Time, mail: Vec<u8>) -> Vec<u8> {
    match env.config.expires.get(name) {
        Some(lasts) if !expires::is_in(&mail) => {
            // Where the field stands that a mail program wrote: nothing tells who put it there.
            let id = mail.windows(11).position(|part| part == b"Message-ID:").unwrap_or(0);
            let end = mail[id..].iter().position(|b| *b == b'\n').map_or(0, |end| id + end + 1);
            [&mail[..end], expires::field(date + *lasts).as_bytes(), &mail[end..]].concat()
        }
        _ => mail,
    }
}

/// Notes when the messages disappear that are about to be filed under these names. Callers hold the
/// state lock. A message that is noted and never filed does no harm.
pub fn note<'a>(
    places: &Places,
    messages: impl IntoIterator<Item = (&'a Name, &'a [u8])>,
) -> Result<(), Error> {
    let all = messages.into_iter().map(|(name, filed)| (name, expires::lifetime(filed)));
    // Most mail is not marked, and for that the list is not even read.
    let marked: Vec<_> = all.filter(|(_, lifetime)| lifetime.is_some()).collect();
    if marked.is_empty() { Ok(()) } else { enter(places, &marked) }
}

/// As [`note`], for a message that takes the place of another, which may have been marked.
pub fn note_again(places: &Places, name: &Name, filed: &[u8]) -> Result<(), Error> {
    enter(places, &[(name, expires::lifetime(filed))])
}

fn enter(places: &Places, found: &[(&Name, Option<Lifetime>)]) -> Result<(), Error> {
    let mut list = Expiring::load(places)?;
    let mut changed = false;
    for (name, lifetime) in found {
        changed |= list.note(name, *lifetime);
    }
    if changed { Ok(list.save(places)?) } else { Ok(()) }
}

/// Deletes what is over by now. To be called by a good clock. Gives the number of messages.
pub fn tidy(env: &Env<'_>, _lock: &StateLock) -> Result<usize, Error> {
    let (places, now) = (env.home.places(), env.now());
    let mut list = Expiring::load(places)?;
    let before = list.clone();
    for message in &mut list.message {
        // A time to come is that of a clock that was wrong.
        message.since = Some(message.since.map_or(now, |since| since.min(now)));
    }
    let mut deleted = 0;
    if list.message.iter().any(|message| message.is_over(now)) {
        let mail = Maildir::new(places.mail());
        let over = list.message.iter().filter(|message| message.is_over(now));
        let over: HashSet<&str> = over.map(|message| message.id.as_str()).collect();
        // A person may have copied one into another folder.
        for folder in mail.folders()? {
            for entry in mail.list(&folder)? {
                if over.contains(entry.name.unique().as_str()) {
                    mail.remove(&entry)?;
                    deleted += 1;
                }
            }
        }
        list.message.retain(|message| !message.is_over(now));
    }
    if list != before {
        list.save(places)?;
    }
    Ok(deleted)
}
