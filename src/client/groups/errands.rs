//! Who is to hear what of a group, and letters that say it. It follows from the state alone: what
//! somebody has not acknowledged is queued if it is not yet, what has been overtaken is taken out,
//! and of the letters to a group those that wait for somebody who has left or was removed. So it can
//! be done at any time and any number of times. Specified in poste-protocol(7), GROUPS.

use super::governs;
use crate::client::dispatch::Matter;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, queue};
use crate::core::encode::unbase64;
use crate::core::group::{Act, Seat, Standing, State, TRAVEL};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::letter;
use crate::core::plan::GIVE_UP;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::home::Places;
use crate::store::lock::StateLock;
use crate::store::outbox::{Copied, Errand, Item};
use crate::store::peers::Peer;
use std::collections::{BTreeMap, BTreeSet};

/// Queues what is to be said, and takes out what is not. Gives the number of letters taken back
/// from people who have left or were removed, which trouble with one group keeps in no other.
pub fn errands(env: &mut Env<'_>, lock: &StateLock) -> Result<usize, Error> {
    let places = env.home.places().clone();
    let mut groups = env.readable(Group::load_all(&places)?);
    if groups.is_empty() {
        return Ok(0);
    }
    let me = own::load(env)?.card.fingerprint();
    let (contacts, bad) = Contact::load_all(&places)?;
    let all_known = bad.is_empty();
    let contacts = env.readable((contacts, bad));
    let found = queue::outbox(env, lock, &contacts)?;
    let mut items = env.readable(found);
    let (mut dropped, mut trouble) = (0, None);
    for item in items.iter_mut().filter(|item| item.is_waiting() && withheld(item, &groups)) {
        match item.take_back(&places, env.now()) {
            Ok(()) => dropped += 1,
            Err(error) => trouble = trouble.or(Some(error.into())),
        }
    }
    for group in &mut groups {
        if let Err(error) = one(env, group, me, &mut items, (&contacts, all_known)) {
            trouble = trouble.or(Some(error));
        }
    }
    trouble.map_or(Ok(dropped), Err)
}

fn one(
    env: &mut Env<'_>,
    group: &mut Group,
    me: Fingerprint,
    items: &mut Vec<Item>,
    (contacts, all_known): (&[Contact], bool),
) -> Result<(), Error> {
    settle(env, group, items)?;
    confirm(env, group, me)?;
    let state = group.state();
    let wanted = wanted(group, &state, me, contacts);
    let known = |who| contacts.iter().any(|known| known.fingerprint == who && !known.blocked);
    let is_dead = group.name.is_none()
        && match state.standing(&me) {
            // Nobody is there any more to whom one would answer.
            Some(Standing::Invited) => all_known && !known(group.by),
            // All have heard it, or were given up; or what still travels comes to nothing.
            _ => {
                let declined = group.register(&me).left > 0;
                let rest = if declined { GIVE_UP } else { TRAVEL };
                group.ended.get(&me).is_none_or(|ended| env.now().since(*ended) > rest)
            }
        };
    let wanted = if is_dead { BTreeSet::new() } else { wanted };
    queue_all(env, group.id, wanted, items, contacts)?;
    if is_dead { Ok(group.remove(env.home.places())?) } else { Ok(()) }
}

/// Whether a letter is a copy for somebody who is in its group no more.
fn withheld(item: &Item, groups: &[Group]) -> bool {
    let Some(copied) = &item.group else { return false };
    let group = groups.iter().find(|group| group.id == copied.id);
    let standing = group.and_then(|group| group.state().standing(&item.to));
    matches!(standing, Some(Standing::Left | Standing::Removed))
}

/// Whether a letter that waits must not be sent, since its addressee is in the group no more.
pub fn is_withheld(places: &Places, item: &Item) -> Result<bool, Error> {
    let Some(copied) = &item.group else { return Ok(false) };
    // Who is out is told nothing, also while nobody can tell who is out.
    Ok(super::of_id(places, copied.id)?.is_some_and(|group| withheld(item, &[group])))
}

/// Takes note of what was acknowledged, and since when somebody is out.
fn settle(env: &Env<'_>, group: &mut Group, items: &mut Vec<Item>) -> Result<(), Error> {
    let (places, now) = (env.home.places(), env.now());
    let before = (group.told.clone(), group.introduced.clone(), group.ended.clone());
    let (done, rest): (Vec<Item>, Vec<Item>) =
        std::mem::take(items).into_iter().partition(|item| {
            item.acknowledged.is_some()
                && item.errand.as_ref().is_some_and(|e| e.group() == group.id)
        });
    *items = rest;
    for item in &done {
        match item.errand {
            Some(Errand::Statement { version, .. }) => {
                let told = group.told.entry(item.to).or_default();
                *told = version.max(*told);
            }
            Some(Errand::Introduction { who, .. }) => {
                group.introduced.entry(item.to).or_default().insert(who);
            }
            None => {}
        }
    }
    for (who, seat) in group.state().people {
        match seat.standing {
            Standing::Left | Standing::Removed => {
                group.ended.entry(who).or_insert(now);
            }
            Standing::Invited | Standing::Member => {
                group.ended.remove(&who);
            }
        }
    }
    if before != (group.told.clone(), group.introduced.clone(), group.ended.clone()) {
        group.save(places)?;
    }
    // After it is written down: cut short before, they are done with once more.
    done.iter().try_for_each(|item| Ok(item.remove(places)?))
}

/// Takes out who has left, so that those hear of it too who were never told by them: the creator
/// does, or if the creator is out, the keepers.
fn confirm(env: &Env<'_>, group: &mut Group, me: Fingerprint) -> Result<(), Error> {
    let state = group.state();
    let is_there = state.standing(&group.creator) == Some(Standing::Member);
    if !governs(group, &state, me) || is_there && me != group.creator {
        return Ok(());
    }
    let mut changed = false;
    let left = |seat: &Seat| seat.standing == Standing::Left && seat.length % 2 == 1;
    for who in state.people.iter().filter(|(_, seat)| left(seat)).map(|(who, _)| *who) {
        // Of the creator and other keepers a keeper has no say.
        changed |= group.act(me, Act::Remove(who), env.now()).unwrap_or(false);
    }
    if changed { Ok(group.save(env.home.places())?) } else { Ok(()) }
}

/// What is to be said to whom, and is not acknowledged yet.
fn wanted(
    group: &Group,
    state: &State,
    me: Fingerprint,
    contacts: &[Contact],
) -> BTreeSet<(Fingerprint, Errand)> {
    let mine = group.register(&me);
    let answered = group.name.is_some() || mine.left > 0;
    let standing = state.standing(&me);
    if !answered || !matches!(standing, Some(Standing::Member | Standing::Left)) {
        return BTreeSet::new();
    }
    let reached: BTreeMap<Fingerprint, &Contact> = contacts
        .iter()
        .filter(|contact| !contact.blocked && !contact.card.card.end && contact.fingerprint != me)
        .map(|contact| (contact.fingerprint, contact))
        .collect();
    let (id, version) = (group.id, mine.version);
    let authority = governs(group, state, me);
    let hears = |who: &&Fingerprint| match state.standing(who) {
        // Whoever was out for a while may be a member again without our knowledge.
        Some(Standing::Invited | Standing::Member) => true,
        Some(Standing::Left | Standing::Removed) | None => false,
    };
    let behind = |who: &&Fingerprint| group.told.get(who).is_none_or(|told| *told < version);
    let audience = reached.keys().filter(hears).filter(behind);
    let mut all: BTreeSet<(Fingerprint, Errand)> =
        audience.map(|who| (*who, Errand::Statement { group: id, version })).collect();
    if !authority {
        return all;
    }
    // Whom one has asked in, one makes known to the others, and the others to them. The creator also
    // does so for those whom nobody else has asked in who is still in it.
    let speaks = |by: &Fingerprint, of: &Fingerprint| group.register(by).entries.contains_key(of);
    let is_keeper = |who: &Fingerprint| state.people.get(who).is_some_and(|seat| seat.keeper);
    let keepers: Vec<Fingerprint> =
        state.members().into_iter().filter(|who| *who != me && is_keeper(who)).collect();
    let is_mine = |who: &&Fingerprint| {
        mine.entries.contains_key(who)
            || me == group.creator && !keepers.iter().any(|keeper| speaks(keeper, who))
    };
    let members: Vec<Fingerprint> = state.members().into_iter().filter(|who| *who != me).collect();
    let known: Vec<Fingerprint> =
        members.into_iter().filter(|who| reached.contains_key(who)).collect();
    for asked in known.iter().filter(is_mine) {
        for other in known.iter().filter(|who| *who != asked) {
            for (to, who) in [(asked, other), (other, asked)] {
                let errand = (*to, Errand::Introduction { group: id, who: *who });
                let done = group.introduced.get(to).is_some_and(|people| people.contains(who));
                if !done {
                    all.insert(errand);
                }
            }
        }
    }
    all
}

/// Queues what is wanted and not queued yet, and takes out what is queued and not wanted.
fn queue_all(
    env: &mut Env<'_>,
    id: GroupId,
    mut wanted: BTreeSet<(Fingerprint, Errand)>,
    items: &[Item],
    contacts: &[Contact],
) -> Result<(), Error> {
    let places = env.home.places().clone();
    for item in items {
        let Some(errand) = item.errand.as_ref().filter(|errand| errand.group() == id) else {
            continue;
        };
        let key = (item.to, errand.clone());
        // Given up; whoever has written since then is to hear it after all.
        let back = match &item.expired {
            Some(expired) => Peer::load(&places, item.to)?.awake > expired.at,
            None => false,
        };
        // What is left of those that are wanted is queued below.
        if back || !wanted.remove(&key) {
            item.remove(&places)?;
        }
    }
    for (to, errand) in wanted {
        if let Some(contact) = contacts.iter().find(|contact| contact.fingerprint == to) {
            let item = queue::item(env, contact, false);
            Item { errand: Some(errand), filed: true, ..item }.save(&places)?;
        }
    }
    Ok(())
}

/// What a letter of the outbox has to do with a group, as it is to be said now.
pub fn matter(places: &Places, item: &Item, me: Fingerprint) -> Result<Matter, Error> {
    if let Some(copied) = &item.group {
        return copy(item, copied);
    }
    let Some(errand) = &item.errand else { return Ok(Matter::Nothing) };
    let gone = |what: &str| {
        Error::new(Kind::Data, format!("letter {} in the outbox: {what}", item.id))
            .hint(format!("poste outbox drop {}", item.id))
    };
    let group = super::of_id(places, errand.group())?;
    let group = group.ok_or_else(|| gone("its group is gone"))?;
    match errand {
        Errand::Statement { .. } => {
            // The newest that they spoke themselves, not what others said of them.
            let spoke = group.said.get(&item.to).filter(|said| said.by.is_none());
            let invited = group.state().standing(&item.to) == Some(Standing::Invited);
            let heard = group.said.get(&group.creator).filter(|_| invited && me != group.creator);
            Ok(Matter::Statement(Box::new(letter::Statement {
                group: group.id,
                creator: group.creator,
                nonce: group.nonce,
                seen: spoke.map_or(0, |said| said.register.version),
                own: group.register(&me),
                heard: heard.map(|said| said.register.clone()),
            })))
        }
        Errand::Introduction { who, .. } => {
            let (contacts, _) = Contact::load_all(places)?;
            let contact = contacts.into_iter().find(|contact| contact.fingerprint == *who);
            let contact = contact.ok_or_else(|| gone("whom it introduces is gone"))?;
            let register = group.register(who);
            Ok(Matter::Introduction(Box::new(letter::Introduction {
                group: group.id,
                card: contact.card.text().to_owned(),
                accepted: register.accepted,
                left: register.left,
            })))
        }
    }
}

fn copy(item: &Item, copied: &Copied) -> Result<Matter, Error> {
    let hash = unbase64(&copied.hash).map_err(|error| {
        Error::new(Kind::Data, format!("letter {} in the outbox: its hash: {error}", item.id))
            .hint(format!("poste outbox drop {}", item.id))
    })?;
    Ok(Matter::Copy(letter::Group { id: copied.id, version: copied.version, hash }))
}

/// After the home was restored from a backup: says everything anew, above what it had said, and so
/// that everybody tells it again what it has lost. Names the groups in which one does more than
/// speak for oneself.
pub fn say_again(env: &Env<'_>, _lock: &StateLock) -> Result<(), Error> {
    let me = own::load(env)?.card.fingerprint();
    let mut governed = Vec::new();
    for mut group in env.readable(Group::load_all(env.home.places())?) {
        if again(&mut group, me, env.now()) {
            group.save(env.home.places())?;
        }
        if governs(&group, &group.state(), me) {
            governed.push(super::shown(&group));
        }
    }
    if !governed.is_empty() {
        (env.warn)(&format!(
            "whom you have asked in or taken out since the backup was made is not known here, nor \
             whom you made a keeper; do it again in: {}",
            governed.join(", ")
        ));
    }
    Ok(())
}

/// Says everything of one group anew. Says whether there was anything.
pub(super) fn again(group: &mut Group, me: Fingerprint, now: Time) -> bool {
    let Some(said) = group.said.get_mut(&me) else { return false };
    said.register.version = now.unix().max(said.register.version.saturating_add(1));
    group.restored = Some(now);
    group.told.clear();
    true
}
