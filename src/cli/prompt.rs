//! The ways to a passphrase: a file descriptor (`POSTE_PASSPHRASE_FD`), the configuration's
//! `passphrase_command`, the terminal. Never an argument or a variable, which other processes can
//! read. The lines of the descriptor answer one question each, in order. Only a terminal is asked
//! twice; a wrong answer of the others will not become right. Specified in poste(1), ENVIRONMENT.

use crate::cli::hidden;
use crate::client::env::Ask;
use crate::client::error::{Error, Kind};
use crate::client::starter::Starter;
use crate::client::system;
use crate::store::kernel::{Keeper, Kernel};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, IsTerminal, Read, Write, stdin};
use std::process::Stdio;
use zeroize::Zeroizing;

/// No more bytes are read from a descriptor or command.
const LIMIT: u64 = 64 << 10;

/// How a passphrase in a file is given to what needs one.
const BY_FD: &str = "POSTE_PASSPHRASE_FD=3 poste show MESSAGE 3<FILE";

type Secret = Zeroizing<String>;

/// The ways that are open to this run.
#[derive(Default)]
pub struct Prompt {
    fd: Option<String>,
    command: RefCell<Option<String>>,
    terminal: bool,
    lines: RefCell<Option<Vec<Secret>>>,
    known: RefCell<Option<Secret>>,
    asked: Cell<bool>,
}

impl Prompt {
    /// `fd` is the value of `POSTE_PASSPHRASE_FD`; the terminal is used only if `terminal`.
    /// One is refused that could not be kept from programs.
    pub fn new(fd: Option<String>, terminal: bool) -> Result<Prompt, Error> {
        let fd = fd.filter(|fd| !fd.is_empty());
        let is_kept = |fd: &String| fd.parse().is_ok_and(Starter::keeps);
        if let Some(fd) = fd.as_ref().filter(|fd| !is_kept(fd)) {
            let what =
                format!("POSTE_PASSPHRASE_FD={fd}: only 0 and 3 to 9 can be kept from programs");
            return Err(Error::new(Kind::Usage, what).hint(BY_FD));
        }
        Ok(Prompt { fd, terminal, ..Prompt::default() })
    }

    /// How programs are started that are not to get the descriptor.
    pub fn starter(&self) -> Starter {
        Starter::without(self.fd.as_ref().and_then(|fd| fd.parse().ok()))
    }

    /// Names the configuration's command, once the configuration is read.
    pub fn use_command(&self, command: Option<String>) {
        *self.command.borrow_mut() = command;
    }

    /// A new passphrase, twice from a terminal.
    pub fn new_passphrase(&self) -> Result<Secret, Error> {
        let new = match self.by_fd()? {
            Some(line) => line,
            None => self.twice()?.ok_or_else(nobody)?,
        };
        if new.is_empty() {
            return Err(Error::new(Kind::Permission, "the new passphrase is empty")
                .hint("to have none: poste passphrase --remove")
                .hint("to have none from the beginning: poste init --no-passphrase"));
        }
        *self.known.borrow_mut() = Some(new.clone());
        Ok(new)
    }

    /// Whether the person at the terminal says yes; `None` if nobody is there to be asked.
    pub fn agrees(&self, question: &str) -> Result<Option<bool>, Error> {
        Ok(self.line(question)?.map(|answer| answer.trim_start().starts_with(['y', 'Y'])))
    }

    /// The line that the person at the terminal answers; `None` if nobody is there to be asked.
    pub fn line(&self, question: &str) -> Result<Option<String>, Error> {
        if !self.terminal || !stdin().is_terminal() {
            return Ok(None);
        }
        let ask = || {
            let mut tty = File::options().read(true).write(true).open("/dev/tty")?;
            tty.write_all(question.as_bytes())?;
            let mut answer = String::new();
            BufReader::new(tty.take(LIMIT)).read_line(&mut answer)?;
            Ok(answer)
        };
        match ask() {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if no_terminal(&error) => Ok(None),
            Err(error) => Err(Error::new(Kind::Io, format!("cannot ask on /dev/tty: {error}"))),
        }
    }

    fn twice(&self) -> Result<Option<Secret>, Error> {
        for ask in ["new passphrase: "].into_iter().chain(["they differ; new passphrase: "; 2]) {
            let Some(first) = self.by_terminal(ask)? else { return Ok(None) };
            let Some(second) = self.by_terminal("the same again: ")? else { return Ok(None) };
            if first == second {
                return Ok(Some(first));
            }
        }
        Err(Error::new(Kind::Permission, "the two passphrases differ"))
    }

    /// The next line of the descriptor; an error if it has no more, `None` if there is none.
    fn by_fd(&self) -> Result<Option<Secret>, Error> {
        let Some(fd) = &self.fd else { return Ok(None) };
        let failed = |why: String| {
            Error::new(Kind::Permission, format!("POSTE_PASSPHRASE_FD={fd}: {why}")).hint(BY_FD)
        };
        let number: u32 =
            fd.parse().map_err(|_| failed("not the number of a descriptor".into()))?;
        let mut lines = self.lines.borrow_mut();
        if lines.is_none() {
            // Opening it anew is the only safe way to a descriptor by its number.
            let file = File::open(format!("/proc/self/fd/{number}"));
            let text = file.and_then(read).map_err(|error| failed(error.to_string()))?;
            *lines = Some(text.lines().rev().map(|l| Zeroizing::new(l.to_owned())).collect());
            // No descriptor is opened by its number any more.
            system::guard_memory(false);
        }
        let next = lines.as_mut().and_then(Vec::pop);
        next.map(Some).ok_or_else(|| failed("it holds no more lines".into()))
    }

    fn by_command(&self) -> Result<Option<Secret>, Error> {
        let command = self.command.borrow();
        let Some(command) = command.as_deref() else { return Ok(None) };
        let failed =
            |why: String| Error::new(Kind::Permission, format!("passphrase_command: {why}"));
        let mut child = self
            .starter()
            .line(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("it did not start: {error}")))?;
        let said = child.stdout.take().map(read).transpose();
        let status = child.wait().map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(format!("it failed: {status}")));
        }
        let said = said.map_err(|error| failed(error.to_string()))?.unwrap_or_default();
        let first = said.lines().next().unwrap_or_default();
        Ok(Some(Zeroizing::new(first.to_owned())))
    }

    fn by_terminal(&self, question: &str) -> Result<Option<Secret>, Error> {
        if !self.terminal {
            return Ok(None);
        }
        match hidden::ask(question) {
            Ok(answer) => Ok(Some(Zeroizing::new(answer))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(Error::new(Kind::Permission, "no passphrase was given"))
            }
            // Without a terminal of one's own /dev/tty does not open.
            Err(error) if no_terminal(&error) => Ok(None),
            Err(error) => Err(Error::new(Kind::Io, format!("cannot ask on /dev/tty: {error}"))),
        }
    }
}

impl Ask for Prompt {
    fn keeper(&self) -> Option<&dyn Keeper> {
        Some(&Kernel)
    }

    fn passphrase(&self, wrong: bool) -> Result<Option<Secret>, Error> {
        let known = self.known.borrow().clone();
        if let Some(known) = known.filter(|_| !wrong) {
            return Ok(Some(known));
        }
        let unattended = self.fd.is_some() || self.command.borrow().is_some();
        if wrong && unattended && self.asked.get() {
            let what = match self.fd {
                Some(_) => "the passphrase from POSTE_PASSPHRASE_FD is wrong",
                None => "the passphrase that passphrase_command printed is wrong",
            };
            return Err(Error::new(Kind::Permission, what));
        }
        self.asked.set(true);
        let answer = match self.by_fd()? {
            Some(line) => Some(line),
            None => match self.by_command()? {
                Some(line) => Some(line),
                None => self.by_terminal(match wrong {
                    false => "passphrase: ",
                    true => "wrong, once more; passphrase: ",
                })?,
            },
        };
        self.known.borrow_mut().clone_from(&answer);
        Ok(answer)
    }
}

fn read(from: impl Read) -> std::io::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    from.take(LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

/// ENXIO or ENOENT: there is no controlling terminal, or no /dev.
fn no_terminal(error: &std::io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(rustix::io::Errno::NXIO.raw_os_error()) || error.kind() == ErrorKind::NotFound
}

fn nobody() -> Error {
    Error::new(Kind::Permission, "a new passphrase is needed and nobody can be asked")
        .hint("POSTE_PASSPHRASE_FD=3 poste passphrase 3<FILE")
        .hint("to have none from the beginning: poste init --no-passphrase")
}
