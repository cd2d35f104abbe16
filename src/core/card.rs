//! The card: a signed TOML document by which a person is written to, and a trailer that discloses
//! expired days. The two parts are split at the last line `[signature]` and parsed apart, so that
//! whoever hosts a card can add nothing to it. A card that breaks a rule is refused whole.
//! Specified in poste-protocol(7), Card, and poste-files(5).

mod signed;
mod trailer;

use crate::core::bucket::{Class, Prefix};
use crate::core::hybrid::HybridPublic;
use crate::core::keys::{DhPublic, Fingerprint, Seed, SignPublic, SignSecret};
use crate::core::prim;
use crate::core::time::{DAY, Day, Time};

/// Bytes of a card file at most.
pub const LIMIT: usize = 16 << 10;
/// Days that a card lists at most.
pub const MOST_DAYS: usize = 64;
/// Series that a card retires at most.
pub const MOST_RETIRED: usize = 32;

const LABEL: &[u8] = b"poste/1 card\n";
const MARK: &str = "[signature]";

/// What a card says; the fields are those of the file.
#[derive(Clone, Debug)]
pub struct Card {
    /// When it was signed, and so its version: the highest wins.
    pub issued: Time,
    /// Past this moment `add` refuses it.
    pub expires: Time,
    /// A suggestion; the reader chooses the petname. At most 64 printable characters.
    pub name: String,
    /// `S`.
    pub sign: SignPublic,
    /// The Unix second at which the series was begun.
    pub series: Time,
    /// `I`.
    pub dh: DhPublic,
    /// The day of the first key in `days`.
    pub first_day: Day,
    /// `X` of `first_day` and the days after it, 1 to 64.
    pub days: Vec<DhPublic>,
    /// The public prekey.
    pub prekey: HybridPublic,
    /// The last day on which a sender uses the prekey without asking for a newer card.
    pub prekey_until: Day,
    /// Where the card is posted, at most 8.
    pub urls: Vec<String>,
    /// Where its owner listens, at most 8.
    pub nodes: Vec<String>,
    /// The listen digits, a beginning of the fingerprint.
    pub listen: Prefix,
    /// How often its owner listens.
    pub class: Class,
    /// Work asked of strangers, 0 to 28.
    pub stamp_bits: u8,
    /// Whether its owner takes part in cover conversations.
    pub cover: bool,
    /// Earlier series, disclosed for good.
    pub retired: Vec<Retired>,
    /// Whether no newer card is to be believed.
    pub end: bool,
}

/// A series that is over: with its seed its days stay forgeable.
#[derive(Clone, Debug)]
pub struct Retired {
    /// Its number.
    pub series: Time,
    /// Its `I`.
    pub dh: DhPublic,
    /// The last day whose key was used.
    pub date: Day,
    /// The seed of that day.
    pub seed: Seed,
}

/// A disclosed day: the seed that gives its key and all earlier ones.
#[derive(Clone, Debug)]
pub struct Disclosed {
    /// The newest day disclosed.
    pub date: Day,
    /// Its seed.
    pub seed: Seed,
}

/// A card whose signature holds, with its trailer and its exact text.
#[derive(Clone, Debug)]
pub struct SignedCard {
    /// What it says.
    pub card: Card,
    /// What its trailer discloses; the seed gives the `X` that the card lists for the day.
    pub disclosed: Option<Disclosed>,
    text: String,
    signed: usize,
}

/// The rule that a card breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCard {
    /// A seed that does not give the listed key of its day, or of a day not listed.
    #[error("the seed in its trailer does not give the day key it lists")]
    Disclosed,
    /// The contents of a field are not admissible.
    #[error("its {0} is not admissible")]
    Field(&'static str),
    /// The listen digits do not begin the fingerprint.
    #[error("its listen digits are not those of its fingerprint")]
    Listen,
    /// Longer than 16 KiB, not UTF-8, or with a carriage return.
    #[error("not a text of at most 16 KiB with LF line ends")]
    NotText,
    /// No line `[signature]`.
    #[error("it has no line [signature]")]
    NoSignature,
    /// The signature is not that of the key in the card.
    #[error("its signature does not hold")]
    Signature,
    /// The signed part is no TOML of a card, with the parser's reason.
    #[error("its signed part does not parse: {0}")]
    Signed(String),
    /// The trailer has something that must not be there, with the parser's reason.
    #[error("its trailer does not parse: {0}")]
    Trailer(String),
}

/// Why a good card is not taken by a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Another signed part with the same `issued` has been seen: one of the two was served to
    /// deceive, or its owner has two homes.
    #[error("another card with the same issue time has been seen (equivocation)")]
    Equivocation,
    /// Issued more than a day ahead of the clock.
    #[error("it was issued in the future")]
    Future,
    /// Lower `issued` or series than the newest seen, or after the last one.
    #[error("a newer card has been seen already (rollback)")]
    Rollback,
    /// The key is not the pinned one.
    #[error("it belongs to another identity than the pinned one")]
    WrongIdentity,
}

impl Card {
    /// Signs the card. The fields must be admissible; what is made is read back and checked.
    pub fn sign(
        &self,
        secret: &SignSecret,
        disclosed: Option<&Disclosed>,
    ) -> Result<SignedCard, BadCard> {
        let signed = signed::write(self);
        let signature = prim::ed25519_sign(secret.expose(), &message(&signed));
        SignedCard::parse(format!("{signed}{}", trailer::write(&signature, disclosed)).as_bytes())
    }

    /// Whose card it is.
    pub fn fingerprint(&self) -> Fingerprint {
        self.sign.fingerprint()
    }

    /// The listed `X` of a day.
    pub fn day_key(&self, day: Day) -> Option<DhPublic> {
        let at = usize::try_from(day.days_since(self.first_day)).ok()?;
        self.days.get(at).copied()
    }

    /// The last day listed.
    pub fn last_day(&self) -> Day {
        self.first_day.plus(self.days.len() as u32 - 1)
    }
}

impl SignedCard {
    /// Reads a card file and checks everything that it must satisfy by itself: form, limits,
    /// signature, and that a disclosed seed gives the key listed for its day.
    pub fn parse(bytes: &[u8]) -> Result<SignedCard, BadCard> {
        if bytes.len() > LIMIT || bytes.contains(&b'\r') {
            return Err(BadCard::NotText);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadCard::NotText)?;
        let split = last_mark(text).ok_or(BadCard::NoSignature)?;
        let (signed, trailer) = text.split_at(split);
        let (signature, disclosed) = trailer::read(trailer)?;
        let card = signed::read(signed)?;
        if !prim::ed25519_holds(card.sign.as_bytes(), &message(signed), &signature) {
            return Err(BadCard::Signature);
        }
        if card.listen != Prefix::of(card.fingerprint().as_bytes(), card.listen.len()) {
            return Err(BadCard::Listen);
        }
        if let Some(disclosed) = &disclosed {
            let gives = disclosed.seed.day_key(disclosed.date).public();
            if card.day_key(disclosed.date) != Some(gives) {
                return Err(BadCard::Disclosed);
            }
        }
        Ok(SignedCard { card, disclosed, text: text.to_owned(), signed: split })
    }

    /// The bytes of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes under the signature.
    pub fn signed_part(&self) -> &str {
        &self.text[..self.signed]
    }

    /// The same card with another trailer.
    pub fn with_disclosed(&self, disclosed: &Disclosed) -> Result<SignedCard, BadCard> {
        let (signature, _) = trailer::read(&self.text[self.signed..])?;
        let trailer = trailer::write(&signature, Some(disclosed));
        SignedCard::parse(format!("{}{trailer}", self.signed_part()).as_bytes())
    }

    /// Whether a reader who pinned `identity` and has seen `seen` takes this card at `now`. A card
    /// equal in its signed part is taken: its trailer may be newer.
    pub fn check(
        &self,
        identity: Fingerprint,
        seen: Option<&SignedCard>,
        now: Time,
    ) -> Result<(), NotTaken> {
        if self.card.fingerprint() != identity {
            return Err(NotTaken::WrongIdentity);
        }
        if self.card.issued > now + DAY {
            return Err(NotTaken::Future);
        }
        let Some(seen) = seen else { return Ok(()) };
        if self.card.issued < seen.card.issued
            || self.card.series < seen.card.series
            || seen.card.end && self.card.issued != seen.card.issued
        {
            return Err(NotTaken::Rollback);
        }
        if self.card.issued == seen.card.issued && self.signed_part() != seen.signed_part() {
            return Err(NotTaken::Equivocation);
        }
        Ok(())
    }

    /// Whether it says more than `seen`, which it has been checked against: a higher `issued`, or
    /// a later disclosed day.
    pub fn is_newer_than(&self, seen: &SignedCard) -> bool {
        let date = |card: &SignedCard| card.disclosed.as_ref().map(|d| d.date);
        (self.card.issued, date(self)) > (seen.card.issued, date(seen))
    }
}

/// Whether a text is signed as a card by this key, whatever it says: a later version may say what
/// this one cannot read.
pub fn is_signed_by(bytes: &[u8], key: &SignPublic) -> bool {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LIMIT);
    let signed = |text: &str| {
        let (signed, trailer) = text.split_at(last_mark(text)?);
        let (signature, _) = trailer::read(trailer).ok()?;
        Some(prim::ed25519_holds(key.as_bytes(), &message(signed), &signature))
    };
    text.and_then(signed).unwrap_or(false)
}

fn message(signed: &str) -> Vec<u8> {
    [LABEL, signed.as_bytes()].concat()
}

/// Where the last line that is exactly `[signature]` begins.
pub(super) fn last_mark(text: &str) -> Option<usize> {
    let mut end = text.len();
    loop {
        let at = text[..end].rfind(MARK)?;
        let starts = at == 0 || text.as_bytes()[at - 1] == b'\n';
        let ends = text.as_bytes().get(at + MARK.len()).is_none_or(|byte| *byte == b'\n');
        if starts && ends {
            return Some(at);
        }
        end = at;
    }
}

#[cfg(test)]
pub(crate) mod tests;
