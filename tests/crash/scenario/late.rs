//! Scenarios of letters that take several exchanges, or come to nothing: a mail whose cells are
//! asked for, and one that nobody acknowledged for 30 days.

use super::{Again, Make, Scenario, TEXT, World, ledger, ready};
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A mail of more than 16 cells: written, asked for, posted, put together.
pub const LARGE: [Make; 4] = [write, ask, post, put_together];
/// The report of a letter given up.
pub const EXPIRED: [Make; 1] = [expire];

/// All there is to exchange, from the writing on.
const TURNS: [&str; 5] = ["bob", "alice", "bob", "alice", "bob"];

fn write() -> Scenario {
    let (args, all) = (["sendmail", "-t"], ledger(&["film"]));
    let world = unpaced();
    ready("write film", world, "bob", &args, film(), Again::IfNotQueued, &TURNS, all)
}

fn ask() -> Scenario {
    sync("sync asks for cells", 1)
}

fn post() -> Scenario {
    sync("sync posts cells", 2)
}

fn put_together() -> Scenario {
    sync("sync puts cells together", 3)
}

/// The sync after so many of those by which the mail travels.
fn sync(name: &'static str, done: usize) -> Scenario {
    let world = unpaced();
    world.home("bob").ok_with(&["sendmail", "-t"], film());
    assert!(world.settle(&TURNS[..done]).is_empty());
    let (who, all) = (TURNS[done], ledger(&["film"]));
    ready(name, world, who, &["sync", "-v"], b"", Again::Same, &TURNS[done..], all)
}

/// People who post all that waits at once.
fn unpaced() -> World {
    let world = World::acquainted();
    for name in ["alice", "bob"] {
        let config = world.home(name).dir.join("config/config.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(config, format!("{text}pace = 0\n")).unwrap();
    }
    world
}

/// A mail of some 20 cells.
fn film() -> &'static [u8] {
    let mut mail = b"To: alice@poste\nSubject: film\n\n".to_vec();
    (0..13_000).for_each(|n| mail.extend(format!("{n}\n").bytes()));
    mail.extend(TEXT);
    mail.leak()
}

fn expire() -> Scenario {
    let world = World::acquainted();
    world.home("bob").ok_with(&["send", "alice", "-s", "late"], TEXT);
    // As if it had waited since 31 days ago.
    let since = SystemTime::now() - Duration::from_secs(31 * 86_400);
    let since = since.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let states = fs::read_dir(world.home("bob").dir.join("share/outbox")).unwrap();
    let states = states.map(|entry| entry.unwrap().path());
    for path in states.filter(|path| path.extension().is_some_and(|e| e == "toml")) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("acknowledged") {
            fs::write(path, format!("since = {since}\n{text}")).unwrap();
        }
    }
    let mut all = ledger(&[]);
    all.retain(|(who, ..), _| *who == "bob");
    all.insert(("bob", "alice".into(), "late".into()), 1..=1);
    all.insert(("bob", "inbox".into(), "Undelivered: late".into()), 1..=1);
    ready("sync expires", world, "bob", &["sync", "-v"], b"", Again::Same, &["bob"], all)
}
