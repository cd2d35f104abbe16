//! What of a home goes into an archive with its keys, under which name, and what each of these
//! files must be. One table, which export and `init --import` both keep to, so that nothing comes
//! in that would not go out. What is not in it stays behind: locks, what a crash left, what was set
//! aside as damaged, loop cells and their secret, and what servers said of this machine's clock.
//! Specified in poste-files(5), Archives.

use super::atomic;
use super::chosen::{self, Chosen};
use super::contacts::{self, Contact, Past};
use super::enclosures::{self, Coming};
use super::error::Error;
use super::expiring::{self, Expiring};
use super::groups::{self, Group};
use super::home::Places;
use super::keyring::{self, Transit};
use super::maildir::{Folder, Name};
use super::outbox::{self, Item};
use super::peers::{self, Peer};
use super::petname::Petname;
use super::progress::{self, Progress};
use super::published::{self, Published};
use super::quarantine::{self, Waiting};
use super::requests::{self, Request};
use super::{config, drafts, locked, owed, seen};
use crate::core::archive::{ArchiveRecipient, kind_of};
use crate::core::card::{self, SignedCard};
use crate::core::cell::CHUNK;
use crate::core::clock::Record;
use crate::core::enclosure::MOST_BYTES;
use crate::core::keys::{EnclosureId, Fingerprint, GroupId, LetterId};
use crate::core::time::Day;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Bytes of a file of an archive at most: the largest enclosure.
pub const LIMIT: u64 = u16::MAX as u64 * CHUNK as u64;
/// Bytes of a message at most: the largest mail, and what filing and sealing add.
const MESSAGE: u64 = MOST_BYTES + (1 << 20);
/// Where the messages are.
const MAIL: &str = "mail";

/// Whether a file's content is what it must be; the path and its stem are those in the archive.
type Check = fn(&Path, &str, &[u8]) -> Result<(), Error>;

/// Files of which there is one.
const SINGLE: [(&str, u64, Check); 11] = [
    ("keys/transit.toml", keyring::LIMIT, toml::<Transit>),
    ("keys/locked.age", locked::LIMIT as u64, sealed),
    ("keys/archive.pub", 8 << 10, recipient),
    ("config.toml", config::LIMIT, configuration),
    ("card.toml", card::LIMIT as u64, own_card),
    ("state/clock.toml", progress::LIMIT, toml::<Record>),
    ("state/cursors.toml", progress::LIMIT, toml::<Progress>),
    ("state/expiring.toml", expiring::LIMIT, toml::<Expiring>),
    ("state/nodes.toml", chosen::LIMIT, toml::<Chosen>),
    ("state/published.toml", published::LIMIT, toml::<Published>),
    ("state/quarantine.toml", quarantine::LIMIT, toml::<quarantine::List>),
];

/// Directory, end of the name, what the name must be, and the rest as above.
type Row = (&'static str, &'static str, fn(&str) -> bool, u64, Check);

/// Files of which there are many.
const MANY: [Row; 16] = [
    ("contacts", "toml", is::<Petname>, contacts::LIMIT, contact),
    ("drafts", "age", is::<LetterId>, drafts::LIMIT, sealed),
    ("groups", "invited", is::<GroupId>, groups::LIMIT, group),
    ("groups", "toml", is::<Petname>, groups::LIMIT, group),
    ("outbox", "age", is::<LetterId>, outbox::MAIL_LIMIT, sealed),
    ("outbox", "enclosure", is::<LetterId>, LIMIT, anything),
    ("outbox", "key", is::<LetterId>, outbox::MAIL_LIMIT, sealed),
    ("outbox", "owed", is::<LetterId>, owed::LIMIT, toml::<owed::Raw>),
    ("outbox", "toml", is::<LetterId>, outbox::STATE_LIMIT, item),
    ("past", "toml", is::<Fingerprint>, contacts::LIMIT, past),
    ("requests", "toml", is::<Fingerprint>, requests::LIMIT, request),
    ("state/enclosures", "cells", are_two::<EnclosureId>, LIMIT, anything),
    ("state/enclosures", "toml", are_two::<EnclosureId>, enclosures::LIMIT, coming),
    ("state/peers", "toml", is::<Fingerprint>, peers::LIMIT, toml::<Peer>),
    ("state/seen", "log", is::<Day>, seen::LIMIT, journal),
    ("state/waiting", "toml", are_two::<LetterId>, quarantine::WAITING_LIMIT, toml::<Waiting>),
];

/// A file that travels.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its name in an archive.
    pub name: String,
    /// Folder and name, if it is a message.
    pub message: Option<(Folder, Name)>,
    limit: u64,
    check: Check,
}

impl Piece {
    /// What bears that name in an archive; or why nothing does.
    pub fn named(name: &[String]) -> Result<Piece, &'static str> {
        let parts: Vec<&str> = name.iter().map(String::as_str).collect();
        let name = name.join("/");
        if let [MAIL, folder, "cur" | "new", file] = parts.as_slice() {
            let folder = folder.parse().map_err(|_| "no name of a folder")?;
            let message = message_name(file).ok_or("no name of a message")?;
            let message = Some((folder, message));
            return Ok(Piece { name, message, limit: MESSAGE, check: anything });
        }
        if let Some((_, limit, check)) = SINGLE.into_iter().find(|row| row.0 == name) {
            return Ok(Piece { name, message: None, limit, check });
        }
        let (dir, file) = name.rsplit_once('/').ok_or("no place for it in a home")?;
        let row = MANY.into_iter().find(|(at, end, ..)| *at == dir && stem(file, end).is_some());
        let (_, end, is_sound, limit, check) = row.ok_or("no place for it in a home")?;
        match stem(file, end).is_some_and(is_sound) {
            true => Ok(Piece { name, message: None, limit, check }),
            false => Err("no name that such a file has"),
        }
    }

    /// Where it lies in a home at these places.
    pub fn path(&self, places: &Places) -> PathBuf {
        match self.name.strip_prefix("state/") {
            Some(name) => places.state().join(name),
            None if self.name == "config.toml" => places.config_file(),
            None => places.data().join(&self.name),
        }
    }

    /// Whether these bytes are what such a file must be.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let path = Path::new(&self.name);
        if bytes.len() as u64 > self.limit {
            return Err(Error::damaged(path, None, format!("more than {} bytes", self.limit)));
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        (self.check)(path, &stem, bytes)
    }

    /// Its content in the home at these places as it travels; `None` if it is not there.
    pub fn read(&self, places: &Places) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(places);
        match self.name.as_str() {
            // It may be a link into a collection of such files.
            "config.toml" => {
                let text = atomic::read_text_followed(&path, self.limit)?;
                Ok(text.map(|text| text.as_bytes().to_vec()))
            }
            // Another machine has another clock, which must not be behind this time either.
            "state/clock.toml" => {
                let Some(record) = atomic::read_toml::<Record>(&path, self.limit)? else {
                    return Ok(None);
                };
                let latest = record.latest.unix();
                Ok(Some(format!("latest = {latest}\n").into_bytes()))
            }
            _ => atomic::read(&path, self.limit),
        }
    }
}

/// What may travel of the home at these places, but for the messages, in a fixed order.
pub fn pieces(places: &Places) -> Result<Vec<Piece>, Error> {
    let single = SINGLE.map(|(name, limit, check)| Piece {
        name: name.to_owned(),
        message: None,
        limit,
        check,
    });
    let mut all = single.to_vec();
    for (dir, end, is_sound, limit, check) in MANY {
        let piece =
            |file: &str| Piece { name: format!("{dir}/{file}"), message: None, limit, check };
        let items = atomic::entries(&piece("").path(places))?;
        let names = items.iter().filter_map(|item| item.file_name().into_string().ok());
        let sound = |name: &String| stem(name, end).is_some_and(is_sound);
        let mut names: Vec<String> = names.filter(sound).collect();
        names.sort();
        all.extend(names.iter().map(|name| piece(name)));
    }
    Ok(all)
}

/// What all of it but the keys and the configuration lies in, at these places, always in the same
/// order: files and directories.
pub(super) fn tops(places: &Places) -> Vec<PathBuf> {
    let single = SINGLE.iter().map(|row| row.0).filter(|name| !name.starts_with("keys/"));
    let many = MANY.iter().map(|row| row.0);
    let mut tops: Vec<PathBuf> = single
        .filter(|name| *name != "config.toml")
        .chain(many)
        .chain([MAIL])
        .map(|name| match name.strip_prefix("state/") {
            Some(name) => places.state().join(name),
            None => places.data().join(name),
        })
        .collect();
    tops.dedup();
    tops
}

/// The name of a file in `cur` or `new` without its flags, of which none is strange.
fn message_name(file: &str) -> Option<Name> {
    let (base, info) = file.split_once(':').unwrap_or((file, ""));
    let sound = info.len() <= 64 && info.bytes().all(|b| b.is_ascii_alphanumeric() || b == b',');
    base.parse().ok().filter(|_| sound)
}

fn stem<'a>(file: &'a str, end: &str) -> Option<&'a str> {
    file.strip_suffix(end)?.strip_suffix('.')
}

fn is<T: FromStr>(stem: &str) -> bool {
    stem.parse::<T>().is_ok()
}

/// A fingerprint, a hyphen and an id.
fn are_two<T: FromStr>(stem: &str) -> bool {
    stem.split_once('-').is_some_and(|(from, id)| is::<Fingerprint>(from) && is::<T>(id))
}

fn anything(_: &Path, _: &str, _: &[u8]) -> Result<(), Error> {
    Ok(())
}

fn sealed(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    kind_of(bytes).map(|_| ()).map_err(|error| Error::damaged(path, None, error.to_string()))
}

fn recipient(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    let recipient = text(path, bytes)?.trim().parse::<ArchiveRecipient>();
    recipient.map(|_| ()).map_err(|error| Error::damaged(path, Some(1), error.to_string()))
}

fn own_card(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    let card = SignedCard::parse(bytes);
    card.map(|_| ()).map_err(|error| Error::damaged(path, None, error.to_string()))
}

fn configuration(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    config::Config::parse(path, text(path, bytes)?).map(|_| ())
}

fn journal(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    seen::parse_day(path, bytes).map(|_| ())
}

fn contact(path: &Path, stem: &str, bytes: &[u8]) -> Result<(), Error> {
    Contact::check(path, &named(path, stem)?, text(path, bytes)?)
}

fn past(path: &Path, stem: &str, bytes: &[u8]) -> Result<(), Error> {
    Past::check(path, named(path, stem)?, text(path, bytes)?)
}

fn group(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    Group::check(path, text(path, bytes)?)
}

fn item(path: &Path, stem: &str, bytes: &[u8]) -> Result<(), Error> {
    let item: Item = read(path, bytes)?;
    same(path, item.id == named(path, stem)?)
}

fn request(path: &Path, stem: &str, bytes: &[u8]) -> Result<(), Error> {
    let request: Request = read(path, bytes)?;
    same(path, request.fingerprint == named(path, stem)?)
}

fn coming(path: &Path, stem: &str, bytes: &[u8]) -> Result<(), Error> {
    let coming: Coming = read(path, bytes)?;
    same(path, format!("{}-{}", coming.from, coming.id) == stem)
}

fn toml<T: DeserializeOwned>(path: &Path, _: &str, bytes: &[u8]) -> Result<(), Error> {
    read::<T>(path, bytes).map(|_| ())
}

fn read<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    atomic::parse_toml(path, text(path, bytes)?)
}

fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::damaged(path, None, "not UTF-8 text"))
}

fn named<T: FromStr>(path: &Path, stem: &str) -> Result<T, Error> {
    stem.parse().map_err(|_| Error::damaged(path, None, "no name that such a file has"))
}

fn same(path: &Path, same: bool) -> Result<(), Error> {
    match same {
        true => Ok(()),
        false => Err(Error::damaged(path, None, "its name and its content are of two things")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::home::tests::scratch_home;
    use super::*;
    use std::fs;

    /// One of each kind.
    pub fn one_of_each() -> Vec<Piece> {
        let (fingerprint, id) = ("4b".repeat(32), "7a".repeat(16));
        let stems = ["bob", &fingerprint, &id, "2026-11-22", &format!("{fingerprint}-{id}")]
            .map(String::from);
        let many = MANY.iter().map(|(dir, end, is_sound, ..)| {
            let stem = stems.iter().find(|stem| is_sound(stem)).unwrap();
            format!("{dir}/{stem}.{end}")
        });
        let single = SINGLE.iter().map(|row| row.0.to_owned());
        let message = "mail/bob/cur/1793527860.5f0d6e1b9c2a4788.poste:2,FS".to_owned();
        single.chain(many).chain([message]).map(|name| named(&name).unwrap()).collect()
    }

    fn named(text: &str) -> Result<Piece, &'static str> {
        Piece::named(&text.split('/').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_goes_out_can_come_in_and_nothing_else() {
        let (_dir, home) = scratch_home();
        let places = home.places();
        let fingerprint = "4b".repeat(32);
        let id = "7a".repeat(16);
        let two = format!("{fingerprint}-{id}");
        for (dir, names) in [
            (places.contacts_dir(), vec!["bob.toml", ".new-1-1", "Bob.toml", "bob.toml.damaged"]),
            (places.seen_dir(), vec!["2026-11-22.log", "x.log"]),
        ] {
            names.iter().for_each(|name| fs::write(dir.join(name), b"x").unwrap());
        }
        let out: Vec<String> = pieces(places).unwrap().into_iter().map(|p| p.name).collect();
        assert!(out.contains(&"contacts/bob.toml".to_owned()), "{out:?}");
        assert!(out.contains(&"state/seen/2026-11-22.log".to_owned()), "{out:?}");
        assert_eq!(out.len(), SINGLE.len() + 2, "{out:?}");
        assert!(out.iter().all(|name| named(name).is_ok()));
        for good in [
            format!("outbox/{id}.toml"),
            format!("state/waiting/{two}.toml"),
            format!("state/enclosures/{two}.cells"),
            "mail/bob/cur/1793527860.5f0d6e1b9c2a4788.poste:2,FS".into(),
        ] {
            assert!(named(&good).is_ok(), "{good}");
        }
        for bad in [
            "state/loops.toml",
            "state/lock",
            "keys/other.age",
            "hooks/x",
            "config/config.toml",
            "mail/bob/tmp/1793527860.5f0d6e1b9c2a4788.poste",
            "mail/bob/cur/x",
            "mail/.git/cur/1793527860.5f0d6e1b9c2a4788.poste",
            "mail/bob/cur/1793527860.5f0d6e1b9c2a4788.poste:2,\u{e9}",
            "contacts/Bob.toml",
            "outbox/x.toml",
            "state/peers/x.toml",
            "x",
        ] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }
}
