//! Every line that a person reads goes through this file, and these are its rules.
//!
//! Data go to standard output, all else to standard error: notes on a terminal alone, and there
//! progress, on a line that whatever follows wipes; warnings and errors always, as
//! `poste: error: …` with hints that can be typed. Lower case, no full stop, no colour. What others
//! wrote is made printable on its way out. A reader of our output who has seen enough is no error.
//! No other file of the program prints. Specified in poste(1).

use crate::client::error::{Error, Kind};
use crate::core::printable;
use crate::store::quoted;
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write, stderr, stdout};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a command ends early.
#[derive(Debug)]
pub enum Stop {
    /// Nobody reads the output any more, which is no failure.
    BrokenPipe,
    /// It failed.
    Failed(Error),
    /// It failed in a way that was said already, or is not to be said.
    Silent(Kind),
    /// What it ran failed, with this status.
    Status(u8),
}

/// What a command comes to.
pub type Done = Result<(), Stop>;

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// `-q`, counted: no notes and hints, then no warnings.
    pub quiet: u8,
    /// `-v`: notes also where there is no terminal.
    pub verbose: bool,
    /// `--json`.
    pub json: bool,
}

/// The way to the person.
#[derive(Debug)]
pub struct Ui {
    manner: Manner,
    out: RefCell<BufWriter<Stdout>>,
    terminal_out: bool,
    terminal_err: bool,
    /// The home that `--home` names, as it is typed.
    home: Option<String>,
    /// Width of the progress that stands on the terminal.
    progress: Cell<usize>,
}

impl Ui {
    /// Standard output and standard error as they are.
    pub fn new(manner: Manner) -> Ui {
        Ui {
            manner,
            home: None,
            out: RefCell::new(BufWriter::new(stdout())),
            terminal_out: stdout().is_terminal(),
            terminal_err: stderr().is_terminal(),
            progress: Cell::new(0),
        }
    }

    /// One whose hints name the home that `--home` names.
    pub fn of_home(self, home: Option<&Path>) -> Ui {
        Ui { home: home.map(quoted), ..self }
    }

    /// Whether data are to be JSON.
    pub fn json(&self) -> bool {
        self.manner.json
    }

    /// Whether somebody is told of what goes well.
    pub fn talks(&self) -> bool {
        self.manner.quiet == 0 && (self.terminal_err || self.manner.verbose)
    }

    /// Whether standard output is a terminal.
    pub fn shows(&self) -> bool {
        self.terminal_out
    }

    /// A line of data.
    pub fn line(&self, text: &str) -> Done {
        self.write(format!("{}\n", printable::line(text)).as_bytes())
    }

    /// A line of data in columns, with tabs between them.
    pub fn columns(&self, columns: &[&str]) -> Done {
        let columns: Vec<String> = columns.iter().map(|text| printable::line(text)).collect();
        self.write(format!("{}\n", columns.join("\t")).as_bytes())
    }

    /// Text of several lines.
    pub fn text(&self, text: &str) -> Done {
        self.write(printable::text(text).as_bytes())
    }

    /// A path, byte for byte unless it goes to a terminal, and `end`.
    pub fn path(&self, path: &Path, end: char) -> Done {
        let mut out = match self.terminal_out {
            true => printable::line(&path.to_string_lossy()).into_bytes(),
            false => path.as_os_str().as_bytes().to_vec(),
        };
        out.push(end as u8);
        self.write(&out)
    }

    /// Bytes as they are, unless they go to a terminal.
    pub fn bytes(&self, bytes: &[u8]) -> Done {
        match self.terminal_out {
            true => self.text(&String::from_utf8_lossy(bytes)),
            false => self.write(bytes),
        }
    }

    /// A value as a line of JSON.
    pub fn value(&self, value: &impl Serialize) -> Done {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::new(Kind::Bug, format!("cannot write JSON: {error}")))?;
        // Escaped as JSON has it, what others wrote stays the same string.
        let text: String = text
            .chars()
            .map(|c| match printable::is_printable(c) {
                true => c.to_string(),
                false => {
                    c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
                }
            })
            .collect();
        self.write(format!("{text}\n").as_bytes())
    }

    /// Puts what was written so far before what standard error or a prompt will say.
    pub fn flush(&self) -> Done {
        self.wipe();
        self.out.borrow_mut().flush().map_err(stop)
    }

    /// What went well, for a person who watches.
    pub fn note(&self, text: &str) {
        if self.talks() {
            self.say("", text);
        }
    }

    /// How far something long has come, on a terminal alone, in place of what was said of it before.
    pub fn progress(&self, text: &str) {
        if self.terminal_err && self.manner.quiet == 0 {
            self.wipe();
            // What wraps would not be wiped whole.
            let known = tcgetwinsize(stderr()).map(|size| usize::from(size.ws_col));
            let width = known.ok().filter(|width| *width > 0).unwrap_or(80);
            let text: String =
                printable::line(text).chars().take(width.saturating_sub(1)).collect();
            let _ = write!(stderr().lock(), "{text}");
            self.progress.set(text.chars().count());
        }
    }

    /// With what counts a command ended that a person or a script waits for.
    pub fn count(&self, text: &str) {
        if self.manner.quiet == 0 {
            self.say("", text);
        }
    }

    /// What to do next, for a person who watches.
    pub fn next(&self, text: &str) {
        if self.talks() {
            self.hint(text);
        }
    }

    /// Something that did not stop the command.
    pub fn warn(&self, text: &str) {
        if self.manner.quiet < 2 {
            self.say("poste: warning: ", text);
        }
    }

    /// Something that did, and what to do.
    pub fn error(&self, what: &str, hints: &[String]) {
        self.say("poste: error: ", what);
        if self.manner.quiet == 0 {
            hints.iter().for_each(|hint| self.hint(hint));
        }
    }

    fn hint(&self, text: &str) {
        self.say("poste: hint: ", &self.typed(text));
    }

    /// Commands for this home, as they are to be typed.
    pub fn typed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.home {
            Some(home) => of_home(text, home).into(),
            None => text.into(),
        }
    }

    fn say(&self, before: &str, text: &str) {
        let _ = self.out.borrow_mut().flush();
        self.wipe();
        let _ = writeln!(stderr().lock(), "{before}{}", printable::line(text));
    }

    /// Takes the progress off the terminal.
    pub fn wipe(&self) {
        match self.progress.take() {
            0 => {}
            width => {
                let _ = write!(stderr().lock(), "\r{:width$}\r", "");
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> Done {
        self.wipe();
        self.out.borrow_mut().write_all(bytes).map_err(stop)
    }
}

/// A hint of which each command names the home, unless it names one. A command begins the hint, or
/// follows a sign that ends another, or a variable that is set for it.
fn of_home(text: &str, home: &str) -> String {
    let mut parts = text.split("poste ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let word = out.rsplit(' ').find(|word| !word.is_empty());
        let is_command = word.is_none_or(|word| {
            matches!(word, "&&" | "*") || word.ends_with(['|', ':', ';']) || word.contains('=')
        });
        out += "poste ";
        if is_command && !part.starts_with("--home ") {
            out += &format!("--home {home} ");
        }
        out += part;
    }
    out
}

fn stop(error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::BrokenPipe,
        _ => {
            Stop::Failed(Error::new(Kind::Io, format!("cannot write to standard output: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_home_at_each_command() {
        for (hint, wanted) in [
            ("poste sync", "poste --home ~/b sync"),
            ("poste list -u | poste show", "poste --home ~/b list -u | poste --home ~/b show"),
            ("then: poste publish", "then: poste --home ~/b publish"),
            ("rm ~/card.toml && poste publish", "rm ~/card.toml && poste --home ~/b publish"),
            ("it is kept; poste compose", "it is kept; poste --home ~/b compose"),
            ("* * * * poste sync", "* * * * poste --home ~/b sync"),
            ("EDITOR=vi poste edit x", "EDITOR=vi poste --home ~/b edit x"),
            ("for another: poste --home DIR init", "for another: poste --home DIR init"),
            ("apt install poste now", "apt install poste now"),
        ] {
            assert_eq!(of_home(hint, "~/b"), wanted);
        }
    }
}
