//! mutt or neomutt on a view, for tests: with the examples as a user has them.
#![allow(dead_code, clippy::unwrap_used)]

use crate::programs::{self, Home};
use crate::screen::Screen;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The examples as a user has them, but for what the test needs: the programs under test, an editor
/// that writes by itself, and fewer questions.
fn settings(dir: &Path, home: &Home, examples: &[&str]) -> String {
    let poste = format!("{} --home {}", programs::POSTE, home.dir.display());
    let editor = dir.join("editor");
    let script = format!(
        "#!/bin/sh\necho \"$1\" >>{}\nsed -i 's/this is number/this was/' \"$1\"\n\
         grep -q '^Subject: letter' \"$1\" || echo 'so be it' >>\"$1\"\n",
        dir.join("edited").display()
    );
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
        "{sources}set sendmail='{poste} sendmail'\nset editor={}\n\
         set sort=subject mail_check=1 timeout=1\n\
         set include=no fast_reply=yes abort_unmodified=no header_cache=\n\
         set confirmappend=no delete=yes quit=yes move=no beep=no pager_stop=yes\n\
         set wait_key=yes postponed={dir}/postponed\n",
        editor.display(),
        dir = dir.display(),
    )
}

/// The program on the view, in a folder of it.
pub fn start(dir: &Path, home: &Home, program: &str, examples: &[&str], folder: &str) -> Screen {
    let rc = dir.join("muttrc");
    std::fs::write(&rc, settings(dir, home, examples)).unwrap();
    let command = format!(
        "export PATH={dir}:$PATH; unset LESS; poste view --at {dir}/view -- {program} -n -F {} -f ={folder}",
        rc.display(),
        dir = dir.display(),
    );
    Screen::start(dir, &command)
}

/// Goes to a message of the index.
pub fn to(screen: &Screen, number: &str) {
    screen.keys(&[number, "Enter"]);
}
