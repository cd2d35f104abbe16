//! The cards that an identity host keeps: one file each, named by its fingerprint, and in memory
//! until when each is kept and whether its owner volunteers for cover.
//!
//! A card takes the place of another in one step, so a crash leaves the old one or the new one,
//! whole. Every card is checked before it is kept and again when the host starts; what a reader
//! would not take is not kept. Refuses a directory that holds anything else. What it says in the log,
//! and why it does not start, never names a card: that would tell who put it or who was asked for.
//! Specified in poste-protocol(7), Identity host, and posted(8), CARDS.

use crate::core::card::{BadCard, Card, LIMIT, NotTaken, SignedCard};
use crate::core::keys::Fingerprint;
use crate::core::random::{Random, shuffle};
use crate::core::time::{DAY, Time};
use crate::node::clock::{Clock, Keeper, KeeperError};
use crate::node::durable;
use crate::node::identity::trouble::Trouble;
use crate::node::log::Log;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A card is kept at most so many seconds after it was issued, whatever it says of its end.
pub const LONGEST: u64 = 400 * DAY;
/// Bytes of the list of volunteers at most.
pub const VOLUNTEERS: usize = 16 << 10;
/// How the name of a card's file ends.
const ENDING: &str = ".toml";

/// The store of cards. Shared by all connections.
pub struct Cards {
    dir: PathBuf,
    most: usize,
    keeper: Keeper,
    log: Log,
    index: Mutex<HashMap<Fingerprint, Entry>>,
    /// Held while a card is compared with the kept one and takes its place.
    writing: Mutex<()>,
    /// What the disk refuses: two, since one that is full can still be read.
    reads: Trouble,
    writes: Trouble,
    _lock: File,
}

struct Entry {
    until: Time,
    /// The identity link, if the owner takes part in cover conversations.
    volunteers: Option<String>,
}

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another node runs on it.
    #[error("{0}: in use by another node")]
    Busy(PathBuf),
    /// Something in it was not put there by a node.
    #[error("{0}: does not belong among cards: remove it, or name another directory")]
    Foreign(PathBuf),
    /// The recorded time is ahead of the clock by so many seconds.
    #[error(
        "{0}: the clock is {1} s behind the time recorded here: set the clock, or, if it was the \
         record that was wrong, remove this file"
    )]
    Behind(PathBuf, u64),
    /// The file of the time does not hold one.
    #[error("{0}: does not hold a time: remove this file")]
    Time(PathBuf),
    /// A file or directory cannot be read, made or removed.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// What became of a card that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There was none of its owner.
    First,
    /// It took the place of another.
    Newer,
    /// The kept one says as much; nothing was changed.
    Known,
}

/// Why a card is not taken. The kept one stands.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It is no card.
    #[error(transparent)]
    Bad(#[from] BadCard),
    /// Its owner's fingerprint is not that of the address.
    #[error("the card is not of the fingerprint in the path")]
    Foreign,
    /// It is over already.
    #[error("the card has expired")]
    Expired,
    /// A reader who knows the kept one would not take it.
    #[error(transparent)]
    NotTaken(NotTaken),
    /// No more cards are taken from people who have none here.
    #[error("full")]
    Full,
    /// It cannot be written; the reason is in the log.
    #[error("the host has failed")]
    Io,
}

impl Cards {
    /// Opens the cards in `dir`, made if missing (its parent is not), for at most `most` of them.
    /// Drops those that are over.
    pub fn open(
        dir: &Path,
        most: usize,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Cards, OpenError> {
        durable::private_dir(dir).map_err(at(dir))?;
        let lock = dir.join("lock");
        let lock = durable::lock(&lock).map_err(at(&lock))?.ok_or(OpenError::Busy(lock))?;
        let time = dir.join("time");
        let keeper = Keeper::open(&time, clock, log).map_err(|error| match error {
            KeeperError::Behind(seconds) => OpenError::Behind(time, seconds),
            KeeperError::Malformed => OpenError::Time(time),
            KeeperError::Io(error) => OpenError::Io(time, error),
        })?;
        let cards = Cards {
            dir: dir.to_owned(),
            most,
            keeper,
            log,
            index: Mutex::default(),
            writing: Mutex::default(),
            reads: Trouble::default(),
            writes: Trouble::default(),
            _lock: lock,
        };
        let mut damaged = 0;
        for entry in std::fs::read_dir(dir).map_err(at(dir))? {
            damaged += usize::from(!cards.take_up(&entry.map_err(at(dir))?.path())?);
        }
        if damaged > 0 {
            let shown = dir.display();
            log.error(format_args!(
                "{shown}: {damaged} cards are damaged and not served until their owners put them again"
            ));
        }
        cards.chores();
        Ok(cards)
    }

    /// Takes a card of `owner`, or says why not. When it returns, the card is on the medium.
    pub fn put(&self, owner: Fingerprint, bytes: &[u8]) -> Result<Taken, PutError> {
        let card = SignedCard::parse(bytes)?;
        if card.card.fingerprint() != owner {
            return Err(PutError::Foreign);
        }
        let now = self.keeper.now();
        let entry = Entry::of(&card.card);
        if entry.until < now {
            return Err(PutError::Expired);
        }
        let _writing = hold(&self.writing);
        let path = self.path(owner);
        let kept = self.noted(&self.reads, "reading", read(&path))?;
        // What is damaged, or of somebody else, protects nobody.
        let kept = kept.and_then(|bytes| SignedCard::parse(&bytes).ok());
        let kept = kept.filter(|kept| kept.card.fingerprint() == owner);
        card.check(owner, kept.as_ref(), now).map_err(PutError::NotTaken)?;
        let taken = match &kept {
            Some(kept) if !card.is_newer_than(kept) => {
                // A write that failed at its very end is there and not yet known of.
                self.index().entry(owner).or_insert_with(|| Entry::of(&kept.card));
                return Ok(Taken::Known);
            }
            Some(_) => Taken::Newer,
            None if self.count() >= self.most => return Err(PutError::Full),
            None => Taken::First,
        };
        self.noted(&self.writes, "writing", durable::replace(&path, bytes))?;
        self.index().insert(owner, entry);
        Ok(taken)
    }

    /// The card of `owner`, if one is kept that is not over.
    pub fn get(&self, owner: Fingerprint) -> Result<Option<Vec<u8>>, PutError> {
        if !self.holds(owner) {
            return Ok(None);
        }
        self.noted(&self.reads, "reading", read(&self.path(owner)))
    }

    /// Whether a card of `owner` is kept that is not over.
    pub fn holds(&self, owner: Fingerprint) -> bool {
        let now = self.keeper.now();
        self.index().get(&owner).is_some_and(|entry| now <= entry.until)
    }

    /// Identity links of people who take part in cover conversations, one a line, at most
    /// [`VOLUNTEERS`] bytes of them. If there are more, `rng` draws which.
    pub fn volunteers(&self, rng: &mut dyn Random) -> String {
        let now = self.keeper.now();
        let index = self.index();
        let standing = index.values().filter(|entry| now <= entry.until);
        let mut links: Vec<&String> = standing.filter_map(|e| e.volunteers.as_ref()).collect();
        shuffle(rng, &mut links);
        let mut text = String::new();
        for link in links {
            if text.len() + link.len() < VOLUNTEERS {
                text += link;
                text.push('\n');
            }
        }
        text
    }

    /// Drops the cards that are over. To be called often.
    pub fn chores(&self) {
        let now = self.keeper.now();
        let _writing = hold(&self.writing);
        let is_over =
            |(owner, entry): (&Fingerprint, &Entry)| (entry.until < now).then_some(*owner);
        let over: Vec<Fingerprint> = self.index().iter().filter_map(is_over).collect();
        let mut dropped = 0;
        for owner in over {
            let removed = match std::fs::remove_file(self.path(owner)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                other => other,
            };
            if self.noted(&self.writes, "removing", removed).is_ok() {
                self.index().remove(&owner);
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.log.info(format_args!("dropped {dropped} cards that are over"));
        }
    }

    /// How many cards are kept.
    pub fn count(&self) -> usize {
        self.index().len()
    }

    /// How many may be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// The time the cards go by.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Learns one file of the directory; whether it is as it should be. A card that is damaged is
    /// neither served nor removed: its owner's next one takes its place.
    fn take_up(&self, path: &Path) -> Result<bool, OpenError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if ["lock", "time"].contains(&name) {
            return Ok(true);
        }
        let owner = |ending: &str| name.strip_suffix(ending)?.parse::<Fingerprint>().ok();
        if owner(&format!(".{}", durable::NEW)).is_some() {
            return std::fs::remove_file(path).map(|()| true).map_err(one_in(&self.dir));
        }
        let foreign = || OpenError::Foreign(self.dir.join(nameless(name)));
        let owner = owner(ENDING).ok_or_else(foreign)?;
        let bytes = read(path).map_err(one_in(&self.dir))?.unwrap_or_default();
        let card = SignedCard::parse(&bytes).ok();
        let Some(card) = card.filter(|card| card.card.fingerprint() == owner) else {
            return Ok(false);
        };
        self.index().insert(owner, Entry::of(&card.card));
        Ok(true)
    }

    fn path(&self, owner: Fingerprint) -> PathBuf {
        self.dir.join(format!("{owner}{ENDING}"))
    }

    /// What came of `doing` something to a card. An error is in the log, by the directory alone, once
    /// until the same works again.
    fn noted<T>(
        &self,
        trouble: &Trouble,
        doing: &str,
        result: io::Result<T>,
    ) -> Result<T, PutError> {
        let (now, dir) = (self.keeper.now(), self.dir.display());
        if let Err(error) = &result {
            if trouble.failed(now) {
                self.log.error(format_args!("{dir}: {doing} a card: {error}"));
            }
        } else if trouble.worked(now) {
            self.log.info(format_args!("{dir}: {doing} cards works again"));
        }
        result.map_err(|error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => PutError::Full,
            _ => PutError::Io,
        })
    }

    fn index(&self) -> MutexGuard<'_, HashMap<Fingerprint, Entry>> {
        hold(&self.index)
    }
}

impl Entry {
    fn of(card: &Card) -> Entry {
        let until = card.expires.min(card.issued + LONGEST);
        // Whatever else its owner writes there, it is one link on one line.
        let is_link = |url: &&String| {
            (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(['#', '?'])
        };
        let url = card.urls.first().filter(|url| card.cover && is_link(url));
        Entry { until, volunteers: url.map(|url| format!("{url}#{}", card.fingerprint())) }
    }
}

/// The bytes of a card's file, one more than a card has at most; `None` if there is no such file.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    file.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The name of a file, with a star for the fingerprint if it begins with one.
fn nameless(name: &str) -> String {
    let digits = 2 * size_of::<Fingerprint>();
    match name.split_at_checked(digits) {
        Some((first, rest)) if first.to_ascii_lowercase().parse::<Fingerprint>().is_ok() => {
            format!("*{rest}")
        }
        _ => name.to_owned(),
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Memory is changed last, in one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io(path, error)
}

/// The same of one of the cards in `dir`, which is not named.
fn one_in(dir: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let at = at(dir);
    move |error| at(io::Error::new(error.kind(), format!("one of the cards in it: {error}")))
}
