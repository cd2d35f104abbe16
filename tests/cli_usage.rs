//! The manners of the command line, by the real program: exit statuses, where text goes, and what
//! mail programs may pass to `sendmail`.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, POSTE};
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

/// A home that nothing was done with yet.
fn bare(dir: &tempfile::TempDir) -> Home {
    Home { dir: dir.path().join("home") }
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("the program ended by itself")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Alice with a directory for a node, and bob her contact.
fn alice_and_bob(dir: &tempfile::TempDir) -> (Home, Home) {
    let node = format!("file://{}", dir.path().join("node").display());
    fs::create_dir(dir.path().join("node")).unwrap();
    let (alice, bob) =
        (Home::init(dir.path(), "alice", &node), Home::init(dir.path(), "bob", &node));
    alice.ok(&["add", "bob", &bob.card().display().to_string()]);
    (alice, bob)
}

#[test]
fn wrong_usage_is_64_with_a_line_and_hints() {
    let dir = tempfile::tempdir().unwrap();
    for (args, what) in [
        (&["--nope"][..], "unexpected argument '--nope'"),
        (&["juggle"], "unrecognized subcommand 'juggle'"),
        (&["add", "bob"], "required arguments were not provided: <LINK-OR-FILE>"),
        (&["add", "Bob", "x"], "a name is written in lower case"),
        (&["help", "juggle"], "there is no command juggle"),
        (&["help", "group", "juggle"], "there is no command group juggle"),
        (&["group"], "say which of its commands\nposte: hint: poste group [OPTIONS] new|add|"),
        (&["completions", "elvish"], "invalid value 'elvish'"),
        (&["card", "--foo"], "hint: poste card [OPTIONS]\nposte: hint: poste card <COMMAND>"),
        (&["init", "--publish", "", "--no-passphrase"], "--publish"),
        (&["init", "--node", "http://relay.example", "--no-passphrase"], "--node"),
        (&["init", "--tracker", "http://t.example", "--no-passphrase"], "--tracker"),
    ] {
        let output = bare(&dir).run(args, b"");
        let said = text(&output.stderr);
        assert_eq!(status(&output), 64, "{args:?}: {said}");
        assert!(said.starts_with("poste: error: ") && said.contains(what), "{args:?}: {said}");
        assert!(said.lines().all(|l| l.starts_with("poste: ")), "{args:?}: {said}");
        assert!(!said.contains("as a value"), "what is misspelt is no text: {said}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!bare(&dir).dir.exists(), "{args:?} left something behind");
    }
}

#[test]
fn without_a_home_each_command_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    for (args, expected) in [
        (&["status"][..], 78),
        (&["list"], 78),
        (&["sync"], 78),
        (&["send", "bob"], 78),
        (&["sendmail", "bob"], 72),
        (&["sendmail", "-t"], 72),
    ] {
        let output = bare(&dir).run(args, b"To: bob\n\nhello\n");
        assert_eq!(status(&output), expected, "{args:?}");
        assert!(text(&output.stderr).contains("poste: hint: poste init\n"), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert!(bare(&dir).ok(&[]).contains("poste init"), "poste alone says how to begin");
}

#[test]
fn help_version_and_completions_need_nothing_at_all() {
    let run = |args: &[&str]| {
        let output = Command::new(POSTE).env_clear().args(args).output().unwrap();
        assert_eq!(status(&output), 0, "{args:?}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{args:?}");
        text(&output.stdout)
    };
    assert!(run(&["--version"]).starts_with("poste "));
    assert!(run(&["-h"]).contains("quarantine"));
    assert!(run(&["help", "add"]).contains("--replace"));
    assert!(run(&["help", "group", "new"]).contains("group new"));
    assert!(run(&["sendmail", "--help"]).contains("sendmail"));
    let names = poste::cli::command();
    for shell in ["bash", "fish", "zsh"] {
        let script = run(&["completions", shell]);
        for name in names.get_subcommands().map(clap::Command::get_name) {
            assert!(script.contains(name), "{shell} does not complete {name}");
        }
    }
}

#[test]
fn homes_that_others_can_read_and_bad_configurations_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let home = bare(&dir);
    home.ok(&["init", "--no-passphrase"]);
    let keys = home.dir.join("share/keys");
    fs::set_permissions(&keys, Permissions::from_mode(0o755)).unwrap();
    let output = home.run(&["status"], b"");
    assert_eq!(status(&output), 77);
    assert!(text(&output.stderr).contains("poste: hint: chmod -R go= "));
    fs::set_permissions(&keys, Permissions::from_mode(0o700)).unwrap();
    fs::write(home.dir.join("config/config.toml"), "name = \"alice\"\nnodez = []\n").unwrap();
    let output = home.run(&["status"], b"");
    assert_eq!(status(&output), 78);
    assert!(text(&output.stderr).contains("config.toml:2: "), "{}", text(&output.stderr));
    fs::write(home.dir.join("config/config.toml"), b"name = \"\xff\"\n").unwrap();
    assert_eq!(status(&home.run(&["status"], b"")), 78, "not UTF-8");
    assert_eq!(status(&home.run(&["init", "--no-passphrase"], b"")), 73, "there is a home already");
}

#[test]
fn what_is_not_there_is_66_or_67() {
    let dir = tempfile::tempdir().unwrap();
    let home = bare(&dir);
    home.ok(&["init", "--no-passphrase"]);
    for (args, expected) in [
        (&["words", "bob"][..], 67),
        (&["send", "bob"], 67),
        (&["seal", "--to", "bob"], 67),
        (&["sendmail", "bob"], 67),
        (&["sendmail", "someone@example.org"], 67),
        (&["accept", "0123abcd", "bob"], 67),
        (&["list", "bob"], 67),
        (&["show", "0123abcd"], 66),
        (&["mark", "--seen", "/nowhere/message"], 66),
        (&["outbox", "drop", "0123abcd"], 66),
        (&["add", "bob", "/nowhere/card.toml"], 66),
        (&["receive", "/nowhere/letter.age"], 66),
    ] {
        let output = home.run(args, b"hello\n");
        assert_eq!(status(&output), expected, "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("poste: error: "), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(status(&home.run(&["receive"], b"not an age file")), 65);
    assert_eq!(status(&home.run(&["add", "bob", "-"], b"not a card")), 65);
}

#[test]
fn sendmail_takes_what_mail_programs_pass_and_prints_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    let mail = b"To: Bob <bob@poste>\nBcc: bob@poste\nSubject: x\n\nhello\n.\nthe end\n";
    let forms = [
        "--|bob@poste",
        "-oem|-oi|-f|alice@poste|--|bob@poste",
        "-t|-i",
        "-ti|-oi",
        "-falice@poste|-F|Alice|-t",
        "-B|8BITMIME|-N|failure,delay|-R|hdrs|-V|id|bob@poste",
        "-Ac|-bm|-G|-h|3|-L|tag|-m|-n|-O|DeliveryMode=b|-X|/dev/null|-v|bob",
        "bob@poste|-i",
    ];
    for form in forms {
        let args: Vec<&str> = ["sendmail"].into_iter().chain(form.split('|')).collect();
        let output = alice.run(&args, mail);
        assert_eq!(status(&output), 0, "{form}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{form}");
    }
    assert_eq!(alice.ok(&["outbox"]).lines().count(), forms.len(), "one letter each");
    let path = alice.ok(&["list", "bob", "-n", "1"]);
    assert!(alice.ok(&["show", "--raw", path.trim()]).ends_with("\n\nhello\n.\nthe end\n"));
}

#[test]
fn sendmail_is_all_or_nothing_and_heeds_the_two_dashes() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    let mail = b"To: bob\n\nhello\n";
    for (args, expected) in [
        (&["sendmail", "bob", "carol"][..], 67),
        (&["sendmail", "-t", "carol"], 67),
        (&["sendmail", "--", "-t"], 67),
        (&["sendmail"], 64),
        (&["sendmail", "-bp"], 64),
        (&["sendmail", "--verbose", "bob"], 64),
    ] {
        let output = alice.run(args, mail);
        assert_eq!(status(&output), expected, "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(alice.ok(&["outbox"]), "", "nothing was queued");
}

#[test]
fn the_program_is_sendmail_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    let link = dir.path().join("poste-sendmail");
    std::os::unix::fs::symlink(POSTE, &link).unwrap();
    let mail = dir.path().join("mail");
    fs::write(&mail, "To: bob\nSubject: by name\n\nhello\n").unwrap();
    let ended = Command::new(&link)
        .env_clear()
        .env("POSTE_HOME", &alice.dir)
        .args(["-t", "-oi"])
        .stdin(File::open(&mail).unwrap())
        .status()
        .unwrap();
    assert!(ended.success());
    assert!(alice.ok(&["list", "bob", "-l"]).contains("by name"));
    let output = Command::new(&link).env_clear().arg("bob").stdin(Stdio::null()).output().unwrap();
    assert_eq!(status(&output), 72, "no home, and neomutt has no words for 78");
}

#[test]
fn a_reader_who_leaves_early_is_no_failure_and_a_full_disk_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let home = bare(&dir);
    home.ok(&["init", "--no-passphrase"]);
    for args in [&["status"][..], &["-h"], &["card"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(status(&output), 0, "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", text(&output.stderr));
    }
    for args in [&["status"][..], &["-h"], &["card"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = home.command(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(status(&output), 74, "{args:?}");
        assert!(text(&output.stderr).contains("cannot write to standard output"), "{args:?}");
    }
}

#[test]
fn head_takes_what_it_wants_of_a_long_letter() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    // More than a pipe holds, so that it is still being written when head has gone.
    let long = "what is said at great length\n".repeat(20_000);
    alice.ok_with(&["send", "bob", "-s", "long"], long.as_bytes());
    let path = alice.ok(&["list", "bob"]);
    for args in [&["show"][..], &["show", "--raw"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = alice.command(&[args, &[path.trim()]].concat());
        let mut shown = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut lines = BufReader::new(reader).lines();
        assert!(lines.next().unwrap().unwrap().contains(": "), "{args:?}");
        assert_eq!(shown.try_wait().unwrap(), None, "{args:?} still writes");
        drop(lines);
        let output = shown.wait_with_output().unwrap();
        assert_eq!(status(&output), 0, "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_card_with_no_place_to_go_is_said_and_not_well() {
    let dir = tempfile::tempdir().unwrap();
    let home = bare(&dir);
    let init = home.run(&["-v", "init", "--no-passphrase"], b"");
    let said = text(&init.stderr);
    assert!(said.contains("poste card --toml") && !said.contains("poste publish"), "{said}");
    for (args, key) in [(&["publish"][..], "publish"), (&["publish", "--check"], "urls")] {
        let output = home.run(args, b"");
        assert_eq!(status(&output), 78, "{args:?}");
        assert!(text(&output.stderr).contains(&format!("config.toml: {key} ")), "{args:?}");
    }
}

#[test]
fn an_empty_letter_is_not_sent_by_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    let output = alice.run(&["send", "bob"], b" \n");
    let said = text(&output.stderr);
    assert!(status(&output) == 64 && said.contains("holds no text; nothing is queued"), "{said}");
    let output = alice.run(&["sendmail", "bob"], b"\n");
    assert!(status(&output) == 64 && text(&output.stderr) == said, "{output:?}");
    let output = alice.run(&["send", "bob", "-s", "call me"], b"");
    let said = text(&output.stderr);
    assert!(status(&output) == 0 && said.contains("the letter has no text"), "{said}");
    let script = format!("printf '\\004' | script -qec '{POSTE} send bob -s oops' /dev/null");
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &script]).env("POSTE_HOME", &alice.dir).output().unwrap();
    let said = text(&output.stdout);
    assert!(said.contains("nothing was written, so nothing is queued"), "{said}");
    assert_eq!(alice.ok(&["outbox"]).lines().count(), 1);
}

#[test]
fn a_hint_names_nothing_that_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    for (args, command) in [
        (&["export", "--keys", "bob"][..], "export"),
        (&["compose", "--draft", "4b", "bob"], "compose"),
    ] {
        let output = alice.run(args, b"");
        let said = text(&output.stderr);
        assert!(status(&output) == 64 && said.contains("cannot be used with"), "{said}");
        assert!(said.ends_with(&format!("\nposte: hint: poste help {command}\n")), "{said}");
    }
    let gone = tempfile::tempdir().unwrap();
    let script = "cd \"$1\"; rmdir \"$1\"; exec \"$2\" export -o x.tar";
    let mut shell = Command::new("sh");
    shell.args(["-euc", script, "sh"]).arg(gone.path()).arg(POSTE).env("POSTE_HOME", &alice.dir);
    let output = shell.output().unwrap();
    let said = text(&output.stderr);
    assert!(status(&output) == 73 && said.contains("this directory is gone"), "{said}");
}

#[test]
fn a_message_named_twice_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, _bob) = alice_and_bob(&dir);
    let path = alice.ok_with(&["forge", "--from", "bob"], b"hello\n");
    let id = path.trim().rsplit('/').next().unwrap().split('.').nth(1).unwrap();
    for args in [&["mark", "--seen", id, id][..], &["move", id, id, "inbox"], &["delete", id, id]] {
        assert_eq!(alice.ok(args).lines().count(), 1, "{args:?}");
    }
}
