//! Removing a contact, who is a stranger from then on: offers made and received are erased, what was
//! queued is dropped, and their messages go unless they are kept. The contact's file goes last, so
//! that a removal which was cut short leaves a contact, who can be removed again. The ids of letters
//! that came stay, so that none is filed once more. With the messages stays the card by which they
//! verify; it goes when they are removed after all.
//! Specified in poste(1) and poste-protocol(7), Acknowledgement.

use super::{mend, no_contact};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::queue;
use crate::core::keys::Fingerprint;
use crate::store::contacts::{Contact, Past};
use crate::store::enclosures;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::peers::Peer;
use crate::store::petname::Petname;
use crate::store::quarantine::Waiting;
use serde::Serialize;
use std::slice;

/// What became of somebody removed.
#[derive(Clone, Debug, Serialize)]
pub struct Removed {
    /// Who it was.
    pub fingerprint: Fingerprint,
    /// Letters that will not be sent.
    pub letters: usize,
    /// Messages deleted.
    pub messages: usize,
    /// Whether their folder stays, since files lie in it that are no messages.
    pub folder_stays: bool,
}

/// Removes a contact, and their messages unless `keep_mail`.
pub fn remove(env: &mut Env<'_>, petname: &Petname, keep_mail: bool) -> Result<Removed, Error> {
    let lock = env.lock()?;
    mend(env, &lock)?;
    let places = env.home.places().clone();
    let past = past(env, petname)?;
    let contact = match Contact::load(&places, petname)? {
        None if past.is_empty() => return Err(no_contact(petname)),
        found => found,
    };
    let person = contact.as_ref().or(past.last().map(|past| &past.contact));
    let fingerprint = person.ok_or_else(|| no_contact(petname))?.fingerprint;
    let letters = match &contact {
        Some(contact) => forget(env, &lock, contact)?,
        None => 0,
    };
    let mut removed = Removed { fingerprint, letters, messages: 0, folder_stays: false };
    if keep_mail {
        if let Some(contact) = &contact {
            Past { until: env.now().day(), contact: contact.clone() }.save(&places)?;
        }
    } else {
        let folder = Folder::from(petname);
        let gone = Maildir::new(places.mail()).remove_folder(&folder)?;
        (removed.messages, removed.folder_stays) = (gone.messages, gone.stays);
        past.iter().try_for_each(|past| Past::remove(&places, past.contact.fingerprint))?;
    }
    if let Some(contact) = contact {
        contact.remove(&places)?;
    }
    Ok(removed)
}

/// Those who had the petname before and whose messages were kept.
fn past(env: &Env<'_>, petname: &Petname) -> Result<Vec<Past>, Error> {
    let mut all = env.readable(Past::load_all(env.home.places())?);
    all.retain(|past| past.contact.petname == *petname);
    Ok(all)
}

/// The number of messages that [`remove`] would delete.
pub fn messages(env: &Env<'_>, petname: &Petname) -> Result<usize, Error> {
    if Contact::load(env.home.places(), petname)?.is_none() && past(env, petname)?.is_empty() {
        return Err(no_contact(petname));
    }
    Ok(Maildir::new(env.home.places().mail()).list(&Folder::from(petname))?.len())
}

/// Erases all that is kept of the exchange with a person. Gives the number of letters dropped.
pub(super) fn forget(
    env: &mut Env<'_>,
    lock: &StateLock,
    contact: &Contact,
) -> Result<usize, Error> {
    let person = contact.fingerprint;
    let items = queue::outbox(env, lock, slice::from_ref(contact))?;
    let places = env.home.places();
    let mut letters = 0;
    for item in env.readable(items).iter().filter(|item| item.to == person) {
        item.remove(places)?;
        // What is said of a group is no letter of the user's.
        letters += usize::from(item.is_waiting() && item.errand.is_none());
    }
    Waiting::forget(places, person)?;
    enclosures::forget(places, person)?;
    let mut transit = Transit::load(places)?;
    if transit.forget(person) {
        transit.save(places)?;
    }
    Peer::remove(places, person)?;
    Ok(letters)
}
