//! What is due gets its places: letters, and control letters for what finds none to ride with, each
//! measured first and made only when there is room for it, across all contacts in one order. With
//! a pace a letter that can never fit into the slots of a node goes as an enclosure.
//! Specified in poste-protocol(7), Enclosures and A sync from outside.

use super::post::{Attempted, Round, What};
use super::tasks::{Due, Person, Task};
use super::{Report, class, due};
use crate::client::desk::Desk;
use crate::client::dispatch::{self, Cargo, Made, Sender, Stop};
use crate::client::enclosure::{coming, going};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::{groups, queue, stamps};
use crate::core::bucket::{Bucket, Class};
use crate::core::cell::LETTER_PARTS;
use crate::core::letter::Want;
use crate::core::plan::Node;
use crate::core::plan::slots::{Rank, Slots, Waiting};
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::peers::Peer;

/// What gets places in a round, and what was made of it.
pub(super) struct Packer<'a> {
    pub round: &'a Round,
    pub sender: Sender,
    pub daily: bool,
    /// The moment that decides on buckets and on what is due, be the planning as slow as it may.
    pub now: Time,
    pub slots: Slots,
    pub made: Vec<Attempted>,
    pub people: Vec<Person>,
    /// What may take slots that nothing else wants.
    spare: Vec<Task>,
}

impl<'a> Packer<'a> {
    pub fn new(round: &'a Round, sender: Sender, daily: bool, now: Time, slots: Slots) -> Self {
        Packer {
            round,
            sender,
            daily,
            now,
            slots,
            made: Vec::new(),
            people: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Makes all that is due and finds room. What goes wrong with one person or letter stops no
    /// other.
    pub fn letters(&mut self, env: &mut Env<'_>, desk: &mut Desk, report: &mut Report) {
        for contact in &desk.contacts {
            match self.person(env, contact) {
                Ok(person) => self.people.push(person),
                Err(error) => report.soft(error),
            }
        }
        let mut tasks: Vec<Task> =
            (0..self.people.len()).flat_map(|who| self.tasks(desk, who)).collect();
        tasks.sort_by_key(|task| (task.rank, task.since));
        let due = tasks.partition_point(|task| task.rank < Rank::Spare);
        self.spare = tasks.split_off(due);
        tasks.into_iter().for_each(|task| self.task(env, desk, task, report));
    }

    /// With a pace, repeats letters that are not due where else cover would go. Nobody can tell.
    pub fn spare(&mut self, env: &mut Env<'_>, desk: &mut Desk, report: &mut Report) {
        let spare = std::mem::take(&mut self.spare);
        spare.into_iter().for_each(|task| self.task(env, desk, task, report));
    }

    fn task(&mut self, env: &mut Env<'_>, desk: &mut Desk, task: Task, report: &mut Report) {
        let Task { rank, who, what, .. } = task;
        let done = match what {
            Due::Letter { at, class, fallback } => {
                self.letter(env, desk, who, (at, fallback), (rank, class), report)
            }
            Due::Want(want) => self.want(env, desk, who, rank, want, report),
            Due::Control { with_card } => self.control(env, desk, who, rank, with_card, report),
            Due::Acks => self.acks(env, desk, who, rank, report),
        };
        if let Err(error) = done {
            let petname = &self.people[who].contact.petname;
            let what = format!("a letter to {petname}: {}", error.what);
            report.soft(Error { what, ..error });
        }
    }

    fn person(&self, env: &Env<'_>, contact: &Contact) -> Result<Person, Error> {
        let places = env.home.places();
        let peer = Peer::load(places, contact.fingerprint)?;
        let by_day = self.daily && self.sleeps(&peer);
        let wants = coming::wants(places, contact.fingerprint, by_day, self.now)?;
        let known = self.daily && peer.card_seen != Time::default();
        let acks = if known { peer.owed(self.now) } else { Vec::new() };
        Ok(Person { contact: contact.clone(), peer, wants, acks })
    }

    /// Whether somebody is asleep whenever this home is awake, as far as is known, so that with a
    /// pace only the daily exchange counts for them. Without one all goes by both.
    pub fn sleeps(&self, peer: &Peer) -> bool {
        !self.round.whole && !due::is_awake(peer, self.now)
    }

    fn letter(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        (at, fallback): (usize, bool),
        (rank, class): (Rank, Class),
        report: &mut Report,
    ) -> Result<(), Error> {
        let places = env.home.places().clone();
        let Person { contact, peer, wants, .. } = &self.people[who];
        let (contact, peer, to) = (contact.clone(), peer.clone(), contact.fingerprint);
        let (item, want) = (&desk.outbox[at], wants.last().cloned());
        if groups::is_withheld(&places, item)? {
            return Ok(());
        }
        let waits = going::must_wait(&desk.transit, &peer, to);
        let went = |made: &Attempted| matches!(made.what, What::Letter(id) if id == item.id);
        if (rank, class) == (Rank::Spare, Class::Hourly) && self.made.iter().any(went) {
            return Ok(());
        }
        let turn = (item.tries, fallback);
        let nodes = dispatch::nodes(env, &desk.transit, &contact, turn, &self.sender.avoided)?;
        let is_said = item.errand.is_some();
        if !self.slots.has_room(to, class, &nodes) && !is_said {
            return self.instead(env, desk, who, (at, fallback), (rank, class), report);
        }
        let head = item.enclosure.as_ref();
        let is_whole = head.is_none_or(|e| class == Class::Daily && e.cells <= LETTER_PARTS);
        if !is_whole && waits {
            return Ok(());
        }
        let author = self.sender.card.card.fingerprint();
        let contents = match head.is_some() && is_whole {
            true => {
                let matter = groups::matter(&places, item, author)?;
                (queue::open(&places, &desk.transit, item)?, None, matter)
            }
            false => queue::contents(&places, &desk.transit, item, author)?,
        };
        let most = self.most(&contact, class);
        let mut cargo = Cargo { fallback, want, most, ..due::letter(item, contents) };
        let me = self.sender.card.card.sign;
        if stamps::is_missing(&contact, &peer, me, cargo.id, cargo.stamp, fallback) {
            return Ok(());
        }
        let mut cells = self.measure(env, desk, who, &cargo)?;
        if cells.is_none() && is_said {
            return self.said_at_length(env, desk, who, (at, fallback), (rank, class), report);
        }
        if cells.is_none() && is_whole && !waits {
            if desk.outbox[at].enclosure.is_none() {
                going::convert(env, &desk.transit, &mut desk.outbox[at], &cargo.mail)?;
            }
            let contents = queue::contents(&places, &desk.transit, &desk.outbox[at], author)?;
            (cargo.mail, cargo.enclosure, cargo.matter) = contents;
            cells = self.measure(env, desk, who, &cargo)?;
        }
        let Some(cells) = cells else {
            self.too_long(&contact, report);
            return Ok(());
        };
        let waiting = Waiting { to, rank, class, cells, nodes: &nodes };
        let Some(made) = self.make(env, desk, (&contact, &peer), &cargo, &waiting)? else {
            return self.instead(env, desk, who, (at, fallback), (rank, class), report);
        };
        let item = &mut desk.outbox[at];
        item.tries += 1;
        item.save(&places)?;
        let what = What::Letter(item.id);
        self.went(who, what, made);
        Ok(())
    }

    /// A letter that no node has taken and for which the hour has no room goes in the daily exchange:
    /// that comes to relays which the turns of somebody's hours may never come to.
    fn instead(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        letter: (usize, bool),
        (rank, class): (Rank, Class),
        report: &mut Report,
    ) -> Result<(), Error> {
        match self.daily && !self.round.whole && (rank, class) == (Rank::Fresh, Class::Hourly) {
            true => self.letter(env, desk, who, letter, (rank, Class::Daily), report),
            false => Ok(()),
        }
    }

    /// What is said of a group and has more cells than an hour has slots waits for the daily exchange,
    /// which has more; it has no mail that could be enclosed.
    fn said_at_length(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        letter: (usize, bool),
        (rank, class): (Rank, Class),
        report: &mut Report,
    ) -> Result<(), Error> {
        match class {
            Class::Daily => self.too_long(&self.people[who].contact, report),
            Class::Hourly if self.daily && !due::went_today(&desk.outbox[letter.0], self.now) => {
                return self.letter(env, desk, who, letter, (rank, Class::Daily), report);
            }
            Class::Hourly => {}
        }
        Ok(())
    }

    fn want(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        rank: Rank,
        want: Want,
        report: &mut Report,
    ) -> Result<(), Error> {
        if self.people[who].wants.iter().all(|due| due.id != want.id) {
            return Ok(());
        }
        let cargo = Cargo { want: Some(want), ..due::control_letter(env, false) };
        let by_day = self.daily && self.sleeps(&self.people[who].peer);
        self.control_letter(env, desk, who, (rank, by_day), cargo, report)
    }

    fn control(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        rank: Rank,
        with_card: bool,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Person { contact, peer, .. } = &self.people[who];
        let (control, card) =
            dispatch::control_due(&self.sender, &desk.transit, contact, peer, self.now);
        if !(if with_card { card } else { control }) {
            return Ok(());
        }
        let cargo = due::control_letter(env, with_card);
        self.control_letter(env, desk, who, (rank, false), cargo, report)
    }

    /// Acknowledges in the daily class what no letter in it has: who wrote by it may be asleep
    /// whenever this home is awake. In place of cover it does so once more, which counts for nothing.
    fn acks(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        rank: Rank,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Person { contact, peer, acks, .. } = &self.people[who];
        let (mut acks, is_copy) = (acks.clone(), rank == Rank::Spare);
        for attempted in self.made.iter().filter(|made| made.to == contact.fingerprint) {
            if attempted.made.bucket.class() == Class::Daily && !is_copy {
                acks.retain(|ack| !attempted.made.acks.contains(ack));
            }
        }
        if acks.is_empty() {
            return Ok(());
        }
        let peer = Peer { acks, again: Vec::new(), ..peer.clone() };
        let cargo = due::control_letter(env, false);
        let made = self.send(env, desk, who, &peer, (rank, Class::Daily), cargo, report)?;
        let Some(mut made) = made else { return Ok(()) };
        if is_copy {
            made.acks.clear();
        }
        self.went(who, What::Control, made);
        Ok(())
    }

    fn control_letter(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        (rank, by_day): (Rank, bool),
        cargo: Cargo,
        report: &mut Report,
    ) -> Result<(), Error> {
        let Person { contact, peer, .. } = &self.people[who];
        let usual = due::control_class(contact, class(desk), self.daily);
        let Some(class) = usual.map(|usual| if by_day { Class::Daily } else { usual }) else {
            return Ok(());
        };
        let peer = peer.clone();
        let made = self.send(env, desk, who, &peer, (rank, class), cargo, report)?;
        made.into_iter().for_each(|made| self.went(who, What::Control, made));
        Ok(())
    }

    /// Makes what is no letter of the outbox, if there is room.
    #[expect(clippy::too_many_arguments, reason = "all that a letter is made from")]
    fn send(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        peer: &Peer,
        (rank, class): (Rank, Class),
        cargo: Cargo,
        report: &mut Report,
    ) -> Result<Option<Made>, Error> {
        let contact = self.people[who].contact.clone();
        let turn = (cargo.tries, false);
        let nodes = dispatch::nodes(env, &desk.transit, &contact, turn, &self.sender.avoided)?;
        let to = contact.fingerprint;
        if !self.slots.has_room(to, class, &nodes) {
            return Ok(None);
        }
        let cargo = Cargo { most: self.most(&contact, class), ..cargo };
        let Some(cells) = self.measure(env, desk, who, &cargo)? else {
            self.too_long(&contact, report);
            return Ok(None);
        };
        let waiting = Waiting { to, rank, class, cells, nodes: &nodes };
        self.make(env, desk, (&contact, peer), &cargo, &waiting)
    }

    /// How many cells a letter to somebody may have: at a directory nobody counts them.
    fn most(&self, contact: &Contact, class: Class) -> usize {
        match self.round.whole || due::only_directories(contact) {
            true => usize::from(LETTER_PARTS),
            false => self.slots.most(class).max(self.round.pace).min(usize::from(LETTER_PARTS)),
        }
    }

    /// How many cells a letter takes; `None` with a pace if it can never go so.
    fn measure(
        &self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        who: usize,
        cargo: &Cargo,
    ) -> Result<Option<usize>, Error> {
        let Person { contact, peer, .. } = &self.people[who];
        let to = (contact, peer);
        let (cells, is_whole) = dispatch::measure(env, &self.sender, &mut desk.transit, to, cargo)?;
        Ok(Some(cells).filter(|cells| self.round.whole || is_whole && *cells <= cargo.most))
    }

    /// Gives a letter its place, and makes it for there.
    fn make(
        &mut self,
        env: &mut Env<'_>,
        desk: &mut Desk,
        to: (&Contact, &Peer),
        cargo: &Cargo,
        waiting: &Waiting<'_>,
    ) -> Result<Option<Made>, Error> {
        let Some(place) = self.slots.place(waiting).pop() else { return Ok(None) };
        let bucket = Bucket::at(place.class, self.now);
        let is_counted = !self.round.whole && !is_directory(waiting.nodes, &place.node);
        let room = if is_counted { place.cells } else { usize::from(LETTER_PARTS) };
        let stop = Stop { node: place.node, bucket, room };
        let Desk { lock, transit, .. } = desk;
        dispatch::make(env, lock, &self.sender, transit, to, cargo, stop)
    }

    fn went(&mut self, who: usize, what: What, mut made: Made) {
        let sleeps = self.sleeps(&self.people[who].peer);
        if sleeps && made.bucket.class() == Class::Hourly {
            // Should they be awake after all, it is seen; it is asked all the same by the day.
            made.want = None;
        }
        let Person { contact, peer, wants, .. } = &mut self.people[who];
        super::post::sent(peer, &made, self.now);
        wants.retain(|want| made.want != Some(want.id));
        self.made.push(Attempted { to: contact.fingerprint, what, made });
    }

    /// Says once a day that something waits until there is more room.
    fn too_long(&self, contact: &Contact, report: &mut Report) {
        let (name, pace) = (&contact.petname, self.round.pace);
        let what = format!(
            "a letter to {name} does not fit into {pace} cells, so it waits until they have \
             answered; to send it without: poste sync --now"
        );
        report.held.get_or_insert(what);
    }
}

fn is_directory(nodes: &[Node], url: &str) -> bool {
    nodes.iter().any(|node| node.directory && node.url == url)
}
