//! What poste makes of a vector: `good`, or the name of the rule that it finds broken. For a good
//! one everything that the vector says of it is compared, and it is written again.

mod files;
mod small;

use crate::vector::Vector;
use poste::core::auth::{MacKey, Terms};
use poste::core::encode::unbase64;
use poste::core::keys::{DhPublic, DhSecret};

/// The verdict on a vector.
pub fn judge(vector: &Vector, all: &[Vector]) -> String {
    match vector.folder.as_str() {
        "auth" => small::auth(vector),
        "bucket" => small::bucket(vector),
        "chain" => small::chain(vector),
        "point" => small::point(vector),
        "report" => files::report(vector),
        "stamp" => small::stamp(vector),
        "words" => small::words(vector),
        "card" => files::card(vector, all),
        "cell" => files::cell(vector),
        "filed" => files::filed(vector),
        "group" => small::group(vector),
        "letter" => files::letter(vector),
        other => panic!("{other} is no folder of vectors"),
    }
}

impl Vector {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A value that must be there.
    pub fn one(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("{}/{}: no {key}", self.folder, self.name))
    }

    /// Whether the value under `key`, if it is there, is this one.
    pub fn says(&self, key: &str, value: impl ToString) {
        if let Some(said) = self.get(key) {
            assert_eq!(said, value.to_string(), "{}/{}: {key}", self.folder, self.name);
        }
    }

    pub fn bytes32(&self, key: &str) -> [u8; 32] {
        unbase64(self.one(key)).unwrap_or_else(|e| panic!("{}: {key}: {e}", self.name))
    }
}

/// The key under which the vector's MAC should hold, as its author and as its reader compute it.
pub fn mac_keys(vector: &Vector) -> Result<[MacKey; 2], String> {
    let public = |key: &str| vector.one(key).parse::<DhPublic>().map_err(|e| format!("{e:?}"));
    let terms = Terms {
        author: vector.one("author").parse().unwrap(),
        day_key: public("day-key")?,
        day: vector.one("day").parse().unwrap(),
        reader: vector.one("reader").parse().unwrap(),
        reader_dh: public("reader-dh")?,
    };
    let secret = |key: &str| DhSecret::from_bytes(vector.bytes32(key));
    Ok([
        MacKey::by_day_key(&terms, &secret("day-secret")).unwrap(),
        MacKey::by_reader(&terms, &secret("reader-secret")).unwrap(),
    ])
}

/// What both keys say must be the same.
pub fn agreed(keys: &[MacKey; 2], holds: impl Fn(&MacKey) -> bool) -> bool {
    let [author, reader] = keys.each_ref().map(holds);
    assert_eq!(author, reader, "author and reader disagree");
    author
}
