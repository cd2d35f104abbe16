//! Cover conversations: those that are going on, the volunteers to begin others with, and what was
//! sent of the day's budget. Of letters nothing is kept but who was last heard when. It lies in the
//! state directory and travels in no archive; its loss ends the conversations and costs nothing
//! else. Specified in poste-files(5), State.

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::card::{self, SignedCard};
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::random::Random;
use crate::core::talk::{self, MOST_A_DAY, Waking};
use crate::core::time::{Day, Time};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Conversations at most that one has begun.
pub const MOST_BEGUN: usize = 8;
/// Conversations at most that others have begun.
pub const MOST_TAKEN: usize = 16;
/// Cards of volunteers at hand at most.
pub const MOST_VOLUNTEERS: usize = 16;
/// Bytes of the file at most: as many cards, each written with every byte as an escape.
const LIMIT: u64 = ((MOST_BEGUN + MOST_TAKEN + MOST_VOLUNTEERS) * (6 * card::LIMIT + 1024)) as u64;

/// What the home knows of cover conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cover {
    /// When volunteers were last asked for.
    pub asked: Time,
    /// When the next conversation is to be begun; not drawn yet if none.
    pub begin: Option<Time>,
    /// The day that the two numbers after it are of.
    pub day: Option<Day>,
    /// Letters that were sent on it.
    pub letters: u32,
    /// Bytes of cells that were sent on it.
    pub bytes: u64,
    /// Cards of people who volunteer, as they were fetched.
    pub volunteers: Vec<String>,
    /// When one is awake; not drawn yet if none.
    pub waking: Option<Waking>,
    /// The conversations.
    pub talk: Vec<Talk>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Talk {
    /// With whom.
    pub with: Fingerprint,
    /// Whether one has begun it oneself.
    pub begun: bool,
    /// Their newest card.
    pub card: String,
    /// Letters that one may still write in it.
    pub left: u8,
    /// Letters that one has written since they were last heard.
    pub unanswered: u8,
    /// When the next one is to be written, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// The date of their newest letter.
    pub heard: Time,
    /// `issued` of one's newest card that they hold.
    pub card_seen: Time,
    /// When something last happened in it.
    pub since: Time,
    /// The next letter's id, drawn when it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LetterId>,
    /// The stamp that was found for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
}

impl Talk {
    /// A conversation that begins at `now`.
    pub fn new(card: &SignedCard, begun: bool, left: u8, now: Time) -> Talk {
        Talk {
            with: card.card.fingerprint(),
            begun,
            card: card.text().to_owned(),
            left,
            unanswered: 0,
            due: begun.then_some(now),
            heard: Time::default(),
            card_seen: Time::default(),
            since: now,
            id: None,
            stamp: None,
        }
    }

    /// The card of the one it is held with; `None` if the file was damaged by hand.
    pub fn partner(&self) -> Option<SignedCard> {
        let card = SignedCard::parse(self.card.as_bytes()).ok();
        card.filter(|card| card.card.fingerprint() == self.with)
    }
}

impl Cover {
    /// Reads it; nothing if nothing is known.
    pub fn load(places: &Places) -> Result<Cover, Error> {
        let known = atomic::read_toml(&file(places), LIMIT).map_err(Error::fixed_by_sync)?;
        Ok(known.unwrap_or_default())
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places), self)
    }

    /// Ends all conversations and forgets everybody. What was sent today still counts.
    pub fn quit(&mut self) {
        let Cover { day, letters, bytes, waking, .. } = std::mem::take(self);
        *self = Cover { day, letters, bytes, waking, ..Cover::default() };
    }

    /// When one is awake; drawn now if it was not yet.
    pub fn waking(&mut self, rng: &mut dyn Random) -> Waking {
        *self.waking.get_or_insert_with(|| Waking::draw(rng))
    }

    /// Letters and bytes that were sent today.
    pub fn spent(&self, now: Time) -> (u32, u64) {
        match self.day == Some(now.day()) {
            true => (self.letters, self.bytes),
            false => (0, 0),
        }
    }

    /// Whether one more letter of so many bytes may go today. By a clock that was set back since
    /// something was sent, none may.
    pub fn affords(&self, now: Time, bytes: u64, budget: u64) -> bool {
        let (letters, spent) = self.spent(now);
        let set_back = self.day.is_some_and(|day| day > now.day());
        !set_back && letters < MOST_A_DAY && spent.saturating_add(bytes) <= budget
    }

    /// Counts a letter of so many bytes.
    pub fn spend(&mut self, now: Time, bytes: u64) {
        let (letters, spent) = self.spent(now);
        self.day = Some(now.day());
        (self.letters, self.bytes) = (letters + 1, spent + bytes);
    }

    /// Forgets conversations that are over: nobody has said anything for long.
    pub fn forget(&mut self, now: Time) {
        // One from the future is of a clock that has been set back since.
        self.talk.retain(|talk| talk.since <= now && now.since(talk.since) < talk::OVER);
    }

    /// How many conversations one has begun oneself, or others have.
    pub fn count(&self, begun: bool) -> usize {
        self.talk.iter().filter(|talk| talk.begun == begun).count()
    }
}

fn file(places: &Places) -> PathBuf {
    places.state().join("cover.toml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::card::tests::parts;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::{DAY, HOUR};

    #[test]
    fn the_budget_is_of_a_day() {
        let noon = Time::from_unix(1_795_305_600 + 12 * HOUR);
        let mut cover = Cover::default();
        assert!(cover.affords(noon, 8192, 8192) && !cover.affords(noon, 8192, 8191));
        cover.spend(noon, 4096);
        assert!(cover.affords(noon, 4096, 8192) && !cover.affords(noon, 4097, 8192));
        assert!(!cover.affords(noon, u64::MAX, 8192));
        assert_eq!(cover.spent(noon + 11 * HOUR), (1, 4096));
        assert_eq!(cover.spent(noon + 12 * HOUR), (0, 0));
        assert!(!cover.affords(noon - DAY, 1, 1 << 20), "the clock was set back");
        for _ in 1..MOST_A_DAY {
            assert!(cover.affords(noon, 1, 1 << 20));
            cover.spend(noon, 1);
        }
        assert!(!cover.affords(noon, 1, 1 << 20));
        cover.asked = noon;
        cover.waking(&mut Fixed::new(1));
        let waking = cover.waking;
        cover.quit();
        assert_eq!((cover.asked, cover.letters, cover.waking), (Time::default(), 50, waking));
    }

    #[test]
    fn it_reads_as_it_was_written_and_what_is_over_is_forgotten() {
        let (card, sign, _) = parts();
        let card = card.sign(&sign, None).unwrap();
        let now = card.card.issued;
        let talk = Talk::new(&card, true, 3, now);
        assert_eq!(talk.partner().unwrap().text(), card.text());
        let foreign = Talk { with: Fingerprint::from([7; 32]), ..talk.clone() };
        assert!(foreign.partner().is_none());
        let mut cover = Cover { talk: vec![talk], begin: Some(now), ..Cover::default() };
        cover.volunteers.push(card.text().to_owned());
        cover.waking(&mut Fixed::new(1));
        let text = toml::to_string(&cover).unwrap();
        assert_eq!(toml::from_str::<Cover>(&text).unwrap(), cover);
        assert!(text.len() < card.text().len() * 3, "cards are written as they are");
        assert_eq!((cover.count(true), cover.count(false)), (1, 0));
        for (at, left) in [(now + talk::OVER - 1, 1), (now + talk::OVER, 0)] {
            cover.forget(at);
            assert_eq!(cover.talk.len(), left);
        }
        cover.talk.push(foreign);
        cover.forget(now - 1);
        assert!(cover.talk.is_empty());
    }
}
