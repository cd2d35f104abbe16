//! Export and import with the real programs, and with those that other people have: tar, age, mutt,
//! Python (poste(1), export and import).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node};
use std::path::Path;
use std::process::{Command, Stdio};

fn sh(script: &str, dir: &Path) -> String {
    let output = Command::new("sh").args(["-euc", script]).current_dir(dir).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn export(home: &Home, args: &[&str]) -> Vec<u8> {
    let output = home.run(&[&["export"], args].concat(), b"");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.contains(" exported, 0 skipped"), "{error}");
    output.stdout
}

/// The message entries of a tar file, as GNU tar lists and writes them.
fn messages(archive: &Path, dir: &Path) -> String {
    let archive = archive.display();
    sh(&format!("tar -xOf {archive} mail | sha256sum; tar -tvf {archive} mail"), dir)
}

#[test]
fn messages_go_out_and_come_in_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    bob.ok_with(&["send", "alice", "-s", "with a file", "-a", "/etc/hostname"], b"see below\n");
    bob.ok_with(&["forge", "--from", "alice", "-s", "From: here"], b"From the start\n>From me\n");
    let file = |name: &str| dir.path().join(name);

    let sealed = file("sealed.tar");
    let count = bob.ok(&["list"]).lines().count();
    bob.ok(&["export", "-o", sealed.to_str().unwrap()]);
    let before = messages(&sealed, dir.path());
    assert_eq!(before.matches(".poste").count(), count, "{before}");
    // Deleted, and back again as it was.
    sh(&format!("rm -r {}/share/mail/alice", bob.dir.display()), dir.path());
    let report = bob.run(&["import", sealed.to_str().unwrap()], b"");
    let said = String::from_utf8_lossy(&report.stderr).into_owned();
    assert!(said.contains(&format!("{count} imported, 0 skipped")), "{said}");
    let again = file("again.tar");
    bob.ok(&["export", "-o", again.to_str().unwrap()]);
    assert_eq!(messages(&again, dir.path()), before);
    let twice = bob.run(&["import", "-"], &std::fs::read(&sealed).unwrap());
    let said = String::from_utf8_lossy(&twice.stderr).into_owned();
    assert!(said.contains(&format!("0 imported, {count} there already")), "{said}");

    // In plain: the same bytes from the same tree, and from the tree that it is imported into.
    let plain = export(&bob, &["--plain"]);
    assert_eq!(export(&bob, &["--plain"]), plain);
    assert!(!plain.windows(8).any(|w| w == b"X-Poste:"), "nothing says how it was authenticated");
    let other = Home::init(dir.path(), "other", &node.url);
    let output = other.run(&["import", "-"], &plain);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("1 contacts added"), "{said}");
    assert_eq!(export(&other, &["--plain"]), plain, "{said}");
    for message in other.ok(&["list", "alice"]).lines() {
        assert!(other.ok(&["verify", message]).contains("holds"));
    }

    // Other people's programs read it.
    std::fs::write(file("plain.tar"), &plain).unwrap();
    sh("mkdir open && tar -xf plain.tar -C open", dir.path());
    let list = "import mailbox; box = mailbox.Maildir('open/mail/alice', create=False); \
        print(sorted(m['subject'] for m in box))";
    let subjects = sh(&format!("python3 -c \"{list}\""), dir.path());
    assert!(subjects.contains("welcome") && subjects.contains("From: here"), "{subjects}");
    std::fs::write(file("alice.mbox"), export(&bob, &["--mbox"])).unwrap();
    sh("mkdir boxes && tar -xf alice.mbox -C boxes", dir.path());
    let list = "import mailbox; print(len(mailbox.mbox('boxes/alice.mbox', create=False)))";
    let found = sh(&format!("python3 -c \"{list}\""), dir.path());
    assert_eq!(found.trim(), count.to_string());
}

#[test]
fn what_is_edited_in_an_unpacked_export_comes_in_as_good_as_any() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let tree = dir.path().join("tree/");
    bob.ok(&["export", "--plain", "-o", &format!("{}/", tree.display())]);
    let count = bob.ok(&["list"]).lines().count();
    sh("sed -i s/welcome/farewell/ tree/mail/alice/*/*.poste*", dir.path());
    let added = "From: alice@poste\nTo: me@poste\nDate: $(date -u -R)\nSubject: added\n\nby hand\n";
    sh(&format!("printf \"{added}\" >tree/mail/alice/new/added"), dir.path());
    sh("tar -C tree -cf edited.tar .", dir.path());
    let edited = dir.path().join("edited.tar");
    let kept = bob.run(&["import", edited.to_str().unwrap()], b"");
    let said = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert_eq!(kept.status.code(), Some(65), "{said}");
    assert!(said.contains("1 imported") && said.contains("--replace"), "{said}");
    bob.ok(&["import", "--replace", edited.to_str().unwrap()]);
    assert_eq!(bob.ok(&["list"]).lines().count(), count + 1);
    let list = bob.ok(&["list", "-l"]);
    assert!(list.contains("farewell") && list.contains("added"), "{list}");
    assert!(!list.contains("welcome"), "{list}");
    for message in bob.ok(&["list"]).lines() {
        let judged = bob.ok(&["verify", message]);
        assert!(judged.contains("holds") && judged.contains("proves nothing"), "{judged}");
    }
    let unknown = "From: nobody@poste\nDate: Sun, 22 Nov 2026 10:11:00 +0000\n\nx\n";
    std::fs::write(dir.path().join("tree/mail/alice/new/unknown"), unknown).unwrap();
    let future = "From: alice@poste\nDate: Sun, 22 Nov 2099 10:11:00 +0000\n\nx\n";
    std::fs::write(dir.path().join("tree/mail/alice/new/future"), future).unwrap();
    let output = bob.run(&["import", tree.to_str().unwrap()], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("new/future: its Date has not come yet"), "{said}");
}

#[test]
fn foreign_mail_comes_in_as_from_a_contact() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let date = sh("date -u '+%a %b %e %H:%M:%S %Y'; date -u -R", dir.path());
    let (from, rfc) = date.trim().split_once('\n').unwrap();
    let mbox = format!(
        "From a@example.org {from}\nFrom: Alice <a@example.org>\nTo: b@example.org\nDate: {rfc}\n\
         Subject: foreign\nX-Mailer: y\nMessage-ID: <1@laptop>\n\nhello\n\n\
         From b@example.org {from}\nFrom: Bob <b@example.org>\nTo: a@example.org\nDate: {rfc}\n\
         Subject: answered\n\nhello too\n\nFrom c {from}\nSubject: no date\n\nx\n"
    );
    let output =
        bob.run(&["import", "-", "--into", "alice", "--mine", "b@example.org"], mbox.as_bytes());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("2 imported, 1 skipped") && said.contains("message 3"), "{said}");
    let list = bob.ok(&["list", "alice", "-l"]);
    assert!(list.contains("alice\tforeign") && list.contains("me\tanswered"), "{list}");
    let raw = bob.ok(&["export", "--plain"]);
    assert!(!raw.contains("laptop") && !raw.contains("X-Mailer") && !raw.contains("example.org"));
    let nowhere = bob.run(&["import", "-"], mbox.as_bytes());
    assert_eq!(nowhere.status.code(), Some(64));
    let tried = bob.run(&["import", "--dry-run", "-", "--into", "alice"], mbox.as_bytes());
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(said.contains("1 imported, 1 there already, 1 skipped"), "{said}");
    assert_eq!(bob.ok(&["list", "alice", "-l"]), list, "nothing was done");
}

#[test]
fn one_of_two_that_say_the_same_comes_in_and_what_mail_programs_add_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let rfc = sh("date -u -R", dir.path());
    let message = |id: &str, text: &str| {
        format!(
            "From alice {0}\nFrom: alice@poste\nTo: me@poste\nDate: {0}\nSubject: s\n{id}\
             Status: RO\nContent-Length: 2\nLines: 1\n\n{text}\n\n",
            rfc.trim()
        )
    };
    let ours = format!("Message-ID: <{}@poste>\n", "0a".repeat(16));
    let mbox: String = ["", "", &ours].map(|id| message(id, "x")).concat() + &message("", "y");
    let import = |mbox: &str| {
        let output = bob.run(&["import", "-", "--into", "alice"], mbox.as_bytes());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = import(&mbox);
    assert!(said.contains("3 imported") && said.contains("1 there already"), "{said}");
    let raw = export(&bob, &["--plain"]);
    let raw = String::from_utf8_lossy(&raw);
    assert!(raw.contains(&ours) && !raw.contains("Content-Length") && !raw.contains("Lines:"));
    let said = import(&mbox);
    assert!(said.contains("0 imported, 4 there already"), "{said}");
    for message in bob.ok(&["list", "alice"]).lines() {
        assert!(bob.ok(&["verify", message]).contains("holds"));
    }
}

#[test]
fn the_quarantine_is_exported_in_plain_if_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let messages = bob.ok(&["list", "alice"]);
    let count = messages.lines().count();
    let quarantine = bob.dir.join("share/mail/quarantine/cur");
    std::fs::create_dir_all(&quarantine).unwrap();
    let one = Path::new(messages.lines().next().unwrap());
    std::fs::rename(one, quarantine.join(one.file_name().unwrap())).unwrap();
    let sealed = dir.path().join("sealed.tar").display().to_string();
    bob.ok(&["export", "-o", &sealed]);
    let output = bob.run(&["import", &sealed], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("0 imported, {count} there already")), "{said}");
    for form in ["--plain", "--mbox"] {
        for (args, has) in
            [(vec!["export", form, "quarantine"], 1), (vec!["export", form], count - 1)]
        {
            let output = bob.run(&args, b"");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{args:?}: {said}");
            assert!(said.contains(&format!("{has} exported, 0 skipped")), "{args:?}: {said}");
        }
    }
}

#[test]
fn a_folder_that_there_always_is_may_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let alice = Home::init(dir.path(), "alice", &format!("file://{}/stick", dir.path().display()));
    for folder in ["inbox", "requests", "quarantine"] {
        assert!(!export(&alice, &[folder]).is_empty());
    }
    let unknown = alice.run(&["export", "bob"], b"");
    assert_eq!(unknown.status.code(), Some(67));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    for args in [&["export"][..], &["export", "--plain"], &["export", "--keys"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bob.command(args).stdin(Stdio::null()).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("error"), "{args:?}: {said}");
    }
}

#[test]
fn what_the_disk_refuses_has_its_status_in_either_form() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    let message = bob.ok(&["list", "alice"]).lines().next().unwrap().to_owned();
    for form in ["--plain", "--mbox"] {
        let refuse = ["-o", "/dev/null", "-P", &message, "-e", "inject=openat:error=EACCES"];
        let mut command = programs::traced(&bob, &refuse, &["export", form]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("1 skipped") && said.contains(&message), "{form}: {said}");
        assert_eq!(output.status.code(), Some(77), "{form}: {said}");
    }
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let (_alice, bob) = programs::acquainted(dir.path(), &node.url);
    // A filesystem that has files without names.
    let out = tempfile::tempdir_in("/dev/shm").unwrap();
    let target = out.path().join("plain.tar");
    let args = ["export", "--plain", "-o", target.to_str().unwrap()];
    assert!(programs::killed(&bob, &args, "fsync", 1, b""), "it is flushed before it has a name");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    bob.ok(&args);
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn a_target_that_cannot_be_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let bob = Home::init(dir.path(), "bob", &node.url);
    let taken = dir.path().join("taken.tar");
    std::fs::write(&taken, "mine").unwrap();
    let (taken, full) = (taken.to_str().unwrap(), dir.path().to_str().unwrap());
    for (target, what, hint) in [
        (taken, "it exists already", "another name with -o"),
        (full, "it exists already", "a directory that is empty"),
        ("/nowhere/x.tar", "no such file or directory", "mkdir -p /nowhere"),
    ] {
        let output = bob.run(&["export", "-o", target], b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(73), "{said}");
        assert!(said.contains(&format!("cannot create {target}: {what}")), "{said}");
        let said = said.replace(target, "");
        assert!(said.contains(hint) && !said.contains(".tmp"), "{said}");
    }
    assert_eq!(std::fs::read(taken).unwrap(), b"mine");
}

/// An ordinary user, to whose processes the kernel closes what it has of them in /proc as long as they
/// keep their memory to themselves: root is closed out of nothing.
#[test]
fn nor_does_that_of_an_ordinary_user() {
    let [dir, out] = ["/tmp", "/dev/shm"].map(|place| tempfile::tempdir_in(place).unwrap());
    let script = "cp \"$POSTE\" poste; chmod 755 . \"$OUT\" poste; mkdir home; as=; \
        if [ \"$(id -u)\" = 0 ]; then \
            as='setpriv --reuid=65534 --regid=65534 --clear-groups'; chown 65534 home \"$OUT\"; fi; \
        export HOME=$PWD/home; $as ./poste init --no-passphrase --name alice >home.log 2>&1; \
        $as strace -o \"$OUT/trace\" -e trace=openat,linkat ./poste export -o \"$OUT/a.tar\" 2>&1; \
        grep -c 'O_TMPFILE.* = [0-9]' \"$OUT/trace\"; grep -c 'linkat(.* = 0$' \"$OUT/trace\"";
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(dir.path());
    let output = command.env("POSTE", programs::POSTE).env("OUT", out.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "0 exported, 0 skipped\n1\n1\n", "{output:?}");
}
