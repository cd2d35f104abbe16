//! The stamp: work that a stranger puts into a first letter. It guards the requests folder and
//! nothing else: it proves neither who wrote nor when, and is asked of no contact.
//! Specified in poste-protocol(7), Card.

use crate::core::encode::{hex, unhex};
use crate::core::keys::{LetterId, SignPublic};
use crate::core::prim::HashPrefix;

/// More zero bits than this are refused in a card: about a minute of work.
pub const MOST_BITS: u8 = 28;

/// Eight bytes such that the hash over both identities and the letter's id begins with zeros;
/// written in 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; 8]);

impl Stamp {
    /// Works until a stamp of `bits` zero bits (at most 28) is found, 2^bits tries on average.
    pub fn find(addressee: &SignPublic, author: &SignPublic, id: &LetterId, bits: u8) -> Stamp {
        let prefix = prefix(addressee, author, id);
        (0_u64..)
            .map(|n| Stamp(n.to_be_bytes()))
            .find(|stamp| stamp.zeros(&prefix) >= u32::from(bits.min(MOST_BITS)))
            .expect("one in 2^28 of 2^64 numbers fits")
    }

    /// Whether the stamp is worth at least `bits` for this letter.
    pub fn is_worth(
        &self,
        addressee: &SignPublic,
        author: &SignPublic,
        id: &LetterId,
        bits: u8,
    ) -> bool {
        self.zeros(&prefix(addressee, author, id)) >= u32::from(bits)
    }

    /// Reads 16 hex digits.
    pub fn parse(text: &str) -> Option<Stamp> {
        unhex(text).ok().map(Stamp)
    }

    /// 16 hex digits.
    pub fn text(&self) -> String {
        hex(&self.0)
    }

    fn zeros(&self, prefix: &HashPrefix) -> u32 {
        let hash = prefix.finish(&self.0);
        let first = u64::from_be_bytes(hash[..8].try_into().expect("8 of 32 bytes"));
        first.leading_zeros()
    }
}

/// The hash up to the stamp itself, so that each try costs one block.
fn prefix(addressee: &SignPublic, author: &SignPublic, id: &LetterId) -> HashPrefix {
    let id = id.to_string();
    HashPrefix::new(&[b"poste/1 stamp", addressee.as_bytes(), author.as_bytes(), id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::keys::SignSecret;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn a_stamp_is_worth_its_bits_for_its_letter_only() {
        let mut rng = Fixed::new(1);
        let (to, from) =
            (SignSecret::generate(&mut rng).public(), SignSecret::generate(&mut rng).public());
        let (id, other) = (LetterId::generate(&mut rng), LetterId::generate(&mut rng));
        let stamp = Stamp::find(&to, &from, &id, 12);
        assert!(stamp.is_worth(&to, &from, &id, 12));
        assert!(!stamp.is_worth(&to, &from, &other, 12));
        assert!(!stamp.is_worth(&from, &to, &id, 12));
        assert_eq!(Stamp::parse(&stamp.text()), Some(stamp));
        assert_eq!(Stamp::parse("00"), None);
    }
}
