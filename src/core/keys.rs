//! Keys and names of people: the Ed25519 identity and its fingerprint, X25519 halves, pair
//! secrets, and the ids of letters. Secrets erase themselves and print nothing; public keys exist
//! only once checked. Specified in poste-protocol(7), Names and Keys.

use crate::core::encode::{base64, hex, unbase64, unhex};
use crate::core::prim;
use crate::core::random::{Random, bytes};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The text or bytes are not a key that the protocol admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not 32 bytes in canonical hex or base64.
    #[error("not a key of 32 bytes in canonical form")]
    Encoding,
    /// Top bit set, not below 2^255 − 19, or of small order.
    #[error("not an admissible X25519 public key")]
    Point,
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Fresh random bytes.
            pub fn generate(rng: &mut dyn Random) -> $name {
                $name(bytes(rng))
            }

            /// Takes bytes that were stored or received.
            pub fn from_bytes(bytes: [u8; 32]) -> $name {
                $name(bytes)
            }

            /// The secret bytes.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                zeroize::Zeroizing::new(base64(&self.0)).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
                unbase64(&text).map($name).map_err(serde::de::Error::custom)
            }
        }
    };
}

secret!(
    /// The Ed25519 seed of an identity (RFC 8032). It signs cards and nothing else.
    SignSecret
);
secret!(
    /// An X25519 secret (RFC 7748): the identity DH key of a series, or a day key.
    DhSecret
);
secret!(
    /// 32 bytes given to one correspondent for cells addressed to the giver.
    PairSecret
);
secret!(
    /// A seed of the day chain; whoever has it has all earlier ones.
    Seed
);

impl SignSecret {
    /// The public half.
    pub fn public(&self) -> SignPublic {
        SignPublic(prim::ed25519_public(&self.0))
    }
}

impl DhSecret {
    /// The public half.
    pub fn public(&self) -> DhPublic {
        DhPublic(prim::x25519_public(&self.0))
    }
}

macro_rules! text_form {
    ($name:ident, $encode:expr, $decode:expr, $error:ty) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<$name, $error> {
                $decode(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The public half of an identity; written in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignPublic([u8; 32]);

impl SignPublic {
    /// The 32 raw bytes, as they go into hashes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the public half: the name of the identity.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(prim::sha256(&[&self.0]))
    }
}

text_form!(
    SignPublic,
    base64,
    |text| unbase64(text).map(SignPublic).map_err(|_| BadKey::Encoding),
    BadKey
);

/// An admissible X25519 public key; written in base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DhPublic([u8; 32]);

impl DhPublic {
    /// Checks 32 bytes: top bit clear, below 2^255 − 19, not of small order.
    pub fn parse(bytes: [u8; 32]) -> Result<DhPublic, BadKey> {
        if prim::x25519_public_is_good(&bytes) { Ok(DhPublic(bytes)) } else { Err(BadKey::Point) }
    }

    /// The 32 raw bytes, as they go into hashes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

text_form!(
    DhPublic,
    base64,
    |text| unbase64(text).map_err(|_| BadKey::Encoding).and_then(DhPublic::parse),
    BadKey
);

/// SHA-256 of an identity's public half; written in 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The 32 raw bytes, whose first digits are the listen digits.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Twelve English words of BIP-39: the first 128 bits and their checksum, to be compared
    /// aloud.
    pub fn words(&self) -> String {
        bip39::Mnemonic::from_entropy(&self.0[..16])
            .expect("16 bytes are a length that BIP-39 defines")
            .to_string()
    }
}

text_form!(
    Fingerprint,
    hex,
    |text| unhex(text).map(Fingerprint).map_err(|_| BadKey::Encoding),
    BadKey
);

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A fresh one.
            pub fn generate(rng: &mut dyn Random) -> $name {
                $name(bytes(rng))
            }

            /// The 16 raw bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl From<[u8; 16]> for $name {
            fn from(bytes: [u8; 16]) -> $name {
                $name(bytes)
            }
        }

        text_form!(
            $name,
            hex,
            |text| unhex(text).map($name).map_err(|_| BadKey::Encoding),
            BadKey
        );
    };
}

id!(
    /// The id of a letter, drawn afresh for each addressee; written in 32 hex digits, and in
    /// hashes too it is those 32 ASCII characters.
    LetterId
);
id!(
    /// The id of an enclosure; written in 32 hex digits.
    EnclosureId
);
id!(
    /// The id of a group; written in 32 hex digits.
    GroupId
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn secrets_print_nothing() {
        let secret = PairSecret::from_bytes([0x41; 32]);
        assert_eq!(format!("{secret:?}"), "PairSecret(…)");
    }

    #[test]
    fn words_are_those_of_bip39() {
        let zeros = Fingerprint::from([0; 32]);
        assert_eq!(zeros.words(), format!("{}about", "abandon ".repeat(11)));
    }

    #[test]
    fn public_keys_are_checked_when_read() {
        let good = DhSecret::generate(&mut Fixed::new(1)).public();
        assert_eq!(good.to_string().parse(), Ok(good));
        assert_eq!(base64(&[0; 32]).parse::<DhPublic>(), Err(BadKey::Point));
        assert_eq!("AA".parse::<DhPublic>(), Err(BadKey::Encoding));
    }

    #[test]
    fn fingerprint_is_the_hash_of_the_public_half() {
        let public = SignSecret::from_bytes([9; 32]).public();
        assert_eq!(public.fingerprint().as_bytes(), &prim::sha256(&[public.as_bytes()]));
        assert!("AB".repeat(32).parse::<Fingerprint>().is_err(), "upper case");
    }
}
