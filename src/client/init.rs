//! `init`: keys, configuration, tree and a first card. It makes a home or leaves nothing; it never
//! touches one that exists, and reaches for no network.
//! Specified in poste(1) and poste-files(5).

pub mod moved;

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::archive::ArchiveIdentity;
use crate::core::card::SignedCard;
use crate::core::keys::SignSecret;
use crate::core::random::Random;
use crate::core::time::Time;
use crate::store::atomic;
use crate::store::config::{Archive, Config};
use crate::store::home::{Home, Places};
use crate::store::keyring::Transit;
use crate::store::locked::Locked;

/// Makes the home. The passphrase, if any, guards the locked keys.
pub fn create(
    places: Places,
    config: &Config,
    passphrase: Option<&str>,
    now: Time,
    rng: &mut dyn Random,
) -> Result<Home, Error> {
    must_be_free(&places)?;
    let transit = Transit::generate(now, rng);
    let archive = match config.archive {
        Archive::X25519 => ArchiveIdentity::generate(rng),
        Archive::Hybrid => ArchiveIdentity::generate_hybrid(rng),
    };
    let recipient = format!("{}\n", archive.recipient());
    let locked = Locked { sign: SignSecret::generate(rng), archive };
    let sealed = locked.seal(passphrase, None, &transit.transit.recipient(), rng);
    let text = transit.text();
    let keys: [(&str, &[u8]); 3] = [
        ("transit.toml", text.as_bytes()),
        ("locked.age", &sealed),
        ("archive.pub", recipient.as_bytes()),
    ];
    Ok(Home::create(places, &keys, &config.render())?)
}

/// Refuses where a home is.
fn must_be_free(places: &Places) -> Result<(), Error> {
    if !places.exists() {
        return Ok(());
    }
    let home = places.data().display().to_string();
    Err(Error::new(Kind::CannotCreate, format!("there is a home already: {home}"))
        .hint("poste status")
        .hint("for a second identity: poste --home DIR init"))
}

/// Signs the first card of a new home.
pub fn first_card(env: &mut Env<'_>) -> Result<SignedCard, Error> {
    let lock = env.lock()?;
    let mut transit = Transit::load(env.home.places())?;
    let locked = env.unlock(&transit)?;
    own::sign(env, &lock, &mut transit, &locked)
}

/// Opens the locked keys, with the passphrase in force.
pub fn unlock(env: &Env<'_>) -> Result<Locked, Error> {
    env.unlock_anew(&Transit::load(env.home.places())?)
}

/// Puts the locked keys under another passphrase, or (`None`) under none.
pub fn relock(env: &mut Env<'_>, locked: &Locked, passphrase: Option<&str>) -> Result<(), Error> {
    let transit = Transit::load(env.home.places())?;
    let sealed = locked.seal(passphrase, None, &transit.transit.recipient(), env.rng);
    let _lock = env.lock()?;
    Ok(atomic::write(&env.home.places().locked(), &sealed)?)
}
