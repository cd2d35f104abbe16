//! The hybrid key of age v1, `mlkem768x25519`: what a letter is sealed to, on the `age` crate's
//! traits. A prekey is one such key pair.
//!
//! It refuses public keys that are not exactly what their owner could have made: ML-KEM
//! coefficients not below the modulus, and X25519 points that are not canonical or of small order.
//! A stanza that is malformed or for somebody else is "not ours", never an error that stops others
//! from being tried. Specified by c2sp.org/age and poste-protocol(7), Keys and Letters.

mod xwing;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode, bech32_encode_to_fmt};
use bech32::Hrp;
use zeroize::Zeroizing;

use crate::core::encode::{base64, unbase64};
use crate::core::prim::x25519_public_is_good;
use crate::core::random::{self, Random};

/// Bytes of a [`HybridPublic`].
pub const PUBLIC: usize = xwing::PUBLIC;
/// The name of the stanza in an age header.
pub const STANZA: &str = "mlkem768x25519";

const PUBLIC_PREFIX: Hrp = Hrp::parse_unchecked("age1pq");
const SECRET_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-pq-");

/// Why a public key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPublic {
    /// Not Bech32 with the prefix `age1pq`, or not of 1216 bytes.
    #[error("not an age1pq1 recipient")]
    Text,
    /// A coefficient of the ML-KEM half is not below 3329 (FIPS 203, section 7.2).
    #[error("the ML-KEM half of the public key fails the modulus check")]
    Modulus,
    /// The X25519 half has its top bit set, is not below 2^255 − 19, or is of small order.
    #[error("the X25519 half of the public key is not a canonical point of large order")]
    Point,
}

/// The text is not an `AGE-SECRET-KEY-PQ-1` identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an AGE-SECRET-KEY-PQ-1 identity")]
pub struct BadSecret;

/// The secret half: an X-Wing seed of 32 bytes, erased when dropped.
#[derive(Clone)]
pub struct HybridSecret(Zeroizing<[u8; 32]>);

/// The public half, 1216 bytes, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct HybridPublic(Box<[u8; PUBLIC]>);

/// A recipient for one sealing: a public key and the randomness of one encapsulation.
pub struct HybridRecipient<'a> {
    to: &'a HybridPublic,
    // Taken by the first use: the same bytes twice would be one key and nonce for two file keys.
    random: Cell<Option<Zeroizing<[u8; 64]>>>,
}

impl HybridSecret {
    /// A new key.
    pub fn generate(rng: &mut dyn Random) -> HybridSecret {
        HybridSecret(Zeroizing::new(random::bytes(rng)))
    }

    /// The key with this seed; every seed is one.
    pub fn from_bytes(seed: [u8; 32]) -> HybridSecret {
        HybridSecret(Zeroizing::new(seed))
    }

    /// The seed, to be stored.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half.
    pub fn public(&self) -> HybridPublic {
        HybridPublic(xwing::public(&self.0))
    }

    /// The text that the `age` program takes as an identity: `AGE-SECRET-KEY-PQ-1…`.
    pub fn to_text(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(bech32_encode(SECRET_PREFIX, self.0.as_slice()));
        Zeroizing::new(lower.to_ascii_uppercase())
    }
}

impl FromStr for HybridSecret {
    type Err = BadSecret;

    /// Reads `AGE-SECRET-KEY-PQ-1…`, in capitals as age demands.
    fn from_str(text: &str) -> Result<HybridSecret, BadSecret> {
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(BadSecret);
        }
        let seed = unbech32::<32>(text, SECRET_PREFIX).ok_or(BadSecret)?;
        Ok(HybridSecret(Zeroizing::new(**seed)))
    }
}

impl fmt::Debug for HybridSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("HybridSecret(..)")
    }
}

impl HybridPublic {
    /// Checks and takes a public key.
    pub fn parse(bytes: &[u8; PUBLIC]) -> Result<HybridPublic, BadPublic> {
        let point = bytes.last_chunk().expect("the key is longer than its X25519 half");
        if !x25519_public_is_good(point) {
            return Err(BadPublic::Point);
        }
        if !xwing::passes_modulus_check(bytes) {
            return Err(BadPublic::Modulus);
        }
        Ok(HybridPublic(Box::new(*bytes)))
    }

    /// The key: ML-KEM-768 (1184 bytes), then X25519 (32 bytes).
    pub fn as_bytes(&self) -> &[u8; PUBLIC] {
        &self.0
    }
}

impl FromStr for HybridPublic {
    type Err = BadPublic;

    /// Reads `age1pq1…`, in lower case as age demands, and checks the key.
    fn from_str(text: &str) -> Result<HybridPublic, BadPublic> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(BadPublic::Text);
        }
        let bytes = unbech32::<PUBLIC>(text, PUBLIC_PREFIX).ok_or(BadPublic::Text)?;
        HybridPublic::parse(&bytes)
    }
}

impl fmt::Display for HybridPublic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32_encode_to_fmt(out, PUBLIC_PREFIX, self.0.as_slice())
    }
}

impl fmt::Debug for HybridPublic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("HybridPublic(..)")
    }
}

impl<'a> HybridRecipient<'a> {
    /// A recipient for one age file.
    pub fn new(to: &'a HybridPublic, rng: &mut dyn Random) -> HybridRecipient<'a> {
        let random = Zeroizing::new(random::bytes(rng));
        HybridRecipient { to, random: Cell::new(Some(random)) }
    }
}

impl age::Recipient for HybridRecipient<'_> {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let refused = |why| EncryptError::Io(io::Error::other(why));
        let random = self.random.take().ok_or_else(|| refused("a recipient is for one file"))?;
        let (shared, encapsulated) = xwing::encapsulate(self.to.as_bytes(), &random)
            .ok_or_else(|| refused("the X25519 result is all zero"))?;
        let stanza = Stanza {
            tag: STANZA.to_owned(),
            args: vec![base64(encapsulated.as_slice())],
            body: xwing::wrap(&shared, file_key.expose_secret()),
        };
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

impl age::Identity for HybridSecret {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let [argument] = stanza.args.as_slice() else { return None };
        let encapsulated = unbase64::<{ xwing::ENCAPSULATED }>(argument).ok()?;
        let body = stanza.body.as_slice().try_into().ok()?;
        // As for every X25519 key that is received, though the combiner would bind any encoding.
        if !x25519_public_is_good(encapsulated.last_chunk()?) {
            return None;
        }
        let shared = xwing::decapsulate(&self.0, &encapsulated)?;
        let plain = xwing::unwrap(&shared, body)?;
        Some(Ok(FileKey::init_with_mut(|key| key.copy_from_slice(&plain))))
    }
}

fn unbech32<const N: usize>(text: &str, prefix: Hrp) -> Option<Box<Zeroizing<[u8; N]>>> {
    bech32_decode(
        text,
        |_| (),
        |found| (found == prefix).then_some(()).ok_or(()),
        |_, mut bytes| {
            let mut out = Box::new(Zeroizing::new([0; N]));
            for byte in out.iter_mut() {
                *byte = bytes.next().ok_or(())?;
            }
            bytes.next().is_none().then_some(out).ok_or(())
        },
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use age::{Identity, Recipient};

    fn file_key() -> FileKey {
        FileKey::new(Box::new([7; 16]))
    }

    fn stanza(secret: &HybridSecret) -> Stanza {
        let public = secret.public();
        let (mut stanzas, _) =
            HybridRecipient::new(&public, &mut Fixed::new(9)).wrap_file_key(&file_key()).unwrap();
        stanzas.remove(0)
    }

    fn unwraps(secret: &HybridSecret, stanza: &Stanza) -> bool {
        match secret.unwrap_stanza(stanza) {
            Some(Ok(key)) => *key.expose_secret() == [7; 16],
            Some(Err(_)) => panic!("a stanza is ours or not, never fatal"),
            None => false,
        }
    }

    #[test]
    fn both_texts_go_there_and_back() {
        let secret = HybridSecret::generate(&mut Fixed::new(1));
        let text = secret.to_text();
        assert!(text.starts_with("AGE-SECRET-KEY-PQ-1"));
        assert_eq!(text.parse::<HybridSecret>().unwrap().expose(), secret.expose());
        assert!(text.to_lowercase().parse::<HybridSecret>().is_err());
        let public = secret.public();
        let text = public.to_string();
        assert!(text.starts_with("age1pq1"));
        assert_eq!(text.len(), 1959);
        assert_eq!(text.parse::<HybridPublic>(), Ok(public));
        assert_eq!(text.to_uppercase().parse::<HybridPublic>(), Err(BadPublic::Text));
        assert_eq!(text[..1958].parse::<HybridPublic>(), Err(BadPublic::Text));
        assert_eq!(format!("{secret:?}"), "HybridSecret(..)");
    }

    #[test]
    fn each_coefficient_of_the_public_key_is_held_below_the_modulus() {
        let good = *HybridSecret::from_bytes([1; 32]).public().as_bytes();
        assert!(HybridPublic::parse(&good).is_ok());
        // Three bytes hold two coefficients of 12 bits; 3329 = 0xd01 is the least that is too large.
        for index in [0, 3, 576, 1149] {
            let mut low = good;
            low[index] = 0x01;
            low[index + 1] = (low[index + 1] & 0xf0) | 0x0d;
            assert_eq!(HybridPublic::parse(&low), Err(BadPublic::Modulus), "low of {index}");
            low[index] = 0x00;
            assert!(HybridPublic::parse(&low).is_ok(), "3328 at {index}");
            let mut high = good;
            high[index + 1] = (high[index + 1] & 0x0f) | 0x10;
            high[index + 2] = 0xd0;
            assert_eq!(HybridPublic::parse(&high), Err(BadPublic::Modulus), "high of {index}");
        }
    }

    #[test]
    fn points_of_small_order_and_in_other_encodings_are_refused() {
        let mut key = *HybridSecret::from_bytes([1; 32]).public().as_bytes();
        let mut refused = |point: [u8; 32]| {
            key[1184..].copy_from_slice(&point);
            assert_eq!(HybridPublic::parse(&key), Err(BadPublic::Point), "{point:x?}");
        };
        let (mut one, mut top, mut beyond) = ([0; 32], [0; 32], [0xff; 32]);
        refused([0; 32]);
        one[0] = 1;
        refused(one);
        (top[0], top[31]) = (9, 0x80);
        refused(top);
        beyond[31] = 0x7f;
        for first in 0xec..=0xff {
            beyond[0] = first;
            refused(beyond);
        }
        refused([0xff; 32]);
    }

    #[test]
    fn a_recipient_serves_one_file_and_mixes_only_with_its_like() {
        let public = HybridSecret::from_bytes([1; 32]).public();
        let recipient = HybridRecipient::new(&public, &mut Fixed::new(1));
        let (_, labels) = recipient.wrap_file_key(&file_key()).unwrap();
        assert_eq!(labels, HashSet::from(["postquantum".to_owned()]));
        assert!(recipient.wrap_file_key(&file_key()).is_err());
    }

    #[test]
    fn a_stanza_is_ours_only_if_every_part_of_it_is() {
        let secret = HybridSecret::from_bytes([1; 32]);
        assert!(unwraps(&secret, &stanza(&secret)));
        assert!(!unwraps(&HybridSecret::from_bytes([2; 32]), &stanza(&secret)));
        let spoil: [fn(&mut Stanza); 7] = [
            |s| s.tag.push('x'),
            |s| s.args.clear(),
            |s| s.args.push("x".into()),
            |s| s.args[0].push('='),
            |s| s.args[0].truncate(40),
            |s| s.body.truncate(31),
            |s| s.body.push(0),
        ];
        for (number, change) in spoil.into_iter().enumerate() {
            let mut spoilt = stanza(&secret);
            change(&mut spoilt);
            assert!(!unwraps(&secret, &spoilt), "change {number}");
        }
    }
}
