//! The real mutt, in a terminal, on the view: messages are read, flagged, deleted, saved to another
//! folder, edited and answered, and new mail comes while it is open. What is on the screen and what
//! is in the tree afterwards is looked at (poste(1), view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/viewed.rs"]
mod viewed;

use programs::Home;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use viewed::{bob, eventually, forge, path, tree};

/// Mutt in a terminal, started by `poste view`; the terminal goes with it.
struct Mutt {
    socket: PathBuf,
}

impl Mutt {
    fn start(dir: &Path, home: &Home, folder: &str) -> Mutt {
        let poste = format!("{} --home {}", programs::POSTE, home.dir.display());
        let editor = dir.join("editor");
        let script = "#!/bin/sh\nsed -i 's/this is number/this was/' \"$1\"\n\
                      grep -q '^Subject: letter' \"$1\" || echo 'so be it' >>\"$1\"\n";
        std::fs::write(&editor, script).unwrap();
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
        let rc = format!(
            "source {}/examples/muttrc\nset sendmail='{poste} sendmail'\nset tmpdir={dir}\n\
             set editor={}\nset sort=subject mail_check=1 timeout=1\n\
             set include=no fast_reply=yes abort_unmodified=no header_cache=\n\
             set confirmappend=no delete=yes quit=yes move=no beep=no pager_stop=yes\n",
            env!("CARGO_MANIFEST_DIR"),
            editor.display(),
            dir = dir.display(),
        );
        std::fs::write(dir.join("muttrc"), rc).unwrap();
        let mutt = Mutt { socket: dir.join("tmux") };
        let (at, rc) = (dir.join("view"), dir.join("muttrc"));
        let command = format!(
            "LANG=C.UTF-8 {poste} view --at {} -- mutt -n -F {} -f ={folder}; \
             echo status $?; sleep 60",
            at.display(),
            rc.display()
        );
        mutt.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", &command]);
        mutt
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.socket.to_str().unwrap();
        let output = Command::new("tmux").args(["-S", socket]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen says something.
    fn shows(&self, what: &str) {
        let mut last = String::new();
        let holds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || {
                last = self.screen();
                last.contains(what)
            });
        }));
        assert!(holds.is_ok(), "no {what:?} on the screen:\n{}", self.screen());
    }

    /// Goes to a message of the index.
    fn to(&self, number: &str) {
        self.keys(&[number, "Enter"]);
    }
}

impl Drop for Mutt {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn mutt_is_at_home_in_the_view() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 5);
    let mutt = Mutt::start(dir.path(), &bob, "alice");
    mutt.shows("letter 5");
    // Read, and back.
    mutt.to("5");
    mutt.keys(&["Enter"]);
    mutt.shows("this is number 5");
    mutt.keys(&["i"]);
    mutt.shows("letter 1");
    // Answer it.
    mutt.to("5");
    mutt.keys(&["r"]);
    mutt.shows("y:Send");
    mutt.keys(&["y"]);
    eventually("the answer is queued", || bob.ok(&["outbox"]).contains("alice"));
    mutt.shows("letter 1");
    // New mail comes meanwhile.
    forge(&bob, 6);
    mutt.shows("letter 6");
    // Flag, delete, save elsewhere, and change one.
    mutt.to("1");
    mutt.keys(&["F"]);
    mutt.to("2");
    mutt.keys(&["d"]);
    mutt.to("3");
    mutt.keys(&["s"]);
    mutt.shows("Save to mailbox");
    mutt.keys(&["C-u"]);
    mutt.keys(&["-l", "=carol"]);
    mutt.keys(&["Enter"]);
    eventually("the copy is filed", || tree(&bob, "carol").len() == 1);
    mutt.to("4");
    mutt.keys(&["e"]);
    eventually("the changed message is filed", || {
        tree(&bob, "alice").iter().filter(|line| line.starts_with("letter 4")).count() == 2
    });
    mutt.keys(&["q"]);
    mutt.shows("status 0");
    assert!(!dir.path().join("view").exists());
    let alice = tree(&bob, "alice");
    let starts = |what: &str| alice.iter().filter(|line| line.starts_with(what)).count();
    let counts: Vec<usize> = (1..=6).map(|number| starts(&format!("letter {number}"))).collect();
    assert_eq!(counts, [1, 0, 0, 1, 1, 1], "{alice:?}");
    assert!(alice.iter().any(|line| line.starts_with("letter 1 ") && line.contains('F')));
    assert!(alice.iter().any(|line| line.starts_with("letter 5 ") && line.contains("RS")));
    assert!(tree(&bob, "carol")[0].starts_with("letter 3"));
    let changed = path(&bob, "alice", "letter 4");
    assert!(bob.ok(&["show", "--raw", &changed]).contains("this was 4"));
    assert!(bob.ok(&["verify", &changed]).contains("from alice to me"));
    let sent = alice.iter().find(|line| line.starts_with("Re: letter 5"));
    assert!(sent.is_some(), "{alice:?}");
}
