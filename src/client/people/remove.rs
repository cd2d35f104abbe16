//! Removing a contact, who is a stranger from then on: offers made and received are erased, what was
//! queued is dropped, and their messages go unless they are kept. The contact's file goes last, so
//! that a removal which was cut short leaves a contact, who can be removed again. The ids of letters
//! that came stay, so that none is filed once more. With the messages, also those in the folder of a
//! group, stays the card by which they verify; it goes when they are removed after all. A group that
//! one is out of is forgotten by its name in the same way.
//! Specified in poste(1) and poste-protocol(7), Acknowledgement.

use super::mend;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::groups::{self, Seated};
use crate::client::queue;
use crate::core::keys::{Fingerprint, GroupId};
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct Removed {
    /// Who it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Which group it was, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Letters that will not be sent.
    pub letters: usize,
    /// Messages deleted.
    pub messages: usize,
    /// Whether their folder stays, since files lie in it that are no messages.
    pub folder_stays: bool,
    /// Whether the card stays by which their messages in the folders of groups verify.
    pub card_stays: bool,
    /// The groups in which they are or were.
    pub groups: Vec<Seated>,
    /// People of a group who have not heard yet that one has left it.
    pub unheard: usize,
}

/// Removes a contact, or a group that one is out of, and the messages unless `keep_mail`.
pub fn remove(env: &mut Env<'_>, petname: &Petname, keep_mail: bool) -> Result<Removed, Error> {
    let lock = env.lock()?;
    let (contacts, _) = mend(env, &lock)?;
    if let Some(group) = groups::find(env, petname)? {
        let gone = groups::forget(env, &lock, &group, &contacts, keep_mail)?;
        return Ok(Removed {
            group: Some(gone.id),
            messages: gone.messages,
            folder_stays: gone.folder_stays,
            unheard: gone.unheard,
            ..Removed::default()
        });
    }
    let places = env.home.places().clone();
    let past = past(env, petname)?;
    let contact = match Contact::load(&places, petname)? {
        None if past.is_empty() => return Err(nobody(petname)),
        found => found,
    };
    let person = contact.as_ref().or(past.last().map(|past| &past.contact));
    let fingerprint = person.ok_or_else(|| nobody(petname))?.fingerprint;
    // What is sealed cannot be looked into here: any message of a group may be theirs.
    let groups = groups::seats(env, fingerprint)?;
    let in_groups = |groups: &[Seated]| groups.iter().any(|seated| seated.messages);
    let card_stays = !keep_mail && in_groups(&groups);
    let letters = match &contact {
        Some(contact) => forget(env, &lock, contact)?,
        None => 0,
    };
    let fingerprint = Some(fingerprint);
    let mut removed = Removed { fingerprint, letters, card_stays, groups, ..Removed::default() };
    if let Some(contact) = contact.as_ref().filter(|_| keep_mail || card_stays) {
        Past { until: env.now().day(), contact: contact.clone() }.save(&places)?;
    }
    if !keep_mail {
        let folder = Folder::from(petname);
        let gone = Maildir::new(places.mail()).remove_folder(&folder)?;
        (removed.messages, removed.folder_stays) = (gone.messages, gone.stays);
        for who in past.iter().map(|past| past.contact.fingerprint) {
            if !in_groups(&groups::seats(env, who)?) {
                Past::remove(&places, who)?;
            }
        }
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
    let places = env.home.places();
    if Contact::load(places, petname)?.is_none() && past(env, petname)?.is_empty() {
        groups::find(env, petname)?.ok_or_else(|| nobody(petname))?;
    }
    Ok(Maildir::new(env.home.places().mail()).list(&Folder::from(petname))?.len())
}

fn nobody(petname: &Petname) -> Error {
    let what = format!("no contact and no group is named {petname}");
    Error::new(Kind::NoContact, what).hint("poste contacts").hint("poste groups")
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
