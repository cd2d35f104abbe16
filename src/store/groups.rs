//! Groups: one TOML file for each, named by petname, or by the group's id as long as the invitation
//! waits for an answer (`<id>.invited`). It holds what each of its people has said, and who has
//! heard what from here: state of which any loss is made up for. No secret is in it.
//! Specified in poste-files(5), Groups.

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::petname::Petname;
use crate::core::group::{self, Act, MOST_REGISTERS, NotAllowed, Register, Registers, Said, State};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Bytes of a group's file at most.
pub const LIMIT: u64 = 4 << 20;
/// Invitations that wait at most.
pub const MOST_INVITED: usize = 64;
/// Invitations of one person that wait at most.
pub const MOST_INVITED_EACH: usize = 8;

/// Changes of members that are remembered at most.
const MOST_CHANGES: usize = 64;

const NAMED: &str = "toml";
const INVITED: &str = "invited";

/// A group that one is, was or is asked to be in.
#[derive(Clone, Debug)]
pub struct Group {
    /// What the user calls it; `None` as long as the user has not answered the invitation.
    pub name: Option<Petname>,
    /// Its id.
    pub id: GroupId,
    /// Who made it.
    pub creator: Fingerprint,
    /// The random bytes of its id.
    pub nonce: [u8; 16],
    /// When it was made, or the invitation came.
    pub since: Time,
    /// Who invited, oneself for a group of one's own.
    pub by: Fingerprint,
    /// What everybody has said.
    pub said: Registers,
    /// Which version of the own register people have acknowledged.
    pub told: BTreeMap<Fingerprint, u64>,
    /// To whom one has introduced whom, acknowledged.
    pub introduced: BTreeMap<Fingerprint, BTreeSet<Fingerprint>>,
    /// Since when it is known of people that they have left or were removed.
    pub ended: BTreeMap<Fingerprint, Time>,
    /// When it became known that others are members than before, the newest last.
    pub changed: Vec<Time>,
    /// The petname it is being given: a rename that is not finished.
    pub becomes: Option<Petname>,
    /// When it was last found that one has said more of it than this home knows.
    pub restored: Option<Time>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: GroupId,
    creator: Fingerprint,
    nonce: GroupId,
    since: Time,
    by: Fingerprint,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    told: BTreeMap<Fingerprint, u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    introduced: BTreeMap<Fingerprint, BTreeSet<Fingerprint>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ended: BTreeMap<Fingerprint, Time>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changed: Vec<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    becomes: Option<Petname>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored: Option<Time>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<RawSaid>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSaid {
    author: Fingerprint,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Fingerprint>,
    register: Register,
}

impl Group {
    /// All groups, those of which the invitation waits last. A file that cannot be read stops none
    /// of the others: it is among the errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Group>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::<Group>::new(), Vec::new());
        for entry in atomic::entries(&places.groups_dir())? {
            let path = entry.path();
            let is = |kind: &str| path.extension().is_some_and(|end| end == kind);
            let name = path.file_stem().and_then(|stem| stem.to_str()?.parse::<Petname>().ok());
            let name = match (is(NAMED), is(INVITED)) {
                (true, _) if name.is_some() => name,
                (false, true) => None,
                _ => continue,
            };
            match atomic::read_toml::<Raw>(&path, LIMIT) {
                Ok(Some(raw)) => match Group::from_raw(&path, name, raw) {
                    Ok(group) => all.push(group),
                    Err(error) => bad.push(error),
                },
                Ok(None) => {}
                Err(error) => bad.push(error),
            }
        }
        all.sort_by(|a, b| {
            (a.name.is_none(), &a.name, a.id).cmp(&(b.name.is_none(), &b.name, b.id))
        });
        // Accepted, and a crash kept the invitation from being removed.
        let named: BTreeSet<GroupId> =
            all.iter().filter(|group| group.name.is_some()).map(|group| group.id).collect();
        all.retain(|group| group.name.is_some() || !named.contains(&group.id));
        Ok((all, bad))
    }

    /// Whether `text` is a group's file; `path` is for the errors.
    pub(super) fn check(path: &Path, text: &str) -> Result<(), Error> {
        Group::from_raw(path, None, atomic::parse_toml(path, text)?).map(|_| ())
    }

    /// Reads the text of a group's file that comes from elsewhere: no renaming in it goes on, and
    /// what one has said since it was written is not in it.
    pub fn parse(places: &Places, name: &Petname, text: &str) -> Result<Group, Error> {
        let path = file(places, Some(name), GroupId::from([0; 16]));
        let group = Group::from_raw(&path, Some(name.clone()), atomic::parse_toml(&path, text)?)?;
        Ok(Group { becomes: None, restored: group.restored.or(Some(group.since)), ..group })
    }

    fn from_raw(path: &Path, name: Option<Petname>, raw: Raw) -> Result<Group, Error> {
        let nonce = *raw.nonce.as_bytes();
        if group::id(&raw.creator, &nonce) != raw.id {
            return Err(Error::damaged(path, None, "its id is that of another group"));
        }
        if raw.said.len() > MOST_REGISTERS || raw.changed.len() > MOST_CHANGES {
            return Err(Error::damaged(path, None, "too many people speak in it"));
        }
        let said = raw.said.into_iter();
        let said = said.map(|s| (s.author, Said { register: s.register, by: s.by })).collect();
        let Raw { id, creator, since, by, told, introduced, ended, changed, .. } = raw;
        let Raw { becomes, restored, .. } = raw;
        Ok(Group {
            name,
            id,
            creator,
            nonce,
            since,
            by,
            said,
            told,
            introduced,
            ended,
            changed,
            becomes,
            restored,
        })
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        let said = self.said.iter().map(|(author, said)| RawSaid {
            author: *author,
            by: said.by,
            register: said.register.clone(),
        });
        let raw = Raw {
            id: self.id,
            creator: self.creator,
            nonce: GroupId::from(self.nonce),
            since: self.since,
            by: self.by,
            told: self.told.clone(),
            introduced: self.introduced.clone(),
            ended: self.ended.clone(),
            changed: self.changed.clone(),
            becomes: self.becomes.clone(),
            restored: self.restored,
            said: said.collect(),
        };
        atomic::write_toml(&file(places, self.name.as_ref(), self.id), &raw)
    }

    /// Gives it a petname: until the file of that name is there, the invitation waits.
    pub fn accept(&mut self, places: &Places, name: &Petname) -> Result<(), Error> {
        let invited = file(places, None, self.id);
        self.name = Some(name.clone());
        self.save(places)?;
        atomic::remove(&invited)
    }

    /// Takes what somebody says, as [`group::take`], and notes when by that others are members
    /// than before.
    pub fn take(
        &mut self,
        author: Fingerprint,
        register: Register,
        by: Option<Fingerprint>,
        now: Time,
    ) -> bool {
        let before = self.state().members();
        let taken = group::take(&mut self.said, author, register, by);
        if self.state().members() != before && self.changed.last() != Some(&now) {
            let surplus = (self.changed.len() + 1).saturating_sub(MOST_CHANGES);
            self.changed.drain(..surplus);
            self.changed.push(now);
        }
        taken
    }

    /// Makes room for what somebody says, as [`group::make_room`].
    pub fn make_room(&mut self, me: Fingerprint, author: Fingerprint) -> bool {
        group::make_room(&mut self.said, self.creator, me, author)
    }

    /// Does something in it as `me`, in one's own register.
    ///
    /// # Errors
    /// As [`group::act`].
    pub fn act(&mut self, me: Fingerprint, act: Act<'_>, now: Time) -> Result<bool, NotAllowed> {
        let acts = if self.restored.is_some() { group::act_restored } else { group::act };
        let own = acts(me, self.creator, &self.said, act, now)?;
        Ok(self.take(me, own, None, now))
    }

    /// Moves the file to the name of `petname`, which no group must have.
    pub fn rename(&mut self, places: &Places, petname: &Petname) -> Result<(), Error> {
        let old = file(places, self.name.as_ref(), self.id);
        atomic::rename_new(&old, &file(places, Some(petname), self.id))?;
        self.name = Some(petname.clone());
        Ok(())
    }

    /// Forgets it.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&file(places, self.name.as_ref(), self.id))
    }

    /// Who is in it.
    pub fn state(&self) -> State {
        group::state(self.creator, &self.said)
    }

    /// What somebody has said; nothing if nothing.
    pub fn register(&self, who: &Fingerprint) -> Register {
        self.said.get(who).map(|said| said.register.clone()).unwrap_or_default()
    }
}

fn file(places: &Places, name: Option<&Petname>, id: GroupId) -> PathBuf {
    let name = match name {
        Some(name) => format!("{name}.{NAMED}"),
        None => format!("{id}.{INVITED}"),
    };
    places.groups_dir().join(name)
}

#[cfg(test)]
mod tests {
    use super::super::home::tests::scratch_home;
    use super::*;
    use crate::core::group::{Entry, founded};

    #[test]
    fn a_group_is_read_as_it_was_written_and_a_name_ends_the_invitation() {
        let (_dir, home) = scratch_home();
        let places = home.places();
        let me = Fingerprint::from([7; 32]);
        let register = founded("The \"family\"", Time::from_unix(9)).unwrap();
        let mut group = Group {
            name: None,
            id: group::id(&me, &[3; 16]),
            creator: me,
            nonce: [3; 16],
            since: Time::from_unix(5),
            by: me,
            said: [(me, Said { register, by: Some(me) })].into(),
            told: [(me, 9)].into(),
            introduced: [(me, [me].into())].into(),
            ended: [(me, Time::from_unix(6))].into(),
            changed: vec![Time::from_unix(8)],
            becomes: None,
            restored: Some(Time::from_unix(7)),
        };
        group.save(places).unwrap();
        let invited = Group::load_all(places).unwrap().0.remove(0);
        assert_eq!(format!("{invited:?}"), format!("{group:?}"));
        let name: Petname = "family".parse().unwrap();
        group.clone().accept(places, &name).unwrap();
        // A crash came between the two.
        group.save(places).unwrap();
        group.name = Some(name.clone());
        let (all, bad) = Group::load_all(places).unwrap();
        assert_eq!(format!("{all:?}"), format!("{:?}", [&group]));
        assert!(bad.is_empty());
        let path = places.groups_dir().join("family.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(Group::check(&path, &text).is_ok());
        let other = text.replacen(&group.id.to_string(), &"4b".repeat(16), 1);
        assert!(Group::check(&path, &other).is_err(), "another creator's group");
        assert!(Group::parse(places, &name, &other).is_err());
        std::fs::write(&path, "id = 1\n").unwrap();
        assert_eq!(Group::load_all(places).unwrap().1.len(), 1);
    }

    #[test]
    fn it_is_noted_when_others_are_members_and_not_for_ever() {
        let (me, other) = (Fingerprint::from([7; 32]), Fingerprint::from([8; 32]));
        let mut own = founded("family", Time::from_unix(1)).unwrap();
        own.entries.insert(other, Entry { length: 1, keeper: false });
        let mut group = Group {
            name: None,
            id: group::id(&me, &[3; 16]),
            creator: me,
            nonce: [3; 16],
            since: Time::from_unix(5),
            by: me,
            said: [(me, Said { register: own, by: None })].into(),
            told: BTreeMap::new(),
            introduced: BTreeMap::new(),
            ended: BTreeMap::new(),
            changed: Vec::new(),
            becomes: None,
            restored: None,
        };
        // They join at even numbers, and leave at odd ones.
        let says = |at: u32| {
            let (accepted, left) = (at & !1, (at - 1) | 1);
            Register { version: at.into(), accepted, left, ..Register::default() }
        };
        assert!(group.take(other, says(1), None, Time::from_unix(20)));
        assert!(group.changed.is_empty(), "invited or declined, they are no member");
        for at in 2..99 {
            assert!(group.take(other, says(at), None, Time::from_unix(20 + u64::from(at))));
        }
        assert_eq!(group.changed.len(), MOST_CHANGES);
        assert_eq!(group.changed.last(), Some(&Time::from_unix(118)));
        assert!(!group.take(other, says(3), None, Time::from_unix(200)));
        assert_eq!(group.changed.last(), Some(&Time::from_unix(118)));
    }
}
