//! A small world for tests: homes in temporary directories, relays in memory, a clock that the
//! test moves, and repeatable randomness. The verbs run in it as they do in the program.
#![allow(dead_code, clippy::unwrap_used)]

pub mod circle;
pub mod craft;
#[path = "../common/dice.rs"]
mod dice;
pub mod faults;
pub mod film;
mod relay;

pub use dice::Dice;
pub use relay::Relay;

use poste::client::env::{Ask, Env, Network, Watch};
use poste::client::error::Error;
use poste::client::starter::Starter;
use poste::client::sync::{self, Options, Report};
use poste::client::{init, own, people, queue, read};
use poste::core::bucket::Bucket;
use poste::core::card::SignedCard;
use poste::core::random::Random;
use poste::core::time::Time;
use poste::net::{self, Address, Answer, Cause, Courier, Heard};
use poste::store::config::Config;
use poste::store::home::{Home, Places};
use poste::store::petname::Petname;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// All relays and cards of the world.
#[derive(Default)]
pub struct World {
    pub relays: Mutex<BTreeMap<String, Arc<Mutex<Relay>>>>,
    pub documents: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Every document asked for.
    pub asked: Mutex<Vec<String>>,
    /// The host of the cards is not there.
    pub documents_down: Cell<bool>,
    /// Every request, in order: what a node or host sees of it.
    pub trace: Arc<Mutex<Vec<String>>>,
    /// How long nothing was done, on purpose.
    pub elapsed: Cell<Duration>,
    now: Cell<u64>,
}

/// Time passes by waiting alone: nothing that is done in this world takes any.
impl Watch for World {
    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    fn wait_until(&self, moment: Duration) {
        if moment > self.elapsed.get() {
            self.elapsed.set(moment);
            self.note("still".into());
        }
    }
}

impl World {
    pub fn at(text: &str) -> World {
        let bucket: Bucket = format!("hourly/{text}").parse().unwrap();
        let world = World::default();
        world.now.set(bucket.start().unix() + 20 * 60);
        world
    }

    pub fn now(&self) -> Time {
        Time::from_unix(self.now.get())
    }

    pub fn pass(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }

    pub fn turn_back(&self, seconds: u64) {
        self.now.set(self.now.get() - seconds);
    }

    fn note(&self, line: String) {
        self.trace.lock().unwrap().push(line);
    }

    /// The host of the cards, if it is there.
    fn host(&self, address: &Address, doing: &str) -> Result<(), net::Error> {
        match self.documents_down.get() {
            true => Err(failed(address, doing, Cause::Offline("connection refused".into()))),
            false => Ok(()),
        }
    }

    pub fn relay(&self, url: &str) -> Arc<Mutex<Relay>> {
        self.relays.lock().unwrap().entry(url.to_owned()).or_default().clone()
    }
}

impl Network for World {
    fn courier(
        &self,
        address: &Address,
        rng: &mut dyn Random,
    ) -> Result<Box<dyn Courier>, net::Error> {
        if address.directory().is_some() {
            return net::Net::new(net::Options::default()).unwrap().courier(address, rng);
        }
        let url = address.as_str().to_owned();
        let (relay, trace) = (self.relay(&url), self.trace.clone());
        Ok(Box::new(relay::InMemory { relay, url, now: self.now(), trace }))
    }

    fn document(
        &self,
        address: &Address,
        limit: u64,
        _rng: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, net::Error> {
        self.note(format!("GET {address}"));
        self.asked.lock().unwrap().push(address.as_str().to_owned());
        self.host(address, "fetching")?;
        let documents = self.documents.lock().unwrap();
        let host = address.as_str().strip_suffix("/v1/volunteers");
        let list = host.map(|host| volunteers(&documents, host));
        match documents.get(address.as_str()).cloned().or(list) {
            Some(body) if body.len() as u64 > limit => {
                Err(failed(address, "fetching", Cause::TooLong { limit }))
            }
            Some(body) => Ok(Answer { body, heard: Heard::default() }),
            None => Err(failed(address, "fetching", Cause::Absent)),
        }
    }

    fn put(
        &self,
        address: &Address,
        document: &[u8],
        _rng: &mut dyn Random,
    ) -> Result<Heard, net::Error> {
        self.note(format!("PUT {address} {}", document.len()));
        self.host(address, "putting")?;
        let mut documents = self.documents.lock().unwrap();
        let issued = |bytes: &[u8]| SignedCard::parse(bytes).unwrap().card.issued;
        let kept = documents.get(address.as_str()).map(|kept| issued(kept));
        if kept > Some(issued(document)) {
            return Err(failed(address, "putting", Cause::Refused(400)));
        }
        documents.insert(address.as_str().to_owned(), document.to_vec());
        Ok(Heard::default())
    }
}

/// What an identity host at this address lists of the cards it has.
fn volunteers(documents: &BTreeMap<String, Vec<u8>>, host: &str) -> Vec<u8> {
    let here = documents.iter().filter(|(url, _)| url.starts_with(&format!("{host}/id/")));
    let cards = here.filter_map(|(_, card)| Some(SignedCard::parse(card).ok()?.card));
    let willing = cards.filter(|card| card.cover);
    willing.map(|card| format!("{}\n", own::link(&card))).collect::<String>().into_bytes()
}

fn failed(address: &Address, doing: &str, cause: Cause) -> net::Error {
    let node = address.as_str().into();
    net::Error { node, doing: doing.into(), cause, heard: Heard::default() }
}

/// Nobody can be asked for a passphrase.
struct Nobody;

impl Ask for Nobody {
    fn passphrase(&self, _wrong: bool) -> Result<Option<Zeroizing<String>>, Error> {
        Ok(None)
    }
}

/// A person with a home.
pub struct Person<'w> {
    pub world: &'w World,
    pub dir: tempfile::TempDir,
    pub config: Config,
    pub dice: RefCell<Dice>,
    pub warnings: RefCell<Vec<String>>,
    /// Seconds by which the person's own clock is wrong.
    pub skew: Cell<i64>,
}

pub const RELAY: &str = "https://relay.example";

impl<'w> Person<'w> {
    /// Somebody new, who listens on the usual relay, or on these.
    pub fn new(world: &'w World, name: &str, seed: u64, nodes: &[&str]) -> Person<'w> {
        let nodes = if nodes.is_empty() { &[RELAY] } else { nodes };
        let config = Config {
            name: name.to_owned(),
            urls: vec![format!("https://host.example/{name}.toml").parse().unwrap()],
            publish: vec![poste::store::config::Target::Put(
                format!("https://host.example/{name}.toml").parse().unwrap(),
            )],
            nodes: nodes.iter().map(|n| n.parse().unwrap()).collect(),
            stamp_bits: 8,
            ..Config::default()
        };
        let dir = scratch();
        let mut dice = Dice(seed);
        let places = Places::under(&dir.path().join("home"));
        init::create(places, &config, None, world.now(), &mut dice).unwrap();
        let person = Person {
            world,
            dir,
            config,
            dice: RefCell::new(dice),
            warnings: RefCell::default(),
            skew: Cell::new(0),
        };
        person.with(init::first_card).unwrap();
        person.publish();
        person
    }

    pub fn places(&self) -> Places {
        Places::under(&self.dir.path().join("home"))
    }

    /// Runs a verb as this person.
    pub fn with<T>(&self, verb: impl FnOnce(&mut Env<'_>) -> T) -> T {
        let home = Home::open(self.places()).unwrap();
        let clock = || Time::from_unix((self.world.now().unix() as i64 + self.skew.get()) as u64);
        let warn = |text: &str| self.warnings.borrow_mut().push(text.to_owned());
        let mut dice = self.dice.borrow_mut();
        let mut env = Env {
            home,
            config: self.config.clone(),
            clock: &clock,
            watch: self.world,
            rng: &mut *dice,
            network: self.world,
            starter: Starter::default(),
            hooks: String::new(),
            ask: &Nobody,
            warn: &warn,
            progress: &|_| {},
        };
        verb(&mut env)
    }

    pub fn publish(&self) {
        self.with(|env| {
            let card = poste::client::publish::current(env)?;
            poste::client::publish::publish(env, &card)
        })
        .unwrap();
    }

    pub fn link(&self) -> String {
        self.with(|env| own::load(env).map(|card| own::link(&card.card))).unwrap()
    }

    pub fn add(&self, name: &str, other: &Person<'_>) {
        let link = other.link();
        self.with(|env| people::add(env, &petname(name), &link, None, false)).unwrap();
    }

    pub fn accept(&self, name: &str) {
        let path = self.list(Some("requests"))[0].clone();
        self.with(|env| people::accept(env, &path, &petname(name), false)).unwrap();
    }

    pub fn send(&self, to: &str, text: &str) {
        let mail = format!("Subject: {text}\n\n{text}\n");
        self.with(|env| queue::send(env, &[petname(to)], mail.as_bytes(), false)).unwrap();
    }

    pub fn sync(&self) -> Report {
        self.with(|env| sync::sync(env, &Options::default())).unwrap()
    }

    pub fn sync_with(&self, options: &Options) -> Report {
        self.with(|env| sync::sync(env, options)).unwrap()
    }

    /// Paths of the messages in a folder, or everywhere.
    pub fn list(&self, folder: Option<&str>) -> Vec<String> {
        let folder = folder.map(|f| f.parse().unwrap());
        let entries = self.with(|env| read::list(env, folder.as_ref(), false, None)).unwrap();
        entries.iter().map(|e| e.path.display().to_string()).collect()
    }

    /// The messages of a folder as they are filed.
    pub fn messages(&self, folder: &str) -> Vec<String> {
        self.with(|env| {
            let reader = read::Reader::open(env)?;
            let folder = folder.parse().unwrap();
            let entries = read::list(env, Some(&folder), false, None)?;
            entries
                .iter()
                .map(|entry| Ok(String::from_utf8(reader.read(env, entry)?).unwrap()))
                .collect::<Result<Vec<_>, Error>>()
        })
        .unwrap()
    }

    /// The bodies of the messages in a folder.
    pub fn bodies(&self, folder: &str) -> Vec<String> {
        let body = |m: String| m.split_once("\n\n").unwrap().1.trim_end().to_owned();
        self.messages(folder).into_iter().map(body).collect()
    }

    pub fn outbox(&self) -> Vec<poste::client::outbox::Row> {
        self.with(|env| poste::client::outbox::list(env)).unwrap()
    }
}

/// A directory in memory where there is one: a world writes much, and all of it durably.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn petname(name: &str) -> Petname {
    name.parse().unwrap()
}

/// Two people who know each other, both directions through offers, and everything acknowledged
/// two minutes ago.
pub fn acquainted(world: &World) -> (Person<'_>, Person<'_>) {
    let (alice, bob) = (Person::new(world, "alice", 1, &[]), Person::new(world, "bob", 2, &[]));
    bob.add("alice", &alice);
    bob.send("alice", "hello");
    bob.sync();
    alice.sync();
    alice.accept("bob");
    alice.send("bob", "welcome");
    alice.sync();
    bob.sync();
    bob.send("alice", "thanks");
    bob.sync();
    alice.sync();
    bob.sync();
    world.pass(2 * 60);
    (alice, bob)
}

/// All different values.
pub fn distinct<T: std::hash::Hash + Eq>(items: impl IntoIterator<Item = T>) -> usize {
    items.into_iter().collect::<HashSet<_>>().len()
}
