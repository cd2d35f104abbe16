//! X-Wing (MLKEM768-X25519) and the single-shot HPKE (RFC 9180, base mode) that age v1 wraps a file
//! key with. Only bytes of fixed length go in and out; whoever calls has checked the public key.
//!
//! It refuses an all-zero X25519 result, and draws nothing: what is random comes in as a value.
//! To be replaced by the `age` crate's own when that has it. Specified by c2sp.org/age,
//! draft-connolly-cfrg-xwing-kem and RFC 9180; poste-protocol(7), Letters.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use ml_kem::kem::{Decapsulate, DecapsulationKey, EncapsulationKey};
use ml_kem::{B32, EncapsulateDeterministic, EncodedSizeUser, KemCore, MlKem768, MlKem768Params};
use sha2::Sha256;
use sha3::digest::{Digest, ExtendableOutput, Update, XofReader};
use sha3::{Sha3_256, Shake256};
use zeroize::{Zeroize, Zeroizing};

use crate::core::prim::{Key32, x25519, x25519_public};

/// Bytes of a public key: ML-KEM-768 (1184), then X25519 (32).
pub const PUBLIC: usize = ML_KEM_PUBLIC + 32;
/// Bytes of an encapsulated key: ML-KEM-768 ciphertext (1088), then an X25519 public key (32).
pub const ENCAPSULATED: usize = ML_KEM_CIPHERTEXT + 32;
/// Bytes of the ML-KEM-768 half of a public key.
pub const ML_KEM_PUBLIC: usize = 1184;
const ML_KEM_CIPHERTEXT: usize = 1088;

/// The label that X-Wing's combiner hashes last.
const LABEL: &[u8; 6] = br"\.//^\";
/// HPKE's name for X-Wing, HKDF-SHA256 and ChaCha20-Poly1305 together.
const SUITE: &[u8; 10] = b"HPKE\x64\x7a\x00\x01\x00\x03";
/// What age binds the wrapping key to.
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";

/// The public key of a 32-byte seed.
pub fn public(seed: &[u8; 32]) -> Box<[u8; PUBLIC]> {
    let (ml_kem, secret) = expand(seed);
    let mut out = Box::new([0; PUBLIC]);
    out[..ML_KEM_PUBLIC].copy_from_slice(&ml_kem.encapsulation_key().as_bytes());
    out[ML_KEM_PUBLIC..].copy_from_slice(&x25519_public(&secret));
    out
}

/// Whether the ML-KEM half is a key as FIPS 203 section 7.2 demands: every coefficient below the
/// modulus, which is so exactly if decoding and encoding again gives the same bytes. The `ml-kem`
/// crate does not look.
pub fn passes_modulus_check(public: &[u8; PUBLIC]) -> bool {
    let half = &public[..ML_KEM_PUBLIC];
    ml_kem_public(public).as_bytes().as_slice() == half
}

/// Encapsulates to `public` with 64 random bytes, used for this once: the ML-KEM message, then the
/// X25519 secret. Returns the shared secret and the encapsulated key; nothing if the X25519 result
/// is all zero.
pub fn encapsulate(
    public: &[u8; PUBLIC],
    random: &[u8; 64],
) -> Option<(Key32, Box<[u8; ENCAPSULATED]>)> {
    let theirs = public.last_chunk().expect("a key ends in its X25519 half");
    let ephemeral = Zeroizing::new(*random.last_chunk().expect("64 bytes end in 32"));
    let x25519_shared = x25519(&ephemeral, theirs).ok()?;
    let mut message = B32::default();
    message.copy_from_slice(&random[..32]);
    let encapsulated = ml_kem_public(public).encapsulate_deterministic(&message);
    message.as_mut_slice().zeroize();
    let (ciphertext, mut ml_kem_shared) = encapsulated.expect("ML-KEM encapsulation has no error");

    let mut out = Box::new([0; ENCAPSULATED]);
    out[..ML_KEM_CIPHERTEXT].copy_from_slice(&ciphertext);
    out[ML_KEM_CIPHERTEXT..].copy_from_slice(&x25519_public(&ephemeral));
    let ours = &out[ML_KEM_CIPHERTEXT..];
    let shared = combine(&ml_kem_shared, x25519_shared.as_slice(), ours, theirs);
    ml_kem_shared.as_mut_slice().zeroize();
    Some((shared, out))
}

/// The shared secret in `encapsulated`, which is a random one if it was made for another key;
/// nothing if the X25519 result is all zero.
pub fn decapsulate(seed: &[u8; 32], encapsulated: &[u8; ENCAPSULATED]) -> Option<Key32> {
    let (ml_kem, secret) = expand(seed);
    let theirs = encapsulated.last_chunk().expect("an encapsulated key ends in an X25519 one");
    let x25519_shared = x25519(&secret, theirs).ok()?;
    let ciphertext = encapsulated[..ML_KEM_CIPHERTEXT].try_into().expect("cut to its length");
    let mut ml_kem_shared =
        ml_kem.decapsulate(ciphertext).expect("ML-KEM decapsulation has no error");
    let ours = x25519_public(&secret);
    let shared = combine(&ml_kem_shared, x25519_shared.as_slice(), theirs, &ours);
    ml_kem_shared.as_mut_slice().zeroize();
    Some(shared)
}

/// HPKE's `SealBase` of an age file key, given the shared secret. Key and nonce come from a secret
/// that one encapsulation made and this one call uses, so no nonce is used twice under a key.
pub fn wrap(shared: &Key32, file_key: &[u8; 16]) -> Vec<u8> {
    let (cipher, nonce) = schedule(shared);
    cipher.encrypt(&nonce, file_key.as_slice()).expect("16 bytes are far below the cipher's limit")
}

/// HPKE's `OpenBase`: the file key, or nothing. The body is 32 bytes, so that a crafted one cannot
/// open under many keys at once (partitioning oracle).
pub fn unwrap(shared: &Key32, body: &[u8; 32]) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, nonce) = schedule(shared);
    cipher.decrypt(&nonce, body.as_slice()).ok().map(Zeroizing::new)
}

fn expand(seed: &[u8; 32]) -> (DecapsulationKey<MlKem768Params>, Key32) {
    let mut reader = Shake256::default().chain(seed).finalize_xof();
    let (mut d, mut z) = (B32::default(), B32::default());
    let mut secret = Zeroizing::new([0; 32]);
    reader.read(&mut d);
    reader.read(&mut z);
    reader.read(secret.as_mut_slice());
    let (ml_kem, _) = MlKem768::generate_deterministic(&d, &z);
    d.as_mut_slice().zeroize();
    z.as_mut_slice().zeroize();
    (ml_kem, secret)
}

fn ml_kem_public(public: &[u8; PUBLIC]) -> EncapsulationKey<MlKem768Params> {
    let half = public[..ML_KEM_PUBLIC].try_into().expect("cut to the length of a key");
    EncapsulationKey::from_bytes(half)
}

fn combine(ml_kem: &[u8], x25519: &[u8], ephemeral: &[u8], public: &[u8]) -> Key32 {
    let mut hash = <Sha3_256 as Digest>::new();
    for part in [ml_kem, x25519, ephemeral, public, LABEL] {
        Digest::update(&mut hash, part);
    }
    let mut out = Zeroizing::new([0; 32]);
    Digest::finalize_into(hash, out.as_mut_slice().into());
    out
}

/// RFC 9180 section 5.1, mode base, without a pre-shared key.
fn schedule(shared: &Key32) -> (ChaCha20Poly1305, Nonce) {
    let (psk_id_hash, _) = labeled_extract(&[], b"psk_id_hash", &[]);
    let (info_hash, _) = labeled_extract(&[], b"info_hash", INFO);
    let context = [&[0], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
    let (_, secret) = labeled_extract(shared.as_slice(), b"secret", &[]);
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    labeled_expand(&secret, b"key", &context, key.as_mut_slice());
    labeled_expand(&secret, b"base_nonce", &context, &mut nonce);
    (ChaCha20Poly1305::new(Key::from_slice(key.as_slice())), Nonce::from(nonce))
}

fn labeled_extract(salt: &[u8], label: &[u8], ikm: &[u8]) -> (Key32, Hkdf<Sha256>) {
    let labeled = [b"HPKE-v1", SUITE.as_slice(), label, ikm].concat();
    let (mut prk, hkdf) = Hkdf::<Sha256>::extract(Some(salt), &labeled);
    let out = Zeroizing::new(prk.into());
    prk.as_mut_slice().zeroize();
    (out, hkdf)
}

fn labeled_expand(secret: &Hkdf<Sha256>, label: &[u8], info: &[u8], out: &mut [u8]) {
    let length = u16::try_from(out.len()).expect("keys and nonces are short").to_be_bytes();
    let labeled = [&length, b"HPKE-v1".as_slice(), SUITE, label, info];
    secret.expand_multi_info(&labeled, out).expect("at most 255 blocks are asked for");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::encode::unhex;

    #[test]
    fn agrees_with_the_first_vector_of_the_draft() {
        let seed = unhex::<32>("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
            .unwrap();
        let random = unhex::<64>(concat!(
            "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2",
            "35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        ))
        .unwrap();
        let shared =
            unhex::<32>("d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384")
                .unwrap();
        let (made, encapsulated) = encapsulate(&public(&seed), &random).unwrap();
        assert_eq!(*made, shared);
        assert_eq!(*decapsulate(&seed, &encapsulated).unwrap(), shared);
    }

    #[test]
    fn an_encapsulated_key_for_another_gives_another_secret() {
        let (made, encapsulated) = encapsulate(&public(&[1; 32]), &[2; 64]).unwrap();
        assert_ne!(decapsulate(&[3; 32], &encapsulated).unwrap(), made);
    }

    #[test]
    fn an_all_zero_x25519_result_is_an_error_on_both_sides() {
        let mut theirs = public(&[1; 32]);
        theirs[ML_KEM_PUBLIC..].fill(0);
        assert!(encapsulate(&theirs, &[2; 64]).is_none());
        let (_, mut encapsulated) = encapsulate(&public(&[1; 32]), &[2; 64]).unwrap();
        encapsulated[ML_KEM_CIPHERTEXT..].fill(0);
        assert!(decapsulate(&[1; 32], &encapsulated).is_none());
    }
}
