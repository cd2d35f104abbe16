//! `poste add`, `accept`, `contacts` and `words`: the people one writes to. A fingerprint taken on
//! trust is said to be so, with the words by which it can be compared.
//! Specified in poste(1), People.

use crate::cli::Run;
use crate::cli::cmd::{group, read_stdin};
use crate::cli::ui::Done;
use crate::client::error::{Error, Kind};
use crate::client::groups;
use crate::client::people::{self, Added};
use crate::core::card;
use crate::core::keys::Fingerprint;
use crate::store::petname::Petname;
use std::io::Write;

pub fn add(
    run: &mut Run<'_, '_>,
    name: &Petname,
    link: &str,
    fingerprint: Option<Fingerprint>,
    replace: bool,
) -> Done {
    let added = match link {
        "-" => {
            let failed = |e| Error::new(Kind::CannotCreate, format!("a file for the card: {e}"));
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            file.write_all(&read_stdin(card::LIMIT as u64)?).map_err(failed)?;
            let path = file.path().display().to_string();
            people::add(run.env, name, &path, fingerprint, replace).map_err(|error| Error {
                what: error.what.replace(&path, "standard input"),
                ..error
            })?
        }
        link => people::add(run.env, name, link, fingerprint, replace)?,
    };
    tell(run, &added)
}

pub fn accept(run: &mut Run<'_, '_>, request: &str, name: &Petname, replace: bool) -> Done {
    if let Some(changed) = groups::accept(run.env, request, name, replace)? {
        return group::tell(run, &changed);
    }
    let added = people::accept(run.env, request, name, replace)?;
    tell(run, &added)
}

pub fn list(run: &mut Run<'_, '_>) -> Done {
    let rows = people::list(run.env)?;
    if run.ui.json() {
        return run.ui.value(&rows);
    }
    for row in rows {
        run.ui.columns(&[&row.name, &row.link, row.state])?;
    }
    Ok(())
}

/// Prints the contact's words. To be confirmed they are not shown before somebody at the terminal
/// has typed what was heard: who sees them first does not listen.
pub fn words(run: &mut Run<'_, '_>, name: &Petname, confirm: bool, heard: &[String]) -> Done {
    let known = people::words(run.env, name)?;
    let typed = match (confirm, heard) {
        (true, []) => {
            let question = format!(
                "read to {name}: {}\ntype what {name} reads, four letters of each word will do: ",
                known.own
            );
            run.prompt.line(&question)?
        }
        (true, heard) => Some(heard.join(" ")),
        (false, _) => None,
    };
    if typed.as_ref().is_some_and(|typed| typed.trim().is_empty()) {
        run.ui.note("nothing was recorded");
        return Ok(());
    }
    let known = match confirm {
        true => people::confirm(run.env, name, typed.as_deref())?,
        false => known,
    };
    if run.ui.json() {
        return run.ui.value(&known);
    }
    run.ui.line(&known.words)?;
    match known.compared.filter(|_| known.confirmed) {
        Some(since) => run.ui.note(&format!("compared on {}", since.day())),
        None if known.confirmed => {}
        None => {
            run.ui.note(&format!("{name} hears from you: {}", known.own));
            run.ui.next(&format!("poste words {name} --confirm"));
        }
    }
    Ok(())
}

fn tell(run: &mut Run<'_, '_>, added: &Added) -> Done {
    if run.ui.json() {
        return run.ui.value(added);
    }
    run.ui.line(&added.words)?;
    let name = &added.petname;
    if let Some(old) = added.replaced {
        run.ui.note(&format!(
            "who was {name} before is removed ({old}); their messages stay, and verify as before"
        ));
        group::still_in(run, &added.groups, &format!("the old {name}"), &old.to_string()[..16]);
        let mine = added.groups.iter().filter(|seated| seated.inside && seated.mine);
        mine.for_each(|seated| run.ui.next(&format!("poste group add {} {name}", seated.group)));
    }
    if added.blocked {
        run.ui.note(&format!("{name} is still blocked"));
        run.ui.next(&format!("poste unblock {name}"));
        return Ok(());
    }
    if !added.pinned {
        run.ui.note(&format!("taken on trust: compare these words with {name} by voice"));
        run.ui.next(&format!("poste words {name} --confirm"));
    }
    match added.letters {
        0 => run.ui.next(&format!("echo hello | poste send {name}")),
        letters => run.ui.note(&format!("{letters} moved from requests to {name}")),
    }
    Ok(())
}
