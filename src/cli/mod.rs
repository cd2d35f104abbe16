//! The command line: from arguments and environment, which come in as values, to an exit status.
//! It reads what was typed, calls one verb of `client`, and says what came of it; what is in
//! between is no business of this floor. Specified in poste(1).

mod args;
mod cmd;
mod editor;
mod exit;
mod hidden;
mod prompt;
mod sendmail;
mod ui;

use crate::client::doctor;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::system::{self, Reach, Stopwatch, SystemRandom};
use crate::store::config::Config;
use crate::store::home::{Given, Home, Places};
use args::{Cli, Command, Global, Init};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use editor::Editor;
use prompt::Prompt;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use ui::{Done, Manner, Stop, Ui};

/// What the program was started with.
#[derive(Debug, Default)]
pub struct Start {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// What the environment says of places.
    pub given: Given,
    /// `POSTE_PASSPHRASE_FD`.
    pub passphrase_fd: Option<String>,
    /// `VISUAL`, else `EDITOR`.
    pub editor: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `POSTE_HOOK`.
    pub hooks: String,
}

/// The command tree, for completions and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program; its exit status.
pub fn run(start: Start) -> u8 {
    let as_sendmail = start
        .args
        .first()
        .and_then(|name| Path::new(name).file_name())
        .is_some_and(|name| name == "poste-sendmail");
    let mut args = start.args.clone();
    if as_sendmail {
        args.splice(..1, ["poste".into(), "sendmail".into()]);
    }
    let (args, for_sendmail) = sendmail::split(args);
    let mut cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if let Some(Command::Sendmail { arguments }) = &mut cli.command {
        arguments.clone_from(&for_sendmail);
    }
    let Global { quiet, verbose, json, .. } = cli.global;
    let ui = Ui::new(Manner { quiet, verbose, json }).of_home(cli.global.home.as_deref());
    let in_sendmail = matches!(cli.command, Some(Command::Sendmail { .. }));
    let done = dispatch(&start, cli, &ui);
    end(&ui, done, if in_sendmail { exit::sendmail_status } else { exit::status })
}

/// Says what is to be said of the end; the exit status.
fn end(ui: &Ui, done: Done, status: fn(Kind) -> u8) -> u8 {
    ui.wipe();
    match done.and_then(|()| ui.flush()) {
        Ok(()) | Err(Stop::BrokenPipe) => 0,
        Err(Stop::Silent(kind)) => status(kind),
        Err(Stop::Status(status)) => status,
        Err(Stop::Failed(error)) => {
            ui.error(&error.what, &error.hints);
            status(error.kind)
        }
    }
}

/// What a command runs with.
struct Run<'a, 'e> {
    env: &'a mut Env<'e>,
    ui: &'a Ui,
    prompt: &'a Prompt,
    editor: &'a Editor,
}

fn dispatch(start: &Start, cli: Cli, ui: &Ui) -> Done {
    let command = match cli.command {
        Some(Command::Completions { shell }) => return cmd::completions::run(shell, ui),
        Some(Command::Help { command }) => return cmd::help::run(&command, ui),
        Some(Command::Sendmail { arguments }) if arguments == ["--help"] => {
            return cmd::help::run(&["sendmail".to_owned()], ui);
        }
        Some(Command::Verify { message, cards }) if !cards.is_empty() => {
            return cmd::verify::by_cards(ui, &message, &cards);
        }
        Some(Command::Forge(args)) if !args.cards.is_empty() => {
            return cmd::forge::by_cards(ui, &args);
        }
        other => other,
    };
    let places = places(start, &cli.global)?;
    let prompt = Prompt::new(start.passphrase_fd.clone(), !cli.global.no_input)?;
    let command = match command {
        Some(Command::Init(Init { import: Some(archive), .. })) => {
            return cmd::init::import(&archive, places, &prompt, ui);
        }
        Some(Command::Init(init)) => {
            let home = cmd::init::make(&init, places, &prompt, ui)?;
            return with(start, home, ui, &prompt, cmd::init::finish);
        }
        Some(Command::Doctor { offline }) => {
            let before = doctor::preconditions(&places);
            if doctor::worst(&before).is_some() {
                return cmd::doctor::tell(ui, &before);
            }
            let home = Home::open(places)?;
            return with(start, home, ui, &prompt, |run| cmd::doctor::run(run, before, offline));
        }
        Some(Command::Watch { eager }) => {
            let Global { quiet, verbose, json, .. } = cli.global;
            // As a cron job would be: nobody watches.
            let quiet = if verbose { quiet } else { quiet.max(1) };
            let ui = Ui::new(Manner { quiet, verbose, json });
            let ui = ui.of_home(cli.global.home.as_deref());
            let home = || Home::open(places.clone());
            return cmd::watch::run(&ui, eager, &home()?, || {
                with(start, home()?, &ui, &prompt, |run| {
                    cmd::sync::run(run, &args::Sync::default())
                })
            });
        }
        Some(other) => other,
        None if !places.exists() && !ui.json() => return cmd::status::first_run(ui),
        None => Command::Status,
    };
    let home = Home::open(places)?;
    with(start, home, ui, &prompt, |run| cmd::run(run, command))
}

fn with(
    start: &Start,
    home: Home,
    ui: &Ui,
    prompt: &Prompt,
    command: impl FnOnce(&mut Run<'_, '_>) -> Done,
) -> Done {
    let config = Config::read(&home.places().config_file())?;
    prompt.use_command(config.passphrase_command.clone());
    let editor = Editor {
        command: config.editor.clone().or_else(|| start.editor.clone()),
        runtime_dir: start.runtime_dir.clone(),
        starter: prompt.starter(),
    };
    let network = Reach::new(&config)?;
    let warn = |text: &str| ui.warn(text);
    let progress = |text: &str| ui.progress(text);
    let mut random = SystemRandom;
    let mut env = Env {
        home,
        config,
        starter: prompt.starter(),
        hooks: start.hooks.clone(),
        clock: &system::clock,
        watch: &Stopwatch::start(),
        rng: &mut random,
        network: &network,
        ask: prompt,
        warn: &warn,
        progress: &progress,
    };
    command(&mut Run { env: &mut env, ui, prompt, editor: &editor })
}

fn places(start: &Start, global: &Global) -> Result<Places, Error> {
    let given = Given {
        home_flag: global.home.clone(),
        config_flag: global.config.clone(),
        ..start.given.clone()
    };
    Ok(Places::resolve(&given)?)
}

/// What clap has to say: help and version are data, all else is wrong usage, 64 and not clap's 2.
fn usage(error: &clap::Error) -> u8 {
    let ui = Ui::new(Manner::default());
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return end(&ui, ui.text(&text), exit::status);
    }
    let mut paragraphs = text.split("\n\n").map(|paragraph| paragraph.lines().map(str::trim));
    let what: Vec<&str> = paragraphs.next().into_iter().flatten().collect();
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "say which of its commands".to_owned()
        }
        // clap begins with "error: "; a tip and the usage follow, and the advice to try --help.
        _ => what.join(" ").trim_start_matches("error: ").to_owned(),
    };
    let mut hints: Vec<String> = Vec::new();
    for mut lines in paragraphs {
        let Some(first) = lines.next() else { continue };
        if let Some(usage) = first.strip_prefix("Usage: ") {
            if error.kind() == ErrorKind::ArgumentConflict {
                // clap would show the very arguments that it refuses.
                let named = |word: &&str| !word.starts_with(['-', '[', '<']);
                let names: Vec<&str> = usage.split(' ').skip(1).take_while(named).collect();
                hints.push(format!("poste help {}", names.join(" ")).trim_end().to_owned());
                continue;
            }
            hints.extend([usage].into_iter().chain(lines).map(str::to_owned));
        } else if first == "Commands:" {
            let names: Vec<&str> = lines.filter_map(|line| line.split(' ').next()).collect();
            hints.iter_mut().for_each(|hint| *hint = hint.replace("<COMMAND>", &names.join("|")));
        } else if let Some(tip) = first.strip_prefix("tip: ") {
            // That an unknown option may be meant as a text is seldom of use.
            hints.extend((!tip.starts_with("to pass '--")).then(|| tip.to_owned()));
        }
    }
    ui.error(&what, &hints);
    exit::USAGE
}

/// An error of usage that only the command itself can see.
fn wrong(what: impl Into<String>) -> Error {
    Error::new(Kind::Usage, what)
}
