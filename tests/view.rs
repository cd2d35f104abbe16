//! The view by the real program: what is changed on either side appears on the other, a killed one
//! loses nothing, and closing wipes it (poste(1), view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use viewed::{Viewed, add, added, bob, eventually, files, forge, path, rewrite, scratch, tree};

/// The file under another name in another place of the view.
fn rename(file: &Path, to: &Path, flags: &str) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let base = name.split(':').next().unwrap();
    fs::rename(file, to.join("cur").join(format!("{base}:2,{flags}"))).unwrap();
}

fn is_genuine(home: &programs::Home, path: &str) -> bool {
    home.ok(&["verify", path]).contains("from alice to me")
}

#[test]
fn what_mail_programs_do_in_the_view_is_done_in_the_tree() {
    let dir = scratch();
    let bob = bob(dir.path(), 5);
    let view = Viewed::open(&bob, &dir.path().join("view"), 5);
    let file = |number| view.file("alice", &format!("letter {number}")).unwrap();
    let text = fs::read_to_string(file(1)).unwrap();
    assert!(text.starts_with("From: alice@poste\nTo: me@poste\nDate: "), "{text}");
    assert!(fs::metadata(&view.at).unwrap().mode() & 0o077 == 0);
    assert!(view.at.join("carol/cur").is_dir() && view.at.join("quarantine/new").is_dir());

    rename(&file(1), &view.at.join("alice"), "FS");
    fs::remove_file(file(2)).unwrap();
    rename(&file(3), &view.at.join("carol"), "S");
    rewrite(&file(4), "this is number 4", "this was never number 4");
    add(&view.at, &added());
    let alice = ["added new", "letter 1 FS", "letter 4 new", "letter 5 new"];
    eventually("alice's folder follows", || tree(&bob, "alice") == alice);
    eventually("carol's folder follows", || tree(&bob, "carol") == ["letter 3 S"]);
    eventually("the text follows", || {
        bob.ok(&["show", "--raw", &path(&bob, "alice", "letter 4")]).contains("never number 4")
    });
    let added = path(&bob, "alice", "added");
    assert!(is_genuine(&bob, &added) && is_genuine(&bob, &path(&bob, "alice", "letter 4")));
    let raw = bob.ok(&["show", "--raw", &added]);
    assert!(raw.contains("by hand") && !raw.contains("X-Mailer") && raw.contains(":00 +0000"));
    let at = view.at.clone();
    assert!(view.end().success());
    assert!(!at.exists() && !bob.dir.join("state/view.toml").exists());
    assert_eq!(tree(&bob, "alice"), alice);
}

#[test]
fn what_happens_in_the_tree_shows_in_the_view() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    forge(&bob, 4);
    eventually("new mail appears", || view.file("alice", "letter 4").is_some());
    bob.ok(&["show", &path(&bob, "alice", "letter 1")]);
    fs::remove_file(path(&bob, "alice", "letter 2")).unwrap();
    let sealed = path(&bob, "alice", "letter 3");
    fs::create_dir_all(bob.dir.join("share/mail/carol/new")).unwrap();
    fs::rename(&sealed, sealed.replace("/alice/", "/carol/")).unwrap();
    eventually("flags follow", || {
        let file = view.file("alice", "letter 1").unwrap();
        file.to_str().unwrap().ends_with(":2,S")
    });
    eventually("deletions follow", || view.file("alice", "letter 2").is_none());
    eventually("moves follow", || {
        view.file("carol", "letter 3").is_some() && view.file("alice", "letter 3").is_none()
    });
    assert_eq!(tree(&bob, "alice"), ["letter 1 S", "letter 4 new"]);
    assert_eq!(tree(&bob, "carol"), ["letter 3 new"]);
    assert!(view.end().success());
}

#[test]
fn a_copy_saved_by_a_mail_program_is_the_same_message() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let view = Viewed::open(&bob, &dir.path().join("view"), 1);
    let file = view.file("alice", "letter 1").unwrap();
    fs::copy(&file, view.at.join("carol/cur/1795356000.R1.host:2,S")).unwrap();
    // And one under the same name, as cp(1) makes it.
    fs::copy(&file, view.at.join("carol/new").join(file.file_name().unwrap())).unwrap();
    eventually("the copies are filed", || tree(&bob, "carol") == ["letter 1 S", "letter 1 new"]);
    let raw = |folder| bob.ok(&["show", "--raw", &path(&bob, folder, "letter 1")]);
    assert_eq!(raw("carol"), raw("alice"));
    assert!(view.end().success());
}

#[test]
fn a_killed_view_loses_nothing_and_is_wiped_by_the_next() {
    let dir = scratch();
    let bob = bob(dir.path(), 4);
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let view = Viewed::open(&bob, &first, 4);
    let file =
        |number: usize, view: &Viewed| view.file("alice", &format!("letter {number}")).unwrap();
    let paths: Vec<PathBuf> = (1..=4).map(|number| file(number, &view)).collect();
    // What it has written down of the last chunk, it has.
    eventually("the journal is written", || {
        fs::read_to_string(first.join(".poste-view")).is_ok_and(|text| text.lines().count() > 4)
    });
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let number = inode(&paths[2]);
    view.kill();
    assert!(first.exists());
    fs::remove_file(&paths[0]).unwrap();
    rewrite(&paths[1], "number 2", "number two");
    forge(&bob, 5);
    let view = Viewed::open(&bob, &first, 4);
    assert_eq!(inode(&paths[2]), number, "what is open is not opened again");
    let left = ["letter 2 new", "letter 3 new", "letter 4 new", "letter 5 new"];
    eventually("the deletion is taken", || tree(&bob, "alice") == left);
    view.kill();
    add(&first, &added());
    rename(&paths[3], &first.join("carol"), "R");
    let view = Viewed::open(&bob, &second, 5);
    assert!(!first.exists(), "what the killed one left is wiped");
    assert_eq!(tree(&bob, "carol"), ["letter 4 R"]);
    assert_eq!(tree(&bob, "alice"), ["added new", "letter 2 new", "letter 3 new", "letter 5 new"]);
    let text = bob.ok(&["show", "--raw", &path(&bob, "alice", "letter 2")]);
    assert!(text.contains("number two"), "{text}");
    assert!(view.end().success());
    assert!(!second.exists());
}

/// Mail programs look when they start, and perhaps never again.
#[test]
fn what_a_killed_view_left_is_in_step_before_the_command_starts() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 3);
    (1..=3).for_each(|n| view.knows(&view.file("alice", &format!("letter {n}")).unwrap()));
    let changed = view.file("alice", "letter 3").unwrap();
    view.kill();
    bob.ok(&["move", &path(&bob, "alice", "letter 1"), "inbox"]);
    bob.ok(&["delete", &path(&bob, "alice", "letter 2")]);
    rewrite(&changed, "number 3", "number three");
    let seen = "cd \"$POSTE_VIEW\"; grep -h ^Subject: inbox/*/*; echo; grep -h ^Subject: alice/*/*
        \"$0\" search three | wc -l";
    let view = ["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", seen, programs::POSTE];
    assert_eq!(bob.ok(&view), "Subject: letter 1\n\nSubject: letter 3\n1\n");
}

#[test]
fn who_is_renamed_is_called_so_in_what_is_open() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let at = dir.path().join("view");
    let view = Viewed::open(&bob, &at, 2);
    rename(&view.file("alice", "letter 2").unwrap(), &at.join("alice"), "F");
    bob.ok(&["rename", "alice", "anna"]);
    let says = |view: &Viewed, name: &str, number| {
        let file = view.file(name, &format!("letter {number}"));
        let text = file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        text.starts_with(&format!("From: {name}@poste\n"))
    };
    eventually("both messages say so", || says(&view, "anna", 1) && says(&view, "anna", 2));
    eventually("the old folder goes", || !at.join("alice").exists());
    rewrite(&view.file("anna", "letter 1").unwrap(), "number 1", "number one");
    eventually("they can be edited as before", || {
        bob.ok(&["show", "--raw", &path(&bob, "anna", "letter 1")]).contains("number one")
    });
    view.kill();
    let doctor = || bob.run(&["doctor", "--offline"], b"").stdout;
    let left = format!("mail lies in plain at {}", at.display());
    let said = String::from_utf8(doctor()).unwrap();
    assert!(said.contains(&left) && said.contains("poste view -- true"), "{said}");
    // Somebody else has the name now.
    bob.ok(&["rename", "carol", "charlotte"]);
    bob.ok(&["rename", "anna", "carol"]);
    let view = Viewed::open(&bob, &at, 2);
    eventually("a later run says so as well", || {
        says(&view, "carol", 1) && says(&view, "carol", 2)
    });
    assert!(view.end().success());
    assert_eq!(tree(&bob, "carol"), ["letter 1 new", "letter 2 F"]);
    assert!(!String::from_utf8(doctor()).unwrap().contains(&left));
}

#[test]
fn a_group_is_a_mailing_list_in_a_folder_of_its_own() {
    let dir = scratch();
    let node = programs::Node::start();
    let [alice, bob, _carol] = &programs::family(dir.path(), &node.url);
    alice.ok_with(&["send", "family", "-s", "supper"], b"At eight.\n");
    programs::rounds(&[alice, bob], 2);
    let count = bob.ok(&["list"]).lines().count();
    let view = Viewed::open(bob, &dir.path().join("view"), count);
    let supper = |folder: &str| view.file(folder, "supper").unwrap();
    let text = fs::read_to_string(supper("kin")).unwrap();
    assert!(text.starts_with("From: alice@poste\nTo: kin@poste\nDate: "), "{text}");
    let header = "\nReply-To: kin@poste\nList-Id: \"family\" <";
    assert!(text.contains(header) && text.contains("\nList-Post: <mailto:kin@poste>\n"), "{text}");
    // A message written to it, one of it changed, and one moved out and copied back.
    let new = view.at.join("kin/new/1795356000.R17.host");
    fs::write(&new, added().replace("me@poste", "kin@poste")).unwrap();
    rewrite(&supper("kin"), "eight", "nine");
    let raw = |folder: &str, subject: &str| bob.ok(&["show", "--raw", &path(bob, folder, subject)]);
    eventually("both are filed", || {
        tree(bob, "kin")
            .iter()
            .filter(|l| l.starts_with("added") || l.starts_with("supper"))
            .count()
            == 2
            && raw("kin", "supper").contains("nine")
    });
    for subject in ["added", "supper"] {
        let raw = raw("kin", subject);
        assert!(raw.contains("\nX-Poste-Group: ") && !raw.contains("List-Id"), "{raw}");
        assert!(bob.ok(&["verify", &path(bob, "kin", subject)]).contains("from alice to"));
    }
    let was = raw("kin", "supper");
    rename(&supper("kin"), &view.at.join("alice"), "S");
    eventually("it is moved", || tree(bob, "alice").contains(&"supper S".to_owned()));
    fs::copy(supper("alice"), view.at.join("kin/cur/1795356000.R18.host:2,S")).unwrap();
    eventually("the copy is filed", || tree(bob, "kin").contains(&"supper S".to_owned()));
    assert!(raw("kin", "supper") == was && raw("alice", "supper") == was);
    // What it is called shows in what is open.
    alice.ok(&["group", "rename", "family", "The Family"]);
    programs::rounds(&[alice, bob], 2);
    eventually("the new title shows", || {
        fs::read_to_string(supper("kin")).unwrap().contains("\nList-Id: \"The Family\" <")
    });
    assert!(view.end().success());
}

#[test]
fn a_view_removed_by_somebody_deletes_no_messages() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    let all = tree(&bob, "alice");
    fs::remove_dir_all(view.at.join("alice")).unwrap();
    eventually("a removed folder comes back", || files(&view.at).len() == 3);
    fs::remove_dir_all(&view.at).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(view.end().code(), Some(74));
    assert_eq!(tree(&bob, "alice"), all);
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    assert!(view.end().success());
}

#[test]
fn a_disk_other_files_and_a_second_view_are_refused() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let output = bob.run(&["view", "--at", "/proc/view"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(73), "{said}");
    assert!(said.contains("not on a tmpfs") && said.contains("--anywhere"), "{said}");
    let home = bob.dir.to_str().unwrap();
    assert_eq!(bob.run(&["view", "--at", home], b"").status.code(), Some(73), "not empty");
    let view = Viewed::open(&bob, &dir.path().join("view"), 1);
    let other = dir.path().join("other");
    let output = bob.run(&["view", "--at", other.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&output.stderr).contains("open already"));
    assert!(view.end().success());
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = disk.path().join("view");
    bob.ok(&["view", "--anywhere", "--at", at.to_str().unwrap(), "--", "true"]);
    assert!(!at.exists());
}

#[test]
fn a_command_runs_in_the_view_and_what_cannot_be_filed_stays() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let at = dir.path().join("view");
    let run = |script: &str| {
        bob.run(&["view", "--at", at.to_str().unwrap(), "--", "sh", "-c", script], b"")
    };
    let output = run("ls \"$POSTE_VIEW\"/alice/new | wc -l; exit 3");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2");
    assert!(!at.exists());
    let output = run("printf 'Subject: nobody\\n\\nx\\n' >\"$POSTE_VIEW\"/alice/cur/1.host:2,S");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("it has no Date"), "{said}");
    assert_eq!(files(&at), [at.join("alice/cur/1.host:2,S")], "all else is wiped");
    fs::write(at.join("alice/cur/1.host:2,S"), added()).unwrap();
    assert!(run("true").status.success());
    assert!(!at.exists());
    assert_eq!(tree(&bob, "alice"), ["added S", "letter 1 new", "letter 2 new"]);
    assert_eq!(run("exit 0").status.code(), Some(0));
    for (command, status) in [("/nowhere/at/all", 127), ("/tmp", 126)] {
        let output = bob.run(&["view", "--at", at.to_str().unwrap(), "--", command], b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(&format!("cannot run {command}: ")) && !at.exists(), "{said}");
    }
}

#[test]
fn a_place_that_is_none_for_a_view_is_refused() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("/tmp", &link).unwrap();
    let within = bob.dir.join("share/mail/v");
    for (at, status, hint) in [
        (link.as_path(), 73, "give an empty directory"),
        (Path::new("/dev/null"), 73, "give an empty directory"),
        (&within, 64, "name a place outside of it"),
    ] {
        let args = ["view", "--anywhere", "--at", at.to_str().unwrap(), "--", "true"];
        let output = bob.run(&args, b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(hint) && !said.contains("backup"), "{said}");
    }
    assert!(!within.exists() && !bob.ok(&["list"]).is_empty());
}

/// A home that `--home` names is that of whatever calls poste in its view.
#[test]
fn what_calls_poste_in_the_view_means_the_same_home() {
    let (dir, place) = (tempfile::tempdir().unwrap(), scratch());
    let bob = bob(dir.path(), 1);
    let at = place.path().join("view");
    let mut command = std::process::Command::new(programs::POSTE);
    command.env_clear().env("HOME", dir.path()).arg("--home").arg(&bob.dir);
    command.args(["view", "--at", at.to_str().unwrap(), "--", programs::POSTE, "card"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), bob.ok(&["card"]));
}
