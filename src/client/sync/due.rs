//! What is due to whom, and in which class: the letters of the outbox, and control letters, which
//! carry acknowledgements, offers and cards when no letter goes. Nothing is made here.
//! Specified in poste-protocol(7), Acknowledgement.

use super::{class, node};
use crate::client::desk::Desk;
use crate::client::dispatch::{Cargo, Matter};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::queue::Contents;
use crate::core::bucket::{Bucket, Class};
use crate::core::cell::LETTER_PARTS;
use crate::core::keys::LetterId;
use crate::core::letter::Kind as LetterKind;
use crate::core::plan::{self, Past};
use crate::core::random::below;
use crate::core::stamp::Stamp;
use crate::core::time::{DAY, Time};
use crate::store::contacts::Contact;
use crate::store::outbox::Item;
use crate::store::peers::Peer;

/// A letter unacknowledged for this many seconds is sealed to the public prekey: the offer seems
/// to be lost. Longer if either side listens once a day.
const FALLBACK: u64 = 3 * DAY;
const FALLBACK_DAILY: u64 = 8 * DAY;

/// Who has been awake when this home was within so many seconds needs the daily class least.
const AWAKE: u64 = 3 * DAY;

/// Nor before so many attempts.
const TRIES: usize = 3;

/// What a sync would post, without making anything.
pub fn preview(env: &mut Env<'_>, daily: bool) -> Result<Vec<String>, Error> {
    let desk = Desk::open(env)?;
    let mut lines = Vec::new();
    for item in &desk.outbox {
        let Some(contact) = desk.contacts.iter().find(|c| c.fingerprint == item.to) else {
            continue;
        };
        let awake = Peer::load(env.home.places(), item.to)?.awake;
        if let Some(due) = due(item, (contact, awake), class(&desk), daily, env.now()) {
            lines.push(format!("post letter {} in the {} class", item.id, due.name()));
        }
    }
    Ok(lines)
}

/// Whether somebody was awake lately when this home was, so that the hourly class joins the two.
pub fn is_awake(peer: &Peer, now: Time) -> bool {
    now.since(peer.awake) < AWAKE
}

/// In which class a letter is to be attempted now, if it is. One that falls back begins anew, since
/// the attempts before went where nobody could open them; so does one to somebody who is `awake`
/// after having slept through them.
pub fn due(
    item: &Item,
    (contact, awake): (&Contact, Time),
    own: Class,
    daily: bool,
    now: Time,
) -> Option<Class> {
    if !item.is_waiting() {
        return None;
    }
    let anew = falls_back(item, contact, own).filter(|at| *at < now).unwrap_or_default();
    let past = past(item);
    if only_directories(contact) {
        let today = past.iter().any(|p| p.at.day() == now.day());
        return (!today).then_some(Class::Daily);
    }
    plan::due(&past, anew.max(awake), travels(item, contact, own), now, daily)
}

/// Whether a letter may be repeated now where else cover would go.
pub fn is_spare(item: &Item, contact: &Contact, own: Class, now: Time) -> bool {
    let hourly = travels(item, contact, own) == Class::Hourly;
    item.is_waiting() && hourly && plan::spare(&past(item), now)
}

/// When a letter last went in a class.
pub fn last(item: &Item, class: Class) -> Option<Time> {
    past(item).into_iter().rfind(|past| past.class == class).map(|past| past.at)
}

/// Whether a letter went in today's daily exchange.
pub fn went_today(item: &Item, now: Time) -> bool {
    last(item, Class::Daily).is_some_and(|at| at.day() == now.day())
}

fn past(item: &Item) -> Vec<Past> {
    let past = item.attempt.iter();
    let class = |bucket: &str| Some(bucket.parse::<Bucket>().ok()?.class());
    past.filter_map(|a| Some(Past { at: a.at, class: class(&a.bucket)? })).collect()
}

/// In which class a letter, or its enclosure, travels.
pub fn travels(item: &Item, contact: &Contact, own: Class) -> Class {
    let classes = [own, contact.card.card.class];
    let daily = item.daily || classes.contains(&Class::Daily) || only_directories(contact);
    if daily { Class::Daily } else { Class::Hourly }
}

/// In which class cells of an enclosure may go now, if they may. Whoever `sleeps` when this home is
/// awake gets them in the daily exchange alone, since what goes by the hour is gone when they come.
pub fn cells_class(
    item: &Item,
    contact: &Contact,
    own: Class,
    (daily, sleeps): (bool, bool),
) -> Option<Class> {
    let class = if sleeps { Class::Daily } else { travels(item, contact, own) };
    (class == Class::Hourly || daily || only_directories(contact)).then_some(class)
}

/// In which class a control letter may go, if it may. It costs no exchange of its own.
pub fn control_class(contact: &Contact, own: Class, daily: bool) -> Option<Class> {
    if only_directories(contact) {
        return Some(Class::Daily);
    }
    let to = if own == Class::Daily { Class::Daily } else { contact.card.card.class };
    (to == Class::Hourly || daily).then_some(to)
}

/// Whether somebody listens on directories alone, which are there when they are there.
pub(super) fn only_directories(contact: &Contact) -> bool {
    let nodes = &contact.card.card.nodes;
    !nodes.is_empty() && nodes.iter().all(|url| node(url.clone()).directory)
}

/// A letter of the outbox, as it goes out by the offer.
pub fn letter(item: &Item, (mail, enclosure, matter): Contents) -> Cargo {
    Cargo {
        id: item.id,
        kind: if item.errand.is_none() { LetterKind::Mail } else { LetterKind::Control },
        date: item.date,
        mail,
        enclosure,
        matter,
        want: None,
        stamp: item.stamp.as_deref().and_then(Stamp::parse),
        fallback: false,
        with_card: false,
        tries: item.tries,
        most: usize::from(LETTER_PARTS),
    }
}

/// By which ways a letter goes in `class` now, whether as a fallback or not. One that fell back goes
/// both ways in the daily exchange, which may be the only one in days that its addressee sees, and
/// by the offer twice, at another node each; else the two take turns, two attempts each, since by
/// the offer it takes fewer cells and gets through where many are lost. Where slots are `few`,
/// which of them comes first in the daily exchange takes turns too.
pub fn ways(
    item: &Item,
    contact: &Contact,
    own: Class,
    class: Class,
    now: Time,
    few: bool,
) -> &'static [bool] {
    let Some(begun) = falls_back(item, contact, own).filter(|begun| *begun < now) else {
        return &[false];
    };
    let since = item.attempt.iter().filter(|attempt| attempt.at > begun).count();
    match class {
        Class::Daily if few && since % 2 == 0 => &[false, true, false],
        Class::Daily => &[true, false, false],
        Class::Hourly if since % 4 < 2 => &[true],
        Class::Hourly => &[false],
    }
}

/// Whether a letter has been on its way for so long that the offer seems to be lost.
pub fn is_fallback(item: &Item, contact: &Contact, own: Class, now: Time) -> bool {
    falls_back(item, contact, own).is_some_and(|at| at < now)
}

/// After which moment the offer by which a letter went seems to be lost.
fn falls_back(item: &Item, contact: &Contact, own: Class) -> Option<Time> {
    let daily = own == Class::Daily || contact.card.card.class == Class::Daily;
    let patience = if daily { FALLBACK_DAILY } else { FALLBACK };
    // Who asks for cells has opened the head; who acknowledges another letter, that one.
    let heard = item.wanted().max(item.heard).unwrap_or_default();
    let since = item.attempt.first()?.at.max(heard) + patience;
    // What had to wait for room was not tried often enough to seem lost.
    Some(since.max(item.attempt.get(TRIES - 1)?.at))
}

/// A letter without a mail: for what is due and finds none to ride with.
pub fn control_letter(env: &mut Env<'_>, with_card: bool) -> Cargo {
    Cargo {
        id: LetterId::generate(env.rng),
        kind: LetterKind::Control,
        date: env.now().minute(),
        mail: Vec::new(),
        enclosure: None,
        matter: Matter::Nothing,
        want: None,
        stamp: None,
        fallback: false,
        with_card,
        // It is not known which nodes have failed before: any of them.
        tries: below(env.rng, 1 << 16) as u32,
        most: usize::from(LETTER_PARTS),
    }
}
