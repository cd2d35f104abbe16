//! People whom somebody else makes known: those of a group one is in. They become contacts under a
//! name that nobody has, made from the one their card suggests, and are marked as introduced until
//! the user has compared the words. No address in the card is asked before.
//! Specified in poste(1), Groups, and poste-protocol(7), GROUPS.

use super::{add, admit};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::card::SignedCard;
use crate::core::keys::Fingerprint;
use crate::store::contacts::{Contact, Past};
use crate::store::groups::Group;
use crate::store::keyring::Transit;
use crate::store::maildir::{Folder, Maildir};
use crate::store::petname::Petname;
use crate::store::requests::Request;
use std::collections::BTreeSet;

/// Bytes of a suggested name that are kept.
const NAME: usize = 40;

/// Hex digits of a fingerprint or id that stand for it.
const DIGITS: usize = 16;

/// Makes a contact of somebody by a card that was checked; `by` made them known.
pub fn introduce(
    env: &mut Env<'_>,
    desk: &mut Desk,
    card: SignedCard,
    by: Fingerprint,
) -> Result<Contact, Error> {
    let (places, now) = (env.home.places().clone(), env.now());
    let petname = unused(env, &card.card.name)?;
    let who = card.card.fingerprint();
    // Who was a contact before is known by more than this card.
    let known = match Past::load(&places, who)? {
        Some(past) => add::again(&petname, past.contact, card, now)?,
        None => add::fresh(&petname, card, now),
    };
    let contact = Contact { introduced: Some(by), ..known };
    contact.save(&places)?;
    arrived(env, desk, &contact)?;
    Ok(contact)
}

/// Whoever was introduced is a stranger no more: what they sent as one takes effect. To be done once
/// more when the introduction is repeated, since a crash may have come between.
pub fn arrived(env: &mut Env<'_>, desk: &mut Desk, contact: &Contact) -> Result<(), Error> {
    let (places, now) = (env.home.places().clone(), env.now());
    Past::remove(&places, contact.fingerprint)?;
    Maildir::new(places.mail()).make(&Folder::from(&contact.petname))?;
    if Request::load(&places, contact.fingerprint)?.is_some() {
        admit::admit(env, &desk.lock, contact, now)?;
        // An offer of theirs may have been taken.
        desk.transit = Transit::load(&places)?;
    }
    Ok(())
}

/// A petname that neither a contact nor a group nor a folder has.
pub fn unused(env: &Env<'_>, suggested: &str) -> Result<Petname, Error> {
    let places = env.home.places();
    let folders = Maildir::new(places.mail()).folders()?;
    let (groups, bad) = Group::load_all(places)?;
    let stems = bad.iter().filter_map(|error| error.path.file_stem()?.to_str());
    let named = groups.iter().filter_map(|group| group.name.as_ref()).map(Petname::as_str);
    let groups: BTreeSet<&str> = named.chain(stems).collect();
    let base = based_on(suggested);
    for number in 1_u32.. {
        let text = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        let Ok(petname) = text.parse::<Petname>() else { continue };
        let is_contact = !matches!(Contact::load(places, &petname), Ok(None));
        let is_group = groups.contains(petname.as_str());
        if !is_contact && !is_group && !folders.contains(&Folder::from(&petname)) {
            return Ok(petname);
        }
    }
    Err(Error::new(Kind::Bug, "there are no names left"))
}

/// What of a suggested name a petname can bear.
fn based_on(suggested: &str) -> String {
    let mut name = String::new();
    for c in suggested.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
        if name.len() == NAME {
            break;
        }
    }
    let name = name.trim_end_matches('-').to_owned();
    // By so many digits people and groups are named who have no name.
    let is_number = name.len() >= DIGITS && name.bytes().all(|b| b.is_ascii_hexdigit());
    if name.parse::<Petname>().is_ok() && !is_number { name } else { "member".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_a_card_suggests() {
        for (suggested, name) in [
            ("Alice", "alice"),
            ("Alice  O'Neill, of ../..", "alice-o-neill-of"),
            ("", "member"),
            ("\u{416}\u{1b}[1m", "1m"),
            ("inbox", "member"),
            ("Me", "member"),
            ("0123456789ABCDEF", "member"),
            ("--", "member"),
        ] {
            assert_eq!(based_on(suggested), name, "{suggested:?}");
        }
        assert_eq!(based_on(&"Xy".repeat(64)).len(), NAME);
    }
}
