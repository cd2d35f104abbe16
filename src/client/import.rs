//! Import: messages from an archive, a Maildir or an mbox into the tree. Archives are hostile: each
//! is read to its end before anything is written. What is there already stays, unless it is to be
//! replaced; a message that cannot be taken is named, and stops nothing else. Cut short, it can be
//! run again. Specified in poste(1), import, and poste-files(5), Archives.

mod group;
pub mod message;
pub mod place;
mod source;
mod tree;

use crate::client::disappear;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::export::{ContactFile, ContactFiles, MAIL};
use crate::client::parties::{Parties, of_contact};
use crate::client::read::Reader;
use crate::client::tend;
use crate::core::keys::Fingerprint;
use crate::store::contacts::{Contact, Past};
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;
use crate::store::quoted;
use crate::store::seen::Seen;
use message::{Desk, Ready};
use place::Piece;
use serde::Serialize;
use source::Source;
use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tree::Tree;

/// Messages delivered with one flush of the disk.
const BATCH: usize = 256;

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder for all messages, whatever their place says.
    pub into: Option<Folder>,
    /// A directory in memory, for what comes from standard input.
    pub memory: Option<PathBuf>,
    /// Replace messages that are there already and differ.
    pub replace: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Addresses that are one's own in foreign mail.
    pub mine: Vec<String>,
}

/// What was imported.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Imported {
    /// Messages that are in the tree now and were not before.
    pub imported: usize,
    /// Messages that took the place of others.
    pub replaced: usize,
    /// Messages that were there already.
    pub there: usize,
    /// Contacts added.
    pub contacts: usize,
    /// Groups added.
    pub groups: usize,
    /// What could not be taken, each with the reason.
    pub skipped: Vec<String>,
}

/// Imports from `path`, which may be `-` for `stdin`.
pub fn import(
    env: &mut Env<'_>,
    path: &Path,
    stdin: &mut dyn Read,
    options: &Options,
) -> Result<Imported, Error> {
    options.into.as_ref().map_or(Ok(()), tend::may_hold)?;
    let mut source = Source::open(options.memory.as_deref(), path, stdin)?;
    let reader = Reader::open(env)?;
    let (mut contacts, mut groups, mut past) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut refused, mut lost) = (false, false, None);
    let looked = source.each(&mut |piece, name, bytes| {
        match &piece {
            Piece::Nothing => {}
            Piece::Message(None, _) if options.into.is_none() => {
                lost.get_or_insert_with(|| name.to_owned());
            }
            Piece::Refused(_) => refused = true,
            _ => found = true,
        }
        match piece {
            Piece::Contact(petname) => contacts.push((petname, text(name, bytes)?)),
            Piece::Contacts => {
                let all = sealed_contacts(&reader, name, &bytes)?;
                contacts.extend(named(name, all.contact)?);
                groups.extend(named(name, all.group)?);
                past.extend(named(name, all.past)?);
            }
            Piece::Group(petname) => groups.push((petname, text(name, bytes)?)),
            Piece::Past(who) => past.push((who, text(name, bytes)?)),
            Piece::Mbox(_) | Piece::Message(..) | Piece::Nothing | Piece::Refused(_) => {}
        }
        Ok(())
    });
    looked.map_err(|error| Error {
        what: format!("{}; nothing was imported", error.what),
        ..error
    })?;
    match lost {
        _ if found => {}
        Some(name) => return Err(nowhere(&name, path)),
        None if refused => {}
        None => return Err(nothing(path)),
    }
    let lock = env.lock()?;
    let mut done = Imported::default();
    let mut parties = Parties::load(env)?;
    for (petname, text) in contacts {
        match contact(env, &petname, &text, options.dry_run) {
            Ok(Some(contact)) => {
                parties.add(contact.fingerprint, petname.to_string(), of_contact(&contact));
                done.contacts += 1;
            }
            Ok(None) => {}
            Err(error) => done.skipped.push(format!("contact {petname}: {}", error.what)),
        }
    }
    for (who, text) in past {
        match self::past(env, who, &text, options.dry_run) {
            Ok(Some(past)) => parties.add_past(&past),
            Ok(None) => {}
            Err(error) => done.skipped.push(format!("former contact {who}: {}", error.what)),
        }
    }
    for (petname, text) in groups {
        match group::take(env, &petname, &text, options.dry_run) {
            Ok(Some(group)) => {
                parties.add_group(&group);
                done.groups += 1;
            }
            Ok(None) => {}
            Err(error) => done.skipped.push(format!("group {petname}: {}", error.what)),
        }
    }
    let desk = Desk { parties: &parties, reader: &reader, mine: &options.mine };
    let mut tree = Tree::load(env)?;
    let mut seen = Seen::open(&env.home.places().seen_dir())?;
    let mut waiting: Vec<Ready> = Vec::new();
    let mut taken = 0_usize;
    let read = source.each(&mut |piece, name, bytes| {
        let (folder, file) = match piece {
            Piece::Message(folder, file) => (options.into.clone().or(folder), file),
            Piece::Refused(why) => {
                done.skipped.push(format!("{name}: {why}"));
                return Ok(());
            }
            Piece::Contact(_)
            | Piece::Contacts
            | Piece::Group(_)
            | Piece::Mbox(_)
            | Piece::Nothing
            | Piece::Past(_) => return Ok(()),
        };
        let Some(folder) = folder else {
            done.skipped.push(format!("{name}: {NOWHERE} (--into gives it one)"));
            return Ok(());
        };
        if taken.is_multiple_of(BATCH) {
            (env.progress)(&format!("{taken} messages taken"));
        }
        taken += 1;
        if folder == Folder::quarantine() && tree.has(&file, &bytes) {
            done.there += 1;
            return Ok(());
        }
        match message::take(env, &desk, &folder, &file, bytes) {
            Err(error) => done.skipped.push(format!("{name}: {}", error.what)),
            Ok(ready) => {
                tree.place(env, &desk, options, ready, name, &mut done, &mut waiting)?;
            }
        }
        if waiting.len() >= BATCH {
            deliver(env, &lock, &mut seen, &mut waiting)?;
        }
        Ok(())
    });
    // Also if the source fails now, what was taken of it is filed.
    deliver(env, &lock, &mut seen, &mut waiting)?;
    read?;
    Ok(done)
}

/// Files what waits, as arrivals are: names first, then the messages, then that they came. Gives
/// their paths.
pub fn deliver(
    env: &Env<'_>,
    lock: &StateLock,
    seen: &mut Seen,
    waiting: &mut Vec<Ready>,
) -> Result<Vec<PathBuf>, Error> {
    let keys: Vec<_> = waiting.iter().filter_map(|r| Some((r.key?, r.name))).collect();
    let fresh: Vec<_> =
        keys.into_iter().filter(|(key, _)| seen.lookup(&key.0, &key.1).is_none()).collect();
    seen.plan(lock, env.now(), &fresh)?;
    let mail = Maildir::new(env.home.places().mail());
    disappear::note(
        env.home.places(),
        waiting.iter().map(|ready| (&ready.name, ready.filed.as_slice())),
    )?;
    let mut delivery = mail.delivery();
    let add = |one: &Ready| delivery.add(&one.folder, &one.name, one.place, &one.sealed);
    let paths = waiting.iter().map(add).collect::<Result<_, _>>()?;
    delivery.commit()?;
    let done: Vec<_> = fresh.into_iter().map(|(key, _)| key).collect();
    seen.done(lock, env.now(), &done)?;
    waiting.clear();
    Ok(paths)
}

/// Adds a contact, or takes what is newer of one. Gives it if it was not known.
fn contact(
    env: &Env<'_>,
    petname: &Petname,
    text: &str,
    dry_run: bool,
) -> Result<Option<Contact>, Error> {
    let places = env.home.places();
    let mut new = Contact::parse(places, petname, text)?;
    // Whoever made the archive may have compared the words; that was not here.
    (new.confirmed, new.compared) = (false, None);
    let all = env.readable(Contact::load_all(places)?);
    if let Some(mut known) = all.iter().find(|c| c.fingerprint == new.fingerprint).cloned() {
        let now = env.now();
        let newer = new.card.is_newer_than(&known.card)
            && new.card.check(known.fingerprint, Some(&known.card), now).is_ok();
        if newer && !dry_run {
            known.take_card(new.card, now);
            known.save(places)?;
        }
        return Ok(None);
    }
    if all.iter().any(|known| known.petname == *petname) {
        return Err(Error::new(Kind::Data, "somebody else has this name"));
    }
    if !dry_run {
        new.save(places)?;
    }
    Ok(Some(new))
}

/// Adds somebody who was a contact, unless they are known. Gives them if they were not.
fn past(env: &Env<'_>, who: Fingerprint, text: &str, dry_run: bool) -> Result<Option<Past>, Error> {
    let places = env.home.places();
    let mut new = Past::parse(places, who, text)?;
    // Whoever made the archive may have compared the words; that was not here.
    (new.contact.confirmed, new.contact.compared) = (false, None);
    let all = env.readable(Contact::load_all(places)?);
    let known = all.iter().any(|contact| contact.fingerprint == who);
    if known || Past::load(places, who)?.is_some() {
        return Ok(None);
    }
    if !dry_run {
        new.save(places)?;
    }
    Ok(Some(new))
}

fn sealed_contacts(reader: &Reader, name: &str, bytes: &[u8]) -> Result<ContactFiles, Error> {
    let text = text(
        name,
        reader.open_sealed(bytes).map_err(|error| {
            Error::new(Kind::Data, format!("{name}: {}", error.what))
                .hint("an archive sealed by another home comes in with: poste init --import")
        })?,
    )?;
    toml::from_str(&text)
        .map_err(|error| Error::new(Kind::Data, format!("{name}: {}", error.message())))
}

/// Files of people with what they are named by.
fn named<T>(name: &str, files: Vec<ContactFile>) -> Result<Vec<(T, String)>, Error>
where
    T: FromStr,
    T::Err: Display,
{
    let one = |file: ContactFile| match file.name.parse() {
        Ok(who) => Ok((who, file.file)),
        Err(error) => Err(Error::new(Kind::Data, format!("{name}: {error}"))),
    };
    files.into_iter().map(one).collect()
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::new(Kind::Data, format!("{name}: not UTF-8")))
}

/// Of what lies in no folder of ours, with nothing said of where to put it.
const NOWHERE: &str = "its place names no folder";

/// Of a source of which nothing has a place.
fn nowhere(name: &str, path: &Path) -> Error {
    Error::new(Kind::Usage, format!("{name}: {NOWHERE}; nothing was imported"))
        .hint(format!("poste import --into bob {}", quoted(path)))
        .hint(format!("or put what is bob's below {MAIL}/bob"))
}

/// Of a source in which there is nothing to take.
fn nothing(path: &Path) -> Error {
    let what = format!("{}: no messages, contacts or groups are in it", path.display());
    Error::new(Kind::NoMessage, what)
        .hint("messages lie in cur and new of a Maildir, or in an mbox whose name ends in .mbox")
}
