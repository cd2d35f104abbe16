//! `poste export`: messages to a tar file, a directory or an mbox. It ends with what was exported,
//! and fails if something could not be.
//! Specified in poste(1), export.

use crate::cli::args::Export;
use crate::cli::ui::{Done, Stop};
use crate::cli::{Run, wrong};
use crate::client::error::{Error, Kind};
use crate::client::export::{self, Exported, Form};
use crate::store::pack::Pack;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub fn run(run: &mut Run<'_, '_>, args: &Export) -> Done {
    let form = match (args.plain, args.mbox) {
        (_, true) => Form::Mbox,
        (true, false) => Form::Plain,
        (false, false) => Form::Sealed,
    };
    let folders = export::folders(run.env, &args.folders, form)?;
    let done = match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None if run.ui.shows() => {
            return Err(wrong("an archive is not for a terminal")
                .hint("poste export -o FILE.tar")
                .into());
        }
        None => {
            let mut pack = Pack::tar(BufWriter::new(stdout().lock()));
            let done = export::export(run.env, &folders, form, &mut pack)?;
            let out = pack.finish()?;
            out.map_or(Ok(()), |mut out| out.flush()).map_err(|e| written(Path::new("-"), e))?;
            done
        }
        Some(path) if path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/') => {
            let mut pack = Pack::<std::io::Sink>::directory(path)?;
            let done = export::export(run.env, &folders, form, &mut pack)?;
            pack.finish()?;
            done
        }
        Some(path) => to_file(run, path, &folders, form)?,
    };
    say(run, &done)
}

/// Into a new file, which is removed again if it cannot be made whole.
fn to_file(
    run: &mut Run<'_, '_>,
    path: &Path,
    folders: &[crate::store::maildir::Folder],
    form: Form,
) -> Result<Exported, Stop> {
    let mut open = OpenOptions::new();
    let file = open.write(true).create_new(true).mode(0o600).open(path);
    let mut pack = Pack::tar(BufWriter::new(file.map_err(|e| written(path, e))?));
    let mut make = || {
        let done = export::export(run.env, folders, form, &mut pack)?;
        Ok::<_, Error>(done)
    };
    let done = make();
    let ended = pack.finish().map_err(Error::from).and_then(|out| match out {
        Some(out) => {
            let file = out.into_inner().map_err(|e| written(path, e.into_error()))?;
            file.sync_all().map_err(|e| written(path, e))
        }
        None => Ok(()),
    });
    match done.and_then(|done| ended.map(|()| done)) {
        Ok(done) => Ok(done),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error.into())
        }
    }
}

fn written(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::CannotCreate, format!("cannot write {}: {error}", path.display()))
}

fn say(run: &Run<'_, '_>, done: &Exported) -> Done {
    done.skipped.iter().for_each(|what| run.ui.warn(what));
    run.ui.count(&format!("{} exported, {} skipped", done.exported, done.skipped.len()));
    match done.skipped.is_empty() {
        true => Ok(()),
        false => Err(Stop::Silent(Kind::Data)),
    }
}
