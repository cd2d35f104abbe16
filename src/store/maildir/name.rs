//! Names in the mail: of folders, of messages, and the flags that follow a message's name.
//! They are values; nothing here touches a file, and a name never leads out of its directory.
//! Specified in poste-files(5), Mail.

use super::super::petname::{BadPetname, FOLDERS, Petname};
use crate::core::encode::{hex, unhex};
use crate::core::random::{self, Random};
use crate::core::time::Time;
use std::fmt;
use std::str::FromStr;

/// A folder: that of a contact or group, or one of `requests`, `quarantine` and `inbox`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(String);

impl Folder {
    /// First letters of strangers.
    pub fn requests() -> Folder {
        Folder("requests".to_owned())
    }

    /// Unproven letters.
    pub fn quarantine() -> Folder {
        Folder("quarantine".to_owned())
    }

    /// Reports about one's own letters.
    pub fn inbox() -> Folder {
        Folder("inbox".to_owned())
    }

    /// The name, which is also that of the directory.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Petname> for Folder {
    fn from(name: &Petname) -> Folder {
        Folder(name.as_str().to_owned())
    }
}

impl FromStr for Folder {
    type Err = BadPetname;
    fn from_str(text: &str) -> Result<Folder, BadPetname> {
        if FOLDERS.contains(&text) {
            return Ok(Folder(text.to_owned()));
        }
        text.parse().map(|name: Petname| Folder::from(&name))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The lasting part of a message's file name: `1793527860.0123456789abcdef.poste`. It stays the
/// same when flags change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    time: Time,
    unique: [u8; 8],
}

/// The text is not the name of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message name of the form <time>.<16 hex digits>.poste")]
pub struct BadName;

impl Name {
    /// A new name for a message whose Date is `time`.
    pub fn new(time: Time, rng: &mut dyn Random) -> Name {
        Name { time, unique: random::bytes(rng) }
    }

    /// The message's Date.
    pub fn time(&self) -> Time {
        self.time
    }

    /// The same message's name with another Date.
    pub fn at(self, time: Time) -> Name {
        Name { time, ..self }
    }

    /// The 16 hex digits by which a person may name the message, or by fewer of them.
    pub fn unique(&self) -> String {
        hex(&self.unique)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.poste", self.time.unix(), self.unique())
    }
}

impl FromStr for Name {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Name, BadName> {
        let (time, unique) =
            text.strip_suffix(".poste").and_then(|rest| rest.split_once('.')).ok_or(BadName)?;
        let seconds: u64 = time.parse().map_err(|_| BadName)?;
        let name =
            Name { time: Time::from_unix(seconds), unique: unhex(unique).map_err(|_| BadName)? };
        // One text a name: no sign, no leading zero, no time beyond the calendar.
        if name.to_string() == text { Ok(name) } else { Err(BadName) }
    }
}

/// The flags of a message: a set of ASCII letters, written in their order. Of those that
/// maildir(5) does not know, lower-case ones are a mail program's own and are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u64);

impl Flags {
    /// None at all.
    pub const NONE: Flags = Flags(0);
    /// `D`: a draft.
    pub const DRAFT: Flags = Flags::letter(b'D');
    /// `F`: flagged.
    pub const FLAGGED: Flags = Flags::letter(b'F');
    /// `P`: passed on.
    pub const PASSED: Flags = Flags::letter(b'P');
    /// `R`: replied to.
    pub const REPLIED: Flags = Flags::letter(b'R');
    /// `S`: seen.
    pub const SEEN: Flags = Flags::letter(b'S');
    /// `T`: to be deleted.
    pub const TRASHED: Flags = Flags::letter(b'T');

    /// These and those.
    pub const fn with(self, more: Flags) -> Flags {
        Flags(self.0 | more.0)
    }

    /// These but not those.
    pub const fn without(self, less: Flags) -> Flags {
        Flags(self.0 & !less.0)
    }

    /// Whether all of `others` are among these.
    pub const fn contains(self, others: Flags) -> bool {
        self.0 & others.0 == others.0
    }

    /// The letters of `text`; whatever else it holds is passed over.
    pub fn from_letters(text: &str) -> Flags {
        let letters = text.bytes().filter(u8::is_ascii_alphabetic);
        letters.fold(Flags::NONE, |flags, letter| flags.with(Flags::letter(letter)))
    }

    const fn letter(letter: u8) -> Flags {
        Flags(1 << (letter - b'A'))
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = (b'A'..=b'z').filter(u8::is_ascii_alphabetic);
        let set: String =
            letters.filter(|l| self.contains(Flags::letter(*l))).map(char::from).collect();
        f.pad(&set)
    }
}

/// Name and flags of a file in `new` or `cur`; `None` if it is not a message of ours.
pub(super) fn split(file_name: &str) -> Option<(Name, Flags)> {
    let (base, info) = file_name.split_once(':').unwrap_or((file_name, ""));
    Some((base.parse().ok()?, Flags::from_letters(info.strip_prefix("2,").unwrap_or(""))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn names_are_written_and_read() {
        let name = Name::new(Time::from_unix(1_793_527_860), &mut Fixed::new(1));
        let text = name.to_string();
        assert!(text.starts_with("1793527860.") && text.ends_with(".poste"));
        assert_eq!(text.parse(), Ok(name));
        assert_eq!(text.len(), 33);
        assert!("0.0123456789abcdef.poste".parse::<Name>().is_ok());
    }

    #[test]
    fn one_text_a_name() {
        for bad in [
            "",
            ".poste",
            "+1.0123456789abcdef.poste",
            "01.0123456789abcdef.poste",
            "1.0123456789ABCDEF.poste",
            "1.0123456789abcde.poste",
            "1.0123456789abcdef",
            "1.0123456789abcdef.poste:2,",
            "18446744073709551615.0123456789abcdef.poste",
            "../1.0123456789abcdef.poste",
        ] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad}");
        }
    }

    #[test]
    fn flags_are_a_set_in_order() {
        let flags = Flags::from_letters("SFaS,1:");
        assert_eq!(flags.to_string(), "FSa");
        assert!(flags.contains(Flags::SEEN.with(Flags::FLAGGED)));
        assert_eq!(flags.without(Flags::SEEN).with(Flags::TRASHED).to_string(), "FTa");
        assert_eq!(Flags::from_letters("azAZ").to_string(), "AZaz");
    }

    #[test]
    fn other_information_than_flags_is_passed_over() {
        let base = "1.0123456789abcdef.poste";
        assert_eq!(split(base), Some((base.parse().unwrap(), Flags::NONE)));
        assert_eq!(split(&format!("{base}:2,S")).unwrap().1, Flags::SEEN);
        assert_eq!(split(&format!("{base}:1,S")).unwrap().1, Flags::NONE);
        assert_eq!(split("1234.M5P6.host:2,S"), None);
    }

    #[test]
    fn folders_are_petnames_and_three_more() {
        assert_eq!("bob".parse::<Folder>().unwrap().as_str(), "bob");
        assert_eq!("inbox".parse::<Folder>().unwrap(), Folder::inbox());
        for bad in ["", "..", ".git", "cur", "a/b"] {
            assert!(bad.parse::<Folder>().is_err(), "{bad}");
        }
    }
}
