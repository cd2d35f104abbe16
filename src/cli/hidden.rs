//! A question on the terminal whose answer is not shown. The terminal is as before when it is
//! answered, and also when control-C is typed instead, by which the program ends as by any SIGINT:
//! what is typed into the shell afterwards is to be seen. Nothing is echoed from before the question
//! is on the screen.

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};

/// What control-C sends where it is no signal.
const INTERRUPT: u8 = 3;

/// Asks, and gives the answer; `UnexpectedEof` if there is none.
pub fn ask(question: &str) -> Result<String> {
    let mut tty = Hidden::begin()?;
    tty.file.write_all(question.as_bytes())?;
    let keys = Keys(tty.file.try_clone()?);
    let config = rpassword::ConfigBuilder::new().input_reader(keys).output_discard().build();
    let answer = rpassword::read_password_with_config(config);
    drop(tty);
    match answer {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            kill_process(getpid(), Signal::INT)?;
            Err(ErrorKind::UnexpectedEof.into())
        }
        answer => answer,
    }
}

/// The terminal, which until this is dropped shows nothing of what is typed.
struct Hidden {
    file: File,
    before: Termios,
}

impl Hidden {
    fn begin() -> Result<Hidden> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        let mut hidden = before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL;
        hidden.local_modes.remove(shown | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&file, OptionalActions::Now, &hidden)?;
        Ok(Hidden { file, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The end of the line, which was not shown either.
        let _ = self.file.write_all(b"\n");
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}

/// What is typed, to the key that interrupts.
struct Keys(File);

impl Read for Keys {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        loop {
            match self.0.read(to) {
                Ok(count) if to[..count].contains(&INTERRUPT) => {
                    return Err(Error::from(ErrorKind::Interrupted));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}
