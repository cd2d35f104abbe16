//! The letter: what is sealed for one addressee, control data and at most one mail. Reading is
//! strict about form and limits and says nothing about authenticity; only [`Letter::holds`] does,
//! with the key that author and reader share. Specified in poste-protocol(7), Letter.

mod matter;
mod raw;

pub use matter::{Introduction, Statement};

use crate::core::auth::MacKey;
use crate::core::card::Disclosed;
use crate::core::encode::{base64, unbase64};
use crate::core::hybrid::{HybridPublic, HybridSecret};
use crate::core::keys::{EnclosureId, Fingerprint, GroupId, LetterId, PairSecret};
use crate::core::stamp::Stamp;
use crate::core::time::{Day, Time};
use zeroize::Zeroizing;

/// Bytes of control data at most.
pub const CONTROL_LIMIT: usize = 32 << 10;
/// Acknowledgements in one letter at most.
pub const MOST_ACKS: usize = 256;
/// Nodes in an offer at most.
pub const MOST_NODES: usize = 3;
/// Bytes of an offer's nodes together at most.
pub const NODES_LENGTH: usize = 240;

const MAGIC: &str = "poste-letter/1";

/// What a letter is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Control data alone: acknowledgements, offers, cards. Neither shown nor acknowledged.
    Control,
    /// A cover conversation's letter. Neither shown nor acknowledged.
    Cover,
    /// Mail, and whatever has a name that this version does not know.
    #[default]
    Mail,
}

/// Per-partner keys: what the giver's correspondent seals to and addresses cells with.
#[derive(Clone, Debug)]
pub struct Offer {
    /// When it was made, and so its version: the highest wins.
    pub made: Time,
    /// What letters are sealed to.
    pub prekey: HybridPublic,
    /// What cells are tagged and closed with.
    pub secret: PairSecret,
    /// Where the giver listens for them, at most 3.
    pub nodes: Vec<String>,
}

/// The head of a mail that travels as an enclosure.
#[derive(Clone, Debug)]
pub struct Enclosure {
    /// The id in its cells.
    pub id: EnclosureId,
    /// How many cells it takes, 1 to 65,535.
    pub cells: u16,
    /// SHA-256 of the age file.
    pub sha256: [u8; 32],
    /// The key it is sealed to, made for it alone.
    pub key: HybridSecret,
}

/// A request for cells of an enclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Which enclosure.
    pub id: EnclosureId,
    /// One bit a cell, cell 0 the top bit of byte 0; set if it is missing.
    pub missing: Vec<u8>,
}

/// What a member says of the copy of a group's letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which group.
    pub id: GroupId,
    /// The version of the author's register at the time.
    pub version: u64,
    /// SHA-256 of the mail and the sorted members, by which copies are compared.
    pub hash: [u8; 32],
}

/// Control data.
#[derive(Clone, Debug)]
pub struct Control {
    /// Drawn afresh for each addressee, unchanged on retry.
    pub id: LetterId,
    /// Whose letter it claims to be.
    pub from: Fingerprint,
    /// When the mail was written, unchanged on retry.
    pub date: Time,
    /// By which day's key it is authenticated.
    pub day: Day,
    /// `issued` of the newest card of the addressee's that the sender holds, 0 if none.
    pub card_seen: Time,
    /// `made` of the newest offer of the addressee's that the sender holds, 0 if none.
    pub offer_seen: Time,
    /// What it is for.
    pub kind: Kind,
    /// Letters of the addressee's that are safe, at most 256.
    pub acks: Vec<LetterId>,
    /// New per-partner keys.
    pub offer: Option<Offer>,
    /// The newest disclosed seed of the sender's.
    pub disclosed: Option<Disclosed>,
    /// The bytes of the sender's card file.
    pub card: Option<String>,
    /// That the mail comes as an enclosure.
    pub enclosure: Option<Enclosure>,
    /// That cells of an enclosure are missing.
    pub want: Option<Want>,
    /// That it is a copy of a group's letter.
    pub group: Option<Group>,
    /// What the author says of a group.
    pub statement: Option<Box<Statement>>,
    /// Somebody of a group whom the addressee may not know.
    pub introduction: Option<Box<Introduction>>,
    /// Work asked of strangers.
    pub stamp: Option<Stamp>,
}

/// A letter that was read, and is not yet known to be anybody's.
#[derive(Debug)]
pub struct Letter<'a> {
    /// What its control data say.
    pub control: Control,
    /// The mail as sent, perhaps empty.
    pub mail: &'a [u8],
    mac: [u8; 32],
    raw: &'a [u8],
}

/// The rule that a letter breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLetter {
    /// The control data are no TOML of a letter, with the parser's reason.
    #[error("its control data do not parse: {0}")]
    Control(String),
    /// The contents of a field are not admissible.
    #[error("its {0} is not admissible")]
    Field(&'static str),
    /// The first line is not that of a letter.
    #[error("it does not begin with a line of {MAGIC}")]
    FirstLine,
    /// The control data are longer than 32 KiB, or than the letter.
    #[error("its control data have a wrong length")]
    Length,
}

impl Control {
    /// Control data that say only what every letter must.
    pub fn new(id: LetterId, from: Fingerprint, date: Time, day: Day) -> Control {
        Control {
            id,
            from,
            date,
            day,
            card_seen: Time::default(),
            offer_seen: Time::default(),
            kind: Kind::Mail,
            acks: Vec::new(),
            offer: None,
            disclosed: None,
            card: None,
            enclosure: None,
            want: None,
            group: None,
            statement: None,
            introduction: None,
            stamp: None,
        }
    }

    /// Whether the letter is repeated until it is acknowledged: a mail, or what is said of a group.
    pub fn is_acknowledged(&self) -> bool {
        match self.kind {
            Kind::Mail => true,
            Kind::Control => self.statement.is_some() || self.introduction.is_some(),
            Kind::Cover => false,
        }
    }

    /// Bytes of a letter but for its mail: first line and control data.
    pub fn length(&self) -> Result<usize, BadLetter> {
        let control = raw::write(self)?.len();
        let mac = 43;
        Ok(MAGIC.len() + 1 + mac + 1 + control.to_string().len() + 1 + control)
    }

    /// The letter with this control data and mail, authenticated by `key`.
    pub fn write(&self, mail: &[u8], key: &MacKey) -> Result<Zeroizing<Vec<u8>>, BadLetter> {
        let control = raw::write(self)?;
        if control.len() > CONTROL_LIMIT {
            return Err(BadLetter::Length);
        }
        let mac = base64(&key.letter(control.as_bytes(), mail));
        let first = format!("{MAGIC} {mac} {}\n", control.len());
        Ok(Zeroizing::new([first.as_bytes(), control.as_bytes(), mail].concat()))
    }
}

impl<'a> Letter<'a> {
    /// Takes a letter apart.
    pub fn read(bytes: &'a [u8]) -> Result<Letter<'a>, BadLetter> {
        let head = &bytes[..bytes.len().min(80)];
        let end = head.iter().position(|b| *b == b'\n').ok_or(BadLetter::FirstLine)?;
        let line = std::str::from_utf8(&head[..end]).map_err(|_| BadLetter::FirstLine)?;
        let (mac, length) = first_line(line).ok_or(BadLetter::FirstLine)?;
        let rest = &bytes[end + 1..];
        if length > CONTROL_LIMIT || length > rest.len() {
            return Err(BadLetter::Length);
        }
        let (raw, mail) = rest.split_at(length);
        Ok(Letter { control: raw::read(raw)?, mail, mac, raw })
    }

    /// Whether the MAC holds under `key`.
    pub fn holds(&self, key: &MacKey) -> bool {
        key.letter_holds(self.raw, self.mail, &self.mac)
    }
}

fn first_line(line: &str) -> Option<([u8; 32], usize)> {
    let mut words = line.split(' ');
    let (magic, mac, length) = (words.next()?, words.next()?, words.next()?);
    let canonical = length.bytes().all(|b| b.is_ascii_digit()) && !length.starts_with('0');
    if magic != MAGIC || words.next().is_some() || !canonical {
        return None;
    }
    Some((unbase64(mac).ok()?, length.parse().ok()?))
}

#[cfg(test)]
mod tests;
