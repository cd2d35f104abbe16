//! Editing: a message of the tree as a text with names, and the text put back as a message that is
//! authenticated again, so that nothing tells it was ever different. From, To and Date may be
//! changed as well; who is named must be known. Specified in poste(1), edit.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::forge;
use crate::client::parties::Parties;
use crate::client::parties::addresses::{Addresses, Circle};
use crate::core::filed::{Filed, Head, OfGroup};
use crate::core::keys::{Fingerprint, GroupId};
use crate::core::mail::fields::{self, Field};
use crate::core::mail::recipients;
use crate::core::random::Random;
use crate::core::time::Time;
use crate::store::maildir::{Entry, Maildir};
use crate::store::seen::Seen;
use crate::store::view::Stamp;
use std::path::PathBuf;

/// The message as it is given to an editor: without the line of its authentication, people by
/// their names.
pub fn text(parties: &Parties, message: &[u8]) -> Result<Vec<u8>, Error> {
    read(message)?;
    named(parties.addresses(), message)
}

/// The same for who has only the addresses; a letter in quarantine begins with a header that says
/// why it is unproven.
pub fn named(known: &Addresses, message: &[u8]) -> Result<Vec<u8>, Error> {
    let filed = Filed::read(message).map_err(|_| bad("it is not in filed form"))?;
    let head = &filed.head;
    let name = |who: &Fingerprint| format!("{}@{}", known.name(who), recipients::DOMAIN);
    let group = head.group.and_then(|of| Some((of, known.group(of.id)?)));
    let to = match group {
        Some((_, circle)) => format!("{}@{}", circle.name, recipients::DOMAIN),
        None => head.to.iter().map(name).collect::<Vec<String>>().join(", "),
    };
    let date = head.date.rfc5322();
    let mark = filed.unproven().map(|why| format!("X-Poste-Unproven: {why}\n"));
    let mut own = mark.unwrap_or_default();
    own += &format!("From: {}\nTo: {to}\nDate: {date}\n", name(&head.from));
    if let Some((of, circle)) = group {
        own += &list_headers(of.id, circle, &to);
    }
    let parts = fields::split(filed.message())?;
    let mut out = own.into_bytes();
    let is_shown = |field: &Field<'_>| {
        is_head(field) || group.is_some() && field.name.eq_ignore_ascii_case("X-Poste-Group")
    };
    for field in parts.fields.iter().filter(|field| !is_shown(field)) {
        fields::write(&mut out, field);
    }
    out.push(b'\n');
    out.extend_from_slice(parts.body);
    Ok(out)
}

/// By what a mail program knows a mailing list, and where an answer to all goes.
fn list_headers(id: GroupId, circle: &Circle, address: &str) -> String {
    let title: String = circle.title.chars().filter(|c| c.is_ascii()).collect();
    let title = title.replace(['\\', '"', '<', '>'], "");
    format!(
        "Reply-To: {address}\nList-Id: \"{title}\" <{id}.{}>\nList-Post: <mailto:{address}>\n",
        recipients::DOMAIN
    )
}

/// The edited text as a message in filed form, and when it is dated. Of its headers only those are
/// taken that a letter could have brought, so what an editor or mail program adds does not show.
pub fn message(
    parties: &Parties,
    old: &[u8],
    text: &[u8],
    rng: &mut dyn Random,
) -> Result<(Vec<u8>, Time), Error> {
    let filed = read(old)?;
    let text = fields::normalize(text);
    let parts = fields::split(&text)?;
    let people = |title: &str| people(parties, &parts.fields, title);
    let from = people("From")?;
    let [from] = from.as_slice() else { return Err(bad("it needs one author in From")) };
    let (to, group) = addressees(parties, &filed.head, from, &parts.fields)?;
    if to.is_empty() {
        return Err(bad("it needs somebody in To"));
    }
    let date = fields::unfold(one(&parts.fields, "Date").ok_or_else(|| bad("it needs a Date"))?);
    let date = Time::parse_rfc5322(&String::from_utf8_lossy(&date))
        .ok_or_else(|| bad("its Date is not one"))?
        .minute();
    let day = if date == filed.head.date { filed.head.day } else { date.day() };
    let head = Head { day, from: *from, to, date, group, ..filed.head.clone() };
    let mail = forge::mail(&text, Some(filed.message()), rng)?;
    // What another program sent may have headers that this one does not send: they stay.
    let was = forge::mail(filed.message(), Some(filed.message()), rng)?;
    let is_usual = parties.write(&filed.head, &was).is_ok_and(|was| was == old);
    Ok((parties.write(&head, if is_usual { &mail } else { &text })?, date))
}

/// Puts an edited message in the place of what it was, if that file is still there as it was when
/// `was` was taken of it. Gives its path; nothing if somebody has put another text there.
pub fn put_back(
    env: &mut Env<'_>,
    entry: &Entry,
    was: Stamp,
    message: &[u8],
    date: Time,
) -> Result<Option<PathBuf>, Error> {
    let lock = env.lock()?;
    let now = Maildir::new(env.home.places().mail()).locate(&entry.folder, &entry.name)?;
    if now.is_some_and(|now| Stamp::of_sealed(&now.path) != was) {
        return Ok(None);
    }
    let filed = read(message)?;
    let key = (*filed.head.from.as_bytes(), *filed.head.id.as_bytes());
    let places = env.home.places().clone();
    let own = crate::client::own::load(env)?.card.fingerprint();
    let mut seen = Seen::open(&places.seen_dir())?;
    if filed.head.from != own && seen.lookup(&key.0, &key.1).is_none() {
        seen.done(&lock, env.now(), &[key])?;
    }
    forge::replace(&places, entry, date, message, env.rng).map(Some)
}

/// To whom, and of which group if it is addressed to one: that of the message as it was stays as it
/// was filed, unless somebody else is the author now.
fn addressees(
    parties: &Parties,
    old: &Head,
    from: &Fingerprint,
    all: &[Field<'_>],
) -> Result<(Vec<Fingerprint>, Option<OfGroup>), Error> {
    let Some((id, circle)) = group_of(parties, all) else {
        let to = people(parties, all, "To")?;
        // That of a group which one has no name for is shown with all its members.
        let group = old.group.filter(|_| to == old.to);
        return Ok((to, group));
    };
    match old.group.filter(|of| of.id == id && old.from == *from) {
        Some(of) => Ok((old.to.clone(), Some(of))),
        None => Ok(to_group(parties, id, circle, from)),
    }
}

/// The group that To names, if it names one and nobody else.
pub fn group_of<'a>(parties: &'a Parties, all: &[Field<'_>]) -> Option<(GroupId, &'a Circle)> {
    match recipients::of_field(one(all, "To")?).ok()?.as_slice() {
        [name] => parties.group_named(name),
        _ => None,
    }
}

/// How a message by `from` to a group is filed that was never sent: as one of now would be.
pub fn to_group(
    parties: &Parties,
    id: GroupId,
    circle: &Circle,
    from: &Fingerprint,
) -> (Vec<Fingerprint>, Option<OfGroup>) {
    let mut to: Vec<Fingerprint> =
        circle.members.iter().copied().filter(|who| who != from).collect();
    if parties.is_me(from) {
        // One's own is authenticated for the first of them.
        to.sort_by_key(|who| parties.party(who).is_none());
    }
    let version = circle.versions.get(from).copied().unwrap_or_default();
    (to, Some(OfGroup { id, version, differs: false }))
}

fn read(message: &[u8]) -> Result<Filed<'_>, Error> {
    let filed = Filed::read(message).map_err(|_| bad("it is not in filed form"))?;
    match filed.unproven() {
        Some(_) => Err(bad("it lies in quarantine").hint("poste quarantine keep")),
        None => Ok(filed),
    }
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Data, format!("the message cannot be edited so: {why}"))
}

fn is_head(field: &Field<'_>) -> bool {
    ["From", "To", "Date"].iter().any(|name| field.name.eq_ignore_ascii_case(name))
}

/// The one person that an address means, if it is of our form and somebody known.
pub fn person(parties: &Parties, address: &str) -> Option<Fingerprint> {
    let names = recipients::of_argument(address).ok()?;
    match names.as_slice() {
        [name] => parties.who(name),
        _ => None,
    }
}

fn one<'a, 'm>(all: &'a [Field<'m>], name: &str) -> Option<&'a Field<'m>> {
    all.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

fn people(parties: &Parties, all: &[Field<'_>], title: &str) -> Result<Vec<Fingerprint>, Error> {
    let Some(field) = one(all, title) else { return Ok(Vec::new()) };
    let names = recipients::of_field(field).map_err(|e| bad(&format!("{title}: {e}")))?;
    names
        .iter()
        .map(|name| {
            parties.who(name).ok_or_else(|| {
                let shown = crate::core::printable::line(name);
                Error::new(Kind::NoContact, format!("{title}: {shown} is nobody known"))
                    .hint("poste contacts")
            })
        })
        .collect()
}
