//! The dates of a view's directories, by which mail programs see that something came. Some, neomutt
//! of 2022 among them, compare whole seconds: what comes within the second of their last look they
//! would not see before something else does. So a directory that was changed is dated anew when that
//! second is over: at the full second after it, by which it is told from one that was changed since.

use super::View;
use crate::store::maildir::Folder;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl View {
    /// Dates anew the parts of these folders that were changed in a second before `now`. Says how
    /// long to wait for those that were changed in this one. What cannot be dated is left.
    pub fn redate<'a>(
        &self,
        folders: impl IntoIterator<Item = &'a Folder>,
        now: SystemTime,
    ) -> Option<Duration> {
        let parts = folders.into_iter().flat_map(|folder| ["new", "cur"].map(|p| (folder, p)));
        parts.filter_map(|(folder, part)| redate(&self.part(folder, part), now).ok()?).min()
    }
}

fn redate(dir: &Path, now: SystemTime) -> io::Result<Option<Duration>> {
    let changed = fs::symlink_metadata(dir)?.modified()?;
    let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    if since.subsec_nanos() == 0 {
        return Ok(None);
    }
    let after = UNIX_EPOCH + Duration::from_secs(since.as_secs() + 1);
    match after.duration_since(now) {
        // Dated in a time to come: the clock was set back.
        Ok(left) if left > Duration::from_secs(1) => Ok(None),
        Ok(left) if !left.is_zero() => Ok(Some(left)),
        _ => File::open(dir)?.set_modified(after).map(|()| None),
    }
}
