//! Writing in cover conversations. After a sync it is decided who is written to by the next one, and
//! the stamps are found; when that one knows which slots would carry cover, letters that fit into what
//! is left at one node take their place. Everything about a letter is written down before it leaves,
//! and nothing after: it is not repeated, whatever became of it.
//! Specified in poste-protocol(7), Cover conversations.

use super::{bytes, is_partner, quit, shared, takes_part};
use crate::client::desk::Desk;
use crate::client::dispatch::{Made, Sender};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::own;
use crate::core::attempt::{self, Author};
use crate::core::bigram::{self, Bigrams};
use crate::core::bucket::Bucket;
use crate::core::card::{Card, SignedCard};
use crate::core::cell;
use crate::core::keys::{LetterId, SignPublic};
use crate::core::letter::{Control, Kind};
use crate::core::random::{Random, below, shuffle};
use crate::core::stamp::Stamp;
use crate::core::talk::{self, MOST_UNANSWERED, Waking};
use crate::core::time::Time;
use crate::store::atomic;
use crate::store::contacts::Contact;
use crate::store::cover::{Cover, MOST_BEGUN, Talk};
use std::collections::BTreeMap;
use std::path::Path;
use zeroize::Zeroizing;

/// Letters in one sync at most.
const AT_ONCE: usize = 2;

/// Begins a conversation if it is time to, and finds the stamps of letters that are due, which go
/// with the next sync. To be called when a sync has made all its requests and holds no lock, since it
/// takes as long as there are such letters.
pub fn prepare(env: &mut Env<'_>) -> Result<(), Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let lock = env.lock()?;
    if !takes_part(env) {
        return quit(env);
    }
    let mut cover = Cover::load(&places)?;
    let before = cover.clone();
    let (contacts, bad) = Contact::load_all(&places)?;
    let is_contact = |talk: &Talk| contacts.iter().any(|c| c.fingerprint == talk.with);
    cover.talk.retain(|talk| !is_contact(talk));
    cover.forget(now);
    if cover.waking(env.rng).holds(now) && bad.is_empty() {
        begin(env, &mut cover, &contacts)?;
    }
    let due = due(&mut cover, env);
    let new: Vec<usize> = due.iter().copied().filter(|at| cover.talk[*at].id.is_none()).collect();
    for at in new.into_iter().take(AT_ONCE) {
        cover.talk[at].id = Some(LetterId::generate(env.rng));
    }
    let waiting: Vec<Talk> = due.into_iter().map(|at| cover.talk[at].clone()).collect();
    if cover != before {
        cover.save(&places)?;
    }
    drop(lock);
    let me = own::load(env)?.card.sign;
    for talk in waiting {
        let (Some(id), Some(partner)) = (talk.id, talk.partner()) else { continue };
        let Card { sign, stamp_bits, .. } = partner.card;
        if stamped(&talk, me, (id, &partner.card)).is_some() {
            continue;
        }
        let stamp = Stamp::find(&sign, &me, &id, stamp_bits);
        let _lock = env.lock()?;
        let mut cover = Cover::load(&places)?;
        if let Some(talk) = cover.talk.iter_mut().find(|talk| talk.id == Some(id)) {
            talk.stamp = Some(stamp.text());
            cover.save(&places)?;
        }
    }
    Ok(())
}

/// The letters that are due as cells for a bucket of the hourly class, where there is `room`: the
/// slots in it that are free, by node. All that is to be remembered of them is saved before it
/// returns.
pub fn speak(
    env: &mut Env<'_>,
    desk: &Desk,
    sender: &Sender,
    bucket: Bucket,
    mut room: BTreeMap<String, usize>,
) -> Result<Vec<Made>, Error> {
    let places = env.home.places().clone();
    if !takes_part(env) {
        return Ok(Vec::new());
    }
    let mut cover = Cover::load(&places)?;
    let due = due(&mut cover, env);
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let (now, text) = (env.now(), text(env));
    let shipped = || Bigrams::of(bigram::SHIPPED);
    let Some(words) = Bigrams::of(&text).or_else(shipped) else { return Ok(Vec::new()) };
    let waking = cover.waking(env.rng);
    let mut all = Vec::new();
    for at in due {
        if all.len() == AT_ONCE {
            break;
        }
        let mail = words.mail(env.rng);
        match letter(env, (desk, sender), (&cover, &cover.talk[at]), &mail, bucket, &mut room)? {
            Next::Goes(made) => {
                cover.spend(now, bytes(made.cells.len()));
                said(env, &mut cover.talk[at], waking);
                all.push(made);
            }
            Next::Waits => {}
            Next::Over => cover.talk[at].left = 0,
        }
    }
    cover.save(&places)?;
    Ok(all)
}

/// What becomes of a letter that is due.
enum Next {
    Goes(Made),
    Waits,
    Over,
}

/// A letter in a conversation, at a node where it fits.
fn letter(
    env: &mut Env<'_>,
    (desk, sender): (&Desk, &Sender),
    (cover, talk): (&Cover, &Talk),
    mail: &[u8],
    bucket: Bucket,
    room: &mut BTreeMap<String, usize>,
) -> Result<Next, Error> {
    let now = env.now();
    let partner = talk.partner().filter(|partner| is_partner(&partner.card, now));
    let Some(SignedCard { card: to, .. }) = &partner else { return Ok(Next::Over) };
    let me = sender.card.card.sign;
    // One that has come to be due since the sync began waits for the next.
    let Some(id) = talk.id else { return Ok(Next::Waits) };
    let Some(stamp) = stamped(talk, me, (id, to)) else { return Ok(Next::Waits) };
    let knows_me = talk.card_seen >= sender.card.card.issued;
    let control = Control {
        kind: Kind::Cover,
        card_seen: to.issued,
        card: (!knows_me).then(|| sender.card.text().to_owned()),
        stamp,
        ..Control::new(id, me.fingerprint(), now.minute(), bucket.day())
    };
    let cells = attempt::cells(&control, mail);
    let mut nodes = shared(env, &desk.contacts, to);
    nodes.retain(|node| room.get(node).is_some_and(|room| *room >= cells));
    shuffle(env.rng, &mut nodes);
    let Some(node) = nodes.pop() else { return Ok(Next::Waits) };
    if !cover.affords(now, bytes(cells), env.config.cover_budget) {
        return Ok(Next::Waits);
    }
    let author = Author { sign: me, chain: &sender.chain };
    let key = attempt::mac_key(author, to, bucket.day())?;
    let sealed = attempt::sealed(&control, mail, &key, &to.prekey, env.rng)?;
    let chunks = attempt::chunks(&sealed, env.rng)?;
    // It is longer than it was measured to be by the chance that is in every age file's length.
    if chunks.len() > cells {
        return Ok(Next::Waits);
    }
    let cell = |chunk| cell::stranger(&to.dh, bucket, to.listen, chunk, env.rng);
    let cells: Vec<_> = chunks.iter().map(cell).collect();
    room.entry(node.clone()).and_modify(|room| *room -= cells.len());
    Ok(Next::Goes(Made {
        node,
        bucket,
        cells,
        numbers: None,
        acks: Vec::new(),
        want: None,
        offer: false,
        card: !knows_me,
    }))
}

/// The conversations in which a letter may go now, those that have waited longest first.
fn due(cover: &mut Cover, env: &mut Env<'_>) -> Vec<usize> {
    let now = env.now();
    if !cover.waking(env.rng).holds(now) || !cover.affords(now, bytes(1), env.config.cover_budget) {
        return Vec::new();
    }
    let talks = cover.talk.iter().enumerate().filter(|(_, talk)| talk.left > 0);
    let mut due: Vec<(Time, usize)> = talks
        .filter_map(|(at, talk)| Some((talk.due?, at)))
        .filter(|(due, _)| *due <= now)
        .collect();
    due.sort_unstable();
    due.into_iter().take(AT_ONCE).map(|(_, at)| at).collect()
}

/// Begins a conversation with somebody drawn at random, if the moment for it has come.
fn begin(env: &mut Env<'_>, cover: &mut Cover, contacts: &[Contact]) -> Result<(), Error> {
    let now = env.now();
    let waking = cover.waking(env.rng);
    let later = |rng: &mut dyn Random| waking.next(now + talk::apart(rng), rng);
    // One further ahead than any is drawn is of a clock that has been set back since.
    let is_set = |begin: &Time| *begin <= now + 2 * talk::OVER;
    let Some(begin) = cover.begin.filter(is_set) else {
        cover.begin = Some(later(env.rng));
        return Ok(());
    };
    if begin > now {
        return Ok(());
    }
    cover.begin = Some(later(env.rng));
    let me = own::load(env)?.card.fingerprint();
    let is_new = |card: &SignedCard| {
        let who = card.card.fingerprint();
        let known = contacts.iter().any(|contact| contact.fingerprint == who);
        who != me && !known && cover.talk.iter().all(|talk| talk.with != who)
    };
    let cards = cover.volunteers.iter().filter_map(|text| SignedCard::parse(text.as_bytes()).ok());
    let usable = |card: &SignedCard| {
        is_partner(&card.card, now) && !shared(env, contacts, &card.card).is_empty()
    };
    let fit: Vec<SignedCard> = cards.filter(is_new).filter(usable).collect();
    if fit.is_empty() || cover.count(true) >= MOST_BEGUN {
        return Ok(());
    }
    let drawn = &fit[below(env.rng, fit.len() as u64) as usize];
    cover.talk.push(Talk::new(drawn, true, talk::length(env.rng), now));
    Ok(())
}

/// Writes down that a letter has gone.
fn said(env: &mut Env<'_>, talk: &mut Talk, waking: Waking) {
    let now = env.now();
    (talk.id, talk.stamp, talk.due, talk.since) = (None, None, None, now);
    talk.left -= 1;
    talk.unanswered += 1;
    if talk.begun && talk.unanswered >= MOST_UNANSWERED {
        talk.left = 0;
    }
    if talk.begun && talk.left > 0 {
        talk.due = Some(waking.next(now + talk::patience(env.rng), env.rng));
    }
}

/// The stamp for a letter, none being enough for who asks for none; `None` if it is to be found yet.
fn stamped(talk: &Talk, me: SignPublic, (id, to): (LetterId, &Card)) -> Option<Option<Stamp>> {
    if to.stamp_bits == 0 {
        return Some(None);
    }
    let known = talk.stamp.as_deref().and_then(Stamp::parse);
    known.filter(|stamp| stamp.is_worth(&to.sign, &me, &id, to.stamp_bits)).map(Some)
}

/// The text whose words letters have.
fn text(env: &Env<'_>) -> Zeroizing<String> {
    let shipped = || Zeroizing::new(bigram::SHIPPED.to_owned());
    let Some(path) = &env.config.cover_text else { return shipped() };
    let why = match atomic::read_text_followed(path, bigram::LIMIT as u64) {
        Ok(Some(text)) if Bigrams::of(&text).is_some() => return text,
        Ok(Some(_)) => "too few words".to_owned(),
        Ok(None) => "there is no such file".to_owned(),
        Err(error) => error.to_string(),
    };
    (env.warn)(&format!("cover_text, {}: {why}; another text is used", shown(path)));
    shipped()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
