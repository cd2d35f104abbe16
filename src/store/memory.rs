//! Whether a directory lies in memory, so that what is written there never reaches a disk but as
//! swap: plain texts are put nowhere else unless a person says so. Specified in poste(1), view.

use std::path::{Path, PathBuf};

/// The types of file systems in memory, from statfs(2): tmpfs and ramfs.
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// Whether `path`, or the nearest directory above it that exists, lies in memory.
pub fn is_in_memory(path: &Path) -> bool {
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let Some(there) = path.ancestors().find(is_there) else { return false };
    rustix::fs::statfs(there).is_ok_and(|fs| IN_MEMORY.contains(&i128::from(fs.f_type)))
}

/// Directories in memory that are for everybody.
const USUAL: [&str; 2] = ["/dev/shm", "/run/shm"];

/// A directory in memory: the session's own if it is, else one for everybody.
pub fn directory(runtime_dir: Option<&Path>) -> Option<PathBuf> {
    let mut places = runtime_dir.into_iter().chain(USUAL.map(Path::new));
    places.find(|path| is_usable(path)).map(Path::to_owned)
}

/// All directories that [`directory`] may have given to a run of the same user, as in a session
/// that this run does not belong to. None is there twice.
pub fn directories(runtime_dir: Option<&Path>) -> Vec<PathBuf> {
    let session = format!("/run/user/{}", rustix::process::geteuid().as_raw());
    let places = [Path::new(&session)].into_iter().chain(USUAL.map(Path::new));
    let places = runtime_dir.into_iter().chain(places).filter(|path| is_usable(path));
    let mut all: Vec<PathBuf> = places.filter_map(|path| path.canonicalize().ok()).collect();
    all.sort();
    all.dedup();
    all
}

fn is_usable(path: &Path) -> bool {
    path.is_dir() && is_in_memory(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_from_other_places() {
        assert!(is_in_memory(Path::new("/dev/shm")));
        assert!(is_in_memory(Path::new("/dev/shm/nowhere/at/all")));
        assert!(!is_in_memory(Path::new("/proc")));
        assert!(!is_in_memory(Path::new("nowhere/at/all")));
    }
}
