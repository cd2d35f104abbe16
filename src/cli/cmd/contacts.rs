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

pub fn accept(run: &mut Run<'_, '_>, request: &str, name: &Petname) -> Done {
    if let Some(changed) = groups::accept(run.env, request, name)? {
        return group::tell(run, &changed);
    }
    let added = people::accept(run.env, request, name)?;
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

pub fn words(run: &mut Run<'_, '_>, name: &Petname, confirm: bool) -> Done {
    let words = people::words(run.env, name, confirm)?;
    run.ui.line(&words)
}

fn tell(run: &mut Run<'_, '_>, added: &Added) -> Done {
    if run.ui.json() {
        return run.ui.value(added);
    }
    run.ui.line(&added.words)?;
    let name = &added.petname;
    if let Some(old) = added.replaced {
        run.ui.note(&format!("who was {name} before is removed ({old}); their messages stay"));
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
