//! Sealing: a letter becomes an age v1 file to one hybrid key, and is opened again.
//!
//! Opening refuses, before the `age` crate sees a byte, headers of more than 4 KiB or four stanzas
//! and those without exactly one hybrid stanza; and plaintexts over the caller's limit. What is
//! inside proves nothing about who made it. Specified in poste-protocol(7), Letters.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Write};
use std::iter;

use age::{DecryptError, Decryptor, Encryptor, Identity};
use age_core::format::{FileKey, Stanza};

use crate::core::age_header::{self, BadHeader, Header};
use crate::core::cell::CHUNK;
use crate::core::hybrid::{self, HybridPublic, HybridRecipient, HybridSecret};
use crate::core::random::Random;

/// Bytes that sealing adds to a letter of at most 64 KiB (16 more for each further 64 KiB begun),
/// without the stanza of random length that the `age` crate adds to every header.
pub const OVERHEAD: usize = 1659;
/// Fewest and most bytes of that stanza.
pub const GREASE: std::ops::RangeInclusive<usize> = 13..=190;

/// Bytes that hold every header that is opened, with its MAC.
const HEAD: usize = age_header::LIMIT + 64;

/// How often a letter is sealed again for a shorter random stanza.
const AGAIN: usize = 16;

/// Why a sealing was not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not an age file as the protocol lets it travel or be kept.
    #[error(transparent)]
    Header(#[from] BadHeader),
    /// Not the one stanza of the expected kind: sealed in another manner.
    #[error("the age file is sealed to another kind of key")]
    Kind,
    /// Sealed to another key, or the stanza is damaged: the two cannot be told apart.
    #[error("the age file is not sealed to this key")]
    NotOurs,
    /// Sealed to this key, but changed or cut since.
    #[error("the age file is damaged")]
    Damaged,
    /// The plaintext is longer than `limit` bytes.
    #[error("the age file holds more than {limit} bytes")]
    TooLong {
        /// The caller's limit.
        limit: usize,
    },
}

/// Seals `plain` to one key.
pub fn seal(to: &HybridPublic, plain: &[u8], rng: &mut dyn Random) -> Vec<u8> {
    encrypt(&HybridRecipient::new(to, rng), plain)
        .expect("a checked key gives no zero result, and a vector takes every byte")
}

/// Seals `plain` so that the sealing's length `fits`: as the `age` crate adds 13 to 190 bytes at
/// random, again up to 16 times until it does. The shortest is returned if none did.
pub fn seal_within(
    to: &HybridPublic,
    plain: &[u8],
    rng: &mut dyn Random,
    fits: impl Fn(usize) -> bool,
) -> Vec<u8> {
    let mut best = seal(to, plain, rng);
    for _ in 0..AGAIN {
        if fits(best.len()) {
            break;
        }
        let next = seal(to, plain, rng);
        if next.len() < best.len() {
            best = next;
        }
    }
    best
}

/// Seals `plain` into as few cells as its length allows.
pub fn seal_for_cells(to: &HybridPublic, plain: &[u8], rng: &mut dyn Random) -> Vec<u8> {
    let fewest = shortest(plain.len()).div_ceil(CHUNK);
    seal_within(to, plain, rng, |length| length.div_ceil(CHUNK) <= fewest)
}

/// Length of the shortest sealing of `plain` bytes, with the shortest random stanza.
pub fn shortest(plain: usize) -> usize {
    // Every begun 64 KiB have a tag; an empty plaintext has one too.
    let more_tags = plain.saturating_sub(1) / (64 * 1024);
    plain + OVERHEAD + GREASE.start() + 16 * more_tags
}

/// Opens a sealing of at most `limit` bytes of plaintext.
pub fn open(secret: &HybridSecret, sealed: &[u8], limit: usize) -> Result<Vec<u8>, OpenError> {
    open_any(&[secret], sealed, limit).map(|(_, plain)| plain)
}

/// Opens a sealing with the first of `secrets` that does; returns which one did.
pub fn open_any(
    secrets: &[&HybridSecret],
    sealed: &[u8],
    limit: usize,
) -> Result<(usize, Vec<u8>), OpenError> {
    if Header::read(sealed)?.count(hybrid::STANZA) != 1 {
        return Err(OpenError::Kind);
    }
    let trial = Trial { secrets, matched: Cell::new(None) };
    let plain = decrypt(&trial, sealed, limit)?;
    Ok((trial.matched.get().ok_or(OpenError::NotOurs)?, plain))
}

/// Opens a sealing that is read as it goes, of at most `limit` bytes of plaintext, for which room
/// is made at once. What the input itself fails at counts as damage.
pub fn open_stream(
    secret: &HybridSecret,
    mut input: impl BufRead,
    limit: usize,
) -> Result<Vec<u8>, OpenError> {
    let mut head = Vec::with_capacity(HEAD);
    input.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|_| OpenError::Damaged)?;
    if Header::read(&head)?.count(hybrid::STANZA) != 1 {
        return Err(OpenError::Kind);
    }
    let reader = Decryptor::new_buffered(head.as_slice().chain(input))
        .and_then(|decryptor| decryptor.decrypt(iter::once(secret as &dyn Identity)))
        .map_err(refusal)?;
    read_at_most(reader, limit, limit)
}

/// Writes an age file. The recipient's own errors come back, nothing else can fail.
pub(super) fn encrypt(recipient: &dyn age::Recipient, plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(plain.len() + OVERHEAD + GREASE.end());
    let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(|error| {
        // Not the crate's text: it is translated and has invisible characters in it.
        match error {
            age::EncryptError::Io(error) => error,
            _ => io::Error::other("the recipient refused"),
        }
    })?;
    let mut writer = encryptor.wrap_output(&mut out)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(out)
}

/// Opens an age file whose header has been checked.
pub(super) fn decrypt(
    identity: &dyn Identity,
    sealed: &[u8],
    limit: usize,
) -> Result<Vec<u8>, OpenError> {
    let reader = Decryptor::new_buffered(sealed)
        .and_then(|decryptor| decryptor.decrypt(iter::once(identity)))
        .map_err(refusal)?;
    read_at_most(reader, sealed.len(), limit)
}

/// The plaintext, if it is whole and at most `limit` bytes.
pub(super) fn read_at_most(
    reader: impl Read,
    sealed: usize,
    limit: usize,
) -> Result<Vec<u8>, OpenError> {
    // The plaintext is shorter than what it is read from, so nothing is allocated on a claim.
    let mut plain = Vec::with_capacity(sealed.min(limit));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut plain).map_err(|_| OpenError::Damaged)?;
    if plain.len() > limit { Err(OpenError::TooLong { limit }) } else { Ok(plain) }
}

fn refusal(error: DecryptError) -> OpenError {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed => OpenError::NotOurs,
        DecryptError::UnknownFormat => OpenError::Header(BadHeader::NotAge),
        DecryptError::InvalidHeader => OpenError::Header(BadHeader::Malformed),
        _ => OpenError::Damaged,
    }
}

/// Several keys as one identity that remembers which of them opened.
struct Trial<'a> {
    secrets: &'a [&'a HybridSecret],
    matched: Cell<Option<usize>>,
}

impl Identity for Trial<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.secrets.iter().enumerate().find_map(|(index, secret)| {
            let opened = secret.unwrap_stanza(stanza)?;
            self.matched.set(Some(index));
            Some(opened)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn secret(number: u8) -> HybridSecret {
        HybridSecret::from_bytes([number; 32])
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        seal(&secret(1).public(), plain, &mut Fixed::new(1))
    }

    #[test]
    fn a_letter_opens_for_its_key_only() {
        for length in [0, 1, 2000, 65535, 65536, 65537, 200_000] {
            let plain = vec![7; length];
            assert_eq!(open(&secret(1), &sealed(&plain), length).as_ref(), Ok(&plain));
            let read = |key, limit| open_stream(&secret(key), &sealed(&plain)[..], limit);
            assert_eq!(read(1, length), Ok(plain.clone()));
            assert_eq!(read(2, length), Err(OpenError::NotOurs));
            let less = length.saturating_sub(1);
            assert_eq!(read(1, less).is_ok(), less == length);
        }
        assert_eq!(open(&secret(2), &sealed(b"hello"), 100), Err(OpenError::NotOurs));
    }

    #[test]
    fn the_key_that_opens_is_named() {
        let keys = [secret(3), secret(1), secret(2)];
        let keys: Vec<&HybridSecret> = keys.iter().collect();
        assert_eq!(open_any(&keys, &sealed(b"hello"), 100), Ok((1, b"hello".to_vec())));
        assert_eq!(open_any(&[], &sealed(b"hello"), 100), Err(OpenError::NotOurs));
    }

    #[test]
    fn the_limit_is_on_the_plaintext() {
        let sealed = sealed(&[7; 70_000]);
        assert_eq!(open(&secret(1), &sealed, 70_000).map(|p| p.len()), Ok(70_000));
        let too_long = OpenError::TooLong { limit: 69_999 };
        assert_eq!(open(&secret(1), &sealed, 69_999), Err(too_long));
        assert_eq!(open(&secret(1), &sealed, 0), Err(OpenError::TooLong { limit: 0 }));
    }

    #[test]
    fn a_sealing_is_as_long_as_the_constants_say() {
        let mut extra: Vec<usize> =
            (0..400).map(|_| sealed(b"hello").len() - 5 - OVERHEAD).collect();
        extra.sort_unstable();
        assert!(extra.iter().all(|extra| GREASE.contains(extra)), "{extra:?}");
        assert!(extra[399] - extra[0] > 60, "the crate's random stanza varies");
        assert!(sealed(&[0; 65536]).len() >= shortest(65536));
        assert!(sealed(&[0; 65537]).len() <= shortest(65537) + GREASE.end() - GREASE.start());
        assert_eq!(shortest(65537) - shortest(65536), 17);
    }

    #[test]
    fn a_letter_that_can_take_fewer_cells_does() {
        // Room for a random stanza of 100 bytes, which about half of all attempts exceed.
        let plain = vec![7; CHUNK - OVERHEAD - 100];
        let (public, rng) = (secret(1).public(), &mut Fixed::new(1));
        let longer = (0..40).filter(|_| seal(&public, &plain, rng).len() > CHUNK).count();
        assert!(longer > 0, "sealing once is not enough");
        for _ in 0..10 {
            assert!(seal_for_cells(&public, &plain, rng).len() <= CHUNK);
        }
        // What cannot fit is not tried for ever.
        assert!(seal_within(&public, &plain, rng, |_| false).len() > plain.len());
    }

    #[test]
    fn every_change_is_noticed() {
        let good = sealed(b"hello");
        assert!(open(&secret(1), &good, 100).is_ok());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(open(&secret(1), &bad, 100).is_err(), "bit of byte {at}");
        }
        for length in 0..good.len() {
            assert!(open(&secret(1), &good[..length], 100).is_err(), "cut to {length}");
        }
        let longer = [good.as_slice(), b"x"].concat();
        assert_eq!(open(&secret(1), &longer, 100), Err(OpenError::Damaged));
    }

    #[test]
    fn other_manners_of_sealing_are_refused_before_the_crate_sees_them() {
        let key = age::x25519::Identity::generate().to_public();
        let x25519 = encrypt(&key, b"hello").unwrap();
        assert_eq!(open(&secret(1), &x25519, 100), Err(OpenError::Kind));
        let twice = String::from_utf8_lossy(&sealed(b"hello")).into_owned();
        let (version, rest) = twice.split_once('\n').unwrap();
        let stanza = &rest[..rest[3..].find("-> ").unwrap() + 3];
        let twice = format!("{version}\n{stanza}{rest}");
        assert_eq!(open(&secret(1), twice.as_bytes(), 100), Err(OpenError::Kind));
    }

    #[test]
    fn a_crafted_header_costs_little() {
        // The crate parses a header anew for every line of it: short lines are what hurts most.
        let mut lines = String::from("age-encryption.org/v1\n");
        while lines.len() < 4000 {
            lines.push_str("-> a\n\n");
        }
        let mac = format!("--- {}\n", "A".repeat(43));
        let crafted = format!("{lines}{mac}").into_bytes();
        assert_eq!(open(&secret(1), &crafted, 100), Err(BadHeader::TooMany.into()));
        let endless = "age-encryption.org/v1\n-> a\n".to_owned() + &"A".repeat(1 << 20);
        assert_eq!(open(&secret(1), endless.as_bytes(), 100), Err(BadHeader::TooLong.into()));

        // The worst that passes: one hybrid stanza, malformed, in as many lines as fit.
        let body = format!("{}\n", "A".repeat(64)).repeat(60);
        let worst = format!("age-encryption.org/v1\n-> mlkem768x25519 A\n{body}\n{mac}{:32}", "");
        let worst = worst.into_bytes();
        assert_eq!(open(&secret(1), &worst, 100), Err(OpenError::NotOurs));

        // Best of several, so that a busy machine does not matter; each is to cost under 1 ms.
        for (name, file) in [("crafted", &crafted), ("worst", &worst)] {
            let cost = (0..20).map(|_| {
                let start = Instant::now();
                let _ = open(&secret(1), file, 100);
                start.elapsed()
            });
            let best = cost.min().unwrap();
            assert!(best < Duration::from_millis(1), "{name}: {best:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            prop_assert!(open(&secret(1), &bytes, 100).is_err());
        }

        #[test]
        fn arbitrary_headers_never_panic(
            line in "[ -~]{0,40}", body in "([A-Za-z0-9+/]{64}\n){0,3}[A-Za-z0-9+/=]{0,64}\n",
            rest in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mac = "A".repeat(43);
            let mut file =
                format!("age-encryption.org/v1\n-> mlkem768x25519 {line}\n{body}--- {mac}\n")
                    .into_bytes();
            file.extend(rest);
            prop_assert!(open(&secret(1), &file, 100).is_err());
        }

        #[test]
        fn a_spoilt_sealing_never_panics(at in 0usize..1700, with in any::<[u8; 3]>()) {
            let mut file = sealed(b"hello");
            let at = at.min(file.len() - 3);
            let same = file[at..at + 3] == with;
            file[at..at + 3].copy_from_slice(&with);
            prop_assert_eq!(open(&secret(1), &file, 100).is_ok(), same);
        }
    }
}
