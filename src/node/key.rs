//! The node's own Ed25519 key: what a tracker and the operators know the node by. Made at the
//! first start, whole or not at all, kept in one file of 64 hex digits, mode 0600; a file that others
//! may read is refused. It names the node in `/v1/status` and signs its reports to trackers.
//! Specified in posted(8), FILES.

use crate::core::encode::{hex, unhex};
use crate::core::prim::{ed25519_public, ed25519_sign};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The secret half: the 32 bytes of an Ed25519 seed. Erased from memory when dropped.
pub struct NodeKey(Zeroizing<[u8; 32]>);

impl NodeKey {
    /// The public half, 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        ed25519_public(&self.0)
    }

    /// The signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        ed25519_sign(&self.0, message)
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey")
    }
}

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
pub fn read(path: &Path) -> Result<NodeKey, KeyError> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open(mode));
    }
    let mut text = Zeroizing::new(String::with_capacity(80));
    file.take(80).read_to_string(&mut text)?;
    let seed = unhex::<32>(text.trim_end()).map_err(|_| KeyError::Malformed)?;
    Ok(NodeKey(Zeroizing::new(seed)))
}

/// Reads the key in `path`; makes one if there is no such file.
pub fn read_or_make(path: &Path) -> Result<NodeKey, KeyError> {
    match read(path) {
        Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => make(path),
        other => other,
    }
}

fn make(path: &Path) -> Result<NodeKey, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(io::Error::from)?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    // Of mode 0600, and gone if this fails.
    let mut file = tempfile::Builder::new().prefix(".node-key.").tempfile_in(dir)?;
    let text = Zeroizing::new(hex(seed.as_slice()));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        // Of two nodes that make one at the same moment, both go by the one that stands.
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(failed) => return Err(failed.error.into()),
        Ok(_) => {}
    }
    File::open(dir)?.sync_all()?;
    read(path)
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
        assert_eq!(read_or_make(&path).unwrap().public(), made.public());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_or_make(&path), Err(KeyError::Open(0o640))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(read_or_make(&path), Err(KeyError::Malformed)));
    }
}
