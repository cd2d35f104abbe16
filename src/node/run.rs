//! The program `posted`: from its arguments to its exit code. Opens what the configuration names,
//! wipes before it listens, serves until SIGTERM or SIGINT.
//! Specified in posted(8).

use crate::node::args::{Cli, Command};
use crate::node::buckets::{Buckets, OpenError};
use crate::node::callers::Callers;
use crate::node::clock::{KeeperError, System};
use crate::node::config::{self, Config, ConfigError, RelayConfig};
use crate::node::effective;
use crate::node::key::{self, KeyError};
use crate::node::log::Log;
use crate::node::meter::{self, Meter, MeterError};
use crate::node::metrics::Metrics;
use crate::node::relay::{Relay, UPLOAD_CELLS};
use crate::node::server::{Door, Service, serve};
use crate::node::status::About;
use crate::node::tls::{self, TlsError};
use crate::node::tmpfs::{self, NotMemory};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How often the store is looked at for what is to be closed or wiped.
const CHORES: Duration = Duration::from_secs(1);

/// Why the node does not run. Each kind has its exit code, from sysexits(3).
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}: no [relay] in it, so there is nothing to run")]
    NoRole(PathBuf),
    #[error("{0}: {1}")]
    Key(PathBuf, KeyError),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error(
        "{0}: {1}: put the store on a tmpfs (see posted(8)), or set allow_disk = true in [relay]"
    )]
    Memory(PathBuf, NotMemory),
    #[error("{0}")]
    Store(#[from] OpenError),
    #[error("{0}: {1}")]
    Bans(PathBuf, MeterError),
    #[error("listening at {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("{0}: {1}")]
    Directory(PathBuf, io::Error),
    #[error("starting: {0}")]
    System(io::Error),
}

/// Runs the program with `args`, the first being its name; its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a broken pipe while printing them is none either.
            let _ = error.print();
            return if error.use_stderr() { 64 } else { 0 };
        }
    };
    let result = match cli.command {
        Command::Relay { common } => configured(&common.config, common.check),
        Command::Run { config, check } => configured(&config, check),
        Command::Dev { port, dir } => dev(port, dir),
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            Log::Errors.error(&error);
            error.code()
        }
    }
}

impl RunError {
    fn code(&self) -> u8 {
        match self {
            RunError::Listen(..) => 69,
            RunError::System(_) => 71,
            RunError::Directory(..) => 73,
            RunError::Key(_, KeyError::Io(_))
            | RunError::Store(OpenError::Io(..))
            | RunError::Bans(_, MeterError::Io(_)) => 74,
            RunError::Store(OpenError::Busy(_))
            | RunError::Store(OpenError::Time(_, KeeperError::Behind(_))) => 75,
            RunError::Key(_, KeyError::Open(_)) => 77,
            RunError::Config(_)
            | RunError::NoRole(_)
            | RunError::Key(..)
            | RunError::Tls(_)
            | RunError::Memory(..)
            | RunError::Bans(..)
            | RunError::Store(_) => 78,
        }
    }
}

fn configured(path: &Path, check: bool) -> Result<(), RunError> {
    let config = config::read(path)?;
    let Some(relay) = config.relay.clone() else {
        return Err(RunError::NoRole(path.to_owned()));
    };
    if check {
        match key::read(&config.key_file) {
            Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RunError::Key(config.key_file, error)),
            Ok(_) => {}
        }
        acceptor(&relay)?;
        // A store that is still to be made will lie where its parent does.
        let parent = relay.store.parent().unwrap_or(Path::new("/"));
        let dir = if relay.store.exists() { &relay.store } else { parent };
        in_memory(dir, relay.allow_disk)?;
        let text = effective::text(&config, &relay);
        return match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::System(error)),
            _ => Ok(()),
        };
    }
    start(config, relay, |_| Ok(()))
}

/// A relay for trying things out. Its store is gone when it stops, or where `dir` says.
fn dev(port: u16, dir: Option<PathBuf>) -> Result<(), RunError> {
    let temporary = match &dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| RunError::Directory(dir.clone(), e))?;
            None
        }
        None => Some(memory_directory()?),
    };
    let dir = dir.or_else(|| temporary.as_ref().map(|t| t.path().to_owned())).unwrap_or_default();
    let relay = RelayConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        url: String::new(),
        tls_cert: None,
        tls_key: None,
        store: dir.join("store"),
        allow_disk: temporary.is_none(),
        capacity: 1 << 30,
        connections: 1024,
        admin: None,
        upload_per_hour: None,
        ban_floor: None,
        proxies: Vec::new(),
        proxy_protocol: false,
    };
    let config = Config {
        name: "dev".to_owned(),
        key_file: dir.join("node.key"),
        log: Log::All,
        relay: None,
    };
    start(config, relay, |address| writeln!(io::stdout(), "http://{address}"))
}

/// A directory of our own in the user's runtime directory, or else in shared memory.
fn memory_directory() -> Result<tempfile::TempDir, RunError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let shared = PathBuf::from("/dev/shm");
    let parent = runtime.filter(|dir| tmpfs::check(dir).is_ok()).unwrap_or(shared);
    let made = tempfile::Builder::new().prefix("posted-dev.").tempdir_in(&parent);
    made.map_err(|error| RunError::Directory(parent, error))
}

/// Opens everything, then serves until the stop. `ready` is told where, once requests are taken.
fn start(
    config: Config,
    relay: RelayConfig,
    ready: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> Result<(), RunError> {
    let log = config.log;
    let key = key::read_or_make(&config.key_file)
        .map_err(|error| RunError::Key(config.key_file.clone(), error))?;
    let tls = acceptor(&relay)?;
    let parent = relay.store.parent().unwrap_or(Path::new("/"));
    in_memory(if relay.store.exists() { &relay.store } else { parent }, relay.allow_disk)?;
    if relay.allow_disk {
        log.error("the store may lie on a disk, where what is wiped can be read back");
    }
    allow_files();
    let buckets = Buckets::open(&relay.store, relay.capacity, Arc::new(System), log)?;
    let buckets = Arc::new(buckets);
    let bans = relay.store.join(meter::FILE);
    let meter = Meter::open(&bans, relay.rules(), buckets.keeper().now(), log)
        .map_err(|error| RunError::Bans(bans, error))?;
    let callers = Callers { proxies: relay.proxies.clone(), proxy_protocol: relay.proxy_protocol };
    let about = About {
        name: config.name,
        url: relay.url.clone(),
        key: key.public(),
        upload_cells: UPLOAD_CELLS,
    };
    let metrics = Arc::new(Metrics::default());
    let node = Arc::new(Relay::new(buckets, meter, callers, metrics, about));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(RunError::System)?;
    runtime.block_on(async {
        let mut doors = Vec::new();
        let listener = listen(relay.listen).await?;
        let address = listener.local_addr().map_err(RunError::System)?;
        let (service, connections) = (Service::Relay(node.clone()), relay.connections);
        doors.push(Door { listener, tls, service, connections });
        if let Some(admin) = relay.admin {
            let (listener, service) = (listen(admin).await?, Service::Admin(node.clone()));
            doors.push(Door { listener, tls: None, service, connections: 16 });
        }
        let stop = stopped().map_err(RunError::System)?;
        log.info(format_args!("relay at {address}"));
        ready(address).map_err(RunError::System)?;
        run(node, doors, stop, log).await;
        Ok(())
    })
}

async fn run(node: Arc<Relay>, doors: Vec<Door>, mut stop: watch::Receiver<bool>, log: Log) {
    let doors: Vec<_> =
        doors.into_iter().map(|door| tokio::spawn(serve(door, stop.clone(), log))).collect();
    let chores = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(CHORES);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let node = node.clone();
            let done = tokio::task::spawn_blocking(move || {
                node.metrics().wiped.add(node.buckets().chores() as u64);
                node.meter().chores(node.buckets().keeper().now());
            });
            if let Err(error) = done.await {
                log.error(format_args!("looking after the store: {error}"));
            }
        }
    });
    // An error means that nobody can ask for the stop any more, which is one.
    let _ = stop.wait_for(|stop| *stop).await;
    log.info("stopping");
    for door in doors {
        if let Err(error) = door.await {
            log.error(format_args!("serving: {error}"));
        }
    }
    chores.abort();
    log.info("stopped");
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

/// Each connection is an open file: takes as many as the system lets us. Where it does not, those
/// too many wait, and the log says so.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn acceptor(relay: &RelayConfig) -> Result<Option<TlsAcceptor>, TlsError> {
    match (&relay.tls_cert, &relay.tls_key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsAcceptor::from(tls::read(certificate, key)?))),
        _ => Ok(None),
    }
}

fn in_memory(dir: &Path, allow_disk: bool) -> Result<(), RunError> {
    if allow_disk {
        return Ok(());
    }
    tmpfs::check(dir).map_err(|error| RunError::Memory(dir.to_owned(), error))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen(address, error))
}
