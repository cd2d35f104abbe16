//! What a message proves, in plain words: whether its authentication holds, who could have made
//! it, and since when everybody could. The answer is the same for genuine and forged messages,
//! and never more than it says: to a third person nothing is proved at any time.
//! Specified in poste(1), verify.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::client::parties::{Parties, of_contact};
use crate::core::card::SignedCard;
use crate::core::disclosure::disclosed_from;
use crate::core::filed::Filed;
use crate::core::keys::Fingerprint;
use crate::core::party::Party;
use crate::core::time::{Day, Time};
use crate::store::contacts::{Contact, Past};
use serde::Serialize;

/// What a message proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the authentication holds.
    pub holds: Answer,
    /// Whose message it says it is.
    pub from: String,
    /// For whom it is authenticated.
    pub to: String,
    /// By which day's key.
    pub day: String,
    /// Who could have made it.
    pub makers: Makers,
    /// Since when anybody could have made it, as far as is known here; `None` if its key has not
    /// been seen disclosed.
    pub public_since: Option<Time>,
    /// When its key is to be disclosed, or was.
    pub public_due: Time,
    /// Where its author's card is posted, and with it the seed that discloses it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// What it says of itself if it is unproven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<String>,
}

/// Whether the authentication holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It does not: the text, the names, the date or the day were changed by somebody who could
    /// not or did not authenticate them again.
    No,
    /// The keys that could tell are not known here.
    Unknown,
    /// It holds.
    Yes,
}

/// Who could have made a message that is authenticated so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Makers {
    /// Whoever has the two public cards.
    Anyone,
    /// Whoever it is from, and whoever it is for.
    Either,
}

/// Judges a message of one's own tree, in filed form.
pub fn verify(env: &Env<'_>, parties: &Parties, message: &[u8]) -> Result<Verdict, Error> {
    let filed = read(message)?;
    let own = own::load(env)?;
    let from = filed.head.from;
    let contact = match from == own.card.fingerprint() {
        true => None,
        false => {
            let contacts = env.readable(Contact::load_all(env.home.places())?);
            let known = contacts.into_iter().find(|contact| contact.fingerprint == from);
            match known {
                None => Past::load(env.home.places(), from)?.map(|past| past.contact),
                known => known,
            }
        }
    };
    let disclosed = match &contact {
        Some(contact) => Known {
            public: of_contact(contact),
            seen: contact.held.as_ref().map(|held| (held.date, held.since)),
            addresses: contact.card.card.urls.clone(),
        },
        None => Known::of_card(&own),
    };
    Ok(verdict(parties, &filed, &disclosed))
}

/// Judges a message as somebody does who has nothing but the cards of the two people.
pub fn verify_by_cards(
    from: &SignedCard,
    to: &SignedCard,
    message: &[u8],
) -> Result<Verdict, Error> {
    let filed = read(message)?;
    let (author, reader) = (from.card.fingerprint(), to.card.fingerprint());
    if filed.head.from != author || !filed.head.to.contains(&reader) {
        let what = "the message is not from the owner of the first card to that of the second";
        return Err(Error::new(Kind::Data, what));
    }
    let from = Known::of_card(from);
    let reader = Party::of_card(&to.card, to.disclosed.as_ref());
    let parties = Parties::of([from.public.clone(), reader]);
    Ok(verdict(&parties, &filed, &from))
}

/// What is known in public of an author.
struct Known {
    /// The public keys, and seeds that were disclosed.
    public: Party,
    /// The newest day disclosed, and when that was first seen.
    seen: Option<(Day, Time)>,
    addresses: Vec<String>,
}

impl Known {
    fn of_card(card: &SignedCard) -> Known {
        Known {
            public: Party::of_card(&card.card, card.disclosed.as_ref()),
            seen: card.disclosed.as_ref().map(|d| (d.date, disclosed_from(d.date))),
            addresses: card.card.urls.clone(),
        }
    }
}

fn read(message: &[u8]) -> Result<Filed<'_>, Error> {
    Filed::read(message).map_err(|_| {
        Error::new(Kind::Data, "this is no message in filed form, so there is nothing to verify")
    })
}

fn verdict(parties: &Parties, filed: &Filed<'_>, known: &Known) -> Verdict {
    let head = &filed.head;
    let name = |who: &Fingerprint| parties.shown(who);
    let public = head.from == known.public.fingerprint() && known.public.has_seed(head.day);
    // The seed of a later day was seen later; when this day's was due is the best that is known.
    let due = disclosed_from(known.public.begun().map_or(head.day, |begun| head.day.max(begun)));
    let seen = known.seen.filter(|(day, _)| *day == head.day).map_or(due, |(_, since)| since);
    let public_since = public.then_some(seen);
    Verdict {
        holds: match parties.holds(filed) {
            None => Answer::Unknown,
            Some(true) => Answer::Yes,
            Some(false) => Answer::No,
        },
        from: name(&head.from),
        to: parties.reader(head).as_ref().map_or_else(String::new, name),
        day: head.day.to_string(),
        makers: if public { Makers::Anyone } else { Makers::Either },
        public_since,
        public_due: due,
        addresses: known.addresses.clone(),
        unproven: filed.unproven().map(str::to_owned),
    }
}

impl Verdict {
    /// The verdict in sentences.
    pub fn lines(&self) -> Vec<String> {
        let Verdict { from, to, day, .. } = self;
        let mut lines = Vec::new();
        if let Some(why) = &self.unproven {
            lines.push(format!(
                "It lies in quarantine, unproven ({why}): anybody may have made it."
            ));
            return lines;
        }
        lines.push(match self.holds {
            Answer::Yes => {
                format!("The authentication holds: from {from} to {to}, by the key of {day}.")
            }
            Answer::No => format!(
                "The authentication does not hold: it is not what was filed as from {from} to \
                 {to} by the key of {day}."
            ),
            Answer::Unknown => {
                format!("The key of {from} for {day} is not known here, so nothing can be said.")
            }
        });
        if self.holds == Answer::Yes {
            lines.push(match (self.makers, self.public_since) {
                (Makers::Anyone, Some(since)) => format!(
                    "Anyone who has the two public cards can have made it, since {}.",
                    since.iso()
                ),
                _ => format!(
                    "{from} or {to} can have made it; from {} on, when the key is disclosed, \
                     anyone.",
                    self.public_due.iso()
                ),
            });
            if self.makers == Makers::Anyone && !self.addresses.is_empty() {
                let places = self.addresses.join(" ");
                lines.push(format!("The key that it takes can be had from {places}"));
            }
            lines.push("So it proves nothing to a third person.".to_owned());
        }
        lines
    }
}
