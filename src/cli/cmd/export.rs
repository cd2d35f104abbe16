//! `poste export`: messages, or the whole home, to a tar file, a directory or an mbox, sealed to a
//! recipient or, with keys in it, under the passphrase. It ends with what was exported, and fails
//! if something could not be.
//! Specified in poste(1), export.

use crate::cli::args::Export;
use crate::cli::ui::{Done, Stop};
use crate::cli::{Run, wrong};
use crate::client::error::{Error, Kind};
use crate::client::export::{self, Exported, Form};
use crate::core::archive::stream::{Output, SealedTo};
use crate::store::maildir::Folder;
use crate::store::pack::Pack;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::path::Path;

/// What is to be exported.
enum What {
    /// The whole home.
    Home,
    /// The messages of these folders.
    Messages(Vec<Folder>, Form),
}

pub fn run(run: &mut Run<'_, '_>, args: &Export) -> Done {
    let form = match (args.plain, args.mbox) {
        (_, true) => Form::Mbox,
        (true, false) => Form::Plain,
        (false, false) => Form::Sealed,
    };
    let what = match args.keys {
        true => What::Home,
        false => What::Messages(export::folders(run.env, &args.folders, form)?, form),
    };
    let output = args.output.as_deref().filter(|path| *path != Path::new("-"));
    let is_directory =
        |path: &Path| path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
    if output.is_none() && run.ui.shows() {
        return Err(wrong("an archive is not for a terminal")
            .hint("poste export -o FILE.tar")
            .into());
    }
    if output.is_some_and(is_directory) && (args.keys || args.recipient.is_some()) {
        return Err(wrong("with --keys or --recipient an archive is a file, not a directory")
            .hint("poste export --keys -o FILE")
            .into());
    }
    let to = export::home::sealed_to(run.env, args.keys, args.recipient.clone())?;
    if args.keys && to.is_none() {
        run.ui.warn("the home has no passphrase, so the keys in the archive are not sealed either");
        run.ui.next("poste export --keys --recipient age1…");
    }
    let done = match output {
        None => {
            let (done, mut out) = archive(run, &what, to.as_ref(), stdout().lock())?;
            out.flush().map_err(|e| written(Path::new("-"), e))?;
            done
        }
        Some(path) if is_directory(path) => {
            let mut pack = Pack::<std::io::Sink>::directory(path)?;
            let done = fill(run, &what, &mut pack)?;
            pack.finish()?;
            done
        }
        Some(path) => to_file(run, path, &what, to.as_ref())?,
    };
    say(run, &done, output.is_some())
}

/// Into a new file, which bears its name only when it is whole.
fn to_file(
    run: &mut Run<'_, '_>,
    path: &Path,
    what: &What,
    to: Option<&SealedTo>,
) -> Result<Exported, Stop> {
    let failed = |error| written(path, error);
    if path.symlink_metadata().is_ok() {
        return Err(failed(ErrorKind::AlreadyExists.into()).into());
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    let named =
        |error: Error| Error { what: format!("{}: {}", path.display(), error.what), ..error };
    let (done, file) = archive(run, what, to, file).map_err(named)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(done)
}

/// A tar file into `out`, which is given back with all of it written.
fn archive<W: Write>(
    run: &mut Run<'_, '_>,
    what: &What,
    to: Option<&SealedTo>,
    out: W,
) -> Result<(Exported, W), Error> {
    let failed = |error| Error::new(Kind::Io, format!("cannot write the archive: {error}"));
    let output = Output::new(to, BufWriter::new(out), run.env.rng).map_err(failed)?;
    let mut pack = Pack::tar(output);
    let done = fill(run, what, &mut pack)?;
    let output = pack.finish()?.ok_or_else(|| failed(ErrorKind::Other.into()))?;
    let out = output.finish().map_err(failed)?;
    let out = out.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok((done, out))
}

fn fill<W: Write>(
    run: &mut Run<'_, '_>,
    what: &What,
    pack: &mut Pack<W>,
) -> Result<Exported, Error> {
    match what {
        What::Home => export::home::export(run.env, pack),
        What::Messages(folders, form) => export::export(run.env, folders, *form, pack),
    }
}

fn written(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::CannotCreate, format!("cannot write {}: {error}", path.display()))
}

/// Ends with the counts; as JSON only where standard output is not the archive.
fn say(run: &Run<'_, '_>, done: &Exported, is_elsewhere: bool) -> Done {
    done.skipped.iter().for_each(|what| run.ui.warn(what));
    if is_elsewhere && run.ui.json() {
        run.ui.value(done)?;
    }
    run.ui.count(&format!("{} exported, {} skipped", done.exported, done.skipped.len()));
    match done.skipped.is_empty() {
        true => Ok(()),
        false => Err(Stop::Silent(done.refused.unwrap_or(Kind::Data))),
    }
}
