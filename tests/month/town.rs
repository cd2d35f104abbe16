//! Twenty people, their habits and their relays, and the days that pass. Everything that happens
//! is drawn from the seed; what happened to whom is kept, to be shown when something is wrong.

use crate::habit::Habit;
use crate::ledger::{Ledger, Shelf};
use crate::world::faults::Count;
use crate::world::{Dice, Person, World, petname};
use poste::client::error::Kind;
use poste::client::read::{self, Reader};
use poste::client::{people, queue};
use poste::core::keys::LetterId;
use poste::core::random::{below, shuffle};
use poste::core::time::{DAY, HOUR, MINUTE, Time};
use poste::store::outbox::{self, State};
use poste::store::requests::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub const NAMES: [&str; 20] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
    "lena", "mike", "nina", "oscar", "peggy", "quinn", "rupert", "sybil", "trent",
];

/// Somebody, and what happened to them.
pub struct Someone<'w> {
    pub person: Person<'w>,
    pub habit: Habit,
    /// Whom they have added or accepted.
    pub knows: BTreeSet<usize>,
    /// Whom they will add and write to when they are next at their machine.
    pub to_meet: BTreeSet<usize>,
    pub diary: Vec<String>,
    /// Attempts at each letter that is on its way.
    tries: BTreeMap<LetterId, u32>,
}

/// What was done, in numbers.
#[derive(Default, Debug)]
pub struct Figures {
    pub syncs: usize,
    pub fetched: usize,
    pub posted: usize,
    pub quarantined: usize,
    pub attempts: usize,
    /// Soft errors by what they say, names left out.
    pub errors: BTreeMap<String, usize>,
}

pub struct Town<'w> {
    pub seed: u64,
    pub world: &'w World,
    pub start: Time,
    pub people: Vec<Someone<'w>>,
    pub ledger: Ledger,
    pub figures: Figures,
    pub dice: Dice,
    pub writing: bool,
    slot: Time,
}

impl<'w> Town<'w> {
    pub fn new(world: &'w World, seed: u64, habits: &[Habit], relays: &[String]) -> Town<'w> {
        let mut dice = Dice(seed);
        let people = habits.iter().zip(NAMES).enumerate().map(|(at, (habit, name))| {
            let mut nodes: Vec<&str> = relays.iter().map(String::as_str).collect();
            shuffle(&mut dice, &mut nodes);
            nodes.truncate(2 + at % 2);
            let person = Person::new(world, name, seed * 1000 + at as u64, &nodes);
            let (knows, to_meet) = (BTreeSet::new(), BTreeSet::new());
            Someone {
                person,
                habit: *habit,
                knows,
                to_meet,
                diary: Vec::new(),
                tries: BTreeMap::new(),
            }
        });
        let people = people.collect();
        let now = world.now();
        Town {
            seed,
            world,
            start: now.day().start(),
            people,
            ledger: Ledger::default(),
            figures: Figures::default(),
            dice,
            writing: true,
            slot: now.day().start() + (now.unix() % DAY / HOUR) * HOUR,
        }
    }

    /// The day of the month.
    pub fn day(&self) -> u64 {
        self.slot.since(self.start) / DAY
    }

    /// Whether today is the first of these half hours on the day.
    pub fn half_hour(&mut self) {
        self.slot = self.slot + HOUR / 2;
        let mut awake: Vec<(u64, usize)> = Vec::new();
        for who in 0..self.people.len() {
            if self.people[who].habit.is_awake(self.start, self.slot) {
                awake.push((11 * MINUTE + below(&mut self.dice, 13 * MINUTE), who));
            }
        }
        awake.sort_unstable();
        for (late, who) in awake {
            let now = self.slot + late;
            self.world.pass(now.since(self.world.now()));
            self.wake(who);
        }
    }

    fn wake(&mut self, who: usize) {
        for other in std::mem::take(&mut self.people[who].to_meet) {
            self.meet(who, other);
            self.write(who, other);
        }
        if below(&mut self.dice, 100) < 40 {
            self.accept(who);
        }
        let known: Vec<usize> = self.people[who].knows.iter().copied().collect();
        if self.writing && below(&mut self.dice, 1000) < self.people[who].habit.zeal() {
            let to = known[below(&mut self.dice, known.len() as u64) as usize];
            self.write(who, to);
        }
        self.sync(who);
    }

    /// Somebody adds somebody by link.
    pub fn meet(&mut self, who: usize, other: usize) {
        let link = self.people[other].person.link();
        let name = petname(NAMES[other]);
        let someone = &mut self.people[who];
        let added = someone.person.with(|env| people::add(env, &name, &link, None, false));
        match added {
            Ok(_) => {
                someone.knows.insert(other);
                self.note(who, format!("adds {}", NAMES[other]));
            }
            // The host of the card is not there: tomorrow then.
            Err(error) => {
                someone.to_meet.insert(other);
                self.note(who, format!("cannot add {}: {}", NAMES[other], error.what));
            }
        }
    }

    fn accept(&mut self, who: usize) {
        let (requests, _) = Request::load_all(&self.people[who].person.places()).unwrap();
        for request in requests {
            let fingerprint = |s: &Someone<'_>| s.person.card().card.fingerprint();
            let is = |s: &Someone<'_>| fingerprint(s) == request.fingerprint;
            let other = self.people.iter().position(is).expect("nobody else writes");
            let (digits, name) = (request.fingerprint.to_string(), petname(NAMES[other]));
            let someone = &mut self.people[who];
            someone.person.with(|env| people::accept(env, &digits, &name, false)).unwrap();
            someone.knows.insert(other);
            self.note(who, format!("accepts {}", NAMES[other]));
        }
    }

    pub fn write(&mut self, who: usize, to: usize) {
        if !self.people[who].knows.contains(&to) {
            return;
        }
        let number = self.ledger.write(who, to, self.world.now());
        // Most are one cell long, some are longer.
        let length = match below(&mut self.dice, 20) {
            0 => 9_000,
            1 | 2 => 4_000,
            _ => 0,
        };
        let mail = format!("Subject: x\n\n{}\n", Ledger::text(number, length));
        let name = petname(NAMES[to]);
        let sent = self.people[who]
            .person
            .with(|env| queue::send(env, &[name], mail.as_bytes(), false))
            .unwrap_or_else(|error| {
                panic!("seed {}: {} cannot write: {}", self.seed, NAMES[who], error.what)
            });
        self.note(who, format!("writes letter {number} to {}, {}", NAMES[to], sent[0]));
    }

    fn sync(&mut self, who: usize) {
        let report = self.people[who].person.sync();
        self.figures.syncs += 1;
        self.figures.fetched += report.fetched;
        self.figures.posted += report.posted;
        self.figures.quarantined += report.quarantined;
        assert!(
            matches!(report.failure(), None | Some(Kind::Offline)),
            "seed {}: {} at {}: {:?}",
            self.seed,
            NAMES[who],
            self.world.now().iso(),
            report.errors
        );
        for error in &report.errors {
            let words = error.split(": ").last().unwrap_or_default();
            let words: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
            *self.figures.errors.entry(words).or_default() += 1;
        }
        if !report.letters.is_empty() || report.acknowledged > 0 || report.quarantined > 0 {
            let text = format!(
                "gets {:?}, {} acknowledged, {} quarantined",
                report.letters, report.acknowledged, report.quarantined
            );
            self.note(who, text);
        }
        let someone = &mut self.people[who];
        for item in outbox::load(&someone.person.places()).unwrap().0 {
            let known = someone.tries.insert(item.id, item.tries).unwrap_or_default();
            self.figures.attempts += item.tries.saturating_sub(known) as usize;
        }
        for warning in self.people[who].person.warnings.take() {
            self.note(who, warning);
        }
    }

    pub fn note(&mut self, who: usize, text: String) {
        let now = self.world.now().iso();
        self.people[who].diary.push(format!("{now} {}: {text}", NAMES[who]));
    }

    /// Letters that are still on their way, by author.
    pub fn waiting(&self) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        for (who, someone) in self.people.iter().enumerate() {
            let rows = someone.person.outbox();
            let rows = rows.iter().filter(|row| row.state != State::Acknowledged);
            all.extend(rows.map(|row| (who, row.id.to_string())));
        }
        all
    }

    /// What lies on everybody's disks.
    pub fn shelves(&self) -> Vec<Shelf> {
        (0..self.people.len()).map(|who| self.shelf(who)).collect()
    }

    pub fn shelf(&self, who: usize) -> Shelf {
        let person = &self.people[who].person;
        let own = person.card().card.fingerprint().to_string();
        let mut shelf = Shelf::default();
        person.with(|env| {
            let reader = Reader::open(env).unwrap();
            for entry in read::list(env, None, false, None).unwrap() {
                let message = String::from_utf8(reader.read(env, &entry).unwrap()).unwrap();
                let (head, body) = message.split_once("\n\n").unwrap();
                match Ledger::number(body) {
                    Some(number) if head.contains(&format!("\nFrom: {own}@")) => {
                        *shelf.copies.entry(number).or_default() += 1;
                    }
                    Some(number) => *shelf.come.entry(number).or_default() += 1,
                    None => shelf.strange.push(message.chars().take(400).collect()),
                }
            }
        });
        shelf
    }

    /// Copies the home of somebody.
    pub fn back_up(&self, who: usize) -> Backup {
        let dir = crate::world::scratch();
        copy(&self.people[who].person.dir.path().join("home"), &dir.path().join("home"));
        Backup { dir, at: self.world.now(), knows: self.people[who].knows.clone() }
    }

    /// Puts a home back as it was.
    pub fn restore(&mut self, who: usize, backup: &Backup) {
        let shelf = self.shelf(who);
        self.ledger.restored(who, backup.at, &shelf);
        let home = self.people[who].person.dir.path().join("home");
        fs::remove_dir_all(&home).unwrap();
        copy(&backup.dir.path().join("home"), &home);
        self.people[who].knows = backup.knows.clone();
        self.note(who, format!("is restored as of {}", backup.at.iso()));
    }

    /// What the relays did.
    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for relay in self.world.relays.lock().unwrap().values() {
            count += relay.lock().unwrap().faults.count;
        }
        count
    }

    /// All that is known of a letter: what its author and its addressee wrote in their diaries
    /// since, and the state of the exchange between them.
    pub fn history(&self, number: usize) -> String {
        let Some(letter) = self.ledger.letters.get(number) else { return String::new() };
        let (from, to) = (&self.people[letter.from], &self.people[letter.to]);
        let since = letter.written.iso();
        let mut lines: Vec<&String> = from.diary.iter().chain(&to.diary).collect();
        lines.retain(|line| line[..since.len()] >= since[..]);
        lines.sort();
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        let items = outbox::load(&from.person.places()).unwrap().0;
        let fingerprint = to.person.card().card.fingerprint();
        let items: Vec<_> = items.iter().filter(|item| item.to == fingerprint).collect();
        format!(
            "letter {number} from {} ({:?}) to {} ({:?}), written {since}\n{}\n{items:#?}\n\
             {:?}\n{:?}\n",
            from.person.config.name,
            from.habit,
            to.person.config.name,
            to.habit,
            lines.join("\n"),
            from.person.peer(&to.person),
            to.person.peer(&from.person),
        )
    }
}

/// A copy of a home.
pub struct Backup {
    dir: tempfile::TempDir,
    at: Time,
    knows: BTreeSet<usize>,
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(&target).unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
