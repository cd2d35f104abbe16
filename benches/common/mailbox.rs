//! A mailbox of many messages, made by the real `poste`. A bench takes this in by its path, since it
//! needs `programs`.
//! Used by benches/archive.rs and benches/view.rs.

use crate::programs::Home;
use poste::core::time::{MINUTE, Time};
use std::fmt::Write;
use std::path::Path;

/// Bob's home below a directory, with so many messages to alice, a few minutes between the one and
/// the next.
pub fn filled(dir: &Path, count: usize) -> Home {
    let stick = format!("file://{}", dir.join("stick").display());
    let (alice, bob) = (Home::init(dir, "alice", &stick), Home::init(dir, "bob", &stick));
    bob.ok(&["add", "alice", alice.card().to_str().unwrap()]);
    let all = dir.join("all.mbox");
    std::fs::write(&all, mbox(count)).unwrap();
    bob.ok(&["import", all.to_str().unwrap(), "--into", "alice"]);
    bob
}

fn mbox(count: usize) -> String {
    let line = "A line of a letter such as people write to one another, to the margin.\n";
    let mut out = String::new();
    for number in 0..count as u64 {
        let date = Time::from_unix(1_750_000_000 + number * 5 * MINUTE).rfc5322();
        let text = line.repeat(5 + (number % 40) as usize);
        write!(
            out,
            "From MAILER-DAEMON Sun Nov  1 10:11:00 2026\nFrom: me@poste\nTo: alice@poste\n\
             Date: {date}\nMessage-ID: <{number:032x}@poste>\nSubject: {number}\n\n{text}\n"
        )
        .unwrap();
    }
    out
}
