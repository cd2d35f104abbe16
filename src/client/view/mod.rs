//! The view: the tree as plain Maildirs in memory, for mail programs, kept in step both ways until
//! it is closed. The tree is the truth. A round looks at both sides, plans, and does what is
//! planned; it can be cut short anywhere and made again. What a mail program has written counts once
//! two rounds have found it the same, so that nothing is taken half written, and what a listing
//! missed is not taken for deleted. Specified in poste(1), view.

mod compare;
mod find;
mod names;
mod open;
pub mod plan;
mod take;
mod turn;

pub use find::find;

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::client::parties::addresses::Addresses;
use crate::client::read::{self, Reader};
use crate::core::encode::hex;
use crate::core::keys::Fingerprint;
use crate::core::prim;
use crate::store::atomic;
use crate::store::home::Places;
use crate::store::lock::ViewLock;
use crate::store::maildir::{Entry, Folder, Maildir};
use crate::store::memory;
use crate::store::view::{self, Known, Stamp, ViewFile};
use crate::store::{Cause, quoted};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The longest file that says where a view is.
const LIMIT: u64 = 64 << 10;
/// How long what was written in the view must stay the same before it is taken.
pub const SETTLE: Duration = Duration::from_millis(150);
/// Rounds at most to take what was changed, before anybody looks and before the view is wiped.
const LAST_ROUNDS: usize = 60;

/// Where the view lies unless something else is said: in the session's directory if that is in
/// memory, else in one that the system has for everybody. A home that `--home` names has a place of
/// its own.
pub fn usual_place(runtime_dir: Option<&Path>, places: &Places) -> Result<PathBuf, Error> {
    let base = memory::directory(runtime_dir).ok_or_else(|| Error::no_memory("the view"))?;
    let name = places.dir().map_or("view".to_owned(), |dir| {
        let digest = prim::sha256(&[dir.as_os_str().as_encoded_bytes()]);
        format!("view-{}", hex(&digest[..4]))
    });
    if runtime_dir == Some(base.as_path()) {
        return Ok(base.join("poste").join(name));
    }
    let user = rustix::process::geteuid().as_raw();
    Ok(base.join(format!("poste-{user}")).join(name))
}

/// Why a file of which no more is known was not filed.
fn why_left(root: &Path, path: &Path) -> String {
    let folder = path.parent().filter(|part| part.ends_with("cur") || part.ends_with("new"));
    let folder = folder.and_then(|part| part.parent()?.strip_prefix(root).ok());
    let bad = folder.and_then(|folder| folder.to_string_lossy().parse::<Folder>().err());
    match bad {
        Some(why) => format!("no folder can be called so: {why}"),
        None => "it is no message of a folder, or was still being written".to_owned(),
    }
}

fn must_be_in_memory(place: &Path, anywhere: bool) -> Result<(), Error> {
    if anywhere || memory::is_in_memory(place) {
        return Ok(());
    }
    let what = format!("{} is not on a tmpfs: plain mail would reach a disk", place.display());
    Err(Error::new(Kind::CannotCreate, what)
        .hint("leave out --at, or say --anywhere if that is wanted"))
}

/// A view in the home would be taken for a part of it.
fn must_be_outside(place: &Path, places: &Places) -> Result<(), Error> {
    let there = place.ancestors().find_map(|path| path.canonicalize().ok());
    let within = |dir: &Path| {
        dir.canonicalize().is_ok_and(|dir| there.as_ref().is_some_and(|at| at.starts_with(dir)))
    };
    let config = places.config_file();
    let parts = [Some(places.data()), Some(places.state()), config.parent()];
    match parts.into_iter().flatten().find(|dir| within(dir)) {
        Some(dir) => {
            let what = format!("{} lies in the home, in {}", place.display(), dir.display());
            Err(Error::new(Kind::Usage, what).hint("name a place outside of it with --at"))
        }
        None => Ok(()),
    }
}

/// Where the view of a home is, or was when its run was killed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    at: PathBuf,
}

/// The folders of a view, and how everybody is called.
type Look = (BTreeSet<Folder>, Addresses);

/// Where a killed run has left a view, with mail in plain, if one has.
pub fn left(env: &Env<'_>) -> Result<Option<PathBuf>, Error> {
    let left: Option<Where> = atomic::read_toml(&env.home.places().view(), LIMIT)?;
    let left = left.map(|left| left.at).filter(|at| view::View::is_at(at));
    Ok(left.filter(|_| !matches!(ViewLock::try_lock(&env.home), Ok(None))))
}

/// An open view.
pub struct View {
    reader: Reader,
    me: Fingerprint,
    /// Under what addresses people stand in the view.
    addresses: Addresses,
    /// Messages of the view in which they stand under others.
    stale: HashSet<String>,
    mail: Maildir,
    dir: view::View,
    /// What both sides agreed on, by the unique parts of names.
    known: HashMap<String, Known>,
    /// Messages by their Message-IDs.
    ids: HashMap<String, String>,
    /// Messages to be opened, the next one last.
    waiting: Vec<Entry>,
    /// How many of them are to be there before anybody looks.
    first: usize,
    /// Messages that do not open.
    closed: HashSet<String>,
    /// Files of the view that could not be taken, as they were then, and why.
    refused: BTreeMap<PathBuf, (Stamp, String)>,
    /// What the last round saw.
    before: Before,
    /// Folders that the tree has no more.
    leaving: BTreeSet<Folder>,
    troubles: Vec<String>,
    /// Released last.
    _lock: ViewLock,
}

/// What a round saw, by which the next one knows what has settled.
#[derive(Default)]
struct Before {
    folders: BTreeSet<Folder>,
    view: HashMap<String, ViewFile>,
    /// Files of no message.
    new: HashMap<PathBuf, Stamp>,
    /// Known messages that were missing in the view, and in the tree.
    missing: [HashSet<String>; 2],
}

/// How a view ended.
#[derive(Debug, Default)]
pub struct Closed {
    /// Files that were left in the view since they could not be filed, and why.
    pub left: Vec<(PathBuf, String)>,
    /// What else went wrong, one by one.
    pub troubles: Vec<String>,
}

impl View {
    /// Opens the view of the home at `place`. What a killed run has left there is gone on with; what
    /// one has left elsewhere is taken into the tree and wiped. Nothing is opened yet.
    pub fn begin(env: &mut Env<'_>, place: &Path, anywhere: bool) -> Result<View, Error> {
        let place = &std::path::absolute(place)
            .map_err(|e| Error::new(Kind::Usage, format!("{}: {e}", place.display())))?;
        let record = env.home.places().view();
        let left: Option<Where> = atomic::read_toml(&record, LIMIT)?;
        let left = left.map(|left| left.at).filter(|at| view::View::is_at(at));
        let lock = ViewLock::try_lock(&env.home)?.ok_or_else(|| {
            let at = left.as_ref().map_or(String::new(), |at| format!(" at {}", at.display()));
            Error::new(Kind::Offline, format!("a view of this home is open already{at}"))
        })?;
        must_be_in_memory(place, anywhere)?;
        must_be_outside(place, env.home.places())?;
        let reader = Reader::open(env)?;
        match left {
            Some(at) if at != *place => {
                let old = View::at(env, &at, reader, lock, true)?;
                let (closed, reader, lock) = old.finish(env, false)?;
                if let Some((path, why)) = closed.left.first() {
                    let what = format!("{} was left by a killed view: {why}", path.display());
                    return Err(Error::new(Kind::Data, what)
                        .hint(format!("poste view --at {}", quoted(&at)))
                        .hint("or move it away"));
                }
                closed.troubles.iter().for_each(|trouble| (env.warn)(trouble));
                View::at(env, place, reader, lock, anywhere)
            }
            _ => View::at(env, place, reader, lock, anywhere),
        }
    }

    fn at(
        env: &Env<'_>,
        place: &Path,
        reader: Reader,
        lock: ViewLock,
        anywhere: bool,
    ) -> Result<View, Error> {
        let places = env.home.places();
        let (dir, known, planned) = view::View::open(place, places.data()).map_err(|error| {
            let hint = matches!(error.cause, Cause::Exists | Cause::OtherHome)
                .then(|| "give an empty directory, or one that does not exist, with --at");
            hint.into_iter().fold(Error::from(error), Error::hint)
        })?;
        // Nobody else can put another in its place from here on.
        must_be_in_memory(place, anywhere)?;
        // What a program of a killed run was writing: the next end would wipe it.
        dir.set_aside()?;
        atomic::write_toml(&places.view(), &Where { at: place.to_owned() })?;
        let mail = Maildir::new(places.mail());
        let mut view = View {
            reader,
            me: own::load(env)?.card.fingerprint(),
            addresses: Addresses::default(),
            stale: HashSet::new(),
            mail,
            dir,
            known,
            ids: HashMap::new(),
            waiting: Vec::new(),
            first: 0,
            closed: HashSet::new(),
            refused: BTreeMap::new(),
            before: Before::default(),
            leaving: BTreeSet::new(),
            troubles: Vec::new(),
            _lock: lock,
        };
        view.keep_filed(env, planned)?;
        view.addresses = view.look(env)?.1;
        view.compare_names();
        view.learn_ids()?;
        Ok(view)
    }

    /// What a killed run, or one that failed, was about to file is known if it came to that, and new
    /// if it did not.
    fn keep_filed(&mut self, env: &Env<'_>, planned: view::Holds) -> Result<(), Error> {
        if planned.is_empty() {
            return Ok(());
        }
        let tree = self.tree(env)?;
        for (unique, known) in planned {
            if let Some(entry) = tree.get(&unique) {
                self.note(Known { sealed: Stamp::of_sealed(&entry.path), ..known })?;
            }
        }
        Ok(())
    }

    /// Where it lies.
    pub fn root(&self) -> &Path {
        self.dir.root()
    }

    /// Makes a directory in it for what programs write beside messages; it goes with the view.
    pub fn make_temp(&self) -> Result<PathBuf, Error> {
        Ok(self.dir.make_temp()?)
    }

    /// The directories beside the view whose changes concern it: of the tree, and of contacts and
    /// groups, if there are any.
    pub fn sources(&self, env: &Env<'_>) -> Vec<PathBuf> {
        let places = env.home.places();
        let names = [places.contacts_dir(), places.groups_dir()];
        let names = names.into_iter().filter(|dir| dir.is_dir());
        std::iter::once(self.mail.root().to_owned()).chain(names).collect()
    }

    /// Whether nobody has removed it.
    pub fn is_whole(&self) -> bool {
        self.dir.is_whole()
    }

    /// Sees to it that mail programs notice what has changed in its folders. Says how long to wait
    /// for what must not be done yet.
    pub fn redate(&self, now: SystemTime) -> Option<Duration> {
        self.dir.redate(&self.before.folders, now)
    }

    /// How many messages are still to be opened, and how many of them before anybody looks.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.first)
    }

    /// Remembers something that went wrong, once.
    pub fn trouble(&mut self, what: String) {
        if !self.troubles.contains(&what) {
            self.troubles.push(what);
        }
    }

    /// What went wrong since this was last asked.
    pub fn troubles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.troubles)
    }

    /// Takes what was changed into the tree, and wipes the view. What cannot be taken is left, and
    /// what lies beside messages if `aside`: a program that was cut short may have it nowhere else.
    pub fn close(self, env: &mut Env<'_>, aside: bool) -> Result<Closed, Error> {
        self.finish(env, aside).map(|(closed, ..)| closed)
    }

    fn finish(
        mut self,
        env: &mut Env<'_>,
        aside: bool,
    ) -> Result<(Closed, Reader, ViewLock), Error> {
        let settled = self.settle(env);
        self.dir.closing()?;
        self.remove_filed(env)?;
        settled?;
        if aside {
            self.dir.set_aside()?;
        }
        let View { dir, reader, _lock, mut refused, troubles, .. } = self;
        let root = dir.root().to_owned();
        let left: Vec<_> = dir
            .wipe()?
            .into_iter()
            .map(|path| {
                let why = refused.remove(&path).map(|(_, why)| why);
                let why = why.unwrap_or_else(|| why_left(&root, &path));
                (path, why)
            })
            .collect();
        if left.is_empty() {
            atomic::remove(&env.home.places().view())?;
        }
        Ok((Closed { left, troubles }, reader, _lock))
    }

    /// Makes both sides agree before anybody looks: what a killed run has left may take some rounds.
    pub fn agree(&mut self, env: &mut Env<'_>) -> Result<(), Error> {
        for _ in 0..=LAST_ROUNDS {
            if !self.round(env)? {
                break;
            }
            let now = env.watch.elapsed();
            env.watch.wait_until(now + SETTLE);
        }
        Ok(())
    }

    /// Takes what is still to be taken.
    fn settle(&mut self, env: &mut Env<'_>) -> Result<(), Error> {
        self.waiting.clear();
        for _ in 0..=LAST_ROUNDS {
            let again = self.round(env)?;
            self.waiting.clear();
            if !again {
                break;
            }
            let now = env.watch.elapsed();
            env.watch.wait_until(now + SETTLE);
        }
        Ok(())
    }

    /// Removes the files whose messages are in the tree as they are here: all else may be wanted.
    fn remove_filed(&self, env: &Env<'_>) -> Result<(), Error> {
        let tree = self.tree(env)?;
        let filed = self.known.iter().filter(|(unique, _)| tree.contains_key(*unique));
        let filed: HashMap<&str, &Known> =
            filed.map(|(_, known)| (known.base.as_str(), known)).collect();
        for file in self.dir.list()? {
            let is_filed = |known: &&Known| known.stamp == file.stamp && known.spot == file.spot;
            if filed.get(file.base.as_str()).is_some_and(is_filed) {
                self.dir.remove(&file.path)?;
            }
        }
        Ok(())
    }

    /// The messages of the tree, by the unique parts of their names.
    fn tree(&self, env: &Env<'_>) -> Result<HashMap<String, Entry>, Error> {
        let mut all = read::list(env, None, false, None)?;
        all.extend(self.mail.list(&Folder::quarantine())?);
        Ok(all.into_iter().map(|entry| (entry.name.unique(), entry)).collect())
    }

    fn refuse(&mut self, file: &ViewFile, why: String) {
        let path = file.path.clone();
        self.troubles.push(format!("{}: {why}", path.display()));
        self.refused.insert(path, (file.stamp, why));
    }
}
