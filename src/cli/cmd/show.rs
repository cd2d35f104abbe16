//! `poste show`: messages as text, or as they are filed, or one part of one. What others wrote
//! reaches the terminal only once it is made printable.
//! Specified in poste(1), show.

use crate::cli::Run;
use crate::cli::cmd;
use crate::cli::ui::Done;
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::read::{self, Names, Reader};
use crate::core::mail::render;
use crate::store::maildir::{Entry, Folder};

pub fn run(run: &mut Run<'_, '_>, messages: &[String], raw: bool, part: Option<usize>) -> Done {
    let found = cmd::messages(run, messages)?;
    match (part, found.as_slice()) {
        (None, found) => entries(run, found, raw),
        (Some(number), [entry]) => one_part(run, entry, number),
        (Some(_), _) => Err(wrong("--part takes one message").into()),
    }
}

/// Shows messages, and marks them as seen unless they are shown raw.
pub fn entries(run: &mut Run<'_, '_>, entries: &[Entry], raw: bool) -> Done {
    if entries.is_empty() {
        return Ok(());
    }
    let reader = Reader::open(run.env)?;
    for (at, entry) in entries.iter().enumerate() {
        let filed = reader.read(run.env, entry)?;
        if raw {
            run.ui.bytes(&filed)?;
            continue;
        }
        if at > 0 {
            run.ui.line("")?;
        }
        message(run, &filed, &reader.names)?;
        read::mark_seen(run.env, entry)?;
        if entry.folder == Folder::requests() {
            run.ui.next(&format!("poste accept {} NAME", entry.name.unique()));
        }
    }
    Ok(())
}

/// Shows one message that is in filed form, with its mark if it is unproven.
pub fn message(run: &Run<'_, '_>, filed: &[u8], names: &Names) -> Done {
    let (message, unproven) = read::message(filed);
    if let Some(why) = unproven {
        run.ui.line(&format!("Unproven: anybody may have written this ({why})"))?;
    }
    let mut reading = render::read(message, &|who| names.name(who));
    if let Some((group, date)) = read::group(filed) {
        if let Some(name) = names.group(group.id) {
            reading.to = name.to_owned();
        }
        if group.differs && !names.is_settling(group.id, date) {
            let what = "Differs: its author wrote to other members than you know of, or sent you \
                        another text";
            run.ui.line(what)?;
        }
    }
    run.ui.text(&reading.to_string())
}

fn one_part(run: &mut Run<'_, '_>, entry: &Entry, number: usize) -> Done {
    let filed = Reader::open(run.env)?.read(run.env, entry)?;
    let (_, bytes) = render::part(read::message(&filed).0, number).ok_or_else(|| {
        Error::new(Kind::NoMessage, format!("{} has no part {number}", entry.path.display()))
    })?;
    run.ui.bytes(&bytes)
}
