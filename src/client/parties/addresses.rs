//! Under what addresses people and groups stand in a text that a person reads or edits: contacts by
//! their petnames, oneself as `me`, anybody else by the fingerprint, so that each address reads back
//! as whom it means. Specified in poste(1), edit.

use crate::core::keys::{Fingerprint, GroupId};
use crate::store::groups::Group;
use std::collections::HashMap;

/// A group that one has a name for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// The petname.
    pub name: String,
    /// What it is called by those who may say so.
    pub title: String,
    /// The version of one's own register.
    pub version: u64,
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
    /// Adds somebody.
    pub fn add(&mut self, who: Fingerprint, name: String) {
        self.people.insert(who, name);
    }

    /// Adds a group, if it has a name here, as `me` sees it.
    pub fn add_group(&mut self, group: &Group, me: &Fingerprint) {
        let Some(name) = &group.name else { return };
        let state = group.state();
        let circle = Circle {
            name: name.to_string(),
            members: state.members(),
            title: state.title,
            version: group.register(me).version,
        };
        self.groups.insert(group.id, circle);
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
