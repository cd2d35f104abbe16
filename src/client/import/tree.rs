//! The messages that an import finds in the tree, and what becomes of each that comes in: it is new,
//! it is there already, or another of its id is, in the tree or before it in what is imported.
//! Nothing that was taken gives way to what came after it. Specified in poste(1), import.

use super::message::{Desk, Ready};
use super::place::FileName;
use super::{Imported, Options};
use crate::client::disappear;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::forge;
use crate::client::read::LIMIT;
use crate::core::prim;
use crate::core::time::Time;
use crate::store::atomic;
use crate::store::maildir::{Entry, Flags, Folder, Maildir};
use std::collections::{HashMap, HashSet};

/// What a message says, in short.
type Digest = [u8; 32];

/// The messages of the tree.
#[derive(Default)]
pub(super) struct Tree {
    /// By their unique ids.
    known: HashMap<String, Entry>,
    /// The ids of those of a folder and moment.
    dated: HashMap<(Folder, Time), Vec<String>>,
    /// What those say that were asked, with and without their Message-ID: one that came without an
    /// id is compared with all of its moment, and each of them is opened once.
    said: HashMap<String, [Digest; 2]>,
    /// The ids of those that were taken from what is imported, some still on their way into the tree.
    came: HashSet<String>,
}

impl Tree {
    pub(super) fn load(env: &Env<'_>) -> Result<Tree, Error> {
        let mail = Maildir::new(env.home.places().mail());
        let mut tree = Tree::default();
        for folder in mail.folders()? {
            mail.list(&folder)?.into_iter().for_each(|entry| tree.add(entry));
        }
        Ok(tree)
    }

    /// Whether a message of that name is there, byte for byte.
    pub(super) fn has(&self, file: &FileName, bytes: &[u8]) -> bool {
        let entry = file.name.and_then(|name| self.known.get(&name.unique()));
        entry.is_some_and(
            |entry| matches!(atomic::read(&entry.path, LIMIT), Ok(Some(there)) if there == bytes),
        )
    }

    fn add(&mut self, entry: Entry) {
        let moment = (entry.folder.clone(), entry.name.time());
        self.dated.entry(moment).or_default().push(entry.name.unique());
        self.known.insert(entry.name.unique(), entry);
    }

    /// The message of that id, and whether it says the same; of one that came without an id, one
    /// that does.
    fn find(&mut self, env: &Env<'_>, desk: &Desk<'_>, ready: &Ready) -> Option<(Entry, bool)> {
        let new = [Some(&ready.filed), ready.came.as_ref()];
        let new: Vec<Digest> =
            new.into_iter().flatten().map(|filed| digest(filed, ready.drawn)).collect();
        let mut said = |entry: &Entry| -> Option<[Digest; 2]> {
            let id = entry.name.unique();
            if let Some(said) = self.said.get(&id) {
                return Some(*said);
            }
            let filed = desk.reader.read(env, entry).ok()?;
            let said = [digest(&filed, false), digest(&filed, true)];
            self.said.insert(id, said);
            Some(said)
        };
        let mut is_same = |entry: &Entry| {
            said(entry).is_some_and(|said| new.contains(&said[usize::from(ready.drawn)]))
        };
        if !ready.unnamed {
            let entry = self.known.get(&ready.name.unique())?.clone();
            let same = is_same(&entry);
            return Some((entry, same));
        }
        let ids = self.dated.get(&(ready.folder.clone(), ready.name.time()))?;
        let mut entries = ids.iter().filter_map(|id| self.known.get(id));
        entries.find(|entry| is_same(entry)).map(|entry| (entry.clone(), true))
    }

    /// Decides what becomes of a message: new, there already, or in the place of another.
    #[allow(clippy::too_many_arguments, reason = "the parts of one import")]
    pub(super) fn place(
        &mut self,
        env: &mut Env<'_>,
        desk: &Desk<'_>,
        options: &Options,
        ready: Ready,
        name: &str,
        done: &mut Imported,
        waiting: &mut Vec<Ready>,
    ) -> Result<(), Error> {
        let found = self.find(env, desk, &ready);
        let says = [digest(&ready.filed, false), digest(&ready.filed, true)];
        let Some((entry, same)) = found else {
            done.imported += 1;
            // It cannot be opened before it is delivered.
            self.said.insert(ready.name.unique(), says);
            let path = env.home.places().mail();
            let (folder, name) = (ready.folder.clone(), ready.name);
            self.came.insert(name.unique());
            self.add(Entry { path, folder, name, flags: Flags::NONE, is_new: false });
            if !options.dry_run {
                waiting.push(ready);
            }
            return Ok(());
        };
        let id = entry.name.unique();
        match (same, options.replace) {
            (true, _) => {
                done.there += 1;
                self.came.insert(id);
            }
            // Nothing says that this one is better than the first.
            (false, _) if self.came.contains(&id) => done.skipped.push(format!(
                "{name}: twice in what is imported, and not the same; the first was taken"
            )),
            (false, true) => {
                done.replaced += 1;
                self.came.insert(id.clone());
                if !options.dry_run {
                    self.said.insert(id, says);
                    disappear::note_again(env.home.places(), &ready.name, &ready.filed)?;
                    forge::put(env.home.places(), &entry, &ready.name, &ready.sealed)?;
                }
            }
            (false, false) => done.skipped.push(format!(
                "{name}: another message of that id is in the tree (--replace puts this in its place)"
            )),
        }
        Ok(())
    }
}

/// What a message in filed form says to whoever reads it. A Message-ID does not count if one of
/// two was only drawn here.
fn digest(filed: &[u8], drawn: bool) -> Digest {
    let lines = filed.split_inclusive(|b| *b == b'\n').skip(1);
    let lines: Vec<&[u8]> =
        lines.filter(|line| !(drawn && line.starts_with(b"Message-ID: "))).collect();
    prim::sha256(&lines)
}
