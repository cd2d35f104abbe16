//! Forging: a message that was never sent, written and filed exactly as one that was. Nothing in
//! it and nothing that is kept of it tells the two apart, since an arrival is authenticated anew
//! by the same function when it is filed. Specified in poste(1), forge, and
//! poste-protocol(7), Filed form.

use crate::client::disappear;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::filing;
use crate::client::parties::Parties;
use crate::core::card::SignedCard;
use crate::core::encode::hex;
use crate::core::filed::{Filed, Head, OfGroup};
use crate::core::keys::{Fingerprint, LetterId, Seed};
use crate::core::mail::fields;
use crate::core::mail::mime::text_of;
use crate::core::mail::outgoing::outgoing;
use crate::core::party::Party;
use crate::core::random::{Random, bytes};
use crate::core::time::{Day, Time};
use crate::core::when::When;
use crate::store::home::Places;
use crate::store::maildir::{Entry, Flags, Folder, Maildir, Name, Place};
use crate::store::seen::Seen;
use std::path::PathBuf;

/// A message to be forged.
pub struct Forgery<'a> {
    /// Whose it shall be.
    pub from: Fingerprint,
    /// For whom: a person, or all of a group but its author. Author or reader is oneself.
    pub to: Vec<Fingerprint>,
    /// Of which group it shall be.
    pub group: Option<OfGroup>,
    /// When it shall have been written; without it, when it says itself, else now.
    pub when: Option<When>,
    /// Where it is filed.
    pub folder: &'a Folder,
    /// A message in whose place it is put, and that message as it is filed.
    pub replace: Option<(&'a Entry, &'a [u8])>,
    /// RFC 5322, or a text alone.
    pub mail: &'a [u8],
}

/// Forges a message and files it. Gives its path.
pub fn forge(env: &mut Env<'_>, forgery: &Forgery<'_>) -> Result<PathBuf, Error> {
    let lock = env.lock()?;
    let parties = Parties::load(env)?;
    let now = env.now();
    let date = date(forgery.when, forgery.mail, now, env.rng);
    if date > now {
        let what = format!("{} has not come yet; a forged message needs a past date", date.iso());
        return Err(Error::new(Kind::Data, what));
    }
    let old = forgery.replace.and_then(|(_, bytes)| Filed::read(bytes).ok());
    let known_id = old.as_ref().map(|old| old.head.id);
    let head = Head {
        id: known_id.unwrap_or_else(|| LetterId::generate(env.rng)),
        day: date.day(),
        from: forgery.from,
        to: forgery.to.clone(),
        date,
        group: forgery.group,
    };
    let mail = mail(forgery.mail, old.as_ref().map(|old| old.message()), env.rng)?;
    let message = parties.write(&head, &mail)?;
    let places = env.home.places().clone();
    let mut seen = Seen::open(&places.seen_dir())?;
    let key = (*head.from.as_bytes(), *head.id.as_bytes());
    let is_mine = parties.is_me(&head.from);
    if let Some((entry, _)) = forgery.replace {
        if !is_mine {
            seen.done(&lock, now, &[key])?;
        }
        return replace(&places, entry, date, &message, env.rng);
    }
    if is_mine {
        let (name, place) = (Name::new(date, env.rng), Place::Cur(Flags::SEEN));
        return filing::deliver(&places, forgery.folder, &name, place, &message, env.rng);
    }
    let path = filing::deliver_once(env, &lock, &mut seen, key, forgery.folder, date, &message)?;
    path.ok_or_else(|| Error::new(Kind::Bug, "a fresh id was known already"))
}

/// Puts a message, in filed form, in the place of another: same file if it has the same date.
pub fn replace(
    places: &Places,
    entry: &Entry,
    date: Time,
    message: &[u8],
    rng: &mut dyn Random,
) -> Result<PathBuf, Error> {
    let name = entry.name.at(date);
    disappear::note_again(places, &name, message)?;
    let sealed = filing::at_rest(places, message, rng)?;
    put(places, entry, &name, &sealed)
}

/// Puts a message, as it lies in the tree, in the place of another.
pub fn put(places: &Places, entry: &Entry, name: &Name, sealed: &[u8]) -> Result<PathBuf, Error> {
    let gone = || Error::new(Kind::NoMessage, format!("{} is gone", entry.path.display()));
    let mail = Maildir::new(places.mail());
    Ok(mail.replace(entry, name, sealed)?.ok_or_else(gone)?.path)
}

/// A third person's forgery, from the two cards and a seed that was disclosed: the message in
/// filed form. Needs no home, and no secret of either.
pub fn by_cards(
    from: &SignedCard,
    to: &SignedCard,
    seed: Option<(Day, &Seed)>,
    date: Time,
    text: &[u8],
    rng: &mut dyn Random,
) -> Result<Vec<u8>, Error> {
    let mut author = Party::of_card(&from.card, from.disclosed.as_ref());
    if let Some((day, seed)) = seed {
        let gives = seed.day_key(day).public();
        if from.card.day_key(day).is_some_and(|listed| listed != gives) {
            let what = format!("the seed does not give the key that the card lists for {day}");
            return Err(Error::new(Kind::Data, what));
        }
        author = author.and_seed(from.card.series, day, seed);
    }
    let reader = Party::of_card(&to.card, to.disclosed.as_ref());
    let head = Head {
        id: LetterId::generate(rng),
        day: date.day(),
        from: author.fingerprint(),
        to: vec![reader.fingerprint()],
        date,
        group: None,
    };
    let mail = mail(text, None, rng)?;
    Parties::of([author, reader]).write(&head, &mail).map_err(|error| {
        error.hint("a seed of that day or a later one is needed: that of the card, or --seed")
    })
}

/// When a message is dated: as told, else as it says itself, else `now`.
pub fn date(when: Option<When>, mail: &[u8], now: Time, rng: &mut dyn Random) -> Time {
    let says = || {
        let mail = fields::normalize(mail);
        let parts = fields::split(&mail).ok()?;
        Time::parse_rfc5322(&text_of(&parts.fields, "Date")?)
    };
    match when {
        Some(when) => when.moment(now, rng),
        None => says().unwrap_or(now).minute(),
    }
}

/// What would have travelled: of a mail only what leaves, under an id of our form: its own, else
/// that of the message `before` it.
pub fn mail(text: &[u8], before: Option<&[u8]>, rng: &mut dyn Random) -> Result<Vec<u8>, Error> {
    let text = fields::normalize(text);
    let id = message_id(&text)
        .or_else(|| message_id(before?))
        .unwrap_or_else(|| format!("<{}@poste>", hex(&bytes::<16>(rng))));
    Ok(outgoing(&text, &id)?)
}

/// Whether a mail has a Message-ID of our form, as all have that came or went as letters.
pub fn is_ours(mail: &[u8]) -> bool {
    message_id(mail).is_some()
}

/// The Message-ID, if it is of our form.
pub fn message_id(mail: &[u8]) -> Option<String> {
    let parts = fields::split(mail).ok()?;
    let id = text_of(&parts.fields, "Message-ID")?.trim().to_owned();
    let digits = id.strip_prefix('<')?.strip_suffix("@poste>")?;
    let ours = digits.len() == 32
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    ours.then_some(id)
}
