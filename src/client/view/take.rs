//! What mail programs write into the view, filed in the tree. A copy of a message that is in the
//! tree is filed as that message; one whose text was changed is authenticated again, as by `edit`;
//! anything else as what is added by hand to an import. What cannot be filed stays where it is, and
//! is said.

use super::View;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::import::message::{self, Desk, Ready};
use crate::client::import::place::FileName;
use crate::client::parties::Parties;
use crate::client::{edit, filing, forge, import, read, tend};
use crate::core::filed::Filed;
use crate::store::atomic;
use crate::store::maildir::{Entry, Flags, Name, Place};
use crate::store::seen::Seen;
use crate::store::view::{Known, Stamp, ViewFile};
use std::collections::HashMap;

impl View {
    /// Files what is only in the view.
    pub(super) fn take(
        &mut self,
        env: &mut Env<'_>,
        tree: &HashMap<String, Entry>,
        files: &[ViewFile],
    ) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        let lock = env.lock()?;
        let parties = Parties::load(env)?;
        let mut seen = Seen::open(&env.home.places().seen_dir())?;
        let (mut ready, mut known) = (Vec::new(), Vec::new());
        for file in files {
            match self.ready(env, &parties, tree, file) {
                Ok(Some((one, id))) => {
                    self.ids.extend(id.map(|id| (id, one.name.unique())));
                    known.push(Known {
                        name: one.name,
                        spot: file.spot.clone(),
                        stamp: file.stamp,
                        sealed: Stamp::default(),
                        base: file.base.clone(),
                    });
                    ready.push(one);
                }
                // It is being written, or gone again: the next round sees.
                Ok(None) => {}
                Err(error) if error.kind == Kind::NoMessage => {}
                Err(error) => self.refuse(file, error.what),
            }
        }
        self.dir.plans(&known)?;
        let paths = match import::deliver(env, &lock, &mut seen, &mut ready) {
            Ok(paths) => paths,
            Err(error) => {
                // Some may be there, and shall not be filed again.
                let planned = known.into_iter().map(|known| (known.name.unique(), known));
                self.keep_filed(env, planned.collect())?;
                return Err(error);
            }
        };
        for (known, path) in known.iter_mut().zip(paths) {
            known.sealed = Stamp::of_sealed(&path);
        }
        // They are filed, whether there is room to write that down or not.
        let written = self.dir.knows(&known.iter().collect::<Vec<_>>());
        self.known.extend(known.into_iter().map(|known| (known.name.unique(), known)));
        Ok(written?)
    }

    fn ready(
        &self,
        env: &mut Env<'_>,
        parties: &Parties,
        tree: &HashMap<String, Entry>,
        file: &ViewFile,
    ) -> Result<Option<(Ready, Option<String>)>, Error> {
        let folder = &file.spot.folder;
        tend::may_hold(folder)?;
        let Some(bytes) = self.bytes(file)? else { return Ok(None) };
        let id = forge::message_id(&bytes);
        let original = id.as_ref().and_then(|id| self.ids.get(id)).and_then(|id| tree.get(id));
        if let Some(original) = original {
            let old = self.reader.read(env, original)?;
            let filed = self.changed(env, parties, &old, &bytes)?;
            return Ok(Some((copy(env, parties, file, filed)?, id)));
        }
        let (flags, is_new) = match file.spot.place {
            Place::New => (Flags::NONE, true),
            Place::Cur(flags) => (flags, false),
        };
        // A name of ours is kept unless it is taken.
        let name = file.base.parse::<Name>().ok();
        let name = name.filter(|name| {
            let unique = name.unique();
            !tree.contains_key(&unique) && !self.known.contains_key(&unique)
        });
        let desk = Desk { parties, reader: &self.reader, mine: &[] };
        let file_name = FileName { name, flags, is_new };
        let ready = message::take(env, &desk, folder, &file_name, bytes)?;
        Ok(Some((ready, id)))
    }

    /// Puts the changed text of a message in its place.
    pub(super) fn edit(
        &mut self,
        env: &mut Env<'_>,
        unique: &str,
        entry: &Entry,
        file: &ViewFile,
    ) -> Result<(), Error> {
        let parties = Parties::load(env)?;
        let sealed = self.known.get(unique).map(|known| known.sealed);
        let done = self.bytes(file).and_then(|bytes| {
            let Some(bytes) = bytes else { return Ok(None) };
            // The file of one message stops no other.
            let old = self.reader.read(env, entry).map_err(|error| match error.kind {
                Kind::Permission => Error { kind: Kind::Data, ..error },
                _ => error,
            })?;
            let message = self.changed(env, &parties, &old, &bytes)?;
            let Some(was) = sealed else { return Ok(None) };
            if message == old {
                return Ok(Some((entry.name, was)));
            }
            let date = Filed::read(&message).map(|filed| filed.head.date);
            let date = date.map_err(|_| Error::new(Kind::Bug, "what was written does not read"))?;
            // Replaced in the tree this moment: then both stay.
            let path = edit::put_back(env, entry, was, &message, date)?;
            Ok(path.map(|path| (entry.name.at(date), Stamp::of_sealed(&path))))
        });
        match done {
            Ok(None) => Ok(()),
            Err(error) if error.kind == Kind::NoMessage => Ok(()),
            Ok(Some((name, sealed))) => {
                let Some(known) = self.known.remove(unique) else { return Ok(()) };
                let base = file.base.clone();
                let known = Known { name, stamp: file.stamp, sealed, base, ..known };
                let written = self.dir.knows(&[&known]);
                self.known.insert(unique.to_owned(), known);
                Ok(written?)
            }
            Err(error) if matches!(error.kind, Kind::Data | Kind::NoContact | Kind::Permission) => {
                self.refuse(file, error.what);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A message in filed form with the text that the view has of it: the same bytes if that says
    /// the same.
    pub(super) fn changed(
        &self,
        env: &mut Env<'_>,
        parties: &Parties,
        old: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, Error> {
        // How people were called when it was opened, or are by now.
        let names = [&self.addresses, parties.addresses()];
        let texts = names.map(|names| edit::named(names, old));
        if texts.into_iter().any(|one| one.is_ok_and(|one| one == text)) {
            return match Filed::read(old).is_ok_and(|filed| filed.unproven().is_none()) {
                true => Ok(old.to_vec()),
                false => Err(Error::new(Kind::Data, "a letter in quarantine cannot be copied")
                    .hint("poste quarantine keep")),
            };
        }
        let (message, date) = edit::message(parties, old, text, env.rng)?;
        match date > env.now() {
            true => Err(Error::new(Kind::Data, "its Date has not come yet")),
            false => Ok(message),
        }
    }

    /// What the file holds, unless it has changed since it was listed.
    pub(super) fn bytes(&self, file: &ViewFile) -> Result<Option<Vec<u8>>, Error> {
        let bytes = atomic::read(&file.path, read::LIMIT)?;
        let now = file.path.symlink_metadata().ok().map(|meta| Stamp::of(&meta));
        Ok(bytes.filter(|_| now == Some(file.stamp)))
    }
}

/// A further copy of a message that is in the tree.
fn copy(
    env: &mut Env<'_>,
    parties: &Parties,
    file: &ViewFile,
    filed: Vec<u8>,
) -> Result<Ready, Error> {
    let head = Filed::read(&filed)
        .map_err(|_| Error::new(Kind::Bug, "what was written does not read"))?
        .head;
    let key = (!parties.is_me(&head.from)).then_some((*head.from.as_bytes(), *head.id.as_bytes()));
    Ok(Ready {
        folder: file.spot.folder.clone(),
        name: Name::new(head.date, env.rng),
        place: file.spot.place,
        sealed: filing::at_rest(env.home.places(), &filed, env.rng)?,
        filed,
        came: None,
        unnamed: true,
        drawn: false,
        key,
    })
}
