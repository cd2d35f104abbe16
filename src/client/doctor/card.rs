//! One's own card as others see it: at every address that it names, and where `publish` put it if
//! that can be looked at. What is there must be the newest one that this home has signed.
//! Specified in poste(1), doctor, and poste-protocol(7), Card.

use super::Check;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own::at_host;
use crate::core::card::{self, SignedCard};
use crate::core::disclosure;
use crate::core::printable;
use crate::core::time::Time;
use crate::net::{Address, DOCUMENT_LIMIT, Origin};
use crate::store::atomic;
use crate::store::config::Target;
use std::collections::BTreeSet;
use std::path::Path;

const PUBLISH: &str = "poste publish";

/// Looks at every place once.
pub(super) fn look(env: &mut Env<'_>, own: &SignedCard) -> Vec<Check> {
    let put = env.config.publish.iter().filter_map(|target| match target {
        Target::Put(url) => Some(at_host(url.as_str(), own.card.fingerprint())),
        Target::Command(_) | Target::File(_) => None,
    });
    let urls: BTreeSet<String> = own.card.urls.iter().cloned().chain(put).collect();
    let files = env.config.publish.iter().filter_map(|target| match target {
        Target::File(path) => Some(path.clone()),
        Target::Command(_) | Target::Put(_) => None,
    });
    let files: Vec<_> = files.collect();
    let mut checks = Vec::new();
    for path in files {
        checks.extend(compare(&path.display().to_string(), at_path(&path), own, env.now()));
    }
    for url in urls {
        let found = at_url(env, &url);
        checks.extend(compare(&url, found, own, env.now()));
    }
    if own.card.urls.is_empty() {
        checks.push(Check::ok("published", "the card names no address: it is given by hand"));
        checks.extend(disclosed("the card", own, env.now()));
    }
    checks
}

fn at_path(path: &Path) -> Result<Vec<u8>, Error> {
    let missing = || Error::new(Kind::Data, format!("{}: there is no card", path.display()));
    atomic::read(path, card::LIMIT as u64)?.ok_or_else(missing)
}

fn at_url(env: &mut Env<'_>, url: &str) -> Result<Vec<u8>, Error> {
    let address = Address::parse(url, Origin::Own)
        .map_err(|error| Error::new(Kind::Config, format!("{url}: {error}")))?;
    Ok(env.network.document(&address, DOCUMENT_LIMIT, env.rng)?.body)
}

/// What a place serves, and what of the disclosed keys can be had there.
fn compare(place: &str, found: Result<Vec<u8>, Error>, own: &SignedCard, now: Time) -> Vec<Check> {
    let place = printable::line(place);
    let data = |what: String| Error::new(Kind::Data, what);
    let found = found.and_then(|bytes| {
        SignedCard::parse(&bytes).map_err(|why| data(format!("{place}: no card: {why}")))
    });
    let found = match found {
        Ok(found) if found.card.fingerprint() == own.card.fingerprint() => found,
        Ok(_) => {
            let what = data(format!("{place} serves another's card"));
            return vec![Check::fail("published", what, PUBLISH)];
        }
        Err(error) => return vec![Check::fail("published", error, PUBLISH)],
    };
    let issued = found.card.issued.iso();
    let served = if found.text() == own.text() {
        Check::ok("published", format!("{place} serves the newest card"))
    } else if found.signed_part() == own.signed_part() {
        let finding = format!("{place} serves the newest card with another trailer");
        Check::warn("published", finding, "poste sync")
    } else if found.card.issued < own.card.issued {
        let finding = format!("{place} serves an older card, issued {issued}");
        Check::warn("published", finding, PUBLISH)
    } else {
        let what = format!(
            "{place} serves a card, issued {issued}, that this home has not signed: it was \
             restored, or another home is alive"
        );
        Check::fail("published", data(what), PUBLISH)
    };
    [served].into_iter().chain(disclosed(&place, &found, now)).collect()
}

/// Whether the seed that should be public can be had there; nothing while none is due. One that is
/// due since yesterday alone may wait for the next sync.
fn disclosed(place: &str, found: &SignedCard, now: Time) -> Option<Check> {
    let due = disclosure::due(now, &found.card, None)?;
    let date = found.disclosed.as_ref().map(|disclosed| disclosed.date);
    if let Some(date) = date.filter(|date| date.plus(1) >= due) {
        return Some(Check::ok("disclosed", format!("{place} has the key of {date}")));
    }
    let has = match date {
        Some(date) => format!("has the key of {date} alone"),
        None if found.card.first_day.plus(1) >= due => return None,
        None => "has no key".to_owned(),
    };
    let finding = format!(
        "{place} {has}, and {due} is due since {}: what you wrote on the days between is deniable \
         only once it is there",
        disclosure::disclosed_from(due).iso()
    );
    Some(Check::warn("disclosed", finding, PUBLISH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::doctor::Level;
    use crate::core::card::Disclosed;
    use crate::core::card::tests::parts;
    use crate::core::time::DAY;

    #[test]
    fn a_seed_that_should_be_public_and_is_not_is_missed() {
        let (card, secret, chain) = parts();
        let first = card.first_day;
        let level = |date: Option<u32>, days: u64| {
            let disclosed = date.map(|after| Disclosed {
                date: first.plus(after),
                seed: chain.seed(first.plus(after)).unwrap(),
            });
            let signed = card.sign(&secret, disclosed.as_ref()).unwrap();
            let now = disclosure::disclosed_from(first) + days * DAY;
            disclosed_level(&signed, now)
        };
        assert_eq!(level(None, 0), None, "due today");
        assert_eq!(level(None, 2), Some(Level::Warn));
        assert_eq!(level(Some(2), 3), Some(Level::Ok));
        assert_eq!(level(Some(2), 4), Some(Level::Warn));
    }

    fn disclosed_level(card: &SignedCard, now: Time) -> Option<Level> {
        disclosed("https://host.example", card, now).map(|check| check.level)
    }
}
