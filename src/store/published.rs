//! What was found at the addresses of one's own card that this home has not signed: then it was
//! restored from a backup, or another home signs for the same identity. It lies in the state
//! directory: when it is lost, the next look finds the same again. Specified in poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::time::{DAY, Time};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(super) const LIMIT: u64 = 64 << 10;
/// Two cards of another home within this many seconds are no restored backup.
const TWICE: u64 = 30 * DAY;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Published {
    /// `issued` of the newest card found that this home has not signed, 0 if none: the next one
    /// must be higher.
    pub newer: Time,
    /// When such a card was last found that was not known before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Time>,
    /// Why nothing is sent any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// Why nothing is sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// A card with a later series is published: the keys of this home are over.
    Series,
    /// Another home goes on signing cards.
    TwoHomes,
}

/// What a newer card means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing that was not known.
    Known,
    /// This home was restored from a backup, or has a twin.
    Restored,
    /// Another home is alive.
    TwoHomes,
}

impl Published {
    /// Reads it; nothing if nothing was found.
    pub fn load(places: &Places) -> Result<Published, Error> {
        Ok(atomic::read_toml(&file(places), LIMIT)?.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places), self)
    }

    /// Takes note at `now` of a card issued at `issued` that this home has not signed. A second
    /// one within 30 days that was signed after the first was found proves a second home; one
    /// signed before is as old as the backup.
    pub fn meet(&mut self, issued: Time, now: Time) -> Meaning {
        if issued <= self.newer {
            return Meaning::Known;
        }
        self.newer = issued;
        match self.found.filter(|found| now.since(*found) <= TWICE) {
            Some(found) if issued <= found => Meaning::Known,
            Some(_) => {
                self.stopped.get_or_insert(Stopped::TwoHomes);
                Meaning::TwoHomes
            }
            None => {
                self.found = Some(now);
                Meaning::Restored
            }
        }
    }

    /// Goes on at `now`, at the user's word that no other home does. Another card from then on
    /// proves the contrary.
    pub fn go_on(&mut self, now: Time) {
        if self.stopped == Some(Stopped::TwoHomes) {
            self.stopped = None;
            self.found = Some(now);
        }
    }
}

fn file(places: &Places) -> PathBuf {
    places.state().join("published.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u64) -> Time {
        Time::from_unix(1_795_356_000) + days * DAY
    }

    #[test]
    fn twice_in_thirty_days_is_another_home() {
        let mut found = Published::default();
        assert_eq!(found.meet(at(0), at(10)), Meaning::Restored);
        assert_eq!(found.meet(at(0), at(11)), Meaning::Known);
        assert_eq!(found.meet(at(5), at(12)), Meaning::Known, "older than the first discovery");
        assert_eq!(found.newer, at(5));
        assert_eq!(found.meet(at(41), at(41)), Meaning::Restored, "after a month");
        assert_eq!(found.meet(at(48), at(49)), Meaning::TwoHomes);
        assert_eq!(found.stopped, Some(Stopped::TwoHomes));
        found.go_on(at(50));
        assert_eq!((found.stopped, found.meet(at(49), at(51))), (None, Meaning::Known));
        assert_eq!(found.meet(at(55), at(56)), Meaning::TwoHomes);
    }
}
