//! Other mail programs on the view, each with what examples/ has for it: notmuch indexes it and its
//! tags go into the tree, mblaze lists, marks and moves, aerc starts and shows what is there; and git
//! sends patches as letters (poste(1), view and sendmail).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/viewed.rs"]
mod viewed;

use programs::Home;
use screen::Screen;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use viewed::{Viewed, bob, eventually, forge, path, tree};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// A directory with `poste` for this home and `poste-sendmail` in it.
fn bin(dir: &Path) -> String {
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for name in ["poste", "poste-sendmail"] {
        symlink(programs::POSTE, bin.join(name)).unwrap();
    }
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// A shell command in a home; its standard output. It must succeed.
fn sh(dir: &Path, home: &Home, path: &str, script: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(dir).env_clear();
    command.envs([("PATH", path), ("HOME", dir.to_str().unwrap()), ("LANG", "C.UTF-8")]);
    let output = command.env("POSTE_HOME", &home.dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}\n{said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn notmuch_finds_what_is_in_the_view_and_its_tags_reach_the_tree() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 3);
    let path = bin(dir.path());
    let profile = dir.path().join(".config/notmuch/poste");
    sh(
        dir.path(),
        &bob,
        &path,
        &format!(
            "mkdir -p .config/notmuch; cp -r {EXAMPLES}/notmuch {}; \
         chmod +x {0}/hooks/*",
            profile.display()
        ),
    );
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    let notmuch = |arguments: &str| {
        let set = "export NOTMUCH_PROFILE=poste";
        let at = view.at.display();
        sh(dir.path(), &bob, &path, &format!("{set} NOTMUCH_DATABASE={at}; notmuch {arguments}"))
    };
    notmuch("new");
    let found = notmuch("search number 2");
    assert!(found.contains("letter 2") && found.contains("inbox") && !found.contains("letter 1"));
    assert_eq!(notmuch("count from:alice@poste and tag:unread").trim(), "3");
    notmuch("tag +flagged -unread -- subject:\"letter 2\"");
    eventually("tags are flags in the tree", || {
        tree(&bob, "alice") == ["letter 1 new", "letter 2 FS", "letter 3 new"]
    });
    forge(&bob, 4);
    eventually("it is in the view", || view.file("alice", "letter 4").is_some());
    notmuch("new");
    assert_eq!(notmuch("count number 4").trim(), "1");
    let at = view.at.clone();
    assert!(view.end().success());
    assert!(!at.exists(), "the index has the mail in plain, and goes with it");
    assert_eq!(tree(&bob, "alice").len(), 4);
}

#[test]
fn mblaze_lists_marks_and_moves_what_is_in_the_view() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 3);
    let path = bin(dir.path());
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    let run = |script: &str| {
        let at = view.at.display();
        let set = format!("export POSTE_VIEW={at} MBLAZE={}", dir.path().display());
        sh(dir.path(), &bob, &path, &format!("{set}; {script}"))
    };
    let listed = run("mlist \"$POSTE_VIEW\"/alice | mscan");
    assert!((1..=3).all(|number| listed.contains(&format!("letter {number}"))), "{listed}");
    run("minc \"$POSTE_VIEW\"/alice");
    run("mlist \"$POSTE_VIEW\"/alice | mpick -t 'subject =~ \"letter 1\"' | mseq -S");
    assert!(run("mshow 1").contains("this is number 1"));
    assert!(run("poste verify \"$(mseq -r 1)\"").contains("from alice to me"));
    run("mrefile 1 \"$POSTE_VIEW\"/carol");
    run("mlist \"$POSTE_VIEW\"/alice | mpick -t 'subject =~ \"letter 2\"' | mflag -S");
    run("mlist \"$POSTE_VIEW\"/alice | mpick -t 'subject =~ \"letter 3\"' | xargs rm");
    eventually("the tree has it so", || tree(&bob, "alice") == ["letter 2 S"]);
    eventually("and there", || tree(&bob, "carol") == ["letter 1 "]);
    assert!(view.end().success());
}

#[test]
fn aerc_starts_in_the_view_and_shows_what_is_there() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 3);
    let path = bin(dir.path());
    let config = dir.path().join(".config/aerc");
    fs::create_dir_all(&config).unwrap();
    let at = dir.path().join("view").display().to_string();
    for name in ["accounts.conf", "aerc.conf"] {
        let text = fs::read_to_string(format!("{EXAMPLES}/aerc/{name}")).unwrap();
        assert!(name != "accounts.conf" || text.contains("/dev/shm/poste-aerc"));
        let text = text.replace("/dev/shm/poste-aerc", &at).replace("= inbox", "= alice");
        fs::write(config.join(name), text.replace("/usr/local/bin/", "")).unwrap();
        fs::set_permissions(config.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let set = format!(
        "export PATH={path} HOME={} POSTE_HOME={}",
        dir.path().display(),
        bob.dir.display()
    );
    let screen = Screen::start(
        dir.path(),
        &format!("{set}; unset XDG_CONFIG_HOME; poste view --at {at} -- aerc"),
    );
    screen.shows("letter 3");
    let shown = screen.shows("carol");
    assert!(shown.contains("letter 1") && shown.contains("alice"), "{shown}");
    forge(&bob, 4);
    screen.shows("letter 4");
    screen.types(":quit");
    screen.keys(&["Enter"]);
    screen.shows("status 0");
    assert!(!Path::new(&at).exists());
    assert_eq!(tree(&bob, "alice").len(), 4);
}

#[test]
fn git_sends_patches_as_letters() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let path = bin(dir.path());
    let config = fs::read_to_string(format!("{EXAMPLES}/gitconfig")).unwrap();
    assert!(config.contains("= /usr/local/bin/poste-sendmail\n"));
    let sendmail = dir.path().join("bin/poste-sendmail").display().to_string();
    let config = config.replace("/usr/local/bin/poste-sendmail", &sendmail);
    fs::write(dir.path().join("gitconfig"), config).unwrap();
    let script = "git init -q tale && cd tale && git config user.name somebody\n\
                  git config user.email somebody@a-machine.example\n\
                  git config include.path ../../gitconfig\n\
                  echo 'Once upon a time' >tale.txt && git add tale.txt\n\
                  git commit -q -m 'Begin the tale'\n\
                  git send-email --quiet --to alice --root HEAD </dev/null\n";
    sh(dir.path(), &bob, &path, script);
    assert!(bob.ok(&["outbox"]).contains("alice"));
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync", "--now"]);
    let arrived = self::path(&alice, "bob", "[PATCH] Begin the tale");
    let raw = alice.ok(&["show", "--raw", &arrived]);
    let (header, _) = raw.split_once("\n\n").unwrap();
    assert!(!header.contains("a-machine") && !header.contains("git-send-email"), "{header}");
    // As it arrived it can be applied.
    fs::write(dir.path().join("patch"), &raw).unwrap();
    let apply = "git init -q copy && cd copy && git config user.name alice && \
                 git config user.email alice@poste && git am -q ../patch && cat tale.txt";
    assert_eq!(sh(dir.path(), &alice, &path, apply), "Once upon a time\n");
}

#[test]
fn vim_completes_names_and_copies_nothing_to_disk() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 0);
    let path = bin(dir.path());
    fs::write(dir.path().join("letter.eml"), "To: \n").unwrap();
    let script = format!(
        "vim -n -e -s -u {EXAMPLES}/vimrc letter.eml -c 'set filetype=mail' \
         -c 'call writefile(PosteComplete(0, \"al\") + [&l:swapfile, &viminfo, &completefunc], \"out\")' \
         -c 'qa!'; cat out"
    );
    assert_eq!(sh(dir.path(), &bob, &path, &script), "alice@poste\n0\n\nPosteComplete\n");
}
