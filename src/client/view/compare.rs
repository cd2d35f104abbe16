//! A message whose text both sides may have changed since they last agreed, or of which a killed run
//! has not written down that it put it there: neither text is dropped for the other.
//! Specified in poste(1), view.

use super::View;
use crate::client::edit;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::{forge, read};
use crate::store::atomic;
use crate::store::maildir::Entry;
use crate::store::view::{Known, Stamp, ViewFile};
use std::collections::HashSet;

impl View {
    /// Finds out whether both sides have the same text of a message. If not, that of the view
    /// becomes a further message, and that of the tree is opened.
    pub(super) fn compare(
        &mut self,
        env: &mut Env<'_>,
        unique: &str,
        entry: &Entry,
        file: &ViewFile,
    ) -> Result<(), Error> {
        let known = self.known.get(unique);
        let spot = known.map_or(&file.spot, |known| &known.spot).clone();
        let (name, base, stamp) = (entry.name, file.base.clone(), file.stamp);
        // Put there by a run that was killed before it wrote that down, and not touched since.
        if known.is_none() && stamp.is_dated(name.time()) {
            return self.note(Known { name, spot, stamp, sealed: Stamp::default(), base });
        }
        let sealed = Stamp::of_sealed(&entry.path);
        match self.is_same(env, entry, file) {
            Ok(None) => Ok(()),
            Err(error) if error.kind == Kind::NoMessage => Ok(()),
            Ok(Some(true)) => self.note(Known { name, spot, stamp, sealed, base }),
            Ok(Some(false)) => {
                // Without a file a message that is known would be taken for deleted.
                self.forget(unique)?;
                self.part(file).map(|_| ())
            }
            Err(error) if matches!(error.kind, Kind::Data | Kind::Permission) => {
                self.refuse(file, error.what);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a file says what the message in the tree says, or would be filed as that message, as a
    /// run that was killed may have done; unless it has changed since it was listed.
    fn is_same(
        &self,
        env: &mut Env<'_>,
        entry: &Entry,
        file: &ViewFile,
    ) -> Result<Option<bool>, Error> {
        let Some(bytes) = self.bytes(file)? else { return Ok(None) };
        let old = self.reader.read(env, entry)?;
        if edit::named(&self.addresses, &old)? == bytes {
            return Ok(Some(true));
        }
        let parties = Parties::load(env)?;
        Ok(Some(self.changed(env, &parties, &old, &bytes).is_ok_and(|filed| filed == old)))
    }

    /// Gives a file a name of its own, by which it is of no message: the next round takes it.
    pub(super) fn part(&self, file: &ViewFile) -> Result<String, Error> {
        let base = format!("{}.{}.copy", file.stamp.time, file.stamp.inode);
        self.dir.rename(&file.path, &base, &file.spot)?;
        Ok(base)
    }

    /// The messages of which something lies in the view that is not filed, since it cannot be, or in
    /// no folder that can be: a mail program moves by copying and deleting.
    pub(super) fn copied(&self) -> Result<HashSet<String>, Error> {
        let strays = self.dir.strays()?;
        let refused = self.refused.keys().cloned();
        let texts = strays.into_iter().chain(refused).filter_map(|path| {
            let text = atomic::read(&path, read::LIMIT).ok().flatten()?;
            forge::message_id(&text)
        });
        Ok(texts.filter_map(|id| self.ids.get(&id).cloned()).collect())
    }
}
