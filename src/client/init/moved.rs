//! `init --import`: a home brought up from an archive that holds a whole one. The archive may come
//! from anybody, so nothing in it is believed: each entry must have a place in a home and be what
//! belongs there, and in the end the keys must open and be one identity's. Nothing that it names is
//! run or written to. There is a home afterwards, or there is nothing.
//! Specified in poste(1), init, and poste-files(5), Archives.

use crate::client::env::{self, Ask};
use crate::client::error::{Error, Kind};
use crate::client::export::CONTACTS;
use crate::core::archive::stream::{self, HEAD};
use crate::core::archive::{Kind as Sealing, PassphraseError};
use crate::core::card::{self, SignedCard};
use crate::store::arrival::Arrival;
use crate::store::atomic;
use crate::store::config::Config;
use crate::store::home::{Home, Places};
use crate::store::keyring::Transit;
use crate::store::locked::{LockedFile, archive_recipient};
use crate::store::travel::{self, Piece};
use crate::store::unpack::Unpack;
use std::io::{BufRead, BufReader, Read};
use zeroize::Zeroizing;

/// What to do with an archive of messages alone.
const NO_KEYS: &str = "messages without keys come into a home with: poste import";

/// What was brought up.
pub struct Moved {
    /// The home.
    pub home: Home,
    /// Its newest card, if it has signed one.
    pub card: Option<SignedCard>,
    /// Its configuration, which may name programs and files of another machine.
    pub config: Config,
    /// Messages in it.
    pub messages: usize,
    /// Contacts.
    pub contacts: usize,
    /// Letters that are not acknowledged yet, or were lately.
    pub letters: usize,
}

/// After so many files it is said how far it is.
const STEP: usize = 256;

/// Brings up the home in `archive`, which is called `name`, at these places. `progress` hears how far
/// it is, and in the end an empty text.
pub fn bring(
    places: Places,
    name: &str,
    mut archive: impl BufRead,
    ask: &dyn Ask,
    progress: &dyn Fn(&str),
) -> Result<Moved, Error> {
    super::must_be_free(&places)?;
    let remains = |error: crate::store::Error| {
        let error = Error::from(error);
        match error.kind {
            Kind::CannotCreate => {
                error.hint("move it away: it is of no home, and would be mixed in")
            }
            _ => error,
        }
    };
    let refused = |error: Error| match error.kind {
        Kind::Data | Kind::Config => {
            let what = format!("{name}: {}; no home was made", error.what);
            Error { kind: Kind::Data, what, ..error }
        }
        _ => error,
    };
    let mut arrival = Arrival::begin(places).map_err(remains)?;
    let counts = opened(name, &mut archive, ask, &mut |from| {
        unpack(BufReader::new(from), &mut arrival, progress).map_err(refused)
    })?;
    // A passphrase may be asked for now, on a line of its own.
    progress("");
    arrival.flush()?;
    let staged = arrival.staged().clone();
    let card = identity(&staged, ask).map_err(refused)?;
    let config = Config::read(&staged.config_file())?;
    let home = arrival.settle().map_err(remains)?;
    let [messages, contacts, letters] = counts;
    Ok(Moved { home, card, config, messages, contacts, letters })
}

/// Gives the tar file that an archive is to `take`, once: as it is, or opened with a passphrase.
fn opened<T>(
    name: &str,
    archive: &mut dyn BufRead,
    ask: &dyn Ask,
    take: &mut dyn FnMut(&mut dyn Read) -> Result<T, Error>,
) -> Result<T, Error> {
    let bad = |what: String| Error::new(Kind::Data, format!("{name}: {what}"));
    let mut head = Vec::new();
    archive
        .take(HEAD as u64)
        .read_to_end(&mut head)
        .map_err(|error| Error::new(Kind::Io, format!("cannot read {name}: {error}")))?;
    let by_age = || {
        bad("it is sealed to an age key".into())
            .hint(format!("age -d -i KEYFILE {name} | poste init --import -"))
    };
    if head.starts_with(b"-----BEGIN AGE") {
        return Err(by_age());
    }
    match stream::sealed_how(&head).map_err(|error| bad(error.to_string()))? {
        None => return take(&mut head.as_slice().chain(archive)),
        Some(Sealing::Passphrase) => {}
        Some(Sealing::X25519 | Sealing::Hybrid | Sealing::Other) => return Err(by_age()),
    }
    let open = |passphrase: &str| match stream::open(passphrase, &head, archive) {
        Ok(mut tar) => take(&mut tar).map(Some),
        Err(PassphraseError::Wrong) => Ok(None),
        Err(error) => Err(bad(error.to_string())),
    };
    env::ask_until(ask, open).map(|(taken, _)| taken)
}

/// Takes every entry of a tar file. How many messages, contacts and letters there were.
fn unpack(
    from: impl Read,
    arrival: &mut Arrival,
    progress: &dyn Fn(&str),
) -> Result<[usize; 3], Error> {
    let bad = |what: String| Error::new(Kind::Data, what);
    let mut entries = Unpack::new(from, travel::LIMIT);
    let (mut counts, mut taken) = ([0; 3], 0_usize);
    while let Some(entry) = entries.entry().map_err(|error| bad(error.to_string()))? {
        if taken.is_multiple_of(STEP) {
            progress(&format!("{taken} files taken"));
        }
        taken += 1;
        let name = entry.name.join("/");
        let at = |why: &dyn std::fmt::Display| bad(format!("entry {name:?}: {why}"));
        let bytes = Zeroizing::new(entry.bytes);
        let piece = Piece::named(&entry.name).map_err(|why| match name.as_str() {
            CONTACTS => at(&why).hint(NO_KEYS),
            _ => at(&why),
        })?;
        piece.check(&bytes).map_err(|error| at(&error))?;
        arrival.put(&piece, &bytes)?;
        counts[0] += usize::from(piece.message.is_some());
        counts[1] += usize::from(name.starts_with("contacts/"));
        counts[2] += usize::from(name.starts_with("outbox/") && name.ends_with(".toml"));
    }
    Ok(counts)
}

/// Whether the keys are there, open, and belong together: else mail would be sealed to somebody
/// else, or a card signed that is not this one's. Gives the card.
fn identity(staged: &Places, ask: &dyn Ask) -> Result<Option<SignedCard>, Error> {
    let bad = |what: &str| Error::new(Kind::Data, what);
    for (path, name) in [
        (staged.transit(), "keys/transit.toml"),
        (staged.locked(), "keys/locked.age"),
        (staged.archive_pub(), "keys/archive.pub"),
    ] {
        if path.symlink_metadata().is_err() {
            return Err(bad(&format!("it has no {name}")).hint(NO_KEYS));
        }
    }
    let transit = Transit::load(staged)?;
    let (locked, _) = env::unlock(ask, &LockedFile::load(staged)?, &transit).map_err(|error| {
        match error.kind {
            Kind::Data => bad("keys/locked.age is not of keys/transit.toml, or is damaged"),
            _ => error,
        }
    })?;
    if locked.archive.recipient() != archive_recipient(staged)? {
        return Err(bad("keys/archive.pub is not of keys/locked.age"));
    }
    let Some(bytes) = atomic::read(&staged.card(), card::LIMIT as u64)? else { return Ok(None) };
    let card = SignedCard::parse(&bytes)?;
    if card.card.sign != locked.sign.public() {
        return Err(bad("card.toml is not signed by the key in keys/locked.age"));
    }
    let (ours, theirs) = (&transit.series, &card.card);
    let same = theirs.series == ours.number && theirs.dh == ours.dh.public();
    if !same && theirs.series >= ours.number {
        return Err(bad("card.toml is not of the keys in keys/transit.toml"));
    }
    Ok(Some(card))
}
