//! Completions in real shells: bash, zsh and fish in a terminal, in which the Tab key completes the
//! names of people, groups and folders, without a passphrase.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, POSTE};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A shell in a terminal.
struct Terminal<'a> {
    socket: &'a Path,
}

impl Terminal<'_> {
    fn start<'a>(
        dir: &'a Path,
        socket: &'a Path,
        env: &[(&str, String)],
        shell: &[&str],
    ) -> Terminal<'a> {
        let terminal = Terminal { socket };
        let mut command = Command::new("tmux");
        command.arg("-S").arg(socket).args([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "30",
        ]);
        for (name, value) in env {
            command.args(["-e", &format!("{name}={value}")]);
        }
        let status = command.args(shell).current_dir(dir).env("TERM", "xterm").status().unwrap();
        assert!(status.success());
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(self.socket).args(args).output().unwrap();
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn wait_for(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.screen().contains(text) {
            assert!(Instant::now() < until, "no {text:?} on the screen:\n{}", self.screen());
            sleep(Duration::from_millis(100));
        }
    }

    /// Drops the line and clears the screen. A shell that is still at work may miss the keys: they
    /// are pressed again until it has not.
    fn drop_line(&self, line: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.screen().contains(line) {
            assert!(Instant::now() < until, "{line:?} stays on the screen:\n{}", self.screen());
            // What comes with the first is thrown away by the terminal.
            for key in ["C-c", "C-l"] {
                self.keys(&[key]);
                sleep(Duration::from_millis(200));
            }
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.socket).arg("kill-server").output();
    }
}

/// Alice under a passphrase, with a contact robert, a group relatives, a folder with a message, one in
/// quarantine, a letter in the outbox and a draft.
fn alice(dir: &Path) -> Home {
    fs::create_dir(dir.join("node")).unwrap();
    let node = format!("file://{}", dir.join("node").display());
    let alice = Home::init(dir, "alice", &node);
    let bob = Home::init(dir, "bob", &node);
    alice.ok(&["add", "robert", &bob.card().display().to_string()]);
    alice.ok(&["group", "new", "relatives", "robert"]);
    let message = alice.ok_with(&["forge", "--from", "robert", "-s", "x"], b"x\n");
    let kept = alice.ok(&["move", message.trim(), "keepsakes", "--make"]);
    let kept = Path::new(kept.trim());
    let quarantine = kept.ancestors().nth(3).unwrap().join("quarantine");
    ["cur", "new", "tmp"]
        .iter()
        .for_each(|part| fs::create_dir_all(quarantine.join(part)).unwrap());
    fs::copy(kept, quarantine.join("cur").join(kept.file_name().unwrap())).unwrap();
    alice.ok_with(&["send", "robert"], b"hello\n");
    let editor = dir.join("editor");
    fs::write(&editor, "#!/bin/sh\necho written >>\"$1\"\nexit 1\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let mut compose = alice.command(&["compose", "robert"]);
    assert!(!compose.env("VISUAL", editor).output().unwrap().status.success());
    let secret = dir.join("secret");
    fs::write(&secret, "correct horse\n").unwrap();
    let line = format!("exec 3<{}; exec {POSTE} passphrase", secret.display());
    let mut set = Command::new("sh");
    set.args(["-c", &line]).env("POSTE_HOME", &alice.dir).env("POSTE_PASSPHRASE_FD", "3");
    assert!(set.status().unwrap().success());
    alice
}

/// What is typed before the Tab key, and what stands there after it.
const LINES: [(&str, &str); 20] = [
    ("poste send ro", "poste send robert"),
    ("poste compose rel", "poste compose relatives"),
    ("poste send robert -s ro rela", "poste send robert -s ro relatives"),
    ("poste words ro", "poste words robert"),
    ("poste group leave rel", "poste group leave relatives"),
    ("poste group add relatives ro", "poste group add relatives robert"),
    ("poste seal --to ro", "poste seal --to robert"),
    ("poste list keep", "poste list keepsakes"),
    ("poste export quar", "poste export quarantine"),
    ("poste rename rela", "poste rename relatives"),
    ("poste move 17 keep", "poste move 17 keepsakes"),
    ("poste move some-f", "poste move some-file.eml"),
    ("poste show some-f", "poste show some-file.eml"),
    ("poste verify some-f", "poste verify some-file.eml"),
    ("poste quarantine sh", "poste quarantine show"),
    ("poste cover sta", "poste cover status"),
    ("poste help comple", "poste help completions"),
    ("poste view --at some-d", "poste view --at some-dir"),
    ("poste view -- mlis", "poste view -- mlist"),
    ("poste view -- mlist some-f", "poste view -- mlist some-file.eml"),
];

/// The same for what has another id each time.
fn with_ids(alice: &Home) -> Vec<(String, String)> {
    let id = |list: &str| alice.ok(&[list]).split('\t').next().unwrap().to_owned();
    let held = alice.ok(&["quarantine"]);
    let held = held.rsplit('/').next().unwrap().split('.').nth(1).unwrap().to_owned();
    let ids = [
        ("outbox drop", id("outbox")),
        ("drafts drop", id("drafts")),
        ("compose --draft", id("drafts")),
        ("quarantine show", held),
    ];
    let line = |command: &str, id: &str| format!("poste {command} {id}");
    ids.iter().map(|(command, id)| (line(command, &id[..6]), line(command, id))).collect()
}

/// Where nothing can be known a file is no help.
const NOTHING: [&str; 3] =
    ["poste send robert -s some-f", "poste search some-f", "poste list -n some-f"];

fn session(name: &str, shell: &[&str], set_up: impl Fn(&Path) -> String) {
    let dir = tempfile::tempdir().unwrap();
    let alice = alice(dir.path());
    let script = Command::new(POSTE).args(["completions", name]).output().unwrap().stdout;
    fs::write(dir.path().join("_poste"), script).unwrap();
    let bin = Path::new(POSTE).parent().unwrap().display();
    let env = [
        ("HOME", dir.path().display().to_string()),
        ("XDG_CONFIG_HOME", dir.path().join("xdg").display().to_string()),
        ("XDG_DATA_HOME", dir.path().join("xdg").display().to_string()),
        ("POSTE_HOME", alice.dir.display().to_string()),
    ];
    let socket = dir.path().join("tmux");
    let terminal = Terminal::start(dir.path(), &socket, &env, shell);
    // Here, since files of the system may set PATH when a shell begins.
    let path = match name {
        "fish" => format!("set -gx PATH {bin} $PATH"),
        _ => format!("PATH={bin}:$PATH"),
    };
    terminal.keys(&[&path, "Enter"]);
    terminal.keys(&[&set_up(dir.path()), "Enter"]);
    terminal.keys(&["echo rea''dy", "Enter"]);
    terminal.wait_for("\nready");
    // The line of another home asks that home.
    let elsewhere = format!("poste --home {} words al", dir.path().join("bob").display());
    Home { dir: dir.path().join("bob") }.ok(&[
        "add",
        "alfred",
        &alice.card().display().to_string(),
    ]);
    let completed = format!("{elsewhere}fred");
    fs::write(dir.path().join("some-file.eml"), "").unwrap();
    fs::create_dir(dir.path().join("some-dir")).unwrap();
    let with_ids = with_ids(&alice);
    let with_ids = with_ids.iter().map(|(typed, after)| (typed.as_str(), after.as_str()));
    let lines = LINES.into_iter().chain([(elsewhere.as_str(), completed.as_str())]);
    for (typed, after) in lines.chain(with_ids) {
        terminal.keys(&["-l", typed]);
        terminal.keys(&["Tab"]);
        terminal.wait_for(after);
        assert!(!terminal.screen().contains("passphrase:"), "{}", terminal.screen());
        terminal.drop_line(after);
    }
    for typed in NOTHING {
        terminal.keys(&["-l", typed]);
        terminal.keys(&["Tab"]);
        // What is typed after it shows that the shell is through with the Tab key.
        terminal.keys(&["-l", "#end"]);
        terminal.wait_for(&format!("{typed}#end"));
        terminal.drop_line(typed);
    }
}

#[test]
fn bash_knows_the_names() {
    session("bash", &["bash", "--norc", "--noprofile"], |dir| {
        format!("PS1='> '; source {}", dir.join("_poste").display())
    });
}

#[test]
fn zsh_knows_the_names() {
    session("zsh", &["zsh", "-f"], |dir| {
        format!("PS1='> '; fpath=({} $fpath); autoload -U compinit; compinit -u -D", dir.display())
    });
}

#[test]
fn fish_knows_the_names() {
    session("fish", &["fish", "--no-config"], |dir| {
        format!("set fish_greeting; source {}", dir.join("_poste").display())
    });
}
