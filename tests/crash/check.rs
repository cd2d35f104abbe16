//! What must hold of a world after everything was run again, whatever befell it before: each
//! message that was promised is there once and whole, every outbox is acknowledged, nothing
//! temporary is left, modes are closed, and one more sync changes nothing.

use crate::world::World;
use poste::core::archive;
use poste::store::home::Places;
use poste::store::keyring::Transit;
use poste::store::locked::{Locked, LockedFile};
use poste::store::maildir::Maildir;
use poste::store::outbox;
use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How often each message is to be there: folder and subject, by home.
pub type Ledger = BTreeMap<(&'static str, String, String), RangeInclusive<usize>>;

/// The text of a letter, by which it is known to be whole.
pub const TEXT: &[u8] = b"First line of the letter.\n\nThe last one.\n";

/// What is wrong with the people's homes, `ledger` being all there is to be read in them.
pub fn sound(world: &World, people: &[&'static str], ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found: BTreeMap<_, usize> = BTreeMap::new();
    for name in people {
        let dir = world.dir().join(name);
        tree(&dir, &mut wrong);
        let places = Places::under(&dir);
        let (items, bad) = outbox::load(&places).unwrap();
        wrong.extend(bad.iter().map(|error| format!("{name}: {error}")));
        let waiting = items.iter().filter(|item| item.is_waiting());
        wrong.extend(waiting.map(|item| format!("{name}: not acknowledged: {item:?}")));
        for (folder, subject) in messages(&places, &mut wrong) {
            *found.entry((*name, folder, subject)).or_default() += 1;
        }
    }
    for (what, count) in ledger {
        let there = found.remove(what).unwrap_or_default();
        if there < *count.start() {
            wrong.push(format!("lost: {what:?} {there} of {count:?}"));
        } else if there > *count.end() {
            wrong.push(format!("twice: {what:?} {there}"));
        }
    }
    wrong.extend(found.iter().map(|(what, count)| format!("twice: unasked {what:?} {count}")));
    wrong
}

/// What a further sync of these people changes.
pub fn still(world: &World, people: &[&'static str]) -> Vec<String> {
    let before = lasting(world, people);
    let mut wrong = world.settle(people);
    let after = lasting(world, people);
    for (path, bytes) in &after {
        if before.get(path) != Some(bytes) {
            wrong.push(format!("changed by one more sync: {path}"));
        }
    }
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    wrong.extend(gone.map(|path| format!("gone by one more sync: {path}")));
    wrong
}

/// Every message of a home that opens, as folder and subject.
pub fn messages(places: &Places, wrong: &mut Vec<String>) -> Vec<(String, String)> {
    let transit = Transit::load(places).unwrap();
    let locked = Locked::open(&LockedFile::load(places).unwrap(), None, &transit.transit).unwrap();
    let mail = Maildir::new(places.mail());
    let mut found = Vec::new();
    for folder in mail.folders().unwrap() {
        for entry in mail.list(&folder).unwrap() {
            let sealed = mail.read(&entry, 1 << 20).unwrap().unwrap();
            let Ok(plain) = archive::open_at_rest(&locked.archive, &sealed, 1 << 20) else {
                wrong.push(format!("torn: {}", entry.path.display()));
                continue;
            };
            let text = String::from_utf8_lossy(&plain).into_owned();
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
            let subject = subject.unwrap_or_default().to_owned();
            // Acquainted people have written a word.
            // A report ends with the whole mail that it is about, in a part of its own.
            let parts = text.trim_end().rsplit_once("\n\n--").map_or("", |(parts, _)| parts);
            let whole = plain.ends_with(TEXT) || parts.as_bytes().ends_with(TEXT.trim_ascii_end());
            if !whole && !text.ends_with(&format!("\n\n{subject}\n")) {
                wrong.push(format!("torn: the text of {}", entry.path.display()));
            }
            found.push((folder.to_string(), subject));
        }
    }
    found
}

/// Modes that are open, and temporary files.
fn tree(dir: &Path, wrong: &mut Vec<String>) {
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        let (path, meta) = (entry.path().display(), entry.metadata().unwrap());
        if meta.mode() & 0o077 != 0 && !entry.path().ends_with("config/config.toml") {
            wrong.push(format!("mode {:o}: {path}", meta.mode()));
        }
        let name = entry.file_name().to_string_lossy();
        let parent = entry.path().parent().and_then(|p| p.file_name()).unwrap_or_default();
        if entry.depth() > 0 && (name.starts_with('.') || parent == "tmp") {
            wrong.push(format!("left over: {path}"));
        }
    }
}

/// All that a sync with nothing to do must leave as it is: clock and cursors go on.
fn lasting(world: &World, people: &[&'static str]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in people {
        for part in ["share", "config", "state/seen", "state/peers"] {
            for entry in walkdir::WalkDir::new(world.dir().join(name).join(part)) {
                let Ok(entry) = entry else { continue };
                if entry.file_type().is_file() {
                    let path = entry.path().display().to_string();
                    files.insert(path, fs::read(entry.path()).unwrap());
                }
            }
        }
    }
    files
}
