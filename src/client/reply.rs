//! Answering: who gets the answer to a message, in which thread it is, and the text that it begins
//! with. A petname never leaves: to its author what is quoted is what "you" wrote.
//! Specified in poste(1), reply.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::{queue, read};
use crate::core::filed::{Filed, Head};
use crate::core::mail::draft::{Draft, answer, ids, quoted};
use crate::core::mail::{fields, mime, render};
use crate::store::contacts::Contact;
use crate::store::maildir::{Entry, Flags, Maildir};
use crate::store::petname::Petname;

/// An answer to a message in filed form, as it is given to an editor.
pub fn begin(env: &Env<'_>, filed: &[u8]) -> Result<Draft, Error> {
    let head = head(filed)?;
    let parties = Parties::load(env)?;
    let to = recipients(&parties, &head)?;
    to.iter().try_for_each(|name| queue::reachable(env, name))?;
    let reading = render::read(read::message(filed).0, &|_| None);
    let date = reading.date.trim_end_matches(" +0000").trim_end_matches(":00").to_owned();
    let whose = match (parties.is_me(&head.from), to.as_slice()) {
        (true, _) => "I".to_owned(),
        (false, [_]) if head.group.is_none() => "you".to_owned(),
        (false, _) => name(env, &parties, &head),
    };
    Ok(Draft {
        to: to.iter().map(Petname::to_string).collect(),
        subject: answer(&reading.subject),
        thread: thread(filed)?,
        text: quoted(&format!("On {date} UTC, {whose} wrote:"), &reading.text).into_bytes(),
        ..Draft::default()
    })
}

/// Who gets the answer: all of the group that the message is of, else the author, or of one's own
/// message those whom it was for.
fn recipients(parties: &Parties, head: &Head) -> Result<Vec<Petname>, Error> {
    let group = head.group.and_then(|of| parties.group(of.id));
    if let Some(name) = group.and_then(|group| group.name.parse().ok()) {
        return Ok(vec![name]);
    }
    let people = match parties.is_me(&head.from) {
        true => head.to.clone(),
        false => vec![head.from],
    };
    let mut names: Vec<Petname> = Vec::new();
    for person in people.iter().filter(|person| !parties.is_me(person)) {
        let name = parties.name(person).parse::<Petname>().map_err(|_| {
            let what = format!("{} is no contact, and gets no answer", parties.shown(person));
            Error::new(Kind::NoContact, what)
                .hint("poste accept MESSAGE NAME  # if it lies in requests")
                .hint("poste add NAME LINK")
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.is_empty() {
        true => Err(Error::new(Kind::NoContact, "the message is from oneself to oneself")),
        false => Ok(names),
    }
}

/// The ids by which an answer to a message in filed form belongs to its thread.
pub fn thread(filed: &[u8]) -> Result<Vec<String>, Error> {
    let parts = fields::split(read::message(filed).0)?;
    let text = |name| mime::text_of(&parts.fields, name).unwrap_or_default();
    Ok(ids(&format!("{} {}", text("References"), text("Message-ID"))))
}

/// Marks a message as answered.
pub fn mark(env: &Env<'_>, entry: &Entry) -> Result<(), Error> {
    let mail = Maildir::new(env.home.places().mail());
    mail.set_flags(entry, entry.flags.with(Flags::SEEN).with(Flags::REPLIED))?;
    Ok(())
}

fn head(filed: &[u8]) -> Result<Head, Error> {
    let what = |why: &str| Error::new(Kind::Data, format!("the message cannot be answered: {why}"));
    let filed = Filed::read(filed).map_err(|_| what("it is not in filed form"))?;
    match filed.unproven() {
        Some(_) => Err(what("it lies in quarantine").hint("poste quarantine keep")),
        None => Ok(filed.head),
    }
}

/// The name by which the author is known to all, that in the card: the petname is nobody's business.
fn name(env: &Env<'_>, parties: &Parties, head: &Head) -> String {
    let petname = parties.name(&head.from).parse::<Petname>().ok();
    let contact = petname.and_then(|name| Contact::load(env.home.places(), &name).ok()?);
    let name = contact.map(|contact| contact.card.card.name).unwrap_or_default();
    if name.is_empty() { "somebody".to_owned() } else { crate::core::printable::line(&name) }
}
