//! How programs are started: none gets the descriptor from which a passphrase is read, nor the
//! variable that names it, since what they start in turn may be a stranger's. Descriptors are closed
//! by the shell, which can close those of one digit. Specified in poste(1), ENVIRONMENT.

use crate::store::home::Places;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// The variable that names the descriptor.
const VARIABLE: &str = "POSTE_PASSPHRASE_FD";

/// What is kept from programs that are started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Starter {
    /// A descriptor of one digit, but neither of the two that are written to.
    secret: Option<u32>,
}

impl Starter {
    /// Whether it can keep a descriptor of that number from programs.
    pub fn keeps(descriptor: u32) -> bool {
        matches!(descriptor, 0 | 3..=9)
    }

    /// One that keeps a descriptor to itself.
    pub fn without(descriptor: Option<u32>) -> Starter {
        Starter { secret: descriptor.filter(|number| Starter::keeps(*number)) }
    }

    /// A line for the shell. If its standard input were that of the secret, it has none.
    pub fn line(&self, line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        let close = match self.secret {
            Some(0) => {
                command.stdin(Stdio::null());
                String::new()
            }
            Some(number) => format!("exec {number}<&-\n"),
            None => String::new(),
        };
        command.arg("-c").arg(close + line).env_remove(VARIABLE);
        command
    }

    /// A program and its arguments.
    pub fn program(&self, program: &OsString, arguments: &[OsString]) -> Command {
        let mut command = match self.secret {
            None => Command::new(program),
            Some(_) => {
                let mut shell = self.line("exec \"$@\"");
                shell.arg("sh").arg(program);
                shell
            }
        };
        command.args(arguments).env_remove(VARIABLE);
        command
    }
}

/// Tells a program which home is meant if it calls poste.
pub fn tell_home(command: &mut Command, places: &Places) {
    command.env("POSTE_CONFIG", places.config_file());
    if let Some(dir) = places.dir() {
        command.env("POSTE_HOME", dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    #[test]
    fn programs_get_no_descriptor_and_no_variable() {
        let said = |mut command: Command| {
            let output = command.env("OTHER", "there").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let look = "echo ${POSTE_PASSPHRASE_FD-none} $OTHER; ls /proc/$$/fd | tr '\\n' ' '";
        let file = File::open("/dev/null").unwrap();
        assert!(file.as_raw_fd() > 2);
        // Another shell around it leaves 7 open.
        let within = |command: Command| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "exec 7</dev/null; \"$@\"", "sh"]).arg(command.get_program());
            shell.args(command.get_args()).env(VARIABLE, "7");
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            said(shell)
        };
        let kept = Starter::without(Some(7));
        let args = ["-c".into(), look.into()];
        for command in [kept.line(look), kept.program(&"/bin/sh".into(), &args)] {
            let said = within(command);
            assert!(said.starts_with("none there\n") && !said.contains('7'), "{said}");
        }
        let given = Starter::without(None).line(look);
        assert!(within(given).contains('7'), "it would be seen");
    }

    #[test]
    fn they_are_told_which_home_is_meant() {
        let mut command = Starter::default().line("echo $POSTE_HOME $POSTE_CONFIG");
        tell_home(&mut command, &Places::under(Path::new("/nowhere/home")));
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert_eq!(said, "/nowhere/home /nowhere/home/config/config.toml\n");
    }
}
