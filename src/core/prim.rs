//! Every raw call to a cryptographic primitive, but for the hybrid stanza's (`core/hybrid.rs`)
//! and what the `age` crate does itself. Each says why its nonce and lengths are safe.
//! Nothing here knows a letter or a cell. Specified in poste-protocol(7), Notation.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use ed25519_dalek::Signer;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use zeroize::Zeroizing;

/// 32 secret bytes, erased when dropped.
pub type Key32 = Zeroizing<[u8; 32]>;

/// The result of an X25519 exchange was all zero: the other key is of small order (RFC 7748
/// section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an X25519 key of small order")]
pub struct AllZero;

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    HashPrefix::new(parts).finish(&[])
}

/// SHA-256 of all that `input` gives, of which a little is held at a time.
pub fn sha256_of(mut input: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut input, &mut hash)?;
    Ok(hash.finalize().into())
}

/// SHA-256 of something whose beginning is hashed once and whose end is tried many times.
pub struct HashPrefix(Sha256);

impl HashPrefix {
    /// Hashes the beginning.
    pub fn new(parts: &[&[u8]]) -> HashPrefix {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        HashPrefix(hash)
    }

    /// SHA-256 of the beginning and this end.
    pub fn finish(&self, end: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(end).finalize().into()
    }
}

/// HKDF-SHA256 (RFC 5869) with empty salt and 32 bytes of output. Every caller's `info` begins
/// with a label of its own, so two uses never meet.
pub fn hkdf(ikm: &[u8], info: &[&[u8]]) -> Key32 {
    let mut out = Zeroizing::new([0; 32]);
    hkdf::Hkdf::<Sha256>::new(None, ikm)
        .expand_multi_info(info, &mut *out)
        .expect("32 bytes are within the limit of HKDF-SHA256, 8160");
    out
}

/// HMAC-SHA256 (RFC 2104) over the parts. Every caller's first part begins with a label of its
/// own, and what follows is of fixed length or preceded by its length.
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

/// Whether `tag` is the HMAC-SHA256 of the parts; compared in constant time.
pub fn hmac_holds(key: &[u8], parts: &[&[u8]], tag: &[u8; 32]) -> bool {
    keyed(key, parts).verify_slice(tag).is_ok()
}

/// HMAC-SHA256 of something whose beginning is hashed once and whose end is tried many times.
pub struct HmacPrefix(Hmac<Sha256>);

impl HmacPrefix {
    /// Takes the key and hashes the beginning; as for [`hmac`], it starts with a label.
    pub fn new(key: &[u8], parts: &[&[u8]]) -> HmacPrefix {
        HmacPrefix(keyed(key, parts))
    }

    /// HMAC-SHA256 of the beginning and this end.
    pub fn finish(&self, end: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(end).finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// ChaCha20-Poly1305 (RFC 8439) with an all-zero nonce. Safe because `key` is derived from a
/// fresh point for every cell and so encrypts one plaintext only.
pub fn seal_once(key: &Key32, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(Key::from_slice(&key[..]))
        .encrypt(&Nonce::default(), Payload { msg: plain, aad })
        .expect("a cell is far below the limit of 256 GiB")
}

/// Opens what [`seal_once`] sealed; `None` if key, `aad` or bytes are others.
pub fn open_once(key: &Key32, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ChaCha20Poly1305::new(Key::from_slice(&key[..]))
        .decrypt(&Nonce::default(), Payload { msg: sealed, aad })
        .ok()
        .map(Zeroizing::new)
}

/// The public half of an X25519 secret (RFC 7748): the scalar times the base point.
pub fn x25519_public(secret: &[u8; 32]) -> [u8; 32] {
    // By the table of the base point: a third of what the ladder takes, and the same result.
    let secret = x25519_dalek::StaticSecret::from(*secret);
    x25519_dalek::PublicKey::from(&secret).to_bytes()
}

/// X25519 (RFC 7748). An all-zero result is an error, so no key is ever derived from it.
pub fn x25519(secret: &[u8; 32], public: &[u8; 32]) -> Result<Key32, AllZero> {
    let shared = Zeroizing::new(x25519_dalek::x25519(*secret, *public));
    let zero = subtle::ConstantTimeEq::ct_eq(&shared[..], &[0; 32]);
    if bool::from(zero) { Err(AllZero) } else { Ok(shared) }
}

/// Whether 32 bytes are the canonical encoding of a Curve25519 u-coordinate that is not of small
/// order: top bit clear, below 2^255 − 19, none of the five canonical points of order up to 8.
pub fn x25519_public_is_good(public: &[u8; 32]) -> bool {
    let below_prime = public[31] < 0x7f
        || (public[31] == 0x7f && (public[1..31].iter().any(|b| *b != 0xff) || public[0] < 0xed));
    below_prime && !SMALL_ORDER.contains(public)
}

/// The public half of an Ed25519 seed (RFC 8032).
pub fn ed25519_public(seed: &[u8; 32]) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// Ed25519 (RFC 8032); deterministic, so no nonce to go wrong. Callers put a label before what
/// they sign.
pub fn ed25519_sign(seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
    ed25519_dalek::SigningKey::from_bytes(seed).sign(message).to_bytes()
}

/// Verifies strictly: S below the group order, A and R canonical and not of small order.
pub fn ed25519_holds(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(public) else { return false };
    key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_order_points_give_zero_and_are_refused() {
        for point in SMALL_ORDER {
            assert_eq!(x25519(&[7; 32], &point).err(), Some(AllZero));
            assert!(!x25519_public_is_good(&point));
        }
    }

    #[test]
    fn the_public_half_is_the_scalar_times_nine() {
        let mut nine = [0; 32];
        nine[0] = 9;
        for scalar in 0..=255 {
            let secret = sha256(&[&[scalar]]);
            assert_eq!(x25519_public(&secret), *x25519(&secret, &nine).unwrap());
        }
    }

    #[test]
    fn only_canonical_public_keys_are_good() {
        let good = x25519_public(&[7; 32]);
        assert!(x25519_public_is_good(&good));
        let mut top = good;
        top[31] |= 0x80;
        assert!(!x25519_public_is_good(&top));
        let mut prime = [0xff; 32];
        (prime[0], prime[31]) = (0xed, 0x7f);
        for low in 0xed..=0xff {
            prime[0] = low;
            assert!(!x25519_public_is_good(&prime), "{low:x}");
        }
        prime[0] = 0xeb;
        assert!(x25519_public_is_good(&prime), "p - 2");
    }

    #[test]
    fn sealed_bytes_open_only_with_key_and_aad() {
        let key = Zeroizing::new([1; 32]);
        let sealed = seal_once(&key, b"aad", b"plain");
        assert_eq!(open_once(&key, b"aad", &sealed).unwrap().as_slice(), b"plain");
        assert!(open_once(&key, b"aae", &sealed).is_none());
        assert!(open_once(&Zeroizing::new([2; 32]), b"aad", &sealed).is_none());
    }

    #[test]
    fn weak_ed25519_keys_verify_nothing() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!ed25519_holds(&identity, b"anything", &signature));
    }
}
