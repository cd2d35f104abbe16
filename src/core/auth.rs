//! The equation that authenticates a letter, and with it the one that forges it: they are the
//! same function. Whoever holds either secret of the exchange, the author's day key or the
//! reader's DH key, computes the same key, and nothing else is needed.
//! Specified in poste-protocol(7), Authentication and Filed form.

use crate::core::keys::{DhPublic, DhSecret, LetterId, SignPublic};
use crate::core::prim::{self, AllZero, Key32};
use crate::core::time::Day;

/// Author, reader and day: all that a key for authentication depends on, but for the secret.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// `S_A`: the author's identity.
    pub author: SignPublic,
    /// `X_A[d]`: public half of the author's day key.
    pub day_key: DhPublic,
    /// The UTC day d whose key it is.
    pub day: Day,
    /// `S_B`: the reader's identity.
    pub reader: SignPublic,
    /// `I_B`: public half of the reader's DH key.
    pub reader_dh: DhPublic,
}

/// `mk`: the key of one author, one reader and one day.
pub struct MacKey(Key32);

impl MacKey {
    /// As the author computes it, and after disclosure anyone: with the day key's secret.
    pub fn by_day_key(terms: &Terms, day_key: &DhSecret) -> Result<MacKey, AllZero> {
        let shared = prim::x25519(day_key.expose(), terms.reader_dh.as_bytes())?;
        Ok(MacKey::derive(terms, &shared))
    }

    /// As the reader computes it, at any time: with the secret of his DH key.
    pub fn by_reader(terms: &Terms, reader_dh: &DhSecret) -> Result<MacKey, AllZero> {
        let shared = prim::x25519(reader_dh.expose(), terms.day_key.as_bytes())?;
        Ok(MacKey::derive(terms, &shared))
    }

    fn derive(terms: &Terms, shared: &Key32) -> MacKey {
        MacKey(prim::hkdf(
            &shared[..],
            &[
                b"poste/1 auth",
                terms.day.to_string().as_bytes(),
                terms.author.as_bytes(),
                terms.reader.as_bytes(),
                terms.day_key.as_bytes(),
                terms.reader_dh.as_bytes(),
            ],
        ))
    }

    /// The MAC of a letter as it travels. `control` is at most 32 KiB.
    pub fn letter(&self, control: &[u8], mail: &[u8]) -> [u8; 32] {
        prim::hmac(&self.0[..], &letter_parts(&control_length(control), control, mail))
    }

    /// Whether a letter's MAC holds; compared in constant time.
    pub fn letter_holds(&self, control: &[u8], mail: &[u8], mac: &[u8; 32]) -> bool {
        prim::hmac_holds(&self.0[..], &letter_parts(&control_length(control), control, mail), mac)
    }

    /// The MAC of a filed message: `rest` is everything after the first line and its LF.
    pub fn filed(&self, id: &LetterId, rest: &[u8]) -> [u8; 32] {
        prim::hmac(&self.0[..], &[b"poste/1 filed", id.to_string().as_bytes(), rest])
    }

    /// Whether a filed message's MAC holds; compared in constant time.
    pub fn filed_holds(&self, id: &LetterId, rest: &[u8], mac: &[u8; 32]) -> bool {
        let id = id.to_string();
        prim::hmac_holds(&self.0[..], &[b"poste/1 filed", id.as_bytes(), rest], mac)
    }
}

fn control_length(control: &[u8]) -> [u8; 4] {
    u32::try_from(control.len()).expect("control is at most 32 KiB").to_be_bytes()
}

fn letter_parts<'a>(length: &'a [u8; 4], control: &'a [u8], mail: &'a [u8]) -> [&'a [u8]; 4] {
    [b"poste/1 letter", length, control, mail]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::keys::SignSecret;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn author_and_reader_compute_the_same_key_and_others_do_not() {
        let mut rng = Fixed::new(1);
        let day_key = DhSecret::generate(&mut rng);
        let reader_dh = DhSecret::generate(&mut rng);
        let terms = Terms {
            author: SignSecret::generate(&mut rng).public(),
            day_key: day_key.public(),
            day: "2026-11-22".parse().unwrap(),
            reader: SignSecret::generate(&mut rng).public(),
            reader_dh: reader_dh.public(),
        };
        let mac = MacKey::by_day_key(&terms, &day_key).unwrap().letter(b"control", b"mail");
        let reader = MacKey::by_reader(&terms, &reader_dh).unwrap();
        assert!(reader.letter_holds(b"control", b"mail", &mac));
        assert!(!reader.letter_holds(b"contro", b"lmail", &mac), "the length is under the MAC");
        let other = DhSecret::generate(&mut rng);
        assert!(
            !MacKey::by_reader(&terms, &other).unwrap().letter_holds(b"control", b"mail", &mac)
        );
        let swapped = Terms { author: terms.reader, reader: terms.author, ..terms };
        let swapped = MacKey::by_reader(&swapped, &reader_dh).unwrap();
        assert!(!swapped.letter_holds(b"control", b"mail", &mac));
        let later = Terms { day: terms.day.plus(1), ..terms };
        let later = MacKey::by_reader(&later, &reader_dh).unwrap();
        assert!(!later.letter_holds(b"control", b"mail", &mac));
    }
}
