//! Opening the view of 10,000 messages by the real `poste`: until the command starts, and until the
//! last message is there. Peer, in turns in one run: decrypting the same files, read before, in this
//! process on all cores, which writes nothing; the view may take three times as long. Both on a tmpfs.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

mod common;
#[path = "common/mailbox.rs"]
mod mailbox;
#[path = "../tests/common/programs.rs"]
mod programs;

use common::{Pairs, line, median, seconds};
use poste::core::archive::{ArchiveIdentity, open_at_rest};
use poste::store::home::Places;
use poste::store::keyring::Transit;
use poste::store::locked::{Locked, LockedFile};
use programs::Home;
use rayon::prelude::*;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MESSAGES: usize = 10_000;
const PAIRS: usize = 5;
/// How many times as long as decrypting alone opening the view may take.
const LIMIT: f64 = 3.0;

fn main() {
    if !common::wanted() {
        return;
    }
    common::head(&format!("the view of {MESSAGES} messages"));
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = mailbox::filled(dir.path(), MESSAGES);
    let identity = identity(&bob);
    let files = sealed(&bob.dir.join("share/mail/alice/cur"));
    assert_eq!(files.len(), MESSAGES);
    let at = dir.path().join("view").display().to_string();
    // When the script says so, in nanoseconds since 1970, and when the view is closed.
    let view = |script: &str| -> (f64, f64) {
        let began = SystemTime::now();
        let said =
            bob.ok(&["view", "--at", &at, "--", "sh", "-c", &format!("{script} date +%s%N")]);
        let then = UNIX_EPOCH + Duration::from_nanos(said.trim().parse().unwrap());
        let until = |end: SystemTime| end.duration_since(began).unwrap().as_secs_f64();
        (until(then), until(SystemTime::now()))
    };
    // The oldest comes last; to count them all the time would take a good part of the cores.
    let names = std::fs::read_dir(bob.dir.join("share/mail/alice/cur")).unwrap();
    let oldest = names.map(|e| e.unwrap().file_name().into_string().unwrap()).min().unwrap();
    let wait = format!(
        "cd '{at}/alice/cur'; until [ -e '{oldest}' ]; do sleep 0.01; done; \
         until [ $(ls -f | wc -l) -ge {} ]; do sleep 0.01; done;",
        MESSAGES + 2
    );
    let decrypt = || {
        let open = |file: &Vec<u8>| open_at_rest(&identity, file, 1 << 20).unwrap().len();
        std::hint::black_box(files.par_iter().map(open).sum::<usize>());
    };
    let (mut pairs, mut closing, mut first) = (Pairs::default(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (open, closed) = view(&wait);
        pairs.ours.push(open);
        closing.push(closed - open);
        pairs.peer.push(seconds(decrypt));
        first.push(view("").0);
    }
    pairs.rate("until all are there", MESSAGES as f64, "msg/s", "decrypting alone");
    line("until the command runs", median(first) * 1e3, "ms", None);
    line("closing", median(closing) * 1e3, "ms", None);
    let slower = 1.0 / pairs.ratio();
    assert!(slower <= LIMIT, "opening took {slower:.2} times as long as decrypting alone");
}

fn identity(home: &Home) -> ArchiveIdentity {
    let places = Places::under(&home.dir);
    let transit = Transit::load(&places).unwrap();
    let file = LockedFile::load(&places).unwrap();
    Locked::open(&file, None, &transit.transit).ok().unwrap().archive
}

fn sealed(dir: &Path) -> Vec<Vec<u8>> {
    std::fs::read_dir(dir).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect()
}
