//! `publish`: signs a new card when one is due and puts it where the configuration says. Each
//! target is tried, whatever became of the others.
//! Specified in poste(1).

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::hook::{self, Hook};
use crate::client::{own, restored};
use crate::core::card::SignedCard;
use crate::net::{Address, Origin};
use crate::store::atomic;
use crate::store::config::Target;
use crate::store::keyring::Transit;
use crate::store::locked::LockedFile;
use crate::store::progress::Progress;
use crate::store::published::Published;

/// The newest card, signed anew if it is due; a passphrase is asked for only then. Before a card is
/// signed or takes the place of another, that one is looked at, since it may tell that this home
/// was restored. With `trust_clock` it is signed whatever the clock is worth.
pub fn renewed(env: &mut Env<'_>, trust_clock: bool) -> Result<SignedCard, Error> {
    if is_pending(env)? {
        // What is wrong there is said by a sync, and by --check.
        restored::look(env, false)?;
    }
    signed(env, trust_clock)
}

/// The same, without looking at any address.
pub fn current(env: &mut Env<'_>) -> Result<SignedCard, Error> {
    signed(env, false)
}

/// Whether a card is to be signed, or to be posted.
pub fn is_pending(env: &Env<'_>) -> Result<bool, Error> {
    let Some(card) = own::find(env)? else { return Ok(false) };
    let transit = Transit::load(env.home.places())?;
    let posted = Progress::load(env.home.places())?.published == card.card.issued;
    Ok(own::is_due(env, &transit, Some(&card)) || !posted && !env.config.publish.is_empty())
}

/// Goes on as the only home of this identity, at the user's word.
pub fn go_on(env: &mut Env<'_>) -> Result<(), Error> {
    let _lock = env.lock()?;
    let mut published = Published::load(env.home.places())?;
    published.go_on(env.now());
    Ok(published.save(env.home.places())?)
}

/// Signs the card if it is due, its key is under no passphrase and the clock is not wrong, and
/// posts it if it was not yet posted everywhere: what an unattended sync can do, after it has
/// looked at what is there.
pub fn when_due(env: &mut Env<'_>) -> Result<(), Error> {
    if restored::may_send(env).is_err() {
        return Ok(());
    }
    let locked = LockedFile::load(env.home.places())?.needs_passphrase();
    let card = match locked || own::may_sign(env, false).is_err() {
        true => own::find(env)?,
        false => Some(current(env)?),
    };
    let posted = Progress::load(env.home.places())?.published;
    let newer = Published::load(env.home.places())?.newer;
    match card {
        // Behind a newer one it would be taken by nobody.
        Some(card) if card.card.issued <= newer => Ok(()),
        Some(card) if !env.config.publish.is_empty() && posted != card.card.issued => {
            publish(env, &card).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// Puts the card at every target of the configuration. Says how many took it; those that did not
/// are warned about.
pub fn publish(env: &mut Env<'_>, card: &SignedCard) -> Result<usize, Error> {
    let targets = env.config.publish.clone();
    if targets.is_empty() {
        let file = env.home.places().config_file();
        let what = format!("{}: publish names no place for the card", file.display());
        return Err(Error::new(Kind::Config, what)
            .hint("name one there, as publish = [\"/srv/www/poste.toml\"]")
            .hint("or give it by hand: poste card --toml >card.toml"));
    }
    let mut failed = None;
    let mut done = 0;
    for target in &targets {
        match put(env, target, card) {
            Ok(()) => done += 1,
            Err(error) => {
                (env.warn)(&error.what);
                failed = Some(error.kind);
            }
        }
    }
    match failed {
        Some(kind) if done == 0 => Err(Error::new(kind, "the card was put nowhere")),
        Some(_) => {
            Err(Error::new(Kind::Offline, "the card was not put everywhere").hint("poste publish"))
        }
        None => {
            let lock = env.lock()?;
            let mut progress = Progress::load(env.home.places())?;
            progress.published = card.card.issued;
            progress.save(env.home.places())?;
            drop(lock);
            hook::run(env, Hook::Publish, card.text().into())?;
            Ok(done)
        }
    }
}

/// Whether every address in the card serves the card as it is, and what follows if not. Says which
/// do not; a card without an address is an error of the configuration, since nobody could have
/// been asked.
pub fn check(env: &mut Env<'_>, card: &SignedCard) -> Result<(), Error> {
    if card.card.urls.is_empty() {
        let file = env.home.places().config_file();
        let what = format!("{}: urls names no address of the card", file.display());
        return Err(Error::new(Kind::Config, what)
            .hint("name one there, as urls = [\"https://…\"]")
            .hint("or give it by hand: poste card --toml >card.toml"));
    }
    let faults = restored::look(env, true)?;
    faults.iter().for_each(|fault| (env.warn)(&fault.what));
    match faults.first() {
        Some(fault) => {
            let what = "the card is not everywhere as it should be";
            Err(Error::new(fault.kind, what).hint("poste publish"))
        }
        None => Ok(()),
    }
}

fn signed(env: &mut Env<'_>, trust_clock: bool) -> Result<SignedCard, Error> {
    let lock = env.lock()?;
    restored::may_send(env)?;
    let mut transit = Transit::load(env.home.places())?;
    let card = own::find(env)?;
    if own::is_due(env, &transit, card.as_ref()) {
        own::may_sign(env, trust_clock)?;
        let locked = env.unlock(&transit)?;
        return own::sign(env, &lock, &mut transit, &locked);
    }
    own::load(env)
}

fn put(env: &mut Env<'_>, target: &Target, card: &SignedCard) -> Result<(), Error> {
    match target {
        Target::File(path) => Ok(atomic::write_public(path, card.text().as_bytes())?),
        Target::Put(url) => {
            let url = own::at_host(url.as_str(), card.card.fingerprint());
            let address = Address::parse(&url, Origin::Own)
                .map_err(|e| Error::new(Kind::Config, format!("{url}: {e}")))?;
            env.network.put(&address, card.text().as_bytes(), env.rng)?;
            Ok(())
        }
        Target::Command(command) => hook::feed(env, command, card.text().into())
            .map_err(|why| Error::new(Kind::Io, format!("the publish command {command:?} {why}"))),
    }
}
