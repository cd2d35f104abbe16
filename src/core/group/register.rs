//! A register: all that one person says of a group, as it stands in letters and in the home. It is
//! read strictly and with its limits; who may say what is not decided here but in what follows from
//! all registers. Specified in poste-protocol(7), GROUPS.

use super::{MOST_ENTRIES, MOST_KEEPERS, MOST_LENGTH, TITLE_LENGTH};
use crate::core::encode::{base64, unbase64};
use crate::core::keys::Fingerprint;
use crate::core::printable::is_printable;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What one person says of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Register {
    /// The highest names the keepers.
    pub version: u64,
    /// The causal length at which its author has joined, 0 if never.
    pub accepted: u32,
    /// The causal length at which its author has left, 0 if never.
    pub left: u32,
    /// What the author would have the group called.
    pub title: Option<Title>,
    /// Whom the author has asked in and taken out.
    pub entries: BTreeMap<Fingerprint, Entry>,
}

/// What a register says of another person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// How often they were asked in and taken out: odd if they are in.
    pub length: u32,
    /// Whether they are named a keeper.
    pub keeper: bool,
}

/// A title, and how many there were before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Title {
    /// The highest counts.
    pub count: u32,
    /// 1 to 64 printable characters.
    pub text: String,
}

/// The rule that a register breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegister {
    /// No base64 of a fingerprint, a number, and perhaps `keeper`; or somebody twice.
    #[error("a line of its people is not one")]
    Entry,
    /// A number over its limit.
    #[error("a number in it is too high")]
    Length,
    /// More people or keepers than may be.
    #[error("it speaks of too many people")]
    Many,
    /// No title of 1 to 64 printable characters, or one without its number.
    #[error("its title is not one")]
    Title,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    version: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    accepted: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    left: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    titled: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    people: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Register {
    /// Whether it names somebody a keeper, who has to be in for that.
    pub fn keeps(&self, who: &Fingerprint) -> bool {
        self.entries.get(who).is_some_and(|entry| entry.keeper && entry.length % 2 == 1)
    }

    /// What an author has said who has said both, in whatever order: no counter falls and nobody
    /// vanishes, but who is a keeper is said by the newer one; of two with one version, which an
    /// honest author does not make, those are who are so by both. Of too many people the highest
    /// fingerprints are left out, which too comes to the same in any order.
    pub fn joined(self, other: Register) -> Register {
        let names = match self.version.cmp(&other.version) {
            Ordering::Greater => [&self, &self],
            Ordering::Equal => [&self, &other],
            Ordering::Less => [&other, &other],
        };
        let named = |by: &Register, who: &Fingerprint| {
            by.entries.get(who).is_some_and(|entry| entry.keeper)
        };
        let mut lengths: BTreeMap<Fingerprint, u32> = BTreeMap::new();
        for (who, entry) in self.entries.iter().chain(&other.entries) {
            let length = lengths.entry(*who).or_default();
            *length = entry.length.max(*length);
        }
        let entry = |(who, length): (Fingerprint, u32)| {
            (who, Entry { length, keeper: names.iter().all(|by| named(by, &who)) })
        };
        Register {
            version: self.version.max(other.version),
            accepted: self.accepted.max(other.accepted),
            left: self.left.max(other.left),
            entries: lengths.into_iter().take(MOST_ENTRIES).map(entry).collect(),
            title: self.title.max(other.title),
        }
    }

    /// Bytes by which its text is shorter than that of a register of as many people, rounded up to
    /// whole sixty-fours, with everything as long as can be.
    pub fn slack(&self) -> usize {
        const LINE: usize = 43 + 1 + 6 + 7 + 4;
        let blocks = self.entries.len().div_ceil(64).max(1);
        let lines: usize =
            self.entries.iter().map(|(who, entry)| line(who, *entry).len() + 4).sum();
        let title = self.title.as_ref().map_or(0, |title| title.text.len());
        (blocks * 64 * LINE + 4 * TITLE_LENGTH).saturating_sub(lines + title)
    }
}

/// Whether a text can be a title.
pub fn is_title(text: &str) -> bool {
    (1..=TITLE_LENGTH).contains(&text.chars().count()) && text.chars().all(is_printable)
}

fn line(who: &Fingerprint, entry: Entry) -> String {
    let keeper = if entry.keeper { " keeper" } else { "" };
    format!("{} {}{keeper}", base64(who.as_bytes()), entry.length)
}

fn read_line(line: &str) -> Option<(Fingerprint, Entry)> {
    let mut words = line.split(' ');
    let who = Fingerprint::from(unbase64::<32>(words.next()?).ok()?);
    let digits = words.next()?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let length: u32 = digits.parse().ok().filter(|_| canonical)?;
    let keeper = match words.next() {
        None => false,
        Some("keeper") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((who, Entry { length, keeper }))
}

impl TryFrom<Raw> for Register {
    type Error = BadRegister;

    fn try_from(raw: Raw) -> Result<Register, BadRegister> {
        if raw.people.len() > MOST_ENTRIES {
            return Err(BadRegister::Many);
        }
        let mut entries = BTreeMap::new();
        for text in &raw.people {
            let (who, entry) = read_line(text).ok_or(BadRegister::Entry)?;
            if entries.insert(who, entry).is_some() {
                return Err(BadRegister::Entry);
            }
        }
        if entries.values().filter(|entry| entry.keeper).count() > MOST_KEEPERS {
            return Err(BadRegister::Many);
        }
        let lengths = entries.values().map(|entry| entry.length);
        let highest = lengths.chain([raw.accepted, raw.left, raw.titled]).max().unwrap_or_default();
        if highest > MOST_LENGTH {
            return Err(BadRegister::Length);
        }
        let title = match (raw.title, raw.titled) {
            (None, 0) => None,
            (Some(text), count) if count > 0 && is_title(&text) => Some(Title { count, text }),
            _ => return Err(BadRegister::Title),
        };
        let Raw { version, accepted, left, .. } = raw;
        Ok(Register { version, accepted, left, title, entries })
    }
}

impl From<Register> for Raw {
    fn from(register: Register) -> Raw {
        let (titled, title) = register.title.map_or((0, None), |t| (t.count, Some(t.text)));
        let people = register.entries.iter().map(|(who, entry)| line(who, *entry)).collect();
        let Register { version, accepted, left, .. } = register;
        Raw { version, accepted, left, titled, title, people }
    }
}
