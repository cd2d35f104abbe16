//! A view opened by the real program, for tests: messages in the tree, and what lies in the view.
#![allow(dead_code, clippy::unwrap_used)]

use crate::programs::Home;
use poste::core::time::Time;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Bob, whose contacts are alice and carol, with `count` messages of alice.
pub fn bob(dir: &Path, count: usize) -> Home {
    let stick = format!("file://{}", dir.join("stick").display());
    let bob = Home::init(dir, "bob", &stick);
    for name in ["alice", "carol"] {
        let home = Home::init(dir, name, &stick);
        bob.ok(&["add", name, home.card().to_str().unwrap()]);
    }
    (1..=count).for_each(|number| drop(forge(&bob, number)));
    bob
}

/// Files a message of alice. Gives its path.
pub fn forge(bob: &Home, number: usize) -> String {
    let text = format!("Subject: letter {number}\n\nDear bob, this is number {number}.\n");
    bob.ok_with(&["forge", "--from", "alice"], text.as_bytes()).trim().to_owned()
}

/// A message that a mail program might have written, dated when the key is known.
pub fn added() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let date = Time::from_unix(now - now % 60 - 1).rfc5322();
    format!(
        "From: alice@poste\nTo: me@poste\nDate: {date}\nX-Mailer: something\nSubject: added\n\n\
         by hand\n"
    )
}

/// A directory in memory.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// The directory that `examples/muttrc` makes in memory, whether it is then used or not: of one test
/// at a time, and gone after it unless it was there before.
pub struct Own {
    pub at: PathBuf,
    was_there: bool,
    _lock: File,
}

impl Own {
    /// Waits until no other test has it.
    pub fn alone() -> Own {
        let lock = File::open("/dev/shm").unwrap();
        lock.lock().unwrap();
        let at = PathBuf::from(format!("/dev/shm/poste-{}", rustix::process::getuid().as_raw()));
        Own { was_there: at.exists(), at, _lock: lock }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !self.was_there {
            // What somebody else has put there meanwhile keeps it.
            let _ = std::fs::remove_dir(&self.at);
        }
    }
}

/// Changes the text of a file where it lies, as editors do.
pub fn rewrite(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

/// Puts a message into a view, as mail programs do; where it lies.
pub fn add(view: &Path, text: &str) -> PathBuf {
    let file = view.join("alice/new/1795356000.R17.host");
    std::fs::write(view.join("alice/tmp/x"), text).unwrap();
    std::fs::rename(view.join("alice/tmp/x"), &file).unwrap();
    file
}

/// An open view; killed when dropped.
pub struct Viewed {
    pub at: PathBuf,
    child: Child,
}

impl Viewed {
    /// Opens one, and waits until it has so many messages.
    pub fn open(home: &Home, at: &Path, messages: usize) -> Viewed {
        let mut command = home.command(&["view", "--at", at.to_str().unwrap()]);
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let view = Viewed { at: at.to_owned(), child };
        eventually("all messages are in the view", || files(at).len() == messages);
        view
    }

    /// The one file with this subject, below a folder.
    pub fn file(&self, folder: &str, subject: &str) -> Option<PathBuf> {
        let line = format!("Subject: {subject}\n");
        let has = |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|t| t.contains(&line));
        let below = self.at.join(folder);
        files(&below).into_iter().find(has)
    }

    /// Waits until it has written down that it holds a file as a message of the tree.
    pub fn knows(&self, file: &Path) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let end = format!(" {}", name.split(':').next().unwrap());
        eventually("it is written down", || {
            let text = std::fs::read_to_string(self.at.join(".poste-view")).unwrap_or_default();
            text.lines().any(|line| line.starts_with("+ ") && line.ends_with(&end))
        });
    }

    /// Asks it to end; how it did.
    pub fn end(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
    }

    /// Kills it on the spot.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Viewed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All messages below a directory.
pub fn files(at: &Path) -> Vec<PathBuf> {
    let items = walkdir::WalkDir::new(at).into_iter().filter_map(Result::ok);
    let in_part = |path: &Path| {
        path.parent().is_some_and(|part| part.ends_with("new") || part.ends_with("cur"))
    };
    let files = items.filter(|item| item.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files.filter(|path| in_part(path)).collect()
}

/// Subjects and flags of a folder of the tree, sorted.
pub fn tree(home: &Home, folder: &str) -> Vec<String> {
    let list = home.run(&["--json", "list", "-l", folder], b"");
    if !list.status.success() {
        return Vec::new();
    }
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let lines = list.as_array().unwrap().iter();
    let mut lines: Vec<String> =
        lines.map(|one| format!("{} {}", text(&one["subject"]), text(&one["flags"]))).collect();
    lines.sort();
    lines
}

/// The path in the tree of the message with this subject.
pub fn path(home: &Home, folder: &str, subject: &str) -> String {
    let list = home.ok(&["--json", "list", "-l", folder]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let found = list.as_array().unwrap().iter().find(|one| one["subject"] == subject);
    found.unwrap()["path"].as_str().unwrap().to_owned()
}

/// Puts a `notify-send` beside the programs of a test; what it was given each time, so far.
pub fn notices(bin: &Path) -> impl Fn() -> Vec<String> + use<> {
    let (program, said) = (bin.join("notify-send"), bin.join("said"));
    let script = format!("#!/bin/sh\nIFS='|'; echo \"$*\" >>{}\n", said.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    move || {
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Waits until something holds, a minute at most.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "it did not come to this: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
