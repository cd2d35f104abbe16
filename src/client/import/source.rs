//! Where messages come from: a tar file, a directory, an mbox. Everything is looked at before
//! anything is taken, so that one bad entry leaves the tree as it was; then it is read once more.
//! Links and devices are followed nowhere. Specified in poste(1), import.

use super::place::{FileName, Piece, found, piece};
use crate::client::error::{Error, Kind};
use crate::client::read;
use crate::core::mail::mbox;
use crate::store::atomic;
use crate::store::maildir::Folder;
use crate::store::unpack::{BadArchive, Unpack};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes by which a tar file is told from what is none.
const BLOCK: u64 = 512;

/// What is done with a piece, its name and its content.
type Take<'a> = dyn FnMut(Piece, &str, Vec<u8>) -> Result<(), Error> + 'a;

/// Where messages come from.
pub enum Source {
    /// A directory.
    Directory(PathBuf),
    /// An mbox, and what it is called.
    Mbox(File, String),
    /// A tar file, and what it is called.
    Tar(File, String),
}

impl Source {
    /// Opens a file or directory; what comes from standard input is kept in the directory `memory`
    /// while it is read.
    pub fn open(memory: Option<&Path>, path: &Path, stdin: &mut dyn Read) -> Result<Source, Error> {
        let name = path.display().to_string();
        if path.is_dir() {
            return Ok(Source::Directory(path.to_owned()));
        }
        let io =
            |error: std::io::Error| Error::new(Kind::Io, format!("cannot read {name}: {error}"));
        let mut file = match path == Path::new("-") {
            false => File::open(path).map_err(|error| {
                Error::new(Kind::NoMessage, format!("cannot open {name}: {error}"))
            })?,
            true => spool(memory, stdin)?,
        };
        let mut first = Vec::new();
        (&mut file).take(5).read_to_end(&mut first).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        if first.is_empty() {
            return Err(Error::new(Kind::NoMessage, format!("{name} is empty")));
        }
        if mbox::is_mbox(&first) {
            return Ok(Source::Mbox(file, name));
        }
        Ok(Source::Tar(file, name))
    }

    /// Gives each piece with its name and content to `take`, in order.
    pub fn each(&mut self, take: &mut Take<'_>) -> Result<(), Error> {
        match self {
            Source::Mbox(file, name) => {
                file.seek(SeekFrom::Start(0)).map_err(mbox::BadMbox::Io).map_err(refused(name))?;
                messages(BufReader::new(file), None, name, take)
            }
            Source::Directory(base) => directory(base, take),
            Source::Tar(file, name) => tar(file, name, take),
        }
    }
}

/// Keeps what is read, which may be in plain, in a file without a name: in memory alone.
fn spool(memory: Option<&Path>, from: &mut dyn Read) -> Result<File, Error> {
    let instead = "write it into a file, and import that: poste import FILE";
    let none = || Error::no_memory("what standard input gives").hint(instead);
    let dir = memory.ok_or_else(none)?;
    let failed = |error: std::io::Error| {
        let what = format!("cannot keep standard input in {}: {error}", dir.display());
        Error::new(Kind::Io, what).hint(instead)
    };
    let mut spool = tempfile::tempfile_in(dir).map_err(failed)?;
    let mut first = Vec::new();
    from.take(BLOCK).read_to_end(&mut first).map_err(failed)?;
    let is_mbox = mbox::is_mbox(&first);
    let is_end = first.iter().all(|byte| *byte == 0);
    if !is_mbox && !is_end {
        // What is neither may have no end either.
        begins_as_tar(&first)
            .map_err(|why| Error::new(Kind::Data, format!("standard input: {why}")))?;
    }
    // Behind the end of an archive nothing is read.
    let mut rest = from.take(if is_end { 0 } else { u64::MAX });
    spool.write_all(&first).map_err(failed)?;
    std::io::copy(&mut rest, &mut spool).and_then(|_| spool.rewind()).map_err(failed)?;
    Ok(spool)
}

/// Refuses what does not begin as a tar file does; what else is wrong with it is seen later.
fn begins_as_tar(first: &[u8]) -> Result<(), BadArchive> {
    match Unpack::new(first, 0).entry() {
        Err(why @ (BadArchive::Compressed | BadArchive::NoTar(0) | BadArchive::Sealed)) => Err(why),
        _ => Ok(()),
    }
}

fn tar(file: &mut File, archive: &str, take: &mut Take<'_>) -> Result<(), Error> {
    let refused = |why: String| Error::new(Kind::Data, format!("{archive}: {why}"));
    file.seek(SeekFrom::Start(0)).map_err(|e| refused(e.to_string()))?;
    let mut entries = Unpack::new(BufReader::new(file), read::LIMIT);
    while let Some(entry) = entries.entry().map_err(|e| refused(e.to_string()))? {
        let name = entry.name.join("/");
        let piece = piece(&entry.name).map_err(|why| {
            let error = refused(format!("entry {name:?}: {why}"));
            match entry.name.first().is_some_and(|first| first == "keys") {
                true => error.hint("an archive with keys is a home: poste init --import"),
                false => error,
            }
        })?;
        match piece {
            Piece::Mbox(folder) => messages(entry.bytes.as_slice(), folder, &name, take)?,
            piece => take(piece, &name, entry.bytes)?,
        }
    }
    Ok(())
}

fn directory(base: &Path, take: &mut Take<'_>) -> Result<(), Error> {
    for item in walkdir::WalkDir::new(base).follow_links(false).sort_by_file_name() {
        let item = item.map_err(|e| Error::new(Kind::Io, e.to_string()))?;
        if item.file_type().is_dir() {
            continue;
        }
        let path = item.path();
        let below = path.strip_prefix(base).unwrap_or(path);
        let parts: Vec<String> =
            below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let piece = found(&parts);
        let name = path.to_string_lossy();
        let is_link = item.file_type().is_symlink();
        match piece {
            _ if is_link && path.is_dir() => {
                take(Piece::Refused("a link to a directory is not followed"), &name, Vec::new())?;
            }
            // What else lies in a directory is its owner's affair, unlike in an archive.
            None | Some(Piece::Nothing) => {}
            Some(_) if !item.file_type().is_file() => {
                take(Piece::Refused("it is no plain file"), &name, Vec::new())?;
            }
            Some(Piece::Mbox(folder)) => {
                messages(BufReader::new(atomic::open_plain(path)?), folder, &name, take)?;
            }
            Some(piece) => {
                if let Some(bytes) = atomic::read(path, read::LIMIT)? {
                    take(piece, &name, bytes)?;
                }
            }
        }
    }
    Ok(())
}

/// The messages of an mbox, one after the other.
fn messages(
    from: impl BufRead,
    folder: Option<Folder>,
    name: &str,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let (mut count, refused) = (0, refused(name));
    let result = mbox::each(from, read::LIMIT, &mut |message| {
        count += 1;
        let piece = Piece::Message(folder.clone(), FileName::default());
        take(piece, &format!("{name}, message {count}"), message).map_err(Stop::Taken)
    });
    result.map_err(|stop| match stop {
        Stop::Taken(error) => error,
        Stop::Bad(bad) => refused(bad),
    })
}

/// Why the messages of an mbox end early.
enum Stop {
    Taken(Error),
    Bad(mbox::BadMbox),
}

impl From<mbox::BadMbox> for Stop {
    fn from(bad: mbox::BadMbox) -> Stop {
        Stop::Bad(bad)
    }
}

fn refused(name: &str) -> impl Fn(mbox::BadMbox) -> Error {
    move |bad| Error::new(Kind::Data, format!("{name}: {bad}"))
}
