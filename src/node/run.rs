//! The program `posted`: from its arguments to its exit code. Opens what the configuration names,
//! wipes before it listens, serves until SIGTERM or SIGINT.
//! Specified in posted(8).

mod chores;
mod dev;
mod error;
mod roles;

use crate::node::args::{Cli, Command};
use crate::node::config;
use crate::node::config::Config;
use crate::node::effective;
use crate::node::log::Log;
use crate::node::private;
use crate::node::reporter::{self, Reporter};
use crate::node::server::{Door, serve};
use crate::node::tls::Identity;
use chores::Chores;
use clap::Parser;
use error::RunError;
use roles::{Open, Role};
use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit, umask};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What nobody waits for any more has this time to finish at a stop: reports, wiping under way.
const REST: Duration = Duration::from_secs(2);

/// Runs the program with `args`, the first being its name; its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    // Its files can be read and written by their owner, whatever the umask was.
    let rest = Mode::RWXG | Mode::RWXO;
    umask(umask(rest) & rest);
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a broken pipe while printing them is none either.
            let _ = error.print();
            return if error.use_stderr() { 64 } else { 0 };
        }
    };
    let result = match cli.command {
        Command::Relay { common } => configured(&common.config, Some("relay"), common.check),
        Command::Tracker { common } => configured(&common.config, Some("tracker"), common.check),
        Command::Identity { common } => configured(&common.config, Some("identity"), common.check),
        Command::Run { config, check } => configured(&config, None, check),
        Command::Dev { port, dir } => development(port, dir),
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            Log::Errors.error(&error);
            error.code()
        }
    }
}

/// Runs, or checks, what the file configures, or the one role of that name.
fn configured(path: &Path, only: Option<&'static str>, check: bool) -> Result<(), RunError> {
    let mut config = config::read(path)?;
    if let Some(role) = only {
        config.relay = config.relay.filter(|_| role == "relay");
        config.tracker = config.tracker.filter(|_| role == "tracker");
        config.identity = config.identity.filter(|_| role == "identity");
    }
    if config.relay.is_none() && config.tracker.is_none() && config.identity.is_none() {
        let any = "relay], [tracker] or [identity";
        return Err(RunError::NoRole(path.to_owned(), only.unwrap_or(any)));
    }
    if check {
        roles::check(&config)?;
        return print(&effective::text(&config));
    }
    start(&config, |_| Ok(None))
}

fn development(port: u16, dir: Option<PathBuf>) -> Result<(), RunError> {
    let (config, _temporary) = dev::config(port, dir)?;
    start(&config, |addresses| {
        let urls: Vec<String> = addresses.iter().map(|at| format!("http://{at}")).collect();
        // At once, since whoever needs the first line alone may not wait for the others.
        print(&(urls.join("\n") + "\n"))?;
        // Its relay comes first, and its tracker next.
        let mut urls = urls.into_iter();
        Ok(urls.next().zip(urls.next()))
    })
}

/// Writes to standard output; that nobody reads it is no error.
fn print(text: &str) -> Result<(), RunError> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(RunError::System(error)),
        _ => Ok(()),
    }
}

/// Opens everything, then serves until the stop. `ready` is told where each role is, once requests
/// are taken, and may give the URLs of the relay and of a tracker that are not in the configuration.
fn start(
    config: &Config,
    ready: impl FnOnce(&[SocketAddr]) -> Result<Option<(String, String)>, RunError>,
) -> Result<(), RunError> {
    private::keep(config.log);
    allow_files();
    let Open { roles, admins, relay } = roles::open(config)?;
    let services = roles.iter().map(|role| role.service.clone()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(RunError::System)?;
    let chores = Chores::start(services, config.log).map_err(RunError::System)?;
    let served = runtime.block_on(async {
        let (mut doors, mut addresses, mut identities) = (Vec::new(), Vec::new(), Vec::new());
        for Role { name, front, tls, service } in roles {
            let listener = listen(front.listen).await?;
            let address = listener.local_addr().map_err(RunError::System)?;
            addresses.push((name, address));
            identities.extend(tls.clone().map(|identity| (name, identity)));
            doors.push(Door { listener, tls, service, connections: front.connections });
        }
        for (admin, service) in admins {
            let listener = listen(admin).await?;
            doors.push(Door { listener, tls: None, service, connections: 16 });
        }
        let stop = stopped().map_err(RunError::System)?;
        reload(identities, config.log).map_err(RunError::System)?;
        for (name, address) in &addresses {
            config.log.info(format_args!("{name} at {address}"));
        }
        let given = ready(&addresses.iter().map(|(_, address)| *address).collect::<Vec<_>>())?;
        if let Some((relay, key)) = relay {
            let table = config.relay.as_ref().map(|r| (r.url.clone(), r.trackers.clone()));
            let given = given.map(|(url, tracker)| (url, vec![tracker]));
            let (url, trackers) = given.or(table).unwrap_or_default();
            let reporter = Reporter::new(relay, key, &url, &trackers, config.log);
            tokio::spawn(tell(Arc::new(reporter.map_err(RunError::Tracker)?), config.log));
        }
        run(doors, stop, config.log).await;
        Ok(())
    });
    // Dropped, it would wait for every answer from elsewhere, of a tracker or of a stuck disk.
    runtime.shutdown_timeout(REST);
    chores.stop(REST);
    if served.is_ok() {
        config.log.info("stopped");
    }
    served
}

async fn run(doors: Vec<Door>, mut stop: watch::Receiver<bool>, log: Log) {
    let doors: Vec<_> =
        doors.into_iter().map(|door| tokio::spawn(serve(door, stop.clone(), log))).collect();
    // An error means that nobody can ask for the stop any more, which is one.
    let _ = stop.wait_for(|stop| *stop).await;
    log.info("stopping");
    for door in doors {
        if let Err(error) = door.await {
            log.error(format_args!("serving: {error}"));
        }
    }
}

/// Tells trackers how full the relay is, until the node stops.
async fn tell(reporter: Arc<Reporter>, log: Log) {
    let mut ticks = tokio::time::interval(reporter::EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let reporter = reporter.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || reporter.report()).await {
            log.error(format_args!("reporting: {error}"));
        }
    }
}

/// Becomes true at SIGTERM or SIGINT.
fn stopped() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Without a receiver nothing runs that could be stopped.
        let _ = sender.send(true);
        sender.closed().await;
    });
    Ok(receiver)
}

/// Reads certificates and keys again at SIGHUP, for the connections to come. Each role has its own,
/// and one that cannot be used keeps no other from being read.
fn reload(identities: Vec<(&'static str, Arc<Identity>)>, log: Log) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // They are small, and the disk is seldom slow; no request waits for this thread alone.
            for (role, identity) in &identities {
                match identity.reload() {
                    Ok(()) => log.info(format_args!("{role}: certificate read again")),
                    Err(error) => {
                        log.error(format_args!("{role}: {error}: the certificate before stays"));
                    }
                }
            }
        }
    });
    Ok(())
}

/// Each connection is an open file: takes as many as the system lets us. Where it does not, those
/// too many wait, and the log says so.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen(address, error))
}
