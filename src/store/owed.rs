//! What is owed of an enclosure in the outbox: the cells of its newest want, and when each was last
//! posted. It lies beside the letter as `<id>.owed`; its loss costs only repeats.
//! Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use crate::core::enclosure::{CellSet, Owed};
use crate::core::encode::{base64, unbase64_vec};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Bytes of the file at most: four for each of 65,535 cells, in base64.
pub(super) const LIMIT: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    want: Time,
    turn: u32,
    cells: String,
    posted: String,
}

/// Reads it; `None` if nothing was asked for yet.
pub(super) fn load(path: &Path, cells: u16) -> Result<Option<Owed>, Error> {
    let Some(raw) = atomic::read_toml::<Raw>(path, LIMIT)? else { return Ok(None) };
    let damaged = || Error::damaged(path, None, "it is not of this enclosure");
    let bits = unbase64_vec(&raw.cells, usize::from(cells).div_ceil(8)).map_err(|_| damaged())?;
    let bytes = unbase64_vec(&raw.posted, 4 * usize::from(cells)).map_err(|_| damaged())?;
    let posted: Vec<u32> =
        bytes.as_chunks().0.iter().map(|second| u32::from_be_bytes(*second)).collect();
    if posted.len() != usize::from(cells) {
        return Err(damaged());
    }
    let cells = CellSet::parse(cells, &bits).map_err(|_| damaged())?;
    Ok(Some(Owed { want: raw.want, cells, posted, turn: raw.turn }))
}

/// Writes it, durably.
pub(super) fn save(path: &Path, owed: &Owed) -> Result<(), Error> {
    let posted: Vec<u8> = owed.posted.iter().flat_map(|second| second.to_be_bytes()).collect();
    let raw = Raw {
        want: owed.want,
        turn: owed.turn,
        cells: base64(owed.cells.as_bytes()),
        posted: base64(&posted),
    };
    atomic::write_toml(path, &raw)
}
