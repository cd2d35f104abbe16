//! Giving a group another petname, and forgetting one that one is out of. The group's file and
//! its folder move together, as those of a contact do: that a rename has begun stands in the file
//! before anything moves, and whoever holds the state lock next finishes one that was cut short.
//! Nobody else hears of either. Specified in poste(1), rename and remove.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, people, queue};
use crate::core::group::{self, Act, Standing};
use crate::core::keys::{Fingerprint, GroupId};
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;
use serde::Serialize;

/// What became of a group that was forgotten.
pub struct Forgotten {
    /// Which it was.
    pub id: GroupId,
    /// Messages deleted.
    pub messages: usize,
    /// Whether its folder stays, since files lie in it that are no messages.
    pub folder_stays: bool,
    /// People who have not heard yet that one has left.
    pub unheard: usize,
}

/// Calls a group by the name `new`, which has to be free.
pub fn rename(
    env: &Env<'_>,
    lock: &StateLock,
    mut group: Group,
    new: &Petname,
) -> Result<(), Error> {
    group.becomes = Some(new.clone());
    group.save(env.home.places())?;
    finish(env, lock, &mut group)
}

/// Finishes renames that were cut short.
pub fn mend(env: &Env<'_>, lock: &StateLock) -> Result<(), Error> {
    let (groups, _) = Group::load_all(env.home.places())?;
    let mut begun = groups.into_iter().filter(|group| group.becomes.is_some());
    begun.try_for_each(|mut group| finish(env, lock, &mut group))
}

/// Moves what has not moved yet: first the folder, then the file, by whose name it is known whether
/// the folder moved. Each step can be done again.
fn finish(env: &Env<'_>, _lock: &StateLock, group: &mut Group) -> Result<(), Error> {
    let places = env.home.places();
    let (new, old) = (group.becomes.take(), group.name.clone());
    if let (Some(new), Some(old)) = (new, old)
        && new != old
    {
        people::move_folder(env, &old, &new)?;
        group.rename(places, &new)?;
    }
    Ok(group.save(places)?)
}

/// Forgets a group that one has left or was removed from, and its messages unless `keep_mail`.
pub fn forget(
    env: &mut Env<'_>,
    lock: &StateLock,
    group: &Group,
    contacts: &[Contact],
    keep_mail: bool,
) -> Result<Forgotten, Error> {
    let places = env.home.places().clone();
    let me = own::load(env)?.card.fingerprint();
    let name = group.name.as_ref().map(Petname::to_string).unwrap_or_default();
    if matches!(group.state().standing(&me), Some(Standing::Member | Standing::Invited)) {
        let what = format!("you are in the group {name}; nothing was changed");
        return Err(Error::new(Kind::Refused, what).hint(format!("poste group leave {name}")));
    }
    let found = queue::outbox(env, lock, contacts)?;
    let mut unheard = 0;
    for item in env.readable(found) {
        if item.errand.as_ref().is_some_and(|errand| errand.group() == group.id) {
            unheard += usize::from(item.is_waiting());
            item.remove(&places)?;
        }
    }
    let mut done = Forgotten { id: group.id, messages: 0, folder_stays: false, unheard };
    if let Some(name) = group.name.as_ref().filter(|_| !keep_mail) {
        let gone = Maildir::new(places.mail()).remove_folder(&Folder::from(name))?;
        (done.messages, done.folder_stays) = (gone.messages, gone.stays);
    }
    // The file goes last: cut short, this is done again.
    group.remove(&places)?;
    Ok(done)
}

/// How somebody stands to a group that one has a name for.
#[derive(Clone, Debug, Serialize)]
pub struct Seated {
    /// The group.
    pub group: Petname,
    /// Whether they are a member of it, or invited.
    pub inside: bool,
    /// Whether one could take them out oneself.
    pub mine: bool,
    /// Whether messages lie in its folder, of which some may be theirs.
    #[serde(skip)]
    pub messages: bool,
}

/// The groups in which somebody is or was.
pub fn seats(env: &Env<'_>, who: Fingerprint) -> Result<Vec<Seated>, Error> {
    let me = own::load(env)?.card.fingerprint();
    let mail = Maildir::new(env.home.places().mail());
    let mut all = Vec::new();
    for group in env.readable(Group::load_all(env.home.places())?) {
        let Some(name) = &group.name else { continue };
        let state = group.state();
        let Some(standing) = state.standing(&who) else { continue };
        let remove = group::act(me, group.creator, &group.said, Act::Remove(who), env.now());
        all.push(Seated {
            inside: matches!(standing, Standing::Invited | Standing::Member),
            mine: remove.is_ok(),
            messages: !mail.list(&Folder::from(name))?.is_empty(),
            group: name.clone(),
        });
    }
    Ok(all)
}
