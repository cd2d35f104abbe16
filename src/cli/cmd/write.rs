//! `poste compose`, `reply` and `drafts`: letters written in an editor. The text is kept sealed
//! from the moment the editor opens until the letter is queued, so that neither a failing editor nor
//! a full disk loses it; what a killed run left in memory is found again by the draft's id.
//! Specified in poste(1), Writing.

use crate::cli::Run;
use crate::cli::args::{Compose, DraftsAction, Reply};
use crate::cli::cmd::attachment;
use crate::cli::ui::{Done, Stop};
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::read::{self, Reader};
use crate::client::{draft, queue, reply};
use crate::core::keys::LetterId;
use crate::core::mail::compose::Attached;
use crate::core::mail::draft::Draft;
use crate::core::time::age;
use crate::store::drafts::TEXT;
use std::path::{Path, PathBuf};

/// Where what is written begins.
struct Begun {
    id: LetterId,
    text: Vec<u8>,
    /// Whether it was kept before: then it is a letter as it stands.
    kept: bool,
}

pub fn compose(run: &mut Run<'_, '_>, args: &Compose) -> Done {
    let begun = match &args.draft {
        Some(prefix) => {
            let id = draft::find(run.env, prefix)?;
            let reader = Reader::open(run.env)?;
            Begun { id, text: draft::open(run.env, &reader, id)?, kept: true }
        }
        None => {
            let mut to: Vec<String> = Vec::new();
            for name in &args.names {
                queue::reachable(run.env, name)?;
                if !to.contains(&name.to_string()) {
                    to.push(name.to_string());
                }
            }
            let subject = args.subject.clone().unwrap_or_default();
            new(run, Draft { to, subject, ..Draft::default() }, &args.attach, args.expires)?
        }
    };
    write(run, begun, args.daily).map(|_| ())
}

pub fn reply(run: &mut Run<'_, '_>, args: &Reply) -> Done {
    let entry = read::find(run.env, &args.message)?;
    let filed = Reader::open(run.env)?.read(run.env, &entry)?;
    let answer = reply::begin(run.env, &filed)?;
    let begun = new(run, answer, &args.attach, args.expires)?;
    if write(run, begun, args.daily)? {
        reply::mark(run.env, &entry)?;
    }
    Ok(())
}

pub fn drafts(run: &mut Run<'_, '_>, action: Option<DraftsAction>) -> Done {
    if let Some(DraftsAction::Drop { id }) = action {
        let id = draft::find(run.env, &id)?;
        run.editor.forget(&id.to_string())?;
        draft::forget(run.env, id)?;
        run.ui.note(&format!("the draft {id} is gone"));
        return Ok(());
    }
    let all = draft::list(run.env)?;
    if run.ui.json() {
        return run.ui.value(&all);
    }
    let now = run.env.now();
    all.iter()
        .try_for_each(|kept| run.ui.columns(&[&kept.id.to_string(), &age(now.since(kept.changed))]))
}

/// A draft with what was typed beside it. Files are looked at now: nobody should write a letter
/// that cannot have them.
fn new(
    run: &mut Run<'_, '_>,
    mut begun: Draft,
    attach: &[PathBuf],
    lasts: Option<u64>,
) -> Result<Begun, Error> {
    for path in attach {
        let full = std::fs::canonicalize(path).map_err(|error| {
            Error::new(Kind::NoMessage, format!("cannot open {}: {error}", path.display()))
        })?;
        let named = full.to_str().filter(|text| !text.contains(['\n', '\r']));
        let named = named.ok_or_else(|| wrong(format!("{}: no plain name", path.display())))?;
        begun.attach.push(named.to_owned());
    }
    begun.expires = lasts.map(|seconds| run.env.now() + seconds);
    Ok(Begun { id: LetterId::generate(run.env.rng), text: begun.write(), kept: false })
}

/// Has it written and queues it. Says whether there is a letter.
fn write(run: &mut Run<'_, '_>, begun: Begun, daily: bool) -> Result<bool, Stop> {
    let Begun { id, text: before, kept } = begun;
    if !kept {
        draft::keep(run.env, id, &before)?;
    }
    let sheet = match run.editor.lay(&id.to_string(), &before) {
        Ok(sheet) => sheet,
        Err(error) => return Err(stopped(run, error, id, kept)),
    };
    let edited = sheet.edit();
    let text = match sheet.read(TEXT) {
        Ok(text) => text,
        // What the editor removed is nobody's to keep.
        Err(error) if !sheet.is_there() => return Err(stopped(run, error, id, kept)),
        Err(error) => {
            sheet.leave();
            return Err(stopped(run, error, id, true));
        }
    };
    let is_new = *text != before || sheet.was_there();
    let done = edited.and_then(|()| match Draft::read(&text) {
        _ if !kept && !is_new => Ok(None),
        _ if text.trim_ascii().is_empty() => Ok(None),
        Ok(draft) if draft.text.trim_ascii().is_empty() && draft.attach.is_empty() => Ok(None),
        Ok(draft) => send(run, &draft, daily).map(Some),
        Err(error) => Err(Error::new(Kind::Data, error.to_string())),
    });
    match done {
        Ok(Some(names)) => {
            if let Err(error) = draft::forget(run.env, id) {
                run.ui.warn(&format!("the letter is queued, and its draft stays: {error}"));
            }
            run.ui.note(&format!("queued for {names}; it leaves with the next sync"));
            Ok(true)
        }
        Ok(None) => {
            draft::forget(run.env, id)?;
            run.ui.note("nothing was written, so nothing is queued");
            Ok(false)
        }
        Err(error) => {
            if let Err(second) = if is_new { draft::keep(run.env, id, &text) } else { Ok(()) } {
                run.ui.warn(&format!("{second}; what was written is in {}", sheet.leave()));
            }
            Err(stopped(run, error, id, kept || is_new))
        }
    }
}

/// The error, with the way on if a draft is worth keeping.
fn stopped(run: &Run<'_, '_>, error: Error, id: LetterId, worth: bool) -> Stop {
    if !worth {
        // Nothing was written.
        let _ = draft::forget(run.env, id);
        return error.into();
    }
    error.hint(format!("what was written is kept; poste compose --draft {id}")).into()
}

fn send(run: &mut Run<'_, '_>, draft: &Draft, daily: bool) -> Result<String, Error> {
    let limit = run.env.config.attachment_max;
    let mut files = Vec::new();
    for path in &draft.attach {
        let path = Path::new(path);
        let name = path.file_name().ok_or_else(|| wrong(format!("{}: no file", path.display())))?;
        files.push((name.to_string_lossy().into_owned(), attachment(path, limit)?));
    }
    let attached: Vec<Attached<'_>> =
        files.iter().map(|(name, bytes)| Attached { name, bytes }).collect();
    let to = draft::send(run.env, draft, &attached, daily)?;
    Ok(to.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "))
}
