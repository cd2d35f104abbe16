//! Whether a directory lies in memory that is never swapped: on a tmpfs, with the mount option
//! `noswap` or on a machine without swap. Unlinking on a disk leaves the bytes there, so a store
//! anywhere else is refused unless the operator says otherwise. Swap that is turned on while the node
//! runs is said in the log.
//! Specified in poste-protocol(7), Relay (wiping), and posted(8), STORE.

use crate::core::time::{MINUTE, Time};
use crate::node::log::Log;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The file system type of a tmpfs, from statfs(2).
const TMPFS_MAGIC: i128 = 0x0102_1994;

/// Why a directory is no place for a store.
#[derive(Debug, thiserror::Error)]
pub enum NotMemory {
    /// It lies on a disk.
    #[error("not on a tmpfs, so what is wiped could be read back from the disk")]
    Disk,
    /// It could be written to swap.
    #[error("on a tmpfs, but the machine has swap and the mount lacks the option noswap")]
    Swap,
    /// That could not be found out.
    #[error("cannot tell whether it is on a tmpfs: {0}")]
    Io(#[from] io::Error),
}

/// Refuses a directory whose bytes could reach a disk.
pub fn check(dir: &Path) -> Result<(), NotMemory> {
    let statfs = rustix::fs::statfs(dir).map_err(io::Error::from)?;
    if i128::from(statfs.f_type) != TMPFS_MAGIC {
        return Err(NotMemory::Disk);
    }
    let device = std::fs::metadata(dir)?.dev();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    if has_noswap(&mounts, device) {
        return Ok(());
    }
    if has_swap()? { Err(NotMemory::Swap) } else { Ok(()) }
}

/// What was found the last time somebody looked, each minute while the node runs.
pub struct Watch(Mutex<Seen>);

struct Seen {
    at: Time,
    /// Whether its bytes could reach no disk.
    fine: bool,
}

impl Watch {
    /// Looks at a directory for the first time.
    pub fn new(dir: &Path, now: Time) -> Watch {
        Watch(Mutex::new(Seen { at: now, fine: check(dir).is_ok() }))
    }

    /// Looks again if a minute has passed, and says what has changed.
    pub fn look(&self, dir: &Path, now: Time, log: Log) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(seen.at) < MINUTE {
            return;
        }
        seen.at = now;
        let shown = dir.display();
        match check(dir) {
            Ok(()) if seen.change(true) => {
                log.info(format_args!("{shown}: lies in memory alone again"));
            }
            Err(why @ NotMemory::Swap) if seen.change(false) => {
                log.error(format_args!("{shown}: {why}: turn swap off and overwrite it"));
            }
            // On a disk by the operator's will, or not found out.
            Ok(()) | Err(_) => {}
        }
    }
}

impl Seen {
    /// Takes note of what was found; whether it is news.
    fn change(&mut self, fine: bool) -> bool {
        std::mem::replace(&mut self.fine, fine) != fine
    }
}

/// Whether the machine has swap.
pub fn has_swap() -> io::Result<bool> {
    // Without the file the kernel was built without swap.
    let swaps = match std::fs::read_to_string("/proc/swaps") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    Ok(swaps.lines().skip(1).any(|line| !line.trim().is_empty()))
}

/// Whether the mount of `device` in mountinfo (proc(5)) has the super option `noswap`.
fn has_noswap(mountinfo: &str, device: u64) -> bool {
    let wanted = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    mountinfo.lines().any(|line| {
        let number = line.split(' ').nth(2);
        let options = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(2));
        number == Some(&wanted) && options.is_some_and(|o| o.split(',').any(|o| o == "noswap"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_no_memory() {
        assert!(matches!(check(Path::new("/proc")), Err(NotMemory::Disk)));
    }

    #[test]
    fn noswap_is_read_from_the_right_mount() {
        let mounts = "22 1 0:20 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,noswap,mode=755\n\
                      23 1 0:21 / /dev/shm rw shared:6 master:1 - tmpfs tmpfs rw,size=1k\n";
        let device = rustix::fs::makedev;
        assert!(has_noswap(mounts, device(0, 20)));
        assert!(!has_noswap(mounts, device(0, 21)));
        assert!(!has_noswap(mounts, device(0, 2)));
    }
}
