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
    bob.ok_with(&["send", "kin", "-s", "of bob"], b"of bob\n");
    rounds(&[&bob, &alice, &carol], 2);
    let listed = alice.ok(&["list", "family", "-l"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let by_bob = alice.ok(&["search", "of bob"]);
    assert_eq!(header(&forged), header(&by_bob), "nor these, which bob's register is named in");

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
    assert_eq!(alice.ok(&["list", "family"]).lines().count(), 4, "{said}");
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

/// What a command that must succeed says on standard error.
fn says(home: &Home, args: &[&str]) -> String {
    let output = home.run(&[&["-v"], args].concat(), b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

fn verifies(home: &Home, folder: &str, count: usize) {
    let paths = home.ok(&["list", folder]);
    assert_eq!(paths.lines().count(), count, "{paths}");
    for path in paths.lines() {
        assert!(home.ok(&["verify", path]).contains("holds"), "{path}");
    }
}

#[test]
fn a_group_gets_another_name_with_its_folder_and_is_forgotten_at_last() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, carol] = family(dir.path(), &node.url);
    bob.ok_with(&["send", "kin", "-s", "one"], b"one\n");
    rounds(&[&bob, &alice, &carol], 2);
    let config = bob.dir.join("config/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[expires]\nkin = \"30d\"\n")).unwrap();

    for (name, status, says) in
        [("carol", 73, "a contact carol already"), ("inbox", 64, "invalid value")]
    {
        let (code, said) = fails(&bob, &["rename", "kin", name]);
        assert!(code == status && said.contains(says), "{said}");
    }
    bob.ok(&["rename", "kin", "folk"]);
    assert_eq!(bob.ok(&["groups"]), "folk\tfamily\tmember\talice,carol,me\n");
    assert!(std::fs::read_to_string(&config).unwrap().contains("\"folk\" = \"30d\""));
    verifies(&bob, "folk", 1);
    // Cut short after the folder has moved: whoever comes next finishes it.
    let file = bob.dir.join("share/groups/folk.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("becomes = \"kin\"\n{text}")).unwrap();
    std::fs::rename(bob.dir.join("share/mail/folk"), bob.dir.join("share/mail/kin")).unwrap();
    assert_eq!(bob.ok(&["groups"]), "kin\tfamily\tmember\talice,carol,me\n");
    verifies(&bob, "kin", 1);
    alice.ok_with(&["send", "family", "-s", "two"], b"two\n");
    rounds(&[&alice, &bob], 2);
    verifies(&bob, "kin", 2);

    // Another group of alice's takes the name over.
    alice.ok(&["group", "new", "crew", "bob"]);
    rounds(&[&alice, &bob], 2);
    assert!(bob.ok(&["status"]).contains("1 invitation"));
    let list = bob.ok(&["groups"]);
    let id = list.lines().find(|line| line.contains("\tinvited\t")).unwrap();
    let id = id.split('\t').next().unwrap();
    let (code, said) = fails(&bob, &["accept", id, "kin"]);
    assert!(code == 73 && said.contains(&format!("poste accept {id} kin --replace")), "{said}");
    let (code, said) = fails(&bob, &["accept", id, "carol", "--replace"]);
    assert!(code == 73 && said.contains("there is a contact carol already"), "{said}");
    let said = says(&bob, &["accept", id, "kin", "--replace"]);
    assert!(said.contains("is called kin-2 now"), "{said}");
    let list = bob.ok(&["groups"]);
    let rows = "kin\tcrew\tmember\talice,me\nkin-2\tfamily\tmember\talice,carol,me\n";
    assert_eq!(list, rows);
    verifies(&bob, "kin", 0);
    verifies(&bob, "kin-2", 2);

    let (code, said) = fails(&bob, &["remove", "kin-2"]);
    assert!(code == 69 && said.contains("poste group leave kin-2"), "{said}");
    bob.ok(&["group", "leave", "kin-2"]);
    assert!(says(&bob, &["remove", "kin-2"]).contains("had not heard yet"));
    assert_eq!(bob.ok(&["groups"]), "kin\tcrew\tmember\talice,me\n");
    assert!(!bob.dir.join("share/mail/kin-2").exists());
    assert!(bob.ok(&["outbox"]).lines().all(|line| !line.contains("kin-2")));
    assert_eq!(fails(&bob, &["remove", "kin-2"]).0, 67);
}

#[test]
fn who_was_in_a_group_is_known_by_it_when_removed_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start();
    let [alice, bob, carol] = family(dir.path(), &node.url);
    bob.ok_with(&["send", "kin", "-s", "one"], b"one\n");
    carol.ok_with(&["send", "clan", "-s", "two"], b"two\n");
    rounds(&[&bob, &carol, &alice], 2);

    // Without their mail, and what they wrote to all still verifies.
    let said = says(&alice, &["remove", "carol"]);
    assert!(said.contains("wrote to family verifies"), "{said}");
    assert!(said.contains("carol is still in family"), "{said}");
    verifies(&alice, "family", 2);
    let digits = alice.ok(&["contacts"]);
    let digits = digits.lines().find(|line| line.ends_with("\tformer")).unwrap();
    let digits = digits.split('\t').next().unwrap();
    assert!(said.contains(&format!("poste group remove family {digits}")), "{said}");
    assert!(alice.ok(&["groups", "family"]).contains(&format!("{digits}\tmember\twas carol\n")));
    let said = says(&alice, &["send", "family", "-s", "three"]);
    assert!(said.contains(&format!("{digits} in family gets no copy")), "{said}");
    alice.ok(&["remove", "carol"]);
    verifies(&alice, "family", 3);
    alice.ok(&["add", "carol", &carol.card().display().to_string()]);
    assert!(alice.ok(&["groups", "family"]).contains("carol\tmember\t\n"));

    // Bob has lost his keys.
    std::fs::rename(&bob.dir, dir.path().join("lost")).unwrap();
    let bob = Home::init(dir.path(), "bob", &node.url);
    bob.ok(&["add", "alice", &alice.card().display().to_string()]);
    bob.ok_with(&["send", "alice", "-s", "new keys"], b"it is me\n");
    rounds(&[&bob, &alice], 1);
    let request = alice.ok(&["list", "requests"]);
    let said = says(&alice, &["accept", request.trim_end(), "bob", "--replace"]);
    assert!(said.contains("the old bob is still in family"), "{said}");
    let remove = said.lines().find_map(|line| line.split_once("poste group remove family "));
    let old = remove.unwrap().1.trim();
    assert!(said.contains("poste group add family bob"), "{said}");
    alice.ok(&["group", "remove", "family", old]);
    alice.ok(&["group", "add", "family", "bob"]);
    rounds(&[&alice, &bob], 2);
    let list = bob.ok(&["groups"]);
    bob.ok(&["accept", list.split('\t').next().unwrap(), "kin"]);
    rounds(&[&bob, &alice, &carol], 4);
    let people = alice.ok(&["groups", "family"]);
    assert!(people.contains("bob\tmember\t\n"), "{people}");
    assert!(people.contains(&format!("{old}\tremoved\twas bob\n")), "{people}");
    // The others see whom alice introduced, beside the one they knew.
    assert!(carol.ok(&["groups", "clan"]).contains("bob\tremoved\t\nbob-2\tmember\t\n"));
    verifies(&alice, "family", 3);
}
