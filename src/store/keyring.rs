//! The transit keys: what an unattended sync needs and nothing more. DH key, day chain, prekeys
//! and pair secrets lie in `keys/transit.toml` without a passphrase, so that cron can sync; the
//! signing key and the archive identity do not (see `store/locked.rs`). Every change is on disk
//! before what names the new secret leaves; when one is erased is in `keyring/life.rs`. Specified in
//! poste-files(5).

mod life;
mod series;

pub use series::{Former, Near, Series};

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::archive::ArchiveIdentity;
use crate::core::hybrid::{HybridPublic, HybridSecret};
use crate::core::keys::{Fingerprint, PairSecret};
use crate::core::letter::Offer;
use crate::core::random::Random;
use crate::core::time::{DAY, Time};
use serde::{Deserialize, Serialize};

/// Bytes of the file at most: room for thousands of correspondents.
pub(super) const LIMIT: u64 = 64 << 20;
/// An offer is used until this many seconds after it was made.
const OFFER_USED: u64 = 45 * DAY;

/// The transit keys of a home.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transit {
    /// Version of the file, 1.
    poste: u8,
    /// What the outbox and waiting letters are sealed to.
    #[serde(with = "identity_text")]
    pub transit: ArchiveIdentity,
    /// Whether the identity is ended: no card is signed after the one that says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// The series in force.
    pub series: Series,
    /// Series that are over, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// Secrets of public prekeys, oldest first.
    #[serde(default)]
    pub prekey: Vec<Prekey>,
    /// Offers made to correspondents, oldest first.
    #[serde(default)]
    pub given: Vec<Given>,
    /// The newest offer had from each correspondent.
    #[serde(default)]
    pub received: Vec<Received>,
}

/// The secret of a prekey in one's card.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prekey {
    /// When it was made.
    pub made: Time,
    /// The secret half.
    #[serde(with = "hybrid_text")]
    pub secret: HybridSecret,
    /// `issued` of the first card that named it; none before it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Time>,
    /// Since when a newer one is known to be in use; then this one's days are numbered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Time>,
}

/// An offer made to a correspondent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// To whom.
    pub to: Fingerprint,
    /// When it was made; unique.
    pub made: Time,
    /// What letters to us are sealed to.
    #[serde(with = "hybrid_text")]
    pub prekey: HybridSecret,
    /// What cells to us are tagged and closed with.
    pub secret: PairSecret,
    /// Where we said that we listen for them.
    pub nodes: Vec<String>,
    /// Since when their letters say that they hold a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Time>,
}

/// The newest offer had from a correspondent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// From whom.
    pub from: Fingerprint,
    /// When they made it.
    pub made: Time,
    /// What letters to them are sealed to: 1216 bytes in Bech32.
    #[serde(with = "public_text")]
    pub prekey: HybridPublic,
    /// What cells to them are tagged and closed with.
    pub secret: PairSecret,
    /// Where they listen for them.
    pub nodes: Vec<String>,
}

impl Transit {
    /// New keys, with a series that begins at `now`.
    pub fn generate(now: Time, rng: &mut dyn Random) -> Transit {
        Transit {
            poste: 1,
            transit: ArchiveIdentity::generate(rng),
            series: Series::begin(now, rng),
            ended: false,
            former: Vec::new(),
            prekey: vec![Prekey::generate(now, rng)],
            given: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Reads `keys/transit.toml`.
    pub fn load(places: &Places) -> Result<Transit, Error> {
        let path = places.transit();
        let found: Option<Transit> = atomic::read_toml(&path, LIMIT)?;
        found.ok_or_else(|| Error::damaged(&path, None, "it is missing; restore it from a backup"))
    }

    /// Writes it back, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&places.transit(), self)
    }

    /// The file's text.
    pub fn text(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(toml::to_string(self).expect("keys are texts, times and dates"))
    }

    /// The newest prekey, which the next card names.
    pub fn newest_prekey(&self) -> Option<&Prekey> {
        self.prekey.iter().max_by_key(|p| p.made)
    }

    /// The newest offer made to a correspondent.
    pub fn newest_given(&self, to: Fingerprint) -> Option<&Given> {
        self.given.iter().filter(|g| g.to == to).max_by_key(|g| g.made)
    }

    /// The offer had from a correspondent, if it may still be used at `now`.
    pub fn usable_offer(&self, from: Fingerprint, now: Time) -> Option<&Received> {
        self.received.iter().find(|r| r.from == from && now.since(r.made) <= OFFER_USED)
    }

    /// Makes an offer to a correspondent. The caller saves before it leaves.
    pub fn give(
        &mut self,
        to: Fingerprint,
        nodes: &[String],
        now: Time,
        rng: &mut dyn Random,
    ) -> &Given {
        let last = self.given.iter().map(|g| g.made).max().unwrap_or_default();
        self.given.push(Given {
            to,
            made: now.max(last + 1),
            prekey: HybridSecret::generate(rng),
            secret: PairSecret::generate(rng),
            nodes: nodes.to_vec(),
            replaced: None,
        });
        self.given.last().expect("one was just added")
    }

    /// Erases the offers made to a person. Gives when the newest of them was made; `None` if there
    /// was none, so nothing is to be saved.
    pub fn withdraw(&mut self, to: Fingerprint) -> Option<Time> {
        let newest = self.newest_given(to).map(|given| given.made);
        self.given.retain(|given| given.to != to);
        newest
    }

    /// Erases the offers made to a person and had from them. Says whether there were any.
    pub fn forget(&mut self, person: Fingerprint) -> bool {
        let had = self.received.iter().any(|r| r.from == person);
        self.received.retain(|r| r.from != person);
        self.withdraw(person).is_some() || had
    }

    /// Takes an offer if it is newer than the one at hand and not made more than ten minutes
    /// ahead of `now`. Says whether it was taken.
    pub fn take(&mut self, from: Fingerprint, offer: &Offer, now: Time) -> bool {
        let newest = self.received.iter().find(|r| r.from == from).map(|r| r.made);
        if newest.is_some_and(|made| made >= offer.made) || offer.made > now + 600 {
            return false;
        }
        self.received.retain(|r| r.from != from);
        self.received.push(Received {
            from,
            made: offer.made,
            prekey: offer.prekey.clone(),
            secret: offer.secret.clone(),
            nodes: offer.nodes.clone(),
        });
        true
    }
}

impl Prekey {
    /// A new one, which no card names yet.
    pub fn generate(now: Time, rng: &mut dyn Random) -> Prekey {
        let secret = HybridSecret::generate(rng);
        Prekey { made: now, secret, issued: None, replaced: None }
    }
}

impl Given {
    /// The offer as it travels.
    pub fn offer(&self) -> Offer {
        Offer {
            made: self.made,
            prekey: self.prekey.public(),
            secret: self.secret.clone(),
            nodes: self.nodes.clone(),
        }
    }
}

macro_rules! text_module {
    ($name:ident, $type:ty, $to_text:expr) => {
        mod $name {
            use super::*;
            use serde::{Deserializer, Serializer};
            use zeroize::Zeroizing;

            pub fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                let text = $to_text(value);
                to.serialize_str(&text)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let text = Zeroizing::new(String::deserialize(from)?);
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_module!(identity_text, ArchiveIdentity, |value: &ArchiveIdentity| value.to_text());
text_module!(hybrid_text, HybridSecret, |value: &HybridSecret| value.to_text());
text_module!(public_text, HybridPublic, |value: &HybridPublic| value.to_string());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn now() -> Time {
        Time::from_unix(1_795_356_000)
    }

    #[test]
    fn the_file_reads_as_it_was_written() {
        let mut rng = Fixed::new(1);
        let mut keys = Transit::generate(now(), &mut rng);
        let bob = Fingerprint::from([1; 32]);
        let offer = keys.give(bob, &["https://relay.example".into()], now(), &mut rng).offer();
        assert!(keys.take(bob, &offer, now()));
        let again: Transit = toml::from_str(&keys.text()).unwrap();
        assert_eq!(*again.text(), *keys.text());
        assert_eq!(again.received[0].prekey, offer.prekey);
    }

    #[test]
    fn offers_are_unique_in_time_and_the_newest_counts() {
        let mut rng = Fixed::new(2);
        let mut keys = Transit::generate(now(), &mut rng);
        let bob = Fingerprint::from([1; 32]);
        let old = keys.give(bob, &[], now(), &mut rng).offer();
        let new = keys.give(bob, &[], now(), &mut rng).offer();
        assert!(new.made > old.made);
        assert!(keys.take(bob, &new, now()));
        assert!(!keys.take(bob, &old, now()), "an old offer arriving late is ignored");
        assert_eq!(keys.usable_offer(bob, now()).map(|r| r.made), Some(new.made));
        assert!(keys.usable_offer(bob, new.made + 45 * DAY + 1).is_none());
        let ahead = Offer { made: now() + 601, ..new };
        assert!(!keys.take(bob, &ahead, now()), "more than ten minutes ahead");
    }
}
