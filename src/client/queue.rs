//! Sending: a letter is put into the outbox, durably, and a copy is filed as one's own. Nothing
//! here touches the network, which would tell when one writes. A letter to several people is
//! queued for all of them or for none. Specified in poste(1), send and sendmail.

mod to;

pub use to::{reachable, recipients};

use crate::client::dispatch::Matter;
use crate::client::enclosure::going;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{disappear, filing, groups, own, people, stamps};
use crate::core::archive;
use crate::core::attempt;
use crate::core::card::SignedCard;
use crate::core::cell::LETTER_PARTS;
use crate::core::enclosure::mail_limit;
use crate::core::filed::{Head, OfGroup};
use crate::core::keys::{Fingerprint, LetterId, SignPublic};
use crate::core::letter::{Control, Enclosure};
use crate::core::mail::fields;
use crate::core::mail::outgoing::outgoing;
use crate::core::stamp::Stamp;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::home::Places;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::maildir::{Flags, Folder, Name, Place};
use crate::store::outbox::{self, Copied, Enclosed, Item};
use crate::store::peers::Peer;
use crate::store::petname::Petname;
use to::{Target, targets};

/// Queues a mail to each of `to`, contacts and groups. Gives the letters' ids.
pub fn send(
    env: &mut Env<'_>,
    to: &[Petname],
    mail: &[u8],
    daily: bool,
) -> Result<Vec<LetterId>, Error> {
    if mail.len() as u64 > mail_limit(env.config.attachment_max) {
        return Err(going::too_large(env, mail));
    }
    let lock = env.lock()?;
    people::mend(env, &lock)?;
    let targets = targets(env, to)?;
    if targets.is_empty() {
        return Err(Error::new(Kind::Usage, "a letter needs somebody to go to"));
    }
    let transit = Transit::load(env.home.places())?;
    let card = own::load(env)?;
    let contacts = || targets.iter().flat_map(|target| &target.contacts);
    for ended in contacts().filter(|contact| contact.card.card.end) {
        (env.warn)(&format!("{} has ended that identity, and may not read this", ended.petname));
    }
    let mail = fields::normalize(mail);
    let mut ready = Vec::new();
    for target in &targets {
        // What cannot be filed is refused now, before anything is queued; only headers can be.
        let out = leaving(env, target, &mail)?;
        let copied = target.group.as_ref().map(|to| to.copied(&out, card.card.fingerprint()));
        for (at, contact) in target.contacts.iter().enumerate() {
            let mut item = Item { date: target.date, ..item(env, contact, daily) };
            if let Some((copied, to)) = &copied {
                let to = if at == 0 { to.clone() } else { Vec::new() };
                item.group = Some(Copied { to, ..copied.clone() });
            }
            // One's own copy of a letter to a group is filed with the first.
            match at {
                0 => drop(copy(&item, header(&out), card.card.sign, &transit, contact)?),
                _ => item.filed = true,
            }
            ready.push(Ready { contact, item, target });
        }
    }
    put_all(env, &transit, &card, &mail, &mut ready)?;
    let mut ids = Vec::new();
    for Ready { contact, mut item, target } in ready {
        ids.push(item.id);
        // The letter is queued: a copy that cannot be filed now is filed later.
        if !item.filed {
            let out = leaving(env, target, &mail)?;
            let sign = card.card.sign;
            if let Err(error) = file_copy(env, &lock, &transit, sign, contact, &mut item, out) {
                (env.warn)(&error.what);
            }
        }
        if waits(env, &transit, contact, &item, &card, &mail)? {
            (env.warn)(&format!(
                "the mail has more than {} cells, so it waits until {} has answered once",
                most(env, &contact.card),
                contact.petname
            ));
        }
    }
    // With a pace no sync looks for stamps before its last request.
    if env.config.pace > 0 {
        drop(lock);
        stamps::find(env)?;
    }
    Ok(ids)
}

/// A letter about to be queued. The mail as it leaves is made from its id when it is needed, since
/// it may be large and there may be many.
struct Ready<'a> {
    contact: &'a Contact,
    item: Item,
    target: &'a Target,
}

/// The outbox for who is going to change it or take letters out, with the copies filed that a crash
/// or an error kept from being. Gives also what is wrong with single letters, which stops no other.
pub fn outbox(
    env: &mut Env<'_>,
    lock: &StateLock,
    contacts: &[Contact],
) -> Result<(Vec<Item>, Vec<Error>), Error> {
    let (mut items, bad) = outbox::settle(env.home.places(), lock)?;
    let mut wrong: Vec<Error> = bad.into_iter().map(Error::from).collect();
    if items.iter().any(|item| !item.filed) {
        wrong.extend(heal(env, lock, &mut items, contacts)?);
    }
    Ok((items, wrong))
}

fn heal(
    env: &mut Env<'_>,
    lock: &StateLock,
    items: &mut [Item],
    contacts: &[Contact],
) -> Result<Vec<Error>, Error> {
    let places = env.home.places().clone();
    let transit = Transit::load(&places)?;
    let sign = own::load(env)?.card.sign;
    let mut wrong = Vec::new();
    for item in items.iter_mut().filter(|item| !item.filed) {
        let Some(contact) = contacts.iter().find(|c| c.fingerprint == item.to) else { continue };
        let healed = open(&places, &transit, item)
            .and_then(|mail| file_copy(env, lock, &transit, sign, contact, item, mail));
        wrong.extend(healed.err());
    }
    Ok(wrong)
}

/// A mail or nothing, the head of an enclosure, and what it has to do with a group.
pub type Contents = (Vec<u8>, Option<Enclosure>, Matter);

/// What a letter of `me` in the outbox carries: a mail, the head of an enclosure, or what is said
/// of a group.
pub fn contents(
    places: &Places,
    transit: &Transit,
    item: &Item,
    me: Fingerprint,
) -> Result<Contents, Error> {
    let matter = groups::matter(places, item, me)?;
    match &item.enclosure {
        _ if item.errand.is_some() => Ok((Vec::new(), None, matter)),
        None => Ok((open(places, transit, item)?, None, matter)),
        Some(enclosed) => {
            Ok((Vec::new(), Some(going::head(places, transit, item, enclosed)?), matter))
        }
    }
}

/// The mail of a letter in the outbox.
pub fn open(places: &Places, transit: &Transit, item: &Item) -> Result<Vec<u8>, Error> {
    if let Some(enclosed) = &item.enclosure {
        return going::open(places, transit, item, enclosed);
    }
    let sealed = item.mail(places)?;
    archive::open_at_rest(&transit.transit, &sealed, sealed.len()).map_err(|e| {
        Error::new(Kind::Data, format!("letter {} in the outbox: {e}", item.id))
            .hint(format!("poste outbox drop {}", item.id))
    })
}

/// Puts all into the outbox, or none: until the first is there, which comes last, none counts. What
/// cannot be taken back after an error is removed by who next takes the lock.
fn put_all(
    env: &mut Env<'_>,
    transit: &Transit,
    card: &SignedCard,
    mail: &[u8],
    ready: &mut [Ready<'_>],
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let first = ready.first().map(|ready| ready.item.id);
    let mut before = None;
    for at in (0..ready.len()).rev() {
        ready[at].item.after = first.filter(|_| at > 0);
        if let Err(error) = put(env, transit, card, mail, &mut ready[at], &mut before) {
            // As long as the first cannot be taken back, all the others must stay.
            let _ = ready.iter().try_for_each(|ready| ready.item.remove(&places));
            return Err(error);
        }
    }
    // On disk that is so as soon as the copy is filed.
    ready.iter_mut().for_each(|ready| ready.item.after = None);
    Ok(())
}

/// What was last enclosed: the mail under which Message-ID, for which letter, and how.
type Before = (String, LetterId, Enclosed, Vec<u8>);

fn put(
    env: &mut Env<'_>,
    transit: &Transit,
    card: &SignedCard,
    mail: &[u8],
    Ready { contact, item, target }: &mut Ready<'_>,
    before: &mut Option<Before>,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let out = leaving(env, target, mail)?;
    if fits(env, contact, card, item, &out, usize::from(LETTER_PARTS))? {
        let sealed = archive::seal_at_rest(&transit.transit.recipient(), &out, env.rng);
        return Ok(item.create(&places, &sealed, None)?);
    }
    // All members get one mail, so one enclosure does for all of them.
    if let Some((_, other, enclosed, key)) = before.as_ref().filter(|b| b.0 == target.message_id) {
        item.enclosure = Some(enclosed.clone());
        return Ok(item.create_beside(&places, key, *other)?);
    }
    let made = going::enclose(env, transit, &out)?;
    item.enclosure = Some(made.enclosed.clone());
    item.create(&places, &made.key, Some(&made.sealed))?;
    *before = Some((target.message_id.clone(), item.id, made.enclosed, made.key));
    Ok(())
}

/// A letter to somebody, empty yet.
pub fn item(env: &mut Env<'_>, contact: &Contact, daily: bool) -> Item {
    // To the minute: the second at which a letter was written is nobody's business.
    let date = env.now().minute();
    Item {
        id: LetterId::generate(env.rng),
        to: contact.fingerprint,
        date,
        daily,
        stamp: None,
        acknowledged: None,
        copy: Name::new(date, env.rng).to_string(),
        filed: false,
        after: None,
        tries: 0,
        since: None,
        heard: None,
        expired: None,
        enclosure: None,
        group: None,
        errand: None,
        dropped: None,
        attempt: Vec::new(),
    }
}

/// The mail as it leaves for a contact, or the same for all of a group.
fn leaving(env: &Env<'_>, target: &Target, mail: &[u8]) -> Result<Vec<u8>, Error> {
    let out = outgoing(mail, &target.message_id)?;
    Ok(disappear::marked(env, &target.name, target.date, out))
}

/// Files the own copy under the name planned for it, then records that it is there: a copy that
/// the user deletes later stays deleted.
fn file_copy(
    env: &mut Env<'_>,
    _lock: &StateLock,
    transit: &Transit,
    sign: SignPublic,
    contact: &Contact,
    item: &mut Item,
    mail: Vec<u8>,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let message = copy(item, &mail, sign, transit, contact)?;
    drop(mail);
    let name: Name = item
        .copy
        .parse()
        .map_err(|_| Error::new(Kind::Data, format!("letter {}: bad name of its copy", item.id)))?;
    let folder = match &item.group {
        Some(copied) => groups::folder(&places, copied.id)?,
        None => None,
    };
    let folder = folder.unwrap_or_else(|| Folder::from(&contact.petname));
    filing::deliver(&places, &folder, &name, Place::Cur(Flags::SEEN), &message, env.rng)?;
    item.filed = true;
    Ok(item.save(&places)?)
}

/// The own copy in filed form.
fn copy(
    item: &Item,
    mail: &[u8],
    sign: SignPublic,
    transit: &Transit,
    contact: &Contact,
) -> Result<Vec<u8>, Error> {
    let head = Head {
        id: item.id,
        day: item.date.day(),
        from: sign.fingerprint(),
        to: item.group.as_ref().map_or_else(|| vec![contact.fingerprint], |c| c.to.clone()),
        date: item.date,
        group: item.group.as_ref().map(|c| OfGroup {
            id: c.id,
            version: c.version,
            differs: false,
        }),
    };
    filing::as_author(&head, mail, sign, &transit.chain(), &contact.card.card)
}

/// The header of a mail that leaves, which an empty line always closes.
fn header(mail: &[u8]) -> &[u8] {
    let end = mail.windows(2).position(|pair| pair == b"\n\n");
    &mail[..end.map_or(mail.len(), |end| end + 2)]
}

/// Whether the mail goes into a letter of at most so many cells, which to somebody who does not have
/// our card yet must have room for it; else it travels as an enclosure.
fn fits(
    env: &mut Env<'_>,
    contact: &Contact,
    card: &SignedCard,
    item: &Item,
    mail: &[u8],
    most: usize,
) -> Result<bool, Error> {
    let now = env.now();
    let me = card.card.fingerprint();
    let mut control = Control::new(item.id, me, now, now.day());
    if let Matter::Copy(group) = groups::matter(env.home.places(), item, me)? {
        control.group = Some(group);
    }
    control.card_seen = contact.card.card.issued;
    control.offer_seen = now;
    let peer = Peer::load(env.home.places(), contact.fingerprint)?;
    if peer.card_seen == Time::default() {
        control.card = Some(card.text().to_owned());
        control.stamp = Stamp::parse("0000000000000000");
    }
    Ok(attempt::cells(&control, mail) <= most)
}

/// Cells that a letter to the owner of a card may have in a sync of this home.
fn most(env: &Env<'_>, card: &SignedCard) -> usize {
    let parts = usize::from(LETTER_PARTS);
    let directories = card.card.nodes.iter().all(|node| node.starts_with("file:"));
    match env.config.pace {
        0 => parts,
        _ if directories => parts,
        pace => parts.min(pace.into()),
    }
}

/// Whether a letter just queued waits until its addressee has answered: it is an enclosure, or goes
/// as one, since it does not fit into the cells of a sync.
fn waits(
    env: &mut Env<'_>,
    transit: &Transit,
    contact: &Contact,
    item: &Item,
    card: &SignedCard,
    mail: &[u8],
) -> Result<bool, Error> {
    let peer = Peer::load(env.home.places(), contact.fingerprint)?;
    if !going::must_wait(transit, &peer, contact.fingerprint) {
        return Ok(false);
    }
    let most = most(env, &contact.card);
    Ok(item.enclosure.is_some() || !fits(env, contact, card, item, mail, most)?)
}
