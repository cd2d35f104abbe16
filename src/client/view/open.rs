//! Opening messages into the view, on all cores, the newest first: those that fill the first screen
//! of each folder before all others. What is in the view already is not opened again. One that does
//! not open is said and left out.

use super::View;
use crate::client::edit;
use crate::client::error::{Error, Kind};
use crate::client::forge;
use crate::client::parties::addresses::Addresses;
use crate::client::read::{self, Reader};
use crate::store::atomic;
use crate::store::maildir::{Entry, Maildir, Place};
use crate::store::view::{self, Known, Spot, Stamp};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Messages of a folder that are there before anybody looks: more than a screen has lines.
const SCREEN: usize = 100;
/// Messages opened at a time, between which changes are looked for.
const CHUNK: usize = 512;

impl View {
    /// Puts messages in line to be opened.
    pub(super) fn wait_for(&mut self, mut entries: Vec<Entry>) {
        entries.retain(|entry| !self.closed.contains(&entry.name.unique()));
        if entries.is_empty() {
            return;
        }
        self.waiting.append(&mut entries);
        self.waiting.sort_by_key(|entry| Reverse(entry.name));
        let mut counts = HashMap::new();
        let is_first = |entry: &Entry| {
            let count = counts.entry(entry.folder.clone()).or_insert(0);
            *count += 1;
            *count <= SCREEN
        };
        let (mut first, mut later): (Vec<Entry>, Vec<Entry>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_first);
        self.first = first.len();
        first.reverse();
        later.reverse();
        later.append(&mut first);
        self.waiting = later;
    }

    /// Opens some of the messages that wait.
    pub fn open_some(&mut self) -> Result<(), Error> {
        let rest = self.waiting.len().saturating_sub(CHUNK);
        let chunk = self.waiting.split_off(rest);
        self.first = self.first.saturating_sub(chunk.len());
        for folder in chunk.iter().map(|entry| &entry.folder) {
            if !self.dir.has(folder) {
                self.dir.make(folder)?;
            }
        }
        let (reader, mail, dir) = (&self.reader, &self.mail, &self.dir);
        let known = &self.addresses;
        let opened: Vec<_> =
            chunk.into_par_iter().map(|entry| open(reader, known, mail, dir, entry)).collect();
        let mut new = Vec::new();
        let mut full = None;
        for one in opened {
            match one {
                Ok((known, id)) => {
                    let unique = known.name.unique();
                    self.ids.extend(id.map(|id| (id, unique)));
                    new.push(known);
                }
                // No room: it is tried again, and is worth an error only if nothing helps.
                Err((None, error)) => full = Some(error),
                Err((_, error)) if error.kind == Kind::NoMessage => {}
                Err((Some(unique), error)) => {
                    self.troubles.push(error.what);
                    self.closed.insert(unique);
                }
            }
        }
        self.dir.knows(&new.iter().collect::<Vec<_>>())?;
        self.known.extend(new.into_iter().map(|known| (known.name.unique(), known)));
        full.map_or(Ok(()), Err)
    }

    /// Learns the Message-IDs of what a killed run has left.
    pub(super) fn learn_ids(&mut self) -> Result<(), Error> {
        if self.known.is_empty() {
            return Ok(());
        }
        let bases: HashMap<&str, String> = self
            .known
            .iter()
            .map(|(unique, known)| (known.base.as_str(), unique.clone()))
            .collect();
        let files = self.dir.list()?;
        let ids: Vec<_> = files
            .par_iter()
            .filter_map(|file| {
                let unique = bases.get(file.base.as_str())?;
                let text = atomic::read(&file.path, read::LIMIT).ok()??;
                Some((forge::message_id(&text)?, unique.clone()))
            })
            .collect();
        self.ids = ids.into_iter().collect();
        Ok(())
    }
}

type Opened = (Known, Option<String>);

/// Opens one message into the view. An error is that of the message that is named with it, or of
/// the view.
fn open(
    reader: &Reader,
    known: &Addresses,
    mail: &Maildir,
    dir: &view::View,
    entry: Entry,
) -> Result<Opened, (Option<String>, Error)> {
    // First, so that what is replaced meanwhile is opened again.
    let sealed = Stamp::of_sealed(&entry.path);
    let text = reader.read_in(mail, &entry).and_then(|filed| edit::named(known, &filed));
    let text = text.map_err(|error| (Some(entry.name.unique()), error))?;
    let id = forge::message_id(&text);
    let (spot, base) = (spot(&entry), entry.name.to_string());
    let stamp = dir.put(&base, &spot, &text, entry.name.time());
    let stamp = stamp.map_err(|error| (None, error.into()))?;
    Ok((Known { name: entry.name, spot, stamp, sealed, base }, id))
}

/// Where an entry of the tree lies.
pub(super) fn spot(entry: &Entry) -> Spot {
    let place = if entry.is_new { Place::New } else { Place::Cur(entry.flags) };
    Spot { folder: entry.folder.clone(), place }
}
