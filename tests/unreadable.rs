//! A message whose file is damaged, or may not be read, is named and stops no other: where messages
//! are shown, listed with their heads, searched, and opened into a view (poste(1)). And a message is
//! known by its mere file name in its directory, as shells give it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use programs::{Home, POSTE};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use viewed::{bob, eventually, scratch};

/// Runs as somebody whom modes of files concern, which they do not root.
fn run(home: &Home, dir: &Path, args: &[&str]) -> (i32, String, String) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let is_root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    let mut command = match is_root {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-dac_override,-dac_read_search", POSTE]);
            command
        }
        false => Command::new(POSTE),
    };
    command.args(args).env("POSTE_HOME", &home.dir).current_dir(dir);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The messages of alice, the oldest first, of which the second is made bad.
fn with_a_bad_one(bob: &Home, how: impl Fn(&str)) -> Vec<String> {
    let paths: Vec<String> = bob.ok(&["list", "alice"]).lines().map(str::to_owned).collect();
    how(&paths[1]);
    paths
}

fn damage(path: &str) {
    fs::write(path, "damaged").unwrap();
}

fn close(path: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}

/// Whether nothing is said but what is wrong with the file at `path`, and what to do.
fn is_named_once(wrong: &str, path: &str) -> bool {
    let mut lines = wrong.lines().filter(|line| !line.starts_with("poste: hint: "));
    lines.next().is_some_and(|line| line.contains(path)) && lines.next().is_none()
}

#[test]
fn a_bad_message_stops_no_other_from_being_read() {
    for (how, wanted) in [(damage as fn(&str), 65), (close, 77)] {
        let dir = scratch();
        let bob = bob(dir.path(), 3);
        let paths = with_a_bad_one(&bob, how);
        let run = |args: &[&str]| run(&bob, dir.path(), args);
        let all: Vec<&str> = paths.iter().map(String::as_str).collect();

        let (status, said, wrong) = run(&[&["show"], &all[..]].concat());
        assert_eq!((status, said.matches("this is number").count()), (wanted, 2), "{said}{wrong}");
        assert!(said.contains(".\n\nFrom: alice\n") && !said.starts_with('\n'), "{said}");
        assert!(is_named_once(&wrong, all[1]), "{wrong}");
        let (status, said, _) = run(&[&["--json", "show"], &all[..]].concat());
        let json: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((status, json.as_array().unwrap().len()), (wanted, 2), "{said}");

        let (status, said, wrong) = run(&["list", "-l"]);
        assert_eq!((status, said.lines().count()), (wanted, 3), "{said}");
        assert_eq!(said.lines().filter(|line| line.contains("\tletter ")).count(), 2, "{said}");
        assert!(is_named_once(&wrong, all[1]), "{wrong}");
        let (status, said, _) = run(&["list", "-l", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&said).unwrap();
        let has_subject = |row: &&serde_json::Value| row["subject"].is_string();
        assert_eq!(
            (status, json.as_array().unwrap().iter().filter(has_subject).count()),
            (wanted, 2)
        );

        let (status, said, wrong) = run(&["search", "number"]);
        assert_eq!((status, said.lines().count()), (wanted, 2), "{said}{wrong}");
        assert!(is_named_once(&wrong, all[1]), "{wrong}");

        let at = dir.path().join("view").display().to_string();
        let (status, said, wrong) =
            run(&["view", "--at", &at, "--", "sh", "-c", "ls $POSTE_VIEW/alice/*/"]);
        assert_eq!((status, said.matches(".poste").count()), (0, 2), "{said}{wrong}");
        assert!(is_named_once(&wrong, all[1]), "{wrong}");
        assert!(!Path::new(&at).exists());
    }
}

#[test]
fn one_that_may_not_be_read_any_more_keeps_an_open_view_from_nothing() {
    let dir = scratch();
    let bob = bob(dir.path(), 3);
    let paths = with_a_bad_one(&bob, |_| {});
    // Its text is changed in the view, and so is that of another.
    let script = format!(
        "chmod 0 {} && sed -i 's/this is/this was/' $POSTE_VIEW/alice/*/*.poste*",
        paths[1]
    );
    let at = dir.path().join("view").display().to_string();
    let (status, _, wrong) =
        run(&bob, dir.path(), &["view", "--at", &at, "--", "sh", "-c", &script]);
    assert_eq!(status, 65, "{wrong}");
    assert_eq!(viewed::files(Path::new(&at)).len(), 1, "what cannot be compared stays: {wrong}");
    fs::set_permissions(&paths[1], fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(&bob, dir.path(), &["view", "--at", &at, "--", "true"]).0, 0);
    assert!(!Path::new(&at).exists());
    assert_eq!(bob.ok(&["search", "this", "was"]).lines().count(), 3);
}

#[test]
fn a_message_is_known_by_its_file_name_in_its_directory() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let path = bob.ok(&["list", "alice"]).lines().next().unwrap().to_owned();
    let (part, name) = path.rsplit_once('/').unwrap();
    let text = bob.ok(&["show", "--raw", &path]);
    let new = |path: &str| Path::new(path).to_owned();
    for (from, name) in [
        (new(part), name.to_owned()),
        (new(part), format!("./{name}")),
        (new(part).join("../cur"), format!("../new/{name}")),
    ] {
        assert_eq!(run(&bob, &from, &["show", "--raw", &name]), (0, text.clone(), String::new()));
    }
    let view = viewed::Viewed::open(&bob, &dir.path().join("view"), 2);
    let there = view.file("alice", "letter 1").or(view.file("alice", "letter 2")).unwrap();
    view.knows(&there);
    let (part, name) = (there.parent().unwrap(), there.file_name().unwrap().to_str().unwrap());
    eventually("it is known there", || run(&bob, part, &["verify", name]).0 == 0);
    assert!(run(&bob, part, &["verify", name]).1.contains("from alice to me"));
    assert!(view.end().success());
}
