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
use std::path::{Path, PathBuf};
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

/// notmuch with examples/notmuch, on the view of this directory: what it says.
fn notmuch(dir: &Path, home: &Home) -> impl Fn(&str) -> String {
    let path = bin(dir);
    let profile = ".config/notmuch/poste";
    let copy = format!("cp -r {EXAMPLES}/notmuch {profile}; chmod +x {profile}/hooks/*");
    sh(dir, home, &path, &format!("mkdir -p .config/notmuch; {copy}"));
    move |arguments| {
        let set = "export NOTMUCH_PROFILE=poste";
        let at = dir.join("view").display().to_string();
        sh(dir, home, &path, &format!("{set} NOTMUCH_DATABASE={at}; notmuch {arguments}"))
    }
}

#[test]
fn notmuch_finds_what_is_in_the_view_and_its_tags_reach_the_tree() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 3);
    let view = Viewed::open(&bob, &dir.path().join("view"), 3);
    let notmuch = notmuch(dir.path(), &bob);
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
fn the_hook_of_notmuch_tags_what_is_new_and_what_was_accepted() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let dave = Home::init(dir.path(), "dave", &node.url);
    dave.ok(&["add", "bob", bob.card().to_str().unwrap()]);
    dave.ok_with(&["send", "bob", "-s", "who I am"], b"dave\n");
    programs::rounds(&[&dave, &bob], 1);
    programs::late(&bob, &alice, "bob");
    let view = Viewed::open(&bob, &dir.path().join("view"), 4);
    let notmuch = notmuch(dir.path(), &bob);
    let found = |options: &str| {
        let found = notmuch(&format!("search --format=json {options}"));
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let rows = found.as_array().unwrap().iter();
        let mut subjects: Vec<_> =
            rows.map(|row| row["subject"].as_str().unwrap().to_owned()).collect();
        subjects.sort();
        subjects.join(", ")
    };
    let tagged = || {
        let tags = ["unproven", "request", "sent", "inbox", "unread", "new"];
        tags.map(|tag| found(&format!("--exclude=false tag:{tag}")))
    };
    notmuch("new");
    assert_eq!(
        tagged(),
        ["late", "who I am", "hello", "welcome, who I am", "late, welcome, who I am", ""]
    );
    assert_eq!(found("'*'"), "hello, welcome, who I am", "nobody vouches for the rest");
    // What the user has decided holds there too.
    bob.ok(&["quarantine", "keep", bob.ok(&["quarantine"]).trim()]);
    bob.ok(&["accept", bob.ok(&["list", "requests"]).trim(), "dave"]);
    eventually("it has moved", || {
        let gone = |folder: &str| viewed::files(&view.at.join(folder)).is_empty();
        let came = view.file("alice", "late").is_some() && view.file("dave", "who I am").is_some();
        came && gone("quarantine") && gone("requests")
    });
    notmuch("new");
    let all = "late, welcome, who I am";
    assert_eq!(tagged(), ["", "", "hello", all, all, ""]);
    assert_eq!(found("'*'"), "hello, late, welcome, who I am");
}

/// What each line of examples/mblaze.md that is typed brings onto the screen, in their order.
const MBLAZE: [&str; 21] = [
    "", // cd
    "", // export
    "/bob/cur/",
    "", // mseq -S
    "letter 1",
    "letter 1",
    "letter 1",
    "this is number",
    "image/jpeg",
    "photo.jpg",
    "from bob to me",
    "mail/bob/",
    "a lighthouse, letter 2",
    "a lighthouse, letter 2",
    ":2,F",
    ":2,S",
    "", // mseq -S
    "", // mrefile
    "", // nothing is so old
    "What now?",
    "What now?",
];

#[test]
fn the_lines_of_the_mblaze_page_do_what_it_says() {
    let page = fs::read_to_string(format!("{EXAMPLES}/mblaze.md")).unwrap();
    let lines = page.lines().filter_map(|line| line.strip_prefix("    "));
    let is_profile = |line: &&str| line.split_once(": ").is_some_and(|(key, _)| !key.contains(' '));
    let (profile, lines): (Vec<&str>, Vec<&str>) = lines.partition(is_profile);
    assert_eq!((profile.len(), lines.len()), (4, MBLAZE.len()), "{profile:?} {lines:?}");

    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let alice = letters_of_bob(dir.path());
    let path = bin(dir.path());
    let user = dir.path().join("user");
    fs::create_dir_all(user.join(".mblaze")).unwrap();
    let sendmail = dir.path().join("bin/poste-sendmail").display().to_string();
    let profile = profile.join("\n").replace("/usr/local/bin/poste-sendmail", &sendmail);
    fs::write(user.join(".mblaze/profile"), profile + "\n").unwrap();
    let editor = dir.path().join("editor");
    fs::write(&editor, "#!/bin/sh\necho 'so be it' >>\"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();

    let view = dir.path().join("view");
    let screen = Screen::start(
        dir.path(),
        &format!(
            "export PATH={path} HOME={user} POSTE_HOME={} EDITOR={}; cd {user}; \
             unset PAGER MBLAZE MBLAZE_PAGER; poste view --at {} -- sh",
            alice.dir.display(),
            editor.display(),
            view.display(),
            user = user.display(),
        ),
    );
    screen.shows("#");
    let mut typed = 0;
    let mut types = |line: &str, what: &str| {
        typed += 1;
        // The number is in what comes out, not in what is typed.
        screen.types(&format!("clear; {line}; echo \"line $(({typed} + 0)) ends\""));
        screen.keys(&["Enter"]);
        if what == "What now?" {
            screen.shows(what);
            screen.keys(&["s", "Enter"]);
        }
        let shown = screen.shows(&format!("line {typed} ends"));
        assert!(shown.contains(what), "{line}: no {what:?} in\n{shown}");
        for wrong in ["not found", "No such file", "missing operand", "sage:", "\\_", "poste: "] {
            assert!(!shown.contains(wrong), "{line}: {wrong:?} in\n{shown}");
        }
    };
    eventually("all is in the view", || viewed::files(&view).len() == 3);
    for (line, what) in lines.iter().zip(MBLAZE) {
        types(line, what);
        if line.ends_with("| mseq -S") {
            let sequence = fs::read_to_string(view.join(".tmp/seq")).unwrap();
            assert_eq!(sequence.lines().count(), 3, "{line}: {sequence}");
            let text = fs::read_to_string(sequence.lines().nth(2).unwrap().trim()).unwrap();
            assert!(text.contains("\nSubject: letter 3\n"), "{line}: {sequence}\n{text}");
        }
    }
    let photo = fs::read(view.join(".tmp/photo.jpg")).unwrap();
    assert_eq!(photo, [0xff, 0xd8, 0, 0xd9]);
    eventually("it is in the other folder", || {
        tree(&alice, "family").iter().any(|line| line == "letter 3 FS")
    });
    eventually("and the others, with what was written, in the first", || {
        let bob = tree(&alice, "bob");
        let count = |part: &str| bob.iter().filter(|line| line.contains(part)).count();
        (bob.len(), count("letter"), count("Sunday"), count("RS")) == (5, 3, 1, 1)
    });
    assert_eq!(alice.ok(&["outbox"]).matches("bob").count(), 2);
    let old = lines.iter().find(|line| line.contains("2026-01-01")).unwrap();
    types(&old.replace("2026-01-01", "2100-01-01"), "");
    eventually("all that is older is gone", || tree(&alice, "bob").is_empty());
    screen.types("exit");
    screen.keys(&["Enter"]);
    screen.shows("status 0");
    assert!(!view.exists());
    // Nothing of it, not even a name, is where it outlives the view.
    assert_eq!(below(&user), [user.join(".mblaze/profile")]);
}

/// All files below a directory.
fn below(dir: &Path) -> Vec<PathBuf> {
    let items = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    items.filter(|item| !item.file_type().is_dir()).map(walkdir::DirEntry::into_path).collect()
}

/// Alice, whose contacts are bob and family, with three letters of bob, each with a picture and an
/// answer to the one before: so they have an order.
fn letters_of_bob(dir: &Path) -> Home {
    let stick = format!("file://{}", dir.join("stick").display());
    let alice = Home::init(dir, "alice", &stick);
    for name in ["bob", "family"] {
        let home = Home::init(dir, name, &stick);
        alice.ok(&["add", name, home.card().to_str().unwrap()]);
    }
    let mut answers = String::new();
    for (number, subject) in [(1, "letter 1"), (2, "a lighthouse, letter 2"), (3, "letter 3")] {
        let text = format!(
            "Subject: {subject}\n{answers}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=cut\n\n\
             --cut\nContent-Type: text/plain\n\nDear alice, this is number {number}.\n--cut\n\
             Content-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\
             Content-Disposition: attachment; filename=photo.jpg\n\n/9gA2Q==\n--cut--\n"
        );
        let path = alice.ok_with(&["forge", "--from", "bob"], text.as_bytes());
        let raw = alice.ok(&["show", "--raw", path.trim()]);
        let id = raw.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
        answers = format!("In-Reply-To: {id}\n");
        if number == 2 {
            alice.ok(&["mark", path.trim(), "--flagged"]);
        }
    }
    alice
}

#[test]
fn aerc_starts_in_the_view_and_shows_what_is_there() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bob = bob(dir.path(), 3);
    let path = bin(dir.path());
    let said = viewed::notices(&dir.path().join("bin"));
    let user = dir.path().join("user");
    let config = user.join(".config/aerc");
    fs::create_dir_all(&config).unwrap();
    let at = dir.path().join("view").display().to_string();
    for name in ["accounts.conf", "aerc.conf"] {
        let text = fs::read_to_string(format!("{EXAMPLES}/aerc/{name}")).unwrap();
        let text = text.replace("/dev/shm/poste-aerc", &at).replace("= inbox", "= alice");
        fs::write(config.join(name), text.replace("/usr/local/bin/", "")).unwrap();
        fs::set_permissions(config.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    // As the file says that it is started.
    let accounts = fs::read_to_string(config.join("accounts.conf")).unwrap();
    let start = accounts.lines().find_map(|line| line.strip_prefix("#     poste view ")).unwrap();
    let screen = Screen::start(
        dir.path(),
        &format!(
            "export PATH={path} HOME={} POSTE_HOME={}; \
             unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME; poste view {start}",
            user.display(),
            bob.dir.display()
        ),
    );
    screen.shows("letter 3");
    let shown = screen.shows("carol");
    assert!(shown.contains("letter 1") && shown.contains("alice"), "{shown}");
    eventually("of each that nobody has seen it is said once", || said().len() == 3);
    forge(&bob, 4);
    screen.shows("letter 4");
    eventually("it is said that it came", || said().len() == 4);
    // Into another folder.
    bob.ok_with(&["forge", "--from", "carol", "-s", "elsewhere"], b"Dear bob\n");
    screen.shows_line(&["carol ", " 1/1/1 "]);
    screen.types(":cf carol");
    screen.keys(&["Enter"]);
    eventually("it is in the history", || {
        let texts = below(Path::new(&at)).into_iter().filter_map(|file| fs::read(file).ok());
        texts.filter(|text| text.starts_with(b"cf carol")).count() == 1
    });
    screen.types(":quit");
    screen.keys(&["Enter"]);
    screen.shows("status 0");
    assert!(!Path::new(&at).exists());
    assert_eq!(tree(&bob, "alice").len(), 4);
    let kept = below(&user).into_iter().filter(|file| !file.starts_with(&config));
    assert_eq!(kept.count(), 0, "aerc keeps {:?}", below(&user));
    assert_eq!(said(), ["poste|new mail"; 4], "neither from whom nor what");
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
