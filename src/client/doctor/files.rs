//! The home as files: who may read it, whether all of it can be read, whether it is locked, what a
//! crash left in it, and whether there is room. The state lock is held meanwhile, so that nothing is
//! seen half changed.
//! Layout: poste-files(5).

use super::Check;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::system::Reach;
use crate::client::{own, sheets, view};
use crate::store;
use crate::store::atomic;
use crate::store::config::Config;
use crate::store::contacts::{Contact, Past};
use crate::store::expiring::Expiring;
use crate::store::groups::Group;
use crate::store::home::{Home, Places};
use crate::store::keyring::Transit;
use crate::store::lock::{StateLock, SyncLock};
use crate::store::locked::{LockedFile, archive_recipient};
use crate::store::maildir::Name;
use crate::store::peers::Peer;
use crate::store::progress::{self, Progress};
use crate::store::published::Published;
use crate::store::quarantine::{self, Waiting};
use crate::store::requests::Request;
use crate::store::seen::Seen;
use crate::store::{error, outbox, quoted};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How long one change of files may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes free below which a full filesystem is near, and below which letters cannot be filed.
const LITTLE: u64 = 100 << 20;
const NONE: u64 = 4 << 20;
/// The same for files.
const FEW: u64 = 1000;
const NO_FILES: u64 = 20;

/// Whether there is a home that can be worked in at all: owner, modes and configuration.
pub fn preconditions(places: &Places) -> Vec<Check> {
    let home = match Home::open(places.clone()) {
        Ok(_) => Check::ok("home", format!("{} is yours alone", places.data().display())),
        Err(error) => Check::fail("home", error, "poste init"),
    };
    let file = places.config_file();
    let usable = Config::read(&file).map_err(Error::from).and_then(|config| Reach::new(&config));
    let config = match usable {
        Ok(_) => Check::ok("config", format!("{}: every key is known", file.display())),
        Err(error) => Check::fail("config", error, edit(&file)),
    };
    vec![home, config]
}

/// Editing a file, as it can be typed.
pub(super) fn edit(file: &Path) -> String {
    format!("${{EDITOR:-vi}} {}", quoted(file))
}

/// Looks at the files of a home.
pub(super) fn look(env: &Env<'_>) -> Vec<Check> {
    let places = env.home.places();
    let mut checks = vec![sync_lock(env)];
    let held = StateLock::wait(&env.home, Some(PATIENCE));
    let Ok(_lock) = held else {
        let file = places.state_lock_file();
        checks.extend(held.err().map(|error| Check::fail("lock", error, holder(&file))));
        return checks;
    };
    checks.extend(contents(env));
    checks.push(leftovers(places));
    checks.extend(left_view(env));
    checks.extend(room(places));
    checks
}

fn sync_lock(env: &Env<'_>) -> Check {
    let file = env.home.places().lock_file();
    match SyncLock::try_lock(&env.home) {
        Ok(Some(_)) => Check::ok("lock", "no other poste is at work"),
        Ok(None) => Check::warn("lock", "a sync is running", holder(&file)),
        Err(error) => Check::fail("lock", error, holder(&file)),
    }
}

/// Who holds a lock.
fn holder(file: &Path) -> String {
    format!("fuser -v {}", file.display())
}

/// Reads every file that is not a message.
fn contents(env: &Env<'_>) -> Vec<Check> {
    let places = env.home.places();
    let mut read = Files::default();
    read.one(Transit::load(places));
    read.one(LockedFile::load(places));
    read.one(archive_recipient(places));
    read.one(own::load(env));
    read.one(Progress::load(places));
    read.one(progress::load_clock(places));
    read.one(Published::load(places));
    read.one(Expiring::load(places));
    read.one(quarantine::List::load(places));
    read.one(Seen::open(&places.seen_dir()));
    let contacts = read.many(Contact::load_all(places));
    read.many(Request::load_all(places));
    read.many(Past::load_all(places));
    read.many(Group::load_all(places));
    read.many(outbox::load(places));
    read.many(Waiting::load_all(places));
    for contact in contacts {
        read.one(Peer::load(places, contact.fingerprint));
    }
    if read.bad.is_empty() {
        let finding = format!("keys, card, contacts, outbox and state: {} read well", read.good);
        read.bad.push(Check::ok("files", finding));
    }
    read.bad
}

#[derive(Default)]
struct Files {
    good: usize,
    bad: Vec<Check>,
}

impl Files {
    fn one<T, E: Into<Error>>(&mut self, file: Result<T, E>) -> Option<T> {
        match file {
            Ok(value) => {
                self.good += 1;
                Some(value)
            }
            Err(error) => {
                self.bad.push(Check::fail("files", error, "restore it from a backup"));
                None
            }
        }
    }

    fn many<T>(&mut self, files: Result<(Vec<T>, Vec<error::Error>), store::Error>) -> Vec<T> {
        let (good, bad) = match files {
            Ok(read) => read,
            Err(error) => (Vec::new(), vec![error]),
        };
        self.good += good.len();
        for error in bad {
            self.one::<(), _>(Err(error));
        }
        good
    }
}

/// What a crash left: under the lock nobody is writing.
fn leftovers(places: &Places) -> Check {
    let ours = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let delivered = entry.path().parent().is_some_and(|dir| dir.ends_with("tmp"));
        atomic::is_temporary(&name) || delivered && name.parse::<Name>().is_ok()
    };
    let roots = [places.data(), places.state()];
    let files = roots.into_iter().flat_map(|root| walkdir::WalkDir::new(root).into_iter());
    match files.filter_map(Result::ok).filter(ours).count() {
        0 => Check::ok("leftovers", "no command was cut short"),
        some => {
            let finding =
                format!("{some} files of commands that were cut short; a sync removes them");
            Check::warn("leftovers", finding, "poste sync")
        }
    }
}

/// A view that a killed run has left, in which mail lies in plain.
fn left_view(env: &Env<'_>) -> Option<Check> {
    match view::left(env) {
        Ok(at) => at.map(|at| {
            let finding = format!(
                "mail lies in plain at {}: a view was killed, or could not file all of it",
                at.display()
            );
            Check::warn("view", finding, "poste view -- true  # files it, or says why it cannot")
        }),
        Err(error) => {
            let fix = format!("rm {}", quoted(&env.home.places().view()));
            Some(Check::fail("view", error, fix))
        }
    }
}

/// What killed edits have left in memory, in plain; `runtime_dir` is the session's directory.
pub fn left_texts(env: &Env<'_>, runtime_dir: Option<&Path>) -> Vec<Check> {
    let told = |left: &sheets::Left| {
        let at = left.dir.display();
        match sheets::is_wanted(env, left) {
            true => Check::warn(
                "edit",
                format!("a message lies in plain at {at}: poste edit was killed"),
                format!("poste edit {}", left.message),
            ),
            false => {
                let finding = format!("a message that is gone lies in plain at {at}");
                Check::warn("edit", finding, "poste sync")
            }
        }
    };
    sheets::left(env, runtime_dir).iter().map(told).collect()
}

/// Room on the filesystems of the home, each once.
fn room(places: &Places) -> Vec<Check> {
    let mut devices = Vec::new();
    let mut checks = Vec::new();
    for dir in [places.data(), places.state()] {
        let Ok(meta) = dir.metadata() else { continue };
        if devices.contains(&meta.dev()) {
            continue;
        }
        devices.push(meta.dev());
        let path = dir.display();
        let Ok(there) = rustix::fs::statvfs(dir) else { continue };
        let free = there.f_bavail.saturating_mul(there.f_frsize);
        // Some filesystems make files as they are needed, and count none.
        let files = if there.f_files == 0 { u64::MAX } else { there.f_favail };
        let (bytes, inodes) = (format!("df -h {path}"), format!("df -i {path}"));
        let full = |what: String| Error::new(Kind::CannotCreate, what);
        checks.push(match (free, files) {
            (..NONE, _) => Check::fail("disk", full(format!("{path}: no room is left")), bytes),
            (_, ..NO_FILES) => {
                Check::fail("disk", full(format!("{path}: no file can be added")), inodes)
            }
            (..LITTLE, _) => Check::warn("disk", format!("{path}: {} MiB left", free >> 20), bytes),
            (_, ..FEW) => Check::warn("disk", format!("{path}: room for {files} files"), inodes),
            _ => Check::ok("disk", format!("{path}: {} MiB left", free >> 20)),
        });
    }
    checks
}
