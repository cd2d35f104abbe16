//! The life of a contact through the real program: words compared, a new key after a lost one, and
//! what stays of somebody removed (poste(1), People).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::process::Command;
use std::time::{Duration, Instant};

fn both(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The newest message of a folder.
fn newest(home: &Home, folder: &str) -> String {
    home.ok(&["list", folder, "-n", "1"]).trim().to_owned()
}

#[test]
fn a_new_key_after_a_lost_one_is_shown_as_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let words = bob.ok(&["card", "--words"]);
    alice.ok(&["words", "bob", "--confirm"]);
    let old = newest(&alice, "bob");
    let judged = alice.ok(&["verify", &old]);
    let both_ways = alice.ok(&["list", "bob"]);

    // Bob has lost his keys, begins anew, and writes as the stranger that he is.
    let again = Home::init(dir.path(), "robert", &node.url);
    again.ok(&["add", "alice", &alice.card().display().to_string()]);
    again.ok_with(&["send", "alice", "-s", "new keys"], b"it is me\n");
    again.ok(&["sync"]);
    alice.ok(&["sync"]);
    let request = newest(&alice, "requests");
    let refused = alice.run(&["accept", &request, "bob"], b"");
    assert_eq!(refused.status.code(), Some(65));
    let said = both(&refused);
    assert!(said.contains("nothing was changed") && said.contains("--replace"), "{said}");
    assert!(said.contains(again.ok(&["card", "--words"]).trim()), "to be compared: {said}");
    assert!(alice.ok(&["contacts"]).contains("\tconfirmed\n"));

    let accepted = alice.ok(&["accept", &request, "bob", "--replace"]);
    assert_eq!(accepted, again.ok(&["card", "--words"]));
    assert_ne!(accepted, words);
    let contacts = alice.ok(&["contacts"]);
    let states: Vec<_> = contacts.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(states, ["unconfirmed", "former"], "{contacts}");
    let json: serde_json::Value = serde_json::from_str(&alice.ok(&["contacts", "--json"])).unwrap();
    assert_eq!(json[1]["was"], "bob");

    // What the first bob wrote verifies as before, and is not shown as the second one's.
    let today = &chrono_day();
    assert_eq!(alice.ok(&["verify", &old]), judged.replace("bob", &format!("bob (until {today})")));
    let shown = alice.ok(&["list", "bob", "-l"]);
    let from: Vec<_> = shown.lines().map(|line| line.split('\t').nth(4).unwrap()).collect();
    let was = format!("bob (until {today})");
    assert_eq!(from.iter().filter(|from| **from == was).count(), 1, "{shown}");
    assert_eq!(from.iter().filter(|from| **from == "bob").count(), 1, "{shown}");
    for path in both_ways.lines() {
        assert!(alice.ok(&["verify", path]).contains("holds"), "own copies too");
    }
    // In plain and back again, and by another name, they stay two people.
    let tar = dir.path().join("plain.tar").display().to_string();
    alice.ok(&["export", "--plain", "-o", &tar]);
    let imported = both(&alice.run(&["import", &tar], b""));
    assert!(imported.contains("0 skipped") || !imported.contains("skipped"), "{imported}");
    // Another home of hers, made new from the same keys, has nobody yet: they come with the mail.
    for form in ["--plain", ""] {
        let bare = Home { dir: dir.path().join(format!("bare{form}")) };
        let keys = dir.path().join(format!("keys{form}.tar")).display().to_string();
        alice.ok(&["export", "--keys", "-o", &keys]);
        bare.ok(&["init", "--import", &keys]);
        for part in ["contacts", "past", "mail"] {
            std::fs::remove_dir_all(bare.dir.join("share").join(part)).unwrap();
            std::fs::create_dir(bare.dir.join("share").join(part)).unwrap();
        }
        let tar = dir.path().join(format!("mail{form}.tar")).display().to_string();
        let export = ["export", "-o", &tar, form];
        alice.ok(&export[..if form.is_empty() { 3 } else { 4 }]);
        bare.ok(&["import", &tar]);
        assert_eq!(bare.ok(&["list", "bob"]).lines().count(), 3);
        assert!(bare.ok(&["list", "bob", "-l"]).contains(&was), "{form}");
        for path in bare.ok(&["list", "bob"]).lines() {
            assert!(bare.ok(&["verify", path]).contains("holds"), "{form}");
        }
    }
    alice.ok(&["rename", "bob", "rob"]);
    assert!(alice.ok(&["list", "rob", "-l"]).contains(&format!("rob (until {today})")));

    // He finds the old keys again: no new person, and what was known of them is there.
    let card = bob.card().display().to_string();
    alice.ok(&["add", "bob", &card]);
    let contacts = alice.ok(&["contacts"]);
    assert!(!contacts.contains("former") && contacts.contains("bob\t"), "{contacts}");
    assert!(alice.ok(&["list", "rob", "-l"]).contains("\tbob\t"));
}

/// Today in UTC, as the program sees it.
fn chrono_day() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn of_somebody_removed_stays_what_their_messages_need_until_these_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = programs::acquainted(dir.path(), &node.url);
    let old = newest(&alice, "bob");
    let count = alice.ok(&["list"]).lines().count();
    alice.ok(&["remove", "bob", "--keep-mail"]);
    assert!(alice.ok(&["verify", &old]).contains("holds"));
    assert_eq!(alice.ok(&["list"]).lines().count(), count);
    let refused = alice.run(&["send", "bob"], b"x\n");
    assert_eq!(refused.status.code(), Some(67), "a stranger");
    // The whole home moves, and they verify there as well.
    let tar = dir.path().join("home.tar").display().to_string();
    alice.ok(&["export", "--keys", "-o", &tar]);
    let moved = Home { dir: dir.path().join("moved") };
    moved.ok(&["init", "--import", &tar]);
    let there = newest(&moved, "bob");
    assert!(moved.ok(&["verify", &there]).contains("holds"));

    alice.ok(&["remove", "bob"]);
    assert_eq!(alice.ok(&["contacts"]) + &alice.ok(&["list"]), "");
    assert_eq!(std::fs::read_dir(alice.dir.join("share/past")).unwrap().count(), 0);
    assert_eq!(alice.run(&["remove", "bob"], b"").status.code(), Some(67));
}

#[test]
fn words_are_compared_on_both_sides_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let words = bob.ok(&["card", "--words"]).trim().to_owned();
    let said: serde_json::Value =
        serde_json::from_str(&alice.ok(&["words", "bob", "--json"])).unwrap();
    assert_eq!(said["words"], words.as_str());
    assert_eq!(said["own"], alice.ok(&["card", "--words"]).trim());
    assert_eq!(said["confirmed"], false);

    let heard: Vec<String> = words.split(' ').map(|w| w.chars().take(4).collect()).collect();
    let mut wrong = heard.clone();
    wrong[6] = "zzzz".into();
    let confirm = |heard: &[String]| {
        let mut args = vec!["words", "bob", "--confirm"];
        args.extend(heard.iter().map(String::as_str));
        alice.run(&args, b"")
    };
    let output = confirm(&wrong);
    assert_eq!(output.status.code(), Some(65));
    assert!(both(&output).contains("word 7 of bob is "), "{}", both(&output));
    assert_eq!(confirm(&heard[..11]).status.code(), Some(64));
    assert!(alice.ok(&["contacts"]).ends_with("\tunconfirmed\n"));
    assert!(confirm(&heard).status.success());
    assert!(alice.ok(&["contacts"]).ends_with("\tconfirmed\n"));
    let json: serde_json::Value = serde_json::from_str(&alice.ok(&["contacts", "--json"])).unwrap();
    assert!(json[0]["compared"].as_u64().unwrap() > 1_700_000_000, "{json}");
}

#[test]
fn on_a_terminal_one_types_what_one_hears() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let socket = dir.path().join("tmux").display().to_string();
    let tmux = |args: &[&str]| {
        let output = Command::new("tmux").args(["-S", &socket]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let run = format!(
        "POSTE_HOME={} {} words bob --confirm; echo ended $?; cat",
        alice.dir.display(),
        programs::POSTE
    );
    tmux(&["-f", "/dev/null", "-u", "new-session", "-d", "-x", "150", "-y", "20", &run]);
    let until = Instant::now() + Duration::from_secs(30);
    let wait = |what: &str| loop {
        let screen = tmux(&["capture-pane", "-p"]);
        if screen.contains(what) {
            break screen;
        }
        assert!(Instant::now() < until, "no {what:?} on\n{screen}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let theirs = bob.ok(&["card", "--words"]).trim().to_owned();
    let screen = wait("will do:");
    assert!(screen.contains(alice.ok(&["card", "--words"]).trim()), "{screen}");
    assert!(!screen.contains(&theirs), "who sees them does not listen:\n{screen}");
    tmux(&["send-keys", &theirs, "Enter"]);
    let screen = wait("ended 0");
    tmux(&["kill-server"]);
    assert!(screen.contains("compared on "), "{screen}");
    assert!(alice.ok(&["contacts"]).ends_with("\tconfirmed\n"));
}

#[test]
fn a_card_can_be_shown_to_a_camera() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let alice = Home::init(dir.path(), "alice", &node.url);
    let refused = alice.run(&["card", "--qr"], b"");
    assert_eq!(refused.status.code(), Some(78), "there is no link yet: {}", both(&refused));
    let config = alice.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\nurls = [\"https://alice.example/poste.toml\"]\n"))
        .unwrap();
    alice.ok(&["publish"]);
    let plain = alice.ok(&["card"]);
    let shown = alice.ok(&["card", "--qr"]);
    let code = shown.strip_suffix(&plain).unwrap();
    let lines: Vec<_> = code.lines().collect();
    assert!(lines.len() > 20, "{shown}");
    assert!(code.chars().all(|c| " \n\u{2580}\u{2584}\u{2588}".contains(c)), "{shown}");
    assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()));
    assert_eq!(alice.run(&["card", "--qr", "--toml"], b"").status.code(), Some(64));
}
