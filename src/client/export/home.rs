//! The whole home in one archive: keys, configuration, contacts, the letters on their way, what is
//! remembered of the exchange, and all messages, so that it can be brought up elsewhere and the
//! conversation goes on. All of one moment: nothing changes and no sync runs meanwhile.
//! Specified in poste(1), export, and poste-files(5), Archives.

use super::{Exported, Form, MAIL, folders, messages};
use crate::client::env::{self, Env};
use crate::client::error::{Error, Kind};
use crate::core::archive::ArchiveRecipient;
use crate::core::archive::stream::SealedTo;
use crate::core::time::Time;
use crate::store;
use crate::store::keyring::Transit;
use crate::store::lock::SyncLock;
use crate::store::locked::LockedFile;
use crate::store::maildir::Maildir;
use crate::store::pack::Pack;
use crate::store::travel;
use std::collections::BTreeSet;
use std::io::Write;
use zeroize::Zeroizing;

/// What an archive is to be sealed to: the recipient that was named; else, if keys are in it, the
/// passphrase that guards them in the home. `None` if it is not to be sealed, or if the home has
/// no passphrase and nobody was named.
pub fn sealed_to(
    env: &Env<'_>,
    with_keys: bool,
    recipient: Option<ArchiveRecipient>,
) -> Result<Option<SealedTo>, Error> {
    if let Some(recipient) = recipient {
        return Ok(Some(SealedTo::Recipient(recipient)));
    }
    if !with_keys {
        return Ok(None);
    }
    let places = env.home.places();
    let transit = Transit::load(places)?;
    let (_, passphrase) = env::unlock(env.ask, &LockedFile::load(places)?, &transit)
        .map_err(|error| error.hint("or seal it to an age key: --recipient age1…"))?;
    Ok(passphrase.map(SealedTo::Passphrase))
}

/// Exports everything that has to travel. What is damaged stays behind, by name, so that what is
/// in the archive can be brought up; but without its keys there is no home.
pub fn export<W: Write>(env: &mut Env<'_>, pack: &mut Pack<W>) -> Result<Exported, Error> {
    let _sync = SyncLock::wait(&env.home, None)?;
    let _lock = env.lock()?;
    let places = env.home.places().clone();
    let mut skipped = Vec::new();
    let mut dirs = BTreeSet::new();
    for piece in travel::pieces(&places)? {
        let bytes = piece.read(&places).and_then(|bytes| {
            let bytes = bytes.map(Zeroizing::new);
            bytes.as_ref().map_or(Ok(()), |bytes| piece.check(bytes)).map(|()| bytes)
        });
        match bytes {
            Ok(Some(bytes)) => {
                let parents = piece.name.match_indices('/').map(|(at, _)| &piece.name[..at]);
                for dir in parents {
                    if dirs.insert(dir.to_owned()) {
                        pack.add_dir(dir)?;
                    }
                }
                pack.add_file(&piece.name, &bytes, Time::default())?;
            }
            Ok(None) if piece.name.starts_with("keys/") => {
                let what = format!("{} is missing", piece.path(&places).display());
                return Err(Error::new(Kind::Data, what).hint("restore it from a backup"));
            }
            Ok(None) => {}
            // What the disk refuses now may be there in the next archive.
            Err(error) if error.kind() != store::Kind::Damaged => return Err(error.into()),
            Err(error) if piece.name.starts_with("keys/") => return Err(error.into()),
            Err(error) => skipped.push(error.to_string()),
        }
    }
    pack.add_dir(MAIL)?;
    // One without a message is made again when there is one.
    let mail = Maildir::new(places.mail());
    let mut folders = folders(env, &[], Form::Sealed)?;
    for at in (0..folders.len()).rev() {
        if mail.list(&folders[at])?.is_empty() {
            folders.remove(at);
        }
    }
    let mut done = messages(env, &folders, Form::Sealed, None, pack)?;
    done.skipped.extend(skipped);
    Ok(done)
}
