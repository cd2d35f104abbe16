//! Whether something changes below directories, told as it happens. What changes is not told: every
//! event says only "look again", since events are lost when too many come, and network file systems
//! have none; whoever relies on it also looks by himself now and then.

use super::error::Error;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::io;
use std::path::Path;

/// Watches until dropped.
#[derive(Debug)]
pub struct Watch(#[expect(dead_code, reason = "held for its thread")] RecommendedWatcher);

impl Watch {
    /// Calls `changed`, from a thread of its own, whenever something below one of these directories
    /// does. Reading is no change. What comes into a new directory right after it is not told:
    /// whoever hears of the directory waits a moment before he looks.
    pub fn new(dirs: &[&Path], changed: impl Fn() + Send + 'static) -> Result<Watch, Error> {
        let first = dirs.first().copied().unwrap_or(Path::new("."));
        let heard = move |event: notify::Result<Event>| {
            let is_reading = |kind: &EventKind| match kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
                EventKind::Access(_) => true,
                _ => false,
            };
            if !event.is_ok_and(|event| is_reading(&event.kind)) {
                changed();
            }
        };
        let failed = |path: &Path, error: notify::Error| {
            let error = match error.kind {
                notify::ErrorKind::Io(error) => error,
                _ => io::Error::other(error.to_string()),
            };
            Error::io(path, "watch")(error)
        };
        let mut watcher = notify::recommended_watcher(heard).map_err(|e| failed(first, e))?;
        for dir in dirs {
            watcher.watch(dir, RecursiveMode::Recursive).map_err(|e| failed(dir, e))?;
        }
        Ok(Watch(watcher))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn a_change_is_told_and_reading_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (send, heard) = channel();
        let tell = move || {
            let _ = send.send(());
        };
        let _watch = Watch::new(&[dir.path()], tell).unwrap();
        let second = Duration::from_secs(20);
        fs::create_dir(dir.path().join("cur")).unwrap();
        heard.recv_timeout(second).expect("a new directory is a change");
        // Until it is watched itself, what comes into it is not told.
        while heard.recv_timeout(Duration::from_millis(300)).is_ok() {}
        fs::write(dir.path().join("cur/x"), "x").unwrap();
        heard.recv_timeout(second).expect("a file in it too");
        while heard.recv_timeout(Duration::from_millis(300)).is_ok() {}
        fs::read_dir(dir.path().join("cur")).unwrap().for_each(drop);
        fs::read(dir.path().join("cur/x")).unwrap();
        assert!(heard.recv_timeout(Duration::from_millis(300)).is_err(), "reading is no change");
        fs::rename(dir.path().join("cur/x"), dir.path().join("cur/x:2,S")).unwrap();
        heard.recv_timeout(second).expect("a renaming is a change");
    }
}
