//! `poste view`: the tree as plain Maildirs in memory, for as long as a command runs, or until
//! Enter or a signal. What goes wrong meanwhile is said when the command has left the terminal.
//! Specified in poste(1), view.

use crate::cli::Run;
use crate::cli::args;
use crate::cli::ui::{Done, Stop};
use crate::client::error::{Error, Kind};
use crate::client::starter;
use crate::client::view::{Closed, SETTLE, View, usual_place};
use crate::store::watch::Watch;
use crate::store::{self, quoted};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, stdin};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::spawn;
use std::time::{Duration, Instant, SystemTime};

/// How often is looked although nothing was heard: some file systems tell nothing.
const LOOK: Duration = Duration::from_secs(20);
/// How often is looked where nothing can be heard.
const EVERY: Duration = Duration::from_secs(1);
/// How long after something failed it is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long a command has to end that was asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is waited for.
enum Wake {
    /// Something changed in the tree or the view.
    Changed,
    /// The command ended.
    Ended(std::io::Result<ExitStatus>),
    /// The person wants it closed.
    Enter,
    /// A signal came.
    Signal(i32),
}

pub fn run(run: &mut Run<'_, '_>, args: &args::View) -> Done {
    let place = match &args.at {
        Some(at) => at.clone(),
        None => usual_place(run.editor.runtime_dir.as_deref(), run.env.home.places())?,
    };
    let mut view = View::begin(run.env, &place, args.anywhere)?;
    let (send, wakes) = channel();
    signals(send.clone())?;
    // Whatever happens from here on, the view is closed.
    let status = opened(run, &mut view, &args.command, send, &wakes);
    let at = view.root().to_owned();
    let is_cut = matches!(&status, Ok(end) if end.is_cut);
    let closed = view.close(run.env, is_cut).map_err(|error| match at.exists() {
        true => {
            let at = quoted(&at);
            error
                .hint(format!("what is not in the tree is still at {at}, in plain"))
                .hint(format!("when that is mended: poste view --at {at}"))
        }
        false => error,
    })?;
    let told = tell(run, closed);
    let end = status?;
    told?;
    match end.status {
        Some(status) if !status.success() => Err(Stop::Status(number(status))),
        _ => Ok(()),
    }
}

/// Fills the view, starts the command, and attends to both until the end.
fn opened(
    run: &mut Run<'_, '_>,
    view: &mut View,
    command: &[OsString],
    send: Sender<Wake>,
    wakes: &Receiver<Wake>,
) -> Result<End, Error> {
    let heard = Arc::new(AtomicBool::new(false));
    let (tell, flag) = (send.clone(), heard.clone());
    let changed = move || {
        // One wake stands for all that comes before somebody looks.
        if !flag.swap(true, Ordering::AcqRel) {
            let _ = tell.send(Wake::Changed);
        }
    };
    let watch = |dirs: &[&Path]| Watch::new(dirs, changed.clone());
    let sources = view.sources(run.env);
    let of_tree = watch(&sources.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    if let Err(error) = &of_tree {
        run.ui.warn(&format!("{error}; changes are looked for every second"));
    }
    let look = if of_tree.is_ok() { LOOK } else { EVERY };
    view.agree(run.env)?;
    while view.waiting().1 > 0 {
        view.open_some()?;
    }
    let pid = match command {
        [] => {
            wait_for_person(run, view, send);
            None
        }
        [program, rest @ ..] => {
            let mut command = run.env.starter.program(program, rest);
            // What it writes beside messages is plain text as well, and goes with the view.
            command.env("POSTE_VIEW", view.root()).env("TMPDIR", view.make_temp()?);
            starter::tell_home(&mut command, run.env.home.places());
            match start(&mut command, send) {
                Ok(pid) => Some(pid),
                Err(error) => {
                    let what = format!("cannot run {}: {error}", program.to_string_lossy());
                    run.ui.error(&what, &[]);
                    return Ok(End { status: Some(unstarted(&error)), is_cut: false });
                }
            }
        }
    };
    Ok(attend(run, view, &Ear { wakes, heard, look, watch: &watch }, pid))
}

/// How it came to the end.
#[derive(Default)]
struct End {
    /// Of the command, if it has ended.
    status: Option<ExitStatus>,
    /// Whether the command was asked to end, or killed.
    is_cut: bool,
}

/// By what one is woken.
struct Ear<'a> {
    wakes: &'a Receiver<Wake>,
    /// Whether a change was told that nobody has looked for yet.
    heard: Arc<AtomicBool>,
    /// How long to wait at most.
    look: Duration,
    /// Begins to watch directories.
    watch: &'a dyn Fn(&[&Path]) -> Result<Watch, store::Error>,
}

/// Keeps both sides in step until the end.
fn attend(run: &mut Run<'_, '_>, view: &mut View, ear: &Ear<'_>, command: Option<Pid>) -> End {
    let mut due = Instant::now();
    let (mut last, mut of_view) = (None, None);
    loop {
        let (waiting, _) = view.waiting();
        // What is being opened changes the view all the time: until then it is looked at by turns.
        if waiting == 0 && of_view.is_none() {
            of_view = Some((ear.watch)(&[view.root()]));
            due = Instant::now();
        }
        let until = last.map_or(due, |last: Instant| last.min(due));
        let pause = if waiting > 0 { Duration::ZERO } else { until - Instant::now().min(until) };
        match ear.wakes.recv_timeout(pause) {
            Ok(Wake::Changed) => {
                ear.heard.store(false, Ordering::Release);
                due = due.min(Instant::now() + SETTLE);
            }
            Ok(Wake::Ended(status)) => {
                let status = status.ok();
                let killed = status.is_none_or(|status| status.signal().is_some());
                return End { status, is_cut: killed || last.is_some() };
            }
            Ok(Wake::Enter) => return End::default(),
            Ok(Wake::Signal(signal)) => match command {
                None => return End::default(),
                // Whoever types it means the command, which has got it too.
                Some(_) if signal == SIGINT => {}
                Some(pid) => {
                    let _ = kill_process(
                        pid,
                        if signal == SIGHUP { Signal::HUP } else { Signal::TERM },
                    );
                    last = last.or(Some(Instant::now() + PATIENCE));
                }
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return End::default(),
        }
        if last.is_some_and(|last| Instant::now() >= last) {
            return End { status: None, is_cut: true };
        }
        if Instant::now() >= due {
            let pause = match view.round(run.env) {
                Ok(true) => SETTLE,
                Ok(false) if waiting > 0 => 4 * SETTLE,
                Ok(false) if of_view.as_ref().is_none_or(Result::is_err) => EVERY,
                Ok(false) => ear.look,
                Err(_) if command.is_none() && !view.is_whole() => return End::default(),
                Err(error) => {
                    view.trouble(error.what);
                    RETRY
                }
            };
            // What is still being opened is noticed by what comes after it.
            let late = if waiting > 0 { None } else { view.redate(SystemTime::now()) };
            due = Instant::now() + late.map_or(pause, |late| pause.min(late));
        }
        if waiting > 0
            && let Err(error) = view.open_some()
        {
            due = Instant::now() + RETRY;
            view.trouble(error.what);
        }
        if command.is_none() {
            view.troubles().iter().for_each(|trouble| run.ui.warn(trouble));
        }
    }
}

fn signals(send: Sender<Wake>) -> Result<(), Error> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| Error::new(Kind::Io, format!("cannot watch for signals: {error}")))?;
    spawn(move || {
        for signal in signals.forever() {
            if send.send(Wake::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn start(command: &mut Command, send: Sender<Wake>) -> std::io::Result<Pid> {
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    spawn(move || drop(send.send(Wake::Ended(child.wait()))));
    Ok(pid)
}

/// The status that a shell gives to a command that it cannot start.
fn unstarted(error: &std::io::Error) -> ExitStatus {
    let status = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
    ExitStatus::from_raw(status << 8)
}

/// Without a command: until Enter where there is a terminal, else until a signal.
fn wait_for_person(run: &Run<'_, '_>, view: &View, send: Sender<Wake>) {
    let at = view.root().display();
    if !stdin().is_terminal() {
        return run.ui.note(&format!("the view is at {at}; SIGTERM closes it"));
    }
    run.ui.note(&format!("the view is at {at}; Enter closes it"));
    spawn(move || {
        let _ = stdin().read_line(&mut String::new());
        let _ = send.send(Wake::Enter);
    });
}

/// Says what the end left to be said.
fn tell(run: &Run<'_, '_>, closed: Closed) -> Done {
    for trouble in &closed.troubles {
        run.ui.warn(trouble);
    }
    for (path, why) in &closed.left {
        run.ui.warn(&format!("{} was not filed and stays there: {why}", path.display()));
    }
    match closed.left.is_empty() {
        true => Ok(()),
        false => Err(Stop::Silent(Kind::Data)),
    }
}

/// The status as a shell gives it.
fn number(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| signal + 128);
    let number = status.code().or(signal).unwrap_or(1);
    u8::try_from(number).unwrap_or(1)
}
