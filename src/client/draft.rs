//! Drafts: what was written in an editor becomes a letter, and until it has, it is kept sealed, so
//! that no failure loses it. Sealing needs no passphrase, going on with one does.
//! Specified in poste(1), compose and drafts.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::read::Reader;
use crate::client::{filing, queue};
use crate::core::keys::LetterId;
use crate::core::mail::compose::{self, Attached, compose};
use crate::core::mail::draft::Draft;
use crate::store::drafts::{self, Kept};
use crate::store::petname::Petname;

/// Keeps a draft, sealed, durably.
pub fn keep(env: &mut Env<'_>, id: LetterId, text: &[u8]) -> Result<(), Error> {
    let places = env.home.places().clone();
    let sealed = filing::at_rest(&places, text, env.rng)?;
    let _lock = env.lock()?;
    Ok(drafts::save(&places, id, &sealed)?)
}

/// The text of a draft that was kept.
pub fn open(env: &Env<'_>, reader: &Reader, id: LetterId) -> Result<Vec<u8>, Error> {
    let sealed = drafts::load(env.home.places(), id)?.ok_or_else(|| none(&id.to_string()))?;
    reader.open_sealed(&sealed)
}

/// All drafts, the newest last.
pub fn list(env: &Env<'_>) -> Result<Vec<Kept>, Error> {
    Ok(drafts::list(env.home.places())?)
}

/// The draft whose id begins with `prefix`.
pub fn find(env: &Env<'_>, prefix: &str) -> Result<LetterId, Error> {
    let all = drafts::list(env.home.places())?;
    let mut found = all.iter().filter(|kept| kept.id.to_string().starts_with(prefix));
    match (prefix.is_empty(), found.next(), found.next()) {
        (false, Some(kept), None) => Ok(kept.id),
        (false, Some(_), Some(_)) => Err(Error::new(
            Kind::NoMessage,
            format!("several drafts begin with {prefix}; give more digits"),
        )),
        _ => Err(none(prefix)),
    }
}

/// Forgets a draft.
pub fn forget(env: &Env<'_>, id: LetterId) -> Result<(), Error> {
    let _lock = env.lock()?;
    Ok(drafts::remove(env.home.places(), id)?)
}

/// Queues what a draft says, with the contents of its files. Gives to whom it goes.
pub fn send(
    env: &mut Env<'_>,
    draft: &Draft,
    files: &[Attached<'_>],
    daily: bool,
) -> Result<Vec<Petname>, Error> {
    if draft.to.is_empty() {
        return Err(Error::new(Kind::Usage, "To names nobody"));
    }
    let to = queue::recipients(env, &draft.to, false, b"")?;
    let mail = compose(
        &compose::Draft {
            to: &[],
            subject: &draft.subject,
            thread: &draft.thread,
            expires: draft.expires,
            text: &draft.text,
            files,
        },
        env.rng,
    );
    queue::send(env, &to, &mail, daily)?;
    Ok(to)
}

fn none(id: &str) -> Error {
    let id = crate::core::printable::line(id);
    Error::new(Kind::NoMessage, format!("no draft begins with {id}")).hint("poste drafts")
}
