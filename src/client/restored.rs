//! One's own card as others see it, fetched from its own addresses. It tells which prekeys are in
//! use; that a host shows something old or foreign; and that this home was restored from a backup
//! or has a twin, when a newer card of one's own is there that it has not signed. Then every
//! contact gets a new offer, and what was had from them is forgotten, since it may be long erased
//! there. Specified in poste-protocol(7), Prekeys and offers.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{groups, listen, own, renew};
use crate::core::card::{self, SignedCard};
use crate::core::clock::Clock;
use crate::core::hybrid::HybridPublic;
use crate::core::printable::line;
use crate::core::time::{DAY, Time};
use crate::net::{Address, Cause, DOCUMENT_LIMIT, Origin};
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::locked::LockedFile;
use crate::store::progress::Progress;
use crate::store::published::{Meaning, Published, Stopped};
use std::collections::BTreeSet;

/// What lies at an address of one's own card.
#[derive(Debug)]
enum There {
    /// No card, or not yet.
    Nothing,
    /// The card as it was signed last; whether to the last byte.
    Current { exact: bool },
    /// An older one, or one from the future, which nobody takes.
    Other(SignedCard),
    /// One that this home has not signed.
    Newer(SignedCard),
    /// Something that must not be there, and why.
    Wrong(String),
}

/// Refuses to send: another home is alive, or the keys of this one are over.
pub fn may_send(env: &Env<'_>) -> Result<(), Error> {
    match Published::load(env.home.places())?.stopped {
        Some(stopped) => Err(why(stopped)),
        None => Ok(()),
    }
}

/// Fetches one's own card from all its addresses and draws the conclusions, but none by a wrong
/// clock. Gives what is wrong, address by address. A card that is merely not posted yet is nothing
/// wrong, unless `strict`.
pub fn look(env: &mut Env<'_>, strict: bool) -> Result<Vec<Error>, Error> {
    let Some(own) = own::find(env)? else { return Ok(Vec::new()) };
    let home = This::load(env, own.clone())?;
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for url in addresses(env, &own) {
        let address = Address::parse(&url, Origin::Own)
            .map_err(|e| Error::new(Kind::Config, format!("{url}: {e}")))?;
        match env.network.document(&address, DOCUMENT_LIMIT, env.rng) {
            Ok(answer) => found.push((home.judge(&answer.body, env.now()), url)),
            Err(error) if !strict && matches!(error.cause, Cause::Absent) => {
                found.push((There::Nothing, url));
            }
            Err(error) => faults.push(Error::from(error)),
        }
    }
    let lock = env.lock()?;
    // Signed anew meanwhile: what was found is to be compared with that, next time.
    if own::find(env)?.is_some_and(|card| card.text() == own.text()) {
        faults.extend(wrong(env, &own, &found, strict)?);
        let cards = found.into_iter().filter_map(|(there, _)| match there {
            There::Current { .. } => Some(own.clone()),
            There::Other(card) | There::Newer(card) => Some(card),
            There::Nothing | There::Wrong(_) => None,
        });
        if !env.clock()?.is_wrong() {
            faults.extend(conclude(env, &lock, &home, cards.collect())?);
        }
    }
    Ok(faults)
}

/// What is wrong at the addresses. What was posted and is not there will be posted again.
fn wrong(
    env: &Env<'_>,
    own: &SignedCard,
    found: &[(There, String)],
    strict: bool,
) -> Result<Vec<Error>, Error> {
    let mut progress = Progress::load(env.home.places())?;
    let posted = progress.published == own.card.issued;
    let by_hand = env.config.publish.is_empty() && env.now().since(own.card.issued) > DAY;
    let expected = strict || posted || by_hand;
    let mut faults = Vec::new();
    let mut lost = false;
    for (there, url) in found {
        let what = match there {
            There::Current { exact } => (strict && !exact).then(|| another(own)),
            There::Newer(card) => strict.then(|| another(card)),
            There::Nothing | There::Other(_) if !expected => None,
            There::Nothing => Some("serves no card".to_owned()),
            There::Other(card) => Some(another(card)),
            There::Wrong(why) => Some(why.clone()),
        };
        lost |= matches!(there, There::Nothing | There::Other(_));
        faults.extend(what.map(|w| Error::new(Kind::Data, format!("{}: {w}", line(url)))));
    }
    if posted && lost {
        progress.published = Time::default();
        progress.save(env.home.places())?;
    }
    Ok(faults)
}

/// Draws the conclusions from the cards of one's own that are published.
fn conclude(
    env: &mut Env<'_>,
    lock: &StateLock,
    home: &This,
    cards: Vec<SignedCard>,
) -> Result<Option<Error>, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let mut transit = Transit::load(&places)?;
    if env.clock()? == Clock::Good {
        let noted = cards.iter().filter(|c| transit.note_prekey(&c.card.prekey, now)).count();
        if noted > 0 {
            transit.save(&places)?;
        }
    }
    let mut published = Published::load(&places)?;
    let Some(series) = cards.iter().map(|c| c.card.series).max() else { return Ok(None) };
    let later = series > transit.series.number;
    if later != (published.stopped == Some(Stopped::Series)) {
        published.stopped = later.then_some(Stopped::Series);
        published.save(&places)?;
    }
    if later {
        return Ok(Some(why(Stopped::Series)));
    }
    let newer = cards.into_iter().filter(|c| home.lacks(c, now)).max_by_key(|c| c.card.issued);
    newer.map_or(Ok(None), |newer| meet(env, lock, &newer, published))
}

/// Takes note of a newer card, and repairs what a restored backup has broken.
fn meet(
    env: &mut Env<'_>,
    lock: &StateLock,
    card: &SignedCard,
    mut published: Published,
) -> Result<Option<Error>, Error> {
    let places = env.home.places().clone();
    let meaning = published.meet(card.card.issued, env.now());
    if meaning == Meaning::Restored {
        let what = "a newer card than this home has signed is published: it was restored from a \
                    backup, or another home is alive; every contact gets a new offer";
        (env.warn)(what);
        listen_there(env, card)?;
        let mut transit = Transit::load(&places)?;
        // What was had from them may be long erased there.
        transit.received.clear();
        renew::offer_anew(env, &mut transit)?;
        groups::say_again(env, lock)?;
    }
    // Last: a crash before repeats what was done.
    published.save(&places)?;
    if LockedFile::load(&places)?.needs_passphrase() && published.stopped.is_none() {
        (env.warn)("the published card is not of this home; sign a new one: poste publish");
    }
    Ok((meaning == Meaning::TwoHomes).then(|| why(Stopped::TwoHomes)))
}

/// Listens on the nodes and at the digits that the newer card names, as long as at those of any
/// older one.
fn listen_there(env: &Env<'_>, card: &SignedCard) -> Result<(), Error> {
    let places = env.home.places();
    let mut progress = Progress::load(places)?;
    if let Some(own) = own::find(env)? {
        listen::found(&mut progress, &own.card, &card.card);
    }
    progress.former.extend(card.card.nodes.iter().map(|n| (n.clone(), own::listened(env.now()))));
    Ok(progress.save(places)?)
}

/// What this home has signed.
struct This {
    /// The last card.
    own: SignedCard,
    /// The prekeys whose secrets are here.
    prekeys: Vec<HybridPublic>,
    /// When the oldest of them was made: those of older cards were erased.
    oldest: Time,
}

impl This {
    fn load(env: &Env<'_>, own: SignedCard) -> Result<This, Error> {
        let transit = Transit::load(env.home.places())?;
        let prekeys = transit.prekey.iter().map(|prekey| prekey.secret.public()).collect();
        let oldest = transit.prekey.iter().map(|prekey| prekey.made).min().unwrap_or_default();
        Ok(This { own, prekeys, oldest })
    }

    fn judge(&self, bytes: &[u8], now: Time) -> There {
        let key = &self.own.card.sign;
        match SignedCard::parse(bytes) {
            Err(_) if card::is_signed_by(bytes, key) => {
                let what = "serves a card signed with your key that this program cannot read: a \
                            newer program signed it";
                There::Wrong(what.into())
            }
            Err(error) => There::Wrong(format!("serves no card: {error}")),
            Ok(found) if found.card.sign != *key => {
                let what = "serves a card of another identity; whoever looks there is deceived";
                There::Wrong(what.into())
            }
            Ok(found) if found.signed_part() == self.own.signed_part() => {
                There::Current { exact: found.text() == self.own.text() }
            }
            Ok(found) if self.lacks(&found, now) => There::Newer(found),
            Ok(found) => There::Other(found),
        }
    }

    /// Whether a card of one's own cannot have been signed by this home as it is: it is newer than
    /// the last, or it names a prekey that is not here and is too new to have been erased. One
    /// from the future, which a wrong clock has signed, may be of this home.
    fn lacks(&self, found: &SignedCard, now: Time) -> bool {
        let newer = found.card.issued >= self.own.card.issued;
        let lost = found.card.issued > self.oldest && !self.prekeys.contains(&found.card.prekey);
        let other = found.signed_part() != self.own.signed_part();
        other && (newer || lost) && found.card.issued <= now + DAY
    }
}

fn addresses(env: &Env<'_>, own: &SignedCard) -> BTreeSet<String> {
    let configured = own::urls(env, own.card.fingerprint()).into_iter();
    configured.chain(own.card.urls.iter().cloned()).collect()
}

fn another(card: &SignedCard) -> String {
    format!("serves another card, issued {}", card.card.issued.iso())
}

fn why(stopped: Stopped) -> Error {
    match stopped {
        Stopped::Series => Error::new(
            Kind::Config,
            "a card with a later series is published: the keys of this home are over, and it \
             sends nothing",
        )
        .hint("use the home that has the newer keys, or restore a newer backup"),
        Stopped::TwoHomes => Error::new(
            Kind::Config,
            "two homes are alive: another one goes on signing cards, so this one sends nothing",
        )
        .hint("stop the other home for good, then type here: poste publish --force"),
    }
}
