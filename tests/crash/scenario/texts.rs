//! Scenarios of what nobody sent: a message forged, one edited, and some taken from an mbox of
//! another program. They refuse an edit or an import that is there by half; what becomes of a text
//! in an editor whose `edit` is killed beside a view is in tests/view_crash.rs.

use super::{Again, Make, QUIET, Scenario, TEXT, World, ledger, ready};
use crate::check::Ledger;
use std::fs;

/// All of them.
pub const TEXTS: [Make; 3] = [forge, edit, import];

fn forge() -> Scenario {
    let mut all = ledger(&[]);
    // Whoever forges again what was filed already has one more: one for each of three runs.
    all.insert(("bob", "alice".into(), "forged".into()), 1..=3);
    let args = ["forge", "--from", "alice", "-s", "forged"];
    ready("forge", World::acquainted(), "bob", &args, TEXT, Again::Same, QUIET, all)
}

fn edit() -> Scenario {
    let world = World::acquainted();
    let bob = world.home("bob");
    let script = world.path("editor.sh");
    let config = bob.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, format!("{text}editor = \"sh {script}\"\n")).unwrap();
    let listed = bob.ok(&["list", "alice"]);
    let shown = |path: &&str| bob.ok(&["show", path]).contains("Subject: welcome");
    let path = listed.lines().find(shown).unwrap();
    // What the editor is given, and then what it makes of that.
    fs::write(&script, "exec cp \"$1\" \"$0.text\"\n").unwrap();
    bob.ok(&["edit", path]);
    let kept = world.path("editor.sh.text");
    let mut text = fs::read(&kept).unwrap();
    text.extend(TEXT);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Subject: welcome\n"), "{text}");
    fs::write(kept, text.replace("Subject: welcome\n", "Subject: edited\n")).unwrap();
    fs::write(&script, "exec cp \"$0.text\" \"$1\"\n").unwrap();
    let mut all = also(&["edited"]);
    all.remove(&("bob", "alice".into(), "welcome".into()));
    ready("edit", world, "bob", &["edit", path], b"", Again::Same, QUIET, all)
}

fn import() -> Scenario {
    let world = World::acquainted();
    let mut mbox = Vec::new();
    for (number, subject) in ["first taken", "second taken"].iter().enumerate() {
        let head = format!(
            "From MAILER-DAEMON Sun Nov  1 10:11:00 2026\nFrom: me@poste\nTo: alice@poste\n\
             Date: Sun, 15 Jun 2025 15:0{number}:00 +0000\nMessage-ID: <{number:032x}@poste>\n\
             Subject: {subject}\n\n"
        );
        mbox.extend(head.bytes());
        mbox.extend(TEXT);
        mbox.push(b'\n');
    }
    let file = world.path("theirs.mbox");
    fs::write(&file, mbox).unwrap();
    let args = ["import", &file, "--into", "alice"];
    let all = also(&["first taken", "second taken"]);
    ready("import", world, "bob", &args, b"", Again::Same, QUIET, all)
}

/// What acquainted people have, and of bob's alone these.
fn also(subjects: &[&str]) -> Ledger {
    let mut all = ledger(&[]);
    all.extend(subjects.iter().map(|one| (("bob", "alice".into(), (*one).to_owned()), 1..=1)));
    all
}
