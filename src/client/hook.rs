//! Programs of the user's own that a verb runs: hooks, and commands that a card is published by. A
//! line runs by `sh -c` with the environment of the program, in which `POSTE_HOME` and `POSTE_CONFIG`
//! name the home, so that it can call poste; the state lock is not held meanwhile. A hook has a process
//! group of its own; what publishes may ask on the terminal, which only the group there may read. What
//! it prints on standard output is nobody's data and goes nowhere. It has a time limit. A sync that it
//! begins does nothing, since each would begin the next one, or wait for the one that waits for it.
//! Specified in poste-files(5), hooks and publish.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::starter;
use crate::store::home::Places;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// The variable by which what a hook began is known.
const VARIABLE: &str = "POSTE_HOOK";
/// How long one may run.
const LIMIT: Duration = Duration::from_secs(300);
/// How long it has to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Which hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before a sync does anything.
    PreSync,
    /// When it is done, with the paths of new messages.
    PostSync,
    /// When a card was put everywhere, with the card.
    Publish,
}

/// Runs the hook if there is one; the state lock must not be held.
pub fn run(env: &Env<'_>, hook: Hook, input: Vec<u8>) -> Result<(), Error> {
    let hooks = &env.config.hooks;
    let (key, command) = match hook {
        Hook::PreSync => ("pre_sync", &hooks.pre_sync),
        Hook::PostSync => ("post_sync", &hooks.post_sync),
        Hook::Publish => ("publish", &hooks.publish),
    };
    let Some(command) = command else { return Ok(()) };
    let mut line = env.starter.line(command);
    line.process_group(0);
    mark(&mut line, env);
    fed(line, env.home.places(), input, LIMIT)
        .map_err(|why| Error::new(Kind::Io, format!("the hook {key}, {command:?}, {why}")))
}

/// Runs a line that may ask on the terminal, with this input; else why it failed.
pub fn feed(env: &Env<'_>, line: &str, input: Vec<u8>) -> Result<(), String> {
    let mut line = env.starter.line(line);
    mark(&mut line, env);
    fed(line, env.home.places(), input, LIMIT)
}

/// Whether this process was begun by a hook of this home.
pub fn is_within(env: &Env<'_>) -> bool {
    let home = number(env.home.places());
    home.is_some_and(|home| env.hooks.split(' ').any(|other| other == home))
}

/// Tells a program, and all that it begins, of which homes it is a hook.
fn mark(command: &mut Command, env: &Env<'_>) {
    let homes: Vec<String> =
        env.hooks.split_whitespace().map(str::to_owned).chain(number(env.home.places())).collect();
    command.env(VARIABLE, homes.join(" "));
}

/// What a home is known by, however it is named.
fn number(places: &Places) -> Option<String> {
    let meta = places.data().metadata().ok()?;
    Some(format!("{}:{}", meta.dev(), meta.ino()))
}

fn fed(
    mut command: Command,
    places: &Places,
    input: Vec<u8>,
    limit: Duration,
) -> Result<(), String> {
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    starter::tell_home(&mut command, places);
    let mut child = command.spawn().map_err(|error| format!("did not start: {error}"))?;
    // By a thread, since who reads nothing would keep a writer for ever. Whether it reads is its own
    // business.
    if let Some(mut stdin) = child.stdin.take() {
        spawn(move || drop(stdin.write_all(&input)));
    }
    match wait(&mut child, limit) {
        Err(error) => Err(format!("cannot be waited for: {error}")),
        Ok(None) => Err(format!("ran for more than {} seconds and was ended", limit.as_secs())),
        Ok(Some(status)) if !status.success() => Err(format!("failed: {status}")),
        Ok(Some(_)) => Ok(()),
    }
}

/// The status; `None` if it did not end in time, and was ended, with all of its group if it has one.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Some(status) = ended(child, limit)? {
        return Ok(Some(status));
    }
    let pid = Pid::from_child(child);
    let kill = |signal| match kill_process_group(pid, signal) {
        // There is no such group.
        Err(_) => kill_process(pid, signal),
        done => done,
    };
    let _ = kill(Signal::TERM);
    if ended(child, GRACE)?.is_none() {
        let _ = kill(Signal::KILL);
        child.wait()?;
    }
    Ok(None)
}

fn ended(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait()? {
            None if begun.elapsed() < limit => {
                sleep(pause);
                pause = (2 * pause).min(Duration::from_millis(50));
            }
            other => return Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn fed(line: &str, input: &[u8], limit: Duration) -> Result<(), String> {
        let places = Places::under(Path::new("/nowhere/home"));
        let mut command = starter::Starter::default().line(line);
        command.process_group(0);
        super::fed(command, &places, input.to_vec(), limit)
    }

    #[test]
    fn it_gets_its_input_and_is_told_where_the_home_is() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let command = format!("(cat; echo $POSTE_HOME $POSTE_CONFIG) >{}", out.display());
        assert_eq!(fed(&command, b"one\ntwo\n", LIMIT), Ok(()));
        let said = fs::read_to_string(&out).unwrap();
        assert_eq!(said, "one\ntwo\n/nowhere/home /nowhere/home/config/config.toml\n");
    }

    #[test]
    fn who_reads_nothing_keeps_nobody_and_a_failure_is_named() {
        let much = vec![b'x'; 1 << 20];
        assert_eq!(fed("exit 0", &much, LIMIT), Ok(()));
        assert_eq!(fed("exit 3", &much, LIMIT), Err("failed: exit status: 3".to_owned()));
        let killed = fed("kill -9 $$", b"", LIMIT).unwrap_err();
        assert!(killed.contains("signal: 9"), "{killed}");
        // A pipe that nobody reads ends its writer as anywhere.
        assert_eq!(
            fed("yes | head -n 1 >/dev/null; exit 4", b"", LIMIT).unwrap_err(),
            "failed: exit status: 4"
        );
    }

    #[test]
    fn who_has_no_group_of_its_own_is_ended_alone() {
        let places = Places::under(Path::new("/nowhere/home"));
        let line = starter::Starter::default().line("exec sleep 60");
        let begun = Instant::now();
        let why = super::fed(line, &places, Vec::new(), Duration::from_millis(200)).unwrap_err();
        assert!(why.contains("was ended") && begun.elapsed() < Duration::from_secs(20), "{why}");
    }

    #[test]
    fn who_does_not_end_is_ended_with_all_that_it_began() {
        let dir = tempfile::tempdir().unwrap();
        let alive = dir.path().join("alive");
        let command = format!("(sleep 3; echo yes >{}) & sleep 60", alive.display());
        let begun = Instant::now();
        let why = fed(&command, &vec![b'x'; 1 << 20], Duration::from_millis(300)).unwrap_err();
        assert!(why.contains("was ended"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_secs(4));
        assert!(!alive.exists(), "a process of its group went on");
    }
}
