//! Sealing at rest: filed mail to the archive's key, and the locked keys under a passphrase. Both
//! are plain age v1 files, so that `age -d` opens them without this program.
//!
//! It refuses files sealed in another manner than the one asked for, work factors that would take
//! more than 1 GiB of memory, and plaintexts over the caller's limit. Specified in poste-files(5).

pub mod stream;

use std::fmt;
use std::str::FromStr;

use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, scrypt, x25519};
use age_core::primitives::{bech32_decode, bech32_encode};
use bech32::Hrp;
use zeroize::Zeroizing;

use crate::core::age_header::{BadHeader, Header};
use crate::core::hybrid::{self, HybridPublic, HybridSecret};
use crate::core::prim::x25519_public_is_good;
use crate::core::random::{self, Random};
use crate::core::seal::{self, OpenError};

/// The largest scrypt work factor that is made or opened: 2^20 rounds, which take 1 GiB.
pub const MAX_WORK: u8 = 20;

const X25519_STANZA: &str = "X25519";
const SCRYPT_STANZA: &str = "scrypt";
const X25519_PUBLIC: Hrp = Hrp::parse_unchecked("age");
const X25519_SECRET: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// To what an age file is sealed, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A passphrase.
    Passphrase,
    /// An X25519 key, `age1…`.
    X25519,
    /// A hybrid key, `age1pq1…`.
    Hybrid,
    /// Something that this program does not open.
    Other,
}

/// The text is not an archive recipient or identity that this program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArchiveKey {
    /// Not `age1…` of X25519, nor a sound `age1pq1…`.
    #[error("not a recipient of the form age1 or age1pq1")]
    Recipient,
    /// Not `AGE-SECRET-KEY-1…`, nor `AGE-SECRET-KEY-PQ-1…`.
    #[error("not an identity of the form AGE-SECRET-KEY-1 or AGE-SECRET-KEY-PQ-1")]
    Identity,
}

/// Why a file under a passphrase was not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// The passphrase is wrong, or the salt or wrapped key is damaged: the two cannot be told
    /// apart.
    #[error("wrong passphrase")]
    Wrong,
    /// Opening would take more than [`MAX_WORK`] allows.
    #[error("the passphrase asks for a work factor of {required}, more than {MAX_WORK}")]
    TooMuchWork {
        /// The factor in the header: log2 of the rounds.
        required: u8,
    },
    /// The passphrase is right, or was never tried: the file itself cannot be opened.
    #[error(transparent)]
    File(#[from] OpenError),
}

/// The public half of the archive's key: enough to file mail.
#[derive(Clone, PartialEq, Eq)]
pub enum ArchiveRecipient {
    /// `age1…`, which every installed age knows.
    X25519(X25519Recipient),
    /// `age1pq1…`, which needs age 1.3.
    Hybrid(HybridPublic),
}

/// A checked X25519 recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct X25519Recipient(x25519::Recipient);

/// The secret half of the archive's key, erased when dropped.
#[derive(Clone)]
pub enum ArchiveIdentity {
    /// `AGE-SECRET-KEY-1…`
    X25519(x25519::Identity),
    /// `AGE-SECRET-KEY-PQ-1…`
    Hybrid(HybridSecret),
}

impl ArchiveIdentity {
    /// A new X25519 key: the default, since Debian's age opens what is sealed to it.
    pub fn generate(rng: &mut dyn Random) -> ArchiveIdentity {
        let bytes = Zeroizing::new(random::bytes::<32>(rng));
        let lower = Zeroizing::new(bech32_encode(X25519_SECRET, bytes.as_slice()));
        let text = Zeroizing::new(lower.to_ascii_uppercase());
        ArchiveIdentity::X25519(text.parse().expect("any 32 bytes are an X25519 secret"))
    }

    /// A new hybrid key.
    pub fn generate_hybrid(rng: &mut dyn Random) -> ArchiveIdentity {
        ArchiveIdentity::Hybrid(HybridSecret::generate(rng))
    }

    /// The public half.
    pub fn recipient(&self) -> ArchiveRecipient {
        match self {
            ArchiveIdentity::X25519(key) => {
                ArchiveRecipient::X25519(X25519Recipient(key.to_public()))
            }
            ArchiveIdentity::Hybrid(key) => ArchiveRecipient::Hybrid(key.public()),
        }
    }

    /// The text that the `age` program takes as an identity.
    pub fn to_text(&self) -> Zeroizing<String> {
        match self {
            ArchiveIdentity::X25519(key) => {
                Zeroizing::new(key.to_string().expose_secret().to_owned())
            }
            ArchiveIdentity::Hybrid(key) => key.to_text(),
        }
    }
}

impl FromStr for ArchiveIdentity {
    type Err = BadArchiveKey;

    fn from_str(text: &str) -> Result<ArchiveIdentity, BadArchiveKey> {
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(BadArchiveKey::Identity);
        }
        if let Ok(key) = text.parse() {
            return Ok(ArchiveIdentity::Hybrid(key));
        }
        text.parse().map(ArchiveIdentity::X25519).map_err(|_| BadArchiveKey::Identity)
    }
}

impl fmt::Debug for ArchiveIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ArchiveIdentity(..)")
    }
}

impl FromStr for ArchiveRecipient {
    type Err = BadArchiveKey;

    fn from_str(text: &str) -> Result<ArchiveRecipient, BadArchiveKey> {
        if let Ok(key) = text.parse() {
            return Ok(ArchiveRecipient::Hybrid(key));
        }
        // The crate would panic on sealing to a point of small order.
        let refused = BadArchiveKey::Recipient;
        let point = bech32_decode(
            text,
            |_| refused,
            |prefix| (prefix == X25519_PUBLIC).then_some(()).ok_or(refused),
            |_, bytes| <[u8; 32]>::try_from(bytes.collect::<Vec<_>>()).map_err(|_| refused),
        )?;
        if !x25519_public_is_good(&point) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refused);
        }
        text.parse().map(|key| ArchiveRecipient::X25519(X25519Recipient(key))).map_err(|_| refused)
    }
}

impl fmt::Display for ArchiveRecipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveRecipient::X25519(key) => key.0.fmt(out),
            ArchiveRecipient::Hybrid(key) => key.fmt(out),
        }
    }
}

impl fmt::Debug for ArchiveRecipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ArchiveRecipient(..)")
    }
}

/// To what `file` is sealed. A header with stanzas of several known kinds is `Other`.
pub fn kind_of(file: &[u8]) -> Result<Kind, BadHeader> {
    let header = Header::read(file)?;
    let has = |kind| header.count(kind) > 0;
    let kinds = (has(SCRYPT_STANZA), has(X25519_STANZA), has(hybrid::STANZA));
    Ok(match kinds {
        (true, false, false) if header.stanzas.len() == 1 => Kind::Passphrase,
        (false, true, false) => Kind::X25519,
        (false, false, true) => Kind::Hybrid,
        _ => Kind::Other,
    })
}

/// Seals `plain` to the archive's key.
pub fn seal_at_rest(to: &ArchiveRecipient, plain: &[u8], rng: &mut dyn Random) -> Vec<u8> {
    match to {
        ArchiveRecipient::X25519(key) => seal::encrypt(&key.0, plain)
            .expect("a checked key gives no zero result, and a vector takes every byte"),
        ArchiveRecipient::Hybrid(key) => seal::seal(key, plain, rng),
    }
}

/// Opens a file that was sealed to the archive's key, of at most `limit` bytes of plaintext. The
/// owner may have sealed it to further keys of the same kind.
pub fn open_at_rest(
    identity: &ArchiveIdentity,
    file: &[u8],
    limit: usize,
) -> Result<Vec<u8>, OpenError> {
    match (identity, kind_of(file)?) {
        (ArchiveIdentity::X25519(key), Kind::X25519) => seal::decrypt(key, file, limit),
        (ArchiveIdentity::Hybrid(key), Kind::Hybrid) => seal::decrypt(key, file, limit),
        _ => Err(OpenError::Kind),
    }
}

/// Seals `plain` under a passphrase. `work` is log2 of the scrypt rounds, kept within 1 and
/// [`MAX_WORK`]; without it the crate chooses what takes this machine about a second.
pub fn seal_passphrase(passphrase: &str, plain: &[u8], work: Option<u8>) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase));
    if let Some(work) = work {
        recipient.set_work_factor(work.clamp(1, MAX_WORK));
    }
    let sure = "scrypt takes every factor up to the limit, and a vector takes every byte";
    let sealed = seal::encrypt(&recipient, plain).expect(sure);
    if work_of(&sealed) <= Some(MAX_WORK) {
        return sealed;
    }
    // A very fast machine: never make what would not be opened.
    recipient.set_work_factor(MAX_WORK);
    seal::encrypt(&recipient, plain).expect(sure)
}

/// Opens what [`seal_passphrase`], or `age -p`, sealed, of at most `limit` bytes of plaintext.
pub fn open_passphrase(
    passphrase: &str,
    file: &[u8],
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
    if kind_of(file).map_err(OpenError::Header)? != Kind::Passphrase {
        return Err(OpenError::Kind.into());
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(MAX_WORK);
    let reader = Decryptor::new_buffered(file)
        .and_then(|decryptor| decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)))
        .map_err(|error| match error {
            DecryptError::DecryptionFailed => PassphraseError::Wrong,
            DecryptError::ExcessiveWork { required, .. } => {
                PassphraseError::TooMuchWork { required }
            }
            DecryptError::InvalidHeader => OpenError::Header(BadHeader::Malformed).into(),
            _ => OpenError::Damaged.into(),
        })?;
    Ok(Zeroizing::new(seal::read_at_most(reader, file.len(), limit)?))
}

fn work_of(sealed: &[u8]) -> Option<u8> {
    Header::read(sealed).ok()?.stanzas.first()?.get(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    const LOW: Option<u8> = Some(2);

    fn identities() -> [ArchiveIdentity; 2] {
        let rng = &mut Fixed::new(1);
        [ArchiveIdentity::generate(rng), ArchiveIdentity::generate_hybrid(rng)]
    }

    #[test]
    fn either_kind_of_key_seals_opens_and_goes_through_its_text() {
        let starts = [("AGE-SECRET-KEY-1", "age1"), ("AGE-SECRET-KEY-PQ-1", "age1pq1")];
        let kinds = [Kind::X25519, Kind::Hybrid];
        for ((identity, (secret, public)), kind) in identities().iter().zip(starts).zip(kinds) {
            assert!(identity.to_text().starts_with(secret));
            assert!(identity.recipient().to_string().starts_with(public));
            let again: ArchiveIdentity = identity.to_text().parse().unwrap();
            let recipient: ArchiveRecipient = identity.recipient().to_string().parse().unwrap();
            assert_eq!(recipient, again.recipient());
            let file = seal_at_rest(&recipient, b"hello", &mut Fixed::new(2));
            assert_eq!(kind_of(&file), Ok(kind));
            assert_eq!(open_at_rest(&again, &file, 5), Ok(b"hello".to_vec()));
            let too_long = OpenError::TooLong { limit: 4 };
            assert_eq!(open_at_rest(&again, &file, 4), Err(too_long));
            assert_eq!(format!("{identity:?}"), "ArchiveIdentity(..)");
        }
    }

    #[test]
    fn another_key_or_kind_does_not_open() {
        let [x25519, hybrid] = identities();
        let file = seal_at_rest(&x25519.recipient(), b"hello", &mut Fixed::new(2));
        assert_eq!(open_at_rest(&hybrid, &file, 5), Err(OpenError::Kind));
        let other = ArchiveIdentity::generate(&mut Fixed::new(3));
        assert_eq!(open_at_rest(&other, &file, 5), Err(OpenError::NotOurs));
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert!(open_at_rest(&x25519, &bad, 5).is_err(), "bit of byte {at}");
        }
    }

    #[test]
    fn texts_of_other_things_are_refused() {
        let [x25519, hybrid] = identities();
        for identity in [&x25519, &hybrid] {
            let text = identity.to_text();
            assert!(text.to_lowercase().parse::<ArchiveIdentity>().is_err());
            assert!(text.parse::<ArchiveRecipient>().is_err());
            let text = identity.recipient().to_string();
            assert!(text.to_uppercase().parse::<ArchiveRecipient>().is_err());
            assert!(text.parse::<ArchiveIdentity>().is_err());
            assert!(text[..text.len() - 1].parse::<ArchiveRecipient>().is_err());
        }
        assert!("".parse::<ArchiveRecipient>().is_err());
        // Small order: sealing to it would end in a panic inside the crate.
        let zero = bech32_encode(X25519_PUBLIC, &[0; 32]);
        assert_eq!(zero.parse::<ArchiveRecipient>(), Err(BadArchiveKey::Recipient));
    }

    #[test]
    fn a_passphrase_seals_and_opens() {
        let file = seal_passphrase("correct horse", b"keys", LOW);
        assert_eq!(kind_of(&file), Ok(Kind::Passphrase));
        let opened = open_passphrase("correct horse", &file, 4).unwrap();
        assert_eq!(opened.as_slice(), b"keys");
        assert_eq!(open_passphrase("battery staple", &file, 4), Err(PassphraseError::Wrong));
        let too_long = PassphraseError::File(OpenError::TooLong { limit: 3 });
        assert_eq!(open_passphrase("correct horse", &file, 3), Err(too_long));
    }

    #[test]
    fn damage_is_told_from_a_wrong_passphrase() {
        let file = seal_passphrase("correct horse", b"keys", LOW);
        let damaged = PassphraseError::File(OpenError::Damaged);
        for (part, at) in [("payload", file.len() - 1), ("nonce", file.len() - 30)] {
            let mut bad = file.clone();
            bad[at] ^= 1;
            let result = open_passphrase("correct horse", &bad, 4);
            assert_eq!(result.unwrap_err(), damaged, "{part}");
        }
        let cut = open_passphrase("correct horse", &file[..file.len() - 1], 4);
        assert_eq!(cut.unwrap_err(), damaged);
        let other = seal_at_rest(&identities()[0].recipient(), b"keys", &mut Fixed::new(1));
        let kind = PassphraseError::File(OpenError::Kind);
        assert_eq!(open_passphrase("correct horse", &other, 4).unwrap_err(), kind);
    }

    #[test]
    fn work_without_measure_is_refused() {
        let file = seal_passphrase("p", b"keys", LOW);
        let text = String::from_utf8_lossy(&file).into_owned();
        let start = text.find(" 2\n").unwrap();
        let work =
            |factor: &str| [&file[..start], b" ", factor.as_bytes(), &file[start + 2..]].concat();
        let too_much = PassphraseError::TooMuchWork { required: 21 };
        assert_eq!(open_passphrase("p", &work("21"), 4).unwrap_err(), too_much);
        let too_much = PassphraseError::TooMuchWork { required: 63 };
        assert_eq!(open_passphrase("p", &work("63"), 4).unwrap_err(), too_much);
        assert_eq!(open_passphrase("p", &work("2"), 4).unwrap().as_slice(), b"keys");
        assert_eq!(work_of(&seal_passphrase("p", b"keys", Some(0))), Some(1));
    }
}
