//! To whom a mail goes: contacts and groups, named by petnames or as a mail program names them.
//! Nobody gets it twice. An address that names nobody stops the whole.
//! Specified in poste(1), send and sendmail.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::groups::{self, Addressed};
use crate::client::people;
use crate::core::encode::hex;
use crate::core::mail::recipients;
use crate::core::printable;
use crate::core::random::bytes;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::petname::Petname;

/// A contact, or a group, whose members get one mail.
pub(super) struct Target {
    pub name: Petname,
    pub contacts: Vec<Contact>,
    pub group: Option<Addressed>,
    pub message_id: String,
    /// When the mail was written, to the minute, in all its letters.
    pub date: Time,
}

/// Who is meant, nobody twice: of who is in a group that is named only the group's letter is read.
pub(super) fn targets(env: &mut Env<'_>, to: &[Petname]) -> Result<Vec<Target>, Error> {
    let date = env.now().minute();
    let mut all: Vec<Target> = Vec::new();
    let mut people = Vec::new();
    for name in to {
        if groups::find(env, name)?.is_none() {
            people.push(people::reachable(env, name)?);
            continue;
        }
        let message_id = message_id(env);
        let group = groups::addressed(env, name)?;
        if all.iter().all(|known| known.group.as_ref().is_none_or(|g| g.id() != group.id())) {
            let (name, contacts) = (name.clone(), group.contacts.clone());
            all.push(Target { name, contacts, group: Some(group), message_id, date });
        }
    }
    for contact in people {
        let has = |target: &Target| {
            target.contacts.iter().any(|known| known.fingerprint == contact.fingerprint)
        };
        if !all.iter().any(has) {
            let message_id = message_id(env);
            let name = contact.petname.clone();
            all.push(Target { name, contacts: vec![contact], group: None, message_id, date });
        }
    }
    Ok(all)
}

fn message_id(env: &mut Env<'_>) -> String {
    format!("<{}@poste>", hex(&bytes::<16>(env.rng)))
}

/// The petnames that a mail program means: its arguments, and with `from_headers` To, Cc and Bcc.
pub fn recipients(
    env: &Env<'_>,
    arguments: &[String],
    from_headers: bool,
    mail: &[u8],
) -> Result<Vec<Petname>, Error> {
    let mut names = Vec::new();
    for argument in arguments {
        names.extend(recipients::of_argument(argument).map_err(no_contact)?);
    }
    if from_headers {
        names.extend(recipients::of_mail(mail)?);
    }
    let mut out: Vec<Petname> = Vec::new();
    for name in names {
        let petname: Petname = name.parse().map_err(|e| {
            let shown = printable::line(&name);
            Error::new(Kind::NoContact, format!("{shown} is no contact: {e}"))
                .hint("poste contacts")
        })?;
        reachable(env, &petname)?;
        if !out.contains(&petname) {
            out.push(petname);
        }
    }
    Ok(out)
}

/// An error unless a letter can go to the contact or group of that name.
pub fn reachable(env: &Env<'_>, name: &Petname) -> Result<(), Error> {
    match groups::find(env, name)? {
        Some(_) => groups::joined(env, name).map(drop),
        None => people::reachable(env, name).map(drop),
    }
}

fn no_contact(error: recipients::RecipientError) -> Error {
    Error::new(Kind::NoContact, error.to_string())
}
