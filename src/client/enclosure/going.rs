//! An enclosure on its way out: made when the mail is queued, sealed to a key of its own that is
//! kept sealed to the transit key. A want counts only if it is of this enclosure and addressee.
//! Specified in poste-protocol(7), Enclosures, and poste-files(5).

use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::sync::due;
use crate::core::archive;
use crate::core::cell::CHUNK;
use crate::core::enclosure::{CellSet, mail_limit, size};
use crate::core::encode::{base64, unbase64};
use crate::core::hybrid::HybridSecret;
use crate::core::keys::{EnclosureId, Fingerprint};
use crate::core::letter::{Enclosure, Want};
use crate::core::prim;
use crate::core::seal;
use crate::core::time::Time;
use crate::store;
use crate::store::config::size_text;
use crate::store::contacts::Contact;
use crate::store::home::Places;
use crate::store::keyring::Transit;
use crate::store::outbox::{Enclosed, Item};
use crate::store::peers::Peer;
use std::io::BufReader;
use zeroize::Zeroizing;

/// An enclosure just made.
pub struct Made {
    /// What the letter's state says of it.
    pub enclosed: Enclosed,
    /// Its key, sealed to the transit key.
    pub key: Vec<u8>,
    /// The age file that its cells are cut from.
    pub sealed: Vec<u8>,
}

/// Seals a mail to a key made for it.
pub fn enclose(env: &mut Env<'_>, transit: &Transit, mail: &[u8]) -> Result<Made, Error> {
    let secret = HybridSecret::generate(env.rng);
    let sealed = seal::seal(&secret.public(), mail, env.rng);
    let cells = u16::try_from(sealed.len().div_ceil(CHUNK)).ok();
    let limit = mail_limit(env.config.attachment_max);
    let cells = cells.filter(|cells| size(*cells) <= limit).ok_or_else(|| too_large(env, mail))?;
    let enclosed = Enclosed {
        id: EnclosureId::generate(env.rng),
        cells,
        sha256: base64(&prim::sha256(&[&sealed])),
        wanted: None,
        posted: 0,
    };
    let text = secret.to_text();
    let key = archive::seal_at_rest(&transit.transit.recipient(), text.as_bytes(), env.rng);
    Ok(Made { enclosed, key, sealed })
}

/// Makes a letter of the outbox one that travels as an enclosure, since its `mail` does not fit into
/// the cells that it may have. It stays the same letter.
pub fn convert(
    env: &mut Env<'_>,
    transit: &Transit,
    item: &mut Item,
    mail: &[u8],
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let Made { enclosed, key, sealed } = enclose(env, transit, mail)?;
    Ok(item.enclose(&places, enclosed, &key, &sealed)?)
}

/// That a mail is larger than may be.
pub fn too_large(env: &Env<'_>, mail: &[u8]) -> Error {
    let most = env.config.attachment_max;
    let what = format!(
        "the mail has {} bytes, more than the {} that attachment_max = \"{}\" allows",
        mail.len(),
        mail_limit(most),
        size_text(most)
    );
    Error::new(Kind::Data, what).hint("send it in parts, or attach less")
}

/// What the head says of the enclosure, its key included.
pub fn head(
    places: &Places,
    transit: &Transit,
    item: &Item,
    enclosed: &Enclosed,
) -> Result<Enclosure, Error> {
    let damaged = |what: String| {
        Error::new(Kind::Data, format!("letter {} in the outbox: {what}", item.id))
            .hint(format!("poste outbox drop {}", item.id))
    };
    let sealed = item.key(places)?;
    let text = archive::open_at_rest(&transit.transit, &sealed, sealed.len());
    let text = Zeroizing::new(text.map_err(|e| damaged(e.to_string()))?);
    let key = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    Ok(Enclosure {
        id: enclosed.id,
        cells: enclosed.cells,
        sha256: unbase64(&enclosed.sha256).map_err(|e| damaged(e.to_string()))?,
        key: key.ok_or_else(|| damaged("its key does not read".into()))?,
    })
}

/// The mail in an enclosure of one's own.
pub fn open(
    places: &Places,
    transit: &Transit,
    item: &Item,
    enclosed: &Enclosed,
) -> Result<Vec<u8>, Error> {
    let key = head(places, transit, item, enclosed)?.key;
    let file = BufReader::new(item.open_enclosure(places)?);
    seal::open_stream(&key, file, size(enclosed.cells) as usize).map_err(|e| {
        Error::new(Kind::Data, format!("letter {} in the outbox: its enclosure: {e}", item.id))
            .hint(format!("poste outbox drop {}", item.id))
    })
}

/// Whether a head must wait: its addressee is not known to have accepted us, and a stranger's head
/// is dropped. Who has seen our card, or made us an offer, has.
pub fn must_wait(transit: &Transit, peer: &Peer, to: Fingerprint) -> bool {
    peer.card_seen == Time::default() && !transit.received.iter().any(|offer| offer.from == to)
}

/// Takes an authentic want of a contact's. One that is not of an enclosure on its way to them, or
/// not of its cells, is ignored.
pub fn take_want(
    env: &Env<'_>,
    desk: &mut Desk,
    contact: &Contact,
    date: Time,
    want: &Want,
) -> Result<(), Error> {
    let places = env.home.places();
    for item in desk.outbox.iter_mut() {
        let open = item.to == contact.fingerprint && item.is_waiting();
        let Some(enclosed) = item.enclosure.clone().filter(|e| open && e.id == want.id) else {
            continue;
        };
        let Ok(missing) = CellSet::parse(enclosed.cells, &want.missing) else { continue };
        let mut owed = match item.owed(places, &enclosed) {
            Ok(owed) => owed,
            Err(error) if error.kind() == store::Kind::Damaged => {
                // The rest of the letter takes effect.
                (env.warn)(&error.to_string());
                continue;
            }
            // The whole letter is taken another time.
            Err(error) => return Err(error.into()),
        };
        let class = due::travels(item, contact, desk.card.card.class);
        // A date in the future must not outlast all later ones.
        if owed.take(date.min(env.now()), &missing, class) {
            item.save_owed(places, &owed)?;
            item.enclosure = Some(Enclosed { wanted: Some(env.now()), ..enclosed });
            item.save(places)?;
        }
    }
    Ok(())
}

/// Records that a node took cells of a letter's enclosure: which first, then how many.
pub fn took(env: &Env<'_>, item: &mut Item, cells: &[u16]) -> Result<(), Error> {
    let places = env.home.places();
    let Some(enclosed) = item.enclosure.clone() else { return Ok(()) };
    let mut owed = item.owed(places, &enclosed)?;
    owed.took(cells, env.now());
    item.save_owed(places, &owed)?;
    let posted = owed.sent();
    (env.progress)(&format!("letter {}: {posted} of {} cells", item.id, enclosed.cells));
    item.enclosure = Some(Enclosed { posted, ..enclosed });
    Ok(item.save(places)?)
}
