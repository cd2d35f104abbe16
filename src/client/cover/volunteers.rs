//! Finding volunteers, in the daily exchange: the list of each identity host that one's own
//! configuration names, and a few cards of those in it, drawn at random. They are asked for at the
//! host that lists them, which knows this home as it is, never at an address that a stranger chose.
//! Which of them one knows does not matter, so that the host learns nothing of it.
//! Specified in poste-protocol(7), Cover conversations.

use super::is_partner;
use crate::client::cover::takes_part;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::own;
use crate::client::renew::rested;
use crate::core::card::SignedCard;
use crate::core::keys::Fingerprint;
use crate::core::random::shuffle;
use crate::core::time::HOUR;
use crate::net::{Address, Answer, DOCUMENT_LIMIT, Origin};
use crate::store::config::Target;
use crate::store::cover::{Cover, MOST_VOLUNTEERS};
use std::collections::BTreeSet;

/// Cards asked for at a host.
const EACH: usize = 4;
/// They are asked for at most once in so many seconds.
const AGAIN: u64 = 20 * HOUR;
/// How the address of an identity host ends, and what its list is called.
const CARDS: &str = "/id/";
const LIST: &str = "/v1/volunteers";

/// Asks for volunteers if this is the daily exchange. Whoever cannot be reached is passed over.
pub fn refresh(env: &mut Env<'_>, daily: bool) -> Result<(), Error> {
    let places = env.home.places().clone();
    let now = env.now();
    if !daily || !takes_part(env) || !rested(Cover::load(&places)?.asked, now, AGAIN) {
        return Ok(());
    }
    let me = own::load(env)?.card.fingerprint();
    let mut cards: Vec<SignedCard> = Vec::new();
    for host in hosts(env) {
        let Some(list) = ask(env, &format!("{host}{LIST}")) else { continue };
        let Some(mut listed) = read(&list.body) else {
            (env.warn)(&format!("{host}{LIST}: no list of volunteers"));
            continue;
        };
        listed.remove(&me);
        let mut drawn: Vec<Fingerprint> = listed.into_iter().collect();
        shuffle(env.rng, &mut drawn);
        for who in drawn.into_iter().take(EACH) {
            let Some(answer) = ask(env, &format!("{host}{CARDS}{who}.toml")) else { continue };
            let card = SignedCard::parse(&answer.body).ok();
            let sound = |card: &SignedCard| {
                card.check(who, None, now).is_ok() && is_partner(&card.card, now)
            };
            cards.extend(card.filter(sound));
        }
    }
    let _lock = env.lock()?;
    let mut cover = Cover::load(&places)?;
    cover.asked = now;
    // If no host has answered, those of yesterday will do, as long as their keys do.
    let known = cover.volunteers.iter().filter_map(|text| SignedCard::parse(text.as_bytes()).ok());
    let old = known.filter(|card| is_partner(&card.card, now)).collect();
    let all: Vec<SignedCard> = if cards.is_empty() { old } else { cards };
    let texts = all.iter().take(MOST_VOLUNTEERS).map(|card| card.text().to_owned());
    cover.volunteers = texts.collect();
    Ok(cover.save(&places)?)
}

/// The identity hosts that the configuration names, without a slash at the end.
pub(super) fn hosts(env: &Env<'_>) -> BTreeSet<String> {
    let config = &env.config;
    let put = config.publish.iter().filter_map(|target| match target {
        Target::Put(address) => Some(address),
        _ => None,
    });
    let urls = config.urls.iter().chain(put);
    urls.filter_map(|url| url.as_str().strip_suffix(CARDS)).map(str::to_owned).collect()
}

fn ask(env: &mut Env<'_>, url: &str) -> Option<Answer<Vec<u8>>> {
    let address = Address::parse(url, Origin::Own).ok()?;
    let answer = env.network.document(&address, DOCUMENT_LIMIT, env.rng).ok();
    answer.filter(|answer| answer.body.len() as u64 <= DOCUMENT_LIMIT)
}

/// Whose cards a list names: one link a line, of which the fragment counts.
fn read(list: &[u8]) -> Option<BTreeSet<Fingerprint>> {
    let text = std::str::from_utf8(list).ok()?;
    text.lines().map(|link| link.rsplit_once('#')?.1.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_link_on_every_line() {
        let link = |n: u8| format!("https://a.example/x.toml#{}\n", Fingerprint::from([n; 32]));
        let list = [link(1), link(2), link(1)].concat();
        assert_eq!(read(list.as_bytes()).unwrap().len(), 2);
        assert_eq!(read(b"").unwrap().len(), 0);
        for bad in ["<html>", "https://a.example/x.toml#1234\n", "\n"] {
            assert!(read(format!("{}{bad}", link(1)).as_bytes()).is_none(), "{bad}");
        }
        assert!(read(b"\xff").is_none());
    }
}
