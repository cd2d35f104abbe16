//! Letters of strangers: an authentic one with a card, a mail and a sufficient stamp waits as a
//! request. None of what it carries takes effect before the user accepts its author, and no address
//! in its card is fetched. Specified in poste-protocol(7), Acknowledgement.

use super::{Outcome, UNFIT, Way, carried, head, key, message, unproven};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::filing;
use crate::client::groups::{self, Where};
use crate::core::card::SignedCard;
use crate::core::group;
use crate::core::judge::{self, Arrival, Author, Reader, Verdict};
use crate::core::letter::{Kind, Letter};
use crate::core::stamp::Stamp;
use crate::store::maildir::{Folder, Name, Place};
use crate::store::requests::{self, Request, file};
use crate::store::seen::Mark;

/// Why a stranger's letter is dropped that comes as a request if its author is not introduced.
const NOT_INTRODUCED: &str = "a letter of a group by somebody who is not introduced yet";

/// For so many seconds after its date such a letter waits for the introduction; then nobody is
/// likely to make one, and it comes as a request.
const PATIENCE: u64 = group::TRAVEL;

/// Takes a letter of somebody who is no contact.
pub(super) fn take(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    card: Option<SignedCard>,
    (arrival, way): (Arrival, Way),
) -> Result<Outcome, Error> {
    let control = &letter.control;
    let Some(card) = card else {
        return Ok(Outcome::Dropped("a stranger's letter without a card"));
    };
    let (author, verdict) = match judged(env, desk, letter, &card, arrival) {
        Ok(judged) => judged,
        Err(why) => return Ok(Outcome::Dropped(why)),
    };
    match verdict {
        Verdict::Authentic => {}
        Verdict::Unproven(why) if way == Way::Hand => {
            return Ok(unproven::given_back(desk, letter, why));
        }
        _ => return Ok(Outcome::Dropped("a stranger's letter that is unproven")),
    }
    if control.kind != Kind::Mail || control.enclosure.is_some() {
        return Ok(Outcome::Dropped("a stranger's letter without a mail"));
    }
    // Whoever is in a group that one is in will be introduced, and then their letter is no request;
    // unless they were, and are a contact no more.
    let early = env.now().since(control.date) < PATIENCE;
    if let Some(group) = control.group.as_ref().filter(|_| early) {
        let me = desk.me.fingerprint();
        match groups::place(env, me, control.from, control.date, group)? {
            Where::Here(here) if here.is_mine => return Ok(Outcome::Dropped(NOT_INTRODUCED)),
            Where::Later => return Ok(Outcome::Dropped(NOT_INTRODUCED)),
            Where::Elsewhere | Where::Here(_) => {}
        }
    }
    request(env, desk, letter, card, author)
}

/// What a stranger's letter is worth by their card; or why it is dropped unread.
pub(super) fn judged(
    env: &Env<'_>,
    desk: &Desk,
    letter: &Letter<'_>,
    card: &SignedCard,
    arrival: Arrival,
) -> Result<(Author, Verdict), &'static str> {
    let (control, now) = (&letter.control, env.now());
    if card.check(control.from, None, now).is_err() || card.card.expires < now {
        return Err("a stranger's card that cannot be taken");
    }
    let bits = desk.card.card.stamp_bits;
    let worth = |stamp: &Stamp| stamp.is_worth(&desk.me, &card.card.sign, &control.id, bits);
    if bits > 0 && !control.stamp.as_ref().is_some_and(worth) {
        return Err("a stranger's letter without a sufficient stamp");
    }
    let held = carried(letter, Some(card));
    let author = Author { sign: card.card.sign, day_key: card.card.day_key(control.day), held };
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    Ok((author, judge::judge(letter, &author, &reader, arrival)))
}

/// Files a stranger's letter as a request. Its name stands in the request before it is delivered.
fn request(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    card: SignedCard,
    author: Author,
) -> Result<Outcome, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let control = &letter.control;
    let known = |day| card.card.day_key(day);
    let head = head(letter, desk.me, None);
    let Some(message) = message(desk, letter, head, author, card.card.series, known) else {
        return Ok(Outcome::Dropped(UNFIT));
    };
    let key = key(letter);
    let planned = match desk.seen.lookup(&key.0, &key.1) {
        Some(Mark::Done) => return Ok(Outcome::Duplicate),
        Some(Mark::Planned(name)) => Some(name),
        None => None,
    };
    let (all, bad) = Request::load_all(&places)?;
    if let Some(error) = bad.into_iter().find(|error| error.path == file(&places, control.from)) {
        return Err(error.into());
    }
    let known = all.iter().find(|r| r.fingerprint == control.from).cloned();
    let mut request = known.unwrap_or_else(|| Request::new(control.from, card.text(), now));
    let total: usize = all.iter().map(|r| r.letter.len()).sum();
    if planned.is_none() && (request.letter.len() >= requests::MOST_EACH || total >= requests::MOST)
    {
        return Ok(Outcome::Dropped("too many requests wait"));
    }
    let name = planned.unwrap_or_else(|| Name::new(control.date.minute(), env.rng));
    if planned.is_none() {
        desk.seen.plan(&desk.lock, now, &[(key, name)])?;
    }
    if SignedCard::parse(request.card.as_bytes()).is_ok_and(|old| card.is_newer_than(&old)) {
        request.card = card.text().to_owned();
    }
    if !request.letter.iter().any(|l| l.id == control.id) {
        request.letter.push(requests::Waiting { id: control.id, name: name.to_string() });
    }
    // A date in the future must not outlast all later ones.
    if control.date.min(now) >= request.latest {
        request.latest = control.date.min(now);
        request.card_seen = control.card_seen;
        request.offer_seen = control.offer_seen;
    }
    if let Some(offer) = &control.offer {
        request.keep_offer(offer);
    }
    request.save(&places)?;
    let folder = Folder::requests();
    let path = filing::deliver(&places, &folder, &name, Place::New, &message, env.rng)?;
    desk.seen.done(&desk.lock, now, &[key])?;
    Ok(Outcome::Filed { folder, path })
}
