//! Everybody whose messages can be authenticated here: oneself and one's contacts, each with what
//! is known of their keys. Verifying, forging, editing and importing share it, so that what one of
//! them writes the others find as good as any. Keys of a pair and day are derived once.
//! Specified in poste-protocol(7), Filed form.

pub mod addresses;

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::auth::MacKey;
use crate::core::filed::{self, Filed, Head};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::party::{Party, mac_keys};
use crate::core::time::Day;
use crate::store::contacts::{Contact, Past};
use crate::store::groups::Group;
use crate::store::keyring::Transit;
use addresses::{Addresses, Circle};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Author, reader and day.
type Pair = (Fingerprint, Fingerprint, Day);

/// People whose keys are known, oneself among them if there is a home.
pub struct Parties {
    people: HashMap<Fingerprint, Party>,
    addresses: Addresses,
    /// How those are shown who are contacts no more.
    past: HashMap<Fingerprint, String>,
    me: Option<Fingerprint>,
    derived: RefCell<HashMap<Pair, Rc<Vec<MacKey>>>>,
}

impl Parties {
    /// Oneself and one's contacts.
    pub fn load(env: &Env<'_>) -> Result<Parties, Error> {
        let card = own::load(env)?;
        let transit = Transit::load(env.home.places())?;
        let whole = transit.chain();
        // Two days ahead is as far as anything is dated; from there the past is a few steps away.
        let chain = whole.until(env.now().day().plus(2)).unwrap_or(whole);
        let series = &transit.series;
        let mut me = Party::of_card(&card.card, card.disclosed.as_ref()).and_secrets(
            series.number,
            &series.dh,
            chain.last(),
            chain.last_seed(),
        );
        for old in &transit.former {
            me = me.and_secrets(old.number, &old.dh, old.date, &old.seed);
        }
        let mut parties = Parties::of([me]);
        let me = card.card.fingerprint();
        parties.me = Some(me);
        let contacts = env.readable(Contact::load_all(env.home.places())?);
        let groups = env.readable(Group::load_all(env.home.places())?);
        parties.addresses = Addresses::of(me, &contacts, &groups);
        for contact in &contacts {
            parties.people.insert(contact.fingerprint, of_contact(contact));
        }
        let past = env.readable(Past::load_all(env.home.places())?);
        past.iter().for_each(|past| parties.add_past(past));
        Ok(parties)
    }

    /// Adds somebody who was a contact, and is by now known by the fingerprint alone.
    pub fn add_past(&mut self, past: &Past) {
        let who = past.contact.fingerprint;
        self.past.insert(who, past.shown());
        self.people.entry(who).or_insert_with(|| of_contact(&past.contact));
    }

    /// These people alone, as whoever has their cards sees them.
    pub fn of(people: impl IntoIterator<Item = Party>) -> Parties {
        let people = people.into_iter().map(|party| (party.fingerprint(), party)).collect();
        let (addresses, past, derived) = <_>::default();
        Parties { people, addresses, past, me: None, derived }
    }

    /// Adds somebody.
    pub fn add(&mut self, who: Fingerprint, name: String, party: Party) {
        self.addresses.add(who, name);
        self.people.insert(who, party);
    }

    /// Adds a group that one has a name for.
    pub fn add_group(&mut self, group: &Group) {
        self.addresses.add_group(group);
    }

    /// Under what addresses they stand in a text.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The petname of a person, `me` for oneself, else the fingerprint.
    pub fn name(&self, who: &Fingerprint) -> String {
        self.addresses.name(who)
    }

    /// The same for people to read: who is a contact no more is said to be so.
    pub fn shown(&self, who: &Fingerprint) -> String {
        let past = self.past.get(who).filter(|_| !self.addresses.has(who));
        past.cloned().unwrap_or_else(|| self.name(who))
    }

    /// The group of that id, if one has a name for it.
    pub fn group(&self, id: GroupId) -> Option<&Circle> {
        self.addresses.group(id)
    }

    /// The group of that petname.
    pub fn group_named(&self, name: &str) -> Option<(GroupId, &Circle)> {
        self.addresses.group_named(name)
    }

    /// Whether that is oneself.
    pub fn is_me(&self, who: &Fingerprint) -> bool {
        self.me.as_ref() == Some(who)
    }

    /// Who is meant by a petname, `me`, or a fingerprint.
    pub fn who(&self, name: &str) -> Option<Fingerprint> {
        self.addresses.who(name).or_else(|| name.parse().ok())
    }

    /// What is known of a person.
    pub fn party(&self, who: &Fingerprint) -> Option<&Party> {
        self.people.get(who)
    }

    /// Whom a message is authenticated for: oneself, or for one's own copy the first addressee.
    pub fn reader(&self, head: &Head) -> Option<Fingerprint> {
        match self.me {
            Some(me) if head.from != me => Some(me),
            _ => head.to.first().copied(),
        }
    }

    /// Whether the message's MAC holds; `None` if no key that could tell is known.
    pub fn holds(&self, message: &Filed<'_>) -> Option<bool> {
        let keys = self.keys(&message.head);
        (!keys.is_empty()).then(|| keys.iter().any(|key| message.holds(key)))
    }

    /// The message in filed form, authenticated like any other.
    pub fn write(&self, head: &Head, mail: &[u8]) -> Result<Vec<u8>, Error> {
        let keys = self.keys(head);
        let key = keys.first().ok_or_else(|| self.no_key(head))?;
        Ok(filed::write(head, mail, key)?)
    }

    fn keys(&self, head: &Head) -> Rc<Vec<MacKey>> {
        let Some(reader) = self.reader(head) else { return Rc::default() };
        let pair = (head.from, reader, head.day);
        if let Some(known) = self.derived.borrow().get(&pair) {
            return known.clone();
        }
        let parties = self.people.get(&head.from).zip(self.people.get(&reader));
        let keys = parties.map(|(author, reader)| mac_keys(author, reader, head.day));
        let keys = Rc::new(keys.unwrap_or_default());
        self.derived.borrow_mut().insert(pair, keys.clone());
        keys
    }

    fn no_key(&self, head: &Head) -> Error {
        let (who, day) = (self.name(&head.from), head.day);
        let Some(author) = self.people.get(&head.from) else {
            return Error::new(Kind::NoContact, format!("no card of {who} is at hand"))
                .hint("poste contacts");
        };
        let known = match author.known_days() {
            Some((Some(first), last)) => format!("known are {first} to {last}"),
            Some((None, last)) => format!("known are all days up to {last}"),
            None => "none is known".to_owned(),
        };
        Error::new(Kind::Data, format!("the key of {who} for {day} is not known; {known}"))
    }
}

/// A contact, as known from its cards and what it has disclosed.
pub fn of_contact(contact: &Contact) -> Party {
    let card = &contact.card;
    let mut party = Party::of_card(&card.card, card.disclosed.as_ref());
    for old in &contact.former {
        party = party.and_former(old.series, old.dh, old.until);
    }
    for days in &contact.older {
        party = party.and_days(days.series, days.first_day, &days.keys);
    }
    let held = contact.former.iter().filter_map(|old| old.held.as_ref()).chain(&contact.held);
    held.fold(party, |party, held| party.and_seed(held.series, held.date, &held.seed))
}
