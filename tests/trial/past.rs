//! Weeks of letters between two people, as they come about: written, posted, fetched, opened,
//! acknowledged and filed by the program; and the same weeks as they never were.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::texts;
use crate::world::film::NOW;
use crate::world::{Dice, Person, World, acquainted, petname};
use poste::client::forge::{self, Forgery};
use poste::client::import::{Options, import};
use poste::client::read::{self, Reader};
use poste::client::{edit, parties::Parties, queue};
use poste::core::card::SignedCard;
use poste::core::encode::hex;
use poste::core::mail::fields;
use poste::core::mail::mime::text_of;
use poste::core::random::{Random, below, bytes};
use poste::core::time::{DAY, HOUR, MINUTE, Time};
use poste::core::when::When;
use poste::store::view::Stamp;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// A message to be written.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Which text it has.
    pub number: u64,
    /// When it is written.
    pub date: Time,
    /// Whether it is the reader's own.
    pub mine: bool,
}

/// Who forges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The reader, with `forge`.
    Forge,
    /// The reader, who forges something and edits it until it says this.
    Edit,
    /// The reader, who imports it in plain.
    Plain,
    /// A third person, from two cards as they are published.
    Third,
}

/// Messages in the mornings and evenings of so many days, the first number given.
pub fn plan(start: Time, days: u64, each: u64, first: u64) -> Vec<Plan> {
    let mut dice = Dice(first);
    let mut plans = Vec::new();
    for (half, number) in (0..2 * days).zip((first..).step_by(each as usize)) {
        let hour = if half % 2 == 0 { 9 * HOUR } else { 20 * HOUR };
        let mut date = start + (half / 2) * DAY + hour;
        for number in number..number + each {
            date = date + 5 + below(&mut dice, 100);
            plans.push(Plan { number, date, mine: below(&mut dice, 8) == 0 });
        }
    }
    plans
}

/// Alice and bob, and what bob has.
pub struct Past<'w> {
    pub world: &'w World,
    pub alice: Person<'w>,
    pub bob: Person<'w>,
    /// Whether texts bear their number.
    marked: bool,
    /// Message-IDs that can be referred to.
    ids: Vec<String>,
    /// What bob had when he last looked.
    known: HashSet<String>,
    /// What the ids are taken from.
    learnt: HashSet<String>,
}

impl<'w> Past<'w> {
    pub fn new(world: &'w World, marked: bool) -> Past<'w> {
        let (alice, bob) = acquainted(world);
        let mut past = Past {
            world,
            alice,
            bob,
            marked,
            ids: Vec::new(),
            known: HashSet::new(),
            learnt: HashSet::new(),
        };
        past.arrived();
        past.learn();
        past
    }

    /// What bob has that he did not have when this was last asked: paths in his tree.
    pub fn arrived(&mut self) -> Vec<String> {
        let all = self.bob.list(None);
        let new = all.iter().filter(|path| !self.known.contains(path.as_str())).cloned().collect();
        self.known = all.into_iter().collect();
        new
    }

    /// Lets it happen. Every third day the evening's letters go out after midnight.
    pub fn live(&mut self, plans: &[Plan]) {
        let batches: Vec<&[Plan]> =
            plans.chunk_by(|a, b| b.date.since(a.date) < 4 * HOUR).collect();
        for batch in batches {
            for plan in batch {
                self.until(plan.date);
                let mail = self.mail(plan.number);
                let (from, to) =
                    if plan.mine { (&self.bob, "alice") } else { (&self.alice, "bob") };
                from.with(|env| queue::send(env, &[petname(to)], &mail, false)).unwrap();
            }
            let last = batch[batch.len() - 1].date;
            let evening = last.since(last.day().start()) > 12 * HOUR;
            let late = evening && (last.day().start().unix() / DAY).is_multiple_of(3);
            self.until(if late { last.day().plus(1).start() + 10 * MINUTE } else { last });
            for who in [&self.alice, &self.bob, &self.alice, &self.bob] {
                self.world.pass(MINUTE);
                let report = who.sync_with(&NOW);
                assert_eq!((&report.errors[..], report.quarantined), (&[][..], 0), "{report:?}");
            }
            self.learn();
        }
    }

    /// Makes it up.
    pub fn forge(&mut self, plans: &[(Plan, Way)]) {
        let tree = self.bob.dir.path().join("forged");
        let mut dice = Dice(99);
        for (plan, way) in plans {
            let mail = self.mail(plan.number);
            let path = match way {
                Way::Forge => {
                    self.forge_one(plan, &mail);
                    continue;
                }
                Way::Edit => {
                    self.edit_one(plan, &mail);
                    continue;
                }
                Way::Plain => format!("alice/{}/{}", part(plan), plan.number),
                Way::Third => format!("alice/{}/{}", part(plan), plan.number),
            };
            let bytes = match way {
                Way::Third => self.by_cards(plan, &mail, &mut dice),
                // With an id: without one it would be the message that came, which says the same.
                _ => [head(plan).as_bytes(), fresh_id(&mut dice).as_bytes(), &mail].concat(),
            };
            let path = tree.join(if plan.mine { format!("{path}:2,S") } else { path });
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        if tree.exists() {
            let options = Options::default();
            let done = self.bob.with(|env| import(env, &tree, &mut std::io::empty(), &options));
            let done = done.unwrap();
            assert!(done.skipped.is_empty(), "{done:?}");
            fs::remove_dir_all(tree).unwrap();
        }
        self.learn();
    }

    /// The card of a person as the public sees it.
    pub fn public(&self, name: &str) -> SignedCard {
        let url = format!("https://host.example/{name}.toml");
        SignedCard::parse(&self.world.documents.lock().unwrap()[&url]).unwrap()
    }

    fn until(&self, date: Time) {
        self.world.pass(date.since(self.world.now()));
    }

    fn mail(&self, number: u64) -> Vec<u8> {
        let mut dice = Dice(number);
        let mut id = || self.ids[below(&mut dice, self.ids.len() as u64) as usize].clone();
        let thread: Vec<String> = (0..texts::answers(number)).map(|_| id()).collect();
        texts::mail(number, &thread, self.marked)
    }

    /// Remembers the ids of what is in the tree.
    fn learn(&mut self) {
        let learnt = &mut self.learnt;
        let ids = self.bob.with(|env| {
            let reader = Reader::open(env).unwrap();
            let entries = read::list(env, None, false, None).unwrap();
            let new = entries.iter().filter(|entry| learnt.insert(entry.name.unique()));
            new.map(|entry| message_id(&reader.read(env, entry).unwrap())).collect::<Vec<_>>()
        });
        self.ids.extend(ids);
    }

    fn forge_one(&self, plan: &Plan, mail: &[u8]) -> PathBuf {
        let (alice, bob) = (self.alice.card(), self.bob.card());
        let pair = (alice.card.fingerprint(), bob.card.fingerprint());
        let (from, to) = if plan.mine { (pair.1, pair.0) } else { pair };
        let folder = "alice".parse().unwrap();
        let when = Some(When::Moment(plan.date));
        let (to, group) = (vec![to], None);
        let forgery = Forgery { from, to, group, when, folder: &folder, replace: None, mail };
        self.bob.with(|env| forge::forge(env, &forgery)).unwrap()
    }

    /// As `poste edit` does it: the text with names, written anew below its Message-ID.
    fn edit_one(&self, plan: &Plan, mail: &[u8]) {
        let path = self.forge_one(plan, b"Subject: something else\n\nsomething else\n");
        self.bob.with(|env| {
            let entry = read::find(env, &path.display().to_string()).unwrap();
            let old = Reader::open(env).unwrap().read(env, &entry).unwrap();
            let parties = Parties::load(env).unwrap();
            let text = String::from_utf8(edit::text(&parties, &old).unwrap()).unwrap();
            let id = text.lines().find(|line| line.starts_with("Message-ID:")).unwrap();
            let text = [head(plan).as_bytes(), id.as_bytes(), b"\nUser-Agent: vi\n", mail].concat();
            let (message, date) = edit::message(&parties, &old, &text, env.rng).unwrap();
            let was = Stamp::of_sealed(&entry.path);
            edit::put_back(env, &entry, was, &message, date).unwrap().unwrap();
        });
    }

    fn by_cards(&self, plan: &Plan, mail: &[u8], rng: &mut dyn Random) -> Vec<u8> {
        let (alice, bob) = (self.public("alice"), self.public("bob"));
        let (from, to) = if plan.mine { (&bob, &alice) } else { (&alice, &bob) };
        let date = When::Moment(plan.date).moment(self.world.now(), rng);
        forge::by_cards(from, to, None, date, mail, rng).unwrap()
    }
}

/// The header of a message in plain, as an export has it.
fn head(plan: &Plan) -> String {
    let (from, to) = if plan.mine { ("me", "alice") } else { ("alice", "me") };
    format!("From: {from}@poste\nTo: {to}@poste\nDate: {}\n", plan.date.rfc5322())
}

fn part(plan: &Plan) -> &'static str {
    if plan.mine { "cur" } else { "new" }
}

/// What a message of ours has that mutt has put into an mbox.
fn fresh_id(rng: &mut dyn Random) -> String {
    let id = hex(&bytes::<16>(rng));
    format!("Message-ID: <{id}@poste>\nStatus: RO\nContent-Length: 12\nLines: 3\n")
}

/// The Message-ID of a message.
pub fn message_id(message: &[u8]) -> String {
    let parts = fields::split(message).unwrap();
    text_of(&parts.fields, "Message-ID").unwrap().trim().to_owned()
}
