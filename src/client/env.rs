//! Everything a verb touches, in one place: home, configuration, clock, randomness, nodes, the
//! way to a passphrase. The programs make a real one; tests make a fixed one. No other file of
//! this floor reads a clock, the environment or a terminal.

use crate::client::error::{Error, Kind};
use crate::client::starter::Starter;
use crate::client::unlocked;
use crate::core::clock::Clock;
use crate::core::random::Random;
use crate::core::time::Time;
use crate::net::{self, Address, Answer, Courier, Heard, Origin};
use crate::store::config::Config;
use crate::store::home::Home;
use crate::store::kernel::Keeper;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::locked::{Locked, LockedFile, OpenError};
use crate::store::progress;
use std::fmt::Display;
use std::time::Duration;
use zeroize::Zeroizing;

/// How a passphrase is asked for.
pub trait Ask {
    /// The passphrase; `wrong` if the last one given was. `None` if nobody can be asked.
    fn passphrase(&self, wrong: bool) -> Result<Option<Zeroizing<String>>, Error>;
    /// Who keeps opened keys between `unlock` and `lock`, if anybody does.
    fn keeper(&self) -> Option<&dyn Keeper> {
        None
    }
}

/// Asks for a passphrase up to three times, until `open`, which says `None` of a wrong one, opens.
pub fn ask_until<T>(
    ask: &dyn Ask,
    mut open: impl FnMut(&str) -> Result<Option<T>, Error>,
) -> Result<(T, Zeroizing<String>), Error> {
    let needed = |what: &str| {
        Error::new(Kind::Permission, what)
            .hint("give it on the terminal, by POSTE_PASSPHRASE_FD, or with passphrase_command")
    };
    for attempt in 0..3 {
        let passphrase = ask
            .passphrase(attempt > 0)?
            .ok_or_else(|| needed("a passphrase is needed and nobody can be asked"))?;
        if let Some(opened) = open(&passphrase)? {
            return Ok((opened, passphrase));
        }
    }
    Err(needed("wrong passphrase"))
}

/// Opens locked keys; gives their passphrase too, if there is one.
pub fn unlock(
    ask: &dyn Ask,
    file: &LockedFile,
    transit: &Transit,
) -> Result<(Locked, Option<Zeroizing<String>>), Error> {
    let open = |passphrase: Option<&str>| match Locked::open(file, passphrase, &transit.transit) {
        Ok(locked) => Ok(Some(locked)),
        Err(OpenError::WrongPassphrase) => Ok(None),
        Err(OpenError::File(error)) => Err(error.into()),
    };
    if file.needs_passphrase() {
        let (locked, passphrase) = ask_until(ask, |passphrase| open(Some(passphrase)))?;
        return Ok((locked, Some(passphrase)));
    }
    let damaged = || Error::new(Kind::Data, "the locked keys do not open");
    Ok((open(None)?.ok_or_else(damaged)?, None))
}

/// What a verb needs of the network; the real one is in `client/system.rs`.
pub trait Network {
    /// The courier to the node at `address`.
    fn courier(
        &self,
        address: &Address,
        rng: &mut dyn Random,
    ) -> Result<Box<dyn Courier>, net::Error>;
    /// The document at `address`, of at most `limit` bytes.
    fn document(
        &self,
        address: &Address,
        limit: u64,
        rng: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, net::Error>;
    /// Puts a document at `address`.
    fn put(
        &self,
        address: &Address,
        document: &[u8],
        rng: &mut dyn Random,
    ) -> Result<Heard, net::Error>;
}

/// A stopwatch, by which a sync keeps still so that its pauses tell nothing.
pub trait Watch {
    /// The time since some moment, never going back.
    fn elapsed(&self) -> Duration;
    /// Waits until so much has elapsed.
    fn wait_until(&self, moment: Duration);
}

/// Everything a verb touches.
pub struct Env<'a> {
    /// The tree on disk.
    pub home: Home,
    /// The configuration.
    pub config: Config,
    /// How programs are started.
    pub starter: Starter,
    /// Of which homes this is a hook: `POSTE_HOOK`.
    pub hooks: String,
    /// The clock.
    pub clock: &'a dyn Fn() -> Time,
    /// The stopwatch.
    pub watch: &'a dyn Watch,
    /// Randomness.
    pub rng: &'a mut dyn Random,
    /// Nodes and cards.
    pub network: &'a dyn Network,
    /// The way to a passphrase.
    pub ask: &'a dyn Ask,
    /// Takes warnings: soft errors, which do not stop a verb.
    pub warn: &'a dyn Fn(&str),
    /// Takes how far something long has come: each text stands in place of the one before.
    pub progress: &'a dyn Fn(&str),
}

/// How addresses of this machine begin.
const LOOPBACK: [&str; 3] = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];

impl Env<'_> {
    /// The time.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// What the clock is worth, by what is remembered of it.
    pub fn clock(&self) -> Result<Clock, Error> {
        let record = progress::load_clock(self.home.places())?;
        Ok(record.judge(self.now(), self.config.trust_clock))
    }

    /// What could be read of many files, with a warning for each that could not.
    pub fn readable<T, E: Display>(&self, (good, bad): (Vec<T>, Vec<E>)) -> Vec<T> {
        bad.iter().for_each(|error| (self.warn)(&error.to_string()));
        good
    }

    /// Waits for the right to change the home's files.
    pub fn lock(&self) -> Result<StateLock, Error> {
        Ok(StateLock::wait(&self.home, None)?)
    }

    /// Opens the locked keys; if there is a passphrase and they are not unlocked, it is asked for up
    /// to three times.
    pub fn unlock(&self, transit: &Transit) -> Result<Locked, Error> {
        match unlocked::keys(self) {
            Some(locked) => Ok(locked),
            None => self.unlock_anew(transit),
        }
    }

    /// The same, asking for the passphrase in any case.
    pub fn unlock_anew(&self, transit: &Transit) -> Result<Locked, Error> {
        let file = LockedFile::load(self.home.places())?;
        unlock(self.ask, &file, transit).map(|(locked, _)| locked)
    }

    /// The address of a node or document that others named. What one's own configuration names
    /// too may be private; all else must be public, and within reach.
    pub fn address(&self, url: &str) -> Result<Address, Error> {
        let below = |known: &str| url.strip_prefix(known.trim_end_matches('/'));
        let own = |known: &str| url == known || below(known).is_some_and(|r| r.starts_with('/'));
        let config = &self.config;
        // Who asks a tracker on this machine may be told of nodes on this machine.
        let here = |url: &str| LOOPBACK.iter().any(|host| url.starts_with(host));
        let is_local = here(url) && config.trackers.iter().any(|known| here(known.as_str()));
        let known = config.nodes.iter().chain(&config.urls).any(|known| own(known.as_str()));
        let is_own = known || is_local;
        let origin = if is_own { Origin::Own } else { Origin::Learnt };
        let address = Address::parse(url, origin)
            .map_err(|error| Error::new(Kind::Config, format!("{url}: {error}")))?;
        if address.is_onion() && config.proxy.is_none() && !known {
            // Who named it may have another that can be reached.
            let what = format!("{url}: an onion service, and the configuration names no proxy");
            return Err(Error::new(Kind::Offline, what));
        }
        Ok(address)
    }
}
