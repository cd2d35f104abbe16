//! What people do in groups, for tests.

use super::film::NOW;
use super::{Person, World, petname};
use poste::client::error::Error;
use poste::client::groups::{self, Changed, Part, Row};
use poste::core::group::{self, Act};
use poste::core::keys::Fingerprint;
use poste::core::time::HOUR;
use poste::store::groups::Group;
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
        self.with(|env| groups::accept(env, &invitation, &name, false)).unwrap().unwrap();
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

/// Two people in a group that one of them made, both of whom have said everything; and in it, as
/// far as the first knows, so many others who are nobody's contacts.
pub fn pair_in_group(world: &World, others: u8) -> (Person<'_>, Person<'_>) {
    let (alice, bob) = super::acquainted(world);
    alice.found("family", &["bob"]);
    settle(&[&alice, &bob]);
    bob.join("kin");
    settle(&[&alice, &bob]);
    if others > 0 {
        let me = alice.fingerprint();
        let mut group = alice.stored("family");
        for n in 1..=others {
            let who = Fingerprint::from([n; 32]);
            for (author, what) in [(me, Act::Invite(who)), (who, Act::Accept)] {
                let now = world.now();
                let register = group::act(author, me, &group.said, what, now).unwrap();
                group::take(&mut group.said, author, register, None);
            }
        }
        group.save(&alice.places()).unwrap();
    }
    settle(&[&alice, &bob]);
    (alice, bob)
}

/// Everybody syncs so often, some minutes apart.
pub fn rounds(world: &World, people: &[&Person<'_>], count: usize) {
    for _ in 0..count {
        for person in people {
            let report = person.sync();
            assert_eq!(report.errors, Vec::<String>::new());
            world.pass(60);
        }
        world.pass(HOUR - 60 * people.len() as u64);
    }
}

/// Two know the first, and the first knows them; they do not know each other.
pub fn three(world: &World) -> [Person<'_>; 3] {
    let names = ["alice", "bob", "carol"];
    let people = [1, 2, 3].map(|n| Person::new(world, names[n - 1], n as u64, &[]));
    let [alice, bob, carol] = &people;
    for (name, other) in [("bob", bob), ("carol", carol)] {
        alice.add(name, other);
        other.add("alice", alice);
    }
    people
}

/// A group of the three.
pub fn family(world: &World) -> [Person<'_>; 3] {
    let people = three(world);
    let [alice, bob, carol] = &people;
    alice.found("family", &["bob", "carol"]);
    rounds(world, &[alice, bob, carol], 2);
    bob.join("kin");
    carol.join("clan");
    rounds(world, &[alice, bob, carol], 5);
    people
}

/// Everybody syncs without a pace until nobody has anything to say.
pub fn settle(people: &[&Person<'_>]) {
    for _ in 0..12 {
        let posted: usize = people.iter().map(|person| person.sync_with(&NOW).posted).sum();
        people[0].world.pass(60);
        if posted == 0 {
            return;
        }
    }
    panic!("they never stop writing");
}

impl Person<'_> {
    /// What is stored of a group.
    pub fn stored(&self, name: &str) -> Group {
        let (groups, bad) = Group::load_all(&self.places()).unwrap();
        assert!(bad.is_empty());
        groups.into_iter().find(|group| group.name == Some(petname(name))).unwrap()
    }
}
