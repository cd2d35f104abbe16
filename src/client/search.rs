//! Searching the tree: messages are opened on all cores, nothing of them is kept, and no index is
//! made of what lies sealed. Which are too old is known from their names, without opening them.
//! Specified in poste(1), search.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::read::{self, LIMIT, Reader};
use crate::core::filed::Filed;
use crate::core::keys::Fingerprint;
use crate::core::mail::render;
use crate::core::time::Time;
use crate::store::maildir::{Entry, Maildir};
use rayon::prelude::*;

/// Messages opened at a time, so that their texts need no more memory than that.
const BATCH: usize = 256;

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What a message must have, all of it, in whatever case.
    pub terms: Vec<String>,
    /// Whose it must be.
    pub from: Option<Fingerprint>,
    /// When it must be dated at the earliest.
    pub since: Time,
}

/// A message that has all that was searched for.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which one.
    pub entry: Entry,
    /// Its author, as shown.
    pub from: String,
    /// Its subject.
    pub subject: String,
}

/// Searches all folders but the quarantine. `each` takes what is found, the newest last. A message
/// that cannot be opened stops no other; gives what was wrong with such.
pub fn search<E: From<Error>>(
    env: &Env<'_>,
    reader: &Reader,
    query: &Query,
    each: &mut dyn FnMut(Found) -> Result<(), E>,
) -> Result<Vec<Error>, E> {
    let terms: Vec<String> = query.terms.iter().map(|term| term.to_lowercase()).collect();
    let mut entries = read::list(env, None, false, None)?;
    entries.retain(|entry| entry.name.time() >= query.since);
    let mail = Maildir::new(env.home.places().mail());
    let (mut wrong, mut done) = (Vec::new(), 0);
    for batch in entries.chunks(BATCH) {
        (env.progress)(&format!("searched {done} of {} messages", entries.len()));
        let looked: Vec<_> =
            batch.par_iter().map(|entry| look(&mail, reader, query, &terms, entry)).collect();
        for found in looked {
            match found {
                Ok(Some(found)) => each(found)?,
                Ok(None) => {}
                Err(error) => wrong.push(error),
            }
        }
        done += batch.len();
    }
    Ok(wrong)
}

fn look(
    mail: &Maildir,
    reader: &Reader,
    query: &Query,
    terms: &[String],
    entry: &Entry,
) -> Result<Option<Found>, Error> {
    // One that is gone meanwhile is not there to be found.
    let Some(sealed) = mail.read(entry, LIMIT)? else { return Ok(None) };
    let named =
        |error: Error| Error { what: format!("{}: {error}", entry.path.display()), ..error };
    let filed = reader.open_sealed(&sealed).map_err(named)?;
    let message = match Filed::read(&filed) {
        Ok(message) => message,
        Err(error) => return Err(named(Error::new(Kind::Data, error.to_string()))),
    };
    if query.from.is_some_and(|from| message.head.from != from) {
        return Ok(None);
    }
    let mut reading = render::read(message.message(), &|who| reader.names.name(who));
    if let Some(group) = message.head.group.and_then(|of| reader.names.group(of.id)) {
        reading.to = format!("{group}, {}", reading.to);
    }
    let names: Vec<&str> = reading.attachments.iter().map(|part| part.name.as_str()).collect();
    let all = [&reading.from, &reading.to, &reading.subject, &reading.text, &names.join("\n")];
    let all = all.map(|text| text.to_lowercase()).join("\n");
    let found = terms.iter().all(|term| all.contains(term.as_str()));
    let (from, subject) = (reading.from, reading.subject);
    Ok(found.then(|| Found { entry: entry.clone(), from, subject }))
}
