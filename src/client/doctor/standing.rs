//! What the home knows of itself: last sync, queue, keys that are due, contacts whose cards have
//! ended, and the clock, which the nodes just heard have a say in.
//! Specified in poste(1), doctor, and poste-protocol(7), Day keys.

use super::{Check, files};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::restored;
use crate::client::status::Status;
use crate::core::bucket::Class;
use crate::core::card::Card;
use crate::core::clock::Clock;
use crate::core::time::{DAY, Day, HOUR, Time, age};
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::progress;

/// A letter that waits longer than this many seconds is worth a look.
const LONG: u64 = 3 * DAY;
/// Days listed ahead below which a card ends soon.
const CARD_ENDS: i64 = 10;
/// Days of the chain below which a new series is to be begun.
const CHAIN_ENDS: i64 = 60;
const CRON: &str = "(crontab -l; echo '11,41 * * * * poste sync --jitter 13m') | crontab -";
const PUBLISH: &str = "poste publish";

/// Looks at what `status` tells, and at contacts.
pub(super) fn look(env: &Env<'_>, card: &Card, status: &Status) -> Vec<Check> {
    let now = env.now();
    vec![
        last_sync(env, card.class, status, now),
        queue(status, now),
        own_card(env, card, status, now.day()),
        chain(env, now.day()),
        contacts(env, now),
    ]
}

/// What the clock is worth, these witnesses heard.
pub(super) fn clock(env: &Env<'_>, witnesses: &[(String, Time)]) -> Check {
    let now = env.now();
    let mut record = match progress::load_clock(env.home.places()) {
        Ok(record) => record,
        Err(error) => return Check::fail("clock", error, "poste sync"),
    };
    witnesses.iter().for_each(|(server, said)| record.hear(server, now, *said));
    let against = record.contradicting(now).join(" ");
    let wrong = |what: String| Error::new(Kind::Config, what);
    let set = "timedatectl set-ntp true";
    match record.judge(now, env.config.trust_clock) {
        Clock::Behind => {
            let latest = record.latest.iso();
            let what = format!("{}: it was {latest} before; letters prove nothing", now.iso());
            Check::fail("clock", wrong(what), set)
        }
        Clock::Contradicted => {
            let what = format!("{}: another time have {against}; letters prove nothing", now.iso());
            Check::fail("clock", wrong(what), set)
        }
        Clock::Good if !against.is_empty() => {
            Check::warn("clock", format!("{}: another time have {against}", now.iso()), set)
        }
        Clock::Good => Check::ok("clock", format!("{} is right", now.iso())),
        Clock::Unwitnessed => Check::warn(
            "clock",
            format!("{}: no node has confirmed it for a day; letters prove nothing", now.iso()),
            match env.config.nodes.iter().all(|node| node.as_str().starts_with("file:")) {
                true => {
                    let file = files::edit(&env.home.places().config_file());
                    format!("{file}  # trust_clock = true, if it is right")
                }
                false => "poste sync".to_owned(),
            },
        ),
    }
}

fn last_sync(env: &Env<'_>, class: Class, status: &Status, now: Time) -> Check {
    let Some(last) = status.last_sync else {
        return Check::warn("sync", "there was none yet", "poste sync");
    };
    let usual = if class == Class::Hourly { 2 * HOUR } else { 2 * DAY };
    let ago = |time: Time| format!("{} ago", age(now.since(time)));
    let silent = status.last_answer.is_none_or(|time| now.since(time) > env.config.warn_after);
    let missed = match status.missed {
        0 => String::new(),
        missed => format!("; {missed} periods were missed, and senders repeat"),
    };
    let daily = status.daily_done.as_deref().unwrap_or("never");
    match status.last_answer {
        _ if now.since(last) > usual => {
            let finding = format!("the last was {}{missed}", ago(last));
            Check::warn("sync", finding, CRON)
        }
        Some(answer) if silent && !status.nodes.is_empty() => {
            let finding = format!("no node has answered since {}{missed}", answer.iso());
            Check::warn("sync", finding, "poste sync -v")
        }
        None if !status.nodes.is_empty() => {
            Check::warn("sync", "no node has answered yet", "poste sync -v")
        }
        _ if status.missed > 0 => {
            Check::warn("sync", format!("the last was {}{missed}", ago(last)), CRON)
        }
        _ => {
            let finding = format!("the last was {}; daily exchange: {daily}", ago(last));
            Check::ok("sync", finding)
        }
    }
}

fn queue(status: &Status, now: Time) -> Check {
    let (waiting, expired) = (status.queued + status.posted, status.expired);
    let oldest = status.oldest.map_or(0, |date| now.since(date));
    let finding = match (waiting, expired) {
        (0, 0) => return Check::ok("outbox", "nothing waits"),
        (_, 0) => format!("{waiting} wait, the oldest for {}", age(oldest)),
        _ => format!("{waiting} wait, and {expired} were given up after 30 days"),
    };
    match expired > 0 || oldest > LONG {
        true => Check::warn("outbox", finding, "poste outbox"),
        false => Check::ok("outbox", finding),
    }
}

fn own_card(env: &Env<'_>, card: &Card, status: &Status, today: Day) -> Check {
    // Another home signs for the same identity.
    if let Err(error) = restored::may_send(env) {
        return Check::fail("card", error, PUBLISH);
    }
    let last = card.last_day();
    let left = last.days_since(today);
    if card.day_key(today).is_none() {
        let what = format!("the card lists no day after {last}, so letters wait");
        return Check::fail("card", Error::new(Kind::Offline, what), PUBLISH);
    }
    let lists = format!("lists {left} days ahead; prekey until {}", card.prekey_until);
    match (status.card_due, status.unpublished) {
        (true, _) => Check::warn("card", format!("{lists}; a new one is due"), PUBLISH),
        _ if left <= CARD_ENDS => Check::warn("card", lists, PUBLISH),
        (_, true) => Check::warn("card", format!("{lists}; not yet published everywhere"), PUBLISH),
        _ => Check::ok("card", lists),
    }
}

fn chain(env: &Env<'_>, today: Day) -> Check {
    let last = match Transit::load(env.home.places()) {
        Ok(transit) => transit.chain().last(),
        Err(error) => return Check::fail("series", error, "poste status"),
    };
    let finding = format!("has day keys until {last}");
    match last.days_since(today) {
        ..CHAIN_ENDS => Check::warn("series", finding, "poste card renew"),
        _ => Check::ok("series", finding),
    }
}

/// Contacts whose cards have ended: letters to them go on, letters from them wait.
fn contacts(env: &Env<'_>, now: Time) -> Check {
    let contacts = match Contact::load_all(env.home.places()) {
        Ok((contacts, _)) => contacts,
        Err(error) => return Check::fail("contacts", error, "poste contacts"),
    };
    let known = contacts.len();
    let ended = |contact: &Contact| {
        let card = &contact.card.card;
        card.expires < now || card.last_day() < now.day()
    };
    let ended: Vec<Contact> = contacts.into_iter().filter(|c| !c.blocked && ended(c)).collect();
    let Some(first) = ended.first() else {
        return Check::ok("contacts", format!("{known} known, with cards that hold"));
    };
    let names: Vec<&str> = ended.iter().map(|contact| contact.petname.as_str()).collect();
    let finding = format!("cards that list no day any more: {}", names.join(" "));
    let link = match first.urls.first() {
        Some(url) => format!("{url}#{}", first.fingerprint),
        None => "FILE".to_owned(),
    };
    Check::warn("contacts", finding, format!("poste add {} {link}", first.petname))
}
