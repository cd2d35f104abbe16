//! Messages written in the real mutt, in a terminal, through `set sendmail="poste sendmail"`: they
//! travel, arrive, and carry nothing of the machine they were written on; and with the examples, in
//! mutt and neomutt without a view, they are on no disk while they are written.

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/viewed.rs"]
mod viewed;

use screen::Screen;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn a_message_written_in_mutt_arrives_without_its_traces() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let text = "Dear alice,\n\nhow about Friday?  — bob\n";
    mutt(dir.path(), &bob, &["-s", "written in mutt"], text);
    bob.ok(&["sync"]);
    alice.ok(&["sync"]);
    let raw = alice.ok(&["show", "--raw", &find(&alice, "written in mutt")]);
    let (header, body) = raw.split_once("\n\n").unwrap();
    assert_eq!(body, text);
    assert!(header.contains("\nSubject: written in mutt"), "{header}");
    let host = String::from_utf8(Command::new("hostname").output().unwrap().stdout).unwrap();
    for trace in ["User-Agent", "Mutt", "root", &format!("@{}", host.trim())] {
        assert!(!header.contains(trace), "{trace} in:\n{header}");
    }
    assert!(header.lines().any(|l| l.starts_with("Date: ") && l.ends_with(":00 +0000")));
}

#[test]
fn a_file_attached_in_mutt_arrives_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let file = dir.path().join("photo.bin");
    let bytes: Vec<u8> = (0..20_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    mutt(dir.path(), &bob, &["-s", "with a file", "-a", &path, "--"], "see there\n");
    // It is more than the pace has room for.
    bob.ok(&["sync", "--now"]);
    alice.ok(&["sync"]);
    let output = alice.run(&["show", "--part", "2", &find(&alice, "with a file")], b"");
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
}

/// Runs mutt in tmux: it opens its compose menu with a text that its editor wrote, `y` sends it.
fn mutt(dir: &Path, home: &programs::Home, args: &[&str], text: &str) {
    let args: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
    let screen = start(dir, home, text, &format!("{} alice@poste", args.join(" ")));
    // With the address and subject given, mutt asks for them once more.
    screen.shows("To: alice@poste");
    screen.keys(&["Enter"]);
    screen.shows("Subject:");
    screen.keys(&["Enter"]);
    screen.shows("y:Send");
    screen.keys(&["y"]);
    screen.shows("status 0");
}

/// A mutt whose editor writes one text.
fn start(dir: &Path, home: &programs::Home, text: &str, args: &str) -> Screen {
    let rc = settings(dir, home, text);
    Screen::start(dir, &format!("mutt -n -F {} {args}", rc.display()))
}

fn settings(dir: &Path, home: &programs::Home, text: &str) -> PathBuf {
    let rc = dir.join("muttrc");
    std::fs::write(dir.join("text"), text).unwrap();
    let editor = dir.join("editor");
    let script = format!("#!/bin/sh\ncat '{}' >\"$1\"\n", dir.join("text").display());
    std::fs::write(&editor, script).unwrap();
    Command::new("chmod").arg("755").arg(&editor).status().unwrap();
    let settings = format!(
        "set sendmail=\"{} --home {} sendmail\"\nset sendmail_wait=0\nset editor={}\n\
         set hostname=poste copy=no folder={} spoolfile={} postponed={}\nset from=me@poste\n\
         set charset=utf-8 send_charset=us-ascii:utf-8\nset abort_unmodified=no\n",
        programs::POSTE,
        home.dir.display(),
        editor.display(),
        dir.display(),
        dir.join("spool").display(),
        dir.join("postponed").display(),
    );
    std::fs::write(&rc, settings).unwrap();
    rc
}

#[test]
fn a_list_reply_in_mutt_reaches_all_of_a_group_in_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let node = programs::Node::start();
    let [alice, bob, carol] = programs::family(dir.path(), &node.url);
    bob.ok_with(&["send", "kin", "-s", "supper"], b"at eight?\n");
    programs::rounds(&[&bob, &alice, &carol], 1);
    // As a mail program sees the folder.
    let box_of = |home: &programs::Home, folder: &str, name: &str| {
        let open = dir.path().join(name);
        std::fs::create_dir(&open).unwrap();
        let tar = open.join("plain.tar");
        home.ok(&["export", folder, "--plain", "-o", tar.to_str().unwrap()]);
        let status = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&open).status();
        assert!(status.unwrap().success());
        open.join("mail").join(folder)
    };
    let settings = "-e 'set auto_subscribe fast_reply include=no sort=threads'";
    let before = box_of(&carol, "clan", "before");
    let args = format!("{settings} -f {}", before.display());
    let screen = start(dir.path(), &carol, "yes, at eight\n", &args);
    screen.shows("supper");
    screen.keys(&["L"]);
    let menu = screen.shows("y:Send");
    assert!(menu.contains("To: clan@poste") && menu.contains("Re: supper"), "{menu}");
    screen.keys(&["y"]);
    screen.shows("Mail sent");
    screen.keys(&["q"]);
    screen.shows("status 0");
    drop(screen);
    programs::rounds(&[&carol, &alice, &bob], 2);
    for (home, folder) in [(&alice, "family"), (&bob, "kin"), (&carol, "clan")] {
        let texts: Vec<String> =
            home.ok(&["list", folder]).lines().map(|path| home.ok(&["show", path])).collect();
        assert_eq!(texts.len(), 2, "{folder}: {texts:?}");
        let reply = texts.iter().find(|text| text.contains("yes, at eight")).unwrap();
        assert!(reply.contains(&format!("To: {folder}\n")), "{reply}");
    }
    for (home, folder) in [(&alice, "family"), (&bob, "kin"), (&carol, "clan")] {
        let shown = box_of(home, folder, &format!("after-{folder}"));
        let screen = start(dir.path(), home, "", &format!("{settings} -f {}", shown.display()));
        let index = screen.shows("supper");
        let replies =
            index.lines().filter(|l| l.contains("\u{2514}\u{2500}>") || l.contains("`->"));
        assert_eq!(replies.count(), 1, "one thread:\n{index}");
    }
}

/// The message with a subject: within a minute messages stand in no order.
fn find(home: &programs::Home, subject: &str) -> String {
    let line = format!("\nSubject: {subject}\n");
    let paths = home.ok(&["list", "bob"]);
    let mut found = paths.lines().filter(|p| home.ok(&["show", "--raw", p]).contains(&line));
    found.next().expect("the message has arrived").to_owned()
}

#[test]
fn what_is_written_in_mutt_without_a_view_is_in_memory_alone() {
    writes_in_memory("mutt", "");
}

#[test]
fn what_is_written_in_neomutt_without_a_view_is_in_memory_alone() {
    writes_in_memory(
        "neomutt",
        concat!("source ", env!("CARGO_MANIFEST_DIR"), "/examples/neomuttrc"),
    );
}

/// With the examples as they are, whatever the variables name.
fn writes_in_memory(program: &str, also: &str) {
    let own = viewed::Own::alone();
    // /tmp may be in memory.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let memory = viewed::scratch();
    let (memory, disk) = (memory.path(), disk.path());
    let bob = viewed::bob(memory, 0);
    symlink(programs::POSTE, memory.join("poste-sendmail")).unwrap();
    let (editor, at) = (memory.join("editor"), memory.join("at"));
    // The words are of this run, and stand together in no file but the message.
    let secret = memory.file_name().unwrap().to_str().unwrap();
    let words = format!("some {secret} words");
    let script = format!(
        "#!/bin/sh\nprintf 'some %s words\\n' {secret} >\"$1\"\necho \"$1\" >{}\n\
         echo 'in the editor'\nread -r _\n",
        at.display()
    );
    std::fs::write(&editor, script).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    for dir in ["home", "cwd", "tmp"] {
        std::fs::DirBuilder::new().mode(0o700).create(disk.join(dir)).unwrap();
    }
    let run = memory.join("run");
    std::fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
    let none = "unset TMPDIR XDG_RUNTIME_DIR POSTE_VIEW".to_owned();
    let on_disk =
        format!("{none}; export TMPDIR={0} XDG_RUNTIME_DIR={0}", disk.join("tmp").display());
    let session = format!("{none}; export XDG_RUNTIME_DIR={}", run.display());
    let cases = [(none, &own.at), (on_disk, &own.at), (session, &run)];
    for (number, (set, place)) in cases.into_iter().enumerate() {
        // Each has a terminal of its own: the one before may still be closing.
        let terminal = tempfile::tempdir_in(memory).unwrap();
        let screen = Screen::start(
            terminal.path(),
            &format!(
                "cd {disk}/cwd; {set}; export HOME={disk}/home POSTE_HOME={}; \
                 {program} -n -F {}/examples/muttrc -e 'set editor={}' -e '{also}' \
                 -e 'set sendmail={}/poste-sendmail' -s subject alice",
                bob.dir.display(),
                env!("CARGO_MANIFEST_DIR"),
                editor.display(),
                memory.display(),
                disk = disk.display(),
            ),
        );
        screen.shows("To: alice");
        screen.keys(&["Enter"]);
        screen.shows("Subject: subject");
        screen.keys(&["Enter"]);
        screen.shows("in the editor");
        let draft = PathBuf::from(std::fs::read_to_string(&at).unwrap().trim());
        assert!(draft.starts_with(place), "{set}: {}", draft.display());
        assert_eq!(draft.metadata().unwrap().mode() & 0o77, 0);
        assert_eq!(draft.parent().unwrap().metadata().unwrap().mode() & 0o77, 0);
        assert!(has(&draft, &words));
        let top = ["/", "/tmp"].iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
        let top = top.filter_map(Result::ok).map(|item| item.path());
        let below = walkdir::WalkDir::new(disk).into_iter().map(|item| item.unwrap().into_path());
        let plain: Vec<PathBuf> = top.chain(below).filter(|path| has(path, &words)).collect();
        assert!(plain.is_empty(), "{set}: {plain:?}");
        screen.keys(&["Enter"]);
        screen.shows("y:Send");
        screen.keys(&["y"]);
        screen.shows("status 0");
        assert!(!draft.exists());
        assert_eq!(bob.ok(&["outbox"]).matches("alice").count(), number + 1);
    }
}

/// Whether a file has these words. What cannot be read is somebody else's.
fn has(path: &Path, words: &str) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() < 1 << 20)
        && std::fs::read(path).is_ok_and(|text| String::from_utf8_lossy(&text).contains(words))
}
