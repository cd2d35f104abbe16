//! The commands that change a home, each in a world made ready for it, and what must be there at
//! the end whatever befell the command before it was run again. [`late`] has those of letters that
//! take several exchanges, [`moving`] those of a home that moves, [`group`] those of a
//! group, [`hands`] those of single messages, [`texts`] those of what nobody sent.

mod group;
mod hands;
mod late;
mod moving;
mod texts;

use crate::check::{Ledger, TEXT};
use crate::programs::Home;
use crate::world::{Step, World};
use poste::store::home::Places;
use poste::store::outbox;
use std::fs;

/// A command and what is to come of it.
pub struct Scenario {
    pub name: &'static str,
    pub world: World,
    pub step: Step,
    /// How somebody who saw the command die goes on.
    pub again: Again,
    /// Who syncs afterwards, in this order.
    pub people: &'static [&'static str],
    /// What is there at the end.
    pub ledger: Ledger,
    /// Who is in which group at the end: whose view, of which group, as `poste groups` prints it.
    pub groups: &'static [(&'static str, &'static str, &'static str)],
}

impl Scenario {
    /// The same with the groups that are there at the end.
    fn then(self, groups: &'static [(&'static str, &'static str, &'static str)]) -> Scenario {
        Scenario { groups, ..self }
    }

    /// What is wrong with the groups.
    pub fn ungrouped(&self) -> Vec<String> {
        let view = |(who, group, wanted): &(&'static str, &str, &str)| {
            let output = self.world.home(who).run(&["groups", group], b"");
            let found = String::from_utf8_lossy(&output.stdout).into_owned();
            (found != *wanted).then(|| format!("{who} sees in {group}: {found:?} {output:?}"))
        };
        self.groups.iter().filter_map(view).collect()
    }
}

/// How somebody goes on after a command died.
#[derive(Clone, Copy, Debug)]
pub enum Again {
    /// Types it once more if `poste outbox` does not show the letter.
    IfNotQueued,
    /// Types it once more. One of these statuses says that it was done already.
    Or(i32),
    /// Types it once more, and it succeeds.
    Same,
}

/// Nothing is on its way.
const QUIET: &[&str] = &["bob", "alice"];
/// A letter of bob's is to go out, and to be acknowledged.
const ROUND: &[&str] = &["bob", "alice", "bob"];
/// One of his to everybody; a sync that finds one without its stamp finds that and posts it next time.
const ALL: &[&str] = &["bob", "bob", "alice", "carol", "dave", "bob"];

/// What makes a scenario; tests make only those they run.
pub type Make = fn() -> Scenario;

/// Writing.
pub const WRITING: [Make; 4] = [send, send_to_three, sendmail, seal];
/// Exchanging.
pub const GOING: [Make; 1] = [sync_out];
pub const COMING: [Make; 2] = [sync_in, first_letter_in];
pub const ANSWERED: [Make; 2] = [sync_acknowledged, sync_wiping];
pub use group::{CHANGED, FOUNDED, JOINED};
pub use hands::HANDS;
pub use late::{EXPIRED, LARGE};
pub use moving::MOVING;
pub use texts::TEXTS;
/// What is done by hand once in a while.
pub const KEYS: [Make; 4] = [init, publish, renew, passphrase];
pub const PEOPLE: [Make; 7] = [add, accept, words, rename, remove, block, unblock];

/// Every one of them.
pub fn all() -> Vec<Make> {
    let alone = [&WRITING[..], &GOING, &COMING, &ANSWERED, &LARGE, &EXPIRED, &KEYS, &MOVING];
    let among = [&PEOPLE[..], &HANDS, &TEXTS, &FOUNDED, &JOINED, &CHANGED];
    [alone.concat(), among.concat()].concat()
}

fn init() -> Scenario {
    let world = World::empty();
    let (stick, card) = (world.stick(), world.path("carol.card"));
    let mut args = vec!["init", "--name", "carol", "--no-passphrase", "--trust-clock"];
    args.extend(["--node", &stick, "--publish", &card]);
    ready("init", world, "carol", &args, b"", Again::Or(73), &["carol"], Ledger::new())
}

fn publish() -> Scenario {
    let world = World::acquainted();
    let config = world.home("bob").dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap().replace("\"bob\"", "\"Robert\"");
    assert!(text.contains("Robert"));
    fs::write(config, text).unwrap();
    ready("publish", world, "bob", &["publish"], b"", Again::Same, QUIET, ledger(&[]))
}

fn renew() -> Scenario {
    let world = World::acquainted();
    world.home("bob").ok_with(&["send", "alice", "-s", "queued"], TEXT);
    let args = ["card", "renew"];
    ready("card renew", world, "bob", &args, b"", Again::Same, ROUND, ledger(&["queued"]))
}

fn passphrase() -> Scenario {
    let args = ["passphrase", "--remove"];
    ready("passphrase", World::acquainted(), "bob", &args, b"", Again::Same, QUIET, ledger(&[]))
}

fn rename() -> Scenario {
    let mut all = ledger(&[]);
    for subject in ["hello", "welcome"] {
        all.remove(&("bob", "alice".into(), subject.into()));
        all.insert(("bob", "alicia".into(), subject.into()), 1..=1);
    }
    let args = ["rename", "alice", "alicia"];
    ready("rename", World::acquainted(), "bob", &args, b"", Again::Or(67), QUIET, all)
}

fn remove() -> Scenario {
    let mut all = ledger(&[]);
    all.retain(|(who, _, _), _| *who == "alice");
    let args = ["remove", "alice"];
    ready("remove", World::acquainted(), "bob", &args, b"", Again::Or(67), QUIET, all)
}

fn block() -> Scenario {
    let world = World::acquainted();
    world.home("bob").ok_with(&["send", "alice", "-s", "never sent"], TEXT);
    let mut all = ledger(&[]);
    all.insert(("bob", "alice".into(), "never sent".into()), 1..=1);
    ready("block", world, "bob", &["block", "alice"], b"", Again::Same, QUIET, all)
}

fn unblock() -> Scenario {
    let world = World::acquainted();
    world.home("bob").ok(&["block", "alice"]);
    let args = ["unblock", "alice"];
    ready("unblock", world, "bob", &args, b"", Again::Same, ROUND, ledger(&[]))
}

fn add() -> Scenario {
    let world = strangers();
    let card = world.path("alice.card");
    ready("add", world, "bob", &["add", "alice", &card], b"", Again::Same, QUIET, Ledger::new())
}

fn accept() -> Scenario {
    let world = first_letter();
    world.home("alice").ok(&["sync"]);
    let request = world.home("alice").ok(&["list", "requests"]);
    let args = ["accept", request.trim(), "bob"];
    ready("accept", world, "alice", &args, b"", Again::Or(67), &["alice", "bob"], first())
}

fn words() -> Scenario {
    let args = ["words", "alice", "--confirm"];
    ready("words", World::acquainted(), "bob", &args, b"", Again::Same, QUIET, ledger(&[]))
}

fn send() -> Scenario {
    let args = ["send", "alice", "-s", "sent"];
    let all = ledger(&["sent"]);
    ready("send", World::acquainted(), "bob", &args, TEXT, Again::IfNotQueued, ROUND, all)
}

fn send_to_three() -> Scenario {
    let world = World::acquainted();
    let (stick, card) = (world.stick(), world.path("bob.card"));
    let mut all = ledger(&["shared"]);
    for name in ["carol", "dave"] {
        let friend = Home::init(&world.dir(), name, &stick);
        friend.ok(&["add", "bob", &card]);
        world.home("bob").ok(&["add", name, &world.path(&format!("{name}.card"))]);
        all.insert(("bob", name.to_owned(), "shared".to_owned()), 1..=1);
        all.insert((name, "bob".to_owned(), "shared".to_owned()), 1..=1);
    }
    let args = ["send", "alice", "carol", "dave", "-s", "shared"];
    ready("send to three", world, "bob", &args, TEXT, Again::IfNotQueued, ALL, all)
}

fn sendmail() -> Scenario {
    let mail = b"To: alice@poste\nSubject: mailed\n\nFirst line of the letter.\n\nThe last one.\n";
    let (args, all) = (["sendmail", "-t"], ledger(&["mailed"]));
    ready("sendmail", World::acquainted(), "bob", &args, mail, Again::IfNotQueued, ROUND, all)
}

fn sync_out() -> Scenario {
    let world = three_letters();
    let all = ledger(&["one", "two", "three"]);
    ready("sync out", world, "bob", &["sync", "-v"], b"", Again::Same, &["alice", "bob"], all)
}

fn sync_in() -> Scenario {
    let world = three_letters();
    world.home("bob").ok(&["sync"]);
    let all = ledger(&["one", "two", "three"]);
    ready("sync in", world, "alice", &["sync", "-v"], b"", Again::Same, &["bob", "alice"], all)
}

fn sync_acknowledged() -> Scenario {
    let world = three_letters();
    world.home("bob").ok(&["sync"]);
    world.home("alice").ok(&["sync"]);
    let all = ledger(&["one", "two", "three"]);
    ready("sync acknowledged", world, "bob", &["sync", "-v"], b"", Again::Same, QUIET, all)
}

fn sync_wiping() -> Scenario {
    let world = World::acquainted();
    for day in ["2025-03-01", "2025-03-02"] {
        let dir = world.dir().join("stick/daily").join(day);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(format!("{}.cells", "4b".repeat(16))), [7; 4096]).unwrap();
    }
    ready("sync wiping", world, "bob", &["sync", "-v"], b"", Again::Same, QUIET, ledger(&[]))
}

fn first_letter_in() -> Scenario {
    let mut all = first();
    // Not accepted, so not acknowledged either: that is for alice to decide.
    all.remove(&("alice", "bob".into(), "first".into()));
    all.insert(("alice", "requests".into(), "first".into()), 1..=1);
    all.remove(&("bob", "alice".into(), "first".into()));
    ready(
        "first letter in",
        first_letter(),
        "alice",
        &["sync", "-v"],
        b"",
        Again::Same,
        &["alice"],
        all,
    )
}

fn seal() -> Scenario {
    let world = World::acquainted();
    let file = world.path("sealed.age");
    let args = ["seal", "--to", "alice", "-o", &file];
    let mut all = ledger(&[]);
    // What was sealed before it was written out is a letter of its own, and its copy is bob's: one
    // for each of three runs.
    all.insert(("bob", "alice".into(), "sealed".into()), 1..=3);
    ready("seal", world, "bob", &args, SEALED, Again::Or(73), QUIET, all)
}

const SEALED: &[u8] = b"Subject: sealed\n\nFirst line of the letter.\n\nThe last one.\n";

#[expect(clippy::too_many_arguments, reason = "one call a scenario, in the order of its fields")]
fn ready(
    name: &'static str,
    world: World,
    who: &'static str,
    args: &[&str],
    stdin: &'static [u8],
    again: Again,
    people: &'static [&'static str],
    ledger: Ledger,
) -> Scenario {
    world.keep();
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let step = Step { who, args, stdin };
    Scenario { name, world, step, again, people, ledger, groups: &[] }
}

/// What acquainted people have, and of bob's letters these: his copy, and what came to alice.
pub fn ledger(subjects: &[&str]) -> Ledger {
    let all = ["hello", "welcome"].iter().chain(subjects);
    all.flat_map(|s| [("bob", "alice", s), ("alice", "bob", s)])
        .map(|(who, folder, subject)| ((who, folder.to_owned(), subject.to_string()), 1..=1))
        .collect()
}

fn strangers() -> World {
    let world = World::empty();
    for name in ["alice", "bob"] {
        Home::init(&world.dir(), name, &world.stick());
    }
    world
}

fn first_letter() -> World {
    let world = strangers();
    let (bob, card) = (world.home("bob"), world.path("alice.card"));
    bob.ok(&["add", "alice", &card]);
    bob.ok_with(&["send", "alice", "-s", "first"], TEXT);
    bob.ok(&["sync"]);
    world
}

fn first() -> Ledger {
    [("bob", "alice"), ("alice", "bob")]
        .map(|(who, folder)| ((who, folder.to_owned(), "first".to_owned()), 1..=1))
        .into()
}

fn three_letters() -> World {
    let world = World::acquainted();
    for subject in ["one", "two"] {
        world.home("bob").ok_with(&["send", "alice", "-s", subject], TEXT);
    }
    // One of several cells.
    let mut mail = b"To: alice@poste\nSubject: three\n\n".to_vec();
    (0..2_000).for_each(|n| mail.extend(format!("{n}\n").bytes()));
    mail.extend(TEXT);
    world.home("bob").ok_with(&["sendmail", "-t"], &mail);
    world
}

/// The letters in somebody's outbox.
pub fn queued(world: &World, who: &str) -> usize {
    let (items, bad) = outbox::load(&Places::under(&world.home(who).dir)).unwrap();
    assert!(bad.is_empty(), "{bad:?}");
    items.len()
}
