//! Who links uploads: a relay, or all of them together, that knows which cells are from one person
//! (by the address, if no proxy hides it), and so sees the node and the 12 clear bits of each. It
//! does not know which cells are mail. Each week it names the digits at which, compared with what
//! cover alone would give, most came, and takes them for those of whom the person writes to most.
//!
//! A person has cells to post all day, so many on average: letters, acknowledgements and what else
//! is real. The first contact gets most, the second half as many, the third a third.

use super::dice::Dice;
use super::town::{CONTACTS, Rhythm, Town, visited};
use std::collections::VecDeque;

/// After how many weeks the observer is asked.
pub const WEEKS: [u64; 6] = [1, 2, 4, 8, 13, 26];
/// The longest wait that is told apart, in hours.
const LONGEST: usize = 24 * 14;

/// How mail is mixed with cover.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Nothing but mail, at once: `pace = 0`.
    Bare,
    /// So many cells to each node visited, mail first.
    Paced,
    /// The same, but the digits of each slot are drawn first, and only mail that has them goes there.
    Strict,
}

/// What is simulated.
#[derive(Clone, Copy)]
pub struct Habit {
    pub way: Way,
    /// Listen digits of everybody.
    pub digits: usize,
    /// Real cells that a person has to post in a day, on average.
    pub cells: f64,
}

/// What came of it, over all people.
pub struct Learnt {
    /// In what share of cases all relays together name the right digits, by `WEEKS`.
    pub all: [f64; WEEKS.len()],
    /// The same for one relay, the one at which the contact listens.
    pub one: [f64; WEEKS.len()],
    /// The share of real cells that was posted in the end.
    pub sent: f64,
    /// Hours that half of these waited at most, and 99 of 100.
    pub wait: [f64; 2],
}

/// The chance of each contact to be the one who gets the next cell.
pub fn shares() -> [f64; CONTACTS as usize] {
    let weights: [f64; CONTACTS as usize] = std::array::from_fn(|i| 1.0 / (i + 1) as f64);
    weights.map(|weight| weight / weights.iter().sum::<f64>())
}

/// Somebody who is written to.
struct Contact {
    digits: usize,
    /// Places of their nodes in the ring.
    nodes: [usize; 2],
    /// The syncs at which what waits for them was written.
    waiting: VecDeque<u64>,
}

/// A person and what the relays have seen of it.
struct Person {
    ring: Vec<u64>,
    contacts: Vec<Contact>,
    /// Cells by node and digits.
    seen: Vec<u32>,
    shards: usize,
}

/// What becomes of `people` people of a town.
pub fn simulate(town: &Town, rhythm: &Rhythm, habit: Habit, people: u64) -> Learnt {
    let mut learnt = Learnt { all: [0.0; _], one: [0.0; _], sent: 0.0, wait: [0.0; 2] };
    let mut waits = vec![0u64; LONGEST + 1];
    let mut written = 0;
    for number in 0..people {
        let mut dice = Dice::new(town.seed, number << 8 | habit.digits as u64);
        let mut person = Person::new(town, number, habit.digits);
        let mut asked = WEEKS.iter().enumerate();
        let mut next = asked.next();
        for sync in 0..WEEKS[WEEKS.len() - 1] * 7 * 24 * rhythm.syncs {
            written += person.write(&mut dice, sync, habit.cells / (24 * rhythm.syncs) as f64);
            let mut sent = |born: u64| {
                let hours = (sync - born) / rhythm.syncs;
                waits[(hours as usize).min(LONGEST)] += 1;
            };
            person.post(&mut dice, sync, rhythm, habit.way, &mut sent);
            if let Some((at, weeks)) = next
                && sync + 1 == weeks * 7 * 24 * rhythm.syncs
            {
                let favourite = &person.contacts[0];
                let right = |guess| f64::from(u8::from(guess == favourite.digits)) / people as f64;
                learnt.all[at] += right(person.guess(0..person.ring.len()));
                learnt.one[at] += right(person.guess(favourite.nodes[0]..favourite.nodes[0] + 1));
                next = asked.next();
            }
        }
    }
    let sent: u64 = waits.iter().sum();
    learnt.sent = sent as f64 / written.max(1) as f64;
    learnt.wait = [0.5, 0.99].map(|share| {
        let mut seen = 0;
        let at = waits.iter().position(|count| {
            seen += count;
            seen as f64 >= share * sent as f64
        });
        at.unwrap_or(LONGEST) as f64
    });
    learnt
}

impl Person {
    fn new(town: &Town, number: u64, digits: usize) -> Person {
        let mut ring = Vec::new();
        town.ring(number, &mut ring);
        let place = |node: u64| ring.binary_search(&node).unwrap_or_default();
        let contacts = town.contacts(number).map(|contact| Contact {
            digits: town.prefix(contact) >> (12 - 4 * digits),
            nodes: town.listens(contact).map(place),
            waiting: VecDeque::new(),
        });
        let contacts = contacts.collect();
        let shards = 1 << (4 * digits);
        Person { seen: vec![0; ring.len() * shards], ring, contacts, shards }
    }

    /// What is written between two syncs; says how much it is.
    fn write(&mut self, dice: &mut Dice, sync: u64, mean: f64) -> u64 {
        let count = dice.poisson(mean) as u64;
        let shares = shares();
        for _ in 0..count {
            let mut left = dice.unit();
            let to = shares.iter().position(|share| {
                left -= share;
                left < 0.0
            });
            self.contacts[to.unwrap_or_default()].waiting.push_back(sync);
        }
        count
    }

    fn post(
        &mut self,
        dice: &mut Dice,
        sync: u64,
        rhythm: &Rhythm,
        way: Way,
        sent: &mut impl FnMut(u64),
    ) {
        let Person { ring, contacts, seen, shards } = self;
        if way == Way::Bare {
            for contact in contacts {
                while let Some(born) = contact.waiting.pop_front() {
                    seen[contact.nodes[dice.below(2) as usize] * *shards + contact.digits] += 1;
                    sent(born);
                }
            }
            return;
        }
        let mut nodes: Vec<usize> = visited(ring, sync / rhythm.syncs, rhythm.visits).collect();
        // Of two nodes of a contact each is the first to be served as often.
        if dice.below(2) == 0 {
            nodes.reverse();
        }
        for node in nodes {
            let mut theirs: Vec<&mut Contact> = contacts
                .iter_mut()
                .filter(|contact| contact.nodes.contains(&node) && !contact.waiting.is_empty())
                .collect();
            for _ in 0..rhythm.pace {
                let drawn = dice.below(*shards as u64) as usize;
                let fitting = theirs
                    .iter_mut()
                    .filter(|contact| !contact.waiting.is_empty())
                    .filter(|contact| way == Way::Paced || contact.digits == drawn);
                let oldest = fitting.min_by_key(|contact| contact.waiting[0]);
                let digits = oldest.map_or(drawn, |contact| {
                    contact.waiting.pop_front().into_iter().for_each(&mut *sent);
                    contact.digits
                });
                seen[node * *shards + digits] += 1;
            }
        }
    }

    /// The digits at which the most came, for what was to be expected, at any of these nodes.
    fn guess(&self, nodes: std::ops::Range<usize>) -> usize {
        let mut best = (0.0, 0);
        for node in nodes {
            let seen = &self.seen[node * self.shards..(node + 1) * self.shards];
            let expected = f64::from(seen.iter().sum::<u32>()) / self.shards as f64;
            for (digits, count) in seen.iter().enumerate() {
                let surprise = surprise(f64::from(*count), expected);
                if surprise > best.0 {
                    best = (surprise, digits);
                }
            }
        }
        best.1
    }
}

/// By how much a count speaks for more than was expected: the logarithm of its likelihood under its
/// own mean to that under the expected one.
pub fn surprise(count: f64, expected: f64) -> f64 {
    if count > expected { count * (count / expected).ln() - count + expected } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Rhythm = Rhythm { pace: 4, visits: 3, syncs: 2 };
    const TOWN: Town = Town { people: 3000, nodes: 3, seed: 4 };

    /// Standard deviations by which the favourite's digits stand out in all that a paced person posts
    /// at one of the favourite's nodes in so many days, if a ring has `ring` nodes: what it is that a
    /// longer time, more mail, or less cover changes.
    fn stands_out(rhythm: &Rhythm, habit: Habit, ring: f64, days: f64) -> f64 {
        let there = (rhythm.pace * rhythm.visits * 24 * rhythm.syncs) as f64 / ring * days;
        let real = habit.cells * shares()[0] / 2.0 * days;
        let chance = 1.0 / f64::from(1u32 << (4 * habit.digits));
        (1.0 - chance) * real / (there * chance * (1.0 - chance)).sqrt()
    }

    #[test]
    fn nothing_real_is_found_where_nothing_is() {
        let habit = Habit { way: Way::Paced, digits: 1, cells: 0.0 };
        let learnt = simulate(&TOWN, &RHYTHM, habit, 100);
        // By chance 1 in 16 is right: 6 of 100, and more than 17 once in 10,000 towns.
        assert!(
            learnt.all.iter().chain(&learnt.one).all(|share| *share < 0.17),
            "{:?}",
            learnt.all
        );
    }

    #[test]
    fn strict_pacing_shows_nothing_and_delays() {
        let habit = Habit { way: Way::Strict, digits: 1, cells: 12.0 };
        let learnt = simulate(&TOWN, &RHYTHM, habit, 100);
        assert!(
            learnt.all.iter().chain(&learnt.one).all(|share| *share < 0.17),
            "{:?}",
            learnt.all
        );
        assert!(learnt.sent > 0.99, "{}", learnt.sent);
        let paced = simulate(&TOWN, &RHYTHM, Habit { way: Way::Paced, ..habit }, 20);
        assert!(paced.wait[1] < 2.0 && learnt.wait[1] >= 2.0, "{:?} {:?}", paced.wait, learnt.wait);
    }

    #[test]
    fn without_pace_the_favourite_shows_at_once() {
        let habit = Habit { way: Way::Bare, digits: 1, cells: 12.0 };
        let learnt = simulate(&TOWN, &RHYTHM, habit, 100);
        assert!(learnt.all[2] > 0.9, "{:?}", learnt.all);
    }

    /// With one contact at one node, the observer is right as often as the largest of 16 normal
    /// numbers is the one that is raised.
    #[test]
    fn one_relay_is_right_as_often_as_computed() {
        let habit = Habit { way: Way::Paced, digits: 1, cells: 4.0 };
        let learnt = simulate(&TOWN, &RHYTHM, habit, 400);
        let mut dice = Dice::new(1, 1);
        for (at, weeks) in WEEKS.into_iter().enumerate() {
            let raised = stands_out(&RHYTHM, habit, 3.0, 7.0 * weeks as f64);
            let mut right = 0.0;
            for _ in 0..20_000 {
                // The seven others are raised too, each by what it gets, at two of three nodes.
                let mut digits: [f64; 16] = std::array::from_fn(|_| dice.normal());
                digits[0] += raised;
                for share in &shares()[1..] {
                    if dice.below(3) > 0 {
                        digits[dice.below(16) as usize] += raised * share / shares()[0];
                    }
                }
                let best = (1..16).map(|i| digits[i]).fold(f64::MIN, f64::max);
                right += f64::from(u8::from(digits[0] > best)) / 20_000.0;
            }
            assert!((learnt.one[at] - right).abs() < 0.1, "{weeks}: {} {right}", learnt.one[at]);
        }
    }
}
