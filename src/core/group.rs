//! Groups: who is in one and what it is called, computed from what its people say of it. Everybody
//! speaks for themselves alone, in one register whose counters never fall, so no order, loss or
//! repetition of letters changes where all who have heard the same end up, nor does an old register
//! that a home restored from a backup says anew. A register is believed as the letter is that brought
//! it: nothing is signed, and none proves anything to a third person.
//!
//! Only the creator, whom the group's id names for good, and the keepers whom the creator names
//! invite, remove and give the title. What anybody else says of others is kept and has no effect.
//! Specified in poste-protocol(7), GROUPS.

mod act;
mod register;

pub use act::{Act, NotAllowed, act, act_restored, founded};
pub use register::{BadRegister, Entry, Register, Title, is_title};

use crate::core::keys::{Fingerprint, GroupId};
use crate::core::prim::sha256;
use crate::core::time::{DAY, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// People in a group at most, those invited included.
pub const MOST_MEMBERS: usize = 64;
/// People of whom a register speaks at most: those who were ever in.
pub const MOST_ENTRIES: usize = 128;
/// Keepers at most.
pub const MOST_KEEPERS: usize = 16;
/// People of whom a register is kept at most: the creator, and as many as the creator speaks of.
pub const MOST_REGISTERS: usize = 1 + MOST_ENTRIES;
/// The highest causal length and count of titles.
pub const MOST_LENGTH: u32 = 999_999;
/// Characters of a title at most.
pub const TITLE_LENGTH: usize = 64;

/// How somebody stands to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Asked in, and has not answered.
    Invited,
    /// Left of their own accord.
    Left,
    /// In it.
    Member,
    /// Taken out by the creator or a keeper.
    Removed,
}

/// Somebody of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// How they stand to it.
    pub standing: Standing,
    /// How often they were asked in and taken out: odd if they are in.
    pub length: u32,
    /// Whether the creator has named them a keeper.
    pub keeper: bool,
}

/// Who is in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What it is called by those who may say so.
    pub title: String,
    /// Everybody of whom one who may has spoken, the creator included.
    pub people: BTreeMap<Fingerprint, Seat>,
}

/// What somebody has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// It.
    pub register: Register,
    /// Who told of it, if its author did not: it counts until the author does.
    pub by: Option<Fingerprint>,
}

/// What everybody has said, by author.
pub type Registers = BTreeMap<Fingerprint, Said>;

/// The id of the group that `creator` founds with these random bytes: whoever claims another
/// creator claims another group.
pub fn id(creator: &Fingerprint, nonce: &[u8; 16]) -> GroupId {
    let hash = sha256(&[b"poste/1 group", creator.as_bytes(), nonce]);
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    GroupId::from(id)
}

/// What members compare their copies of a letter by: the mail, and its members in ascending order.
pub fn hash(mail: &[u8], members: &[Fingerprint]) -> [u8; 32] {
    let mut sorted: Vec<&Fingerprint> = members.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let people = sorted.into_iter().map(|who| who.as_bytes().as_slice());
    sha256(&[mail].into_iter().chain(people).collect::<Vec<_>>())
}

/// For so long statements are given to travel, in seconds.
pub const TRAVEL: u64 = 2 * DAY;

/// Whether members may have known of different members at `date` without anybody's doing: others
/// became members, or some ceased to be, shortly before, so that the author may not have heard of it,
/// or after, so that the author may have heard of it first. `changed` is when that became known here.
pub fn is_settling(changed: &[Time], date: Time) -> bool {
    changed.iter().any(|at| at.since(date).max(date.since(*at)) < TRAVEL)
}

/// Takes what an author says, or is said to have said `by` another. It is joined with what is held
/// of that author, so that what counted stays when an older register comes, be it under a newer
/// version; any word of the author's own ends all hearsay. Says whether that changed anything.
pub fn take(
    said: &mut Registers,
    author: Fingerprint,
    register: Register,
    by: Option<Fingerprint>,
) -> bool {
    let room = said.len() < MOST_REGISTERS;
    match said.get_mut(&author) {
        None if !room => false,
        None => said.insert(author, Said { register, by }).is_none(),
        Some(old) if old.by.is_none() && by.is_some() => false,
        Some(old) => {
            let is_first = old.by.is_some() && by.is_none();
            let new = if is_first { register } else { old.register.clone().joined(register) };
            let changed = is_first || new != old.register;
            if changed {
                *old = Said { register: new, by };
            }
            changed
        }
    }
}

/// Makes room for what `author` says, if it is needed: of those who are out the one who has been
/// silent for the longest time is forgotten, never the creator, nor oneself. Says whether there is
/// room.
pub fn make_room(
    said: &mut Registers,
    creator: Fingerprint,
    me: Fingerprint,
    author: Fingerprint,
) -> bool {
    if said.contains_key(&author) || said.len() < MOST_REGISTERS {
        return true;
    }
    let people = state(creator, said).people;
    let is_out = |who: &Fingerprint| people.get(who).is_none_or(|seat| seat.length % 2 == 0);
    let others = said.iter().filter(|(who, _)| ![creator, me].contains(who) && is_out(who));
    let oldest = others.min_by_key(|(who, said)| (said.register.version, **who));
    let oldest = oldest.map(|(who, _)| *who);
    oldest.is_some_and(|who| said.remove(&who).is_some())
}

/// Who is in the group of `creator` by what was said.
pub fn state(creator: Fingerprint, said: &Registers) -> State {
    let register = |who: &Fingerprint| said.get(who).map(|said| &said.register);
    let Some(own) = register(&creator) else { return State::default() };
    let is_keeper = |who: &Fingerprint| *who != creator && own.keeps(who);
    let keepers = own.entries.keys().filter(|who| is_keeper(who));
    let mut lengths: BTreeMap<Fingerprint, u32> = [(creator, 1)].into();
    let mut title: Option<(u32, Fingerprint, &str)> = None;
    for authority in [&creator].into_iter().chain(keepers) {
        let Some(register) = register(authority) else { continue };
        for (who, entry) in &register.entries {
            // The keepers are the creator's business alone, and so is the creator.
            if *authority == creator || !(is_keeper(who) || *who == creator) {
                let length = lengths.entry(*who).or_default();
                *length = entry.length.max(*length);
            }
        }
        if let Some(Title { count, text }) = &register.title {
            title = title.max(Some((*count, *authority, text)));
        }
    }
    let seat = |(who, length): (Fingerprint, u32)| {
        let length = if who == creator { length | 1 } else { length };
        let (accepted, left) = register(&who).map_or((0, 0), |said| (said.accepted, said.left));
        let standing = match length % 2 {
            // Who has left before may be taken out as well, so that all hear of it.
            0 if left > 0 && left >= length - 1 => Standing::Left,
            0 => Standing::Removed,
            _ if accepted > left && accepted >= length => Standing::Member,
            _ if left >= length => Standing::Left,
            _ => Standing::Invited,
        };
        (who, Seat { standing, length, keeper: is_keeper(&who) })
    };
    State {
        title: title.map(|(_, _, text)| text.to_owned()).unwrap_or_default(),
        people: lengths.into_iter().map(seat).collect(),
    }
}

impl State {
    /// How somebody stands to it; `None` of who was never spoken of.
    pub fn standing(&self, who: &Fingerprint) -> Option<Standing> {
        self.people.get(who).map(|seat| seat.standing)
    }

    /// Those who stand so to it, in ascending order.
    pub fn those(&self, standing: Standing) -> impl Iterator<Item = Fingerprint> {
        let stand = move |(_, seat): &(&Fingerprint, &Seat)| seat.standing == standing;
        self.people.iter().filter(stand).map(|(who, _)| *who)
    }

    /// The members, in ascending order.
    pub fn members(&self) -> Vec<Fingerprint> {
        self.those(Standing::Member).collect()
    }
}

#[cfg(test)]
mod tests;
