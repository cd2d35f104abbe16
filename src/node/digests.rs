//! Which cells an open bucket holds already, by their digests. Small tables rather than a large
//! one: growing copies little at a time, and what a bucket leaves behind at its end is in pieces
//! that the next one uses again, not in holes of megabytes in the arenas of all threads.
//! Used by `shelf`.

use std::collections::HashSet;

/// So much of the SHA-256 of a cell. Who finds two cells with the same has lost one of his own.
pub type Digest = [u8; 16];

/// Told apart by the first byte, which whoever makes cells chooses only by trying.
const TABLES: usize = 256;

/// A set of digests.
pub struct Digests(Vec<HashSet<Digest>>);

impl Default for Digests {
    fn default() -> Digests {
        Digests(vec![HashSet::new(); TABLES])
    }
}

impl Digests {
    /// Whether it is there.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0[usize::from(digest[0])].contains(digest)
    }

    /// Puts it in.
    pub fn insert(&mut self, digest: Digest) {
        self.0[usize::from(digest[0])].insert(digest);
    }
}
