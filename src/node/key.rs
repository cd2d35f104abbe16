//! The node's own Ed25519 key: what a tracker and the operators know the node by. Made at the
//! first start, kept in one file of 64 hex digits, mode 0600; a file that others may read is
//! refused. It signs nothing yet but names the node in `/v1/status`.
//! Specified in posted(8), FILES.

use crate::core::encode::{hex, unhex};
use ed25519_dalek::SigningKey;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file does not hold 64 hex digits and a line end.
    #[error("not a node key: it must hold 64 hex digits and a line end")]
    Malformed,
    /// Others than the owner may read the file.
    #[error("mode {0:04o} lets others read it: chmod 600")]
    Open(u32),
    /// The file cannot be read or made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the key in `path`.
pub fn read(path: &Path) -> Result<SigningKey, KeyError> {
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open(mode));
    }
    let mut text = Zeroizing::new(String::with_capacity(80));
    file.take(80).read_to_string(&mut text)?;
    let secret = unhex::<32>(text.trim_end()).map_err(|_| KeyError::Malformed)?;
    Ok(SigningKey::from_bytes(&Zeroizing::new(secret)))
}

/// Reads the key in `path`; makes one if there is no such file.
pub fn read_or_make(path: &Path) -> Result<SigningKey, KeyError> {
    match read(path) {
        Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => make(path),
        other => other,
    }
}

fn make(path: &Path) -> Result<SigningKey, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(io::Error::from)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let text = Zeroizing::new(hex(secret.as_slice()));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(SigningKey::from_bytes(&secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let made = read_or_make(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(&path).unwrap().verifying_key(), made.verifying_key());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_or_make(&path), Err(KeyError::Open(0o640))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(read_or_make(&path), Err(KeyError::Malformed)));
    }
}
