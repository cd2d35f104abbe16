//! Petnames: the names a person gives to contacts and groups. They are names of files, of
//! folders and of addresses (`bob@poste`) at once, so the grammar is what all three can bear.
//!
//! Never a name for what is not under its directory: no slash, no leading dot, no capital that a
//! filesystem might fold. Specified in poste-files(5), Contacts.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Length limit, in bytes.
pub const MAX: usize = 64;

/// Folders beside those of contacts and groups: first letters of strangers, unproven letters,
/// and reports about one's own letters.
pub const FOLDERS: [&str; 3] = ["requests", "quarantine", "inbox"];

/// What oneself is called wherever people are named.
pub const ME: &str = "me";

/// The parts of a Maildir, which a mail program would not take for folders.
const PARTS: [&str; 3] = ["cur", "new", "tmp"];

/// The name of a contact or group: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`, a letter or
/// digit first, no dot last, no two dots together, and not reserved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Petname(String);

/// The text is no petname.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPetname {
    /// Nothing, or more than 64 bytes.
    #[error("a name has 1 to {MAX} characters")]
    Length,
    /// It begins with something else than a letter or digit.
    #[error("a name begins with a letter or digit")]
    Start,
    /// A capital letter.
    #[error("a name is written in lower case")]
    Capital,
    /// A character that addresses or file names do not bear.
    #[error("a name is made of a-z, 0-9, '-', '_' and '.'")]
    Character,
    /// It ends with a dot, or two dots stand together; an address cannot.
    #[error("a name neither ends with a dot nor has two together")]
    Dots,
    /// It is the name of a folder or of a part of one, or what oneself is called.
    #[error("this name is reserved")]
    Reserved,
    /// 64 hex digits, which an address takes for a fingerprint.
    #[error("a name does not look like a fingerprint")]
    Fingerprint,
}

impl Petname {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Petname {
    type Err = BadPetname;
    fn from_str(text: &str) -> Result<Petname, BadPetname> {
        check(text)?;
        Ok(Petname(text.to_owned()))
    }
}

impl TryFrom<String> for Petname {
    type Error = BadPetname;
    fn try_from(text: String) -> Result<Petname, BadPetname> {
        check(&text)?;
        Ok(Petname(text))
    }
}

impl From<Petname> for String {
    fn from(name: Petname) -> String {
        name.0
    }
}

impl AsRef<str> for Petname {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Petname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn check(text: &str) -> Result<(), BadPetname> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX {
        return Err(BadPetname::Length);
    }
    if text.chars().any(char::is_uppercase) {
        return Err(BadPetname::Capital);
    }
    if !bytes[0].is_ascii_alphanumeric() {
        return Err(BadPetname::Start);
    }
    if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(b)) {
        return Err(BadPetname::Character);
    }
    if text.ends_with('.') || text.contains("..") {
        return Err(BadPetname::Dots);
    }
    if FOLDERS.contains(&text) || PARTS.contains(&text) || text == ME {
        return Err(BadPetname::Reserved);
    }
    if bytes.len() == 64 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Err(BadPetname::Fingerprint);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass() {
        for good in ["bob", "b", "mei", "4ever", "a.b-c_d", &"x".repeat(64), "inbox2"] {
            assert_eq!(good.parse::<Petname>().map(String::from), Ok(good.to_owned()));
        }
    }

    #[test]
    fn bad_names_say_why() {
        let bad = |text: &str| text.parse::<Petname>().unwrap_err();
        assert_eq!(bad(""), BadPetname::Length);
        assert_eq!(bad(&"x".repeat(65)), BadPetname::Length);
        assert_eq!(bad("Bob"), BadPetname::Capital);
        for text in [".", "..", ".bob", "-bob", "/bob", "ébob"] {
            assert_eq!(bad(text), BadPetname::Start, "{text}");
        }
        for text in ["b/ob", "b ob", "bob@poste", "b\0b", "b\nb", "bé", "b:2"] {
            assert_eq!(bad(text), BadPetname::Character, "{text:?}");
        }
        assert_eq!(bad("bob."), BadPetname::Dots);
        assert_eq!(bad("b..b"), BadPetname::Dots);
        for text in ["requests", "quarantine", "inbox", "cur", "new", "tmp", "me"] {
            assert_eq!(bad(text), BadPetname::Reserved, "{text}");
        }
        assert_eq!(bad(&"4b".repeat(32)), BadPetname::Fingerprint);
    }
}
