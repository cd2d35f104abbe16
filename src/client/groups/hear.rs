//! What others say of a group, from authentic letters of contacts alone. Statements of those who
//! are in it are kept; one of a group that is not known is an invitation if its author may invite
//! and has. Cards are taken from those who govern a group that one has joined, for those who are in
//! it. What is not taken is not acknowledged, so that it comes again when more is known.
//! Specified in poste-protocol(7), GROUPS.

use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::people;
use crate::core::card::SignedCard;
use crate::core::group::{self, Register, Registers, Said, Standing};
use crate::core::keys::Fingerprint;
use crate::core::letter::{Introduction, Statement};
use crate::store::groups::{Group, MOST_INVITED};
use std::collections::{BTreeMap, BTreeSet};

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
    let waiting = groups.iter().filter(|group| group.name.is_none()).count();
    match groups.into_iter().find(|group| group.id == statement.group) {
        Some(group) => known(env, me, from, statement, group),
        // It may be the one that cannot be read.
        None if !bad.is_empty() || waiting >= MOST_INVITED => Ok(Heard::NotYet),
        None => unknown(env, me, from, statement),
    }
}

fn known(
    env: &Env<'_>,
    me: Fingerprint,
    from: Fingerprint,
    statement: &Statement,
    mut group: Group,
) -> Result<Heard, Error> {
    let before = (group.said.clone(), group.told.get(&from).copied());
    let stood = group.state().standing(&me);
    if let Some(heard) = statement.heard.clone().filter(|_| from == group.by) {
        let heard = hearsay(&group.said, group.creator, unjoined(heard));
        group.take(group.creator, heard, Some(from), env.now());
    }
    if group.state().standing(&from).is_none() {
        return Ok(Heard::NotYet);
    }
    group.take(from, statement.own.clone(), None, env.now());
    let own = group.register(&me).version;
    let told = group.told.get(&from).copied().unwrap_or_default();
    // Who holds the newest was told; who holds less than was acknowledged has lost it.
    if statement.seen >= own || statement.seen < told {
        group.told.insert(from, statement.seen.min(own));
    }
    if before != (group.said.clone(), group.told.get(&from).copied()) {
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
    };
    group.save(env.home.places())?;
    Ok(Heard::Invited)
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
    let is_known = desk.blocked.contains(&who)
        || desk.contacts.iter().any(|contact| contact.fingerprint == who);
    if !is_known {
        let now = env.now();
        if card.check(who, None, now).is_err() || card.card.expires < now || card.card.end {
            return Ok(Heard::NotYet);
        }
        let contact = people::introduce(env, desk, card, from)?;
        desk.contacts.push(contact);
    }
    let Introduction { accepted, left, .. } = *introduction;
    let known = group.said.get(&who).filter(|said| said.by.is_some());
    let known = known.map(|said| said.register.clone()).unwrap_or_default();
    let heard = hearsay(&group.said, who, Register { accepted, left, ..known });
    if group.take(who, heard, Some(from), env.now()) {
        group.save(env.home.places())?;
    }
    Ok(Heard::Taken)
}

/// What somebody is said to have said, as it is to be taken. That they have joined or left is said
/// with their card alone, so that nobody counts as a member whom one cannot write to; what was known
/// of it stays.
fn hearsay(said: &Registers, who: Fingerprint, register: Register) -> Register {
    let old = said.get(&who).filter(|old| old.by.is_some());
    let (accepted, left) = old.map_or((0, 0), |old| (old.register.accepted, old.register.left));
    let (accepted, left) = (register.accepted.max(accepted), register.left.max(left));
    Register { accepted, left, ..register }
}

/// What was said, but for whether its author joined or left.
fn unjoined(register: Register) -> Register {
    Register { accepted: 0, left: 0, ..register }
}
