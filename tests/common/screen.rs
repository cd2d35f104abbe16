//! A program in a terminal, by tmux, for tests: keys go in, and what is on the screen is looked at.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A terminal of 100 columns and 40 lines; the programs in it end when it is dropped.
pub struct Screen {
    socket: PathBuf,
}

impl Screen {
    /// Runs a shell command, whose status the screen shows at the end.
    pub fn start(dir: &Path, command: &str) -> Screen {
        let screen = Screen { socket: dir.join("tmux") };
        let command = format!("export LANG=C.UTF-8; {command}; echo status $?; sleep 60");
        let new = ["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40"];
        screen.tmux(&[&new[..], &[&command]].concat());
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        let output = command.arg("-S").arg(&self.socket).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Writes all that programs write to it, from now on, to a file.
    pub fn records(&self, to: &Path) {
        self.tmux(&["pipe-pane", &format!("cat >>'{}'", to.display())]);
    }

    /// Types keys by their names, or texts.
    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a text as it stands.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// What is on it.
    pub fn now(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What is on it, once it shows that; a minute at most.
    pub fn shows(&self, what: &str) -> String {
        self.comes_to(&format!("no {what:?}"), |screen| screen.contains(what))
    }

    /// The same for a line that has all of these.
    pub fn shows_line(&self, parts: &[&str]) -> String {
        self.comes_to(&format!("no line with {parts:?}"), |screen| {
            screen.lines().any(|line| parts.iter().all(|part| line.contains(part)))
        })
    }

    /// What is on it, once that holds of it; a minute at most, and then `otherwise` is said.
    pub fn comes_to(&self, otherwise: &str, holds: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.now();
            if holds(&screen) {
                return screen;
            }
            assert!(Instant::now() < until, "{otherwise} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What is on it once it shows that, while a key is pressed every second: some programs look for
    /// what is new only when they are woken.
    pub fn shows_by(&self, key: &str, what: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            self.keys(&[key]);
            let next = Instant::now() + Duration::from_secs(1);
            while Instant::now() < next {
                let screen = self.now();
                if screen.contains(what) {
                    return screen;
                }
                assert!(Instant::now() < until, "no {what:?} on the screen:\n{screen}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
