//! One's own card as others see it: at every address that it names, and where `publish` put it if
//! that can be looked at. What is there must be the newest one that this home has signed.
//! Specified in poste(1), doctor, and poste-protocol(7), Card.

use super::Check;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::card::{self, SignedCard};
use crate::core::printable;
use crate::net::{Address, Origin};
use crate::store::atomic;
use crate::store::config::Target;
use std::collections::BTreeSet;
use std::path::Path;

const PUBLISH: &str = "poste publish";

/// Looks at every place once.
pub(super) fn look(env: &mut Env<'_>, own: &SignedCard) -> Vec<Check> {
    let put = env.config.publish.iter().filter_map(|target| match target {
        Target::Put(url) => Some(url.as_str().to_owned()),
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
        checks.push(compare(&path.display().to_string(), at_path(&path), own));
    }
    for url in urls {
        let found = at_url(env, &url);
        checks.push(compare(&url, found, own));
    }
    if own.card.urls.is_empty() {
        checks.push(Check::ok("published", "the card names no address: it is given by hand"));
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
    Ok(env.network.document(&address, env.rng)?.body)
}

fn compare(place: &str, found: Result<Vec<u8>, Error>, own: &SignedCard) -> Check {
    let place = printable::line(place);
    let data = |what: String| Error::new(Kind::Data, what);
    let found = found.and_then(|bytes| {
        SignedCard::parse(&bytes).map_err(|why| data(format!("{place}: no card: {why}")))
    });
    let found = match found {
        Ok(found) => found,
        Err(error) => return Check::fail("published", error, PUBLISH),
    };
    let issued = found.card.issued.iso();
    if found.text() == own.text() {
        return Check::ok("published", format!("{place} serves the newest card"));
    }
    if found.card.fingerprint() != own.card.fingerprint() {
        return Check::fail("published", data(format!("{place} serves another's card")), PUBLISH);
    }
    if found.signed_part() == own.signed_part() {
        let finding = format!("{place} serves the newest card with another trailer");
        return Check::warn("published", finding, "poste sync");
    }
    if found.card.issued < own.card.issued {
        let finding = format!("{place} serves an older card, issued {issued}");
        return Check::warn("published", finding, PUBLISH);
    }
    let what = format!(
        "{place} serves a card, issued {issued}, that this home has not signed: it was restored, or \
         another home is alive"
    );
    Check::fail("published", data(what), PUBLISH)
}
