//! From request to contact: what a person sent as a stranger takes effect once they are accepted,
//! and not before. Which request is meant is said by a message or a fingerprint.
//! Specified in poste(1), accept, and poste-protocol(7), Acknowledgement.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::printable;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::maildir::{Folder, Maildir};
use crate::store::peers::Peer;
use crate::store::requests::Request;
use std::path::Path;

/// Gives effect to what a person sent as a stranger: their letters move to their folder and are
/// to be acknowledged, and their offer is taken.
pub(super) fn admit(
    env: &mut Env<'_>,
    _lock: &StateLock,
    contact: &Contact,
    now: Time,
) -> Result<usize, Error> {
    let places = env.home.places().clone();
    let Some(request) = Request::load(&places, contact.fingerprint)? else { return Ok(0) };
    let mail = Maildir::new(places.mail());
    let folder = Folder::from(&contact.petname);
    let mut moved = 0;
    for letter in &request.letter {
        let Ok(name) = letter.name.parse() else { continue };
        if let Some(entry) = mail.locate(&Folder::requests(), &name)? {
            mail.move_to(&entry, &folder)?;
            moved += 1;
        }
    }
    if let Some(offer) = request.offer() {
        let mut transit = Transit::load(&places)?;
        if transit.take(contact.fingerprint, &offer, now) {
            transit.save(&places)?;
        }
    }
    let mut peer = Peer::load(&places, contact.fingerprint)?;
    request.letter.iter().for_each(|letter| peer.owe(letter.id));
    peer.learn(request.latest, request.card_seen, request.offer_seen);
    peer.last_letter = peer.last_letter.max(request.latest);
    peer.save(&places, contact.fingerprint)?;
    request.remove(&places)?;
    Ok(moved)
}

/// The request that an argument means: a message of theirs, or the beginning of their fingerprint.
pub(super) fn find(env: &Env<'_>, text: &str) -> Result<Request, Error> {
    let (all, bad) = Request::load_all(env.home.places())?;
    let unique = |name: &str| name.split('.').nth(1).unwrap_or_default().to_owned();
    let file = Path::new(text).file_name().and_then(|n| n.to_str()).unwrap_or(text);
    let base = file.split(':').next().unwrap_or(file);
    let means = |r: &&Request| {
        let digits = text.len() >= 4 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits && r.fingerprint.to_string().starts_with(text)
            || r.letter
                .iter()
                .any(|l| l.name == base || digits && unique(&l.name).starts_with(text))
    };
    let mut found = all.iter().filter(means);
    match (found.next(), found.next(), bad.into_iter().next()) {
        (Some(request), None, _) => Ok(request.clone()),
        (Some(_), Some(_), _) => Err(Error::new(
            Kind::NoContact,
            format!("{text} begins several requests; give more of it"),
        )),
        // It may be the one that is meant.
        (None, _, Some(error)) => Err(error.into()),
        (None, _, None) => Err(Error::new(
            Kind::NoContact,
            format!("no request and no invitation is named {}", printable::line(text)),
        )
        .hint("poste contacts")),
    }
}
