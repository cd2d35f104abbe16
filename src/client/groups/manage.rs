//! What one does in groups: founding one, asking people in and taking them out, giving it a title,
//! naming keepers, accepting and leaving. Each writes the group's file once and then queues what is
//! to be said of it; cut short in between, the next sync queues it. Nothing here touches the
//! network. Specified in poste(1), Groups.

use super::errands::errands;
use super::{Names, Row, find, invitation, load, row};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, people, stamps};
use crate::core::group::{self, Act, NotAllowed, Said};
use crate::core::keys::Fingerprint;
use crate::core::printable;
use crate::core::random::bytes;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;
use serde::Serialize;

/// A group after a change.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// How it is now.
    #[serde(flatten)]
    pub group: Row,
    /// Letters taken back from people who were removed.
    pub dropped: usize,
    /// What the group is called now that had its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Petname>,
}

/// What is done to people of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// They are asked in.
    Add,
    /// They are keepers no more.
    Dismiss,
    /// They become keepers.
    Keep,
    /// They are taken out.
    Remove,
}

/// Founds a group and asks people in.
pub fn found(env: &mut Env<'_>, name: &Petname, people: &[Petname]) -> Result<Changed, Error> {
    let lock = env.lock()?;
    let named = people::mend(env, &lock)?;
    people::free(env, name, &named)?;
    let contacts = named.0;
    let me = own::load(env)?.card.fingerprint();
    let nonce = bytes::<16>(env.rng);
    let now = env.now();
    let first = group::founded(name.as_str(), now).map_err(|why| refused(name, why))?;
    let mut group = Group {
        name: Some(name.clone()),
        id: group::id(&me, &nonce),
        creator: me,
        nonce,
        since: now,
        by: me,
        said: [(me, Said { register: first, by: None })].into(),
        told: Default::default(),
        introduced: Default::default(),
        ended: Default::default(),
        changed: Vec::new(),
        becomes: None,
        restored: None,
    };
    for who in known(&contacts, people, &group)? {
        act(&mut group, me, Act::Invite(who), now)?;
    }
    Maildir::new(env.home.places().mail()).make(&Folder::from(name))?;
    spoken(env, lock, group)
}

/// Does something to people of a group, to all of them or to none.
pub fn part(
    env: &mut Env<'_>,
    name: &Petname,
    part: Part,
    people: &[Petname],
) -> Result<Changed, Error> {
    let lock = env.lock()?;
    let (contacts, _) = people::mend(env, &lock)?;
    let group = load(env, name)?;
    let known = known(&contacts, people, &group)?;
    let acts = known.into_iter().map(|who| match part {
        Part::Add => Act::Invite(who),
        Part::Dismiss => Act::Dismiss(who),
        Part::Keep => Act::Name(who),
        Part::Remove => Act::Remove(who),
    });
    all(env, lock, group, acts)
}

/// Gives a group another title.
pub fn change(env: &mut Env<'_>, name: &Petname, title: &str) -> Result<Changed, Error> {
    let lock = env.lock()?;
    let group = load(env, name)?;
    all(env, lock, group, [Act::Rename(title)].into_iter())
}

/// Leaves a group, or declines an invitation, which is named by the beginning of its id.
pub fn leave(env: &mut Env<'_>, name: &str) -> Result<Changed, Error> {
    let lock = env.lock()?;
    let named = match name.parse() {
        Ok(petname) => find(env, &petname)?,
        Err(_) => None,
    };
    let group = match named {
        Some(group) => group,
        None => invitation(env, name)?.ok_or_else(|| nothing(name))?,
    };
    all(env, lock, group, [Act::Leave].into_iter())
}

/// Accepts an invitation: the group gets that petname, or keeps the one it had, which is then to be
/// named. With `replace` it gets the name of another group, which is given a new one that is free.
/// `None` if the text names no invitation.
pub fn accept(
    env: &mut Env<'_>,
    text: &str,
    name: &Petname,
    replace: bool,
) -> Result<Option<Changed>, Error> {
    let Some(group) = invitation(env, text)? else { return Ok(None) };
    let lock = env.lock()?;
    let named = people::mend(env, &lock)?;
    let other = find(env, name)?.filter(|other| other.id != group.id);
    let mut moved = None;
    if let Some(known) = group.name.as_ref().filter(|known| *known != name) {
        let what = format!("this is the group that you call {known}");
        return Err(Error::new(Kind::Data, what).hint(format!("poste accept {known} {known}")));
    }
    match other {
        Some(other) if replace => {
            let new = people::unused(env, name.as_str())?;
            super::rename(env, &lock, other, &new)?;
            moved = Some(new);
        }
        Some(_) => {
            let what = format!("there is a group {name} already");
            return Err(Error::new(Kind::CannotCreate, what).hint("poste groups").hint(format!(
                "to give that one another name: poste accept {text} {name} --replace"
            )));
        }
        None if group.name.is_some() => {}
        None => people::free(env, name, &named)?,
    }
    let (me, now) = (own::load(env)?.card.fingerprint(), env.now());
    let places = env.home.places().clone();
    // It may have heard more meanwhile.
    let (groups, _) = Group::load_all(&places)?;
    let group = groups.into_iter().find(|known| known.id == group.id);
    let mut group = group.ok_or_else(|| nothing(text))?;
    act(&mut group, me, Act::Accept, now)?;
    if group.name.is_none() {
        group.accept(&places, name)?;
    }
    Maildir::new(places.mail()).make(&Folder::from(name))?;
    Ok(Some(Changed { moved, ..spoken(env, lock, group)? }))
}

fn all<'a>(
    env: &mut Env<'_>,
    lock: StateLock,
    mut group: Group,
    acts: impl Iterator<Item = Act<'a>>,
) -> Result<Changed, Error> {
    let (me, now) = (own::load(env)?.card.fingerprint(), env.now());
    for what in acts {
        act(&mut group, me, what, now)?;
    }
    spoken(env, lock, group)
}

fn act(group: &mut Group, me: Fingerprint, act: Act<'_>, now: Time) -> Result<(), Error> {
    let done = group.act(me, act, now);
    done.map(|_| ()).map_err(|why| refused(super::shown(group), why))
}

/// Writes the group down, and queues what is to be said of it.
fn spoken(env: &mut Env<'_>, lock: StateLock, group: Group) -> Result<Changed, Error> {
    group.save(env.home.places())?;
    let dropped = errands(env, &lock)?;
    drop(lock);
    // With a pace no sync looks for stamps before its last request.
    if env.config.pace > 0 {
        stamps::find(env)?;
    }
    let me = own::load(env)?.card.fingerprint();
    Ok(Changed { group: row(&group, me, &Names::load(env, me)?), dropped, moved: None })
}

/// The people that are meant: contacts, or by their fingerprints those who are none but in it.
fn known(
    contacts: &[Contact],
    people: &[Petname],
    group: &Group,
) -> Result<Vec<Fingerprint>, Error> {
    let state = group.state();
    let one = |name: &Petname| {
        let contact = contacts.iter().find(|contact| contact.petname == *name);
        let digits = |who: &&Fingerprint| {
            name.as_str().len() >= 16 && who.to_string().starts_with(name.as_str())
        };
        let unknown = || state.people.keys().find(digits).copied();
        contact.map(|contact| contact.fingerprint).or_else(unknown).ok_or_else(|| {
            Error::new(Kind::NoContact, format!("no contact is named {name}"))
                .hint("poste contacts")
        })
    };
    people.iter().map(one).collect()
}

fn nothing(text: &str) -> Error {
    let what = format!("no group and no invitation is named {}", printable::line(text));
    Error::new(Kind::NoContact, what).hint("poste groups")
}

fn refused(name: impl std::fmt::Display, why: NotAllowed) -> Error {
    let kind = match why {
        NotAllowed::NotIn => Kind::NoContact,
        NotAllowed::Title | NotAllowed::Full | NotAllowed::Keepers => Kind::Data,
        NotAllowed::Creator
        | NotAllowed::Keeper
        | NotAllowed::NotCreator
        | NotAllowed::NotKeeper
        | NotAllowed::NotMember
        | NotAllowed::Worn => Kind::Refused,
    };
    Error::new(kind, format!("{name}: {why}")).hint(format!("poste groups {name}"))
}
