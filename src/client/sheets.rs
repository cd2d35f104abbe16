//! Sheets: where the plain text of a message lies in memory while it is edited, by home and message,
//! and what killed runs have left there. It is gone on with by the next edit of the message, and
//! wiped once there is no such message any more. What is being edited is left alone.
//! Specified in poste(1), edit and doctor.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::encode::hex;
use crate::core::prim;
use crate::store::home::Places;
use crate::store::maildir::{FindError, Maildir};
use crate::store::memory;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How the names of their directories begin.
pub const PREFIX: &str = "poste-";

/// The text of an edit that was killed.
#[derive(Debug)]
pub struct Left {
    /// The directory it lies in.
    pub dir: PathBuf,
    /// The id of the message.
    pub message: String,
    /// Locked, so that nobody begins to edit it meanwhile.
    _lock: File,
}

/// What the text of a message is called while it is edited: no other home has that name.
pub fn name(places: &Places, message: &str) -> String {
    let data = fs::canonicalize(places.data()).unwrap_or_else(|_| places.data().to_owned());
    let digest = prim::sha256(&[data.as_os_str().as_encoded_bytes()]);
    format!("edit-{}-{message}", hex(&digest[..4]))
}

/// What killed edits of this home have left in memory; `runtime_dir` is the session's directory.
pub fn left(env: &Env<'_>, runtime_dir: Option<&Path>) -> Vec<Left> {
    let start = format!("{PREFIX}{}", name(env.home.places(), ""));
    let dirs = memory::directories(runtime_dir).into_iter();
    let entries = dirs.filter_map(|dir| fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
    let found = entries.filter_map(|entry| {
        let message = entry.file_name().to_str()?.strip_prefix(&start)?.to_owned();
        let meta = entry.path().symlink_metadata().ok()?;
        if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
            return None;
        }
        let lock = File::open(entry.path()).ok()?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Left { dir: entry.path(), message, _lock: lock })
    });
    let mut found: Vec<Left> = found.collect();
    found.sort_by(|a, b| a.dir.cmp(&b.dir));
    found
}

/// Whether there is still a message to put the text in the place of. In doubt there is.
pub fn is_wanted(env: &Env<'_>, left: &Left) -> bool {
    let found = Maildir::new(env.home.places().mail()).find(&left.message);
    !matches!(found, Err(FindError::NoSuch(_)))
}

/// Wipes the texts of which there is no message any more.
pub fn wipe(env: &Env<'_>, runtime_dir: Option<&Path>) -> Result<(), Error> {
    for left in left(env, runtime_dir) {
        if !is_wanted(env, &left) {
            fs::remove_dir_all(&left.dir).map_err(|error| {
                let what = format!("cannot remove {}: {error}", left.dir.display());
                Error::new(Kind::Io, what)
            })?;
        }
    }
    Ok(())
}
