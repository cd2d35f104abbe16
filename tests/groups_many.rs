//! Twelve people, a group, two hundred things that happen to it and in it, relays that lose cells
//! and people who sleep for days. In the end all members see the same group, and every letter has
//! reached exactly those who were members for its author when it was sent, exactly once. Whatever
//! goes wrong is repeated by its seed: GROUPS_SEED=7 cargo test --test groups_many.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::groups::Part;
use poste::client::{groups, queue};
use poste::core::keys::{Fingerprint, LetterId};
use poste::core::random::below;
use poste::core::time::{HOUR, MINUTE};
use poste::store::outbox::{self, State};
use std::collections::{BTreeMap, BTreeSet};
use world::{Dice, Person, World, petname};

const NAMES: [&str; 12] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "lena",
];
const RELAYS: [&str; 2] = ["https://one.example", "https://two.example"];
/// Those who are at their machine every other day alone.
const SLEEPERS: [usize; 3] = [5, 8, 11];
const HAPPENINGS: usize = 200;

struct Town<'w> {
    world: &'w World,
    people: Vec<Person<'w>>,
    prints: Vec<Fingerprint>,
    dice: Dice,
    /// What was written, and to whom it went.
    sent: BTreeMap<String, BTreeSet<usize>>,
    /// Of which text and addressee a letter is.
    letters: BTreeMap<LetterId, (String, usize)>,
    /// Letters that were taken back.
    dropped: BTreeSet<LetterId>,
    acts: BTreeMap<&'static str, usize>,
    errors: BTreeSet<String>,
    asleep: bool,
}

impl<'w> Town<'w> {
    fn new(world: &'w World, seed: u64) -> Town<'w> {
        for (at, url) in RELAYS.iter().enumerate() {
            let relay = world.relay(url);
            let faults = &mut relay.lock().unwrap().faults;
            faults.dice = Dice(seed * 7 + at as u64);
            (faults.lost, faults.missing, faults.doubled, faults.replayed) = (10, 5, 5, 20);
            (faults.refused, faults.unanswered, faults.cut) = (5, 5, 5);
            faults.shuffled = true;
        }
        let person =
            |(at, name): (usize, &&str)| Person::new(world, name, seed * 1000 + at as u64, &RELAYS);
        let people: Vec<Person<'w>> = NAMES.iter().enumerate().map(person).collect();
        let prints = people.iter().map(Person::fingerprint).collect();
        let town = Town {
            world,
            people,
            prints,
            dice: Dice(seed),
            sent: BTreeMap::new(),
            letters: BTreeMap::new(),
            dropped: BTreeSet::new(),
            acts: BTreeMap::new(),
            errors: BTreeSet::new(),
            asleep: true,
        };
        // Everybody knows the first, and the first everybody.
        let (alice, others) = town.people.split_first().unwrap();
        for (name, other) in NAMES[1..].iter().zip(others) {
            alice.add(name, other);
            other.add("alice", alice);
        }
        town
    }

    fn draw(&mut self, bound: usize) -> usize {
        below(&mut self.dice, bound as u64) as usize
    }

    fn note(&mut self, what: &'static str) {
        *self.acts.entry(what).or_default() += 1;
    }

    /// What one does in a group, which may be refused.
    fn part(&mut self, who: usize, part: Part, on: usize, what: &'static str) {
        let fingerprint = self.prints[on];
        let contact = self.people[who].with(|env| {
            let (all, _) = poste::store::contacts::Contact::load_all(env.home.places()).unwrap();
            all.into_iter().find(|c| c.fingerprint == fingerprint).map(|c| c.petname.to_string())
        });
        let Some(name) = contact else { return };
        if self.people[who].part("us", part, &[&name]).is_ok() {
            self.note(what);
        }
        self.taken_back(who);
    }

    fn taken_back(&mut self, who: usize) {
        let items = outbox::load(&self.people[who].places()).unwrap().0;
        let dropped = items.iter().filter(|item| item.state() == State::Dropped);
        self.dropped.extend(dropped.map(|item| item.id));
    }

    fn index(&self, who: &Fingerprint) -> usize {
        self.prints.iter().position(|known| known == who).unwrap()
    }

    fn send(&mut self, who: usize, text: String) {
        let person = &self.people[who];
        let Ok(_) = person.with(|env| groups::load(env, &petname("us"))) else { return };
        let mail = format!("Subject: {text}\n\n{text}\n");
        let name = [petname("us")];
        let Ok(ids) = person.with(|env| queue::send(env, &name, mail.as_bytes(), false)) else {
            return;
        };
        let members = person.members("us");
        let items = outbox::load(&person.places()).unwrap().0;
        let items = items.into_iter().filter(|item| ids.contains(&item.id));
        let to: BTreeMap<LetterId, usize> =
            items.map(|item| (item.id, self.index(&item.to))).collect();
        let others = members.iter().map(|m| self.index(m)).filter(|member| *member != who);
        let others: BTreeSet<usize> = others.collect();
        assert_eq!(others, to.values().copied().collect(), "a copy for each member");
        for (id, reader) in to {
            self.letters.insert(id, (text.clone(), reader));
        }
        self.sent.insert(text, others);
        self.note("send");
    }

    /// Something happens.
    fn happen(&mut self, number: usize) {
        let count = NAMES.len();
        let (who, on) = (self.draw(count), self.draw(count));
        let boss = if self.draw(2) == 0 { 0 } else { self.draw(count) };
        match self.draw(100) {
            0..50 => self.send(who, format!("letter {number} of {}", NAMES[who])),
            50..74 => self.part(boss, Part::Add, on, "add"),
            74..80 => self.part(boss, Part::Remove, on, "remove"),
            80..86 => self.part(0, Part::Keep, on, "keep"),
            86..89 => self.part(0, Part::Dismiss, on, "dismiss"),
            89..92 => {
                // The one who asks all others in stays.
                if who > 0 && self.people[who].leave("us").is_ok() {
                    self.note("leave");
                }
            }
            _ => {
                let title = format!("us {number}");
                let us = petname("us");
                let done = self.people[boss].with(|env| groups::change(env, &us, &title).is_ok());
                if done {
                    self.note("rename");
                }
            }
        }
    }

    /// An hour in which everybody who is awake syncs, at different minutes.
    fn hour(&mut self, hour: usize) {
        let begun = self.world.now();
        for who in 0..NAMES.len() {
            let sleeps = self.asleep && SLEEPERS.contains(&who) && hour % 45 != 7 + who;
            if !sleeps {
                self.join(who);
                let report = self.people[who].sync();
                // Without the figures, which differ each time.
                let plain = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
                self.errors.extend(report.errors.into_iter().map(plain));
                self.taken_back(who);
            }
            self.world.pass(3 * MINUTE);
        }
        let gone = self.world.now().since(begun);
        self.world.pass(HOUR - gone);
    }

    /// Whoever is asked in accepts, most of the time.
    fn join(&mut self, who: usize) {
        if !self.people[who].is_invited() || self.draw(4) == 0 {
            return;
        }
        let rows = self.people[who].with(|env| groups::list(env)).unwrap();
        match rows.iter().find(|row| row.name == "us") {
            None => self.people[who].join("us"),
            // Asked in once more.
            Some(_) => {
                let us = petname("us");
                self.people[who].with(|env| groups::accept(env, "us", &us, false)).unwrap();
            }
        }
        self.note("join");
    }

    /// How often each text has come to somebody, in whatever folder.
    fn came(&self, who: usize) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        let mail = self.people[who].places().mail();
        for folder in std::fs::read_dir(mail).unwrap() {
            let folder = folder.unwrap().file_name().into_string().unwrap();
            for message in self.people[who].messages(&folder) {
                let text = message.split_once("\n\n").unwrap().1.trim_end().to_owned();
                let own = message.contains(&format!("\nFrom: {}@poste\n", self.prints[who]));
                if !own && text.starts_with("letter ") {
                    *count.entry(text).or_default() += 1;
                }
            }
        }
        count
    }
}

#[test]
fn all_views_converge_and_every_letter_comes_once_to_those_who_were_members() {
    let seed = std::env::var("GROUPS_SEED").map_or(7, |text| text.parse().unwrap());
    let world = World::at("2026-11-02T06");
    let mut town = Town::new(&world, seed);
    town.people[0].found("us", &NAMES[1..8]);
    for hour in 0..6 {
        town.hour(hour);
    }
    for number in 0..HAPPENINGS {
        town.happen(number);
        if number % 3 == 2 {
            town.hour(number / 3);
        }
    }
    let still = town.acts.clone();
    town.asleep = false;
    for hour in 0..16 * 24 {
        town.hour(hour);
        let quiet = |person: &Person<'_>| {
            let items = outbox::load(&person.places()).unwrap().0;
            let open = items.iter().filter(|item| item.is_waiting());
            let rows = person.with(|env| groups::list(env)).unwrap();
            let inside = rows.iter().any(|row| row.name == "us");
            let members = if inside { person.members("us") } else { BTreeSet::new() };
            let to_members =
                |item: &&outbox::Item| item.errand.is_none() || members.contains(&item.to);
            open.filter(to_members).count() == 0
        };
        // Who was taken out is told nothing, and writes to people who may never know them.
        let all = town.people[0].members("us");
        let mut inside = town.people.iter().filter(|person| all.contains(&person.fingerprint()));
        if hour > 3 * 24 && inside.all(quiet) {
            println!("quiet after {hour} hours");
            break;
        }
    }
    println!(
        "seed {seed}: {still:?}, {} letters, {} taken back",
        town.letters.len(),
        town.dropped.len()
    );
    println!("errors: {:?}", town.errors);
    let first = town.people[0].group("us");
    let members = town.people[0].members("us");
    println!("in the end {} members, {:?}", members.len(), first.title);
    for member in &members {
        let who = town.index(member);
        let row = town.people[who].group("us");
        assert_eq!(row.title, first.title, "the title for {}", NAMES[who]);
        let stand = |row: &groups::Row| -> BTreeMap<Fingerprint, &'static str> {
            // Whoever was not there when somebody left sees them as removed.
            let out = |state| if state == "left" { "removed" } else { state };
            row.people.iter().map(|m| (m.fingerprint, out(m.state))).collect()
        };
        assert_eq!(stand(&row), stand(&first), "the group for {}", NAMES[who]);
    }
    let came: Vec<BTreeMap<String, usize>> = (0..NAMES.len()).map(|who| town.came(who)).collect();
    let dropped: BTreeSet<&(String, usize)> =
        town.dropped.iter().filter_map(|id| town.letters.get(id)).collect();
    for (text, to) in &town.sent {
        for (who, came) in came.iter().enumerate() {
            let count = came.get(text).copied().unwrap_or_default();
            let key = (text.clone(), who);
            match to.contains(&who) {
                true if dropped.contains(&key) => assert!(count <= 1, "{text} for {}", NAMES[who]),
                true => assert_eq!(count, 1, "{text} for {}", NAMES[who]),
                false => assert_eq!(count, 0, "{text} for {}", NAMES[who]),
            }
        }
    }
    assert!(still["send"] > 40 && still["join"] > 6 && still["remove"] > 1, "{still:?}");
    let losses: u64 =
        RELAYS.iter().map(|url| world.relay(url).lock().unwrap().faults.count.lost).sum();
    assert!(losses > 100, "{losses} cells were lost");
}
