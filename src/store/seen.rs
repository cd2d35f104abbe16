//! The journal of letters delivered: each letter is shown once, however often it comes.
//!
//! Before a letter is delivered, the file name it will have is written down ([`Seen::plan`]); then
//! it is delivered under that name; then it is marked ([`Seen::done`]). After a crash in between,
//! [`Seen::lookup`] gives the planned name, and delivering under it again changes nothing. The
//! journal lies in the state directory, not beside the mail, so what a person deletes stays
//! deleted. One file a day, `<day>.log`, append-only lines, kept 90 days (protocol 4.4); names
//! are erased once their letter is done, since they would tie a file to a letter on the wire.
//! Format: poste-files(5), State.

use super::atomic;
use super::error::Error;
use super::lock::StateLock;
use super::maildir::Name;
use crate::core::encode::{hex, unhex};
use crate::core::time::{Day, Time};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How long an id is remembered, in days.
pub const KEPT: u32 = 90;
/// No day's file is longer, in bytes: some 600,000 letters.
pub(super) const LIMIT: u64 = 64 << 20;

/// Who wrote (the fingerprint) and which letter (its id): what makes a letter one letter.
pub type Key = ([u8; 32], [u8; 16]);

/// How far the delivery of a letter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is, or was about to be, delivered under this name.
    Planned(Name),
    /// It has been delivered.
    Done,
}

/// The journal, read whole; what is added goes to memory and disk.
#[derive(Debug)]
pub struct Seen {
    dir: PathBuf,
    /// The newest mark of each letter and the day whose file has it.
    marks: HashMap<Key, (Mark, Day)>,
    /// Days whose file holds names of letters that are done.
    named: BTreeSet<Day>,
}

impl Seen {
    /// Reads the journal in `dir`; whoever will add to it holds the state lock from before this
    /// call on, so that nobody adds in between. A last line cut short by a crash counts as never written; any
    /// other line that is not the journal's is an error that names file and line.
    pub fn open(dir: &Path) -> Result<Seen, Error> {
        let mut seen = Seen { dir: dir.to_owned(), marks: HashMap::new(), named: BTreeSet::new() };
        for day in days(dir)? {
            for (key, mark) in read_day(&seen.path(day))? {
                seen.remember(key, mark, day);
            }
        }
        Ok(seen)
    }

    /// What is known of a letter; `None` if it never came, or more than 90 days ago.
    pub fn lookup(&self, from: &[u8; 32], id: &[u8; 16]) -> Option<Mark> {
        self.marks.get(&(*from, *id)).map(|(mark, _)| *mark)
    }

    /// Writes down, durably, the names under which letters are about to be delivered.
    pub fn plan(
        &mut self,
        lock: &StateLock,
        now: Time,
        letters: &[(Key, Name)],
    ) -> Result<(), Error> {
        let marks: Vec<_> =
            letters.iter().map(|(key, name)| (*key, Mark::Planned(*name))).collect();
        self.add(lock, now.day(), &marks)
    }

    /// Writes down, durably, that letters have been delivered, or need never be.
    pub fn done(&mut self, lock: &StateLock, now: Time, letters: &[Key]) -> Result<(), Error> {
        let marks: Vec<_> = letters.iter().map(|key| (*key, Mark::Done)).collect();
        self.add(lock, now.day(), &marks)
    }

    /// Drops the files older than 90 days and erases the names of letters that are done. `now`
    /// must be a good clock's: one that has jumped ahead would forget letters still on their way.
    pub fn tidy(&mut self, lock: &StateLock, now: Time) -> Result<(), Error> {
        let oldest = now.day().minus(KEPT);
        for day in days(&self.dir)? {
            let path = self.path(day);
            if day < oldest {
                atomic::remove(&path)?;
            } else if self.named.contains(&day) {
                let marks = read_day(&path)?;
                let still = |mark: &(Key, Mark)| {
                    mark.1 == Mark::Done || self.marks.get(&mark.0) == Some(&(mark.1, day))
                };
                let kept: Vec<_> = marks.into_iter().filter(still).collect();
                atomic::write(&path, lines(&kept).as_bytes())?;
            }
        }
        atomic::sweep(&self.dir, lock)?;
        *self = Seen::open(&self.dir)?;
        Ok(())
    }

    fn add(&mut self, _lock: &StateLock, day: Day, marks: &[(Key, Mark)]) -> Result<(), Error> {
        if marks.is_empty() {
            return Ok(());
        }
        atomic::append(&self.path(day), lines(marks).as_bytes())?;
        for (key, mark) in marks {
            self.remember(*key, *mark, day);
        }
        Ok(())
    }

    fn remember(&mut self, key: Key, mark: Mark, day: Day) {
        if let Some((Mark::Planned(_), planned)) = self.marks.insert(key, (mark, day)) {
            self.named.insert(planned);
        }
    }

    fn path(&self, day: Day) -> PathBuf {
        self.dir.join(format!("{day}.log"))
    }
}

/// The days that have a file, in order. Other files in the directory are left alone.
fn days(dir: &Path) -> Result<BTreeSet<Day>, Error> {
    let items = atomic::entries(dir)?;
    let day = |name: &str| name.strip_suffix(".log")?.parse().ok();
    Ok(items.iter().filter_map(|item| item.file_name().to_str().and_then(day)).collect())
}

fn read_day(path: &Path) -> Result<Vec<(Key, Mark)>, Error> {
    parse_day(path, &atomic::read(path, LIMIT)?.unwrap_or_default())
}

/// What a day's file says; `path` is for the errors.
pub(super) fn parse_day(path: &Path, bytes: &[u8]) -> Result<Vec<(Key, Mark)>, Error> {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let lines = bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate();
    lines
        .map(|(at, line)| {
            let line = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
            line.and_then(parse)
                .ok_or_else(|| Error::damaged_line(path, at + 1, "not a line of this journal"))
        })
        .collect()
}

fn parse(line: &str) -> Option<(Key, Mark)> {
    let mut words = line.split(' ');
    let verb = words.next()?;
    let key = (unhex(words.next()?).ok()?, unhex(words.next()?).ok()?);
    let mark = match (verb, words.next()) {
        ("planned", Some(name)) => Mark::Planned(name.parse().ok()?),
        ("done", None) => Mark::Done,
        _ => return None,
    };
    words.next().is_none().then_some((key, mark))
}

fn lines(marks: &[(Key, Mark)]) -> String {
    let mut text = String::new();
    for ((from, id), mark) in marks {
        let (from, id) = (hex(from), hex(id));
        match mark {
            Mark::Planned(name) => writeln!(text, "planned {from} {id} {name}"),
            Mark::Done => writeln!(text, "done {from} {id}"),
        }
        .expect("a String takes whatever is written to it");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::home::Home;
    use super::super::home::tests::scratch_home;
    use super::*;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::DAY;
    use std::fs;

    fn noon() -> Time {
        Time::from_unix(1_795_348_800)
    }

    fn key(n: u8) -> Key {
        ([n; 32], [n; 16])
    }

    fn name(n: u64) -> Name {
        Name::new(noon(), &mut Fixed::new(n))
    }

    fn open(home: &Home) -> Seen {
        Seen::open(&home.places().seen_dir()).unwrap()
    }

    fn file(home: &Home) -> PathBuf {
        home.places().seen_dir().join(format!("{}.log", noon().day()))
    }

    #[test]
    fn planned_then_done_survives_a_restart() {
        let (_dir, home) = scratch_home();
        let lock = StateLock::wait(&home, None).unwrap();
        let mut seen = open(&home);
        let (from, id) = key(1);
        assert_eq!(seen.lookup(&from, &id), None);
        seen.plan(&lock, noon(), &[(key(1), name(1)), (key(2), name(2))]).unwrap();
        assert_eq!(open(&home).lookup(&from, &id), Some(Mark::Planned(name(1))));
        seen.done(&lock, noon() + DAY, &[key(1)]).unwrap();
        for seen in [seen, open(&home)] {
            assert_eq!(seen.lookup(&from, &id), Some(Mark::Done));
            assert_eq!(seen.lookup(&key(2).0, &key(2).1), Some(Mark::Planned(name(2))));
            assert_eq!(seen.lookup(&from, &key(2).1), None, "another's id is another letter");
        }
    }

    #[test]
    fn tidying_erases_names_of_done_letters_and_old_days() {
        let (_dir, home) = scratch_home();
        let lock = StateLock::wait(&home, None).unwrap();
        let mut seen = open(&home);
        seen.plan(&lock, noon(), &[(key(1), name(1)), (key(2), name(2))]).unwrap();
        seen.done(&lock, noon() + DAY, &[key(1)]).unwrap();
        seen.tidy(&lock, noon() + DAY).unwrap();
        let text = fs::read_to_string(file(&home)).unwrap();
        assert!(!text.contains(&name(1).to_string()) && text.contains(&name(2).to_string()));
        assert_eq!(seen.lookup(&key(1).0, &key(1).1), Some(Mark::Done));

        seen.tidy(&lock, noon() + 90 * DAY).unwrap();
        assert!(seen.lookup(&key(2).0, &key(2).1).is_some(), "90 days are kept");
        seen.tidy(&lock, noon() + 91 * DAY).unwrap();
        assert_eq!(seen.lookup(&key(2).0, &key(2).1), None);
        assert!(!file(&home).exists());
    }

    #[test]
    fn journal_cut_at_any_length_is_read_and_continued() {
        let (_dir, home) = scratch_home();
        let lock = StateLock::wait(&home, None).unwrap();
        open(&home).plan(&lock, noon(), &[(key(1), name(1)), (key(2), name(2))]).unwrap();
        open(&home).done(&lock, noon(), &[key(1)]).unwrap();
        let whole = fs::read(file(&home)).unwrap();
        for length in 0..=whole.len() {
            fs::write(file(&home), &whole[..length]).unwrap();
            let mut seen = open(&home);
            let lines = whole[..length].iter().filter(|b| **b == b'\n').count();
            assert_eq!(seen.lookup(&key(2).0, &key(2).1).is_some(), lines >= 2, "{length}");
            seen.done(&lock, noon(), &[key(9)]).unwrap();
            let again = open(&home);
            assert_eq!(again.lookup(&key(9).0, &key(9).1), Some(Mark::Done), "{length}");
            assert_eq!(fs::read_to_string(file(&home)).unwrap().lines().count(), lines + 1);
        }
    }

    #[test]
    fn strange_line_names_file_and_line() {
        let (_dir, home) = scratch_home();
        let lock = StateLock::wait(&home, None).unwrap();
        open(&home).done(&lock, noon(), &[key(1)]).unwrap();
        let good = fs::read_to_string(file(&home)).unwrap();
        for bad in ["\n", "done 4b 4b\n", "seen x y\n", "\0\0\n"] {
            fs::write(file(&home), format!("{good}{bad}{good}")).unwrap();
            let error = Seen::open(&home.places().seen_dir()).unwrap_err();
            assert!(error.to_string().contains(".log:2: "), "{error}");
        }
        for extra in [" x\n", "  \n"] {
            fs::write(file(&home), good.replace('\n', extra)).unwrap();
            assert!(Seen::open(&home.places().seen_dir()).is_err());
        }
    }
}
