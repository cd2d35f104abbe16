//! Loop cells on their way: cells to oneself by which it shows whether a node keeps what it takes.
//! A cell is written down before it leaves, and that it was taken after, so a crash accuses nobody.
//! It lies in the state directory; its loss costs a day of watching. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::bucket::Bucket;
use crate::core::keys::PairSecret;
use crate::core::random::Random;
use crate::core::time::{DAY, Day, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const LIMIT: u64 = 1 << 20;

/// What the home knows of its loop cells.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loops {
    /// What they are made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<PairSecret>,
    /// The day on which a node last took one.
    pub sent: BTreeMap<String, Day>,
    /// Nodes that lost one, and until when letters go elsewhere.
    pub losing: BTreeMap<String, Time>,
    /// Those not yet looked for.
    pub out: Vec<Looping>,
}

/// A loop cell on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looping {
    /// At which node.
    pub node: String,
    /// In which bucket.
    pub bucket: String,
    /// The listen digits that it bears: they may change before the bucket is closed.
    pub digits: String,
    /// Its number under the secret: random, so that no two cells share a tag.
    pub number: u32,
    /// Whether the node said that it took it.
    #[serde(default)]
    pub taken: bool,
}

impl Loops {
    /// Reads what is known; nothing if nothing is.
    pub fn load(places: &Places) -> Result<Loops, Error> {
        Ok(atomic::read_toml(&file(places), LIMIT)?.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places), self)
    }

    /// The secret of the home's loop cells; drawn now if there is none yet.
    pub fn secret(&mut self, rng: &mut dyn Random) -> &PairSecret {
        self.secret.get_or_insert_with(|| PairSecret::generate(rng))
    }

    /// The secret, if there is one, and so could be any cell.
    pub fn known_secret(&self) -> Option<&PairSecret> {
        self.secret.as_ref()
    }

    /// Nodes that letters do not go to at `now` if they can go elsewhere, and until when.
    pub fn losing(&self, now: Time) -> impl Iterator<Item = (&str, Time)> {
        // More than a day ahead was written by a clock that has been set back since.
        let losing =
            self.losing.iter().filter(move |(_, until)| now < **until && **until <= now + DAY);
        losing.map(|(node, until)| (node.as_str(), *until))
    }

    /// Forgets cells whose buckets are wiped at `now`, and what is over.
    pub fn forget(&mut self, now: Time) {
        self.out.retain(|looping| {
            looping.bucket.parse::<Bucket>().is_ok_and(|bucket| !bucket.is_wiped(now))
        });
        let losing = self.losing(now).map(|(node, until)| (node.to_owned(), until)).collect();
        self.losing = losing;
        self.sent.retain(|_, day| now.day().days_since(*day).abs() <= 1);
    }
}

fn file(places: &Places) -> PathBuf {
    places.state().join("loops.toml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn what_is_over_is_forgotten_and_the_file_reads_as_it_was_written() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let now = bucket.start();
        let mut loops = Loops::default();
        loops.secret(&mut Fixed::new(1));
        let out = Looping {
            node: "a".into(),
            bucket: bucket.to_string(),
            digits: "4".into(),
            number: 7,
            taken: true,
        };
        loops.out.push(out);
        loops.losing.insert("a".into(), now + DAY);
        loops.sent.insert("a".into(), now.day());
        let text = toml::to_string(&loops).unwrap();
        let again: Loops = toml::from_str(&text).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), text);

        assert_eq!(loops.losing(now).collect::<Vec<_>>(), [("a", now + DAY)]);
        assert_eq!(loops.losing(now + DAY).count() + loops.losing(now - 9).count(), 0);
        loops.forget(bucket.wiped() - 1);
        assert_eq!((loops.out.len(), loops.losing.len(), loops.sent.len()), (1, 1, 1));
        loops.forget(now + 3 * DAY);
        assert_eq!((loops.out.len(), loops.losing.len(), loops.sent.len()), (0, 0, 0));
    }
}
