//! What a member does: each act changes the member's own register and nothing else, and is refused
//! here if it had no effect on others. Whoever does not ask here achieves no more: see
//! [`super::state`]. Specified in poste-protocol(7), GROUPS.

use super::{
    Entry, MOST_ENTRIES, MOST_KEEPERS, MOST_LENGTH, MOST_MEMBERS, Register, Registers, Seat,
    Standing, State, Title, is_title, state,
};
use crate::core::keys::Fingerprint;
use crate::core::time::{DAY, Time};

/// Over this no counter comes without bad will: what a keeper has driven higher is taken back with
/// the keeper, and nobody counts on from there.
const HONEST: u32 = MOST_LENGTH / 2;

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// Joins, having been invited.
    Accept,
    /// Takes a keeper's name back.
    Dismiss(Fingerprint),
    /// Asks somebody in.
    Invite(Fingerprint),
    /// Leaves, or declines.
    Leave,
    /// Names somebody a keeper.
    Name(Fingerprint),
    /// Takes somebody out.
    Remove(Fingerprint),
    /// Gives the group another title.
    Rename(&'a str),
}

/// Why an act is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Nobody takes the creator out.
    #[error("nobody can remove the one who made the group")]
    Creator,
    /// There would be more people than may be.
    #[error("a group has at most {MOST_MEMBERS} people, and speaks of at most {MOST_ENTRIES}")]
    Full,
    /// A keeper may not act on a keeper.
    #[error("they are a keeper: only the one who made the group can do that")]
    Keeper,
    /// There are as many keepers as may be.
    #[error("a group has at most {MOST_KEEPERS} keepers")]
    Keepers,
    /// Only the creator does this.
    #[error("only the one who made the group can do that")]
    NotCreator,
    /// They are not in it.
    #[error("they are not in the group")]
    NotIn,
    /// Only the creator and keepers do this.
    #[error("only the one who made the group, and keepers, can do that")]
    NotKeeper,
    /// One is not in it oneself, or not invited.
    #[error("one is not in the group oneself")]
    NotMember,
    /// No title.
    #[error("a title has 1 to 64 printable characters")]
    Title,
    /// A counter has come to its end.
    #[error("a keeper has driven a counter to its end; dismiss that keeper")]
    Worn,
}

/// The first register of who founds a group.
pub fn founded(title: &str, now: Time) -> Result<Register, NotAllowed> {
    let text = Some(title).filter(|title| is_title(title)).ok_or(NotAllowed::Title)?.to_owned();
    let title = Some(Title { count: 1, text });
    Ok(Register { version: now.unix(), accepted: 1, title, ..Register::default() })
}

/// One's own register after an act: with a higher version if it changes anything. A version is at
/// least the time, so that a home restored from a backup goes on above what it had said.
///
/// # Errors
/// An act that would have no effect on others, or breaks a limit.
pub fn act(
    me: Fingerprint,
    creator: Fingerprint,
    said: &Registers,
    act: Act<'_>,
    now: Time,
) -> Result<Register, NotAllowed> {
    above(me, creator, said, act, (now, 0))
}

/// As [`act`], in a home that was restored from a backup and so does not know how far it had
/// counted: each count that changes is at least twice the days since 1970, above all that was
/// counted by ones.
///
/// # Errors
/// As [`act`].
pub fn act_restored(
    me: Fingerprint,
    creator: Fingerprint,
    said: &Registers,
    act: Act<'_>,
    now: Time,
) -> Result<Register, NotAllowed> {
    let least = u32::try_from(2 * (now.unix() / DAY)).unwrap_or(HONEST).min(HONEST - 2);
    above(me, creator, said, act, (now, least))
}

fn above(
    me: Fingerprint,
    creator: Fingerprint,
    said: &Registers,
    act: Act<'_>,
    (now, least): (Time, u32),
) -> Result<Register, NotAllowed> {
    let state = state(creator, said);
    let old = said.get(&me).map(|said| said.register.clone()).unwrap_or_default();
    let seat = *state.people.get(&me).ok_or(NotAllowed::NotMember)?;
    let table = Table { me, creator, said, state: &state, seat, least };
    let mut new = old.clone();
    match act {
        Act::Accept => match seat.standing {
            Standing::Invited => new.accepted = seat.length,
            Standing::Member => {}
            Standing::Left | Standing::Removed => return Err(NotAllowed::NotMember),
        },
        Act::Leave => match seat.standing {
            Standing::Invited | Standing::Member => new.left = seat.length.max(new.accepted),
            Standing::Left | Standing::Removed => {}
        },
        Act::Invite(who) => table.invite(&mut new, who)?,
        Act::Remove(who) => table.remove(&mut new, who)?,
        Act::Name(who) => table.name(&mut new, who)?,
        Act::Dismiss(who) => table.dismiss(&mut new, who)?,
        Act::Rename(title) => {
            table.governs()?;
            let text = Some(title).filter(|t| is_title(t)).ok_or(NotAllowed::Title)?.to_owned();
            if state.title != text {
                let highest = table.titles(None);
                // Driven there by a keeper.
                if highest > HONEST && highest > table.titles_of(&creator) {
                    return Err(NotAllowed::Worn);
                }
                let count = next(highest)?.max(least);
                new.title = Some(Title { count, text });
            }
        }
    }
    if new != old {
        new.version = now.unix().max(old.version.saturating_add(1));
    }
    Ok(new)
}

/// What an act is decided by.
struct Table<'a> {
    me: Fingerprint,
    creator: Fingerprint,
    said: &'a Registers,
    state: &'a State,
    seat: Seat,
    /// What a count that changes is at least.
    least: u32,
}

impl Table<'_> {
    fn governs(&self) -> Result<(), NotAllowed> {
        match (self.seat.standing, self.me == self.creator || self.seat.keeper) {
            (Standing::Member, true) => Ok(()),
            (Standing::Member, false) => Err(NotAllowed::NotKeeper),
            _ => Err(NotAllowed::NotMember),
        }
    }

    fn created(&self) -> Result<(), NotAllowed> {
        self.governs()?;
        if self.me == self.creator { Ok(()) } else { Err(NotAllowed::NotCreator) }
    }

    /// Whether one may act on somebody: not a keeper on a keeper.
    fn on(&self, who: Fingerprint) -> Result<Option<Seat>, NotAllowed> {
        self.governs()?;
        let seat = self.state.people.get(&who).copied();
        match seat.is_some_and(|seat| seat.keeper) && self.me != self.creator {
            true => Err(NotAllowed::Keeper),
            false => Ok(seat),
        }
    }

    fn invite(&self, new: &mut Register, who: Fingerprint) -> Result<(), NotAllowed> {
        let seat = self.on(who)?;
        let standing = seat.map(|seat| seat.standing);
        if matches!(standing, Some(Standing::Invited | Standing::Member)) {
            return Ok(());
        }
        let inside = |seat: &&Seat| seat.length % 2 == 1 && seat.standing != Standing::Left;
        if self.state.people.values().filter(inside).count() >= MOST_MEMBERS {
            return Err(NotAllowed::Full);
        }
        let length = seat.map_or(0, |seat| seat.length).max(self.left(&who));
        set(new, who, self.after(who, length, 1)?)
    }

    fn remove(&self, new: &mut Register, who: Fingerprint) -> Result<(), NotAllowed> {
        let seat = self.on(who)?.ok_or(NotAllowed::NotIn)?;
        if who == self.creator {
            return Err(NotAllowed::Creator);
        }
        if seat.keeper {
            self.dismiss(new, who)?;
        }
        match seat.length % 2 {
            0 => Ok(()),
            _ => set(new, who, self.after(who, seat.length, 0)?),
        }
    }

    /// The length that follows one that counts: odd to be in, or even.
    fn after(&self, who: Fingerprint, length: u32, parity: u32) -> Result<u32, NotAllowed> {
        let own = self.says(&self.creator, &who).max(self.left(&who));
        // Driven there by a keeper: from there it could not be taken back.
        if length > HONEST && length > own {
            return Err(NotAllowed::Worn);
        }
        let length = next(length)?.max(self.least);
        if length % 2 == parity { Ok(length) } else { next(length) }
    }

    /// The length at which somebody has left.
    fn left(&self, who: &Fingerprint) -> u32 {
        self.said.get(who).map_or(0, |said| said.register.left)
    }

    /// The length that `by` gives to somebody.
    fn says(&self, by: &Fingerprint, who: &Fingerprint) -> u32 {
        let entry = self.said.get(by).and_then(|said| said.register.entries.get(who));
        entry.map_or(0, |entry| entry.length)
    }

    fn name(&self, new: &mut Register, who: Fingerprint) -> Result<(), NotAllowed> {
        self.created()?;
        let seat = self.state.people.get(&who).filter(|_| who != self.creator);
        let seat = seat.ok_or(NotAllowed::NotIn)?;
        if matches!(seat.standing, Standing::Left | Standing::Removed) {
            return Err(NotAllowed::NotIn);
        }
        // From now on nobody else speaks of them.
        set(new, who, self.adopted(who, seat.length, None))?;
        if let Some(entry) = new.entries.get_mut(&who) {
            entry.keeper = true;
        }
        match new.entries.values().filter(|entry| entry.keeper).count() > MOST_KEEPERS {
            true => Err(NotAllowed::Keepers),
            false => Ok(()),
        }
    }

    /// What the keeper said of people and title the creator says from now on, as far as it counted.
    fn dismiss(&self, new: &mut Register, who: Fingerprint) -> Result<(), NotAllowed> {
        self.created()?;
        let Some(entry) = new.entries.get_mut(&who).filter(|entry| entry.keeper) else {
            return Err(NotAllowed::NotIn);
        };
        entry.keeper = false;
        let Some(theirs) = self.said.get(&who).map(|said| &said.register) else { return Ok(()) };
        for other in theirs.entries.keys().filter(|other| **other != self.creator) {
            let seat = self.state.people.get(other).filter(|seat| !seat.keeper);
            if let Some(seat) = seat {
                set(new, *other, self.adopted(*other, seat.length, Some(who)))?;
            }
        }
        let others = self.titles(Some(who));
        if theirs.title.as_ref().is_some_and(|title| title.count > others) {
            let count = next(others)?.max(self.least);
            new.title = Some(Title { count, text: self.state.title.clone() });
        }
        Ok(())
    }

    /// The length that the creator takes over, without what `but` said: the one that counted, or,
    /// if somebody has driven it up, the lowest that says the same and is none that fell.
    fn adopted(&self, who: Fingerprint, length: u32, but: Option<Fingerprint>) -> u32 {
        if length <= HONEST {
            return length;
        }
        let others = self.authorities().filter(|by| Some(*by) != but);
        let others = others.map(|by| self.says(&by, &who)).filter(|length| *length <= HONEST);
        let lowest = others.chain([1, self.says(&self.creator, &who)]).max().unwrap_or(1);
        lowest + (lowest + length) % 2
    }

    /// The highest count of a title, but for what one of those who give it said.
    fn titles(&self, but: Option<Fingerprint>) -> u32 {
        let others = self.authorities().filter(|by| Some(*by) != but);
        others.map(|by| self.titles_of(&by)).max().unwrap_or_default()
    }

    /// The count of the title that somebody gave.
    fn titles_of(&self, who: &Fingerprint) -> u32 {
        let title = self.said.get(who).and_then(|said| said.register.title.as_ref());
        title.map_or(0, |title| title.count)
    }

    fn authorities(&self) -> impl Iterator<Item = Fingerprint> {
        let keepers = self.state.people.iter().filter(|(_, seat)| seat.keeper);
        keepers.map(|(who, _)| *who).chain([self.creator])
    }
}

fn next(count: u32) -> Result<u32, NotAllowed> {
    if count < MOST_LENGTH { Ok(count + 1) } else { Err(NotAllowed::Worn) }
}

fn set(new: &mut Register, who: Fingerprint, length: u32) -> Result<(), NotAllowed> {
    let known: &mut Entry = new.entries.entry(who).or_default();
    known.length = length;
    if new.entries.len() > MOST_ENTRIES { Err(NotAllowed::Full) } else { Ok(()) }
}
