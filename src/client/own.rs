//! One's own card: signing a new one when it is due, and what one gives to a friend. A prekey's
//! secret is on disk before the card that names it. Posting it is `publish`'s business.
//! Specified in poste-protocol(7), Card and Prekeys.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{cover, disclose, listen, nodes, restored};
use crate::core::bucket::Class;
use crate::core::card::{self, Card, Retired, SignedCard};
use crate::core::disclosure::disclosed_from;
use crate::core::keys::{DhSecret, Fingerprint};
use crate::core::time::{DAY, Day, Time};
use crate::store::atomic;
use crate::store::keyring::{Former, Prekey, Transit};
use crate::store::lock::StateLock;
use crate::store::locked::Locked;
use crate::store::progress::Progress;
use crate::store::published::Published;
use crate::store::quoted;

/// Days listed ahead of today in a new card.
const AHEAD: u32 = 35;
/// Days listed before today at most: what was not disclosed yet.
const BEHIND: u32 = 28;
/// A card with a prekey older than this many seconds is due.
const PREKEY_AGE: u64 = 7 * DAY;
/// Days after a prekey was made until which senders use it without asking for a newer card.
const PREKEY_DAYS: u32 = 14;
/// Seconds after `issued` at which a card expires.
const EXPIRES: u64 = 90 * DAY;
/// Seconds for which one listens on the nodes of a card after a newer one was signed.
const LISTENED: u64 = 31 * DAY;

/// Until when one listens on the nodes of a card that was replaced at `now`.
pub fn listened(now: Time) -> Time {
    now + LISTENED
}

/// The newest card of one's own; an error with a hint if none was signed yet.
pub fn load(env: &Env<'_>) -> Result<SignedCard, Error> {
    find(env)?.ok_or_else(|| {
        Error::new(Kind::Config, "this home has not signed a card yet").hint("poste publish")
    })
}

/// The newest card of one's own, if one was signed.
pub fn find(env: &Env<'_>) -> Result<Option<SignedCard>, Error> {
    let path = env.home.places().card();
    let Some(bytes) = atomic::read(&path, card::LIMIT as u64)? else { return Ok(None) };
    let damaged = |e: card::BadCard| {
        Error::new(Kind::Data, format!("{}: {e}", path.display()))
            .hint(format!("rm {} && poste publish", quoted(&path)))
    };
    Ok(Some(SignedCard::parse(&bytes).map_err(damaged)?))
}

/// Whether the card must be signed anew: its prekey is a week old, fewer than 14 days are listed
/// ahead, the configuration or series says something else, a newer one that this home has not
/// signed is published, or nobody takes it since it is from the future.
pub fn is_due(env: &Env<'_>, transit: &Transit, card: Option<&SignedCard>) -> bool {
    let now = env.now();
    let Some(card) = card.map(|signed| &signed.card) else { return true };
    if card.end {
        return false;
    }
    let prekey_made = transit.newest_prekey().map(|p| p.made).unwrap_or_default();
    let urls = urls(env, card.fingerprint());
    now.since(prekey_made) >= PREKEY_AGE
        || card.issued > now + DAY
        || card.issued <= newer_published(env)
        || card.last_day() < now.day().plus(14)
        || card.day_key(now.day()).is_none()
        || card.series != transit.series.number
        || card.end != transit.ended
        || retired(env, transit, Some(card)).len() > card.retired.len()
        || card.urls != urls
        || !names_nodes(env, card)
        || card.class != class(env)
        || listen::is_due(env, card)
        || card.stamp_bits != env.config.stamp_bits
        || card.cover != cover::takes_part(env)
        || card.name != env.config.name
}

/// Refuses to sign: the identity is ended, another home signs for it, or the clock, unless it is
/// to be trusted, would date the card wrongly.
pub fn may_sign(env: &Env<'_>, trust_clock: bool) -> Result<(), Error> {
    restored::may_send(env)?;
    if find(env)?.is_some_and(|card| card.card.end) {
        let what = "the identity is ended: nobody would take a card after its last one";
        return Err(Error::new(Kind::Config, what).hint("poste --home DIR init"));
    }
    if !trust_clock && env.clock()?.is_wrong() {
        let what = "the clock is not right, and nobody would take a card that it dates";
        return Err(Error::new(Kind::Offline, what)
            .hint("set the clock, or, if it is right: poste publish --trust-clock"));
    }
    Ok(())
}

/// Signs a new card and makes it one's own. Not published yet.
pub fn sign(
    env: &mut Env<'_>,
    _lock: &StateLock,
    transit: &mut Transit,
    locked: &Locked,
) -> Result<SignedCard, Error> {
    let now = env.now();
    let last = find(env)?;
    // A time to come is that of a clock that was wrong.
    transit.prekey.iter_mut().for_each(|prekey| prekey.made = prekey.made.min(now));
    let newest = transit.newest_prekey().map(|p| p.made).unwrap_or_default();
    if now.since(newest) >= PREKEY_AGE {
        transit.prekey.push(Prekey::generate(now, env.rng));
    }
    let issued = issue(last.as_ref(), newer_published(env), now);
    if let Some(newest) = transit.prekey.last_mut() {
        newest.issued.get_or_insert(issued);
    }
    transit.bring_near(now.day().plus(AHEAD));
    transit.save(env.home.places())?;
    let card = compose(env, transit, locked, last.as_ref(), issued)?;
    let previous = last.as_ref().map(|c| c.card.clone());
    let former = previous.iter().flat_map(|old| old.nodes.iter());
    let former: Vec<String> = former.filter(|node| !card.nodes.contains(node)).cloned().collect();
    let same_series = last.filter(|c| c.card.series == card.series);
    let disclosed = same_series.and_then(|c| c.disclosed);
    let disclosed = disclosed.filter(|d| card.day_key(d.date).is_some());
    let signed = card.sign(&locked.sign, disclosed.as_ref())?;
    let material = previous.as_ref().is_none_or(|old| is_material(old, &signed.card));
    let mut progress = Progress::load(env.home.places())?;
    if material {
        progress.material = signed.card.issued;
    }
    if let Some(old) = &previous {
        listen::note(&mut progress, old, &signed.card);
    }
    for node in former {
        progress.former.insert(node, listened(now));
    }
    // Before the card: what is told once too often does no harm.
    progress.save(env.home.places())?;
    atomic::write(&env.home.places().card(), signed.text().as_bytes())?;
    Ok(signed)
}

/// Signs a new card if one is due, with keys that were opened for something else. That it cannot
/// be written does not stop what they were opened for, and where none is due nothing is written at
/// all: a home that is only there to be read is read.
pub fn sign_when_due(env: &mut Env<'_>, locked: &Locked) -> Result<(), Error> {
    let due = |env: &Env<'_>| -> Result<Option<Transit>, Error> {
        let transit = Transit::load(env.home.places())?;
        let is_due = is_due(env, &transit, find(env)?.as_ref()) && may_sign(env, false).is_ok();
        Ok(is_due.then_some(transit))
    };
    if due(env)?.is_none() {
        return Ok(());
    }
    let lock = match env.lock() {
        Ok(lock) => lock,
        Err(error) => {
            (env.warn)(&format!("a new card is due and cannot be signed: {error}"));
            return Ok(());
        }
    };
    // Somebody else may have signed it before the lock was had.
    if let Some(mut transit) = due(env)? {
        sign(env, &lock, &mut transit, locked).map(|_| ()).unwrap_or_else(|e| (env.warn)(&e.what));
    }
    Ok(())
}

/// Whether correspondents must be told: where and how often one listens, and by which keys.
fn is_material(old: &Card, new: &Card) -> bool {
    (old.series, old.dh, &old.urls, &old.nodes) != (new.series, new.dh, &new.urls, &new.nodes)
        || (old.listen, old.class, old.end) != (new.listen, new.class, new.end)
}

/// `https://host/alice.toml#<fingerprint>`, or the bare fingerprint if the card has no address.
pub fn link(card: &Card) -> String {
    match card.urls.first() {
        Some(url) => format!("{url}#{}", card.fingerprint()),
        None => format!("#{}", card.fingerprint()),
    }
}

/// Where the configuration says that the card of `who` is found.
pub fn urls(env: &Env<'_>, who: Fingerprint) -> Vec<String> {
    env.config.urls.iter().map(|url| at_host(url.as_str(), who)).collect()
}

/// The address of the card of `who`: one that ends in `/id/` is that of an identity host, where
/// every card is named by its fingerprint.
pub fn at_host(url: &str, who: Fingerprint) -> String {
    if url.ends_with("/id/") { format!("{url}{who}.toml") } else { url.to_owned() }
}

fn compose(
    env: &Env<'_>,
    transit: &Transit,
    locked: &Locked,
    last: Option<&SignedCard>,
    issued: Time,
) -> Result<Card, Error> {
    let now = env.now();
    let sign = locked.sign.public();
    let prekey = transit
        .newest_prekey()
        .ok_or_else(|| Error::new(Kind::Data, "the transit keys hold no prekey"))?;
    let chain = transit.chain();
    let same_series = last.filter(|c| c.card.series == transit.series.number);
    let disclosed = same_series.and_then(|c| c.disclosed.as_ref()).map(|d| d.date);
    let first_day = first_listed(chain.first(), disclosed, now.day());
    let digits = listen::digits(env, last.map(|c| &c.card));
    let count = now.day().plus(AHEAD + 1).days_since(first_day).clamp(1, card::MOST_DAYS as i64);
    Ok(Card {
        issued,
        expires: issued + EXPIRES,
        name: env.config.name.clone(),
        sign,
        series: transit.series.number,
        dh: transit.series.dh.public(),
        first_day,
        days: chain.day_keys(first_day, count as u32).iter().map(DhSecret::public).collect(),
        prekey: prekey.secret.public(),
        prekey_until: prekey.made.day().plus(PREKEY_DAYS),
        urls: urls(env, sign.fingerprint()),
        nodes: nodes::own(env),
        listen: listen::prefix_of(sign.fingerprint(), digits),
        class: class(env),
        stamp_bits: env.config.stamp_bits,
        cover: cover::takes_part(env),
        retired: retired(env, transit, last.map(|c| &c.card)),
        end: transit.ended,
    })
}

/// The series that are over and disclosed for good: those of the last card, and those whose last
/// day is due by a clock that nobody doubts. When a card has no room for more, the oldest go.
fn retired(env: &Env<'_>, transit: &Transit, last: Option<&Card>) -> Vec<Retired> {
    let mut all = last.map(|card| card.retired.clone()).unwrap_or_default();
    let is_new = |former: &&Former| all.iter().all(|known| known.series != former.number);
    let new: Vec<&Former> = transit.former.iter().filter(is_new).collect();
    if !new.is_empty() && disclose::may(env).is_ok() {
        let is_due = |former: &&&Former| disclosed_from(former.date) <= env.now();
        all.extend(new.iter().filter(is_due).map(|former| former.retired()));
    }
    all.sort_by_key(|retired| retired.series);
    let surplus = all.len().saturating_sub(card::MOST_RETIRED);
    all.drain(..surplus);
    all
}

/// `issued` of the next card: higher than that of any before, but for one from the future, which
/// nobody has taken.
fn issue(last: Option<&SignedCard>, newer: Time, now: Time) -> Time {
    let before = [last.map(|c| c.card.issued).unwrap_or_default(), newer];
    before.into_iter().filter(|at| *at <= now + DAY).fold(now, |issued, at| issued.max(at + 1))
}

/// `issued` of the newest card that this home has not signed and found published; what cannot be
/// read is found again.
fn newer_published(env: &Env<'_>) -> Time {
    Published::load(env.home.places()).unwrap_or_default().newer
}

/// The newest disclosed day, or the first that is not, but not so early that the days ahead would
/// find no room.
fn first_listed(first: Day, disclosed: Option<Day>, today: Day) -> Day {
    disclosed.unwrap_or(first).max(today.minus(BEHIND)).min(today)
}

/// Whether the card names the nodes that it should. Those that were chosen from lists it names
/// when it is next signed, since offers tell of them at once, unless it would name none.
fn names_nodes(env: &Env<'_>, card: &Card) -> bool {
    let nodes = nodes::own(env);
    let configured = |node: &str| env.config.nodes.iter().any(|known| known.as_str() == node);
    match env.config.trackers.is_empty() {
        true => card.nodes == nodes,
        false => {
            let named = |node: &String| card.nodes.contains(node) || !configured(node);
            nodes.iter().all(named) && card.nodes.is_empty() == nodes.is_empty()
        }
    }
}

/// The class one listens in: directories have the daily one alone.
pub fn class(env: &Env<'_>) -> Class {
    let nodes = &env.config.nodes;
    let directories = nodes.iter().all(|n| n.as_str().starts_with("file:"));
    if directories && !nodes.is_empty() { Class::Daily } else { env.config.class }
}
