//! Whole archives as age files, written and read as they go, since they are larger than memory
//! should hold. Under a passphrase or to one recipient; either is a plain age v1 file, which
//! `age -d` opens. What comes out before the end was reached is not yet known to be whole.
//! Specified in poste-files(5), Archives.

use super::{ArchiveRecipient, BadHeader, Kind, OpenError, PassphraseError, kind_of};
use super::{MAX_WORK, SecretString};
use crate::core::age_header::LIMIT;
use crate::core::hybrid::HybridRecipient;
use crate::core::random::Random;
use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use std::io::{self, BufRead, Read, Write};
use std::iter;
use zeroize::Zeroizing;

/// Bytes at the beginning of a file that show how it is sealed.
pub const HEAD: usize = LIMIT + 64;
/// log2 of the scrypt rounds, as age(1) has it: about a second.
const WORK: u8 = 18;

/// What an archive is sealed to.
pub enum SealedTo {
    /// A passphrase.
    Passphrase(Zeroizing<String>),
    /// Whoever has the identity of this recipient.
    Recipient(ArchiveRecipient),
}

/// An archive on its way out.
pub enum Output<W: Write> {
    /// As it is.
    Clear(W),
    /// Into an age file.
    Sealed(StreamWriter<W>),
}

impl<W: Write> Output<W> {
    /// What is written to it goes to `out`, sealed if `to` says to what. The age file is whole only
    /// after [`finish`](Output::finish).
    pub fn new(to: Option<&SealedTo>, out: W, rng: &mut dyn Random) -> io::Result<Output<W>> {
        let recipient: Box<dyn age::Recipient> = match to {
            None => return Ok(Output::Clear(out)),
            Some(SealedTo::Passphrase(passphrase)) => {
                let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.as_str()));
                recipient.set_work_factor(WORK);
                Box::new(recipient)
            }
            Some(SealedTo::Recipient(ArchiveRecipient::X25519(key))) => Box::new(key.0.clone()),
            Some(SealedTo::Recipient(ArchiveRecipient::Hybrid(key))) => {
                Box::new(HybridRecipient::new(key, rng))
            }
        };
        let refused = |_| io::Error::other("the recipient refused");
        let encryptor = Encryptor::with_recipients(iter::once(&*recipient)).map_err(refused)?;
        Ok(Output::Sealed(encryptor.wrap_output(out)?))
    }

    /// Ends the age file and gives back where it went.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Output::Clear(out) => Ok(out),
            Output::Sealed(stream) => stream.finish(),
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Clear(out) => out.write(bytes),
            Output::Sealed(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Clear(out) => out.flush(),
            Output::Sealed(stream) => stream.flush(),
        }
    }
}

/// How the file that begins with `head` is sealed: `None` if it is no age file.
pub fn sealed_how(head: &[u8]) -> Result<Option<Kind>, BadHeader> {
    match kind_of(head) {
        Err(BadHeader::NotAge) => Ok(None),
        other => other.map(Some),
    }
}

/// Opens an age file under a passphrase, of which the first [`HEAD`] bytes are in `head` and the
/// others are still to be read. A wrong passphrase reads none of those.
pub fn open<'a>(
    passphrase: &str,
    head: &'a [u8],
    rest: &'a mut dyn BufRead,
) -> Result<impl Read + use<'a>, PassphraseError> {
    if kind_of(head).map_err(OpenError::Header)? != Kind::Passphrase {
        return Err(OpenError::Kind.into());
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(MAX_WORK);
    Decryptor::new_buffered(head.chain(rest))
        .and_then(|decryptor| decryptor.decrypt(iter::once(&identity as &dyn age::Identity)))
        .map_err(|error| match error {
            DecryptError::DecryptionFailed => PassphraseError::Wrong,
            DecryptError::ExcessiveWork { required, .. } => {
                PassphraseError::TooMuchWork { required }
            }
            _ => OpenError::Damaged.into(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::{ArchiveIdentity, open_at_rest, open_passphrase};
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn sealed(to: &SealedTo, plain: &[u8]) -> Vec<u8> {
        let mut output = Output::new(Some(to), Vec::new(), &mut Fixed::new(1)).unwrap();
        plain.chunks(1000).for_each(|chunk| output.write_all(chunk).unwrap());
        output.finish().unwrap()
    }

    fn opened(passphrase: &str, file: &[u8]) -> Result<Vec<u8>, PassphraseError> {
        let (head, mut rest) = file.split_at(file.len().min(HEAD));
        let mut plain = Vec::new();
        let mut reader = open(passphrase, head, &mut rest)?;
        reader.read_to_end(&mut plain).map_err(|_| OpenError::Damaged)?;
        Ok(plain)
    }

    #[test]
    fn what_is_written_as_it_goes_is_read_so_and_at_once() {
        let to = SealedTo::Passphrase(Zeroizing::new("correct horse".to_owned()));
        let plain = vec![7; 200_000];
        let file = sealed(&to, &plain);
        assert_eq!(sealed_how(&file), Ok(Some(Kind::Passphrase)));
        assert_eq!(open_passphrase("correct horse", &file, 200_000).unwrap().as_slice(), plain);
        assert_eq!(opened("correct horse", &file), Ok(plain));
        assert_eq!(opened("battery staple", &file), Err(PassphraseError::Wrong));
        for cut in [file.len() - 1, file.len() - 100_000, 60] {
            assert!(opened("correct horse", &file[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn either_kind_of_recipient_opens_it() {
        let rng = &mut Fixed::new(1);
        for key in [ArchiveIdentity::generate(rng), ArchiveIdentity::generate_hybrid(rng)] {
            let file = sealed(&SealedTo::Recipient(key.recipient()), b"an archive");
            assert_eq!(open_at_rest(&key, &file, 100).unwrap(), b"an archive");
            assert_eq!(opened("p", &file), Err(OpenError::Kind.into()));
        }
    }

    #[test]
    fn what_is_not_sealed_goes_out_as_it_is() {
        let mut output = Output::new(None, Vec::new(), &mut Fixed::new(1)).unwrap();
        output.write_all(b"an archive").unwrap();
        assert_eq!(output.finish().unwrap(), b"an archive");
        assert_eq!(sealed_how(b"an archive"), Ok(None));
    }
}
