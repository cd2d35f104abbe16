//! Whole folders: giving one another name, and removing one with the messages in it. Only what is
//! named as a message is touched: files of mail programs and people stay, and with them the
//! directory. Each call can be cut short and made again. Layout: poste-files(5), Mail.

use super::super::atomic;
use super::super::error::Error;
use super::{Folder, Maildir, Name};
use std::fs;
use std::io;
use std::path::Path;

/// What became of a folder that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Messages deleted.
    pub messages: usize,
    /// Whether the directory stays, since other files lie in it.
    pub stays: bool,
}

impl Maildir {
    /// Gives a folder another name. Where that folder exists already, the messages move into it one
    /// by one. Without the folder `from` there is nothing to do.
    pub fn rename_folder(&self, from: &Folder, to: &Folder) -> Result<(), Error> {
        let (old, new) = (self.root.join(from.as_str()), self.root.join(to.as_str()));
        if !is_there(&old) {
            return Ok(());
        }
        if !is_there(&new) {
            return atomic::rename_new(&old, &new);
        }
        for entry in self.list(from)? {
            self.move_to(&entry, to)?;
        }
        self.remove_folder(from).map(|_| ())
    }

    /// Deletes the messages of a folder, and its directories if nothing else is in them.
    pub fn remove_folder(&self, folder: &Folder) -> Result<Removed, Error> {
        let root = self.root.join(folder.as_str());
        let mut messages = 0;
        // Mail programs rename meanwhile, so until none is found.
        loop {
            let found = self.list(folder)?;
            if found.is_empty() {
                break;
            }
            for entry in found {
                messages += usize::from(unlink(&entry.path)?);
            }
        }
        for item in atomic::entries(&self.part(folder, "tmp"))? {
            if item.file_name().to_str().is_some_and(|name| name.parse::<Name>().is_ok()) {
                unlink(&item.path())?;
            }
        }
        let mut stays = false;
        for part in ["tmp", "new", "cur"] {
            let part = self.part(folder, part);
            if is_there(&part) {
                // Whether or not the directory goes, what was in it must not come back.
                atomic::sync_dir(&part)?;
                stays |= !remove_empty(&part)?;
            }
        }
        if is_there(&root) {
            atomic::sync_dir(&root)?;
            stays |= !remove_empty(&root)?;
            atomic::sync_dir(&self.root)?;
        }
        Ok(Removed { messages, stays })
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether it was there to be removed.
fn unlink(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io(path, "remove")(error)),
    }
}

/// Removes a directory; says no if something is in it, or if it is a link to one.
fn remove_empty(dir: &Path) -> Result<bool, Error> {
    match fs::remove_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(true),
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => Ok(false),
            _ => Err(Error::io(dir, "remove")(error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, Place};
    use super::*;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::Time;

    fn folder(name: &str) -> Folder {
        name.parse().unwrap()
    }

    fn filled(mail: &Maildir, name: &str, count: usize) {
        let mut rng = Fixed::new(count as u64);
        for at in 0..count {
            let message = Name::new(Time::from_unix(1_795_356_000), &mut rng);
            let place = if at % 2 == 0 { Place::New } else { Place::Cur(Flags::SEEN) };
            mail.deliver(&folder(name), &message, place, b"sealed").unwrap();
        }
    }

    #[test]
    fn a_folder_goes_with_its_messages_but_not_with_the_files_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let mail = Maildir::new(dir.path());
        filled(&mail, "bob", 5);
        filled(&mail, "carol", 2);
        let removed = mail.remove_folder(&folder("bob")).unwrap();
        assert_eq!(removed, Removed { messages: 5, stays: false });
        assert!(!dir.path().join("bob").exists());
        fs::write(dir.path().join("carol/cur/index"), "of a mail program").unwrap();
        let removed = mail.remove_folder(&folder("carol")).unwrap();
        assert_eq!(removed, Removed { messages: 2, stays: true });
        assert!(dir.path().join("carol/cur/index").exists());
        let none = mail.remove_folder(&folder("nobody")).unwrap();
        assert_eq!(none, Removed { messages: 0, stays: false });
    }

    #[test]
    fn a_folder_takes_another_name_and_joins_one_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let mail = Maildir::new(dir.path());
        filled(&mail, "bob", 3);
        for _ in 0..2 {
            mail.rename_folder(&folder("bob"), &folder("robert")).unwrap();
            assert_eq!(mail.list(&folder("robert")).unwrap().len(), 3);
        }
        filled(&mail, "bob", 4);
        mail.rename_folder(&folder("bob"), &folder("robert")).unwrap();
        assert!(!dir.path().join("bob").exists());
        assert_eq!(mail.list(&folder("robert")).unwrap().len(), 7);
    }
}
