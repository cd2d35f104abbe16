//! The locked keys: the signing key and the archive identity, in `keys/locked.age`. Under a
//! passphrase if one was set, else sealed to the transit key beside it, so that the file is an age
//! file either way. Its recipient, `keys/archive.pub`, is public: sealing mail needs no
//! passphrase. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::archive::{self, ArchiveIdentity, ArchiveRecipient, Kind, PassphraseError};
use crate::core::keys::SignSecret;
use crate::core::random::Random;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub(super) const LIMIT: usize = 64 << 10;

/// The keys that reading and signing need.
#[derive(Debug)]
pub struct Locked {
    /// `S`.
    pub sign: SignSecret,
    /// What opens mail at rest.
    pub archive: ArchiveIdentity,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    poste: u8,
    sign: SignSecret,
    archive: Zeroizing<String>,
}

/// Why the locked keys were not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is missing, unreadable or damaged.
    #[error(transparent)]
    File(#[from] Error),
    /// The passphrase is another.
    #[error("wrong passphrase")]
    WrongPassphrase,
}

impl Locked {
    /// The file's bytes, under `passphrase` or, without one, sealed to the transit key. `work` is
    /// scrypt's work factor, `None` for about a second.
    pub fn seal(
        &self,
        passphrase: Option<&str>,
        work: Option<u8>,
        transit: &ArchiveRecipient,
        rng: &mut dyn Random,
    ) -> Vec<u8> {
        let text = self.text();
        match passphrase {
            Some(passphrase) => archive::seal_passphrase(passphrase, text.as_bytes(), work),
            None => archive::seal_at_rest(transit, text.as_bytes(), rng),
        }
    }

    /// Opens the file; `passphrase` is heeded only if the file is under one.
    pub fn open(
        file: &LockedFile,
        passphrase: Option<&str>,
        transit: &ArchiveIdentity,
    ) -> Result<Locked, OpenError> {
        let damaged = |what: String| OpenError::File(Error::damaged(&file.path, None, what));
        let plain = if file.needs_passphrase() {
            match archive::open_passphrase(passphrase.unwrap_or_default(), &file.bytes, LIMIT) {
                Err(PassphraseError::Wrong) => return Err(OpenError::WrongPassphrase),
                other => other.map_err(|e| damaged(e.to_string()))?,
            }
        } else {
            Zeroizing::new(
                archive::open_at_rest(transit, &file.bytes, LIMIT)
                    .map_err(|e| damaged(e.to_string()))?,
            )
        };
        let text = std::str::from_utf8(&plain).map_err(|_| damaged("not text".into()))?;
        Locked::parse(text).map_err(damaged)
    }

    /// What the file holds once it is open.
    pub fn text(&self) -> Zeroizing<String> {
        let raw = Raw { poste: 1, sign: self.sign.clone(), archive: self.archive.to_text() };
        Zeroizing::new(toml::to_string(&raw).expect("keys are texts"))
    }

    /// The keys from such a text; else what is wrong with it.
    pub fn parse(text: &str) -> Result<Locked, String> {
        let raw: Raw = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        let archive = raw.archive.parse().map_err(|_| "no archive identity".to_owned())?;
        Ok(Locked { sign: raw.sign, archive })
    }
}

/// The file as it lies on disk, still locked.
#[derive(Debug)]
pub struct LockedFile {
    path: std::path::PathBuf,
    bytes: Vec<u8>,
}

impl LockedFile {
    /// Reads `keys/locked.age`.
    pub fn load(places: &Places) -> Result<LockedFile, Error> {
        let path = places.locked();
        let bytes = atomic::read(&path, LIMIT as u64)?;
        let missing = || Error::damaged(&path, None, "it is missing; restore it from a backup");
        let bytes = bytes.ok_or_else(missing)?;
        Ok(LockedFile { path, bytes })
    }

    /// Whether a passphrase was set.
    pub fn needs_passphrase(&self) -> bool {
        archive::kind_of(&self.bytes) == Ok(Kind::Passphrase)
    }
}

/// Reads `keys/archive.pub`.
pub fn archive_recipient(places: &Places) -> Result<ArchiveRecipient, Error> {
    let path = places.archive_pub();
    let bytes = atomic::read(&path, 8 << 10)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.trim().parse().map_err(|_| Error::damaged(&path, Some(1), "no age recipient in it"))
}
