//! `poste send` and `poste sendmail`: letters into the outbox. They print nothing on standard
//! output and never touch the network, which would tell when one writes.
//! Specified in poste(1), Writing.

use crate::cli::args::Send;
use crate::cli::cmd::{attachment, read_stdin};
use crate::cli::ui::Done;
use crate::cli::{Run, sendmail as arguments, wrong};
use crate::client::error::{Error, Kind};
use crate::client::read::{self, Reader};
use crate::client::{queue, reply};
use crate::core::enclosure::mail_limit;
use crate::core::mail::compose::{Attached, Draft, compose};
use crate::core::time::Time;
use crate::store::progress::Progress;
use std::io::{IsTerminal, stdin};

pub fn run(run: &mut Run<'_, '_>, args: &Send) -> Done {
    let limit = run.env.config.attachment_max;
    let mut files = Vec::new();
    for path in &args.attach {
        let name = path.file_name().ok_or_else(|| wrong(format!("{}: no file", path.display())))?;
        files.push((name.to_string_lossy().into_owned(), attachment(path, limit)?));
    }
    let thread = match &args.in_reply_to {
        Some(message) => {
            let entry = read::find(run.env, message)?;
            reply::thread(&Reader::open(run.env)?.read(run.env, &entry)?)?
        }
        None => Vec::new(),
    };
    if stdin().is_terminal() {
        run.ui.next("write the text, and end it with control-D on a line of its own");
    }
    let text = read_stdin(limit)?;
    if files.is_empty() && text.trim_ascii().is_empty() {
        if stdin().is_terminal() {
            run.ui.note("nothing was written, so nothing is queued");
            return Ok(());
        }
        if args.subject.is_none() {
            return Err(nothing().into());
        }
        run.ui.warn("the letter has no text");
    }
    let attached: Vec<Attached<'_>> =
        files.iter().map(|(name, bytes)| Attached { name, bytes }).collect();
    let draft = Draft {
        to: &[],
        subject: args.subject.as_deref().unwrap_or_default(),
        thread: &thread,
        expires: args.expires.map(|seconds| run.env.now() + seconds),
        text: &text,
        files: &attached,
    };
    let mail = compose(&draft, run.env.rng);
    // They may be large, and are in the mail now.
    drop((files, text));
    let mut to = Vec::new();
    for name in &args.names {
        // Somebody named twice gets one letter.
        if !to.contains(name) {
            to.push(name.clone());
        }
    }
    queue::send(run.env, &to, &mail, args.daily)?;
    let names: Vec<&str> = to.iter().map(|name| name.as_str()).collect();
    run.ui.note(&format!("queued for {}; it leaves with the next sync", names.join(", ")));
    if Progress::load(run.env.home.places())?.last_sync == Time::default() {
        run.ui.next("poste sync  # and a timer for the next ones: man poste-tour");
    }
    Ok(())
}

pub fn sendmail(run: &mut Run<'_, '_>, args: &[String]) -> Done {
    let arguments = arguments::parse(args)?;
    let mail = read_stdin(mail_limit(run.env.config.attachment_max))?;
    let to = queue::recipients(run.env, &arguments.recipients, arguments.from_headers, &mail)?;
    if to.is_empty() {
        return Err(Error::new(Kind::Usage, "no recipient was given")
            .hint("name one, or use -t to take them from To, Cc and Bcc")
            .into());
    }
    if mail.trim_ascii().is_empty() {
        return Err(nothing().into());
    }
    queue::send(run.env, &to, &mail, false)?;
    Ok(())
}

fn nothing() -> Error {
    wrong("standard input holds no text; nothing is queued")
}
