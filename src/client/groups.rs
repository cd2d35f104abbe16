//! Groups: a name for several correspondents, each of whom gets a letter of their own. What one
//! does in a group changes what one says of it; that is then told to everybody who is to hear it,
//! letter by letter, until they have. Nobody is written to because of an invitation that was not
//! accepted. Specified in poste(1), Groups, and poste-protocol(7), GROUPS.

mod errands;
mod hear;
mod mail;
mod manage;
mod rename;

pub use errands::{errands, is_withheld, matter, say_again};
pub use hear::{Heard, MOST_INTRODUCED, compare, introduction, statement};
pub use mail::{Addressed, Here, Where, addressed, joined, place};
pub use manage::{Changed, Part, accept, change, found, leave, part};
pub use rename::{Forgotten, Seated, forget, mend, rename, seats};

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::group::{Standing, State};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::printable;
use crate::store::contacts::{Contact, Past};
use crate::store::groups::Group;
use crate::store::home::Places;
use crate::store::maildir::Folder;
use crate::store::petname::Petname;
use serde::Serialize;
use std::collections::HashMap;

/// Fewest hex digits by which an invitation can be named.
const FEWEST_DIGITS: usize = 4;

/// A group as it is listed.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The petname, or of an invitation the first digits of the id.
    pub name: String,
    /// Its id.
    pub id: GroupId,
    /// What it is called by those who may say so.
    pub title: String,
    /// How one stands to it oneself: `member`, `invited`, `left` or `removed`.
    pub state: Standing,
    /// Who invited.
    pub by: String,
    /// Everybody who is or was in it.
    pub people: Vec<MemberRow>,
}

/// Somebody of a group as they are listed.
#[derive(Clone, Debug, Serialize)]
pub struct MemberRow {
    /// The petname, `me`, or the first digits of the fingerprint of somebody unknown.
    pub name: String,
    /// Who.
    pub fingerprint: Fingerprint,
    /// `creator`, `keeper`, `member`, `invited`, `left` or `removed`.
    pub state: &'static str,
    /// Whether all that is known is what others said.
    pub hearsay: bool,
    /// The petname of somebody who was a contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Petname>,
}

/// All groups that one has a name for, then the invitations that wait.
pub fn list(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let Some(card) = own::find(env)? else { return Ok(Vec::new()) };
    let me = card.card.fingerprint();
    let mut groups = env.readable(Group::load_all(env.home.places())?);
    if groups.iter().any(|group| group.becomes.is_some()) {
        mend(env, &env.lock()?)?;
        groups = env.readable(Group::load_all(env.home.places())?);
    }
    let names = Names::load(env, me)?;
    let shown = groups.into_iter().filter(|group| group.name.is_some() || is_open(group, me));
    Ok(shown.map(|group| row(&group, me, &names)).collect())
}

/// By what names people are listed.
struct Names {
    known: HashMap<Fingerprint, String>,
    /// Of those who are contacts no more, what they were called.
    was: HashMap<Fingerprint, Petname>,
}

impl Names {
    fn load(env: &Env<'_>, me: Fingerprint) -> Result<Names, Error> {
        let contacts = env.readable(Contact::load_all(env.home.places())?);
        let known = contacts.iter().map(|c| (c.fingerprint, c.petname.to_string()));
        let known: HashMap<_, _> = known.chain([(me, "me".to_owned())]).collect();
        let past = env.readable(Past::load_all(env.home.places())?).into_iter();
        let was = past.map(|past| (past.contact.fingerprint, past.contact.petname));
        let was = was.filter(|(who, _)| !known.contains_key(who)).collect();
        Ok(Names { known, was })
    }

    /// The petname, or the first digits of the fingerprint.
    fn name(&self, who: &Fingerprint) -> String {
        self.known.get(who).cloned().unwrap_or_else(|| who.to_string()[..16].to_owned())
    }
}

/// What is listed of one group.
fn row(group: &Group, me: Fingerprint, names: &Names) -> Row {
    let state = group.state();
    let name = |who: &Fingerprint| names.name(who);
    let hearsay =
        |who: &Fingerprint| *who != me && group.said.get(who).is_none_or(|said| said.by.is_some());
    let mut people: Vec<MemberRow> = state
        .people
        .iter()
        .map(|(who, seat)| MemberRow {
            name: name(who),
            fingerprint: *who,
            state: match (seat.standing, *who == group.creator, seat.keeper) {
                (Standing::Invited, ..) => "invited",
                (Standing::Left, ..) => "left",
                (Standing::Removed, ..) => "removed",
                (Standing::Member, true, _) => "creator",
                (Standing::Member, false, true) => "keeper",
                (Standing::Member, false, false) => "member",
            },
            hearsay: hearsay(who),
            was: names.was.get(who).cloned(),
        })
        .collect();
    people.sort_by(|a, b| a.name.cmp(&b.name));
    Row {
        name: shown(group),
        id: group.id,
        state: state.standing(&me).unwrap_or(Standing::Removed),
        title: state.title,
        by: name(&group.by),
        people,
    }
}

/// The group of that petname, if there is one.
pub fn find(env: &Env<'_>, name: &Petname) -> Result<Option<Group>, Error> {
    let (groups, bad) = Group::load_all(env.home.places())?;
    let its = |error: &crate::store::Error| {
        error.path.file_stem().is_some_and(|stem| stem == name.as_str())
    };
    match groups.into_iter().find(|group| group.name.as_ref() == Some(name)) {
        Some(group) => Ok(Some(group)),
        None => bad.into_iter().find(its).map_or(Ok(None), |error| Err(error.into())),
    }
}

/// The group of that petname, or an error with a hint.
pub fn load(env: &Env<'_>, name: &Petname) -> Result<Group, Error> {
    find(env, name)?.ok_or_else(|| {
        Error::new(Kind::NoContact, format!("no group is named {name}"))
            .hint("poste groups")
            .hint(format!("poste group new {name} MEMBER"))
    })
}

/// The invitation that an argument means: the beginning of its group's id, or the petname of a group
/// that one was in before.
pub fn invitation(env: &Env<'_>, text: &str) -> Result<Option<Group>, Error> {
    let Some(card) = own::find(env)? else { return Ok(None) };
    let me = card.card.fingerprint();
    let hex = text.len() >= FEWEST_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut groups = env.readable(Group::load_all(env.home.places())?);
    let means = |group: &Group| match &group.name {
        Some(name) => name.as_str() == text,
        None => hex && group.id.to_string().starts_with(text),
    };
    groups.retain(|group| is_open(group, me) && means(group));
    match groups.len() {
        0 | 1 => Ok(groups.pop()),
        _ => {
            let what = format!("{} begins several invitations; give more", printable::line(text));
            Err(Error::new(Kind::NoContact, what))
        }
    }
}

/// The invitations that wait for an answer, by the first digits of their ids; of a group that one
/// was in before, by its petname.
pub fn invitations(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let mut rows = list(env)?;
    rows.retain(|row| row.state == Standing::Invited);
    Ok(rows)
}

/// The group of that id, if there is one. While a file cannot be read that may be its own, nobody can
/// tell.
pub fn of_id(places: &Places, id: GroupId) -> Result<Option<Group>, Error> {
    let (groups, bad) = Group::load_all(places)?;
    match groups.into_iter().find(|group| group.id == id) {
        Some(group) => Ok(Some(group)),
        None => bad.into_iter().next().map_or(Ok(None), |error| Err(error.into())),
    }
}

/// The folder of a group, if one has a name for it.
pub fn folder(places: &Places, id: GroupId) -> Result<Option<Folder>, Error> {
    let group = of_id(places, id)?;
    Ok(group.and_then(|group| group.name).as_ref().map(Folder::from))
}

/// An error if a group has that petname: contacts and groups share folders and addresses.
pub fn not_named(env: &Env<'_>, name: &Petname) -> Result<(), Error> {
    match find(env, name)? {
        None => Ok(()),
        Some(_) => Err(Error::new(Kind::CannotCreate, format!("there is a group {name} already"))
            .hint("poste groups")),
    }
}

/// Whether an invitation waits for one's answer.
fn is_open(group: &Group, me: Fingerprint) -> bool {
    group.state().standing(&me) == Some(Standing::Invited)
}

/// Who one is in a group: whether one may invite and remove, being a member.
fn governs(group: &Group, state: &State, me: Fingerprint) -> bool {
    let seat = state.people.get(&me).filter(|seat| seat.standing == Standing::Member);
    seat.is_some_and(|seat| seat.keeper || me == group.creator)
}

fn shown(group: &Group) -> String {
    match &group.name {
        Some(name) => name.to_string(),
        None => group.id.to_string()[..16].to_owned(),
    }
}
