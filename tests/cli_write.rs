//! Letters written in an editor, through the real program: composing, answering, and that no
//! failure loses what was written (poste(1), reply, compose and drafts).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

/// A desk in memory with the home of somebody who writes at it.
struct Desk {
    home: Home,
    memory: tempfile::TempDir,
}

impl Desk {
    fn of(home: Home) -> Desk {
        Desk { home, memory: tempfile::tempdir_in("/dev/shm").unwrap() }
    }

    /// Runs a command with this editor, a line for the shell.
    fn run(&self, editor: &str, args: &[&str]) -> Output {
        let mut command = self.home.command(args);
        command.env("EDITOR", editor).env("XDG_RUNTIME_DIR", self.memory.path());
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn ok(&self, editor: &str, args: &[&str]) {
        let output = self.run(editor, args);
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    }

    /// What lies in memory.
    fn left(&self) -> usize {
        fs::read_dir(self.memory.path()).unwrap().count()
    }

    fn drafts(&self) -> Vec<String> {
        let list = self.home.ok(&["drafts"]);
        list.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Alice at her desk and bob, who know each other.
fn desk(dir: &Path, node: &Node) -> (Desk, Home) {
    let (alice, bob) = programs::acquainted(dir, &node.url);
    (Desk::of(alice), bob)
}

/// Looks a message up by a word of it.
fn with(home: &Home, word: &str) -> String {
    home.ok(&["search", word]).trim().to_owned()
}

#[test]
fn a_letter_is_written_in_an_editor_and_leaves_with_the_next_sync() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = desk(dir.path(), &node);
    let notes = dir.path().join("my notes.txt");
    fs::write(&notes, "buy milk\n").unwrap();
    let args = ["compose", "bob", "-s", "Grüße", "-a", notes.to_str().unwrap(), "--expires", "7d"];
    // What the editor sees lies in memory, and says all that was typed.
    let see = dir.path().join("seen").display().to_string();
    alice.ok(&format!("cp \"$1\" {see}; printf 'schöne\\n' >>"), &args);
    let seen = fs::read_to_string(&see).unwrap();
    let (head, body) = seen.split_once("\n\n").unwrap();
    let expected = format!("To: bob@poste\nSubject: Grüße\nAttach: {}\nExpires: ", notes.display());
    assert!(head.starts_with(&expected) && body.is_empty(), "{seen}");
    assert_eq!((alice.left(), alice.drafts().len()), (0, 0));
    assert_eq!(alice.home.ok(&["outbox"]).matches("\tqueued\t").count(), 1);
    alice.home.ok(&["sync"]);
    bob.ok(&["sync"]);
    let path = with(&bob, "schöne");
    let shown = bob.ok(&["show", &path]);
    assert!(shown.contains("Subject: Grüße\n") && shown.contains("\nExpires: "), "{shown}");
    assert_eq!(bob.ok(&["show", "--part", "2", &path]), "buy milk\n");
    assert!(!shown.contains("my notes") && shown.contains("my_notes.txt"), "{shown}");
    assert!(with(&alice.home, "schöne").contains("/bob/cur/"), "the own copy");
}

#[test]
fn nothing_written_is_nothing_sent() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = desk(dir.path(), &node);
    let before = alice.home.ok(&["outbox"]);
    alice.ok("true", &["compose", "bob", "-s", "x"]);
    alice.ok("sed -i 's/Subject: .*/Subject: y/'", &["compose", "bob", "-s", "x"]);
    alice.ok("true", &["reply", &with(&alice.home, "hello")]);
    alice.ok("true >", &["reply", &with(&alice.home, "hello")]);
    for (args, status) in [
        (&["compose"][..], 64),
        (&["compose", "nobody"], 67),
        (&["compose", "bob", "-a", "/no/such/file"], 66),
        (&["compose", "--draft", "4b"], 66),
        (&["reply", "0000000000000000"], 66),
    ] {
        assert_eq!(alice.run("touch", args).status.code(), Some(status), "{args:?}");
    }
    // Nor is there anything to keep where the editor took it away.
    let removed = alice.run("rm", &["compose", "bob"]);
    assert_eq!(removed.status.code(), Some(74), "{}", text(&removed));
    assert!(!text(&removed).contains("is kept"), "{}", text(&removed));
    assert_eq!((alice.left(), alice.drafts().len()), (0, 0));
    // An editor that does not start had nothing to lose.
    assert_eq!(alice.run("/no/such/editor", &["compose", "bob"]).status.code(), Some(74));
    assert_eq!(alice.home.ok(&["outbox"]), before);
    assert_eq!((alice.left(), alice.drafts().len()), (0, 0));
}

#[test]
fn a_failing_editor_loses_nothing_and_the_draft_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = desk(dir.path(), &node);
    let failed =
        alice.run("printf 'precious\\n' >>\"$1\"; false", &["compose", "bob", "-s", "kept"]);
    assert_eq!(failed.status.code(), Some(74), "{}", text(&failed));
    let drafts = alice.drafts();
    let [id] = &drafts[..] else { panic!("{drafts:?}") };
    assert!(text(&failed).contains(&format!("poste compose --draft {id}")), "{}", text(&failed));
    assert_eq!(alice.left(), 0);
    let file = alice.home.dir.join(format!("share/drafts/{id}.age"));
    let sealed = fs::read(&file).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1\n"));
    assert!(!sealed.windows(8).any(|part| part == b"precious"));
    let json: serde_json::Value =
        serde_json::from_str(&alice.home.ok(&["drafts", "--json"])).unwrap();
    assert_eq!(json[0]["id"], id.as_str());
    // It travels with the home.
    let tar = dir.path().join("home.tar").display().to_string();
    alice.home.ok(&["export", "--keys", "-o", &tar]);
    let moved = Home { dir: dir.path().join("moved") };
    moved.ok(&["init", "--import", &tar]);
    assert!(moved.ok(&["drafts"]).starts_with(id.as_str()));

    // Gone on with, it may stay as it is.
    alice.ok("true", &["compose", "--draft", &id[..6]]);
    assert!(alice.drafts().is_empty());
    alice.home.ok(&["sync"]);
    bob.ok(&["sync"]);
    assert!(bob.ok(&["show", &with(&bob, "precious")]).contains("Subject: kept"));

    alice.run("printf 'other\\n' >>\"$1\"; false", &["compose", "bob"]);
    let id = alice.drafts().pop().unwrap();
    alice.home.ok(&["drafts", "drop", &id]);
    assert!(alice.drafts().is_empty());
    assert_eq!(alice.home.run(&["drafts", "drop", &id], b"").status.code(), Some(66));
}

#[test]
fn a_letter_that_cannot_be_sent_stays_a_draft() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = desk(dir.path(), &node);
    let before = alice.home.ok(&["outbox"]);
    for (change, status) in [
        ("s/^To: .*/To: nobody@poste/", 67),
        ("s/^To: .*/To:/", 64),
        ("s/^To: .*/To: bob@example.org/", 65),
        ("s/^Subject: .*/X-Mood: good/", 65),
        ("s|^Subject: .*|Attach: /no/such/file|", 66),
    ] {
        let editor = format!("printf 'precious\\n' >>\"$1\"; sed -i '{change}'");
        let failed = alice.run(&editor, &["compose", "bob"]);
        assert_eq!(failed.status.code(), Some(status), "{change}: {}", text(&failed));
        let id = alice.drafts().pop().unwrap();
        assert_eq!(alice.home.ok(&["outbox"]), before);
        let mend = "sed -i 's/^To:.*/To: bob@poste/; /^X-Mood/d; /^Attach/d'";
        let copy = dir.path().join("copy").display().to_string();
        let failed = alice.run(&format!("cp \"$1\" {copy}; false"), &["compose", "--draft", &id]);
        assert_eq!(failed.status.code(), Some(74));
        assert!(fs::read_to_string(&copy).unwrap().ends_with("precious\n"), "{change}");
        alice.ok(mend, &["compose", "--draft", &id]);
        assert!(alice.drafts().is_empty() && alice.left() == 0);
        let queued = alice.home.ok(&["outbox"]);
        let queued = queued.lines().find(|line| line.contains("\tqueued\t")).unwrap();
        let id = queued.split('\t').next().unwrap();
        alice.home.ok(&["outbox", "drop", id]);
    }
}

#[test]
fn a_killed_run_is_gone_on_with_where_the_editor_was() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = desk(dir.path(), &node);
    // The shell that runs the editor is a child of the program.
    let output = alice.run("printf 'half a line' >>\"$1\"; kill -9 $PPID", &["compose", "bob"]);
    assert!(!output.status.success());
    let id = alice.drafts().pop().unwrap();
    assert_eq!(alice.left(), 1, "what was written is in memory");
    alice.ok("printf ', and the rest\\n' >>", &["compose", "--draft", &id]);
    assert_eq!((alice.left(), alice.drafts().len()), (0, 0));
    assert!(with(&alice.home, "half a line, and the rest").contains("/bob/"));

    alice.run("printf 'dropped' >>\"$1\"; kill -9 $PPID", &["compose", "bob"]);
    alice.home.command(&["drafts"]).output().unwrap();
    let id = alice.drafts().pop().unwrap();
    alice.ok("true", &["drafts", "drop", &id]);
    assert_eq!((alice.left(), alice.drafts().len()), (0, 0));
}

#[test]
fn what_was_written_is_a_draft_or_a_letter_after_a_kill_at_any_call() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = desk(dir.path(), &node);
    let home = &alice.home;
    // An editor that writes once, and tells that it ran.
    let (editor, ran) = (dir.path().join("editor.sh"), dir.path().join("ran"));
    let script =
        format!("grep -q precious \"$1\" || echo precious >>\"$1\"; touch {}\n", ran.display());
    fs::write(&editor, script).unwrap();
    let config = home.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}editor = \"sh {}\"\n", editor.display())).unwrap();
    let mut kills = 0;
    for calls in ["fsync", "rename", "unlink", "unlinkat", "rmdir", "flock"] {
        for at in 1.. {
            let _ = fs::remove_file(&ran);
            let cut = programs::killed(home, &["compose", "bob"], calls, at, b"");
            for id in alice.drafts() {
                home.ok(&["compose", "--draft", &id]);
            }
            assert!(alice.drafts().is_empty());
            let found = with(home, "precious");
            let most = if cut { 2 } else { 1 };
            let least = usize::from(ran.exists());
            assert!((least..=most).contains(&found.lines().count()), "{calls} {at}: {found}");
            home.ok_with(&["delete"], found.as_bytes());
            if !cut {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 10, "{kills} kills");
}

#[test]
fn an_answer_is_in_the_thread_and_names_nobody_by_a_petname() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, bob) = desk(dir.path(), &node);
    alice.home.ok(&["rename", "bob", "old-grumbler"]);
    bob.ok_with(&["send", "alice", "-s", "tea"], b"At four?\n\n> said before\n-- \nBob\n");
    bob.ok(&["sync"]);
    alice.home.ok(&["sync"]);
    let question = with(&alice.home, "At four?");
    alice.ok("printf 'Yes.\\n' >>", &["reply", &question]);
    let answered = with(&alice.home, "At four");
    assert!(answered.lines().any(|path| path.ends_with(":2,RS")), "{answered}");
    alice.home.ok(&["sync"]);
    bob.ok(&["sync"]);
    let raw = bob.ok(&["show", "--raw", &with(&bob, "Yes.")]);
    let id = |raw: &str, name: &str| {
        let line = raw.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in\n{raw}")).to_owned()
    };
    let asked = bob.ok(&[
        "show",
        "--raw",
        bob.ok(&["search", "At four"])
            .lines()
            .find(|p| !raw.is_empty() && p.contains("/cur/"))
            .unwrap(),
    ]);
    assert_eq!(id(&raw, "In-Reply-To"), id(&asked, "Message-ID"));
    assert_eq!(id(&raw, "References"), id(&asked, "Message-ID"));
    assert_eq!(id(&raw, "Subject"), "Re: tea");
    assert!(!raw.contains("grumbler"), "{raw}");
    let body = raw.split_once("\n\n").unwrap().1;
    let (attribution, rest) = body.split_once('\n').unwrap();
    assert!(attribution.starts_with("On ") && attribution.ends_with(" UTC, you wrote:"), "{body}");
    assert_eq!(rest, "> At four?\n>\n>> said before\nYes.\n");

    // The answer to one's own letter goes to whom it was for, and the thread goes on.
    let mine = with(&alice.home, "Yes.");
    alice.ok("printf 'Or at five.\\n' >>", &["reply", &mine]);
    alice.home.ok(&["sync"]);
    bob.ok(&["sync"]);
    let again = bob.ok(&["show", "--raw", &with(&bob, "Or at five.")]);
    assert!(again.contains("I wrote:\n> On ") && again.contains("\nSubject: Re: tea\n"), "{again}");
    assert_eq!(id(&again, "In-Reply-To"), id(&raw, "Message-ID"));
    assert!(
        again.contains(&format!(
            "References: {}\n {}\n",
            id(&asked, "Message-ID"),
            id(&raw, "Message-ID")
        )),
        "{again}"
    );

    // A stranger gets no answer before being accepted.
    let carol = Home::init(dir.path(), "carol", &node.url);
    carol.ok(&["add", "alice", &alice.home.card().display().to_string()]);
    carol.ok_with(&["send", "alice"], b"stranger's letter\n");
    carol.ok(&["sync"]);
    alice.home.ok(&["sync"]);
    let request = with(&alice.home, "stranger's letter");
    let refused = alice.run("touch", &["reply", &request]);
    assert_eq!(refused.status.code(), Some(67), "{}", text(&refused));
    assert!(text(&refused).contains("poste accept"), "{}", text(&refused));
}

#[test]
fn who_may_not_look_at_the_desk_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (alice, _bob) = desk(dir.path(), &node);
    alice.run("printf 'x\\n' >>\"$1\"; false", &["compose", "bob"]);
    let id = alice.drafts().pop().unwrap();
    // Somebody who knows the id has put a directory there that others can read.
    fs::create_dir(alice.memory.path().join(format!("poste-{id}"))).unwrap();
    let refused = alice.run("true", &["compose", "--draft", &id]);
    assert_eq!(refused.status.code(), Some(77), "{}", text(&refused));
    assert_eq!(alice.drafts(), [id]);
}

#[test]
fn an_answer_to_a_message_of_a_group_goes_to_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, carol] = programs::family(dir.path(), &node.url);
    bob.ok_with(&["send", "kin", "-s", "supper"], b"at eight?\n");
    programs::rounds(&[&bob, &alice, &carol], 2);
    assert_eq!(alice.ok(&["query", "fam"]), "1 address\nfamily@poste\tfamily\tgroup\n");
    // What the configuration says of a group is so of what one writes to it.
    let config = alice.dir.join("config/config.toml");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("expires = {{ family = \"7d\" }}\n{before}")).unwrap();

    let alice = Desk::of(alice);
    let see = dir.path().join("seen").display().to_string();
    let editor = format!("cp \"$1\" {see}; printf 'at nine\\n' >>");
    alice.ok(&editor, &["reply", &with(&alice.home, "eight")]);
    let seen = fs::read_to_string(&see).unwrap();
    assert!(seen.starts_with("To: family@poste\nSubject: Re: supper\n"), "{seen}");
    assert!(seen.contains("> at eight?\n") && !seen.contains("you wrote"), "{seen}");
    let outbox = alice.home.ok(&["outbox"]);
    let queued: Vec<&str> = outbox.lines().filter(|row| row.contains("\tqueued\t")).collect();
    assert!(queued.len() == 2 && queued.iter().all(|row| row.ends_with("\tfamily")), "{outbox}");
    programs::rounds(&[&alice.home, &bob, &carol], 2);
    for (home, folder) in [(&alice.home, "family"), (&bob, "kin"), (&carol, "clan")] {
        let path = with(home, "nine");
        assert!(path.contains(&format!("/{folder}/")), "{path}");
        let shown = home.ok(&["show", &path]);
        assert!(shown.contains(&format!("To: {folder}\n")), "{shown}");
        assert!(shown.contains("\nExpires: ") && !shown.contains("Differs"), "{shown}");
    }

    // One's own letter is answered to all as well, but none to a group that one has left.
    let carol = Desk::of(carol);
    carol.ok("printf 'or ten\\n' >>", &["reply", &with(&carol.home, "nine")]);
    carol.ok("printf 'no, nine\\n' >>", &["reply", &with(&carol.home, "ten")]);
    assert_eq!(carol.home.ok(&["outbox"]).matches("\tqueued\t").count(), 4);
    carol.home.ok(&["group", "leave", "clan"]);
    let newest = carol.home.ok(&["list", "clan", "-n", "1"]);
    for args in [&["reply", newest.trim_end()][..], &["compose", "clan"]] {
        let refused = carol.run("false", args);
        assert_eq!(refused.status.code(), Some(67), "{}", text(&refused));
        assert!(text(&refused).contains("you are not in clan any more"), "{}", text(&refused));
    }
    assert_eq!(text(&carol.run("", &["query", "clan"])), "nobody matches clan\n");
}
