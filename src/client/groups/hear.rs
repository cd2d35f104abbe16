//! What others say of a group, from authentic letters of contacts alone. Statements of those who
//! are in it are kept; one of a group that is not known is an invitation if its author may invite
//! and has. Cards are taken from those who govern a group that one has joined, for those who are in
//! it. What is not taken is not acknowledged, so that it comes again when more is known.
//! Specified in poste-protocol(7), GROUPS.

use super::errands;
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::people;
use crate::core::card::SignedCard;
use crate::core::group::{self, MOST_MEMBERS, Register, Registers, Said, Standing, TRAVEL};
use crate::core::keys::Fingerprint;
use crate::core::letter::{Control, Introduction, Statement};
use crate::core::time::{DAY, Time};
use crate::store::contacts::Contact;
use crate::store::groups::{Group, MOST_INVITED, MOST_INVITED_EACH};
use std::collections::{BTreeMap, BTreeSet};

/// Contacts at most whom one person has introduced and whose words were not compared: four groups
/// full, so that nobody who governs one fills the home with people.
pub const MOST_INTRODUCED: usize = 4 * MOST_MEMBERS;

/// What became of what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is a new invitation.
    Invited,
    /// It is not taken now, and may be when it comes again.
    NotYet,
    /// It is known now.
    Taken,
}

/// Takes what a contact says of a group.
pub fn statement(
    env: &mut Env<'_>,
    desk: &Desk,
    from: Fingerprint,
    statement: &Statement,
) -> Result<Heard, Error> {
    let me = desk.me.fingerprint();
    let (groups, bad) = Group::load_all(env.home.places())?;
    // One that was declined takes nobody's place.
    let waits = |group: &&Group| {
        let is_open = group.state().standing(&me) == Some(Standing::Invited);
        group.name.is_none() && (is_open || group.register(&me).left == 0)
    };
    let waiting: Vec<Fingerprint> = groups.iter().filter(waits).map(|group| group.by).collect();
    let own = waiting.iter().filter(|by| **by == from).count();
    let is_full = waiting.len() >= MOST_INVITED || own >= MOST_INVITED_EACH;
    match groups.into_iter().find(|group| group.id == statement.group) {
        Some(group) => known(env, desk, from, statement, group),
        // It may be the one that cannot be read.
        None if !bad.is_empty() || is_full => Ok(Heard::NotYet),
        None => unknown(env, me, from, statement),
    }
}

fn known(
    env: &Env<'_>,
    desk: &Desk,
    from: Fingerprint,
    statement: &Statement,
    mut group: Group,
) -> Result<Heard, Error> {
    let (me, now) = (desk.me.fingerprint(), env.now());
    let before = (group.said.clone(), group.told.clone(), group.introduced.clone());
    let stood = group.state().standing(&me);
    if let Some(heard) = statement.heard.clone().filter(|_| from == group.by) {
        group.take(group.creator, unjoined(heard), Some(from), now);
    }
    if group.state().standing(&from).is_none() || !group.make_room(me, from) {
        return Ok(Heard::NotYet);
    }
    group.take(from, statement.own.clone(), None, now);
    let (own, seen) = (group.register(&me).version, statement.seen);
    let told = group.told.get(&from).copied().unwrap_or_default();
    // Nobody holds more than one has said, but who says so of a time to come, or lies.
    let is_restored = seen > own && seen <= now.unix() + TRAVEL;
    if is_restored {
        if group.restored.is_none_or(|at| now.since(at) >= DAY)
            && errands::again(&mut group, me, now)
        {
            let name = super::shown(&group);
            (env.warn)(&format!(
                "in {name} one holds a newer word of yours than this home does, which was restored \
                 from a backup, or copied: what you have done in it since then is not known here, \
                 and is to be done again; see poste groups {name}"
            ));
        }
    } else if seen >= own || seen < told {
        // Who holds the newest was told; who holds less than was acknowledged has lost it, and
        // perhaps whom they were introduced to.
        group.told.insert(from, seen.min(own));
        if seen < told {
            group.introduced.remove(&from);
        }
    }
    if before != (group.said.clone(), group.told.clone(), group.introduced.clone()) {
        group.save(env.home.places())?;
    }
    let stands = group.state().standing(&me);
    let anew = stood != stands && stands == Some(Standing::Invited);
    Ok(if anew { Heard::Invited } else { Heard::Taken })
}

fn unknown(
    env: &Env<'_>,
    me: Fingerprint,
    from: Fingerprint,
    statement: &Statement,
) -> Result<Heard, Error> {
    let own = Said { register: statement.own.clone(), by: None };
    let mut said: Registers = [(from, own)].into();
    if let Some(heard) = statement.heard.clone().filter(|_| from != statement.creator) {
        group::take(&mut said, statement.creator, unjoined(heard), Some(from));
    }
    let state = group::state(statement.creator, &said);
    let governs = from == statement.creator || state.people.get(&from).is_some_and(|s| s.keeper);
    if !governs || state.standing(&me) != Some(Standing::Invited) {
        return Ok(Heard::NotYet);
    }
    let group = Group {
        name: None,
        id: statement.group,
        creator: statement.creator,
        nonce: statement.nonce,
        since: env.now(),
        by: from,
        said,
        told: BTreeMap::new(),
        introduced: BTreeMap::<_, BTreeSet<_>>::new(),
        ended: BTreeMap::new(),
        changed: Vec::new(),
        becomes: None,
        restored: None,
    };
    group.save(env.home.places())?;
    Ok(Heard::Invited)
}

/// Looks whether a letter to a group was written by a home that had forgotten what it had said of it
/// before: that one is told anew what is held, by which it finds out.
pub fn compare(env: &Env<'_>, letter: &Control) -> Result<(), Error> {
    let Some(copied) = &letter.group else { return Ok(()) };
    let (groups, _) = Group::load_all(env.home.places())?;
    let its = |group: &Group| group.id == copied.id;
    let Some(mut group) = groups.into_iter().find(its) else { return Ok(()) };
    let held = group.said.get(&letter.from).filter(|said| said.by.is_none());
    let held = held.map_or(0, |said| said.register.version);
    // A version is at least the time at which it was said, by the same clock.
    if copied.version < held && letter.date > Time::from_unix(held) {
        group.told.remove(&letter.from);
        group.save(env.home.places())?;
    }
    Ok(())
}

/// Takes the card of one of a group: who is not known becomes a contact, marked as introduced.
pub fn introduction(
    env: &mut Env<'_>,
    desk: &mut Desk,
    from: Fingerprint,
    introduction: &Introduction,
) -> Result<Heard, Error> {
    let me = desk.me.fingerprint();
    let (groups, _) = Group::load_all(env.home.places())?;
    let its = |group: &Group| group.id == introduction.group && group.name.is_some();
    let Some(mut group) = groups.into_iter().find(its) else { return Ok(Heard::NotYet) };
    let state = group.state();
    let governs = from == group.creator || state.people.get(&from).is_some_and(|s| s.keeper);
    let joined = state.standing(&me) == Some(Standing::Member);
    let Ok(card) = SignedCard::parse(introduction.card.as_bytes()) else {
        return Ok(Heard::NotYet);
    };
    let who = card.card.fingerprint();
    let inside = matches!(state.standing(&who), Some(Standing::Invited | Standing::Member));
    if !governs || !joined || !inside || desk.incomplete {
        return Ok(Heard::NotYet);
    }
    if who == me {
        return Ok(Heard::Taken);
    }
    if !group.make_room(me, who) {
        return Ok(Heard::NotYet);
    }
    let contact = desk.contacts.iter().find(|contact| contact.fingerprint == who).cloned();
    match contact {
        Some(contact) => people::arrived(env, desk, &contact)?,
        None if desk.blocked.contains(&who) => {}
        None => {
            let now = env.now();
            let unmet = |contact: &&Contact| contact.introduced == Some(from) && !contact.confirmed;
            let is_full = desk.contacts.iter().filter(unmet).count() >= MOST_INTRODUCED;
            let is_over = card.card.expires < now || card.card.end;
            if is_full || is_over || card.check(who, None, now).is_err() {
                return Ok(Heard::NotYet);
            }
            let contact = people::introduce(env, desk, card, from)?;
            desk.contacts.push(contact);
        }
    }
    let Introduction { accepted, left, .. } = *introduction;
    let heard = Register { accepted, left, ..Register::default() };
    if group.take(who, heard, Some(from), env.now()) {
        group.save(env.home.places())?;
    }
    Ok(Heard::Taken)
}

/// What was said, but for whether its author joined or left: that is said with their card alone, so
/// that nobody counts as a member whom one cannot write to. What was known of it stays.
fn unjoined(register: Register) -> Register {
    Register { accepted: 0, left: 0, ..register }
}
