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
use crate::store::nameless::Nameless;
use crate::store::pack::Pack;
use crate::store::{self, Cause, quoted};
use std::cell::Cell;
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
            let is_broken = Cell::new(false);
            let out = Pipe { out: stdout().lock(), is_broken: &is_broken };
            let written = archive(run, &what, to.as_ref(), out).and_then(|(done, mut out)| {
                out.flush().map_err(|error| {
                    Error::new(Kind::Io, format!("cannot write to standard output: {error}"))
                })?;
                Ok(done)
            });
            match written {
                Err(_) if is_broken.get() => return Err(Stop::BrokenPipe),
                written => written?,
            }
        }
        Some(path) if is_directory(path) => {
            let mut pack = Pack::<std::io::Sink>::directory(path)
                .map_err(|error| instead(error, "give a directory that is empty, or a new one"))?;
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
    let file = Nameless::new(path)
        .map_err(|error| instead(error, "give another name with -o, or move that away"))?;
    let named =
        |error: Error| Error { what: format!("{}: {}", path.display(), error.what), ..error };
    let (done, file) = archive(run, what, to, file).map_err(named)?;
    file.settle()?;
    Ok(done)
}

/// The error of a target that cannot be made, with what to do: `or` if something is there.
fn instead(error: store::Error, or: &str) -> Error {
    let hint = match &error.cause {
        Cause::Exists => Some(or.to_owned()),
        Cause::Io(cause) if cause.kind() == ErrorKind::NotFound => {
            error.path.parent().map(|dir| match dir.as_os_str().is_empty() {
                true => "give a path that begins with / to -o: this directory is gone".to_owned(),
                false => format!("mkdir -p {}", quoted(dir)),
            })
        }
        _ => None,
    };
    hint.into_iter().fold(Error::from(error), Error::hint)
}

/// Standard output, which may have lost its reader.
struct Pipe<'a, W> {
    out: W,
    is_broken: &'a Cell<bool>,
}

impl<W: Write> Pipe<'_, W> {
    fn noted<T>(&self, done: std::io::Result<T>) -> std::io::Result<T> {
        let is_broken = done.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        self.is_broken.set(self.is_broken.get() || is_broken);
        done
    }
}

impl<W: Write> Write for Pipe<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
    }
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
