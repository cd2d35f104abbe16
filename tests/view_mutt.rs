//! The real mutt and the real neomutt, in a terminal, on the view: messages are read, flagged,
//! deleted, saved to another folder, edited, forged, verified and answered, and new mail comes while
//! they are open. What is on the screen and what is in the tree afterwards is looked at
//! (poste(1), view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/viewed.rs"]
mod viewed;

use programs::Home;
use screen::Screen;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use viewed::{bob, eventually, forge, path, tree};

/// The examples as a user has them, but for what the test needs: the programs under test, an editor
/// that writes by itself, and fewer questions.
fn settings(dir: &Path, home: &Home, examples: &[&str]) -> String {
    let poste = format!("{} --home {}", programs::POSTE, home.dir.display());
    let editor = dir.join("editor");
    let script = "#!/bin/sh\nsed -i 's/this is number/this was/' \"$1\"\n\
                  grep -q '^Subject: letter' \"$1\" || echo 'so be it' >>\"$1\"\n";
    std::fs::write(&editor, script).unwrap();
    let program = dir.join("poste");
    std::fs::write(&program, format!("#!/bin/sh\nexec {poste} \"$@\"\n")).unwrap();
    for file in [&editor, &program] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let top = env!("CARGO_MANIFEST_DIR");
    let sources: String =
        examples.iter().map(|example| format!("source {top}/examples/{example}\n")).collect();
    format!(
        "{sources}set sendmail='{poste} sendmail'\nset tmpdir={dir}\nset editor={}\n\
         set sort=subject mail_check=1 timeout=1\n\
         set include=no fast_reply=yes abort_unmodified=no header_cache=\n\
         set confirmappend=no delete=yes quit=yes move=no beep=no pager_stop=yes\n\
         set wait_key=yes postponed={dir}/postponed\n",
        editor.display(),
        dir = dir.display(),
    )
}

fn start(dir: &Path, home: &Home, program: &str, examples: &[&str]) -> Screen {
    let rc = dir.join("muttrc");
    std::fs::write(&rc, settings(dir, home, examples)).unwrap();
    let command = format!(
        "export PATH={dir}:$PATH; poste view --at {dir}/view -- {program} -n -F {} -f =alice",
        rc.display(),
        dir = dir.display(),
    );
    Screen::start(dir, &command)
}

/// Goes to a message of the index.
fn to(screen: &Screen, number: &str) {
    screen.keys(&[number, "Enter"]);
}

#[test]
fn mutt_is_at_home_in_the_view() {
    is_at_home("mutt", &["muttrc"]);
}

#[test]
fn neomutt_is_at_home_in_the_view() {
    is_at_home("neomutt", &["muttrc", "neomuttrc"]);
}

fn is_at_home(program: &str, examples: &[&str]) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 5);
    let screen = start(dir.path(), &bob, program, examples);
    screen.shows("letter 5");
    // Read, and back.
    to(&screen, "5");
    screen.keys(&["Enter"]);
    screen.shows("this is number 5");
    screen.keys(&["i"]);
    screen.shows("letter 1");
    // Answer it.
    to(&screen, "5");
    screen.keys(&["r"]);
    screen.shows("y:Send");
    screen.keys(&["y"]);
    eventually("the answer is queued", || bob.ok(&["outbox"]).contains("alice"));
    screen.shows("letter 1");
    // Write to a name that completes, with a file.
    screen.keys(&["m"]);
    screen.shows("To:");
    screen.types("car");
    screen.keys(&["C-t"]);
    screen.shows("carol@poste");
    screen.keys(&["Enter"]);
    screen.shows("Subject:");
    screen.types("a picture");
    screen.keys(&["Enter"]);
    screen.shows("y:Send");
    screen.keys(&["a"]);
    screen.shows("Attach file");
    std::fs::write(dir.path().join("photo.bin"), [0, 159, 146, 150]).unwrap();
    screen.types(&dir.path().join("photo.bin").display().to_string());
    screen.keys(&["Enter"]);
    screen.shows("photo.bin");
    screen.keys(&["y"]);
    eventually("the picture is queued", || bob.ok(&["outbox"]).contains("carol"));
    screen.shows("letter 1");
    // New mail comes meanwhile, and a forged message.
    forge(&bob, 6);
    screen.shows("letter 6");
    screen.keys(&["Escape", "f"]);
    screen.shows("poste forge --from");
    screen.types("alice -s 'letter 7'");
    screen.keys(&["Enter"]);
    screen.shows("control-D");
    screen.types("I, alice, never wrote this is number 7.");
    screen.keys(&["Enter", "C-d"]);
    screen.shows("Press any key");
    screen.keys(&["Enter"]);
    eventually("it is in the view", || {
        let files = viewed::files(&dir.path().join("view/alice"));
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        texts.filter(|text| text.contains("Subject: letter 7\n")).count() == 1
    });
    // neomutt may sleep through what comes while another program has the terminal.
    screen.keys(&["C-l"]);
    screen.shows("letter 7");
    // What it proves.
    to(&screen, "7");
    screen.keys(&["V"]);
    screen.shows("from alice to me");
    screen.keys(&["Enter"]);
    screen.shows("letter 1");
    // Flag, delete, save elsewhere, and change one.
    to(&screen, "1");
    screen.keys(&["F"]);
    to(&screen, "2");
    screen.keys(&["d"]);
    to(&screen, "3");
    screen.keys(&["s"]);
    screen.shows("ave to mailbox");
    screen.keys(&["C-u"]);
    screen.types("=carol");
    screen.keys(&["Enter"]);
    let of = |folder: &str, subject: &str| {
        tree(&bob, folder).iter().filter(|line| line.starts_with(subject)).count()
    };
    eventually("the copy is filed", || of("carol", "letter 3") == 1);
    to(&screen, "4");
    screen.keys(&["e"]);
    eventually("the changed message is filed", || of("alice", "letter 4") == 2);
    // The folders.
    screen.keys(&["y"]);
    screen.shows("carol");
    screen.keys(&["q", "q"]);
    screen.shows("status 0");
    assert!(!dir.path().join("view").exists());
    let alice = tree(&bob, "alice");
    let counts: Vec<usize> =
        (1..=7).map(|number| of("alice", &format!("letter {number}"))).collect();
    assert_eq!(counts, [1, 0, 0, 1, 1, 1, 1], "{alice:?}");
    let has = |subject: &str, flag: &str| {
        alice.iter().any(|line| line.starts_with(subject) && line.ends_with(flag))
    };
    assert!(has("letter 1 ", "F") || has("letter 1 ", "FS"), "{alice:?}");
    assert!(has("letter 5 ", "RS"), "{alice:?}");
    for (subject, says) in [("letter 4", "this was 4"), ("letter 7", "I, alice, never")] {
        let path = path(&bob, "alice", subject);
        assert!(bob.ok(&["show", "--raw", &path]).contains(says));
        assert!(bob.ok(&["verify", &path]).contains("from alice to me"));
    }
    assert_eq!((of("alice", "Re: letter 5"), of("carol", "a picture")), (1, 1));
    let picture = bob.run(&["show", "--part", "2", &path(&bob, "carol", "a picture")], b"");
    assert_eq!(picture.stdout, [0, 159, 146, 150]);
}
