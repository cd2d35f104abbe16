//! Completions in real shells: bash, zsh and fish in a terminal, in which the Tab key completes the
//! names of people, groups and folders, without a passphrase.
#![allow(clippy::unwrap_used)]

#[path = "common/programs.rs"]
mod programs;

use programs::{Home, POSTE};
use std::fs;
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
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.socket).arg("kill-server").output();
    }
}

/// Alice under a passphrase, with a contact robert, a group relatives and a folder with a message.
fn alice(dir: &Path) -> Home {
    fs::create_dir(dir.join("node")).unwrap();
    let node = format!("file://{}", dir.join("node").display());
    let alice = Home::init(dir, "alice", &node);
    let bob = Home::init(dir, "bob", &node);
    alice.ok(&["add", "robert", &bob.card().display().to_string()]);
    alice.ok(&["group", "new", "relatives", "robert"]);
    let message = alice.ok_with(&["forge", "--from", "robert", "-s", "x"], b"x\n");
    alice.ok(&["move", message.trim(), "keepsakes", "--make"]);
    let secret = dir.join("secret");
    fs::write(&secret, "correct horse\n").unwrap();
    let line = format!("exec 3<{}; exec {POSTE} passphrase", secret.display());
    let mut set = Command::new("sh");
    set.args(["-c", &line]).env("POSTE_HOME", &alice.dir).env("POSTE_PASSPHRASE_FD", "3");
    assert!(set.status().unwrap().success());
    alice
}

/// What is typed before the Tab key, and what stands there after it.
const LINES: [(&str, &str); 9] = [
    ("poste send ro", "poste send robert"),
    ("poste compose rel", "poste compose relatives"),
    ("poste send robert -s ro rela", "poste send robert -s ro relatives"),
    ("poste words ro", "poste words robert"),
    ("poste group leave rel", "poste group leave relatives"),
    ("poste group add relatives ro", "poste group add relatives robert"),
    ("poste seal --to ro", "poste seal --to robert"),
    ("poste list keep", "poste list keepsakes"),
    ("poste export quar", "poste export quarantine"),
];

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
    for (typed, after) in LINES.into_iter().chain([(elsewhere.as_str(), completed.as_str())]) {
        terminal.keys(&["C-l"]);
        terminal.keys(&["-l", typed]);
        terminal.keys(&["Tab"]);
        terminal.wait_for(after);
        assert!(!terminal.screen().contains("passphrase:"), "{}", terminal.screen());
        terminal.keys(&["C-c"]);
        sleep(Duration::from_millis(300));
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
