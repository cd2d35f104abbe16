//! What people do in groups, for tests.

use super::{Person, petname};
use poste::client::error::Error;
use poste::client::groups::{self, Changed, Part, Row};
use poste::core::keys::Fingerprint;
use std::collections::BTreeSet;

impl Person<'_> {
    pub fn fingerprint(&self) -> Fingerprint {
        self.with(|env| poste::client::own::load(env).map(|card| card.card.fingerprint())).unwrap()
    }

    pub fn found(&self, group: &str, members: &[&str]) -> Changed {
        let members: Vec<_> = members.iter().map(|name| petname(name)).collect();
        self.with(|env| groups::found(env, &petname(group), &members)).unwrap()
    }

    pub fn part(&self, group: &str, part: Part, members: &[&str]) -> Result<Changed, Error> {
        let members: Vec<_> = members.iter().map(|name| petname(name)).collect();
        self.with(|env| groups::part(env, &petname(group), part, &members))
    }

    pub fn leave(&self, group: &str) -> Result<Changed, Error> {
        self.with(|env| groups::leave(env, group))
    }

    /// Accepts the only invitation that waits.
    pub fn join(&self, group: &str) {
        let invitation = self.with(|env| groups::invitations(env)).unwrap()[0].name.clone();
        let name = petname(group);
        self.with(|env| groups::accept(env, &invitation, &name)).unwrap().unwrap();
    }

    pub fn is_invited(&self) -> bool {
        !self.with(|env| groups::invitations(env)).unwrap().is_empty()
    }

    pub fn group(&self, name: &str) -> Row {
        let rows = self.with(|env| groups::list(env)).unwrap();
        rows.into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// Who is in a group by this person's view.
    pub fn members(&self, name: &str) -> BTreeSet<Fingerprint> {
        let inside = ["creator", "keeper", "member"];
        let people = self.group(name).people;
        people.iter().filter(|m| inside.contains(&m.state)).map(|m| m.fingerprint).collect()
    }
}
