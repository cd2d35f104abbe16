//! The book of what was written, and what must have become of it. Every letter is on its
//! addressee's disk exactly once, and its copy exactly once on its author's, but for two things
//! that a disk restored from a backup has forgotten by right. What had come between the backup and
//! its restoration is gone with the disk: it counts as come, and may come again, but not twice.
//! What was written in that time and had not come by its end is gone too: it may come, or not.

use poste::core::time::Time;
use std::collections::BTreeMap;

/// A letter.
pub struct Letter {
    pub from: usize,
    pub to: usize,
    pub written: Time,
    /// It was on the addressee's disk when that disk was replaced by an older one.
    pub had: bool,
    /// Its author's disk was replaced by one that is older than the letter.
    pub gone: bool,
}

/// All letters by number, which is in their text.
#[derive(Default)]
pub struct Ledger {
    pub letters: Vec<Letter>,
}

/// How often each letter is on somebody's disk: come, and as an own copy.
#[derive(Default, Clone)]
pub struct Shelf {
    pub come: BTreeMap<usize, usize>,
    pub copies: BTreeMap<usize, usize>,
    /// Messages that are no letters of the ledger.
    pub strange: Vec<String>,
}

impl Ledger {
    pub fn write(&mut self, from: usize, to: usize, written: Time) -> usize {
        self.letters.push(Letter { from, to, written, had: false, gone: false });
        self.letters.len() - 1
    }

    /// The text of a letter, at least `length` bytes.
    pub fn text(number: usize, length: usize) -> String {
        let mut text = format!("letter {number}.");
        while text.len() < length {
            text.push_str(" and so on");
        }
        text
    }

    /// The number of a letter by its text.
    pub fn number(text: &str) -> Option<usize> {
        text.strip_prefix("letter ")?.split_once('.')?.0.parse().ok()
    }

    /// The disk of `who`, which holds `shelf`, is replaced by one that is as it was at `then`.
    pub fn restored(&mut self, who: usize, then: Time, shelf: &Shelf) {
        for (number, letter) in self.letters.iter_mut().enumerate() {
            letter.had |= letter.to == who && shelf.come.contains_key(&number);
            letter.gone |= letter.from == who && letter.written >= then;
        }
    }

    /// What is wrong, by letter, with what lies on everybody's disks.
    pub fn wrong(&self, shelves: &[Shelf]) -> Vec<(usize, String)> {
        let mut wrong = Vec::new();
        for (number, letter) in self.letters.iter().enumerate() {
            let times = |of: &BTreeMap<usize, usize>| of.get(&number).copied().unwrap_or_default();
            let come: Vec<usize> = shelves.iter().map(|shelf| times(&shelf.come)).collect();
            let least = usize::from(!letter.had && !letter.gone);
            let here = come[letter.to];
            if here < least || here > 1 || come.iter().sum::<usize>() != here {
                wrong.push((number, format!("came {here} times")));
            }
            let copies = times(&shelves[letter.from].copies);
            if copies != usize::from(!letter.gone) {
                wrong.push((number, format!("has {copies} copies")));
            }
        }
        for (who, shelf) in shelves.iter().enumerate() {
            wrong.extend(shelf.strange.iter().map(|text| (usize::MAX, format!("{who}: {text}"))));
        }
        wrong
    }
}
