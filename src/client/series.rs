//! A new series after a theft, or before the chain ends, and the end of an identity. Both are a new
//! card, which needs the passphrase, and which correspondents are told of with the next letter or
//! by a control letter. The old series is disclosed for good once its last day is due.
//! Specified in poste(1), card, and poste-protocol(7), Day keys.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, renew};
use crate::core::card::SignedCard;
use crate::core::disclosure::disclosed_from;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;

/// Begins a new series: DH key, chain, prekey, and an offer to every contact.
pub fn renew(env: &mut Env<'_>) -> Result<SignedCard, Error> {
    let lock = env.lock()?;
    let places = env.home.places().clone();
    own::may_sign(env, env.config.trust_clock)?;
    let mut transit = Transit::load(&places)?;
    let locked = env.unlock_anew(&transit)?;
    transit.begin_series(env.now(), env.rng);
    // One that has these keys and the old card signs a card before it sends anything.
    renew::offer_anew(env, &mut transit)?;
    own::sign(env, &lock, &mut transit, &locked)
}

/// Signs the last card.
pub fn end(env: &mut Env<'_>) -> Result<SignedCard, Error> {
    let lock = env.lock()?;
    let places = env.home.places().clone();
    own::may_sign(env, env.config.trust_clock)?;
    let mut transit = Transit::load(&places)?;
    if let Some(due) = undisclosed(&transit, &own::load(env)?) {
        let what = format!(
            "the series before this one is not disclosed yet, and after the last card it could \
             never be: that is due from {} on",
            due.iso()
        );
        return Err(Error::new(Kind::Config, what).hint("poste publish").hint("poste card end"));
    }
    let locked = env.unlock_anew(&transit)?;
    transit.ended = true;
    transit.save(&places)?;
    own::sign(env, &lock, &mut transit, &locked)
}

/// How many people have to be told of a new card.
pub fn correspondents(env: &Env<'_>) -> Result<usize, Error> {
    let contacts = env.readable(Contact::load_all(env.home.places())?);
    Ok(contacts.iter().filter(|contact| !contact.blocked).count())
}

/// When the newest of the series that are over and not yet in the card is due.
fn undisclosed(transit: &Transit, card: &SignedCard) -> Option<Time> {
    let retired = |number| card.card.retired.iter().any(|retired| retired.series == number);
    let waiting = transit.former.iter().filter(|former| !retired(former.number));
    waiting.map(|former| disclosed_from(former.date)).max()
}
