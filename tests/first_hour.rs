//! The first minutes as a new user types them: every line of README's and of the tour's sections
//! but MUTT that begins with a dollar sign, one after the other, in a shell with the two programs
//! on its path. Alone in a network of loopback only, so that port 4000 is free.
//!
//! What does not come from the two programs is stood in for: the web server and its address, the
//! relay at home, systemd, another machine, and the terminal at which a passphrase is typed.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "common/alone.rs"]
mod alone;

use alone::is_alone;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What stands in the papers, and what stands in for it.
const STAND_INS: [(&str, &str); 3] = [
    ("https://alice.example/", "http://127.0.0.1:4080/"),
    ("/srv/www/alice/", "www/"),
    ("https://relay.example", "http://127.0.0.1:4000"),
];

/// Waits until something listens at a port of loopback.
const LISTENS: &str = "until (: </dev/tcp/127.0.0.1/PORT) 2>/dev/null; do sleep 0.05; done\n";

/// age(1) where somebody types the passphrase, if it is going to ask for one.
const AGE: &str = "case \" $* \" in *' -i '*) exec /usr/bin/age \"$@\";; esac
script -qec \"/usr/bin/age $* >\"'$HOME/opened' /dev/null <\"$START/passphrase\" >/dev/null || exit
cat \"$HOME/opened\"; rm \"$HOME/opened\"";

/// What is typed: lines after a dollar sign, with those that a backslash continues.
fn typed(text: &str) -> Vec<String> {
    let mut typed: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(line) => typed.push(line.to_owned()),
            None if typed.last().is_some_and(|last| last.ends_with('\\')) => {
                let last = typed.last_mut().unwrap();
                *last += "\n";
                *last += line;
            }
            None => {}
        }
    }
    for line in &mut typed {
        for (theirs, ours) in STAND_INS {
            *line = line.replace(theirs, ours);
        }
    }
    typed
}

/// Runs the lines in one shell, which stops at the first that fails and names it; all it printed.
fn run(lines: &[String]) -> String {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    for dir in ["bin", "www", "elsewhere"] {
        std::fs::create_dir(home.path().join(dir)).unwrap();
    }
    for program in [env!("CARGO_BIN_EXE_poste"), env!("CARGO_BIN_EXE_posted")] {
        let name = Path::new(program).file_name().unwrap();
        std::os::unix::fs::symlink(program, bin.join(name)).unwrap();
    }
    let shown = "echo \"$0 $*\"";
    for (name, script) in [("systemctl", shown), ("loginctl", shown), ("age", AGE)] {
        std::fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::write(home.path().join("passphrase"), "correct horse\n").unwrap();
    let mut script = String::from("shopt -s expand_aliases\nset -o pipefail\n");
    script += "trap 'kill $(jobs -p)' EXIT\n";
    script += "python3 -m http.server -b 127.0.0.1 -d www 4080 >/dev/null 2>&1 &\n";
    script += &LISTENS.replace("PORT", "4080");
    for line in lines {
        let shown = line.replace('\'', "'\\''");
        writeln!(script, "exec 9<$START/passphrase; echo '$ {shown}'").unwrap();
        script += line;
        script += "\n";
        if line.ends_with('&') {
            script += &LISTENS.replace("PORT", "4000");
        } else {
            writeln!(script, "(exit $?) || {{ echo 'status '$?; exit 1; }}").unwrap();
        }
    }
    std::fs::write(home.path().join("script"), script).unwrap();
    let output = Command::new("bash")
        .args(["script"])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("START", home.path())
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("POSTE_PASSPHRASE_FD", "9")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{errors}");
    said
}

#[test]
fn the_first_five_minutes_of_the_readme() {
    if !is_alone("the_first_five_minutes_of_the_readme") {
        return;
    }
    let text = include_str!("../README.md").split("\n## ");
    let text = text.into_iter().find(|section| section.starts_with("The first five minutes"));
    let mut lines = typed(text.unwrap());
    // Building and installing is tested by tests/install.rs.
    assert!(lines.remove(0).starts_with("make && sudo make install"));
    assert_eq!(lines.len(), 18, "all lines were found");
    let said = run(&lines);
    let letters = said.matches("lunch at one?\n").count() + said.matches("with pleasure\n").count();
    assert_eq!(letters, 3, "bob reads one, alice reads both: {said}");
    assert!(said.contains("http://127.0.0.1:4080/poste.toml#"), "{said}");
    assert!(said.contains("--user enable --now poste-sync.timer\n"), "{said}");
}

/// What is typed in a section of the tour.
fn tour(section: &str) -> Vec<String> {
    let text = include_str!("../man/poste-tour.7").replace("\\e", "\\");
    let text = text.split(&format!(".Sh {section}\n")).nth(1).unwrap();
    typed(text.split("\n.Sh ").next().unwrap())
}

#[test]
fn the_first_sections_of_the_tour() {
    if !is_alone("the_first_sections_of_the_tour") {
        return;
    }
    let sections =
        ["TWO PEOPLE ON ONE MACHINE", "A GROUP OF THREE", "A HOME OF YOUR OWN", "UNATTENDED"];
    let lines: Vec<String> = sections.into_iter().flat_map(tour).collect();
    assert!(lines.len() > 20, "all lines were found");
    let said = run(&lines);
    assert!(said.contains("acknowledged"), "{said}");
    assert!(said.contains("http://127.0.0.1:4080/poste.toml#"), "{said}");
}

#[test]
fn the_tour_from_a_home_to_its_backup_and_to_its_mail_without_poste() {
    if !is_alone("the_tour_from_a_home_to_its_backup_and_to_its_mail_without_poste") {
        return;
    }
    // Of two people the one who is written to.
    let mut lines = tour("TWO PEOPLE ON ONE MACHINE");
    let met = lines.iter().position(|line| line == "bob card --toml >bob.toml").unwrap();
    lines.truncate(met + 1);
    lines.extend(tour("A HOME OF YOUR OWN"));
    let mut add = |ours: &str| lines.push(ours.to_owned());
    add("poste add bob bob.toml");
    add("printf 'Subject: by hand\n\nwhat bob is handed\n' >letter.eml");
    add("echo 'what is worth keeping' | poste send bob -s kept");
    let backup = tour("BACKUP");
    assert_eq!(backup.len(), 5, "{backup:?}");
    for line in backup {
        match line.as_str() {
            // All is lost.
            "tar xf poste.tar -C ~" => add("rm -r ~/.local/share/poste ~/.config/poste"),
            // There is the other machine.
            "poste init --import poste.tar.age" => add("export HOME=~/elsewhere"),
            _ => {}
        }
        add(&line);
        add("poste list bob | poste show");
    }
    add("test \"$(stat -c %a \"$START\"/poste.tar)\" = 600");
    let without = tour("WITHOUT POSTE");
    assert_eq!(without.len(), 6, "{without:?}");
    for line in without {
        if line.contains("<letter.eml") {
            add("cp \"$START\"/letter.eml .");
        }
        add(&line);
    }
    add("test ! -e key");
    add("poste --home \"$START\"/bob receive letter.age >letter");
    add("poste --home \"$START\"/bob show <letter");
    let said = run(&lines);
    let (before, after) = said.split_once("$ for f in mail/bob").unwrap();
    assert_eq!(before.matches("\nwhat is worth keeping\n").count(), 5, "{said}");
    assert_eq!(after.matches("\nwhat is worth keeping\n").count(), 1, "{said}");
    assert!(after.contains("\nX-Poste: 1 ") && after.contains("\nSubject: kept\n"), "{said}");
    assert!(after.contains("\nwhat bob is handed\n"), "{said}");
}
