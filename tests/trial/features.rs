//! What can be seen of a message in a tree, on the outside and opened, with all that is random in
//! every message written as its form alone.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::world::Person;
use poste::client::read::{self, Reader};
use poste::core::filed::Filed;
use poste::core::mail::fields;
use poste::store::maildir::Name;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A message as it lies in the tree.
pub struct Found {
    pub path: PathBuf,
    pub name: Name,
    pub sealed: Vec<u8>,
    pub filed: Vec<u8>,
    pub meta: fs::Metadata,
}

/// How often each value of something was seen.
pub type Counts = BTreeMap<String, usize>;

/// Something that is looked at in a message, as a text.
pub type Feature = fn(&Found) -> String;

/// All messages of a person, opened.
pub fn all(person: &Person<'_>) -> Vec<Found> {
    person.with(|env| {
        let reader = Reader::open(env).unwrap();
        let entries = read::list(env, None, false, None).unwrap();
        let found = entries.into_iter().map(|entry| Found {
            sealed: fs::read(&entry.path).unwrap(),
            filed: reader.read(env, &entry).unwrap(),
            meta: fs::metadata(&entry.path).unwrap(),
            name: entry.name,
            path: entry.path,
        });
        found.collect()
    })
}

/// What is looked at, by name. Not what a seized machine has besides (change times, numbers of
/// inodes, the order of a directory): poste-deniability(7) says that these can tell.
pub const FEATURES: [(&str, Feature); 14] = [
    ("file name", file_name),
    ("place", |found| found.path.parent().unwrap().display().to_string()),
    ("permissions, owner, links", |found| {
        let meta = &found.meta;
        format!("{:o} {} {} {}", meta.mode(), meta.uid(), meta.gid(), meta.nlink())
    }),
    ("time of the file against the name's", |found| {
        (found.meta.mtime() as u64 == found.name.time().unix() && found.meta.mtime_nsec() == 0)
            .to_string()
    }),
    ("stanzas", |found| stanzas(&found.sealed).0),
    ("length of the sealed text", |found| stanzas(&found.sealed).1.to_string()),
    ("length", |found| found.filed.len().to_string()),
    ("first line", |found| {
        let form = form(&found.filed);
        String::from_utf8(form[..form.iter().position(|b| *b == b'\n').unwrap()].to_vec()).unwrap()
    }),
    ("names of headers", |found| {
        let parts = fields::split(&found.filed).unwrap();
        parts.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(" ")
    }),
    ("line ends", |found| {
        let count = |what: &[u8]| found.filed.windows(what.len()).filter(|w| *w == what).count();
        format!("{} {} {:?}", count(b"\r"), count(b"\n"), found.filed.last())
    }),
    ("Date against the name", |found| {
        let filed = Filed::read(&found.filed).unwrap();
        (filed.head.date == found.name.time()).to_string()
    }),
    ("seconds", |found| (Filed::read(&found.filed).unwrap().head.date.unix() % 60).to_string()),
    ("day against the Date", |found| {
        let head = Filed::read(&found.filed).unwrap().head;
        head.day.days_since(head.date.day()).to_string()
    }),
    ("everything", |found| String::from_utf8_lossy(&form(&found.filed)).into_owned()),
];

/// How often each value of a feature was seen.
pub fn counts<'a>(found: impl IntoIterator<Item = &'a Found>, feature: Feature) -> Counts {
    let mut counts = Counts::new();
    for found in found {
        *counts.entry(feature(found)).or_default() += 1;
    }
    counts
}

/// That two groups show the same values as often; else the first ones that differ.
pub fn same(what: &str, genuine: &Counts, forged: &Counts) {
    let keys = genuine.keys().chain(forged.keys());
    let wrong: Vec<_> = keys
        .filter(|key| genuine.get(*key) != forged.get(*key))
        .map(|key| {
            let short: String = key.chars().take(300).collect();
            (short, genuine.get(key), forged.get(key))
        })
        .take(4)
        .collect();
    assert!(wrong.is_empty(), "{what} differs (value, genuine, forged): {wrong:#?}");
    assert!(!genuine.is_empty(), "{what}: nothing was seen");
}

/// A message with its MAC and every id as a form.
pub fn form(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut header = true;
    for line in message.split_inclusive(|b| *b == b'\n') {
        header &= line != b"\n";
        let words = line.split_inclusive(|b| matches!(b, b' ' | b'<' | b'@'));
        for (at, word) in words.enumerate() {
            let bare = word.strip_suffix(b"\n").unwrap_or(word);
            let bare = bare.strip_suffix(b" ").or(bare.strip_suffix(b"@")).unwrap_or(bare);
            let hex = bare.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
            let mac = line.starts_with(b"X-Poste: ") && at == 4;
            if header && (bare.len() == 32 && hex || mac) {
                let kind = if mac { "mac" } else { "id" };
                out.extend_from_slice(format!("{kind}{}", bare.len()).as_bytes());
                out.extend_from_slice(&word[bare.len()..]);
            } else {
                out.extend_from_slice(word);
            }
        }
    }
    out
}

fn file_name(found: &Found) -> String {
    let name = found.path.file_name().unwrap().to_str().unwrap();
    let unique = found.name.unique();
    assert_eq!(unique.len(), 16);
    name.replace(&unique, "unique")
}

/// The kinds of an age file's stanzas in their order, with the lengths of what follows those that
/// are not grease; and how long the part after the header is.
pub fn stanzas(sealed: &[u8]) -> (String, usize) {
    let end = sealed.windows(5).position(|w| w == b"\n--- ").unwrap() + 1;
    let mac = sealed[end..].iter().position(|b| *b == b'\n').unwrap() + 1;
    let header = std::str::from_utf8(&sealed[..end]).unwrap();
    let mut kinds: Vec<String> = Vec::new();
    let mut grease = false;
    for line in header.lines() {
        match line.strip_prefix("-> ") {
            Some(stanza) => {
                let words: Vec<&str> = stanza.split(' ').collect();
                grease = words[0].ends_with("-grease");
                let lengths = words[1..].iter().map(|w| w.len().to_string());
                kinds.push(match grease {
                    true => "grease".to_owned(),
                    false => format!("{} {}", words[0], lengths.collect::<Vec<_>>().join(" ")),
                });
            }
            None if grease => {}
            None => kinds.push(line.len().to_string()),
        }
    }
    (format!("{kinds:?} {mac}"), sealed.len() - end - mac)
}

/// Bytes of an age file's header: that of grease is random.
pub fn header_length(sealed: &[u8]) -> usize {
    sealed.len() - stanzas(sealed).1
}

/// The largest distance between two samples' distribution functions (Kolmogorov and Smirnov).
pub fn distance(one: &[usize], other: &[usize]) -> f64 {
    let share = |all: &[usize], most: usize| {
        all.iter().filter(|v| **v <= most).count() as f64 / all.len() as f64
    };
    let values = one.iter().chain(other);
    values.map(|v| (share(one, *v) - share(other, *v)).abs()).fold(0.0, f64::max)
}

/// Chi-square of the hex digits in these texts against all being as likely, 15 degrees of freedom.
pub fn chi_square(texts: &[String]) -> f64 {
    let mut counts = [0usize; 16];
    for digit in texts.iter().flat_map(|text| text.chars()) {
        counts[digit.to_digit(16).unwrap() as usize] += 1;
    }
    let expected = counts.iter().sum::<usize>() as f64 / 16.0;
    counts.iter().map(|n| (*n as f64 - expected).powi(2) / expected).sum()
}
