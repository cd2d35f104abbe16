//! Groups by the real programs: what the commands print, refuse and leave behind; a group that is
//! exported, forged in, backed up and brought up elsewhere (poste(1), Groups).

#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, Node, family, rounds};

/// The exit status and what was said of a command that must fail.
fn fails(home: &Home, args: &[&str]) -> (i32, String) {
    let output = home.run(args, b"x\n");
    assert!(!output.status.success(), "{args:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_group_is_founded_joined_written_to_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, carol] = family(dir.path(), &node.url);
    assert_eq!(alice.ok(&["groups"]), "family\tfamily\tmember\tbob,carol,me\n");
    let listed = bob.ok(&["groups", "kin"]);
    assert_eq!(listed, "alice\tcreator\t\ncarol\tmember\t\nme\tmember\t\n");
    let state = |name: &str| {
        let contacts = bob.ok(&["contacts"]);
        let line = contacts.lines().find(|line| line.starts_with(&format!("{name}\t")));
        line.unwrap().rsplit('\t').next().unwrap().to_owned()
    };
    assert_eq!((state("alice").as_str(), state("carol").as_str()), ("unconfirmed", "introduced"));
    bob.ok(&["words", "carol", "--confirm"]);
    assert_eq!(state("carol"), "confirmed");

    let mail = b"To: kin@poste\nCc: carol@poste\nSubject: supper\n\nat eight?\n";
    bob.ok_with(&["sendmail", "-t"], mail);
    let outbox = bob.ok(&["outbox"]);
    let rows = outbox.lines().filter(|line| line.contains("\tqueued\t")).collect::<Vec<_>>();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.ends_with("\tkin")), "{outbox}");
    rounds(&[&bob, &alice, &carol], 2);
    for (home, folder) in [(&alice, "family"), (&bob, "kin"), (&carol, "clan")] {
        let paths = home.ok(&["list", folder]);
        assert_eq!(paths.lines().count(), 1, "{folder}");
        let shown = home.ok(&["show", paths.trim_end()]);
        assert!(shown.contains(&format!("To: {folder}\n")), "{shown}");
        assert!(shown.contains("at eight?") && !shown.contains("Differs"), "{shown}");
        assert!(home.ok(&["verify", paths.trim_end()]).contains("holds"));
    }

    alice.ok(&["group", "rename", "family", "The Family"]);
    let list = alice.ok(&["group", "remove", "family", "carol"]);
    assert!(list.contains("carol\tremoved\t\n"), "{list}");
    rounds(&[&alice, &bob, &carol], 2);
    assert_eq!(bob.ok(&["groups"]), "kin\tThe Family\tmember\talice,me\n");
    assert!(carol.ok(&["groups"]).starts_with("clan\tfamily\tmember\t"), "she is told nothing");
    bob.ok(&["group", "leave", "kin"]);
    rounds(&[&bob, &alice], 2);
    assert!(alice.ok(&["groups", "family"]).contains("bob\tleft\t\n"));
    let json = alice.ok(&["groups", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value[0]["name"], "family");
    assert_eq!(value[0]["title"], "The Family");
    assert_eq!(value[0]["people"].as_array().unwrap().len(), 3);
}

#[test]
fn what_cannot_be_is_refused_with_a_status_and_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, _carol] = family(dir.path(), &node.url);
    let (bobs, none) = (bob.card().display().to_string(), "4b4b4b");
    for (home, args, status, says) in [
        (&alice, &["group", "new", "family"][..], 73, "there is a group family already"),
        (&alice, &["group", "new", "bob"], 73, "there is a contact bob already"),
        (&alice, &["group", "add", "family", "dave"], 67, "no contact is named dave"),
        (&alice, &["group", "add", "kin", "bob"], 67, "no group is named kin"),
        (&alice, &["group", "rename", "family", ""], 65, "a title has"),
        (&alice, &["group", "keeper", "--remove", "family", "bob"], 67, "not in the group"),
        (&bob, &["group", "remove", "kin", "carol"], 69, "keepers, can do that"),
        (&bob, &["group", "keeper", "kin", "carol"], 69, "only the one who made"),
        (&bob, &["group", "leave", none], 67, "no group and no invitation"),
        (&alice, &["add", "family", &bobs], 65, "is a contact already"),
        (&alice, &["rename", "bob", "family"], 73, "there is a group family already"),
        (&alice, &["send", "kin"], 67, "no contact is named kin"),
        (&alice, &["groups", "kin"], 67, "no group is named kin"),
    ] {
        let (code, said) = fails(home, args);
        assert_eq!(code, status, "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
    assert!(alice.ok(&["groups"]).contains("bob,carol,me"), "nothing has changed");
}

#[test]
fn a_group_is_forged_in_exported_and_brought_up_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, carol] = family(dir.path(), &node.url);
    alice.ok_with(&["send", "family", "-s", "one"], b"one\n");
    rounds(&[&alice, &bob, &carol], 2);
    let real = alice.ok(&["list", "family"]);
    let forge = |from: &str, text: &str| {
        let args = ["forge", "--from", from, "--to", "family", "-s", text];
        alice.ok_with(&args, text.as_bytes()).trim_end().to_owned()
    };
    let (forged, own) = (forge("bob", "two\n"), forge("me", "three\n"));
    assert!(forged.contains("/family/") && own.contains("/family/"), "{forged}");
    assert!(alice.ok(&["verify", &forged]).contains("holds"));
    let header = |path: &str| {
        let raw = alice.ok(&["show", "--raw", path.trim_end()]);
        raw.lines().find(|line| line.starts_with("X-Poste-Group: ")).unwrap().to_owned()
    };
    assert_eq!(header(&own), header(&real), "nothing tells the two apart");

    let file = |name: &str| dir.path().join(name).display().to_string();
    alice.ok(&["export", "--plain", "-o", &file("plain.tar")]);
    std::fs::create_dir(file("plain")).unwrap();
    let tar = ["-xf", &file("plain.tar"), "-C", &file("plain")];
    assert!(std::process::Command::new("tar").args(tar).status().unwrap().success());
    for part in ["new", "cur"] {
        let mails = std::path::Path::new(&file("plain")).join("mail/family").join(part);
        for mail in std::fs::read_dir(mails).unwrap() {
            let text = std::fs::read_to_string(mail.unwrap().path()).unwrap();
            for field in ["To: ", "Reply-To: ", "List-Post: <mailto:"] {
                assert!(text.contains(&format!("\n{field}family@poste")), "{text}");
            }
            assert!(text.contains("\nList-Id: \"family\" <"), "{text}");
            assert!(!text.contains("X-Poste"), "{text}");
        }
    }

    // In a home that has lost them, they come back with the group.
    let before = alice.ok(&["groups", "family"]);
    std::fs::remove_dir_all(alice.dir.join("share/mail/family")).unwrap();
    std::fs::remove_file(alice.dir.join("share/groups/family.toml")).unwrap();
    let output = alice.run(&["import", &file("plain.tar")], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("1 groups added"), "{said}");
    assert_eq!(alice.ok(&["list", "family"]).lines().count(), 3, "{said}");
    for path in alice.ok(&["list", "family"]).lines() {
        assert!(alice.ok(&["verify", path]).contains("holds"));
    }
    assert_eq!(alice.ok(&["groups", "family"]).replace("hearsay", ""), before);
    rounds(&[&alice, &bob, &carol, &alice], 2);
    assert_eq!(alice.ok(&["groups", "family"]), before, "the others have said it again");

    // The whole home elsewhere.
    alice.ok(&["export", "--keys", "-o", &file("home.tar")]);
    let moved = Home { dir: dir.path().join("moved") };
    moved.ok(&["init", "--import", &file("home.tar")]);
    assert_eq!(moved.ok(&["groups", "family"]), before);
}
