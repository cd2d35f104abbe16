//! The real `posted` with a configuration of the test's: started, asked where it listens, killed.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// A running `posted`; killed when dropped.
pub struct Posted {
    child: Child,
    addresses: Vec<(String, SocketAddr)>,
    log: Arc<Mutex<String>>,
}

impl Posted {
    /// Runs `posted COMMAND` with `config` as its configuration, whose relative paths are below
    /// `dir`, until it has said where its `roles` listen.
    pub fn start(dir: &Path, command: &str, config: &str, roles: usize) -> Posted {
        std::fs::write(dir.join("posted.toml"), config).unwrap();
        let mut child = line(dir, command).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut addresses, mut seen) = (Vec::new(), String::new());
        while addresses.len() < roles {
            let line = lines.next().unwrap_or_else(|| panic!("did not start: {seen}")).unwrap();
            seen += &format!("{line}\n");
            let Some((role, address)) = line.split_once(" at ") else { continue };
            if let Ok(address) = address.parse() {
                addresses.push((role.rsplit(' ').next().unwrap().to_owned(), address));
            }
        }
        let log = Arc::new(Mutex::new(seen));
        let more = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *more.lock().unwrap() += &format!("{line}\n");
            }
        });
        Posted { child, addresses, log }
    }

    /// Where a role listens.
    pub fn at(&self, role: &str) -> SocketAddr {
        let found = self.addresses.iter().find(|(name, _)| name == role);
        found.unwrap_or_else(|| panic!("no {role}")).1
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills it on the spot, as a crash would.
    pub fn kill(self) {}
}

impl Drop for Posted {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `posted COMMAND`, which must end by itself.
pub fn ended(dir: &Path, command: &str, config: &str) -> Output {
    std::fs::write(dir.join("posted.toml"), config).unwrap();
    line(dir, command).output().unwrap()
}

fn line(dir: &Path, command: &str) -> Command {
    let mut line = Command::new(env!("CARGO_BIN_EXE_posted"));
    let mut words = command.split(' ');
    line.args(words.next()).arg("--config").arg(dir.join("posted.toml")).args(words);
    line.stdin(Stdio::null());
    line
}
