//! The passphrase at a terminal, by the real program in one: it is asked for twice when it is new and
//! once when it is needed, never shown, never taken from the arguments, and no sync wants it. Then
//! how a view that was opened by it ends, at the usual place too (poste(1), ENVIRONMENT and view).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/viewed.rs"]
mod viewed;

use programs::{Home, POSTE, acquainted};
use screen::Screen;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use viewed::{add, added, bob, eventually, files, forge, scratch, tree};

const PASSPHRASE: &str = "Quittenbaum & 7 pears";
const ANOTHER: &str = "Quittenbaum & 8 pears";

/// Runs a line of commands in a terminal, where `poste` is the program, in a home.
fn terminal(home: &Home, line: &str) -> Screen {
    let dir = tempfile::tempdir_in(home.dir.parent().unwrap()).unwrap().keep();
    let bin = Path::new(POSTE).parent().unwrap().display();
    let unset = "POSTE_PASSPHRASE_FD XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME";
    let here = format!("export PATH={bin}:$PATH POSTE_HOME={}", home.dir.display());
    Screen::start(&dir, &format!("{here}; unset {unset}; {line}"))
}

/// Runs with the passphrase as what it reads.
fn told(home: &Home, args: &[&str]) -> Output {
    let mut command = home.command(args);
    command.env("POSTE_PASSPHRASE_FD", "0").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}").unwrap();
    child.wait_with_output().unwrap()
}

/// Waits for a question, and answers it.
fn answer(screen: &Screen, question: &str, with: &str) {
    screen.comes_to(&format!("no {question:?} at the end"), |now| {
        now.trim_end().ends_with(question.trim_end())
    });
    screen.types(with);
    screen.keys(&["Enter"]);
}

/// How mutt is set up: by the example, and with fewer questions.
fn muttrc(dir: &Path) -> PathBuf {
    let rc = dir.join("muttrc");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/muttrc");
    fs::write(&rc, format!("source {example}\nset quit=yes delete=yes move=no\n")).unwrap();
    rc
}

/// Waits until no view of the home is there, nor anything that tells of one.
fn is_wiped(home: &Home, at: &Path) {
    eventually("the view is wiped", || !at.exists() && !home.dir.join("state/view.toml").exists());
}

#[test]
fn what_is_typed_at_the_terminal_is_asked_for_when_it_is_needed_and_never_shown() {
    let dir = scratch();
    let stick = format!("file://{}", dir.path().join("stick").display());
    let alice = Home::init(dir.path(), "alice", &stick);
    let bob = Home { dir: dir.path().join("bob") };
    let record = |name: &str| dir.path().join(name);
    let mut records = Vec::new();
    let mut recorded = |line: &str| {
        let screen = terminal(&bob, line);
        records.push(record(&records.len().to_string()));
        screen.records(records.last().unwrap());
        screen
    };

    let screen = recorded(&format!("poste init --trust-clock --node {stick}"));
    answer(&screen, "new passphrase: ", PASSPHRASE);
    answer(&screen, "the same again: ", ANOTHER);
    answer(&screen, "they differ; new passphrase: ", PASSPHRASE);
    assert!(!bob.dir.exists(), "nothing is made before it is agreed upon");
    answer(&screen, "the same again: ", PASSPHRASE);
    screen.shows("status 0");
    assert!(told(&bob, &["search", "tea"]).status.success(), "it is what was typed twice");

    bob.ok(&["add", "alice", alice.card().to_str().unwrap()]);
    forge(&bob, 1);
    let screen = recorded("poste list | poste show; echo shown $?; poste list | poste show");
    answer(&screen, "passphrase: ", ANOTHER);
    answer(&screen, "wrong, once more; passphrase: ", PASSPHRASE);
    screen.shows("this is number 1");
    screen.shows("shown 0");
    answer(&screen, "passphrase: ", ANOTHER);
    screen.comes_to("no second chance", |now| now.matches("once more").count() == 2);
    answer(&screen, "wrong, once more; passphrase: ", ANOTHER);
    screen.comes_to("no third chance", |now| now.matches("once more").count() == 3);
    screen.keys(&["C-d"]);
    let error = "poste: error: no passphrase was given";
    screen.comes_to("no line of its own", |now| now.lines().any(|line| line == error));
    screen.shows("status 77");

    let at = dir.path().join("view");
    let rc = muttrc(dir.path());
    let line = format!("poste view --at {} -- mutt -n -F {} -f =alice", at.display(), rc.display());
    let screen = recorded(&line);
    screen.shows("passphrase:");
    assert!(!at.exists(), "nothing is opened before it is known who asks");
    answer(&screen, "passphrase: ", PASSPHRASE);
    let index = screen.shows("letter 1");
    assert!(!index.contains("passphrase"), "the terminal is mutt's:\n{index}");
    screen.keys(&["Enter"]);
    screen.shows("this is number 1");
    screen.keys(&["i", "q"]);
    screen.shows("status 0");
    is_wiped(&bob, &at);

    for record in &records {
        eventually("all of it is recorded", || {
            fs::read_to_string(record).unwrap().contains("status ")
        });
        let seen = fs::read_to_string(record).unwrap();
        assert!(!seen.contains("Quitten"), "{seen}");
    }
}

#[test]
fn who_interrupts_the_question_has_a_terminal_that_shows_what_is_typed() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    assert!(told(&bob, &["passphrase"]).status.success());
    let line = "was=$(stty -g); poste search tea; echo ended $?; test $was = $(stty -g)";
    let screen = terminal(&bob, line);
    screen.shows("passphrase:");
    screen.types("Quitten");
    screen.keys(&["C-c"]);
    assert!(screen.shows("status 0").contains("ended 130"));
}

#[test]
fn no_sync_asks_for_it_though_a_card_is_due() {
    let dir = scratch();
    let stick = format!("file://{}", dir.path().join("stick").display());
    fs::create_dir(dir.path().join("stick")).unwrap();
    let (alice, bob) = acquainted(dir.path(), &stick);
    let passphrase = told(&alice, &["passphrase"]);
    assert!(passphrase.status.success(), "{passphrase:?}");
    let config = alice.dir.join("config/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("stamp_bits = 4", "stamp_bits = 5")).unwrap();
    let of_bob = || alice.ok(&["list", "bob"]).lines().count();
    let before = of_bob();
    bob.ok_with(&["send", "alice", "-s", "tea"], b"at five?\n");
    bob.ok(&["sync", "--now"]);

    // What needs it asks: this terminal has somebody to be asked.
    let screen = terminal(&alice, "poste status; poste publish -o -");
    assert!(screen.shows("passphrase:").contains("a new one is due"));
    screen.keys(&["C-d"]);
    screen.shows("status 77");
    let screen = terminal(&alice, "poste sync; echo today $?; faketime -f +26d poste sync");
    let all = screen.shows("status 0");
    assert!(all.contains("today 0") && !all.contains("passphrase"), "{all}");
    let late = "poste: warning: the card lists no day after";
    assert!(all.contains(late) && all.contains("poste publish"), "{all}");
    assert_eq!(of_bob(), before + 1, "and it did its work");
    assert!(alice.ok(&["status"]).contains("a new one is due"));
}

#[test]
fn no_option_takes_it() {
    let mut commands = vec![poste::cli::command()];
    let mut named = Vec::new();
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        for arg in command.get_arguments() {
            let values = arg.get_value_names().unwrap_or_default().iter().map(|name| name.as_str());
            let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
            let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
            let words = values.chain(longs).chain([arg.get_id().as_str()]).map(str::to_lowercase);
            let words: Vec<String> = words.chain(help.map(|help| help.to_lowercase())).collect();
            let is_of = |what: &str| words.iter().any(|word| word.contains(what));
            if ["pass", "secret", "password"].into_iter().any(is_of) {
                named.push(format!("{} {}", command.get_name(), arg.get_id()));
                assert!(!arg.get_action().takes_values(), "{words:?} may be one");
            }
        }
    }
    assert!(named.contains(&"init no_passphrase".to_owned()), "{named:?}");
    let dir = scratch();
    let home = Home { dir: dir.path().join("alice") };
    for line in ["passphrase word", "unlock word", "init --passphrase word", "init word"] {
        let output = home.run(&line.split(' ').collect::<Vec<_>>(), b"");
        assert_eq!(output.status.code(), Some(64), "{line}: {output:?}");
    }
}

#[test]
fn a_view_at_a_terminal_ends_on_enter_on_an_interrupt_and_with_the_terminal() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let at = dir.path().join("view");
    let open = format!("trap : INT; poste view --at {}", at.display());
    let mut count = 1;
    for end in ["Enter", "C-c", "hangup"] {
        let screen = terminal(&bob, &open);
        screen.shows("Enter closes it");
        assert_eq!(files(&at).len(), count);
        add(&at, &added());
        count += 1;
        if end != "hangup" {
            screen.keys(&[end]);
            screen.shows("status 0");
        }
        drop(screen);
        is_wiped(&bob, &at);
        assert_eq!(tree(&bob, "alice").len(), count, "{end}: what was still to be taken is");
    }
}

#[test]
fn a_terminal_closed_on_a_mail_program_closes_the_view() {
    let dir = scratch();
    let bob = bob(dir.path(), 1);
    let at = dir.path().join("view");
    let rc = muttrc(dir.path());
    for program in ["mutt", "neomutt"] {
        let view = format!("poste view --at {} -- {program} -n -F {}", at.display(), rc.display());
        let screen = terminal(&bob, &format!("{view} -f =alice"));
        screen.shows("letter 1");
        assert!(at.join(".tmp").is_dir());
        drop(screen);
        is_wiped(&bob, &at);
    }
}

#[test]
fn the_usual_place_is_where_the_page_says() {
    let dir = tempfile::tempdir().unwrap();
    let named = bob(dir.path(), 1);
    // The same as it lies without a name of its own.
    let user = Home { dir: dir.path().join("user") };
    for (from, to) in [("config", ".config"), ("share", ".local/share"), ("state", ".local/state")]
    {
        let to = user.dir.join(to);
        fs::create_dir_all(&to).unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(named.dir.join(from)).arg(to.join("poste"));
        assert!(copy.status().unwrap().success());
    }
    let rc = muttrc(dir.path());
    // A /dev/shm of its own, since there is one usual place for all homes of that kind.
    let inside = format!(
        "mount -t tmpfs -o mode=1777 none /dev/shm && \
         poste view -- sh -c 'echo named ${{POSTE_VIEW%????????}}' && \
         unset POSTE_HOME && export HOME={} && \
         poste view -- sh -c 'echo usual $POSTE_VIEW; mkdir -m 700 /dev/shm/run' && \
         XDG_RUNTIME_DIR=/dev/shm/run poste view -- sh -c 'echo session $POSTE_VIEW' && \
         read -r line && poste view -- mutt -n -F {} -f =alice && \
         echo left $(find /dev/shm -type f -o -name 'view*' | wc -l)",
        user.dir.display(),
        rc.display(),
    );
    let script = dir.path().join("script");
    fs::write(&script, inside).unwrap();
    let screen = terminal(&named, &format!("unshare -rm sh {}", script.display()));
    let places = screen.shows("session ");
    for line in [
        "named /dev/shm/poste-0/view-",
        "usual /dev/shm/poste-0/view",
        "session /dev/shm/run/poste/view",
    ] {
        assert!(places.lines().any(|one| one == line), "no {line}:\n{places}");
    }
    screen.keys(&["Enter"]);
    screen.shows("letter 1");
    screen.keys(&["Enter"]);
    screen.shows("this is number 1");
    screen.keys(&["i", "q"]);
    screen.shows("left 0");
    screen.shows("status 0");
}
