//! Which messages of the tree disappear, and when: since mail at rest is sealed, an unattended sync
//! could not know it otherwise. A message is named by the unique part of its file's name, wherever it
//! lies. What is lost of this file disappears later or never; nothing disappears by it that is not
//! named in it. Specified in poste-files(5), The state directory.

use super::atomic;
use super::error::Error;
use super::home::Places;
use super::maildir::Name;
use crate::core::mail::expires::Lifetime;
use crate::core::time::Time;
use serde::{Deserialize, Serialize};

/// Bytes of the file at most.
pub(super) const LIMIT: u64 = 64 << 20;

/// All messages that disappear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expiring {
    /// In the order in which they became known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<Message>,
}

/// A message that disappears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The 16 hex digits in the name of its file.
    pub id: String,
    /// When, as it says itself.
    pub expires: Time,
    /// Seconds for which it lasts.
    pub lasts: u64,
    /// When a good clock first saw it here: it lasts from then, whatever clock dated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

impl Expiring {
    /// Reads the list.
    pub fn load(places: &Places) -> Result<Expiring, Error> {
        Ok(atomic::read_toml(&places.expiring(), LIMIT)?.unwrap_or_default())
    }

    /// Writes the list, durably. Callers hold the state lock.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&places.expiring(), self)
    }

    /// Notes when a message disappears, or that it does not. Says whether that is new.
    pub fn note(&mut self, name: &Name, lifetime: Option<Lifetime>) -> bool {
        let id = name.unique();
        let known = self.message.iter().position(|message| message.id == id);
        match (known, lifetime) {
            (None, None) => false,
            (Some(at), None) => {
                self.message.remove(at);
                true
            }
            (None, Some(Lifetime { expires, lasts })) => {
                self.message.push(Message { id, expires, lasts, since: None });
                true
            }
            (Some(at), Some(Lifetime { expires, lasts })) => {
                let message = &mut self.message[at];
                let same = (message.expires, message.lasts) == (expires, lasts);
                (message.expires, message.lasts) = (expires, lasts);
                !same
            }
        }
    }
}

impl Message {
    /// Whether it is to be gone at `now`, by a good clock that first saw it at `since`.
    pub fn is_over(&self, now: Time) -> bool {
        self.since.is_some_and(|since| now >= self.expires.max(since + self.lasts))
    }
}

#[cfg(test)]
mod tests {
    use super::super::home::tests::scratch_home;
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn a_message_is_over_when_it_says_so_and_has_lasted_here() {
        let (_dir, home) = scratch_home();
        let places = home.places();
        let date = Time::from_unix(1_795_356_000);
        let name = Name::new(date, &mut Fixed::new(1));
        let week = Lifetime { expires: date + 700, lasts: 700 };
        let mut list = Expiring::load(places).unwrap();
        assert!(!list.note(&name, None));
        assert!(list.note(&name, Some(week)) && !list.note(&name.at(date + 60), Some(week)));
        list.save(places).unwrap();
        assert_eq!(Expiring::load(places).unwrap(), list);
        let over = |since: Option<u64>, now: u64| {
            let message = Message { since: since.map(|s| date + s), ..list.message[0].clone() };
            message.is_over(date + now)
        };
        assert!(!over(None, 10_000), "no good clock has seen it yet");
        assert!(!over(Some(0), 699) && over(Some(0), 700));
        assert!(!over(Some(5000), 5699) && over(Some(5000), 5700), "it came late");
        assert!(list.note(&name, None) && list.message.is_empty());
    }
}
