//! SIGKILL at the calls by which `poste view` changes the view or the tree, and again at those of
//! the next one; and of commands beside an open view. Whatever a mail program has done is then done
//! once, nothing is lost or twice, and the view is wiped (poste(1), view). Figures go to standard
//! output.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that meets an error failed")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use poste::core::time::{MINUTE, Time};
use programs::{Home, killed};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use viewed::{Viewed, add, added, bob, eventually, files, forge, path, rewrite, scratch, tree};

/// Homes that are killed at the same time: most of the time is that in which files settle.
const AT_ONCE: usize = 4;

/// A home that is put back to how it was before each kill.
struct Desk {
    home: Home,
    kept: PathBuf,
    at: PathBuf,
    /// Where it is gone on with when the turn is an odd one.
    other: PathBuf,
    /// There as soon as the command runs in the view.
    begun: PathBuf,
    /// By what the command is told to end.
    end: PathBuf,
}

impl Desk {
    fn new(dir: &Path, kept: &Home) -> Desk {
        fs::create_dir(dir).unwrap();
        let [at, other, begun, end] = ["view", "other", "begun", "end"].map(|name| dir.join(name));
        let made = Command::new("mkfifo").arg(&end).status().unwrap();
        assert!(made.success());
        Desk { home: Home { dir: dir.join("bob") }, kept: kept.dir.clone(), at, other, begun, end }
    }

    fn restore(&self) {
        let _ = fs::remove_dir_all(&self.home.dir);
        let _ = fs::remove_dir_all(&self.at);
        let _ = fs::remove_file(&self.begun);
        let copied = Command::new("cp").arg("-a").args([&self.kept, &self.home.dir]).status();
        assert!(copied.unwrap().success());
    }

    /// A view in which much is done, killed at a call; the next one, killed as well; and one that
    /// is not. Whether the first was killed.
    fn point(&self, calls: &str, at: usize) -> bool {
        self.restore();
        let script = format!(": >'{}'; read word <'{}'", self.begun.display(), self.end.display());
        let view = |at: &Path| ["view", "--at", at.to_str().unwrap(), "--"].map(str::to_owned);
        let with = |at: &Path, rest: &[&str]| {
            [&view(at)[..], &rest.iter().map(|s| s.to_string()).collect::<Vec<_>>()].concat()
        };
        let args = with(&self.at, &["sh", "-c", &script]);
        let kill = |args: &[String], at: usize| {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            killed(&self.home, &args, calls, at, b"")
        };
        // Neither sh nor what changes the view makes calls that count.
        let mut end = OpenOptions::new().read(true).write(true).open(&self.end).unwrap();
        let cut = std::thread::scope(|scope| {
            let run = scope.spawn(|| kill(&args, at));
            while !self.begun.exists() && !run.is_finished() {
                std::thread::sleep(Duration::from_millis(10));
            }
            if self.begun.exists() {
                change(&self.at);
                self.change_tree();
                writeln!(end, "end").unwrap();
            }
            run.join().unwrap()
        });
        let next = if at % 2 == 1 && cut { &self.other } else { &self.at };
        let args = with(next, &["true"]);
        if cut {
            kill(&args, 1 + at / 2);
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.home.ok(&args);
        let said = format!("{calls} {at}");
        // One that died before it wrote down where the view is has put nothing there.
        let left = walkdir::WalkDir::new(&self.at).into_iter().filter_map(Result::ok);
        let left = left.filter(|item| item.depth() > 0 && item.file_name() != ".poste-view");
        assert_eq!(left.count(), 0, "{said}: the view is wiped");
        assert!(!next.exists(), "{said}: the view goes");
        assert!(!self.home.dir.join("state/view.toml").exists(), "{said}");
        self.check(&said);
        cut
    }

    /// What other commands do meanwhile: a text replaced, and a message more.
    fn change_tree(&self) {
        let five = path(&self.home, "alice", "letter 5");
        let text = b"Subject: letter 5\n\nAnother text.\n";
        self.home.ok_with(&["forge", "--from", "alice", "--replace", &five], text);
        forge(&self.home, 6);
    }

    fn check(&self, said: &str) {
        let [alice, carol] = ["alice", "carol"].map(|folder| tree(&self.home, folder));
        let all = self.home.ok(&["list"]).lines().count();
        if !self.begun.exists() {
            assert_eq!(
                alice,
                [1, 2, 3, 4, 5].map(|number| format!("letter {number} new")),
                "{said}"
            );
            assert_eq!((carol.len(), all), (0, 5), "{said}");
            return;
        }
        let left = ["added new", "letter 1 F", "letter 4 new", "letter 5 new", "letter 6 new"];
        assert_eq!(alice, left, "{said}");
        assert_eq!(carol, ["letter 3 S"], "{said}");
        assert_eq!(all, 6, "{said}");
        let text =
            |folder, subject| self.home.ok(&["show", "--raw", &path(&self.home, folder, subject)]);
        assert!(text("alice", "letter 4").contains("this was never number 4"), "{said}");
        assert!(text("alice", "letter 1").contains("this is number 1"), "{said}");
        assert!(text("carol", "letter 3").contains("this is number 3"), "{said}");
        assert!(text("alice", "letter 5").contains("Another text."), "{said}");
        assert!(text("alice", "added").contains("by hand"), "{said}");
    }
}

/// Flags a message, deletes one, moves one, changes one, and adds one.
fn change(view: &Path) {
    let file = |number: usize| {
        let line = format!("Subject: letter {number}\n");
        let has = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains(&line));
        files(view).into_iter().find(has).unwrap()
    };
    let put = |number: usize, folder: &str, flags: &str| {
        let from = file(number);
        let name = from.file_name().unwrap().to_str().unwrap();
        fs::rename(&from, view.join(folder).join("cur").join(format!("{name}:2,{flags}"))).unwrap();
    };
    put(1, "alice", "F");
    fs::remove_file(file(2)).unwrap();
    put(3, "carol", "S");
    // As an editor writes it that adds a header of its own, with another Date if the day has one.
    let four = file(4);
    rewrite(&four, "this is number 4", "this was never number 4");
    rewrite(&four, "Subject: ", "X-Mailer: something\nSubject: ");
    let now = Time::from_unix(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let earlier = Time::from_unix(now.unix() - 5 * MINUTE);
    if earlier.day() == now.day() {
        let text = fs::read_to_string(&four).unwrap();
        let date = text.lines().find(|line| line.starts_with("Date: ")).unwrap();
        rewrite(&four, date, &format!("Date: {}", earlier.rfc5322()));
    }
    add(view, &added());
}

/// Kills at every `stride`th call of each of these names, which are counted by themselves.
fn sweep(name: &str, families: &[(&str, usize)]) {
    let began = Instant::now();
    let dir = scratch();
    let kept = bob(dir.path(), 5);
    let desks: Vec<Desk> =
        (0..AT_ONCE).map(|number| Desk::new(&dir.path().join(number.to_string()), &kept)).collect();
    let mut hits = 0;
    for (calls, stride) in families {
        let (next, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for desk in &desks {
                scope.spawn(|| {
                    while desk.point(calls, 1 + stride * next.fetch_add(1, Ordering::Relaxed)) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        println!("view killed: {calls}: {} hit", count.load(Ordering::Relaxed));
        hits += count.load(Ordering::Relaxed);
    }
    println!("view killed while {name}: {hits} hit in {:.0} s", began.elapsed().as_secs_f64());
    assert!(hits >= 10, "{hits} hit");
}

#[test]
fn a_view_killed_while_putting_and_filing() {
    sweep("putting and filing", &[("rename", 1), ("renameat2", 1), ("fsync", 1), ("mkdir", 8)]);
}

#[test]
fn a_view_killed_while_removing() {
    sweep("removing", &[("unlink", 1), ("rmdir", 4)]);
}

#[test]
fn a_view_killed_while_writing() {
    sweep("writing", &[("write", 1), ("fdatasync", 1), ("ftruncate", 1)]);
}

/// The subjects in a view, sorted.
fn shown(view: &Viewed) -> Vec<String> {
    let subject = |path: &PathBuf| {
        let text = fs::read_to_string(path).ok()?;
        Some(text.lines().find_map(|line| line.strip_prefix("Subject: "))?.to_owned())
    };
    let mut subjects: Vec<String> = files(&view.at).iter().filter_map(subject).collect();
    subjects.sort();
    subjects
}

/// The subjects in the tree, sorted.
fn filed(home: &Home) -> Vec<String> {
    let lines = ["alice", "carol", "inbox"].map(|folder| tree(home, folder)).concat();
    let subject = |line: &String| line.rsplit_once(' ').unwrap().0.to_owned();
    let mut subjects: Vec<String> = lines.iter().map(subject).collect();
    subjects.sort();
    subjects
}

/// Kills a command, made anew for each turn, at every `stride`th call of each of the names, until it
/// comes to its end; gives how often.
fn turns(families: &[(&str, usize)], mut turn: impl FnMut(&str, usize) -> bool) -> usize {
    let one = |(calls, stride): &(&str, usize)| {
        let hits = (1..).step_by(*stride).take_while(|at| turn(calls, *at)).count();
        println!("killed beside a view: {calls}: {hits} hit");
        hits
    };
    families.iter().map(one).sum()
}

#[test]
fn a_sync_killed_beside_a_view_brings_each_letter_once() {
    let dir = scratch();
    fs::create_dir(dir.path().join("stick")).unwrap();
    let stick = format!("file://{}", dir.path().join("stick").display());
    let (alice, bob) = programs::acquainted(dir.path(), &stick);
    let view = Viewed::open(&bob, &dir.path().join("view"), 2);
    let mut written = filed(&bob);
    let mut last = "welcome".to_owned();
    let families = [("rename", 3), ("unlink", 2), ("fsync", 3), ("write", 4), ("fdatasync", 1)];
    let hits = turns(&families, |calls, at| {
        let said = format!("{calls} {at}");
        let subject = format!("{calls}-{at}");
        alice.ok_with(&["send", "bob", "-s", &subject], b"text\n");
        alice.ok(&["sync", "--now"]);
        let cut = killed(&bob, &["sync", "--now"], calls, at, b"");
        // The view goes on beside what the killed one has left.
        let file = view.file("alice", &last).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().split(':').next().unwrap();
        fs::rename(&file, view.at.join("alice/cur").join(format!("{name}:2,F"))).unwrap();
        let flagged = format!("{last} F");
        eventually("a flag is taken", || tree(&bob, "alice").contains(&flagged));
        eventually("the view shows what is there", || shown(&view) == filed(&bob));
        bob.ok(&["sync", "--now"]);
        written.push(subject.clone());
        written.sort();
        assert_eq!(filed(&bob), written, "{said}");
        eventually("the view shows the letter", || shown(&view) == written);
        last = subject;
        cut
    });
    println!("sync killed beside a view: {hits} hit");
    assert!(hits >= 10, "{hits} hit");
    assert!(view.end().success());
    assert_eq!(filed(&bob), written);
}

#[test]
fn a_forgery_or_an_edit_killed_beside_a_view_shows_as_it_is() {
    let dir = scratch();
    let bob = bob(dir.path(), 2);
    let ran = dir.path().join("ran");
    fs::create_dir(&ran).unwrap();
    // An editor that goes on with what is there by a single write, and tells that it ran.
    let editor = dir.path().join("editor.sh");
    let script = format!("echo once more >>\"$1\"; : >'{}'/$$\n", ran.display());
    fs::write(&editor, script).unwrap();
    let config = bob.dir.join("config/config.toml");
    let mut text = OpenOptions::new().append(true).open(config).unwrap();
    writeln!(text, "editor = \"sh {}\"", editor.display()).unwrap();
    let view = Viewed::open(&bob, &dir.path().join("view"), 2);
    let same = |said: &str| {
        eventually(&format!("the view shows what is there after {said}"), || {
            shown(&view) == filed(&bob)
        });
    };
    let mut count = 2;
    let families = [("rename", 1), ("fsync", 1), ("unlinkat", 1), ("write", 1)];
    let hits = turns(&families, |calls, at| {
        let text = format!("Subject: {calls}-{at}\n\ntext\n");
        let cut = killed(&bob, &["forge", "--from", "alice"], calls, at, text.as_bytes());
        let now = filed(&bob).len();
        assert!(now == count + 1 || now == count && cut, "{calls} {at}: {now} of {count}");
        count = now;
        same(&format!("forge {calls} {at}"));
        cut
    });
    println!("forge killed beside a view: {hits} hit");
    assert!(hits >= 5, "{hits} hit");
    let all = filed(&bob);
    let times = |text: &str| text.matches("once more\n").count();
    let hits = turns(&families, |calls, at| {
        let edit = |at: Option<usize>| {
            let message = path(&bob, "alice", "letter 1");
            match at {
                Some(at) => killed(&bob, &["edit", &message], calls, at, b""),
                None => !bob.ok(&["edit", &message]).is_empty(),
            }
        };
        let cut = edit(Some(at));
        same(&format!("edit {calls} {at}"));
        assert!(!cut || edit(None), "{calls} {at}");
        assert_eq!(filed(&bob), all, "{calls} {at}");
        let text = bob.ok(&["show", "--raw", &path(&bob, "alice", "letter 1")]);
        let runs = fs::read_dir(&ran).unwrap().count();
        assert_eq!(times(&text), runs, "{calls} {at}: nothing that was written is lost");
        eventually("the view has the text", || {
            let file = view.file("alice", "letter 1");
            let text = file.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
            times(&text) == runs && shown(&view) == all
        });
        cut
    });
    println!("edit killed beside a view: {hits} hit");
    assert!(hits >= 5, "{hits} hit");
    assert!(view.end().success());
    assert_eq!(filed(&bob), all);
}
