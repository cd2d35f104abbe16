//! Where a view may lie: in a directory of one's own, that nobody else can reach, or put another in
//! the place of.

use super::super::error::{CREATE, Cause, Error};
use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Makes a directory and those above it, if they are missing.
pub(super) fn make_dir(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).recursive(true).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::io(path, CREATE)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the directory, and refuses one that others can reach, or could put another in place of.
pub(super) fn make_private(path: &Path) -> Result<(), Error> {
    make_dir(path)?;
    let me = rustix::process::geteuid().as_raw();
    let meta = path.symlink_metadata().map_err(Error::io(path, "open"))?;
    if !meta.is_dir() {
        return Err(Error::new(path, CREATE, Cause::Exists));
    }
    if meta.uid() != me {
        return Err(Error::new(path, "open", Cause::Owner { uid: meta.uid() }));
    }
    let open = |path: &Path, meta: &Metadata| {
        Error::new(path, "open", Cause::Open { mode: meta.mode() & 0o7777 })
    };
    if meta.mode() & 0o077 != 0 {
        return Err(open(path, &meta));
    }
    let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) else {
        return Ok(());
    };
    // Whoever owns a link may let it point elsewhere at any time.
    for meta in [above.symlink_metadata(), above.metadata()] {
        let meta = meta.map_err(Error::io(above, "open"))?;
        if meta.uid() != me && meta.uid() != 0 {
            return Err(Error::new(above, "open", Cause::Owner { uid: meta.uid() }));
        }
        let sticky = meta.mode() & 0o1000 != 0;
        if !meta.is_symlink() && meta.mode() & 0o022 != 0 && !sticky {
            return Err(open(above, &meta));
        }
    }
    Ok(())
}
