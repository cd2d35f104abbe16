//! Reading the tree: listing needs no key, opening a message needs the archive identity.
//! Fingerprints become names only here, when shown; the filed bytes stay as they are.
//! Specified in poste(1), list and show.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, view};
use crate::core::archive::{self, ArchiveIdentity};
use crate::core::enclosure::MOST_BYTES;
use crate::core::filed::{Filed, OfGroup};
use crate::core::group;
use crate::core::keys::GroupId;
use crate::core::time::Time;
use crate::store;
use crate::store::contacts::{Contact, Past};
use crate::store::groups::Group;
use crate::store::keyring::Transit;
use crate::store::maildir::{Entry, Flags, Folder, Maildir};
use std::collections::HashMap;
use std::path::Path;

/// Bytes of a message at rest at most: the largest mail, and what filing and sealing add.
pub const LIMIT: u64 = MOST_BYTES + (1 << 20);

/// Messages of a folder, or of all but the quarantine, newest last.
pub fn list(
    env: &Env<'_>,
    folder: Option<&Folder>,
    unread: bool,
    last: Option<usize>,
) -> Result<Vec<Entry>, Error> {
    let mail = Maildir::new(env.home.places().mail());
    let folders = match folder {
        Some(folder) => vec![folder.clone()],
        None => mail.folders()?.into_iter().filter(|f| *f != Folder::quarantine()).collect(),
    };
    must_be(&mail.folders()?, folder)?;
    let mut all = Vec::new();
    for folder in &folders {
        all.extend(mail.list(folder)?);
    }
    all.retain(|entry| !unread || !entry.flags.contains(Flags::SEEN));
    all.sort_by_key(|entry| entry.name);
    let skip = last.map_or(0, |last| all.len().saturating_sub(last));
    Ok(all.split_off(skip))
}

/// That each of these folders is one of `all`, or one that there always is, with or without mail.
pub fn must_be<'f>(
    all: &[Folder],
    named: impl IntoIterator<Item = &'f Folder>,
) -> Result<(), Error> {
    let always = [Folder::requests(), Folder::quarantine(), Folder::inbox()];
    let is_there = |folder: &&Folder| all.contains(folder) || always.contains(folder);
    match named.into_iter().find(|folder| !is_there(folder)) {
        Some(folder) => Err(Error::new(Kind::NoContact, format!("there is no folder {folder}"))
            .hint("poste contacts")),
        None => Ok(()),
    }
}

/// The message that lies at a path in the tree.
pub fn at(env: &Env<'_>, path: &Path) -> Result<Entry, Error> {
    Ok(Maildir::new(env.home.places().mail()).entry(path)?)
}

/// The message that an argument means: a path that `list` printed, or the beginning of an id; while
/// a view is open also a path in it, or a Message-ID.
pub fn find(env: &Env<'_>, argument: &str) -> Result<Entry, Error> {
    if let Some(entry) = view::find(env, argument)? {
        return Ok(entry);
    }
    let mail = Maildir::new(env.home.places().mail());
    match argument.contains(['/', '.']) {
        true => Ok(mail.entry(Path::new(argument))?),
        false => Ok(mail.find(argument)?),
    }
}

/// Marks a message as seen. That it cannot be, where mail is only there to be read, is a warning:
/// it was shown.
pub fn mark_seen(env: &Env<'_>, entry: &Entry) -> Result<(), Error> {
    let mail = Maildir::new(env.home.places().mail());
    if entry.flags.contains(Flags::SEEN) {
        return Ok(());
    }
    match mail.set_flags(entry, entry.flags.with(Flags::SEEN)) {
        Err(error)
            if matches!(error.kind(), store::Kind::Permission | store::Kind::CannotCreate) =>
        {
            (env.warn)(&format!("it stays unread: {error}"));
        }
        done => drop(done?),
    }
    Ok(())
}

/// By what names people are shown.
pub struct Names {
    people: HashMap<String, String>,
    groups: HashMap<GroupId, (String, Vec<Time>)>,
}

impl Names {
    /// Learns everybody's.
    pub fn load(env: &Env<'_>) -> Result<Names, Error> {
        let contacts = env.readable(Contact::load_all(env.home.places())?);
        let mut names: HashMap<String, String> = contacts
            .into_iter()
            .map(|c| (c.fingerprint.to_string(), c.petname.to_string()))
            .collect();
        for past in env.readable(Past::load_all(env.home.places())?) {
            let who = past.contact.fingerprint.to_string();
            names.entry(who).or_insert_with(|| past.shown());
        }
        if let Some(card) = own::find(env)? {
            names.insert(card.card.fingerprint().to_string(), "me".to_owned());
        }
        let groups = env.readable(Group::load_all(env.home.places())?);
        let groups =
            groups.into_iter().filter_map(|g| Some((g.id, (g.name?.to_string(), g.changed))));
        Ok(Names { people: names, groups: groups.collect() })
    }

    /// The petname of a person, `me` for oneself.
    pub fn name(&self, fingerprint: &str) -> Option<String> {
        self.people.get(fingerprint).cloned()
    }

    /// The petname of a group.
    pub fn group(&self, id: GroupId) -> Option<&str> {
        self.groups.get(&id).map(|(name, _)| name.as_str())
    }

    /// Whether the copies of a message of that date differ, if it says so, for a change of members
    /// alone that had not come to everybody yet.
    pub fn is_settling(&self, id: GroupId, date: Time) -> bool {
        self.groups.get(&id).is_some_and(|(_, changed)| group::is_settling(changed, date))
    }
}

/// Opens messages; the passphrase is asked for once.
pub struct Reader {
    identity: ArchiveIdentity,
    /// By what names people are shown.
    pub names: Names,
}

impl Reader {
    /// Unlocks the archive identity and learns everybody's names. A card that is due is signed
    /// while the keys are open.
    pub fn open(env: &mut Env<'_>) -> Result<Reader, Error> {
        let transit = Transit::load(env.home.places())?;
        let locked = env.unlock(&transit)?;
        own::sign_when_due(env, &locked)?;
        let names = Names::load(env)?;
        Ok(Reader { identity: locked.archive, names })
    }

    /// What was sealed to the archive.
    pub fn open_sealed(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        archive::open_at_rest(&self.identity, sealed, LIMIT as usize)
            .map_err(|e| Error::new(Kind::Data, e.to_string()))
    }

    /// The message as it is filed.
    pub fn read(&self, env: &Env<'_>, entry: &Entry) -> Result<Vec<u8>, Error> {
        self.read_in(&Maildir::new(env.home.places().mail()), entry)
    }

    /// The same for many threads at once.
    pub fn read_in(&self, mail: &Maildir, entry: &Entry) -> Result<Vec<u8>, Error> {
        let path = entry.path.display();
        let sealed = mail.read(entry, LIMIT)?;
        let sealed =
            sealed.ok_or_else(|| Error::new(Kind::NoMessage, format!("{path} is gone")))?;
        archive::open_at_rest(&self.identity, &sealed, LIMIT as usize)
            .map_err(|e| Error::new(Kind::Data, format!("{path}: {e}")))
    }
}

/// Of which group a message is, if of one, and of when.
pub fn group(filed: &[u8]) -> Option<(OfGroup, Time)> {
    let head = Filed::read(filed).ok()?.head;
    Some((head.group?, head.date))
}

/// The message without the line that says how it is authenticated, and if it lies in quarantine,
/// why it is unproven.
pub fn message(filed: &[u8]) -> (&[u8], Option<&str>) {
    match Filed::read(filed) {
        Ok(message) => (message.message(), message.unproven()),
        Err(_) => (filed, None),
    }
}
