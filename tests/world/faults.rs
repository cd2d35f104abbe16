//! What a bad relay does to what passes through it. Each fault has a chance in percent; a relay
//! has none unless a test gives it some. What was done is counted, so that a test can show that it
//! was done at all.

use super::Dice;
use poste::core::bucket::{CELL, Prefix};
use poste::core::random::{below, shuffle};
use poste::net::Cause;

type Cell = [u8; CELL];

/// Cells of wiped buckets that a relay keeps, to serve them again.
const REMEMBERED: usize = 64;

pub struct Faults {
    pub dice: Dice,
    /// Cells lost when they are posted: nobody gets them.
    pub lost: u64,
    /// Cells left out of one download: the next one may have them, if there is a next one.
    pub missing: u64,
    /// Cells served twice.
    pub doubled: u64,
    /// Downloads to which cells of earlier buckets are added.
    pub replayed: u64,
    /// Downloads that end in the middle.
    pub cut: u64,
    /// POSTs that are refused, with 507 or 429 or 500.
    pub refused: u64,
    /// POSTs that are taken, but not answered.
    pub unanswered: u64,
    /// Whether what is served is in random order.
    pub shuffled: bool,
    pub count: Count,
    /// Cells of earlier buckets, to be served again.
    pub old: Vec<Cell>,
}

/// What was done so far.
#[derive(Clone, Copy, Default, Debug)]
pub struct Count {
    pub posted: u64,
    pub lost: u64,
    pub served: u64,
    pub missing: u64,
    pub doubled: u64,
    pub replayed: u64,
    pub cut: u64,
    pub refused: u64,
    pub unanswered: u64,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            dice: Dice(0),
            lost: 0,
            missing: 0,
            doubled: 0,
            replayed: 0,
            cut: 0,
            refused: 0,
            unanswered: 0,
            shuffled: false,
            count: Count::default(),
            old: Vec::new(),
        }
    }
}

impl Faults {
    fn happens(&mut self, percent: u64) -> bool {
        percent > 0 && below(&mut self.dice, 100) < percent
    }

    /// Why a POST is not taken, if it is not.
    pub fn refusal(&mut self) -> Option<Cause> {
        if !self.happens(self.refused) {
            return None;
        }
        self.count.refused += 1;
        Some(match below(&mut self.dice, 3) {
            0 => Cause::Full,
            1 => Cause::TooMany { retry_after: Some(600) },
            _ => Cause::Trouble(500),
        })
    }

    /// Whether the answer to a POST gets lost.
    pub fn goes_silent(&mut self) -> bool {
        let silent = self.happens(self.unanswered);
        self.count.unanswered += u64::from(silent);
        silent
    }

    /// What is kept of what was posted.
    pub fn upload(&mut self, cells: &[Cell]) -> Vec<Cell> {
        self.count.posted += cells.len() as u64;
        let kept: Vec<Cell> = cells.iter().filter(|_| !self.happens(self.lost)).copied().collect();
        self.count.lost += (cells.len() - kept.len()) as u64;
        kept
    }

    /// What is served, or after how many bytes the answer ends.
    pub fn download(&mut self, mut cells: Vec<Cell>, prefix: Prefix) -> Result<Vec<Cell>, u64> {
        self.count.served += cells.len() as u64;
        if !cells.is_empty() && self.happens(self.cut) {
            self.count.cut += 1;
            return Err(below(&mut self.dice, (cells.len() * CELL) as u64));
        }
        let whole = cells.len();
        cells.retain(|_| !self.happens(self.missing));
        self.count.missing += (whole - cells.len()) as u64;
        for at in 0..cells.len() {
            if self.happens(self.doubled) {
                self.count.doubled += 1;
                cells.push(cells[at]);
            }
        }
        if self.happens(self.replayed) {
            let before = cells.len();
            cells.extend(self.old.iter().filter(|cell| prefix.matches(&cell[..])));
            self.count.replayed += (cells.len() - before) as u64;
        }
        if self.shuffled {
            shuffle(&mut self.dice, &mut cells);
        }
        Ok(cells)
    }

    /// Keeps some of what is wiped, if it is ever served again.
    pub fn remember(&mut self, wiped: Vec<Cell>) {
        if self.replayed > 0 && !wiped.is_empty() {
            self.old.extend(wiped);
            let surplus = self.old.len().saturating_sub(REMEMBERED);
            self.old.drain(..surplus);
        }
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.posted += other.posted;
        self.lost += other.lost;
        self.served += other.served;
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.replayed += other.replayed;
        self.cut += other.cut;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
    }
}
