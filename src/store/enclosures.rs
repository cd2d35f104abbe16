//! Enclosures on their way here: what the head said (`<from>-<id>.toml`) and the cells that have
//! come (`<from>-<id>.cells`), each in its place. They lie in the state directory: their loss costs
//! only repeats, since the head is repeated until it is acknowledged. Bounded: 4 of a person, 32 in
//! all; those refused are remembered too, so that it is said once.
//! Specified in poste-files(5), State, and poste-protocol(7), Enclosures.

use super::atomic;
use super::error::{Cause, Error};
use super::home::Places;
use super::outbox::Copied;
use crate::core::cell::CHUNK;
use crate::core::enclosure::CellSet;
use crate::core::encode::{base64, unbase64_vec};
use crate::core::keys::{DhPublic, EnclosureId, Fingerprint, LetterId};
use crate::core::time::{DAY, Day, Time};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Enclosures of one person on their way at most.
pub const MOST_EACH: usize = 4;
/// Enclosures of all people on their way at most.
pub const MOST: usize = 32;
/// Refused enclosures remembered at most.
pub const MOST_REFUSED: usize = 256;
/// Seconds after which one is given up to which no cell has come.
pub const KEPT: u64 = 30 * DAY;

pub(super) const LIMIT: u64 = 256 << 10;

/// How it stands with an enclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its cells are asked for.
    Wanted,
    /// They were all there, and were not what the head said; they are asked for once more.
    Again,
    /// It is larger than may be, and is not asked for.
    Large,
    /// It is not what its head said, or is no mail, and is not asked for any more.
    Wrong,
}

/// An enclosure on its way here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coming {
    /// Whose it is.
    pub from: Fingerprint,
    /// The id in its cells.
    pub id: EnclosureId,
    /// The id of its head.
    pub letter: LetterId,
    /// How many cells it has.
    pub cells: u16,
    /// SHA-256 of the age file, in base64.
    pub sha256: String,
    /// Its key, sealed to the transit key, in base64.
    pub key: String,
    /// When the mail was written.
    pub date: Time,
    /// The day by whose key the newest head was authenticated.
    pub day: Day,
    /// The public half of that key.
    pub day_key: DhPublic,
    /// How it stands with it.
    pub stage: Stage,
    /// When the head came, or the last cell.
    pub last: Time,
    /// When its cells were last asked for, 0 if never.
    pub asked: Time,
    /// How often they were asked for since the last cell came.
    pub asks: u32,
    /// The cells that have come: a bitmap in base64.
    pub have: String,
    /// Of which letter to a group it is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Copied>,
}

impl Coming {
    /// All that is known; a file that cannot be read stops none of the others: it is among the
    /// errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Coming>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::<Coming>::new(), Vec::new());
        for entry in atomic::entries(&dir(places))? {
            if entry.path().extension().is_some_and(|e| e == "toml") {
                match atomic::read_toml::<Coming>(&entry.path(), LIMIT) {
                    Ok(coming) => all.extend(coming),
                    Err(error) => bad.push(error),
                }
            }
        }
        all.sort_by_key(|coming| (coming.date, coming.from, coming.id));
        Ok((all, bad))
    }

    /// Reads one.
    pub fn load(
        places: &Places,
        from: Fingerprint,
        id: EnclosureId,
    ) -> Result<Option<Coming>, Error> {
        atomic::read_toml(&file(places, from, id, "toml"), LIMIT)
    }

    /// Writes what is known, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::make_dir(&dir(places))?;
        atomic::write_toml(&file(places, self.from, self.id, "toml"), self)
    }

    /// The cells that have come. A set that does not read counts as empty: they come again.
    pub fn have(&self) -> CellSet {
        let bits = unbase64_vec(&self.have, usize::from(self.cells).div_ceil(8)).ok();
        bits.and_then(|bits| CellSet::parse(self.cells, &bits).ok())
            .unwrap_or_else(|| CellSet::none(self.cells))
    }

    /// Whether its cells are asked for.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Wanted | Stage::Again)
    }

    /// Keeps cells: their content first, then that they are there.
    pub fn keep(
        &mut self,
        places: &Places,
        parts: &[(u16, Vec<u8>)],
        now: Time,
    ) -> Result<(), Error> {
        let cells = file(places, self.from, self.id, "cells");
        let mut have = self.have();
        if have.is_empty() {
            // What lies there was forgotten, and may have been longer.
            atomic::remove(&cells)?;
        }
        let bytes = parts.iter().map(|(index, bytes)| (*index, bytes.as_slice()));
        atomic::write_parts(&cells, CHUNK, bytes)?;
        parts.iter().for_each(|(index, _)| have.add(*index));
        self.have = base64(have.as_bytes());
        (self.last, self.asks) = (now, 0);
        self.save(places)
    }

    /// The cells that have come, one after the other; `None` if the file is gone.
    pub fn open(&self, places: &Places) -> Result<Option<File>, Error> {
        match atomic::open_plain(&file(places, self.from, self.id, "cells")) {
            Err(Error { cause: Cause::Io(e), .. }) if e.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Forgets the cells, not the head.
    pub fn forget_cells(&mut self, places: &Places) -> Result<(), Error> {
        self.have = base64(CellSet::none(self.cells).as_bytes());
        self.save(places)?;
        atomic::remove(&file(places, self.from, self.id, "cells"))
    }

    /// Forgets it altogether; the cells last, so that a head that is found has its cells.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&file(places, self.from, self.id, "toml"))?;
        atomic::remove(&file(places, self.from, self.id, "cells"))
    }
}

/// Forgets all that is on its way from a person.
pub fn forget(places: &Places, person: Fingerprint) -> Result<(), Error> {
    let theirs = Coming::load_all(places)?.0.into_iter().filter(|coming| coming.from == person);
    theirs.into_iter().try_for_each(|coming| coming.remove(places))
}

/// Deletes cells of which no head is known any more, since a crash came between the two.
pub fn sweep(places: &Places) -> Result<(), Error> {
    for entry in atomic::entries(&dir(places))? {
        let path = entry.path();
        let is_cells = path.extension().is_some_and(|e| e == "cells");
        if is_cells && path.with_extension("toml").symlink_metadata().is_err() {
            atomic::remove(&path)?;
        }
    }
    Ok(())
}

fn dir(places: &Places) -> PathBuf {
    places.state().join("enclosures")
}

fn file(places: &Places, from: Fingerprint, id: EnclosureId, kind: &str) -> PathBuf {
    dir(places).join(format!("{from}-{id}.{kind}"))
}
