//! Drafts: texts that were begun and not sent, each sealed to the archive recipient in a file
//! `<id>.age`. They are no messages, and lie in no folder. What is in one is a header that names
//! people and files, and a text. Specified in poste-files(5), The data directory.

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::keys::LetterId;
use crate::core::time::Time;
use serde::Serialize;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Bytes of a draft's text at most; files that go with it are only named in it.
pub const TEXT: u64 = 8 << 20;
/// Bytes of a sealed draft at most.
pub(super) const LIMIT: u64 = TEXT + (1 << 20);

/// A draft that lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// By what it is named.
    pub id: LetterId,
    /// When it was last written.
    pub changed: Time,
}

/// All drafts, the one written last at the end.
pub fn list(places: &Places) -> Result<Vec<Kept>, Error> {
    let mut all = Vec::new();
    for entry in atomic::entries(&places.drafts_dir())? {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".age")?.parse().ok());
        let (Some(id), Ok(meta)) = (id, entry.metadata()) else { continue };
        all.push(Kept { id, changed: Time::from_unix(u64::try_from(meta.mtime()).unwrap_or(0)) });
    }
    all.sort_by_key(|kept| (kept.changed, kept.id));
    Ok(all)
}

/// Reads a draft, sealed; `None` if there is none.
pub fn load(places: &Places, id: LetterId) -> Result<Option<Vec<u8>>, Error> {
    atomic::read(&file(places, id), LIMIT)
}

/// Writes a draft, sealed, durably.
pub fn save(places: &Places, id: LetterId, sealed: &[u8]) -> Result<(), Error> {
    atomic::make_dir(&places.drafts_dir())?;
    atomic::write(&file(places, id), sealed)
}

/// Forgets a draft.
pub fn remove(places: &Places, id: LetterId) -> Result<(), Error> {
    atomic::remove(&file(places, id))
}

fn file(places: &Places, id: LetterId) -> PathBuf {
    places.drafts_dir().join(format!("{id}.age"))
}
