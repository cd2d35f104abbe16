//! The keys and the notices of examples/muttrc and examples/neomuttrc, in the real mutt and the real
//! neomutt on the view: a sync, what is new, a name that is looked for, the folders at the side, and
//! what is said of a letter that comes into another folder (poste(1), view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/mutt.rs"]
mod mutt;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/viewed.rs"]
mod viewed;

use mutt::{start, to};
use programs::Home;
use screen::Screen;
use viewed::{bob, eventually, forge, scratch, tree};

const MUTT: (&str, &[&str]) = ("mutt", &["muttrc"]);
const NEOMUTT: (&str, &[&str]) = ("neomutt", &["muttrc", "neomuttrc"]);

/// Files a message of carol.
fn from_carol(bob: &Home, subject: &str) {
    bob.ok_with(&["forge", "--from", "carol", "-s", subject], b"Dear bob, carol here.\n");
}

/// Leaves it, from its index.
fn quit(screen: &Screen) {
    screen.keys(&["q"]);
    screen.shows("status 0");
}

#[test]
fn a_key_in_mutt_exchanges_letters() {
    exchanges(MUTT);
}

#[test]
fn a_key_in_neomutt_exchanges_letters() {
    exchanges(NEOMUTT);
}

fn exchanges((program, examples): (&str, &[&str])) {
    let dir = scratch();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let screen = start(dir.path(), &bob, program, examples, "alice");
    screen.shows("welcome");
    for (subjects, said) in [
        (&["a supper"][..], "1 new letter: alice 1"),
        (&["a breakfast", "a lunch"], "2 new letters: alice 2"),
    ] {
        for subject in subjects {
            alice.ok_with(&["send", "bob", "-s", subject], b"at eight?\n");
        }
        alice.ok(&["sync", "--now"]);
        let opened = subjects.len() > 1;
        if opened {
            screen.keys(&["/"]);
            screen.shows("earch for");
            screen.types("~s welcome");
            screen.keys(&["Enter", "Enter"]);
            screen.shows("Subject: welcome");
        }
        screen.keys(&["G"]);
        screen.shows(said);
        screen.keys(&["Enter"]);
        if opened {
            screen.shows("Subject: welcome");
            screen.keys(&["i"]);
        }
        for subject in subjects {
            screen.shows_by("C-l", subject);
        }
    }
    quit(&screen);
    assert!(tree(&bob, "alice").iter().any(|line| line.starts_with("a supper ")));
}

#[test]
fn a_key_in_mutt_reads_what_is_new() {
    reads(MUTT);
}

#[test]
fn a_key_in_neomutt_reads_what_is_new() {
    reads(NEOMUTT);
}

fn reads((program, examples): (&str, &[&str])) {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    from_carol(&bob, "in another folder");
    let screen = start(dir.path(), &bob, program, examples, "alice");
    screen.shows_line(&["1 N ", "letter 1"]);
    let read = |texts: &[&str]| {
        screen.keys(&["U"]);
        let said = screen.comes_to(&format!("not all of {texts:?}"), |screen| {
            screen.contains("(END)") && texts.iter().all(|text| screen.contains(text))
        });
        screen.keys(&["q"]);
        screen.shows("Press any key");
        screen.keys(&["Enter"]);
        said
    };
    read(&["this is number 1.", "this is number 2.", "carol here"]);
    // What was read so is read, in the tree and on the screen.
    screen.shows_line(&["1   ", "letter 1"]);
    screen.shows_line(&["2   ", "letter 2"]);
    assert_eq!(tree(&bob, "alice"), ["letter 1 S", "letter 2 S"]);
    assert_eq!(tree(&bob, "carol"), ["in another folder S"]);
    // Only what came since is new; from a message that is open too.
    to(&screen, "1");
    screen.keys(&["Enter"]);
    screen.shows("this is number 1.");
    forge(&bob, 3);
    let said = read(&["this is number 3."]);
    assert!(!said.contains("this is number 1.") && !said.contains("carol here"), "{said}");
    screen.shows("this is number 1.");
    screen.keys(&["i"]);
    screen.shows_by("C-l", "letter 3");
    screen.shows_line(&["3   ", "letter 3"]);
    quit(&screen);
}

#[test]
fn a_key_in_mutt_looks_for_a_name() {
    looks_for(MUTT);
}

#[test]
fn a_key_in_neomutt_looks_for_a_name() {
    looks_for(NEOMUTT);
}

fn looks_for((program, examples): (&str, &[&str])) {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let screen = start(dir.path(), &bob, program, examples, "alice");
    screen.shows("letter 1");
    screen.keys(&["Q"]);
    screen.shows("Query:");
    screen.types("aro");
    screen.keys(&["Enter"]);
    let found = screen.shows("carol@poste");
    assert!(!found.contains("alice@poste"), "{found}");
    // A letter to whom was found.
    screen.keys(&["m"]);
    screen.shows("To: carol");
    screen.keys(&["Enter"]);
    screen.shows("Subject:");
    screen.types("a picture");
    screen.keys(&["Enter"]);
    let menu = screen.shows("y:Send");
    assert!(menu.contains("To: carol") && menu.contains("carol@poste"), "{menu}");
    screen.keys(&["y"]);
    eventually("it is queued", || bob.ok(&["outbox"]).contains("carol"));
    if program == "mutt" {
        // neomutt has left it by itself.
        screen.shows("Mutt: Query");
        screen.keys(&["q"]);
    }
    screen.shows("letter 1");
    quit(&screen);
}

#[test]
fn keys_in_mutt_walk_the_folders_at_the_side() {
    walks(MUTT);
}

#[test]
fn keys_in_neomutt_walk_the_folders_at_the_side() {
    walks(NEOMUTT);
}

fn walks((program, examples): (&str, &[&str])) {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    from_carol(&bob, "the first of carol");
    let screen = start(dir.path(), &bob, program, examples, "alice");
    let shown = screen.shows("letter 2");
    let at_side = |screen: &str| screen.lines().any(|line| line.starts_with("quarantine"));
    assert!(!at_side(&shown), "{shown}");
    screen.keys(&["B"]);
    screen.comes_to("no folders at the side", at_side);
    // Each with what is unread in it, also where nothing has been opened.
    let begins = |start: &'static str| {
        screen.comes_to(&format!("no line begins with {start:?}"), |screen| {
            screen.lines().any(|line| line.starts_with(start))
        })
    };
    begins("alice (2)");
    begins("carol (1)");
    let shown = begins("inbox  ");
    if program == "neomutt" {
        let all = |name: &str, count: &str| {
            let mut lines = shown.lines().filter_map(|line| line.split_once('│'));
            lines.any(|(side, _)| side.starts_with(name) && side.trim_end().ends_with(count))
        };
        assert!(all("alice (2)", " 2") && all("carol (1)", " 1") && all("inbox", " 0"), "{shown}");
    }
    // Down, and what is there is opened; up, and back; and the same while a message is open.
    for opened in [false, true] {
        if opened {
            screen.keys(&["1", "Enter", "Enter"]);
            screen.shows("this is number 1.");
        }
        screen.keys(&["C-n", "C-o"]);
        screen.shows_line(&["utt: =carol [Msgs:1"]);
        screen.shows("the first of carol");
        screen.keys(&["C-p", "C-o"]);
        screen.shows_line(&["utt: =alice [Msgs:2"]);
        screen.shows("letter 2");
    }
    // Its count goes on while it is not open.
    from_carol(&bob, "the second of carol");
    begins("carol (2)");
    screen.keys(&["B"]);
    screen.comes_to("the side is still there", |screen| !at_side(screen));
    quit(&screen);
}

#[test]
fn mutt_says_that_something_came_into_another_folder() {
    is_told(MUTT);
}

#[test]
fn neomutt_says_that_something_came_into_another_folder() {
    is_told(NEOMUTT);
}

fn is_told((program, examples): (&str, &[&str])) {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let said = viewed::notices(dir.path());
    let screen = start(dir.path(), &bob, program, examples, "alice");
    let shown = screen.shows("letter 2");
    assert!(!shown.contains("New mail"), "{shown}");
    from_carol(&bob, "a secret of carol");
    screen.shows("New mail in =carol");
    let mut lines = Vec::new();
    let mut is_said = |here: usize, elsewhere: usize| {
        lines
            .push(format!("poste|new mail here: {here}, other folders with new mail: {elsewhere}"));
        if program == "neomutt" {
            // That, and nothing besides: neither a name nor a subject.
            eventually("it is said how much came", || said() == lines);
        }
    };
    is_said(2, 1);
    // The list of folders has it marked.
    screen.keys(&["y"]);
    let folders = screen.shows("Mailboxes [");
    let is_new = |name: &str| {
        let line = folders.lines().find(|line| line.contains(&format!("={name}"))).unwrap();
        line.contains(" N ")
    };
    assert!(is_new("carol") && !is_new("inbox") && !is_new("alice"), "{folders}");
    screen.keys(&["q"]);
    screen.shows("letter 2");
    // And what comes where one is.
    forge(&bob, 3);
    screen.shows_by("C-l", "letter 3");
    is_said(3, 1);
    quit(&screen);
    assert_eq!(said(), if program == "neomutt" { lines } else { Vec::new() });
}
