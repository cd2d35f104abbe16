//! Forging, editing and verifying as a user does it, with the real programs; and as somebody does
//! who has no home at all (poste(1), Changing history).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, POSTE};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn alone(args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(POSTE);
    command.env_clear().args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Runs `poste edit` with a shell command as the editor, where no earlier edit has left anything.
fn edit(home: &Home, message: &str, editor: &str) -> Output {
    let runtime = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut command = home.command(&["edit", message]);
    command.env("EDITOR", editor).env("XDG_RUNTIME_DIR", runtime.path()).output().unwrap()
}

fn find(home: &Home, subject: &str) -> String {
    let list = home.ok(&["list", "--json", "-l"]);
    let line = list.split('{').find(|line| line.contains(&format!("\"subject\":\"{subject}\"")));
    line.unwrap().split("\"path\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn a_user_forges_edits_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let genuine = find(&bob, "welcome");
    let judged = bob.ok(&["verify", &genuine]);
    assert!(judged.contains("from alice to me") && judged.contains("proves nothing"), "{judged}");

    let forged = bob.ok_with(&["forge", "--from", "alice", "-s", "forged"], b"never written\n");
    assert_eq!(bob.ok(&["verify", forged.trim()]), judged);
    assert_eq!(
        bob.ok(&["--json", "verify", forged.trim()]),
        bob.ok(&["--json", "verify", &genuine])
    );
    assert!(bob.ok(&["show", forged.trim()]).contains("never written"));
    let mine =
        bob.ok_with(&["forge", "--from", "me", "--to", "alice", "-s", "mine"], b"nor this\n");
    assert!(bob.ok(&["verify", mine.trim()]).contains("from me to alice"));

    let count = bob.ok(&["list"]).lines().count();
    let edited = edit(&bob, &genuine, "sed -i s/welcome/farewell/g");
    assert!(edited.status.success(), "{}", text(&edited));
    let path = String::from_utf8(edited.stdout).unwrap();
    let shown = bob.ok(&["show", path.trim()]);
    assert!(shown.contains("farewell") && !shown.contains("welcome"), "{shown}");
    assert_eq!(bob.ok(&["verify", path.trim()]), judged);
    assert_eq!(bob.ok(&["list"]).lines().count(), count);
    // Another date is another name, and still one message.
    let dated =
        edit(&bob, path.trim(), "sed -i 's/^Date: .*/Date: Sun, 22 Nov 2020 10:11:00 +0000/'");
    assert!(text(&dated).contains("is not known"), "{}", text(&dated));
    assert_eq!(bob.ok(&["verify", path.trim()]), judged, "nothing was changed");

    for (editor, says) in [
        ("false", "nothing was changed"),
        ("sed -i 's/^From: .*/From: nobody@poste/'", "nobody is nobody known"),
        ("sed -i '/^Date:/d'", "needs a Date"),
    ] {
        let before = bob.ok(&["show", "--raw", path.trim()]);
        let failed = edit(&bob, path.trim(), editor);
        assert!(!failed.status.success() && text(&failed).contains(says), "{}", text(&failed));
        assert_eq!(bob.ok(&["show", "--raw", path.trim()]), before);
    }
    let runtime = tempfile::tempdir_in("/dev/shm").unwrap();
    let look = format!("ls {}/poste-*/message.eml && true", runtime.path().display());
    let mut command = bob.command(&["edit", path.trim()]);
    command.env("EDITOR", format!("{look} #")).env("XDG_RUNTIME_DIR", runtime.path());
    let looked = command.output().unwrap();
    assert!(looked.status.success(), "the text lay in memory: {}", text(&looked));
    assert_eq!(std::fs::read_dir(runtime.path()).unwrap().count(), 0, "and is gone");

    // What is changed without being authenticated again does not hold.
    let raw = bob.ok(&["show", "--raw", path.trim()]).replace("farewell", "good bye");
    let changed = dir.path().join("changed.eml");
    std::fs::write(&changed, raw).unwrap();
    let output = bob.run(&["verify", changed.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(65), "{}", text(&output));
    assert!(text(&output).contains("does not hold"));
    drop(alice);
}

#[test]
fn a_forged_message_lies_in_the_folder_that_is_named_and_a_slip_of_the_finger_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let forge = |more: &[&str]| bob.run(&[&["forge", "--from", "alice"], more].concat(), b"kept\n");
    let before = bob.ok(&["list"]);
    let slip = forge(&["--folder", "lettres"]);
    assert_eq!(slip.status.code(), Some(67), "{}", text(&slip));
    assert!(text(&slip).contains("there is no folder lettres"), "{}", text(&slip));
    assert!(text(&slip).contains("poste forge --make --folder lettres"), "{}", text(&slip));
    assert_eq!(bob.ok(&["list"]), before);
    assert!(!bob.dir.join("share/mail/lettres").exists());

    let mail = bob.dir.join("share/mail");
    for (more, folder) in [
        (&["--folder", "letters", "--make"][..], "letters"),
        (&["--folder", "letters"], "letters"),
        (&["--folder", "inbox"], "inbox"),
        (&[], "alice"),
    ] {
        let forged = forge(&[&["-s", "by its subject"], more].concat());
        assert!(forged.status.success(), "{more:?}: {}", text(&forged));
        let path = String::from_utf8(forged.stdout).unwrap();
        let place = std::path::Path::new(path.trim()).strip_prefix(mail.join(folder));
        assert!(place.is_ok(), "{more:?}: {path}");
        assert!(bob.ok(&["list", folder]).contains(&path), "{path}");
        let raw = bob.ok(&["show", "--raw", path.trim()]);
        assert!(
            raw.contains("\nSubject: by its subject\n") && raw.ends_with("\n\nkept\n"),
            "{raw}"
        );
        assert!(bob.ok(&["verify", path.trim()]).contains("from alice to me"));
    }
    for folder in ["requests", "quarantine"] {
        for made in [&["--make"][..], &[]] {
            let refused = forge(&[&["--folder", folder], made].concat());
            assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
            assert!(text(&refused).contains("holds only what came so"), "{}", text(&refused));
        }
        assert_eq!(bob.ok(&["list", folder]), "");
    }
    // What says where it lies goes with nothing that says so too.
    let message = find(&bob, "welcome");
    for more in [&["--make"][..], &["--folder", "letters", "--replace", &message]] {
        assert_eq!(forge(more).status.code(), Some(64), "{more:?}");
    }
    assert_eq!(find(&bob, "welcome"), message);
}

#[test]
fn of_a_subject_without_end_the_first_part_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let long = "tea ".repeat(3000);
    alice.ok_with(&["send", "bob", "-s", &long], b"kept\n");
    alice.ok(&["sync", "--now"]);
    bob.ok(&["sync"]);
    bob.ok_with(&["forge", "--from", "alice", "-s", &long], b"kept\n");
    let (list, json) =
        (bob.ok(&["list", "alice", "-l"]), bob.ok(&["list", "alice", "-l", "--json"]));
    assert_eq!(list.lines().filter(|line| line.contains("tea tea")).count(), 2, "{list}");
    assert_eq!(json.matches("\"tea tea").count(), 2, "{json}");
    let shown: String =
        bob.ok(&["list", "alice"]).lines().map(|path| bob.ok(&["show", path])).collect();
    let subjects: Vec<&str> =
        shown.lines().filter(|line| line.starts_with("Subject: tea tea")).collect();
    assert_eq!(subjects.len(), 2, "{shown}");
    assert!(subjects.iter().all(|line| line.ends_with(" …") && line.len() > 6000), "{shown}");
}

#[test]
fn without_a_home_two_cards_and_a_seed_are_enough() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let bob = Home::init(dir.path(), "bob", &node.url);
    let (from, to) = (alice.card(), bob.card());
    let cards = ["--cards", from.to_str().unwrap(), to.to_str().unwrap()];
    let today = alice.ok(&["card", "--toml"]);
    let today = today.lines().find_map(|line| line.strip_prefix("first_day = ")).unwrap();
    let forge = |more: &[&str]| {
        alone(&[&["forge"], &cards[..], &["--date", today], more].concat(), "nobody wrote this\n")
    };
    let refused = forge(&[]);
    assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
    assert!(text(&refused).contains("--seed"), "{}", text(&refused));
    let wrong = forge(&["--seed", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    assert!(text(&wrong).contains("does not give the key"), "{}", text(&wrong));
}

#[test]
fn what_a_killed_edit_left_is_named_and_goes_with_its_message() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let run = |args: &[&str], editor: &str| {
        let mut command = bob.command(args);
        command.env("EDITOR", editor).env("XDG_RUNTIME_DIR", memory.path()).output().unwrap()
    };
    let left = || std::fs::read_dir(memory.path()).unwrap().count();
    let kill = |message: &str| {
        run(&["edit", message], "printf 'half a line\\n' >>\"$1\"; kill -9 $PPID");
        assert_eq!(left(), 1);
    };
    let message = find(&bob, "welcome");
    let id = message.rsplit('/').next().unwrap().split('.').nth(1).unwrap();
    kill(&message);
    let said = text(&run(&["doctor", "--offline"], ""));
    let at = format!("lies in plain at {}/poste-edit-", memory.path().display());
    assert!(said.contains(&at) && said.contains(&format!("poste edit {id}\n")), "{said}");
    run(&["sync"], "");
    assert_eq!(left(), 1, "there is a message to go on with");
    assert!(run(&["edit", id], "true").status.success());
    assert!(bob.ok(&["show", id]).contains("half a line"));
    assert_eq!(left(), 0);

    kill(id);
    // While it is edited, nobody takes the text away.
    let poste = format!("{POSTE} delete {id}; ls {}; true", memory.path().display());
    let during = run(&["edit", id], &format!("{poste} #"));
    assert!(text(&during).contains("poste-edit-"), "{}", text(&during));
    assert!(text(&during).contains("message.eml until the next sync"), "{}", text(&during));
    run(&["sync"], "");
    assert_eq!(left(), 0);
    let message = find(&bob, "hello");
    kill(&message);
    std::fs::remove_file(&message).unwrap();
    let said = text(&run(&["doctor", "--offline"], ""));
    assert!(said.contains("a message that is gone lies in plain"), "{said}");
    run(&["sync"], "");
    assert_eq!(left(), 0, "{}", text(&run(&["doctor", "--offline"], "")));
    let forged = bob.ok_with(&["forge", "--from", "alice", "-s", "last"], b"once\n");
    kill(forged.trim());
    run(&["delete", forged.trim()], "");
    assert_eq!(left(), 0);
}
