//! Contacts and requests: pinning a person by fingerprint, accepting a stranger, comparing words,
//! and the ends of an acquaintance. Each change is one atomic writing of the contact's file, or can
//! be cut short after any step and gone on with: [`mend`] does so for what the user was promised
//! and no key says again. Nobody blocked is written to.
//! Specified in poste(1), People, and poste-protocol(7), Card and Acknowledgement.

mod add;
mod admit;
pub mod block;
mod introduce;
mod remove;
mod rename;

pub use add::{Added, accept, add};
pub use block::{block, unblock};
pub use introduce::introduce;
pub use remove::{Removed, messages, remove};
pub use rename::rename;

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{groups, own};
use crate::store;
use crate::store::contacts::Contact;
use crate::store::lock::StateLock;
use crate::store::petname::Petname;
use crate::store::requests::Request;
use serde::Serialize;

/// A line of the list of contacts and requests.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The petname, or for a request the first digits of the fingerprint.
    pub name: String,
    /// The identity link.
    pub link: String,
    /// `confirmed`, `unconfirmed`, `introduced`, `ended`, `blocked`, `request` or `invitation`.
    pub state: &'static str,
}

/// Contacts, then requests, then invitations to groups.
pub fn list(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let contact = |c: Contact| Row {
        name: c.petname.to_string(),
        link: match c.urls.first() {
            Some(url) => format!("{url}#{}", c.fingerprint),
            None => own::link(&c.card.card),
        },
        state: match (c.blocked, c.card.card.end, c.confirmed) {
            (true, _, _) => "blocked",
            (false, true, _) => "ended",
            (false, false, true) => "confirmed",
            (false, false, false) if c.introduced.is_some() => "introduced",
            (false, false, false) => "unconfirmed",
        },
    };
    let request = |r: Request| Row {
        name: r.fingerprint.to_string()[..16].to_owned(),
        link: format!("#{}", r.fingerprint),
        state: "request",
    };
    let mut contacts = env.readable(Contact::load_all(env.home.places())?);
    if contacts.iter().any(|contact| contact.becomes.is_some()) {
        contacts = env.readable(mend(env, &env.lock()?)?);
    }
    let requests = env.readable(Request::load_all(env.home.places())?);
    let invitation = |row: groups::Row| Row {
        link: format!("group:{} of {}", row.id, row.by),
        name: row.name,
        state: "invitation",
    };
    let mut rows: Vec<Row> = contacts.into_iter().map(contact).collect();
    rows.extend(requests.into_iter().map(request));
    rows.extend(groups::invitations(env)?.into_iter().map(invitation));
    Ok(rows)
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

/// The contact of that name, to be written to: not one who is blocked.
pub fn reachable(env: &Env<'_>, petname: &Petname) -> Result<Contact, Error> {
    let contact = load(env, petname)?;
    match contact.blocked {
        false => Ok(contact),
        true => Err(Error::new(Kind::NoContact, format!("{petname} is blocked"))
            .hint(format!("poste unblock {petname}"))),
    }
}

/// Reads all contacts, finishing a rename that was cut short. What is damaged is among the errors;
/// that the system does not let us read one is an error of this.
pub(super) fn mend(
    env: &Env<'_>,
    lock: &StateLock,
) -> Result<(Vec<Contact>, Vec<store::Error>), Error> {
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
