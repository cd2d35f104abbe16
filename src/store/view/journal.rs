//! The journal of a view: of which home it is, and what it holds of each message as both sides last
//! agreed. By it alone a message that was deleted in the view is told from one that never came
//! there, so it is written after what it says is so, and lies beside the messages: whoever loses
//! one loses both. Format: poste-files(5), View.

use super::super::error::{CREATE, Cause, Error};
use super::super::maildir::{Flags, Folder, Name, Place};
use super::{Holds, Spot, Stamp};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Its name in the view.
pub(super) const FILE: &str = ".poste-view";
/// Its longest: a line for each of a million messages.
const LIMIT: u64 = 256 << 20;
/// Its first line, before the home.
const HEAD: &str = "poste view 1 ";
/// The line after which a missing file means nothing.
const CLOSING: &str = "closing";

/// What begins the line that says by which names the view was opened.
const NAMES: &str = "names";

/// What the view holds of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name in the tree.
    pub name: Name,
    /// Where both sides had it when they last agreed.
    pub spot: Spot,
    /// The file in the view as it was then.
    pub stamp: Stamp,
    /// The file in the tree whose text that is.
    pub sealed: Stamp,
    /// The name of that file, without flags.
    pub base: String,
}

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// By which names the view was opened.
    names: Option<String>,
}

impl Journal {
    /// The journal in `root`, what the view holds by it, and what was about to be filed. One of
    /// another home is refused.
    pub fn open(root: &Path, home: &Path) -> Result<(Journal, Holds, Holds), Error> {
        let path = root.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)
            .map_err(Error::io(&path, CREATE))?;
        let mut text = String::new();
        (&mut file).take(LIMIT).read_to_string(&mut text).map_err(Error::io(&path, "read"))?;
        let head = format!("{HEAD}{}\n", home.display());
        let mut journal = Journal { path, file, names: None };
        // A kill may have left the first line unfinished; then nothing else is in it.
        let (known, planned) = match text.split_once('\n') {
            None => {
                journal.file.set_len(0).map_err(Error::io(&journal.path, "write"))?;
                journal.write(&head)?;
                <_>::default()
            }
            Some((first, rest)) if format!("{first}\n") == head => {
                if !text.ends_with('\n') {
                    journal.write("\n")?;
                }
                let Said { known, planned, names, closing } = read(root, rest);
                journal.names = names;
                if closing {
                    // From here on a missing file means something again.
                    journal.file.set_len(0).map_err(Error::io(&journal.path, "write"))?;
                    journal.write(&head)?;
                    if let Some(names) = journal.names.take() {
                        journal.set_names(&names)?;
                    }
                    journal.add(known.values())?;
                    journal.plan(planned.values())?;
                }
                (known, planned)
            }
            Some(_) => return Err(Error::new(root, "make a view in", Cause::OtherHome)),
        };
        Ok((journal, known, planned))
    }

    /// Whether it is still the file of that name.
    pub fn is_there(&self) -> bool {
        let ours = self.file.metadata().map(|meta| meta.ino());
        matches!((ours, self.path.symlink_metadata()), (Ok(ours), Ok(now)) if now.ino() == ours)
    }

    /// By which names the view was opened, in one word.
    pub fn names(&self) -> Option<&str> {
        self.names.as_deref()
    }

    /// Adds by which names all of it is open now.
    pub fn set_names(&mut self, names: &str) -> Result<(), Error> {
        self.write(&format!("{NAMES} {names}\n"))?;
        self.names = Some(names.to_owned());
        Ok(())
    }

    /// Adds what is known of messages, in place of what was.
    pub fn add<'k>(&mut self, known: impl IntoIterator<Item = &'k Known>) -> Result<(), Error> {
        self.lines('+', known)
    }

    /// Adds what is going to be filed in the tree.
    pub fn plan<'k>(&mut self, known: impl IntoIterator<Item = &'k Known>) -> Result<(), Error> {
        self.lines('?', known)
    }

    fn lines<'k>(
        &mut self,
        mark: char,
        known: impl IntoIterator<Item = &'k Known>,
    ) -> Result<(), Error> {
        let lines = known.into_iter().map(|one| format!("{mark} {}\n", line(one)));
        self.write(&lines.collect::<String>())
    }

    /// Adds that nothing is known any more.
    pub fn remove(&mut self, unique: &str) -> Result<(), Error> {
        self.write(&format!("- {unique}\n"))
    }

    /// Adds that the view is being wiped.
    pub fn closing(&mut self) -> Result<(), Error> {
        self.write(&format!("{CLOSING}\n"))
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        self.file.write_all(text.as_bytes()).map_err(Error::io(&self.path, "add to"))
    }
}

/// What the journal in `root` says, if it is of this home: nothing is changed, since whoever has the
/// view open writes there.
pub(super) fn peek(root: &Path, home: &Path) -> Result<Holds, Error> {
    let path = root.join(FILE);
    let text = super::super::atomic::read(&path, LIMIT)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.strip_prefix(&format!("{HEAD}{}\n", home.display()));
    Ok(lines.map(|lines| read(root, lines).known).unwrap_or_default())
}

/// What a journal says.
#[derive(Default)]
struct Said {
    known: Holds,
    planned: Holds,
    names: Option<String>,
    closing: bool,
}

/// What the lines say. One that a kill has cut short says nothing, which at worst has a message
/// opened again. While the view was being wiped, only files that are still there count.
fn read(root: &Path, lines: &str) -> Said {
    let mut said = Said::default();
    for line in lines.lines() {
        match line.split_once(' ') {
            Some((what @ ("+" | "?"), rest)) => {
                let Some(one) = parse(rest) else { continue };
                let unique = one.name.unique();
                said.planned.remove(&unique);
                let into = if what == "+" { &mut said.known } else { &mut said.planned };
                into.insert(unique, one);
            }
            Some(("-", unique)) => drop(said.known.remove(unique)),
            Some((NAMES, digest)) => said.names = Some(digest.to_owned()),
            _ => said.closing |= line == CLOSING,
        }
    }
    if said.closing {
        let there = super::listing::list(root).unwrap_or_default();
        let there: HashSet<&str> = there.iter().map(|file| file.base.as_str()).collect();
        for holds in [&mut said.known, &mut said.planned] {
            holds.retain(|_, one| there.contains(one.base.as_str()));
        }
    }
    said
}

fn line(Known { name, spot, stamp, sealed, base }: &Known) -> String {
    let place = match spot.place {
        Place::New => "new".to_owned(),
        Place::Cur(flags) => format!("cur:{flags}"),
    };
    let [stamp, sealed] =
        [stamp, sealed].map(|Stamp { inode, size, time }| format!("{inode} {size} {time}"));
    format!("{name} {} {place} {stamp} {sealed} {base}", spot.folder)
}

fn parse(text: &str) -> Option<Known> {
    let mut parts = text.splitn(10, ' ');
    let mut next = || parts.next();
    let name = next()?.parse().ok()?;
    let folder: Folder = next()?.parse().ok()?;
    let place = match next()? {
        "new" => Place::New,
        cur => Place::Cur(Flags::from_letters(cur.strip_prefix("cur:")?)),
    };
    let mut stamp = || {
        let (inode, size) = (next()?.parse().ok()?, next()?.parse().ok()?);
        Some(Stamp { inode, size, time: next()?.parse().ok()? })
    };
    let (stamp, sealed) = (stamp()?, stamp()?);
    let base = next()?.to_owned();
    Some(Known { name, spot: Spot { folder, place }, stamp, sealed, base })
}
