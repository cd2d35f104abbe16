//! One message that comes in: sealed, it must be ours and its authentication must not be wrong; in
//! plain, it is authenticated as a forged one is, from its From and Date. What comes of both is
//! filed like any other. Specified in poste(1), import.

use super::place::FileName;
use crate::client::edit;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::read::Reader;
use crate::client::{filing, forge};
use crate::core::filed::{Filed, Head};
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::mail::mime::text_of;
use crate::core::mail::{expires, fields, incoming};
use crate::core::time::Time;
use crate::store::maildir::{Flags, Folder, Name, Place};
use crate::store::seen::Key;
use std::borrow::Cow;

/// Where age files begin.
const AGE: &[u8] = b"age-encryption.org/v1\n";
/// Where messages in filed form begin.
const FILED: &[u8] = b"X-Poste: ";

/// A message ready to be filed.
pub struct Ready {
    /// Where.
    pub folder: Folder,
    /// Under which name.
    pub name: Name,
    /// In which part, with which flags.
    pub place: Place,
    /// As it lies in the tree.
    pub sealed: Vec<u8>,
    /// The message itself, by which it is compared with one of the same name.
    pub filed: Vec<u8>,
    /// The message with headers that are not filed, if it came with some: it may lie in the tree so.
    pub came: Option<Vec<u8>>,
    /// Whether its name was drawn here, since it had none of ours.
    pub unnamed: bool,
    /// Whether its Message-ID was drawn here, since it had none.
    pub drawn: bool,
    /// Whose it is, if not one's own, and its id.
    pub key: Option<Key>,
}

/// What helps in reading messages.
pub struct Desk<'a> {
    /// Everybody known.
    pub parties: &'a Parties,
    /// Opens what is sealed.
    pub reader: &'a Reader,
    /// Addresses that are one's own in foreign mail.
    pub mine: &'a [String],
}

/// Takes one message for a folder.
pub fn take(
    env: &mut Env<'_>,
    desk: &Desk<'_>,
    folder: &Folder,
    file: &FileName,
    bytes: Vec<u8>,
) -> Result<Ready, Error> {
    let drawn = !bytes.starts_with(AGE) && !forge::is_ours(&fields::normalize(&bytes));
    let (filed, came, sealed) = match bytes.starts_with(AGE) {
        true => (desk.reader.open_sealed(&bytes)?, None, Some(bytes)),
        false => {
            let (filed, came) = plain(env, desk, folder, &bytes)?;
            (filed, came, None)
        }
    };
    let message = Filed::read(&filed).map_err(|_| bad("it is not in filed form"))?;
    if let Some(why) = message.unproven() {
        return Err(bad(&format!("it is unproven ({why})")));
    }
    if desk.parties.holds(&message) == Some(false) {
        return Err(bad("its authentication does not hold"));
    }
    let head = message.head.clone();
    let sealed = match sealed {
        Some(sealed) => sealed,
        None => filing::at_rest(env.home.places(), &filed, env.rng)?,
    };
    let name = match file.name {
        Some(name) => name.at(head.date),
        None => Name::new(head.date, env.rng),
    };
    let is_mine = desk.parties.is_me(&head.from);
    let flags =
        if is_mine && file.name.is_none() { file.flags.with(Flags::SEEN) } else { file.flags };
    let place = if file.is_new && !is_mine { Place::New } else { Place::Cur(flags) };
    let key = (!is_mine).then_some((*head.from.as_bytes(), *head.id.as_bytes()));
    Ok(Ready {
        folder: folder.clone(),
        name,
        place,
        sealed,
        filed,
        came,
        unnamed: file.name.is_none(),
        drawn,
        key,
    })
}

/// A message in plain as it is filed, with only the headers that a letter could have brought: mail
/// programs add others to what they store. And if it is one of ours, the message with all of them.
fn plain(
    env: &mut Env<'_>,
    desk: &Desk<'_>,
    folder: &Folder,
    bytes: &[u8],
) -> Result<(Vec<u8>, Option<Vec<u8>>), Error> {
    let bytes = fields::normalize(bytes);
    if bytes.starts_with(FILED)
        && let Ok(filed) = Filed::read(&bytes)
        && desk.parties.holds(&filed) == Some(true)
    {
        return Ok((bytes.into_owned(), None));
    }
    if *folder == Folder::quarantine() {
        return Err(bad(
            "in plain it would come out of the quarantine as proven (--into takes it so)",
        ));
    }
    let parts = fields::split(&bytes)?;
    let says = |name: &str| text_of(&parts.fields, name).unwrap_or_default();
    let date = Time::parse_rfc5322(&says("Date")).ok_or_else(|| bad("it has no Date"))?.minute();
    if date > env.now() {
        return Err(bad("its Date has not come yet"));
    }
    let (from, to, group) = match edit::group_of(desk.parties, &parts.fields) {
        Some((id, circle)) => {
            let from = edit::person(desk.parties, &says("From"));
            let from = from.ok_or_else(|| bad("its From is nobody known"))?;
            let (to, group) = edit::to_group(desk.parties, id, circle, &from);
            (from, to, group)
        }
        None => {
            let (from, to) = people(desk, folder, &says("From"), &says("To"))?;
            (from, vec![to], None)
        }
    };
    let id = LetterId::generate(env.rng);
    let head = Head { id, day: date.day(), from, to, date, group };
    // What the field means in foreign mail is not that it shall disappear.
    let foreign = edit::person(desk.parties, &says("From")).is_none();
    let kept = |name: &str| foreign && name.eq_ignore_ascii_case(expires::FIELD);
    let (fields, body) = incoming::strip(&bytes, &kept)?;
    let mail =
        if foreign { Cow::Owned([&fields, &b"\n"[..], body].concat()) } else { bytes.clone() };
    let filed = desk.parties.write(&head, &forge::mail(&mail, None, env.rng)?)?;
    let came = match forge::is_ours(&bytes) {
        true => Some(desk.parties.write(&head, &bytes)?).filter(|came| *came != filed),
        false => None,
    };
    Ok((filed, came))
}

/// From whom to whom: as its addresses say, else, in foreign mail, between oneself and the one
/// whose folder it comes into.
fn people(
    desk: &Desk<'_>,
    folder: &Folder,
    from: &str,
    to: &str,
) -> Result<(Fingerprint, Fingerprint), Error> {
    let me = desk.parties.who("me").ok_or_else(|| bad("it is not known who one is"))?;
    let other = desk.parties.who(folder.as_str()).filter(|who| *who != me);
    let from = match (edit::person(desk.parties, from), &other) {
        (Some(known), _) => known,
        (None, Some(_)) if is_mine(desk.mine, from) => me,
        (None, Some(other)) => *other,
        (None, None) => return Err(bad("its From is nobody known")),
    };
    let to = match from == me {
        false => me,
        true => edit::person(desk.parties, to)
            // What lies in the inbox are reports to oneself.
            .filter(|to| *to != me || *folder == Folder::inbox())
            .or(other)
            .ok_or_else(|| bad("its To is nobody known"))?,
    };
    Ok((from, to))
}

fn is_mine(mine: &[String], from: &str) -> bool {
    let from = from.to_ascii_lowercase();
    mine.iter().any(|address| from.contains(&address.to_ascii_lowercase()))
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Data, why)
}
