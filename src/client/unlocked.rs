//! `unlock` and `lock`: the opened keys of this home, lent to the kernel for some hours, so that
//! reading asks for no passphrase. The passphrase itself is not lent, and what it alone may do
//! (changing it, new or last keys, taking the keys elsewhere) still asks for it.
//! Specified in poste(1), unlock, and poste-protocol(7), Security.

use crate::client::env::{self, Env};
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::archive::ArchiveRecipient;
use crate::core::time::{DAY, HOUR, Time};
use crate::store::home::Places;
use crate::store::kernel::CannotKeep;
use crate::store::keyring::Transit;
use crate::store::locked::{Locked, LockedFile, archive_recipient};
use zeroize::Zeroizing;

/// Seconds for which keys are lent where nothing else is said.
pub const USUAL: u64 = 8 * HOUR;
/// And at most.
pub const MOST: u64 = DAY;

/// Lends the keys for so many seconds; gives until when, or `None` if they are under no passphrase.
/// It is asked for in any case. A card that is due is signed while the keys are open.
pub fn unlock(env: &mut Env<'_>, seconds: u64) -> Result<Option<Time>, Error> {
    let places = env.home.places().clone();
    let file = LockedFile::load(&places)?;
    if !file.needs_passphrase() {
        return Ok(None);
    }
    let keeper = env.ask.keeper().ok_or_else(|| cannot(CannotKeep::Missing))?;
    let name = name(&places)?;
    // Who cannot be helped is not asked first.
    keeper.kept(&name).map_err(cannot)?;
    let transit = Transit::load(&places)?;
    let (locked, _) = env::unlock(env.ask, &file, &transit)?;
    // To the kernel 0 means for ever.
    let seconds = seconds.clamp(1, MOST);
    let until = env.now() + seconds;
    let secret = write(until, &locked);
    keeper.keep(&name, secret.as_bytes(), seconds).map_err(cannot)?;
    own::sign_when_due(env, &locked)?;
    Ok(Some(until))
}

/// Has the kernel destroy the keys; whether it had them.
pub fn lock(env: &Env<'_>) -> Result<bool, Error> {
    match env.ask.keeper() {
        Some(keeper) => keeper.forget(&name(env.home.places())?).map_err(cannot),
        None => Ok(false),
    }
}

/// Until when the keys are lent, if they are.
pub fn until(env: &Env<'_>) -> Option<Time> {
    find(env).map(|(until, _)| until)
}

/// The keys, if they are lent. Where the kernel says nothing, all is as without it.
pub fn keys(env: &Env<'_>) -> Option<Locked> {
    find(env).map(|(_, locked)| locked)
}

fn find(env: &Env<'_>) -> Option<(Time, Locked)> {
    let places = env.home.places();
    let secret = env.ask.keeper()?.kept(&name(places).ok()?).ok()??;
    let (until, locked) = read(&secret)?;
    let is_ours = locked.archive.recipient().to_string() == recipient(places).ok()?.to_string();
    (is_ours && until > env.now() && until.since(env.now()) <= MOST).then_some((until, locked))
}

/// Under what the kernel keeps the keys: the end of the archive's public half, which no other has;
/// the whole of a hybrid one is too long.
fn name(places: &Places) -> Result<String, Error> {
    let recipient = recipient(places)?.to_string();
    let end = recipient.get(recipient.len().saturating_sub(40)..).unwrap_or(&recipient);
    Ok(format!("poste:{end}"))
}

fn recipient(places: &Places) -> Result<ArchiveRecipient, Error> {
    Ok(archive_recipient(places)?)
}

/// A line with the time, then the keys as their file has them.
fn write(until: Time, locked: &Locked) -> Zeroizing<String> {
    let keys = locked.text();
    let mut text = Zeroizing::new(String::with_capacity(keys.len() + 24));
    text.push_str(&until.unix().to_string());
    text.push('\n');
    text.push_str(&keys);
    text
}

fn read(secret: &[u8]) -> Option<(Time, Locked)> {
    let (until, keys) = std::str::from_utf8(secret).ok()?.split_once('\n')?;
    Some((Time::from_unix(until.parse().ok()?), Locked::parse(keys).ok()?))
}

fn cannot(why: CannotKeep) -> Error {
    let kind = match why {
        CannotKeep::Forbidden | CannotKeep::Missing => Kind::Permission,
        CannotKeep::Quota | CannotKeep::Other(_) => Kind::Io,
    };
    Error::new(kind, format!("the kernel keyring cannot be used: {why}"))
        .hint("passphrase_command in config.toml is another way, see poste-files(5)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::archive::ArchiveIdentity;
    use crate::core::keys::SignSecret;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn what_is_lent_reads_as_it_was_written_and_damage_is_nothing() {
        let mut rng = Fixed::new(1);
        let archive = ArchiveIdentity::generate_hybrid(&mut rng);
        let locked = Locked { sign: SignSecret::generate(&mut rng), archive };
        let until = Time::from_unix(1_795_356_000);
        let text = write(until, &locked);
        let (then, again) = read(text.as_bytes()).unwrap();
        assert_eq!(then, until);
        assert_eq!(*again.text(), *locked.text());
        assert_eq!(again.archive.recipient(), locked.archive.recipient());
        assert!(read(&text.as_bytes()[..text.len() - 9]).is_none());
        assert!(read(b"").is_none() && read(b"x\n").is_none());
    }
}
