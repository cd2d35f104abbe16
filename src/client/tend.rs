//! Tending the tree: flags, deleting, moving. All of it is as if a mail program had done it, since
//! other programs may do the same at any moment; but for letters in quarantine, which are in a list.
//! Specified in poste(1), mark, delete and move.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::quarantine;
use crate::store::contacts::Contact;
use crate::store::maildir::{Entry, Flags, Folder, Maildir};
use crate::store::petname::Petname;
use std::path::PathBuf;

/// Sets flags and takes flags away. Gives the path that the message has then.
pub fn mark(env: &Env<'_>, entry: &Entry, set: Flags, unset: Flags) -> Result<PathBuf, Error> {
    let mail = Maildir::new(env.home.places().mail());
    let flags = entry.flags.without(unset).with(set);
    // What nothing is changed of stays in `new`.
    if flags == entry.flags && !set.contains(Flags::SEEN) {
        return Ok(entry.path.clone());
    }
    Ok(mail.set_flags(entry, flags)?.ok_or_else(|| gone(entry))?.path)
}

/// Deletes a message. What came does not come again.
pub fn delete(env: &mut Env<'_>, entry: &Entry) -> Result<(), Error> {
    match entry.folder == Folder::quarantine() {
        true => quarantine::drop(env, entry),
        false => Ok(Maildir::new(env.home.places().mail()).remove(entry)?),
    }
}

/// Moves a message into another folder: one that is there, that of a contact, or with `make` any.
/// Gives its path there.
pub fn move_to(
    env: &mut Env<'_>,
    entry: &Entry,
    folder: &Folder,
    make: bool,
) -> Result<PathBuf, Error> {
    let quarantine = Folder::quarantine();
    if entry.folder == quarantine && *folder != quarantine {
        let what =
            format!("{} is unproven, and leaves only by your own hand", entry.path.display());
        return Err(Error::new(Kind::Data, what).hint("poste quarantine keep"));
    }
    if entry.folder != *folder {
        may_hold(folder)?;
    }
    if !make {
        is_there(env, folder, &format!("poste move --make … {folder}"))?;
    }
    let mail = Maildir::new(env.home.places().mail());
    Ok(mail.move_to(entry, folder)?.ok_or_else(|| gone(entry))?.path)
}

/// Refuses the folders into which one puts nothing oneself: no command could use it there.
pub fn may_hold(folder: &Folder) -> Result<(), Error> {
    match [Folder::quarantine(), Folder::requests()].contains(folder) {
        true => Err(Error::new(Kind::Data, format!("{folder} holds only what came so"))),
        false => Ok(()),
    }
}

/// A folder that has been made, or is that of a contact; a slip of the finger makes none. Otherwise
/// it is said that `made` makes it.
pub fn is_there<'f>(env: &Env<'_>, folder: &'f Folder, made: &str) -> Result<&'f Folder, Error> {
    let petname = folder.as_str().parse::<Petname>().ok();
    let contact = petname.map(|name| Contact::load(env.home.places(), &name)).transpose()?;
    let folders = Maildir::new(env.home.places().mail()).folders()?;
    if contact.flatten().is_some() || folders.contains(folder) || *folder == Folder::inbox() {
        return Ok(folder);
    }
    let what = format!("there is no folder {folder}");
    Err(Error::new(Kind::NoContact, what).hint(format!("to make it: {made}")))
}

fn gone(entry: &Entry) -> Error {
    Error::new(Kind::NoMessage, format!("{} is gone", entry.path.display()))
}
