//! `poste seal`: one age file for any courier, from a message on standard input. The file is made
//! whole or not at all.
//! Specified in poste(1), seal.

use crate::cli::Run;
use crate::cli::cmd::read_stdin;
use crate::cli::ui::Done;
use crate::client::error::{Error, Kind};
use crate::client::hand;
use crate::core::time::Time;
use crate::store::atomic;
use crate::store::petname::Petname;
use serde::Serialize;
use std::path::Path;

/// A letter in a file, as `--json` tells of it.
#[derive(Serialize)]
struct Sealed {
    proves_until: Time,
}

pub fn run(run: &mut Run<'_, '_>, to: &Petname, output: Option<&Path>) -> Done {
    let mail = read_stdin(run.env.config.attachment_max)?;
    let output = output.filter(|path| *path != Path::new("-"));
    if output.is_none() && run.ui.shows() {
        return Err(Error::new(Kind::Usage, "an age file is not for a terminal")
            .hint(format!("poste seal --to {to} -o FILE"))
            .into());
    }
    let sealed = hand::seal(run.env, to, &mail)?;
    match output {
        None => run.ui.bytes(&sealed.bytes)?,
        Some(path) => {
            atomic::write_new(path, &sealed.bytes).map_err(Error::from)?;
            if run.ui.json() {
                run.ui.value(&Sealed { proves_until: sealed.proves_until })?;
            }
        }
    }
    run.ui.note(&format!("it proves who wrote it until {}", sealed.proves_until.iso()));
    Ok(())
}
