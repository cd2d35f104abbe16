//! Mail of a group: to whom a letter to it goes and what its copies are compared by, and where one
//! that came is filed. The list of members does not travel: each reader files the members that it
//! knows of, and notices by the hash if the author knew of others or wrote them something else.
//! Specified in poste-protocol(7), GROUPS.

use super::load;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::encode::base64;
use crate::core::filed::OfGroup;
use crate::core::group::{self, Standing};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::letter;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::maildir::Folder;
use crate::store::outbox::Copied;
use crate::store::petname::Petname;

/// To whom a letter to a group goes.
pub struct Addressed {
    /// The members that can be written to, in ascending order.
    pub contacts: Vec<Contact>,
    /// All members, oneself included.
    members: Vec<Fingerprint>,
    group: Group,
    version: u64,
}

/// To whom a letter to the group of that name goes. Members without a card at hand, or blocked,
/// are named in a warning.
pub fn addressed(env: &Env<'_>, name: &Petname) -> Result<Addressed, Error> {
    let (group, me) = joined(env, name)?;
    let members = group.state().members();
    let others: Vec<Fingerprint> = members.iter().copied().filter(|who| *who != me).collect();
    let mut contacts = env.readable(Contact::load_all(env.home.places())?);
    let blocked = contacts.iter().filter(|contact| contact.blocked);
    let names: Vec<(Fingerprint, Petname)> =
        blocked.map(|contact| (contact.fingerprint, contact.petname.clone())).collect();
    contacts.retain(|contact| !contact.blocked && others.contains(&contact.fingerprint));
    contacts.sort_by_key(|contact| contact.fingerprint);
    if contacts.is_empty() {
        let what = match others.len() {
            0 => format!("nobody else is in {name} yet"),
            _ => format!("no card of anybody else in {name} is at hand yet"),
        };
        return Err(Error::new(Kind::NoContact, what).hint(format!("poste groups {name}")));
    }
    let reached = |who: &Fingerprint| contacts.iter().any(|contact| contact.fingerprint == *who);
    for who in others.iter().filter(|who| !reached(who)) {
        let called = names.iter().find(|(known, _)| known == who);
        (env.warn)(&match called {
            Some((_, petname)) => format!("{petname} is blocked, and gets no copy from you"),
            None => {
                let digits = &who.to_string()[..16];
                format!("{digits} in {name} gets no copy: no card of theirs is at hand")
            }
        });
    }
    let version = group.register(&me).version;
    Ok(Addressed { contacts, members, group, version })
}

/// The group of that name, of which one has to be a member, and who one is.
pub fn joined(env: &Env<'_>, name: &Petname) -> Result<(Group, Fingerprint), Error> {
    let group = load(env, name)?;
    let me = own::load(env)?.card.fingerprint();
    if group.state().standing(&me) != Some(Standing::Member) {
        let what = format!(
            "you are not in {name} any more, so nothing goes to it; who keeps it can ask you in again"
        );
        return Err(Error::new(Kind::NoContact, what).hint(format!("poste groups {name}")));
    }
    Ok((group, me))
}

impl Addressed {
    /// Which group it is.
    pub fn id(&self) -> GroupId {
        self.group.id
    }

    /// What is kept with each copy of this mail; with the one by which the own copy is filed also
    /// to whom it went, those first for whom it can be authenticated.
    pub fn copied(&self, mail: &[u8], me: Fingerprint) -> (Copied, Vec<Fingerprint>) {
        let reached: Vec<Fingerprint> = self.contacts.iter().map(|c| c.fingerprint).collect();
        let others = self.members.iter().filter(|who| **who != me && !reached.contains(who));
        let to = reached.iter().chain(others).copied().collect();
        let copied = Copied {
            id: self.group.id,
            version: self.version,
            hash: base64(&group::hash(mail, &self.members)),
            to: Vec::new(),
        };
        (copied, to)
    }
}

/// Where a letter that names a group belongs.
#[derive(Debug)]
pub enum Where {
    /// With its author's other letters: it is of no group that one knows, or by nobody in it.
    Elsewhere,
    /// In the group's folder.
    Here(Here),
    /// That cannot be told yet: it is to come again.
    Later,
}

/// How a group's letter is filed.
#[derive(Clone, Debug)]
pub struct Here {
    /// Where.
    pub folder: Folder,
    /// The members but the author, in ascending order.
    pub to: Vec<Fingerprint>,
    /// Whether author and reader are both in it by now.
    pub is_mine: bool,
    /// All members.
    members: Vec<Fingerprint>,
    said: letter::Group,
}

/// Where a letter belongs that `from` wrote at `date` and that says so of a group.
pub fn place(
    env: &Env<'_>,
    me: Fingerprint,
    from: Fingerprint,
    date: Time,
    said: &letter::Group,
) -> Result<Where, Error> {
    let (groups, bad) = Group::load_all(env.home.places())?;
    let group = groups.into_iter().find(|group| group.id == said.id);
    let Some((name, group)) = group.and_then(|group| Some((group.name.clone()?, group))) else {
        // It may be the one that cannot be read.
        return Ok(if bad.is_empty() { Where::Elsewhere } else { Where::Later });
    };
    let state = group.state();
    let is_of_it = match state.standing(&from) {
        Some(Standing::Invited | Standing::Member) => true,
        // Written before one knew, and so perhaps before they did.
        Some(Standing::Left | Standing::Removed) => {
            group.ended.get(&from).is_none_or(|ended| date <= *ended)
        }
        // They may have been invited a moment ago.
        None if env.now().since(date) < group::TRAVEL => return Ok(Where::Later),
        None => false,
    };
    if !is_of_it {
        return Ok(Where::Elsewhere);
    }
    let joined = state.standing(&me) == Some(Standing::Member);
    let out = matches!(state.standing(&from), Some(Standing::Left | Standing::Removed));
    let is_mine = joined && !out;
    let mut members = state.members();
    members.extend([me, from]);
    members.sort_unstable();
    members.dedup();
    let to = members.iter().copied().filter(|who| *who != from).collect();
    let (folder, said) = (Folder::from(&name), said.clone());
    Ok(Where::Here(Here { folder, to, is_mine, members, said }))
}

impl Here {
    /// What the filed message says of the group, once the mail is there.
    pub fn of(&self, mail: &[u8]) -> OfGroup {
        let letter::Group { id, version, hash } = self.said;
        OfGroup { id, version, differs: group::hash(mail, &self.members) != hash }
    }
}
