//! Giving a contact or a group another name: its file and the folder of the conversation move
//! together. The filed messages have no names in them, so none is touched. That a rename has begun
//! stands in that file before anything moves, and goes from it after everything has: after
//! a crash in between, whoever holds the state lock next finishes it.
//! Specified in poste(1), rename.

use super::{Named, mend};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::groups;
use crate::store::config;
use crate::store::contacts::{Contact, Past};
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;

/// Calls the contact or group `old` by the name `new`, which neither a contact nor a group nor a
/// folder with messages may have.
pub fn rename(env: &mut Env<'_>, old: &Petname, new: &Petname) -> Result<(), Error> {
    let lock = env.lock()?;
    let named = mend(env, &lock)?;
    let contact = Contact::load(env.home.places(), old)?;
    let group = match contact {
        Some(_) => None,
        None => groups::find(env, old)?,
    };
    if contact.is_none() && group.is_none() {
        let what = format!("no contact and no group is named {old}");
        return Err(Error::new(Kind::NoContact, what).hint("poste contacts").hint("poste groups"));
    }
    if old == new {
        return Ok(());
    }
    free(env, new, &named)?;
    if let Some(group) = group {
        return groups::rename(env, &lock, group, new);
    }
    let Some(mut contact) = contact else { return Ok(()) };
    contact.becomes = Some(new.clone());
    contact.save(env.home.places())?;
    finish(env, &lock, &mut contact)
}

/// An error unless neither a contact nor a group nor a folder with messages has the name. `named`
/// are the contacts, and the files of which it is not known whose they are.
pub fn free(env: &Env<'_>, new: &Petname, named: &Named) -> Result<(), Error> {
    let (contacts, bad) = named;
    groups::not_named(env, new)?;
    let taken = |what: String| Error::new(Kind::CannotCreate, what);
    // A contact whose file cannot be read has a name too.
    let damaged = |error: &crate::store::Error| {
        error.path.file_stem().is_some_and(|stem| stem == new.as_str())
    };
    if contacts.iter().any(|contact| contact.petname == *new) || bad.iter().any(damaged) {
        return Err(taken(format!("there is a contact {new} already")).hint("poste contacts"));
    }
    let folder = Folder::from(new);
    if !Maildir::new(env.home.places().mail()).list(&folder)?.is_empty() {
        return Err(taken(format!("there is a folder {new} already, with messages in it"))
            .hint(format!("poste list {new}")));
    }
    Ok(())
}

/// Moves what has not moved yet: first the folder, then the file, by whose name it is known whether
/// the folder moved. Each step can be done again.
pub(super) fn finish(env: &Env<'_>, _lock: &StateLock, contact: &mut Contact) -> Result<(), Error> {
    let Some(new) = contact.becomes.take() else { return Ok(()) };
    let places = env.home.places();
    if contact.petname != new {
        move_folder(env, &contact.petname, &new)?;
        for mut past in env.readable(Past::load_all(places)?) {
            if past.contact.petname == contact.petname {
                past.contact.petname = new.clone();
                past.save(places)?;
            }
        }
        contact.rename(places, &new)?;
    }
    Ok(contact.save(places)?)
}

/// Moves the folder of a conversation, and what the configuration says of it.
pub fn move_folder(env: &Env<'_>, old: &Petname, new: &Petname) -> Result<(), Error> {
    let places = env.home.places();
    let (from, to) = (Folder::from(old), Folder::from(new));
    Maildir::new(places.mail()).rename_folder(&from, &to)?;
    // By hand it can be mended, so it stops no rename.
    if let Err(error) = config::rename(&places.config_file(), old, new) {
        (env.warn)(&error.to_string());
    }
    Ok(())
}
