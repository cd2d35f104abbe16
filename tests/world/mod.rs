//! A small world for tests: homes in temporary directories, relays in memory, a clock that the
//! test moves, and repeatable randomness. The verbs run in it as they do in the program.
#![allow(dead_code, clippy::unwrap_used)]

pub mod craft;

use poste::client::env::{Ask, Env, Network};
use poste::client::error::Error;
use poste::client::sync::{self, Options, Report};
use poste::client::{init, own, people, queue, read};
use poste::core::bucket::{Bucket, CELL, Class, Prefix};
use poste::core::random::{Random, below};
use poste::core::time::Time;
use poste::net::{self, Address, Answer, Cause, Courier, Fetched, Heard};
use poste::store::config::Config;
use poste::store::home::{Home, Places};
use poste::store::petname::Petname;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Repeatable random numbers (splitmix64); good enough for tests alone.
pub struct Dice(pub u64);

impl Random for Dice {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A relay in memory, which can be told to misbehave.
#[derive(Default)]
pub struct Relay {
    /// Cells by bucket.
    pub buckets: BTreeMap<Bucket, Vec<[u8; CELL]>>,
    /// Every POST, in order: bucket and number of cells.
    pub posts: Vec<(Bucket, usize)>,
    /// Nobody is reached.
    pub down: bool,
    /// It takes nothing any more.
    pub full: bool,
    /// It says that it took what it drops.
    pub swallows: bool,
    /// Seconds by which its clock is wrong.
    pub skew: i64,
    /// It says nothing of the time.
    pub silent: bool,
    /// Of a hundred cells it loses so many, and says that it took them.
    pub loses: u64,
    lots: Lots,
}

/// Draws which cells are lost.
struct Lots(Dice);

impl Default for Lots {
    fn default() -> Lots {
        Lots(Dice(10))
    }
}

/// All relays and cards of the world.
#[derive(Default)]
pub struct World {
    pub relays: Mutex<BTreeMap<String, Arc<Mutex<Relay>>>>,
    pub documents: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Every document asked for.
    pub asked: Mutex<Vec<String>>,
    now: Cell<u64>,
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

    pub fn relay(&self, url: &str) -> Arc<Mutex<Relay>> {
        self.relays.lock().unwrap().entry(url.to_owned()).or_default().clone()
    }
}

struct InMemory {
    url: String,
    relay: Arc<Mutex<Relay>>,
    now: Time,
}

impl InMemory {
    fn heard(&self, relay: &Relay) -> Heard {
        let said = (self.now.unix() as i64 + relay.skew) as u64;
        Heard { date: (!relay.silent).then_some(Time::from_unix(said)), trusted: true }
    }

    fn offline(&self, doing: &str) -> net::Error {
        let cause = Cause::Offline("connection refused".into());
        net::Error { node: self.url.clone(), doing: doing.into(), cause, heard: Heard::default() }
    }
}

impl Courier for InMemory {
    fn post(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, net::Error> {
        let mut relay = self.relay.lock().unwrap();
        if relay.down {
            return Err(self.offline("posting"));
        }
        if relay.full {
            let (node, doing) = (self.url.clone(), "posting".into());
            return Err(net::Error { node, doing, cause: Cause::Full, heard: self.heard(&relay) });
        }
        if !bucket.is_open(self.now) {
            let (node, doing) = (self.url.clone(), "posting".into());
            let cause = Cause::WrongPeriod;
            return Err(net::Error { node, doing, cause, heard: self.heard(&relay) });
        }
        assert!(cells.len().is_multiple_of(CELL) && !cells.is_empty());
        relay.posts.push((bucket, cells.len() / CELL));
        for cell in cells.as_chunks::<CELL>().0 {
            let lost = below(&mut relay.lots.0, 100) < relay.loses;
            if !lost && !relay.swallows {
                relay.buckets.entry(bucket).or_default().push(*cell);
            }
        }
        Ok(self.heard(&relay))
    }

    fn fetch(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        _limit: u64,
    ) -> Result<Answer<Fetched>, net::Error> {
        let mut relay = self.relay.lock().unwrap();
        if relay.down {
            return Err(self.offline("fetching"));
        }
        relay.buckets.retain(|bucket, _| !bucket.is_wiped(self.now));
        let daily_open = bucket.class() == Class::Daily && !bucket.is_closed(self.now);
        let body = if bucket.is_wiped(self.now) {
            Fetched::Wiped
        } else if bucket.opens() > self.now || daily_open {
            Fetched::NotYet
        } else {
            let mut cells = relay.buckets.get(&bucket).cloned().unwrap_or_default();
            cells.retain(|cell| prefix.matches(cell));
            cells.sort_unstable();
            Fetched::Cells(cells.as_flattened().to_vec())
        };
        Ok(Answer { body, heard: self.heard(&relay) })
    }

    fn tidy(&self, _now: Time) -> Result<(), net::Error> {
        Ok(())
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
        Ok(Box::new(InMemory { relay: self.relay(&url), url, now: self.now() }))
    }

    fn document(
        &self,
        address: &Address,
        _rng: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, net::Error> {
        self.asked.lock().unwrap().push(address.as_str().to_owned());
        let documents = self.documents.lock().unwrap();
        match documents.get(address.as_str()) {
            Some(body) => Ok(Answer { body: body.clone(), heard: Heard::default() }),
            None => Err(net::Error {
                node: address.as_str().into(),
                doing: "fetching".into(),
                cause: Cause::Absent,
                heard: Heard::default(),
            }),
        }
    }

    fn put(
        &self,
        address: &Address,
        document: &[u8],
        _rng: &mut dyn Random,
    ) -> Result<Heard, net::Error> {
        let mut documents = self.documents.lock().unwrap();
        documents.insert(address.as_str().to_owned(), document.to_vec());
        Ok(Heard::default())
    }
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
        let dir = tempfile::tempdir().unwrap();
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
            rng: &mut *dice,
            network: self.world,
            ask: &Nobody,
            warn: &warn,
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
        self.with(|env| people::accept(env, &path, &petname(name))).unwrap();
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
