//! What is in the outbox, in words that are true, and taking a letter out of it. A letter is
//! posted when a node took it, and acknowledged when its addressee says so; nothing else counts.
//! Specified in poste(1), outbox.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{people, queue};
use crate::core::keys::{GroupId, LetterId};
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::outbox::{self, Errand, State};
use crate::store::petname::Petname;
use serde::Serialize;

/// A letter in the outbox.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub id: LetterId,
    /// To whom: the petname, or the fingerprint of somebody who was removed.
    pub to: String,
    /// The petname, or the id, of the group with which it has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it is: `mail`, or of a group `statement` or `introduction`.
    pub kind: &'static str,
    /// Where it is.
    pub state: State,
    /// When it was written.
    pub date: Time,
    /// Times that a node took it.
    pub posted: usize,
    /// Of a mail that travels as an enclosure: how many cells it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<u16>,
    /// How many of them a node took at least once.
    pub cells_posted: u16,
}

/// The letters, oldest first.
pub fn list(env: &Env<'_>) -> Result<Vec<Row>, Error> {
    let contacts = env.readable(Contact::load_all(env.home.places())?);
    let groups = env.readable(Group::load_all(env.home.places())?);
    let group = |id: GroupId| {
        let known = groups.iter().find(|group| group.id == id);
        known.and_then(|g| g.name.as_ref()).map_or_else(|| id.to_string(), Petname::to_string)
    };
    let row = |item: outbox::Item| Row {
        group: item
            .group
            .as_ref()
            .map(|copied| copied.id)
            .or(item.errand.as_ref().map(Errand::group))
            .map(group),
        kind: match item.errand {
            None => "mail",
            Some(Errand::Introduction { .. }) => "introduction",
            Some(Errand::Statement { .. }) => "statement",
        },
        id: item.id,
        to: contacts
            .iter()
            .find(|c| c.fingerprint == item.to)
            .map_or_else(|| item.to.to_string(), |c| c.petname.to_string()),
        state: item.state(),
        date: item.date,
        posted: item.attempt.len(),
        cells: item.enclosure.as_ref().map(|enclosure| enclosure.cells),
        cells_posted: item.enclosure.as_ref().map_or(0, |enclosure| enclosure.posted),
    };
    Ok(env.readable(outbox::load(env.home.places())?).into_iter().map(row).collect())
}

/// Takes the letter whose id begins with `prefix` out of the outbox. The own copy stays.
pub fn drop(env: &mut Env<'_>, prefix: &str) -> Result<LetterId, Error> {
    let lock = env.lock()?;
    let contacts = env.readable(people::mend(env, &lock)?);
    let items = queue::outbox(env, &lock, &contacts)?;
    let items = env.readable(items);
    let mut found = items.iter().filter(|item| item.id.to_string().starts_with(prefix));
    match (prefix.is_empty(), found.next(), found.next()) {
        (false, Some(item), None) => {
            item.remove(env.home.places())?;
            Ok(item.id)
        }
        (false, Some(_), Some(_)) => Err(Error::new(
            Kind::NoMessage,
            format!("several letters begin with {prefix}; give more digits"),
        )),
        _ => Err(Error::new(
            Kind::NoMessage,
            format!("no letter in the outbox begins with {prefix}"),
        )
        .hint("poste outbox")),
    }
}
