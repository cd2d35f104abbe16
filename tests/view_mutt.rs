//! The real mutt and the real neomutt, in a terminal, on the view: messages are read, flagged,
//! deleted, saved to another folder, edited, forged, verified and answered, groups too, and new mail
//! comes while they are open. What is on the screen and what is in the tree afterwards is looked at
//! (poste(1), view).
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
use viewed::{Own, bob, eventually, forge, path, tree};

#[test]
fn mutt_is_at_home_in_the_view() {
    is_at_home("mutt", &["muttrc"]);
}

#[test]
fn neomutt_is_at_home_in_the_view() {
    is_at_home("neomutt", &["muttrc", "neomuttrc"]);
}

fn is_at_home(program: &str, examples: &[&str]) {
    let _own = Own::alone();
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 5);
    let screen = start(dir.path(), &bob, program, examples, "alice");
    screen.shows("letter 5");
    // Read, and back.
    to(&screen, "5");
    screen.keys(&["Enter"]);
    screen.shows("this is number 5");
    screen.keys(&["i"]);
    screen.shows("letter 1");
    // Answer it.
    to(&screen, "5");
    screen.keys(&["r"]);
    screen.shows("y:Send");
    screen.keys(&["y"]);
    eventually("the answer is queued", || bob.ok(&["outbox"]).contains("alice"));
    screen.shows_line(&["5 r", "letter 5"]);
    screen.shows("Re: letter 5");
    // Write to a name that completes, with a file.
    screen.keys(&["m"]);
    screen.shows("To:");
    screen.types("car");
    screen.keys(&["C-t"]);
    screen.shows("carol@poste");
    screen.keys(&["Enter"]);
    screen.shows("Subject:");
    screen.types("a picture");
    screen.keys(&["Enter"]);
    screen.shows("y:Send");
    screen.keys(&["a"]);
    screen.shows("Attach file");
    std::fs::write(dir.path().join("photo.bin"), [0, 159, 146, 150]).unwrap();
    screen.types(&dir.path().join("photo.bin").display().to_string());
    screen.keys(&["Enter"]);
    screen.shows("photo.bin");
    screen.keys(&["y"]);
    eventually("the picture is queued", || bob.ok(&["outbox"]).contains("carol"));
    screen.shows("letter 1");
    // New mail comes meanwhile, and a forged message.
    forge(&bob, 6);
    screen.shows_by("C-l", "letter 6");
    screen.keys(&["Escape", "f"]);
    screen.shows("poste forge --from");
    screen.types("alice -s 'letter 7'");
    screen.keys(&["Enter"]);
    screen.shows("control-D");
    screen.types("I, alice, never wrote this is number 7.");
    screen.keys(&["Enter", "C-d"]);
    screen.shows("Press any key");
    screen.keys(&["Enter"]);
    eventually("it is in the view", || {
        let files = viewed::files(&dir.path().join("view/alice"));
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        texts.filter(|text| text.contains("Subject: letter 7\n")).count() == 1
    });
    // neomutt may sleep through what comes while another program has the terminal.
    screen.shows_by("C-l", "letter 7");
    // What it proves. The answer to letter 5 has a number too.
    screen.keys(&["/"]);
    screen.shows("earch for");
    screen.types("~s 'letter 7'");
    screen.keys(&["Enter", "V"]);
    screen.shows("from alice to me");
    screen.keys(&["Enter"]);
    screen.shows("letter 1");
    // Flag, delete, save elsewhere, and change one: the index says so of each.
    to(&screen, "1");
    screen.keys(&["F"]);
    screen.shows_line(&[" ! ", "letter 1"]);
    to(&screen, "2");
    screen.keys(&["d"]);
    screen.shows_line(&["D+ ", "letter 2"]);
    to(&screen, "3");
    screen.keys(&["s"]);
    screen.shows("ave to mailbox");
    screen.keys(&["C-u"]);
    screen.types("=carol");
    screen.keys(&["Enter"]);
    screen.shows_line(&["D+ ", "letter 3"]);
    let of = |folder: &str, subject: &str| {
        tree(&bob, folder).iter().filter(|line| line.starts_with(subject)).count()
    };
    eventually("the copy is filed", || of("carol", "letter 3") == 1);
    to(&screen, "4");
    screen.keys(&["e"]);
    screen.shows_line(&["D+ ", "letter 4"]);
    eventually("the changed message is filed", || of("alice", "letter 4") == 2);
    // Written out, and what is left is read: the flag, and the text as it was changed.
    screen.keys(&["$"]);
    screen.comes_to("deleted messages", |now| {
        !now.contains("letter 2")
            && !now.contains("letter 3")
            && now.matches(" letter 4").count() == 1
    });
    screen.shows_line(&[" ! ", "letter 1"]);
    screen.keys(&["/"]);
    screen.shows("earch for");
    screen.types("~s 'letter 4'");
    screen.keys(&["Enter", "Enter"]);
    screen.shows("this was 4");
    screen.keys(&["i"]);
    screen.shows("letter 5");
    // What was saved lies in the other folder.
    screen.keys(&["c"]);
    screen.shows("pen mailbox");
    screen.keys(&["C-u"]);
    screen.types("=carol");
    screen.keys(&["Enter"]);
    screen.shows("letter 3");
    // The folders.
    screen.keys(&["y"]);
    let folders = screen.shows("Mailboxes [");
    assert!(folders.contains("carol"), "{folders}");
    screen.keys(&["q", "q"]);
    screen.shows("status 0");
    assert!(!dir.path().join("view").exists());
    // Three texts were written, each in the view.
    let edited = std::fs::read_to_string(dir.path().join("edited")).unwrap();
    let inside = format!("{}/", dir.path().join("view/.tmp").display());
    assert!(edited.lines().all(|file| file.starts_with(&inside)), "{edited}");
    assert_eq!(edited.lines().count(), 3);
    let alice = tree(&bob, "alice");
    let counts: Vec<usize> =
        (1..=7).map(|number| of("alice", &format!("letter {number}"))).collect();
    assert_eq!(counts, [1, 0, 0, 1, 1, 1, 1], "{alice:?}");
    let has = |subject: &str, flag: &str| {
        alice.iter().any(|line| line.starts_with(subject) && line.ends_with(flag))
    };
    assert!(has("letter 1 ", "F") || has("letter 1 ", "FS"), "{alice:?}");
    assert!(has("letter 5 ", "RS"), "{alice:?}");
    for (subject, says) in [("letter 4", "this was 4"), ("letter 7", "I, alice, never")] {
        let path = path(&bob, "alice", subject);
        assert!(bob.ok(&["show", "--raw", &path]).contains(says));
        assert!(bob.ok(&["verify", &path]).contains("from alice to me"));
    }
    assert_eq!((of("alice", "Re: letter 5"), of("carol", "a picture")), (1, 1));
    let picture = bob.run(&["show", "--part", "2", &path(&bob, "carol", "a picture")], b"");
    assert_eq!(picture.stdout, [0, 159, 146, 150]);
}

#[test]
fn a_list_reply_in_mutt_goes_to_the_group() {
    answers_a_group("mutt", &["muttrc"]);
}

#[test]
fn a_list_reply_in_neomutt_goes_to_the_group() {
    answers_a_group("neomutt", &["muttrc", "neomuttrc"]);
}

fn answers_a_group(program: &str, examples: &[&str]) {
    let _own = Own::alone();
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let node = programs::Node::start();
    let [alice, bob, carol] = programs::family(dir.path(), &node.url);
    bob.ok_with(&["send", "kin", "-s", "supper"], b"at eight?\n");
    programs::rounds(&[&bob, &carol], 1);
    let screen = start(dir.path(), &carol, program, examples, "clan");
    screen.shows("supper");
    // That it is a list is known once a message of it was read.
    screen.keys(&["Enter"]);
    screen.shows("at eight?");
    screen.keys(&["L"]);
    let menu = screen.shows("y:Send");
    assert!(menu.contains("To: clan@poste") && menu.contains("Re: supper"), "{menu}");
    assert!(!menu.contains("bob@poste"), "to the group alone:\n{menu}");
    screen.keys(&["y"]);
    let answered = || tree(&carol, "clan").iter().any(|line| line.starts_with("Re: supper "));
    eventually("the answer is filed", answered);
    screen.keys(&["q", "q"]);
    screen.shows("status 0");
    let outbox: serde_json::Value = serde_json::from_str(&carol.ok(&["outbox", "--json"])).unwrap();
    let mails = outbox.as_array().unwrap().iter().filter(|row| row["kind"] == "mail");
    let mut mails: Vec<[&str; 2]> =
        mails.map(|row| ["to", "group"].map(|key| row[key].as_str().unwrap_or_default())).collect();
    mails.sort_unstable();
    assert_eq!(mails, [["alice", "clan"], ["bob", "clan"]]);
    programs::rounds(&[&carol, &alice, &bob], 1);
    for (home, folder) in [(&alice, "family"), (&bob, "kin")] {
        let answer = path(home, folder, "Re: supper");
        let text = home.ok(&["show", &answer]);
        assert!(text.contains(&format!("To: {folder}\n")) && text.contains("so be it"), "{text}");
    }
}
