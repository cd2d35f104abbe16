//! An enclosure on its way here: what an authentic head says is remembered, its cells are asked for
//! and kept as they come, and when all are there and their hash is right the mail is filed like any
//! letter's. What is too large is refused before anything is asked for.
//! Specified in poste-protocol(7), Enclosures.

use crate::client::arrive::Outcome;
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::filing;
use crate::client::groups::{self, Here, Where};
use crate::core::archive;
use crate::core::cell::Chunk;
use crate::core::enclosure::{CellSet, mail_limit, size};
use crate::core::encode::{base64, unbase64, unbase64_vec};
use crate::core::filed::Head;
use crate::core::hybrid::HybridSecret;
use crate::core::judge::Reader;
use crate::core::keys::{DhPublic, EnclosureId, Fingerprint, LetterId};
use crate::core::letter::{Group, Letter, Want};
use crate::core::prim;
use crate::core::seal;
use crate::core::time::{HOUR, Time};
use crate::store::contacts::Contact;
use crate::store::enclosures::{self, Coming, KEPT, MOST, MOST_EACH, MOST_REFUSED, Stage};
use crate::store::home::Places;
use crate::store::maildir::Folder;
use crate::store::outbox::Copied;
use crate::store::peers::Peer;
use crate::store::seen::Mark;
use std::collections::BTreeMap;
use std::io::{BufReader, Seek};
use zeroize::Zeroizing;

/// Cells are asked for once a day: after this many seconds.
const AGAIN: u64 = 20 * HOUR;
/// When nothing has come for this many seconds, they are asked for at once,
const STALLED: u64 = 3 * HOUR;
/// so often in a row: somebody who is away is not asked eight times a day.
const ASKS: u32 = 8;
const MIB: u64 = 1 << 20;
/// Bytes of a key sealed to the transit key at most.
const KEY_LIMIT: usize = 4096;

/// Takes an authentic head.
pub fn head(
    env: &mut Env<'_>,
    desk: &Desk,
    contact: &Contact,
    letter: &Letter<'_>,
    day_key: DhPublic,
) -> Result<Outcome, Error> {
    let places = env.home.places().clone();
    let control = &letter.control;
    let Some(enclosure) = control.enclosure.as_ref().filter(|_| letter.mail.is_empty()) else {
        return Ok(Outcome::Dropped("the head of an enclosure with a mail of its own"));
    };
    if desk.seen.lookup(control.from.as_bytes(), control.id.as_bytes()) == Some(Mark::Done) {
        return Ok(Outcome::Duplicate);
    }
    let (all, _) = Coming::load_all(&places)?;
    let fits = size(enclosure.cells) <= mail_limit(env.config.attachment_max);
    let its = |known: &&Coming| known.letter == control.id || known.id == enclosure.id;
    if let Some(known) = all.iter().filter(|known| known.from == control.from).find(its) {
        let same = (known.letter, known.id, known.cells, known.sha256.as_str())
            == (control.id, enclosure.id, enclosure.cells, &base64(&enclosure.sha256));
        if !same {
            return Ok(Outcome::Dropped("the head of an enclosure that contradicts another"));
        }
        let mut now = known.clone();
        if control.day >= known.day {
            (now.day, now.day_key) = (control.day, day_key);
        }
        if fits && known.stage == Stage::Large {
            now.stage = Stage::Wanted;
        }
        if now != *known {
            now.save(&places)?;
        }
        return Ok(outcome(&now));
    }
    let open = |known: &&Coming| known.is_open();
    let (theirs, ours): (Vec<_>, Vec<_>) =
        all.iter().filter(open).partition(|known| known.from == control.from);
    let refused = all.len() - theirs.len() - ours.len();
    if fits && (theirs.len() >= MOST_EACH || theirs.len() + ours.len() >= MOST)
        || !fits && refused >= MOST_REFUSED
    {
        return Ok(Outcome::Dropped("too many enclosures are on their way"));
    }
    let to = desk.transit.transit.recipient();
    let key = archive::seal_at_rest(&to, enclosure.key.to_text().as_bytes(), env.rng);
    let coming = Coming {
        from: control.from,
        id: enclosure.id,
        letter: control.id,
        cells: enclosure.cells,
        sha256: base64(&enclosure.sha256),
        key: base64(&key),
        date: control.date,
        day: control.day,
        day_key,
        stage: if fits { Stage::Wanted } else { Stage::Large },
        last: env.now(),
        asked: Time::default(),
        asks: 0,
        have: base64(CellSet::none(enclosure.cells).as_bytes()),
        group: control.group.as_ref().map(|group| Copied {
            id: group.id,
            version: group.version,
            hash: base64(&group.hash),
            to: Vec::new(),
        }),
    };
    coming.save(&places)?;
    if !fits {
        let (size, needed) = (size(coming.cells), (8 * size(coming.cells)).div_ceil(11 * MIB));
        let what = format!(
            "{} sends a mail of up to {} MiB, which is not fetched; to have it set attachment_max \
             = \"{needed} MiB\"",
            contact.petname,
            size.div_ceil(MIB),
        );
        (env.warn)(&what);
    }
    Ok(outcome(&coming))
}

/// Keeps the cells that are part of an enclosure on its way from the one to whom the secret was
/// given that opened them. All others are ignored.
pub fn keep(env: &Env<'_>, cells: Vec<(Fingerprint, Chunk)>) -> Result<(), Error> {
    let places = env.home.places();
    let mut by_enclosure: BTreeMap<_, Vec<Chunk>> = BTreeMap::new();
    for (from, chunk) in cells {
        by_enclosure.entry((from, EnclosureId::from(chunk.id))).or_default().push(chunk);
    }
    for ((from, id), chunks) in by_enclosure {
        let known = Coming::load(places, from, id)?.filter(Coming::is_open);
        let Some(mut coming) = known else { continue };
        let mut missing = coming.have().others();
        let mut parts = Vec::new();
        for chunk in chunks {
            if chunk.count == coming.cells && missing.has(chunk.index) {
                missing.remove(chunk.index);
                parts.push((chunk.index, chunk.data));
            }
        }
        if !parts.is_empty() {
            coming.keep(places, &parts, env.now())?;
        }
    }
    Ok(())
}

/// Forgets the enclosure of a letter that came whole.
pub fn forget(places: &Places, from: Fingerprint, letter: LetterId) -> Result<(), Error> {
    let all = Coming::load_all(places)?.0.into_iter();
    let its = |coming: &Coming| (coming.from, coming.letter) == (from, letter);
    all.filter(its).try_for_each(|coming| Ok(coming.remove(places)?))
}

/// Files the mail of every enclosure that is complete. Gives what became of each, and what went
/// wrong with some, which stops no other.
pub fn finish(env: &mut Env<'_>, desk: &mut Desk) -> Result<(Vec<Outcome>, Vec<Error>), Error> {
    let (all, bad) = Coming::load_all(env.home.places())?;
    let (mut outcomes, mut wrong) = (Vec::new(), Vec::from_iter(bad.into_iter().map(Error::from)));
    for coming in all.into_iter().filter(|coming| coming.is_open() && coming.have().is_full()) {
        let contact = desk.contacts.iter().find(|c| c.fingerprint == coming.from).cloned();
        let Some(contact) = contact else { continue };
        match complete(env, desk, &contact, coming) {
            Ok(outcome) => outcomes.extend(outcome),
            Err(error) => wrong.push(error),
        }
    }
    Ok((outcomes, wrong))
}

/// What is to be asked of a person now; `by_day` in the daily exchange, to somebody who sees nothing
/// else: that asks each day.
pub fn wants(
    places: &Places,
    to: Fingerprint,
    by_day: bool,
    now: Time,
) -> Result<Vec<Want>, Error> {
    let due = |coming: &Coming| {
        let quiet = now.since(coming.asked.max(coming.last));
        let stalled = coming.asks < ASKS && quiet >= STALLED;
        // Asked in the future: the clock has been set back since.
        let rested = now.since(coming.asked) >= AGAIN || coming.asked > now;
        let today = coming.asked.day() == now.day();
        coming.asked == Time::default() || stalled || rested || by_day && !today
    };
    let want = |coming: Coming| {
        let missing = coming.have().others();
        let is_due = coming.from == to && coming.is_open() && !missing.is_empty() && due(&coming);
        is_due.then(|| Want { id: coming.id, missing: missing.as_bytes().to_vec() })
    };
    Ok(Coming::load_all(places)?.0.into_iter().filter_map(want).collect())
}

/// Records that a node took a want.
pub fn asked(places: &Places, of: Fingerprint, id: EnclosureId, now: Time) -> Result<(), Error> {
    if let Some(mut coming) = Coming::load(places, of, id)? {
        (coming.asked, coming.asks) = (now, coming.asks.saturating_add(1));
        coming.save(places)?;
    }
    Ok(())
}

/// Forgets what is of nobody known any more, and what a crash left; by a good clock also that of
/// which no cell has come for 30 days.
pub fn tidy(env: &Env<'_>, desk: &Desk, clock_is_good: bool) -> Result<(), Error> {
    let places = env.home.places();
    for coming in Coming::load_all(places)?.0 {
        let known = desk.contacts.iter().any(|contact| contact.fingerprint == coming.from);
        let old = clock_is_good && env.now().since(coming.last) > KEPT;
        if old || !known && !desk.incomplete {
            coming.remove(places)?;
        }
    }
    Ok(enclosures::sweep(places)?)
}

fn outcome(coming: &Coming) -> Outcome {
    match coming.stage {
        Stage::Wanted | Stage::Again => Outcome::Coming,
        Stage::Large => Outcome::Dropped("an enclosure larger than attachment_max allows"),
        Stage::Wrong => Outcome::Dropped("an enclosure that was not what its head said"),
    }
}

fn complete(
    env: &mut Env<'_>,
    desk: &mut Desk,
    contact: &Contact,
    mut coming: Coming,
) -> Result<Option<Outcome>, Error> {
    let places = env.home.places().clone();
    let Some(mut file) = coming.open(&places)? else {
        coming.asked = Time::default();
        coming.forget_cells(&places)?;
        return Ok(None);
    };
    let io = |error: std::io::Error| Error::new(Kind::Io, format!("an enclosure: {error}"));
    let hash = prim::sha256_of(&file).map_err(io)?;
    if base64(&hash) != coming.sha256 {
        if coming.stage == Stage::Wanted {
            (coming.stage, coming.asked) = (Stage::Again, Time::default());
            coming.forget_cells(&places)?;
            return Ok(None);
        }
        return give_up(env, contact, coming, "is not what its head says");
    }
    file.rewind().map_err(io)?;
    let Some(key) = key(desk, &coming) else {
        return give_up(env, contact, coming, "has lost its key");
    };
    let plain = seal::open_stream(&key, BufReader::new(file), size(coming.cells) as usize);
    let Ok(mail) = plain else {
        return give_up(env, contact, coming, "does not open with the key in its head");
    };
    let here = here(env, desk, &coming)?;
    let head = Head {
        id: coming.letter,
        day: coming.day,
        from: coming.from,
        to: here.as_ref().map_or_else(|| vec![desk.me.fingerprint()], |here| here.to.clone()),
        date: coming.date,
        group: here.as_ref().map(|here| here.of(&mail)),
    };
    let reader = Reader { sign: desk.me, dh: &desk.transit.series.dh };
    let sign = contact.card.card.sign;
    let begun = contact.card.card.series.max(desk.transit.series.number);
    let (head, day_key) = filing::by_date(head, coming.day_key, begun, |day| contact.day_key(day));
    let Ok(message) = filing::as_reader(&head, &mail, sign, day_key, &reader) else {
        return give_up(env, contact, coming, "has a header that breaks the limits of mail");
    };
    drop(mail);
    let folder = here.map_or_else(|| Folder::from(&contact.petname), |here| here.folder);
    let key = (*coming.from.as_bytes(), *coming.letter.as_bytes());
    let Desk { lock, seen, .. } = desk;
    let path = filing::deliver_once(env, lock, seen, key, &folder, coming.date, &message)?;
    let mut peer = Peer::load(&places, coming.from)?;
    peer.last_letter = env.now();
    peer.owe(coming.letter);
    peer.save(&places, coming.from)?;
    coming.remove(&places)?;
    Ok(path.map(|path| Outcome::Filed { folder, path }))
}

/// How the mail is filed if it is a group's.
fn here(env: &Env<'_>, desk: &Desk, coming: &Coming) -> Result<Option<Here>, Error> {
    let Some(copied) = &coming.group else { return Ok(None) };
    let Ok(hash) = unbase64(&copied.hash) else { return Ok(None) };
    let said = Group { id: copied.id, version: copied.version, hash };
    match groups::place(env, desk.me.fingerprint(), coming.from, coming.date, &said)? {
        Where::Here(here) => Ok(Some(here)),
        Where::Elsewhere | Where::Later => Ok(None),
    }
}

/// Forgets an enclosure's cells for good, and says so.
fn give_up(
    env: &Env<'_>,
    contact: &Contact,
    mut coming: Coming,
    why: &str,
) -> Result<Option<Outcome>, Error> {
    coming.stage = Stage::Wrong;
    coming.forget_cells(env.home.places())?;
    (env.warn)(&format!("a mail of {} that came as an enclosure {why}: dropped", contact.petname));
    Ok(None)
}

fn key(desk: &Desk, coming: &Coming) -> Option<HybridSecret> {
    let sealed = unbase64_vec(&coming.key, KEY_LIMIT).ok()?;
    let text = archive::open_at_rest(&desk.transit.transit, &sealed, KEY_LIMIT).ok()?;
    std::str::from_utf8(&Zeroizing::new(text)).ok()?.parse().ok()
}
