//! Two homes and no network, by the real program: cards from one to the other, letters by hand,
//! the passphrase by its three ways, and that what a stranger wrote steers no terminal.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::Home;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

fn status(output: &Output) -> i32 {
    output.status.code().expect("the program ended by itself")
}

/// A home without a node, whose card is in a file.
fn make(parent: &Path, name: &str) -> Home {
    let home = Home { dir: parent.join(name) };
    home.ok(&["init", "--no-passphrase", "--name", name]);
    home.ok(&["publish", "-o", &home.card().display().to_string()]);
    home
}

/// Runs a command whose passphrases stand in a file, a line each.
fn with_passphrases(home: &Home, args: &[&str], lines: &str) -> Output {
    let file = home.dir.with_extension("passphrases");
    fs::write(&file, lines).unwrap();
    let mut command = home.command(args);
    command.env("POSTE_PASSPHRASE_FD", "0").stdin(File::open(file).unwrap());
    command.output().unwrap()
}

#[test]
fn a_card_goes_by_file_and_by_pipe_and_its_words_agree() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    let link = bob.ok(&["card"]).lines().next().unwrap().to_owned();
    let fingerprint = link.strip_prefix('#').expect("a card without an address");
    let words = bob.ok(&["card", "--words"]);
    assert_eq!(words.split_whitespace().count(), 12);

    let card = bob.card().display().to_string();
    assert_eq!(alice.ok(&["add", "bob", &card, "--fingerprint", fingerprint]), words);
    assert_eq!(alice.ok(&["words", "bob", "--confirm"]), words);
    assert_eq!(alice.ok(&["contacts"]), format!("bob\t{link}\tconfirmed\n"));
    let toml = bob.ok(&["card", "--toml"]);
    assert_eq!(fs::read_to_string(&card).unwrap(), toml);
    assert_eq!(alice.ok_with(&["add", "bob", "-"], toml.as_bytes()), words);

    let json: serde_json::Value = serde_json::from_str(&alice.ok(&["contacts", "--json"])).unwrap();
    assert_eq!(json[0]["name"], "bob");
    assert_eq!(json[0]["link"], link.as_str());
}

#[test]
fn another_fingerprint_changes_nothing_until_it_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| make(dir.path(), name));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let before = alice.ok(&["contacts"]);
    let other = carol.card().display().to_string();
    let pinned = alice.ok(&["words", "bob"]);
    assert_eq!(status(&alice.run(&["add", "bob", &other], b"")), 65);
    let wrong = before.split(['#', '\t']).nth(2).unwrap();
    assert_eq!(status(&alice.run(&["add", "carol", &other, "--fingerprint", wrong], b"")), 65);
    assert_eq!(alice.ok(&["contacts"]), before);
    assert_ne!(alice.ok(&["add", "bob", &other, "--replace"]), pinned);
    assert_ne!(alice.ok(&["contacts"]), before);
}

#[test]
fn the_publish_target_may_be_named_from_here() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    let mut init = home.command(&["init", "--no-passphrase", "--publish", "me.toml"]);
    assert!(init.current_dir(dir.path()).status().unwrap().success());
    home.ok(&["publish"]);
    let card = dir.path().join("me.toml");
    assert_eq!(fs::read_to_string(card).unwrap(), home.ok(&["card", "--toml"]));
}

#[test]
fn a_hybrid_archive_is_made_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    home.ok(&["init", "--no-passphrase", "--archive", "hybrid"]);
    let recipient = fs::read_to_string(home.dir.join("share/keys/archive.pub")).unwrap();
    assert!(recipient.starts_with("age1pq1"), "{recipient}");
    let bob = make(dir.path(), "bob");
    home.ok(&["add", "bob", &bob.card().display().to_string()]);
    home.ok_with(&["send", "bob", "-s", "sealed"], b"for later\n");
    let sealed = fs::read(home.ok(&["list", "bob"]).trim()).unwrap();
    assert!(String::from_utf8_lossy(&sealed).contains("-> mlkem768x25519 "));
    assert!(home.ok(&["show", home.ok(&["list", "bob"]).trim()]).contains("for later"));
}

#[test]
fn a_letter_by_hand_arrives_as_a_request_and_shows_no_control_character() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    fs::write(
        alice.dir.join("config/config.toml"),
        "name = \"\"\nstamp_bits = 4\ntrust_clock = true\n",
    )
    .unwrap();
    alice.ok(&["publish", "-o", &alice.card().display().to_string()]);
    bob.ok(&["add", "alice", &alice.card().display().to_string()]);
    let letter = dir.path().join("letter.age").display().to_string();
    let mail = "Subject: a\u{1b}[2Jb\n\nred\u{1b}[31m text\u{202e}\n";
    bob.ok_with(&["seal", "--to", "alice", "-o", &letter], mail.as_bytes());
    let again = bob.run(&["seal", "--to", "alice", "-o", &letter], b"x\n");
    assert_eq!(status(&again), 73, "what is there is not written over");

    let path = alice.ok(&["receive", &letter]);
    assert_eq!(alice.ok(&["list", "requests", "-u"]), path);
    assert_eq!(alice.ok(&["receive", &letter]), "", "it comes once");
    let shown = alice.ok(&["show", path.trim()]);
    assert!(shown.contains("red") && shown.contains("text"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert!(!shown.contains('\u{202e}'), "{shown:?}");
    assert_eq!(alice.ok(&["list", "requests", "-u"]), "", "it was read");

    let path = alice.ok(&["list", "requests"]);
    assert_eq!(alice.ok(&["accept", path.trim(), "bob"]), bob.ok(&["card", "--words"]));
    assert_eq!(alice.ok(&["list", "requests"]), "");
    let moved = alice.ok(&["list", "bob", "-0"]);
    assert!(moved.ends_with('\0') && Path::new(moved.trim_end_matches('\0')).exists(), "{moved}");
}

#[test]
fn one_letter_to_somebody_who_is_named_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    assert_eq!(alice.ok_with(&["send", "bob", "bob", "-s", "once"], b"hello\n"), "");
    let outbox = alice.ok(&["outbox"]);
    assert_eq!(outbox.lines().count(), 1, "{outbox}");
    let columns: Vec<&str> = outbox.trim().split('\t').collect();
    assert_eq!(columns[1..3], ["bob", "queued"]);
    alice.ok(&["outbox", "drop", &columns[0][..8]]);
    assert_eq!(alice.ok(&["outbox"]), "");
}

#[test]
fn an_answer_names_the_letter_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    alice.ok_with(&["send", "bob", "-s", "first"], b"one\n");
    let first = alice.ok(&["list", "bob"]);
    let id = |raw: &str, name: &str| {
        let line = raw.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {name} in\n{raw}"))
    };
    let raw = alice.ok(&["show", "--raw", first.trim()]);
    alice.ok_with(&["send", "bob", "-s", "second", "--in-reply-to", first.trim()], b"two\n");
    let all = alice.ok(&["list", "bob"]);
    let second = all.lines().find(|path| *path != first.trim()).expect("a second letter");
    let answer = alice.ok(&["show", "--raw", second]);
    assert_eq!(id(&answer, "In-Reply-To: "), id(&raw, "Message-ID: "));
}

#[test]
fn a_passphrase_comes_by_descriptor_or_command_and_is_never_asked_for_in_vain() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home { dir: dir.path().join("alice") };
    let stick = dir.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let stick = format!("file://{}", stick.display());
    let init = ["--no-input", "init", "--node", &stick, "--trust-clock"];
    let refused = home.run(&init, b"");
    assert_eq!(status(&refused), 77);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--no-passphrase"));
    assert!(!home.dir.exists());
    assert_eq!(status(&with_passphrases(&home, &init, "\n")), 77, "an empty one is none");
    assert_eq!(status(&with_passphrases(&home, &init, "first\n")), 0);

    // What an unattended run needs is not behind the passphrase.
    for args in [&["status"][..], &["card"], &["contacts"], &["list"], &["sync"]] {
        home.ok(&[&["--no-input"], args].concat());
    }
    let change = ["--no-input", "passphrase"];
    assert_eq!(status(&home.run(&change, b"")), 77);
    assert_eq!(status(&with_passphrases(&home, &change, "guess\nsecond\n")), 77);
    assert_eq!(status(&with_passphrases(&home, &change, "first\n")), 77, "no new one");
    assert_eq!(status(&with_passphrases(&home, &change, "first\nsecond\n")), 0);

    let remove = ["--no-input", "passphrase", "--remove"];
    let config = home.dir.join("config/config.toml");
    for (command, expected) in [("echo first", 77), ("exit 3", 77), ("echo second", 0)] {
        fs::write(&config, format!("passphrase_command = \"{command}\"\n")).unwrap();
        assert_eq!(status(&home.run(&remove, b"")), expected, "{command}");
    }
    fs::write(&config, "").unwrap();
    let output = home.command(&remove).stdin(Stdio::null()).output().unwrap();
    assert_eq!(status(&output), 0, "there is none any more");
}

#[test]
fn messages_are_deleted_when_a_person_says_yes_and_nothing_is_asked_of_a_script() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    let card = bob.card().display().to_string();
    let meet = || {
        alice.ok(&["add", "bob", &card]);
        alice.ok_with(&["send", "bob", "-s", "hello"], b"hello\n");
    };
    // The terminal of script(1); what is typed comes from its standard input.
    let typed = |line: &str| {
        let poste = format!("{} --home {} remove bob", programs::POSTE, alice.dir.display());
        let script = std::process::Command::new("script")
            .args(["-qec", &poste, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut script = script.unwrap();
        script.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        let output = script.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    meet();
    let said = typed("n\n");
    assert!(said.contains("remove bob, and delete 1 message? [y/N]"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(alice.ok(&["list", "bob"]).lines().count(), 1);
    assert!(typed("y\n").contains("bob is removed; 1 message deleted"));
    assert_eq!(alice.ok(&["contacts"]) + &alice.ok(&["list"]), "");

    meet();
    alice.ok(&["remove", "bob", "--keep-mail"]);
    assert_eq!(alice.ok(&["list", "bob"]).lines().count(), 1);
    meet();
    let json = alice.ok(&["--json", "remove", "bob"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["letters"], &json["messages"]), (&1.into(), &2.into()), "{json}");
    for verb in ["block", "unblock", "remove"] {
        assert_eq!(status(&alice.run(&[verb, "bob"], b"")), 67, "{verb}");
    }
}

#[test]
fn a_blocked_contact_is_listed_so_and_gets_no_letter() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (make(dir.path(), "alice"), make(dir.path(), "bob"));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    alice.ok(&["block", "bob"]);
    assert!(alice.ok(&["contacts"]).ends_with("\tblocked\n"));
    let mail = b"To: bob@poste\nSubject: hello\n\nhello\n";
    for args in [&["send", "bob"][..], &["sendmail", "-t"], &["seal", "--to", "bob"]] {
        let refused = alice.run(args, mail);
        assert_eq!(status(&refused), 67, "{args:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.ends_with("poste: hint: poste unblock bob\n"), "{said}");
    }
    alice.ok(&["unblock", "bob"]);
    alice.ok_with(&["send", "bob"], b"hello\n");
    alice.ok(&["rename", "bob", "robert"]);
    assert_eq!(alice.ok(&["list", "robert"]).lines().count(), 1);
    assert_eq!(status(&alice.run(&["list", "bob"], b"")), 67);
    assert_eq!(alice.ok(&["outbox"]).split('\t').nth(1), Some("robert"));
}

/// Whom it starts may start a stranger's program in turn.
#[test]
fn programs_that_it_starts_get_no_passphrase() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| make(dir.path(), name));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let secret = dir.path().join("secret");
    fs::write(&secret, "correct horse\n").unwrap();
    let seen = dir.path().join("seen");
    let look = format!(
        "{{ [ ! -e /proc/$$/fd/3 ] || echo open; echo ${{POSTE_PASSPHRASE_FD-none}}; }} >>{}",
        seen.display()
    );
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let hooks = format!("\n[hooks]\npre_sync = {look:?}\n");
    fs::write(&config, format!("editor = \"{look}; true\"\n{text}{hooks}")).unwrap();
    let run = |args: &str| {
        let line = format!("exec 3<{}; exec {} {args}", secret.display(), programs::POSTE);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).env("POSTE_PASSPHRASE_FD", "3");
        shell.env("POSTE_HOME", &alice.dir).output().unwrap()
    };
    assert!(run("passphrase").status.success());
    let view = dir.path().join("view");
    let output = run(&format!("view --at {} -- sh -c '{look}'", view.display()));
    assert!(output.status.success(), "{output:?}");
    // Where the secret is standard input, programs have none.
    let line = format!(
        "exec {} view --at {} -- cat <{}",
        programs::POSTE,
        view.display(),
        secret.display()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).env("POSTE_PASSPHRASE_FD", "0").env("POSTE_HOME", &alice.dir);
    let output = shell.output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    run("sync");
    let output = run("compose bob");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "none\nnone\nnone\n", "{output:?}");
    for wrong in ["12", "1", "x", "-1"] {
        let mut search = alice.command(&["search", "x"]);
        let output = search.env("POSTE_PASSPHRASE_FD", wrong).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(status(&output) == 64 && said.contains("=3 poste show MESSAGE 3<"), "{said}");
    }
}

#[test]
fn without_a_node_a_sync_says_what_is_missing_and_hints_name_the_home() {
    let dir = tempfile::tempdir().unwrap();
    let alice = make(dir.path(), "alice");
    let output = alice.run(&["sync"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(status(&output), 78, "{said}");
    assert!(said.contains("no node") && said.contains("config.toml"), "{said}");
    let mut command = std::process::Command::new(programs::POSTE);
    command.arg("--home").arg(&alice.dir).args(["-v", "rename", "nobody", "x"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let hint = format!("hint: poste --home {} contacts", alice.dir.display());
    assert!(said.contains(&hint), "{said}");
    let none = Home { dir: dir.path().join("none") };
    assert_eq!(status(&none.run(&["--json"], b"")), 78);
    assert_eq!(status(&none.run(&[], b"")), 0);
}

/// Such as a backup that is mounted so.
#[test]
fn a_home_that_can_only_be_read_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| make(dir.path(), name));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    alice.ok_with(&["forge", "--from", "bob", "-s", "kept"], b"from long ago\n");
    let script = "mount --bind \"$POSTE_HOME\" \"$POSTE_HOME\"; \
        mount -o remount,bind,ro \"$POSTE_HOME\"; cd /; ! touch \"$POSTE_HOME/x\" 2>/dev/null; \
        \"$POSTE\" list -l; \"$POSTE\" search ago >/dev/null; \"$POSTE\" list bob | \"$POSTE\" show";
    let mut command = std::process::Command::new("unshare");
    command.args(["-rm", "sh", "-euc", script]).env("POSTE_HOME", &alice.dir);
    let output = command.env("POSTE", programs::POSTE).output().unwrap();
    let [said, warned] = [output.stdout, output.stderr].map(|t| String::from_utf8(t).unwrap());
    assert_eq!(output.status.code(), Some(0), "{warned}");
    assert!(said.contains("kept") && said.contains("from long ago"), "{said}");
    assert!(warned.starts_with("poste: warning: it stays unread: "), "{warned}");
    assert_eq!(warned.lines().count(), 1, "{warned}");
}

#[test]
fn a_umask_closes_no_file_to_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| make(dir.path(), name));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let script = "umask 777; echo hello | \"$POSTE\" send bob; \"$POSTE\" view -- sh -c umask";
    let mut command = std::process::Command::new("sh");
    command.args(["-euc", script]).env("POSTE_HOME", &alice.dir).env("POSTE", programs::POSTE);
    let output = command.env("XDG_RUNTIME_DIR", memory.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0077\n", "{output:?}");
    for item in walkdir::WalkDir::new(&alice.dir).into_iter().chain(walkdir::WalkDir::new(&memory))
    {
        let item = item.unwrap();
        let mode = item.metadata().unwrap().permissions().mode() & 0o777;
        let expected = if item.file_type().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode & expected, expected, "{}: {mode:o}", item.path().display());
    }
}
