//! The end of letters: one that nobody acknowledged within 30 days is given up, and its author
//! finds a report in the inbox, once. Only a good clock gives a letter up, and only one that was
//! good when the 30 days began; none while the clock is past the last of one's own days, for which no
//! report could be authenticated. That it is given up is written down with the report's name before
//! the report is filed, so no crash and no clock set back revives it or reports it twice.
//! Specified in poste-protocol(7), Acknowledgement, and poste(1), outbox.

use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{filing, queue};
use crate::core::filed::Head;
use crate::core::keys::LetterId;
use crate::core::mail::failure::Failure;
use crate::core::plan::GIVE_UP;
use crate::core::time::{DAY, Time};
use crate::store::maildir::{Folder, Name, Place};
use crate::store::outbox::{Expired, Item};
use std::path::PathBuf;

/// A letter that was acknowledged or taken back is listed for this many seconds more.
const ACKNOWLEDGED_LISTED: u64 = DAY;
/// A letter that was given up stays, with its mail, for this many seconds more.
const EXPIRED_LISTED: u64 = 30 * DAY;

/// Gives up what is due, files the reports that are missing, and forgets letters that are done
/// with. To be called by a good clock. Trouble with one letter stops no other: it goes to
/// `trouble`. Gives where the reports were filed.
pub fn give_up(
    env: &mut Env<'_>,
    desk: &mut Desk,
    trouble: &mut dyn FnMut(Error),
) -> Result<Vec<PathBuf>, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let last_day = desk.transit.chain().last();
    let mut reports = Vec::new();
    for at in 0..desk.outbox.len() {
        let item = &mut desk.outbox[at];
        if let Some(ended) = item.acknowledged.or(item.dropped) {
            if item.is_done() && now.since(ended) > ACKNOWLEDGED_LISTED {
                item.remove(&places)?;
            }
            continue;
        }
        let Some(since) = item.since else {
            item.since = Some(now);
            item.save(&places)?;
            continue;
        };
        let since = item.wanted().unwrap_or_default().max(since);
        let is_due = item.expired.is_none() && now.since(since) > GIVE_UP;
        // A clock that was far ahead, and was trusted, has dated a report that cannot be written.
        let is_beyond = |expired: &Expired| {
            let name = expired.report.parse::<Name>();
            !expired.filed && name.is_ok_and(|name| name.time().day() > last_day)
        };
        let is_stuck = item.expired.as_ref().is_some_and(is_beyond);
        if (is_due || is_stuck) && now.day() <= last_day {
            let report = Name::new(now.minute(), env.rng).to_string();
            // Of what is said of a group the user knows nothing, and need not.
            item.expired = Some(Expired { at: now, report, filed: item.errand.is_some() });
            item.save(&places)?;
        }
        let Some(expired) = item.expired.clone() else { continue };
        if !expired.filed {
            match file(env, desk, at, &expired) {
                Ok(path) => reports.push(path),
                Err(error) => {
                    let what = format!("letter {}: {}", desk.outbox[at].id, error.what);
                    trouble(Error { what, ..error });
                }
            }
        } else if now.since(expired.at) > EXPIRED_LISTED {
            desk.outbox[at].remove(&places)?;
        }
    }
    Ok(reports)
}

/// Files the report under the name planned for it, then records that it is there: one that the
/// user deletes later stays deleted.
fn file(
    env: &mut Env<'_>,
    desk: &mut Desk,
    at: usize,
    expired: &Expired,
) -> Result<PathBuf, Error> {
    let places = env.home.places().clone();
    let item = &desk.outbox[at];
    let damaged = |_| Error::new(Kind::Data, "bad name of its report");
    let name: Name = expired.report.parse().map_err(damaged)?;
    let message = message(env, desk, item, name.time())?;
    let to = Folder::inbox();
    let path = filing::deliver(&places, &to, &name, Place::New, &message, env.rng)?;
    let item: &mut Item = &mut desk.outbox[at];
    item.expired = Some(Expired { filed: true, ..expired.clone() });
    item.save(&places)?;
    Ok(path)
}

/// The report in filed form: from oneself to oneself, by the day key of the day on which the
/// letter was given up and one's own DH key, so one's own card verifies it as any message.
fn message(env: &mut Env<'_>, desk: &Desk, item: &Item, date: Time) -> Result<Vec<u8>, Error> {
    let me = desk.me.fingerprint();
    let contact = desk.contacts.iter().find(|c| c.fingerprint == item.to);
    let name = contact.map_or_else(|| item.to.to_string(), |c| c.petname.to_string());
    let mail = match queue::open(env.home.places(), &desk.transit, item) {
        Ok(mail) => Some(mail),
        // One that is damaged or gone is reported as well; what the disk refuses now may be read
        // at the next sync.
        Err(error) if error.kind == Kind::Data => None,
        Err(error) => return Err(error),
    };
    let failure = Failure {
        letter: item.id,
        from: me,
        to: item.to,
        name: &name,
        date: item.date,
        posted: item.attempt.last().map(|last| (last.at, item.attempt.len())),
        mail: mail.as_deref(),
    };
    let report = failure.report(env.rng);
    let head = Head {
        id: LetterId::generate(env.rng),
        day: date.day(),
        from: me,
        to: vec![me],
        date,
        group: None,
    };
    filing::as_author(&head, &report, desk.me, &desk.transit.chain(), &desk.card.card)
}
