//! Disclosure: the seed of an expired day goes into the trailer of one's own card, and from there to
//! wherever the card is published and into letters. It needs no passphrase, so an unattended sync
//! does it; it cannot be taken back, so it waits for a clock that nobody doubts.
//! Specified in poste-protocol(7), Day keys.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::card::Disclosed;
use crate::core::disclosure::{NotNow, allowed, due, is_gap};
use crate::core::time::{DAY, Day, Time};
use crate::store::atomic;
use crate::store::keyring::Transit;
use crate::store::progress::{self, Progress};

/// What the user said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Word {
    /// The clock is right, whatever servers say or do not say.
    pub trust_clock: bool,
    /// So much time has really passed.
    pub force: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The seed of this day is in the card, which is to be posted.
    Disclosed(Day),
    /// It has to wait, for this reason; for so many seconds now that the user should know.
    Held(NotNow),
    /// Nothing is due, or the card that would disclose it is not posted yet.
    Nothing,
    /// It waits, as it may for a while.
    Waits(NotNow),
}

/// Discloses the newest day that is due.
pub fn disclose(env: &mut Env<'_>, word: Word) -> Result<Outcome, Error> {
    let _lock = env.lock()?;
    let places = env.home.places().clone();
    let Some(card) = own::find(env)? else { return Ok(Outcome::Nothing) };
    let mut progress = Progress::load(&places)?;
    // What is not known to be posted lists days that nobody may know of.
    let posted = env.config.publish.is_empty() || progress.published == card.card.issued;
    let transit = Transit::load(&places)?;
    if !posted || card.card.series != transit.series.number {
        return Ok(Outcome::Nothing);
    }
    let now = env.now();
    let last = card.disclosed.as_ref().map(|disclosed| disclosed.date);
    let Some(day) = due(now, &card.card, last) else { return Ok(Outcome::Nothing) };
    if !word.force && is_gap(last, card.card.series, day) {
        return Ok(Outcome::Held(NotNow::Gap));
    }
    let held = progress.disclosure_held;
    if let Err(why) = clock_allows(env, held, word.trust_clock)? {
        let since = *progress.disclosure_held.get_or_insert(now);
        if held.is_none() {
            progress.save(&places)?;
        }
        let long = now.since(since) >= 3 * DAY;
        return Ok(if long { Outcome::Held(why) } else { Outcome::Waits(why) });
    }
    let Some(seed) = transit.chain().seed(day) else { return Ok(Outcome::Nothing) };
    let card = card.with_disclosed(&Disclosed { date: day, seed })?;
    // Before the card: what is posted once too often does no harm.
    (progress.published, progress.disclosure_held) = (Default::default(), None);
    progress.save(&places)?;
    atomic::write(&places.card(), card.text().as_bytes())?;
    Ok(Outcome::Disclosed(day))
}

/// Whether the clock allows it now, as far as is known.
pub fn may(env: &Env<'_>) -> Result<(), Error> {
    let held = Progress::load(env.home.places())?.disclosure_held;
    clock_allows(env, held, env.config.trust_clock)?
        .map_err(|why| Error::new(Kind::Offline, advice(&why)))
}

fn clock_allows(
    env: &Env<'_>,
    held: Option<Time>,
    trust: bool,
) -> Result<Result<(), NotNow>, Error> {
    let record = progress::load_clock(env.home.places())?;
    let chosen = |server: &str| env.config.nodes.iter().any(|node| node.as_str() == server);
    Ok(allowed(&record, env.now(), held, &chosen, trust))
}

/// What to do about a disclosure that has been held up, in one line.
pub fn advice(why: &NotNow) -> String {
    let command = match why {
        NotNow::Gap => "poste publish --force",
        NotNow::Clock | NotNow::Contradicted(_) => "poste publish --trust-clock",
    };
    format!("no key is disclosed: {why}; if the clock is right: {command}")
}
