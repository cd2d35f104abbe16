//! Contacts and requests: pinning a person by fingerprint, accepting a stranger, comparing words,
//! and the ends of an acquaintance. Each change is one atomic writing of the contact's file, or can
//! be cut short after any step and gone on with: [`mend`] does so for what the user was promised
//! and no key says again. Nobody blocked is written to.
//! Specified in poste(1), People, and poste-protocol(7), Card and Acknowledgement.

mod add;
mod admit;
pub mod block;
mod introduce;
mod query;
mod remove;
mod rename;
mod words;

pub use add::{Added, accept, add};
pub use block::{block, unblock};
pub use introduce::{arrived, introduce, unused};
pub use query::{Address, query};
pub use remove::{Removed, messages, remove};
pub use rename::{free, move_folder, rename};
pub use words::{Words, confirm, words};

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{groups, own};
use crate::core::keys::Fingerprint;
use crate::core::time::Time;
use crate::store;
use crate::store::contacts::{Contact, Past};
use crate::store::lock::StateLock;
use crate::store::petname::Petname;
use crate::store::requests::Request;
use serde::Serialize;

/// A line of the list of contacts and requests.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The petname, or for a request and somebody former the first digits of the fingerprint.
    pub name: String,
    /// The identity link.
    pub link: String,
    /// `confirmed`, `unconfirmed`, `introduced`, `ended`, `blocked`, `request`, `former` or
    /// `invitation`.
    pub state: &'static str,
    /// When the words were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Time>,
    /// The petname that somebody former had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Petname>,
}

/// Contacts, then requests, then those who were contacts and whose messages were kept, then
/// invitations to groups.
pub fn list(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let digits = |who: Fingerprint| who.to_string()[..16].to_owned();
    let contact = |c: Contact| Row {
        name: c.petname.to_string(),
        link: link(&c),
        compared: c.compared.filter(|_| c.confirmed),
        was: None,
        state: state(&c),
    };
    let request = |r: Request| Row {
        name: digits(r.fingerprint),
        link: format!("#{}", r.fingerprint),
        state: "request",
        compared: None,
        was: None,
    };
    let former = |past: Past| Row {
        name: digits(past.contact.fingerprint),
        link: link(&past.contact),
        state: "former",
        compared: None,
        was: Some(past.contact.petname),
    };
    let contacts = contacts(env)?;
    let requests = env.readable(Request::load_all(env.home.places())?);
    let invitation = |row: groups::Row| Row {
        link: format!("group:{} of {}", row.id, row.by),
        name: row.name,
        state: "invitation",
        compared: None,
        was: None,
    };
    let mut past = env.readable(Past::load_all(env.home.places())?);
    // One who is coming back may be both.
    past.retain(|past| contacts.iter().all(|c| c.fingerprint != past.contact.fingerprint));
    let mut rows: Vec<Row> = contacts.into_iter().map(contact).collect();
    rows.extend(requests.into_iter().map(request));
    rows.extend(past.into_iter().map(former));
    rows.extend(groups::invitations(env)?.into_iter().map(invitation));
    Ok(rows)
}

/// All contacts; the lock is taken only if a rename was cut short.
fn contacts(env: &Env<'_>) -> Result<Vec<Contact>, Error> {
    let contacts = env.readable(Contact::load_all(env.home.places())?);
    match contacts.iter().any(|contact| contact.becomes.is_some()) {
        true => Ok(env.readable(mend(env, &env.lock()?)?)),
        false => Ok(contacts),
    }
}

fn state(contact: &Contact) -> &'static str {
    match (contact.blocked, contact.card.card.end, contact.confirmed) {
        (true, _, _) => "blocked",
        (false, true, _) => "ended",
        (false, false, true) => "confirmed",
        (false, false, false) if contact.introduced.is_some() => "introduced",
        (false, false, false) => "unconfirmed",
    }
}

fn link(contact: &Contact) -> String {
    match contact.urls.first() {
        Some(url) => format!("{url}#{}", contact.fingerprint),
        None => own::link(&contact.card.card),
    }
}

/// The contact of that name, or an error with a hint.
pub fn load(env: &Env<'_>, petname: &Petname) -> Result<Contact, Error> {
    Contact::load(env.home.places(), petname)?.ok_or_else(|| no_contact(petname))
}

fn no_contact(petname: &Petname) -> Error {
    Error::new(Kind::NoContact, format!("no contact is named {petname}"))
        .hint(format!("poste add {petname} LINK"))
        .hint("poste contacts")
}

/// The contact of that name, to be written to: not one who is blocked.
pub fn reachable(env: &Env<'_>, petname: &Petname) -> Result<Contact, Error> {
    let contact = load(env, petname)?;
    match contact.blocked {
        false => Ok(contact),
        true => Err(Error::new(Kind::NoContact, format!("{petname} is blocked"))
            .hint(format!("poste unblock {petname}"))),
    }
}

/// Contacts, and why the files of others cannot be read.
pub type Named = (Vec<Contact>, Vec<store::Error>);

/// Reads all contacts, finishing a rename of one or of a group that was cut short. What is damaged is among the errors;
/// that the system does not let us read one is an error of this.
pub(super) fn mend(env: &Env<'_>, lock: &StateLock) -> Result<Named, Error> {
    groups::mend(env, lock)?;
    let (mut contacts, mut bad) = Contact::load_all(env.home.places())?;
    if let Some(error) = store::Error::passing(&mut bad) {
        return Err(error.into());
    }
    for contact in contacts.iter_mut().filter(|contact| contact.becomes.is_some()) {
        rename::finish(env, lock, contact)?;
    }
    contacts.sort_by(|a, b| a.petname.cmp(&b.petname));
    Ok((contacts, bad))
}
