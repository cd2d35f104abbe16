//! The view by the real program where both sides write at once, where something was cut short, and
//! where something lies in it that is no message (poste(1), view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use std::fs;
use std::path::Path;
use viewed::{Viewed, add, added, bob, eventually, files, path, rewrite, scratch, tree};

/// Another text for a message, by another command.
fn replace(bob: &programs::Home, number: usize, text: &str) {
    let old = path(bob, "alice", &format!("letter {number}"));
    let text = format!("Subject: letter {number}\n\n{text}\n");
    bob.ok_with(&["forge", "--from", "alice", "--replace", &old], text.as_bytes());
}

fn texts(bob: &programs::Home) -> String {
    bob.ok(&["list", "alice"]).lines().map(|path| bob.ok(&["show", "--raw", path])).collect()
}

#[test]
fn a_text_replaced_in_the_tree_shows_in_the_view() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let view = Viewed::open(&bob, &dir.path().join("view"), 2);
    let file = |number| view.file("alice", &format!("letter {number}")).unwrap();
    let (was, other) = (file(1), file(2));
    let flagged = was.to_str().unwrap().replace("/new/", "/cur/") + ":2,FS";
    fs::rename(&was, &flagged).unwrap();
    eventually("the flags follow", || tree(&bob, "alice").contains(&"letter 1 FS".to_owned()));
    replace(&bob, 1, "Nothing of the kind.");
    eventually("the text follows", || {
        fs::read_to_string(file(1)).is_ok_and(|text| text.contains("Nothing of the kind."))
    });
    let now = file(1);
    assert!(now.to_str().unwrap().ends_with(":2,FS"), "{}", now.display());
    assert_ne!(now, Path::new(&flagged), "to a mail program one name is one text");
    assert_eq!(file(2), other, "what was not replaced is left alone");
    assert_eq!(files(&view.at).len(), 2);
    rewrite(&now, "Nothing", "Something");
    eventually("it is edited as before", || texts(&bob).contains("Something of the kind."));
    fs::remove_file(file(1)).unwrap();
    eventually("and deleted", || tree(&bob, "alice") == ["letter 2 new"]);
    assert!(view.end().success());
}

#[test]
fn of_two_changed_texts_none_is_lost() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let view = Viewed::open(&bob, &dir.path().join("view"), 2);
    let file = |number| view.file("alice", &format!("letter {number}")).unwrap();
    [1, 2].iter().for_each(|number| view.knows(&file(*number)));
    view.signal("STOP");
    rewrite(&file(1), "this is number 1", "this is by hand");
    fs::remove_file(file(2)).unwrap();
    replace(&bob, 1, "This is by another command.");
    replace(&bob, 2, "What was deleted was another text.");
    view.signal("CONT");
    eventually("both are in the tree, and in the view", || {
        files(&view.at).len() == 3 && tree(&bob, "alice").len() == 3
    });
    let all = ["This is by another command.", "this is by hand", "was another text."];
    let shown: String =
        files(&view.at).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for text in all {
        assert!(texts(&bob).contains(text) && shown.contains(text), "{text}: {shown}");
    }
    assert!(view.end().success());
    assert_eq!(tree(&bob, "alice").len(), 3);
}

/// A kill between what is done and what is written down about it.
#[test]
fn what_a_kill_kept_from_being_written_down_is_done_once() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 3);
    view.knows(&add(&at, &added()));
    assert_eq!(tree(&bob, "alice").len(), 4);
    let journal = at.join(".poste-view");
    let [one, two] = [1, 2].map(|number| view.file("alice", &format!("letter {number}")).unwrap());
    view.kill();
    let said = fs::read_to_string(&journal).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let (one_said, two_said) = (name(&one), name(&two));
    let kept = said.lines().filter(|line| {
        let is_of = |base: &str| line.ends_with(base);
        !(line.starts_with("+ ") && line.ends_with(".host") || is_of(&one_said) || is_of(&two_said))
    });
    fs::write(&journal, kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    rewrite(&one, "number 1", "number one");
    let view = Viewed::open(&bob, &at, 5);
    eventually("nothing is lost, nothing twice", || {
        let all = texts(&bob);
        tree(&bob, "alice").len() == 5 && all.contains("number one") && all.contains("number 1")
    });
    assert_eq!(tree(&bob, "alice").iter().filter(|line| line.starts_with("added")).count(), 1);
    assert_eq!(texts(&bob).matches("number 2").count(), 1);
    assert!(view.end().success());
    assert!(!at.exists());
}

#[test]
fn what_mail_programs_keep_beside_messages_is_named_and_stays() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let at = dir.path().join("view");
    let run = |script: &str| {
        bob.run(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", script], b"")
    };
    let output = run("cd \"$POSTE_VIEW\" && mkdir -p .Drafts/cur .notmuch/xapian notes && \
                      for file in postponed .Drafts/cur/1.host:2,D notes/plan .notmuch/xapian/x \
                      .uidvalidity alice/tmp/half alice/cur/.1.host.swp \"$(echo alice/new/*)~\"; \
                      do echo text >\"$file\"; done; sleep 1; ls alice/new | wc -l");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    for name in ["postponed", ".Drafts/cur/1.host:2,D", "notes/plan"] {
        let file = at.join(name);
        assert_eq!(fs::read_to_string(&file).unwrap(), "text\n");
        assert!(said.contains(&format!("{} was not filed and stays", file.display())), "{said}");
        fs::remove_file(file).unwrap();
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    let of_folder = said.lines().find(|line| line.contains(".Drafts")).unwrap();
    assert!(of_folder.contains("no folder can be called so"), "{said}");
    for name in [".notmuch", ".uidvalidity", "alice"] {
        assert!(!at.join(name).exists(), "{name} goes");
    }
    assert!(run("true").status.success());
    assert!(!at.exists());
    assert_eq!(tree(&bob, "alice"), ["letter 1 new"]);
    let output = run("echo draft >\"$TMPDIR/compose\" && ls -A \"$POSTE_VIEW/.tmp\"");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "compose\n", "aside is in memory, too");
    assert!(output.status.success() && !at.exists());
}

#[test]
fn when_the_tree_cannot_be_written_only_what_it_lacks_stays() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 3);
    let file = view.file("alice", "letter 2").unwrap();
    files(&at).iter().for_each(|file| view.knows(file));
    let tmp = bob.dir.join("share/mail/alice/tmp");
    fs::remove_dir(&tmp).unwrap();
    fs::write(&tmp, "in its place").unwrap();
    rewrite(&file, "number 2", "number two");
    assert!(!view.end().success());
    assert_eq!(files(&at), [file]);
    fs::remove_file(&tmp).unwrap();
    bob.ok(&["view", "--at", at.to_str().unwrap(), "--", "true"]);
    assert!(!at.exists());
    assert!(texts(&bob).contains("number two"));
    assert_eq!(tree(&bob, "alice").len(), 3);
}

#[test]
fn each_home_has_its_own_place() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let alice = programs::Home { dir: dir.path().join("alice") };
    let place = |home: &programs::Home| {
        let mut command = home.command(&["view", "--", "sh", "-c", "echo $POSTE_VIEW"]);
        let output = command.env("XDG_RUNTIME_DIR", dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let [of_alice, of_bob] = [place(&alice), place(&bob)];
    assert_ne!(of_alice, of_bob);
    let at = dir.path().join("view");
    Viewed::open(&bob, &at, 1).kill();
    let output = alice.run(&["view", "--at", at.to_str().unwrap(), "--", "true"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(73), "{said}");
    assert!(said.contains("it is of another home") && said.contains("--at"), "{said}");
    bob.ok(&["view", "--at", at.to_str().unwrap(), "--", "true"]);
    assert!(!at.exists());
}

#[test]
fn a_full_view_loses_nothing_and_files_nothing_twice() {
    let dir = scratch();
    let bob = bob(dir.path(), 6);
    let at = dir.path().join("small");
    fs::create_dir(&at).unwrap();
    let run = |size: &str, inside: &str| {
        let script = format!("mount -t tmpfs -o size={size},mode=700 none \"$0\" && exec \"$@\"");
        let mut command = std::process::Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script]).arg(&at).arg(programs::POSTE);
        command.args(["view", "--at"]).arg(&at).args(["--", "sh", "-c", inside, programs::POSTE]);
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        let output = command.env("POSTE_HOME", &bob.dir).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run("16k", "true");
    assert_eq!(code, Some(74), "not even a screen of messages fits: {said}");
    assert!(said.contains("no space left"), "{said}");
    // It fills up while it is open; what is done in it then is done, and what comes shows later.
    let inside = "cd \"$POSTE_VIEW/alice\" && set -- new/* && \
        ! head -c 2m /dev/zero >tmp/big && mv \"$1\" \"cur/${1#new/}:2,S\" && rm \"$2\" && \
        head -c 2m /dev/zero >>tmp/big; printf 'Subject: late\\n\\nx\\n' | \"$0\" forge --from alice && \
        sleep 1 && rm tmp/big && until [ \"$(ls new | wc -l)\" = 5 ]; do sleep 0.1; done";
    let (code, said) =
        run("1m", &format!("timeout 30 sh -c '{}' \"$0\"", inside.replace('\'', "'\\''")));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no space left"), "{said}");
    let all = tree(&bob, "alice");
    let with = |end: &str| all.iter().filter(|one| one.ends_with(end)).count();
    assert_eq!((all.len(), with(" S"), with("late new")), (6, 1, 1), "{all:?}: {said}");
}

#[test]
fn what_is_moved_to_where_it_cannot_be_filed_comes_back() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 2);
    fs::create_dir_all(at.join("Archive/cur")).unwrap();
    // As mutt moves: a copy of its own, and then the message goes.
    for (number, to) in [(1, "Archive/cur"), (2, "requests/cur")] {
        let file = view.file("alice", &format!("letter {number}")).unwrap();
        fs::copy(&file, at.join(to).join(format!("{number}.host:2,S"))).unwrap();
        fs::remove_file(file).unwrap();
    }
    eventually("both are there again", || files(&at.join("alice")).len() == 2);
    assert_eq!(view.end().code(), Some(65));
    assert_eq!(tree(&bob, "alice"), ["letter 1 new", "letter 2 new"]);
    assert_eq!(files(&at).len(), 2, "the copies are named and stay");
}

#[test]
fn a_folder_renamed_in_the_view_is_moved_and_one_left_behind_opens_again() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 2);
    view.knows(&add(&at, &added()));
    fs::rename(at.join("alice"), at.join("anna")).unwrap();
    eventually("the messages are moved", || tree(&bob, "anna").len() == 3);
    assert!(tree(&bob, "alice").is_empty());
    for part in ["new", "cur"] {
        fs::write(at.join("anna").join(part).join("1.host"), "Subject: x\n\nundated\n").unwrap();
    }
    assert_eq!(view.end().code(), Some(65));
    assert_eq!(files(&at).len(), 2);
    let output =
        bob.run(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", "echo begun"], b"");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "begun\n");
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(tree(&bob, "anna").len(), 3);
}

#[test]
fn a_program_that_writes_by_an_old_name_adds_a_message() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let view = Viewed::open(&bob, &dir.path().join("view"), 1);
    let old = view.file("alice", "letter 1").unwrap();
    let text = fs::read_to_string(&old).unwrap();
    replace(&bob, 1, "This is by another command.");
    eventually("the text follows", || !old.exists() && view.file("alice", "letter 1").is_some());
    let now = view.file("alice", "letter 1").unwrap();
    view.knows(&now);
    fs::write(&old, text.replace("this is number 1", "this is by hand")).unwrap();
    eventually("both are in the tree", || tree(&bob, "alice").len() == 2);
    assert!(fs::read_to_string(&now).unwrap().contains("by another command"));
    for text in ["This is by another command.", "this is by hand"] {
        assert_eq!(texts(&bob).matches(text).count(), 1, "{text}");
    }
    assert!(view.end().success());
}

#[test]
fn what_a_program_cut_short_was_writing_stays() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let at = dir.path().join("view");
    let script = "echo draft >\"$TMPDIR/compose\"; echo swap >\"$TMPDIR/.compose.swp\"; kill -9 $$";
    let output = bob.run(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", script], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    for name in ["compose", ".compose.swp"] {
        assert!(said.contains(&format!("/aside-1/{name} was not filed")), "{said}");
    }
    let output = bob.run(&["view", "--at", at.to_str().unwrap(), "--", "true"], b"");
    assert_eq!(output.status.code(), Some(65), "they stay until somebody removes them");
    assert_eq!(fs::read_to_string(at.join("aside-1/compose")).unwrap(), "draft\n");
    fs::remove_dir_all(at.join("aside-1")).unwrap();
    bob.ok(&["view", "--at", at.to_str().unwrap(), "--", "true"]);
    assert!(!at.exists());
    // Also if the view itself was killed, and whatever came after it ended well.
    let script = "echo draft >\"$TMPDIR/compose\"; kill -9 $PPID";
    bob.run(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", script], b"");
    let output = bob.run(&["view", "--at", at.to_str().unwrap(), "--", "true"], b"");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert_eq!(fs::read_to_string(at.join("aside-1/compose")).unwrap(), "draft\n");
}

/// Whoever edits waits for nobody: of two texts the one that came first stays, the other is not lost.
#[test]
fn an_edit_of_what_was_changed_meanwhile_is_kept_and_gone_on_with() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let old = path(&bob, "alice", "letter 1");
    let other = format!(
        "printf 'Subject: letter 1\\n\\nBy another command.\\n' | {} forge --from alice --replace {old} >/dev/null; \
         sed -i 's/this is number 1/this is by hand/'",
        programs::POSTE
    );
    let mut command = bob.command(&["edit", &old]);
    let output = command.env("EDITOR", other).env("XDG_RUNTIME_DIR", dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("was changed meanwhile") && said.contains("message.eml"), "{said}");
    assert!(texts(&bob).contains("By another command."));
    let again = |editor: &str| {
        let mut command = bob.command(&["edit", &path(&bob, "alice", "letter 1")]);
        command.env("EDITOR", editor).env("XDG_RUNTIME_DIR", dir.path()).output().unwrap()
    };
    let output = again("false");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("what you wrote is in"), "{said}");
    let output = again("true");
    assert!(output.status.success(), "{output:?}");
    assert!(texts(&bob).contains("this is by hand"));
}
