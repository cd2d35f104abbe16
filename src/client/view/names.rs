//! How people and groups are called in the view. Who is renamed, accepted or joins while it is open
//! is called so in what is open already, too: those messages are opened again, and no others. By
//! which names a view was opened stands in its journal, since a killed one may be gone on with after
//! somebody else has got a name.

use super::{Look, View};
use crate::client::edit;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::parties::addresses::Addresses;
use crate::client::read;
use crate::store::atomic;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::maildir::{Entry, Folder};
use crate::store::view::{Known, Stamp, ViewFile};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;

/// Messages opened again in one round.
const CHUNK: usize = 512;
/// The lines about people are at the beginning: those of a group of 64 fit well.
const HEAD: u64 = 16 << 10;

impl View {
    /// The folders that the view has, which are those of the tree, of contacts and groups, and the
    /// usual ones; and how everybody is called.
    pub(super) fn look(&self, env: &Env<'_>) -> Result<Look, Error> {
        let (contacts, _) = Contact::load_all(env.home.places())?;
        let (groups, _) = Group::load_all(env.home.places())?;
        let mut folders: BTreeSet<Folder> = self.mail.folders()?.into_iter().collect();
        folders.extend([Folder::inbox(), Folder::requests(), Folder::quarantine()]);
        folders.extend(contacts.iter().map(|contact| Folder::from(&contact.petname)));
        folders.extend(groups.iter().filter_map(|group| group.name.as_ref()).map(Folder::from));
        Ok((folders, Addresses::of(self.me, &contacts, &groups)))
    }

    /// What a killed run has left is as it was called then.
    pub(super) fn compare_names(&mut self) {
        if self.dir.names() != Some(self.addresses.digest().as_str()) {
            self.stale = self.known.keys().cloned().collect();
        }
    }

    /// Learns how everybody is called by now, and finds the messages that say it otherwise.
    pub(super) fn learn_names(&mut self, now: Addresses, files: &[ViewFile]) {
        if now == self.addresses {
            return;
        }
        let old = self.addresses.outdated(&now);
        self.addresses = now;
        if old.is_empty() {
            return;
        }
        let bases: HashMap<&str, &ViewFile> =
            files.iter().map(|file| (file.base.as_str(), file)).collect();
        let is_stale = |known: &Known| match bases.get(known.base.as_str()) {
            Some(file) => says_one_of(file, &old),
            None => true,
        };
        let known: Vec<(&String, &Known)> = self.known.iter().collect();
        let stale: Vec<String> = known
            .into_par_iter()
            .filter(|(_, known)| is_stale(known))
            .map(|(unique, _)| unique.clone())
            .collect();
        self.stale.extend(stale);
    }

    /// Opens messages again that name people as they were called, or whose text was replaced in the
    /// tree. Says whether there were any.
    pub(super) fn renew(&mut self, stale: Vec<(String, Entry, ViewFile)>) -> Result<bool, Error> {
        let chunk: Vec<_> = stale.into_iter().take(CHUNK).collect();
        let any = !chunk.is_empty();
        let (reader, mail, dir, names) = (&self.reader, &self.mail, &self.dir, &self.addresses);
        let one = |(unique, entry, file): (String, Entry, ViewFile)| {
            let sealed = Stamp::of_sealed(&entry.path);
            let text = reader.read_in(mail, &entry).and_then(|filed| edit::named(names, &filed));
            let done = text.and_then(|text| match atomic::read(&file.path, read::LIMIT)? {
                Some(now) if now == text => Ok(Some((file.stamp, file.base))),
                _ => Ok(dir.renew(&file, &entry.name, &text)?),
            });
            (unique, entry.name, sealed, done)
        };
        let done: Vec<_> = chunk.into_par_iter().map(one).collect();
        for (unique, name, sealed, done) in done {
            let Some(known) = self.known.get(&unique).cloned() else { continue };
            match done {
                Ok(Some((stamp, base))) => {
                    self.stale.remove(&unique);
                    self.note(Known { name, stamp, sealed, base, ..known })?;
                }
                // Changed meanwhile: the next round sees how.
                Ok(None) => {}
                Err(error) if error.kind == Kind::NoMessage => {}
                // It stays as it is, and is tried again once the tree has another.
                Err(error) => {
                    self.stale.remove(&unique);
                    self.trouble(error.what);
                    self.note(Known { sealed, ..known })?;
                }
            }
        }
        let known: &HashMap<String, Known> = &self.known;
        self.stale.retain(|unique| known.contains_key(unique));
        let digest = self.addresses.digest();
        if self.stale.is_empty() && self.dir.names() != Some(digest.as_str()) {
            self.dir.set_names(&digest)?;
        }
        Ok(any)
    }
}

/// Whether the head of a file has one of these in it. One that cannot be read is taken to.
fn says_one_of(file: &ViewFile, old: &[String]) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(&file.path).and_then(|f| f.take(HEAD).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let head = head.split("\n\n").next().unwrap_or_default();
    read.is_err() || old.iter().any(|old| head.contains(old.as_str()))
}
