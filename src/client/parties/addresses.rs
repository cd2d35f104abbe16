//! Under what addresses people and groups stand in a text that a person reads or edits: contacts by
//! their petnames, oneself as `me`, anybody else by the fingerprint, so that each address reads back
//! as whom it means. Specified in poste(1), edit.

use crate::core::encode::hex;
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::mail::recipients;
use crate::core::prim;
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A group that one has a name for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// The petname.
    pub name: String,
    /// What it is called by those who may say so.
    pub title: String,
    /// Of everybody who has said anything the version of it, which their letters name.
    pub versions: BTreeMap<Fingerprint, u64>,
    /// The members, in ascending order.
    pub members: Vec<Fingerprint>,
}

/// The addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    people: HashMap<Fingerprint, String>,
    groups: HashMap<GroupId, Circle>,
}

impl Addresses {
    /// Those of oneself, of contacts, and of groups that have a name.
    pub fn of(me: Fingerprint, contacts: &[Contact], groups: &[Group]) -> Addresses {
        let mut all = Addresses::default();
        all.add(me, "me".to_owned());
        for contact in contacts {
            all.add(contact.fingerprint, contact.petname.to_string());
        }
        groups.iter().for_each(|group| all.add_group(group));
        all
    }

    /// Adds somebody.
    pub fn add(&mut self, who: Fingerprint, name: String) {
        self.people.insert(who, name);
    }

    /// Adds a group, if it has a name here.
    pub fn add_group(&mut self, group: &Group) {
        let Some(name) = &group.name else { return };
        let state = group.state();
        let circle = Circle {
            name: name.to_string(),
            members: state.members(),
            title: state.title,
            versions: group.said.iter().map(|(who, said)| (*who, said.register.version)).collect(),
        };
        self.groups.insert(group.id, circle);
    }

    /// What stands in texts by these addresses, and by `newer` does not: addresses of people, and ids
    /// of groups.
    pub fn outdated(&self, newer: &Addresses) -> Vec<String> {
        let people: BTreeSet<_> = self.people.keys().chain(newer.people.keys()).collect();
        let people = people.into_iter().filter(|who| self.name(who) != newer.name(who));
        let people = people.map(|who| format!("{}@{}", self.name(who), recipients::DOMAIN));
        let shown = |all: &Addresses, id: &GroupId| {
            all.group(*id).map(|circle| (circle.name.clone(), circle.title.clone()))
        };
        let groups: BTreeSet<_> = self.groups.keys().chain(newer.groups.keys()).collect();
        let groups = groups.into_iter().filter(|id| shown(self, id) != shown(newer, id));
        people.chain(groups.map(GroupId::to_string)).collect()
    }

    /// A short word for them, the same if texts by them are.
    pub fn digest(&self) -> String {
        let people = self.people.iter().map(|(who, name)| format!("{who} {name}\n"));
        let groups = self.groups.iter();
        let groups = groups.map(|(id, circle)| format!("{id} {} {}\n", circle.name, circle.title));
        let mut lines: Vec<String> = people.chain(groups).collect();
        lines.sort();
        hex(&prim::sha256(&[lines.concat().as_bytes()]))
    }

    /// Whether somebody has a name.
    pub fn has(&self, who: &Fingerprint) -> bool {
        self.people.contains_key(who)
    }

    /// The name of a person, else the fingerprint.
    pub fn name(&self, who: &Fingerprint) -> String {
        self.people.get(who).cloned().unwrap_or_else(|| who.to_string())
    }

    /// Who is meant by a name.
    pub fn who(&self, name: &str) -> Option<Fingerprint> {
        self.people.iter().find(|(_, known)| *known == name).map(|(who, _)| *who)
    }

    /// The group of that id, if it has a name.
    pub fn group(&self, id: GroupId) -> Option<&Circle> {
        self.groups.get(&id)
    }

    /// The group of that name.
    pub fn group_named(&self, name: &str) -> Option<(GroupId, &Circle)> {
        let named = self.groups.iter().find(|(_, circle)| circle.name == name);
        named.map(|(id, circle)| (*id, circle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(byte: u8) -> Fingerprint {
        format!("{byte:02x}").repeat(32).parse().unwrap()
    }

    fn named(names: &[(u8, &str)]) -> Addresses {
        let mut all = Addresses::default();
        names.iter().for_each(|(byte, name)| all.add(who(*byte), (*name).to_owned()));
        all
    }

    #[test]
    fn what_is_outdated_is_what_texts_have_and_would_not_have() {
        let old = named(&[(1, "alice"), (2, "bob"), (3, "carol")]);
        let mut now = named(&[(1, "alice"), (2, "carol"), (4, "dave")]);
        let mut outdated = old.outdated(&now);
        outdated.sort();
        let stranger = format!("{}@poste", who(4));
        let mut wanted = ["bob@poste", "carol@poste", &stranger];
        wanted.sort_unstable();
        assert_eq!(outdated, wanted);
        assert_ne!(old.digest(), now.digest());
        let (id, circle) = (GroupId::from([7; 16]), |version, title: &str| Circle {
            name: "kin".to_owned(),
            title: title.to_owned(),
            versions: BTreeMap::from([(who(1), version)]),
            members: Vec::new(),
        });
        let before = now.clone();
        now.groups.insert(id, circle(1, "kin"));
        assert_eq!(before.outdated(&now), [id.to_string()]);
        let mut later = now.clone();
        later.groups.insert(id, circle(2, "kin"));
        assert!(now.outdated(&later).is_empty() && now.digest() == later.digest());
        later.groups.insert(id, circle(3, "The Kin"));
        assert_eq!(now.outdated(&later), [id.to_string()]);
        assert_ne!(now.digest(), later.digest());
    }
}
