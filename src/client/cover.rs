//! Cover conversations: letters about nothing, exchanged with volunteers, so that who writes to a
//! stranger, and who is written to by one, may be doing just that. They go only where cover would go
//! anyway, so no request is made for them but one for volunteers in the daily exchange; nobody sees
//! them; and what nobody sees is bounded: letters and bytes a day, conversations, work for stamps.
//! Specified in poste-protocol(7), Cover conversations.

mod speak;
mod volunteers;

pub use speak::{prepare, speak};
pub use volunteers::refresh;

use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::{nodes, own};
use crate::core::bucket::{CELL, Class};
use crate::core::card::{Card, SignedCard};
use crate::core::keys::Fingerprint;
use crate::core::letter::Control;
use crate::core::talk::{self, MOST_LETTERS};
use crate::core::time::{DAY, MINUTE, Time};
use crate::store::config;
use crate::store::contacts::Contact;
use crate::store::cover::{Cover, MOST_TAKEN, Talk};
use serde::Serialize;

/// Who asks for more work is written to by nobody.
const MOST_STAMP_BITS: u8 = 24;
/// A letter is dated at most so many seconds ago, or ahead.
const OLD: u64 = DAY;
const AHEAD: u64 = 10 * MINUTE;

/// How things stand.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether the configuration asks for cover conversations.
    pub on: bool,
    /// Whether this home can take part in them.
    pub takes_part: bool,
    /// Identity hosts at which volunteers are asked for.
    pub hosts: usize,
    /// Cards of volunteers at hand.
    pub volunteers: usize,
    /// Conversations going on.
    pub conversations: usize,
    /// Letters sent today.
    pub letters: u32,
    /// Bytes of cells sent today.
    pub bytes: u64,
    /// Bytes that may be sent on a day.
    pub budget: u64,
}

/// Whether this home takes part: it is asked to, syncs every hour, has slots for cover, and listens
/// on a relay. The card says so.
pub fn takes_part(env: &Env<'_>) -> bool {
    let relays = nodes::own(env).iter().any(|node| !node.starts_with("file:"));
    let hourly = own::class(env) == Class::Hourly;
    env.config.cover && hourly && relays && env.config.pace > 0
}

/// Says in the configuration that this home takes part, or does not. What is going on ends then.
pub fn switch(env: &mut Env<'_>, on: bool) -> Result<(), Error> {
    let _lock = env.lock()?;
    config::switch(&env.home.places().config_file(), "cover", on, |config| config.cover)?;
    env.config.cover = on;
    if on { Ok(()) } else { quit(env) }
}

/// How things stand.
pub fn status(env: &Env<'_>) -> Result<Status, Error> {
    let (cover, now) = (Cover::load(env.home.places())?, env.now());
    let (letters, bytes) = cover.spent(now);
    let going = |talk: &&Talk| talk.left > 0 && now.since(talk.since) < talk::OVER;
    Ok(Status {
        on: env.config.cover,
        takes_part: takes_part(env),
        hosts: volunteers::hosts(env).len(),
        volunteers: cover.volunteers.len(),
        conversations: cover.talk.iter().filter(going).count(),
        letters,
        bytes,
        budget: env.config.cover_budget,
    })
}

/// The card of somebody with whom a conversation is held.
pub fn partner(
    env: &Env<'_>,
    desk: &mut Desk,
    who: Fingerprint,
) -> Result<Option<SignedCard>, Error> {
    let talk = loaded(env, desk)?.talk.iter().find(|talk| talk.with == who);
    Ok(talk.and_then(Talk::partner))
}

/// Takes note of an authentic letter from somebody with this card, and may decide when to answer.
/// One that was noted before, or is dated otherwise than letters are that have just been written,
/// changes nothing.
pub fn heard(
    env: &mut Env<'_>,
    desk: &mut Desk,
    card: &SignedCard,
    control: &Control,
) -> Result<(), Error> {
    let now = env.now();
    let fresh = control.date <= now + AHEAD && now.since(control.date) <= OLD;
    if !fresh || !is_partner(&card.card, now) || shared(env, &desk.contacts, &card.card).is_empty()
    {
        return Ok(());
    }
    let cover = loaded(env, desk)?;
    cover.forget(now);
    let waking = cover.waking(env.rng);
    let with = card.card.fingerprint();
    let at = match cover.talk.iter().position(|talk| talk.with == with) {
        Some(at) => at,
        None if cover.count(false) >= MOST_TAKEN => return Ok(()),
        None => {
            cover.talk.push(Talk::new(card, false, MOST_LETTERS, now));
            cover.talk.len() - 1
        }
    };
    let talk = &mut cover.talk[at];
    if control.date <= talk.heard || talk.left == 0 {
        return Ok(());
    }
    (talk.heard, talk.since, talk.unanswered) = (control.date, now, 0);
    talk.card_seen = control.card_seen;
    if talk.partner().is_none_or(|known| card.is_newer_than(&known)) {
        card.text().clone_into(&mut talk.card);
    }
    // Who began it goes on when they are ready; the other answers, once however many have come.
    if talk.begun || talk.due.is_none() && talk::is_answered(env.rng) {
        let due = waking.next(now + talk::pause(env.rng), env.rng);
        talk.due = Some(talk.due.map_or(due, |known| known.min(due)));
    }
    Ok(cover.save(env.home.places())?)
}

/// Ends all conversations, if there are any.
fn quit(env: &Env<'_>) -> Result<(), Error> {
    let places = env.home.places();
    let mut cover = Cover::load(places)?;
    let before = cover.clone();
    cover.quit();
    if cover == before { Ok(()) } else { Ok(cover.save(places)?) }
}

/// The conversations, read once for all letters that come together.
fn loaded<'d>(env: &Env<'_>, desk: &'d mut Desk) -> Result<&'d mut Cover, Error> {
    if desk.cover.is_none() {
        desk.cover = Some(Cover::load(env.home.places())?);
    }
    Ok(desk.cover.get_or_insert_default())
}

/// Whether one can be written to who has this card.
fn is_partner(card: &Card, now: Time) -> bool {
    let keys = card.expires >= now && card.prekey_until >= now.day();
    let works = card.stamp_bits <= MOST_STAMP_BITS;
    card.cover && !card.end && card.class == Class::Hourly && keys && works
}

/// The relays on which the owner of a card listens, of those that syncs of this home visit anyway.
fn shared(env: &Env<'_>, contacts: &[Contact], card: &Card) -> Vec<String> {
    let own = nodes::own(env);
    let theirs = contacts.iter().flat_map(|contact| &contact.card.card.nodes);
    let visited: Vec<&String> = own.iter().chain(theirs).collect();
    let is_shared = |node: &&String| !node.starts_with("file:") && visited.contains(node);
    card.nodes.iter().filter(is_shared).filter(|node| env.address(node).is_ok()).cloned().collect()
}

/// Bytes that so many cells are.
fn bytes(cells: usize) -> u64 {
    (cells * CELL) as u64
}
