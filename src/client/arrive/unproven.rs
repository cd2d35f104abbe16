//! Unproven letters: from a relay they go to the quarantine folder, which is bounded, where they
//! have no effect; by hand they are shown and filed nowhere, since who brought one has it. The list of what lies there is written before the file, so that nothing lies
//! there for ever. Specified in poste-protocol(7), Authentication.

use super::{Outcome, UNFIT, head};
use crate::client::desk::Desk;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::filing;
use crate::core::filed;
use crate::core::judge::Why;
use crate::core::letter::{Kind, Letter};
use crate::core::random::below;
use crate::core::time::Time;
use crate::store::maildir::{Folder, Maildir, Name, Place};
use crate::store::quarantine::{self, Held};

/// Why an unproven letter is dropped that says nothing to its reader.
const WITHOUT_MAIL: &str = "an unproven letter without a mail";

/// A letter that came by hand, to be shown with the mark that it is unproven.
pub(super) fn given_back(desk: &Desk, letter: &Letter<'_>, why: Why) -> Outcome {
    if letter.control.kind != Kind::Mail {
        return Outcome::Dropped(WITHOUT_MAIL);
    }
    match filed::write_unproven(&head(letter, desk.me, None), letter.mail, why.word()) {
        Ok(message) => Outcome::Unproven { message, why },
        Err(_) => Outcome::Dropped(UNFIT),
    }
}

/// Puts a letter of a contact's into the quarantine folder.
pub(super) fn quarantine(
    env: &mut Env<'_>,
    desk: &mut Desk,
    letter: &Letter<'_>,
    why: Why,
) -> Result<Outcome, Error> {
    let control = &letter.control;
    if control.kind != Kind::Mail || control.enclosure.is_some() {
        return Ok(Outcome::Dropped(WITHOUT_MAIL));
    }
    let head = head(letter, desk.me, None);
    let Ok(message) = filed::write_unproven(&head, letter.mail, why.word()) else {
        return Ok(Outcome::Dropped(UNFIT));
    };
    let places = env.home.places().clone();
    let now = env.now();
    for held in desk.quarantine.find(control.from, control.id) {
        drop_from(env, desk, &held)?;
    }
    while desk.quarantine.letter.len() >= quarantine::MOST {
        let which = below(env.rng, desk.quarantine.letter.len() as u64) as usize;
        let held = desk.quarantine.letter[which].clone();
        drop_from(env, desk, &held)?;
    }
    let name = Name::new(now, env.rng);
    desk.quarantine.letter.push(Held {
        from: control.from,
        id: control.id,
        since: now,
        name: name.to_string(),
    });
    desk.quarantine.save(&places)?;
    let folder = Folder::quarantine();
    let path = filing::deliver(&places, &folder, &name, Place::New, &message, env.rng)?;
    Ok(Outcome::Quarantined { path, why })
}

/// Removes a letter from the quarantine folder, and only then from the list, so that none lies there
/// that is not in it; the list is not saved.
pub fn drop_from(env: &Env<'_>, desk: &mut Desk, held: &Held) -> Result<(), Error> {
    discard(env, held)?;
    desk.quarantine.letter.retain(|known| known.name != held.name);
    Ok(())
}

/// Removes a letter from the quarantine folder.
fn discard(env: &Env<'_>, held: &Held) -> Result<(), Error> {
    let mail = Maildir::new(env.home.places().mail());
    if let Ok(name) = held.name.parse()
        && let Some(entry) = mail.locate(&Folder::quarantine(), &name)?
    {
        mail.remove(&entry)?;
    }
    Ok(())
}

/// Whether something that arrived at `since` has waited too long at `now`.
pub fn is_stale(since: Time, now: Time) -> bool {
    now.since(since) > quarantine::KEPT
}
