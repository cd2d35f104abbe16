//! The home: where everything of one identity lies, made once, checked at every start.
//!
//! Three directories: config (hand-edited), data (worth a backup), state (its loss costs only
//! repeats). Normally `~/.config/poste`, `~/.local/share/poste` and `~/.local/state/poste`; under
//! a directory DIR of one's own (`--home DIR`, `POSTE_HOME=DIR`) they are `DIR/config`,
//! `DIR/share` and `DIR/state`. A home exists if and only if its `keys` directory does: it comes
//! whole, by one rename, so that `init` can be killed at any moment and run again.
//! The environment is the caller's to read. Layout: poste-files(5).

use super::arrival;
use super::atomic;
use super::error::{Cause, Error};
use super::lock::StateLock;
use super::maildir::Maildir;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the command line and the environment say about places. Empty values count as unset.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--home DIR`.
    pub home_flag: Option<PathBuf>,
    /// `--config FILE`.
    pub config_flag: Option<PathBuf>,
    /// `POSTE_HOME`.
    pub poste_home: Option<PathBuf>,
    /// `POSTE_CONFIG`; not heeded with `--home`, which names another home than the usual one.
    pub poste_config: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, heeded if absolute, as the other two.
    pub xdg_config_home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub user_home: Option<PathBuf>,
}

/// The paths of a home, whether or not there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    config_file: PathBuf,
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
}

impl Places {
    /// The places that `given` asks for: flags before variables, variables before the usual.
    pub fn resolve(given: &Given) -> Result<Places, Error> {
        let set = |path: &Option<PathBuf>| path.clone().filter(|p| !p.as_os_str().is_empty());
        let full = |path: PathBuf| std::path::absolute(&path).map_err(Error::io(&path, "find"));
        let flag = set(&given.home_flag);
        let env_config = set(&given.poste_config).filter(|_| flag.is_none());
        let mut places = match flag.or(set(&given.poste_home)) {
            Some(dir) => Places::under(&full(dir)?),
            None => {
                let usual = |xdg: &Option<PathBuf>, below: &str| {
                    let base = match set(xdg).filter(|path| path.is_absolute()) {
                        Some(base) => base,
                        None => full(set(&given.user_home).ok_or_else(no_place)?)?.join(below),
                    };
                    Ok::<_, Error>(base.join("poste"))
                };
                let config = usual(&given.xdg_config_home, ".config")?;
                Places {
                    config_file: config.join("config.toml"),
                    config,
                    data: usual(&given.xdg_data_home, ".local/share")?,
                    state: usual(&given.xdg_state_home, ".local/state")?,
                }
            }
        };
        if let Some(file) = set(&given.config_flag).or(env_config) {
            places.config_file = full(file)?;
        }
        Ok(places)
    }

    /// The places at which a home from elsewhere is put together, each below that to which it will
    /// be moved.
    pub(super) fn staged(&self, name: &str) -> Places {
        let data = self.data.join(name);
        let config = data.join("config");
        Places {
            config_file: config.join("config.toml"),
            config,
            state: self.state.join(name),
            data,
        }
    }

    /// All three directories under `dir`.
    pub fn under(dir: &Path) -> Places {
        let config = dir.join("config");
        Places {
            config_file: config.join("config.toml"),
            config,
            data: dir.join("share"),
            state: dir.join("state"),
        }
    }

    /// The directory that all three lie under, if they lie as `--home` has them.
    pub fn dir(&self) -> Option<&Path> {
        let dir = self.data.parent()?;
        let same = Places { config_file: self.config_file.clone(), ..Places::under(dir) };
        (same == *self).then_some(dir)
    }

    /// The configuration.
    pub fn config_file(&self) -> PathBuf {
        self.config_file.clone()
    }

    /// Programs of the user's own.
    pub fn hooks_dir(&self) -> PathBuf {
        self.config.join("hooks")
    }

    /// Everything worth a backup.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The key files.
    pub fn keys_dir(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// What an unattended sync needs: DH key, day chain, prekeys, pair secrets.
    pub fn transit(&self) -> PathBuf {
        self.keys_dir().join("transit.toml")
    }

    /// Signing key and archive identity.
    pub fn locked(&self) -> PathBuf {
        self.keys_dir().join("locked.age")
    }

    /// The recipient to which mail is sealed at rest.
    pub fn archive_pub(&self) -> PathBuf {
        self.keys_dir().join("archive.pub")
    }

    /// One file a contact.
    pub fn contacts_dir(&self) -> PathBuf {
        self.data.join("contacts")
    }

    /// One file a group.
    pub fn groups_dir(&self) -> PathBuf {
        self.data.join("groups")
    }

    /// People who are contacts no more, one file each.
    pub fn past_dir(&self) -> PathBuf {
        self.data.join("past")
    }

    /// Texts that were begun and not sent.
    pub fn drafts_dir(&self) -> PathBuf {
        self.data.join("drafts")
    }

    /// Which messages disappear, and when.
    pub fn expiring(&self) -> PathBuf {
        self.state.join("expiring.toml")
    }

    /// My newest card.
    pub fn card(&self) -> PathBuf {
        self.data.join("card.toml")
    }

    /// The sealed mail: one Maildir a folder.
    pub fn mail(&self) -> PathBuf {
        self.data.join("mail")
    }

    /// Letters not yet acknowledged.
    pub fn outbox_dir(&self) -> PathBuf {
        self.data.join("outbox")
    }

    /// What is known of strangers who wrote, until they are accepted: one file each.
    pub fn requests_dir(&self) -> PathBuf {
        self.data.join("requests")
    }

    /// What may be lost at the price of repeats.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The journal of letters delivered.
    pub fn seen_dir(&self) -> PathBuf {
        self.state.join("seen")
    }

    /// The time last recorded, and what servers said about it.
    pub fn clock(&self) -> PathBuf {
        self.state.join("clock.toml")
    }

    /// The buckets already fetched.
    pub fn cursors(&self) -> PathBuf {
        self.state.join("cursors.toml")
    }

    /// Held for a whole sync.
    pub fn lock_file(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Held for one change of files.
    pub fn state_lock_file(&self) -> PathBuf {
        self.state.join("state.lock")
    }

    /// Where a view is open, or was when its run was killed.
    pub fn view(&self) -> PathBuf {
        self.state.join("view.toml")
    }

    /// Held while a view is open.
    pub fn view_lock_file(&self) -> PathBuf {
        self.state.join("view.lock")
    }

    /// Whether there is a home here: whether its keys are.
    pub fn exists(&self) -> bool {
        self.keys_dir().symlink_metadata().is_ok()
    }

    /// The directories of a home besides `keys`, parents first.
    fn dirs(&self) -> [PathBuf; 10] {
        [
            self.config.clone(),
            self.hooks_dir(),
            self.data.clone(),
            self.contacts_dir(),
            self.groups_dir(),
            self.mail(),
            self.outbox_dir(),
            self.requests_dir(),
            self.state.clone(),
            self.seen_dir(),
        ]
    }
}

/// A home that exists and whose modes are right.
#[derive(Clone, Debug)]
pub struct Home {
    places: Places,
}

impl Home {
    /// Makes a home: `keys` are the files of the key directory (name and content), `config` the
    /// text of the configuration. Refuses if there is a home, or another configuration.
    pub fn create(places: Places, keys: &[(&str, &[u8])], config: &str) -> Result<Home, Error> {
        let target = places.keys_dir();
        if places.exists() {
            return Err(Error::new(&target, "create", Cause::Exists));
        }
        arrival::clear(&places)?;
        for dir in places.dirs() {
            atomic::make_dir(&dir)?;
        }
        check_dirs(&places)?;
        let file = places.config_file();
        let present = atomic::read(&file, super::config::LIMIT)?;
        if present.as_deref() != Some(config.as_bytes()) {
            atomic::make_dir(atomic::parent(&file))?;
            atomic::write_new(&file, config.as_bytes())?;
        }
        let staging = places.data.join(".keys-new");
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&staging, "remove")(error));
            }
            _ => atomic::make_dir(&staging)?,
        }
        let mut batch = atomic::Batch::new();
        for (name, content) in keys {
            batch.write_new(&staging.join(name), content)?;
        }
        batch.commit()?;
        atomic::rename_new(&staging, &target)?;
        Ok(Home { places })
    }

    /// Opens the home at `places`; without one, an error whose hint is `poste init`. Missing
    /// directories other than `keys` are made again quietly. Whatever others may read or change,
    /// or that belongs to another user, is refused.
    pub fn open(places: Places) -> Result<Home, Error> {
        if !places.exists() {
            return Err(Error::new(&places.data, "open", Cause::NoHome));
        }
        for dir in places.dirs() {
            atomic::make_dir(&dir)?;
        }
        check_dirs(&places)?;
        check(&places.keys_dir(), PRIVATE)?;
        for item in atomic::entries(&places.keys_dir())? {
            // Another process may be replacing a key file at this moment, by way of a file that
            // is gone before it can be looked at.
            unless_missing(check_plain(&item.path(), PRIVATE))?;
        }
        unless_missing(check(&places.config_file, UNWRITABLE))?;
        Ok(Home { places })
    }

    /// Removes everywhere in the home the temporary files that a crash left, those of the mail
    /// included. Returns how many.
    pub fn sweep(&self, lock: &StateLock) -> Result<usize, Error> {
        let mut removed = Maildir::new(self.places.mail()).sweep(lock)?;
        removed += arrival::sweep(&self.places)?;
        for root in [&self.places.config, &self.places.data, &self.places.state] {
            removed += atomic::sweep(root, lock)?;
            for item in atomic::entries(root)? {
                if item.file_type().is_ok_and(|kind| kind.is_dir()) {
                    removed += atomic::sweep(&item.path(), lock)?;
                }
            }
        }
        Ok(removed)
    }

    /// Its paths.
    pub fn places(&self) -> &Places {
        &self.places
    }
}

/// Bits that neither group nor others may have.
const PRIVATE: u32 = 0o077;
/// The configuration may be read by others; it names programs to run, so it may not be written.
const UNWRITABLE: u32 = 0o022;

fn no_place() -> Error {
    Error::new(Path::new(""), "find", Cause::NoPlace)
}

/// The three roots: what lies below a directory closed to others is out of their reach.
pub(super) fn check_dirs(places: &Places) -> Result<(), Error> {
    [&places.config, &places.data, &places.state]
        .into_iter()
        .try_for_each(|dir| check(dir, PRIVATE))
}

fn unless_missing(checked: Result<(), Error>) -> Result<(), Error> {
    match checked {
        Err(Error { cause: Cause::Io(e), .. }) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn check_plain(path: &Path, closed: u32) -> Result<(), Error> {
    let meta = path.symlink_metadata().map_err(Error::io(path, "open"))?;
    if !meta.is_file() {
        return Err(Error::new(path, "open", Cause::NotPlain));
    }
    check(path, closed)
}

fn check(path: &Path, closed: u32) -> Result<(), Error> {
    let meta = path.metadata().map_err(Error::io(path, "open"))?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::new(path, "open", Cause::Owner { uid: meta.uid() }));
    }
    if meta.mode() & closed != 0 {
        return Err(Error::new(path, "open", Cause::Open { mode: meta.mode() & 0o7777 }));
    }
    Ok(())
}

#[cfg(test)]
pub(in crate::store) mod tests;
