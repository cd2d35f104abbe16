//! Requests: strangers who wrote a first letter and wait for an answer. Each has one file in the
//! requests directory with their card, their offer and the ids to be acknowledged, none of which
//! has any effect before `accept`. Bounded: 8 letters a person, 500 in all.
//! Specified in poste-protocol(7), Acknowledgement, and poste-files(5).

use super::atomic;
use super::error::Error;
use super::home::Places;
use crate::core::hybrid::HybridPublic;
use crate::core::keys::{Fingerprint, LetterId, PairSecret};
use crate::core::letter::Offer;
use crate::core::time::Time;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Letters of one stranger kept at most.
pub const MOST_EACH: usize = 8;
/// Letters of all strangers kept at most.
pub const MOST: usize = 500;

pub(super) const LIMIT: u64 = 1 << 20;

/// A stranger's first letters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who it is.
    pub fingerprint: Fingerprint,
    /// When the first letter came.
    pub since: Time,
    /// Their card as it came.
    pub card: String,
    /// The letters, and the names of the files that hold them in the requests folder.
    pub letter: Vec<Waiting>,
    /// What they hold of ours, of the letter with the highest date.
    pub latest: Time,
    /// `issued` of the card of ours that they hold.
    pub card_seen: Time,
    /// `made` of the offer of ours that they hold.
    pub offer_seen: Time,
    /// Their newest offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<RawOffer>,
}

/// A letter in the requests folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Its id, acknowledged on acceptance.
    pub id: LetterId,
    /// Its file's name.
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOffer {
    made: Time,
    prekey: String,
    secret: PairSecret,
    nodes: Vec<String>,
}

impl Request {
    /// A stranger whose first letter is about to be filed.
    pub fn new(fingerprint: Fingerprint, card: &str, now: Time) -> Request {
        Request {
            fingerprint,
            since: now,
            card: card.to_owned(),
            letter: Vec::new(),
            latest: Time::default(),
            card_seen: Time::default(),
            offer_seen: Time::default(),
            offer: None,
        }
    }

    /// Reads one; `None` if that person has not written.
    pub fn load(places: &Places, person: Fingerprint) -> Result<Option<Request>, Error> {
        atomic::read_toml(&file(places, person), LIMIT)
    }

    /// Reads all, oldest first. A file that cannot be read stops none of the others: it is among
    /// the errors.
    pub fn load_all(places: &Places) -> Result<(Vec<Request>, Vec<Error>), Error> {
        let (mut all, mut bad) = (Vec::<Request>::new(), Vec::new());
        for entry in atomic::entries(&places.requests_dir())? {
            if entry.path().extension().is_some_and(|e| e == "toml") {
                match atomic::read_toml::<Request>(&entry.path(), LIMIT) {
                    Ok(request) => all.extend(request),
                    Err(error) => bad.push(error),
                }
            }
        }
        all.sort_by_key(|request| (request.since, request.fingerprint));
        Ok((all, bad))
    }

    /// Writes it, durably.
    pub fn save(&self, places: &Places) -> Result<(), Error> {
        atomic::write_toml(&file(places, self.fingerprint), self)
    }

    /// Forgets it.
    pub fn remove(&self, places: &Places) -> Result<(), Error> {
        atomic::remove(&file(places, self.fingerprint))
    }

    /// Their newest offer, if it still reads.
    pub fn offer(&self) -> Option<Offer> {
        let raw = self.offer.as_ref()?;
        let prekey: HybridPublic = raw.prekey.parse().ok()?;
        let (made, secret, nodes) = (raw.made, raw.secret.clone(), raw.nodes.clone());
        Some(Offer { made, prekey, secret, nodes })
    }

    /// Keeps an offer if it is newer than the one kept.
    pub fn keep_offer(&mut self, offer: &Offer) {
        if self.offer.as_ref().is_none_or(|kept| kept.made < offer.made) {
            self.offer = Some(RawOffer {
                made: offer.made,
                prekey: offer.prekey.to_string(),
                secret: offer.secret.clone(),
                nodes: offer.nodes.clone(),
            });
        }
    }
}

/// The file of one person's request.
pub fn file(places: &Places, person: Fingerprint) -> PathBuf {
    places.requests_dir().join(format!("{person}.toml"))
}
