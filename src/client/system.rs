//! The real world for [`super::env::Env`]: the system's clock and randomness, the network set up
//! as the configuration says, and a process that leaves no memory behind. The programs pass these;
//! tests pass fixed ones. Configuration: poste-files(5).

use crate::client::env::{Network, Watch};
use crate::client::error::{Error, Kind};
use crate::core::random::Random;
use crate::core::time::Time;
use crate::net::{self, Address, Answer, Courier, Heard, Net, Options, Patience};
use crate::store::config::Config;
use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask,
};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// Unix seconds by the system's clock; 0 if it stands before 1970.
pub fn clock() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Time::from_unix(since.map(|d| d.as_secs()).unwrap_or_default())
}

/// A stopwatch that began when it was made, and waits by sleeping.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// One that begins now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }
}

impl Watch for Stopwatch {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait_until(&self, moment: Duration) {
        std::thread::sleep(moment.saturating_sub(self.elapsed()));
    }
}

/// Keeps the memory of this process, which will hold keys, out of core dumps and away from other
/// processes of the same user. Where the system refuses, all else works as well. A process that
/// still has to open a descriptor of its own by number (`opens_fd`) stays readable: the kernel
/// would close its own /proc to it.
pub fn guard_memory(opens_fd: bool) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if !opens_fd {
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Files and directories that this process makes, and those of programs that it starts, can be read
/// and written by their owner, whatever the umask was. What it says of all others stays.
pub fn keep_own_files() {
    let rest = Mode::RWXG | Mode::RWXO;
    let was = umask(rest);
    umask(was & rest);
}

/// The system's random numbers. Without them there is no key worth making, so the program ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}

/// The network as the configuration says. The system's certificate authorities are read at the
/// first use, since most verbs never touch the network.
#[derive(Debug)]
pub struct Reach {
    options: Options,
    net: OnceLock<Net>,
}

impl Reach {
    /// Checks proxy and `ca_file`; touches no network.
    pub fn new(config: &Config) -> Result<Reach, Error> {
        let wrong = |what: String| Error::new(Kind::Config, what);
        let proxy = config.proxy.as_ref().map(|text| {
            text.parse::<net::Proxy>().map_err(|error| wrong(format!("{text}: {error}")))
        });
        let options = Options {
            proxy: proxy.transpose()?,
            ca_file: config.ca_file.clone(),
            patience: Patience::default(),
        };
        let net = OnceLock::new();
        if options.ca_file.is_some() {
            let ready = Net::new(options.clone()).map_err(|error| wrong(error.to_string()))?;
            let _ = net.set(ready);
        }
        Ok(Reach { options, net })
    }

    fn net(&self) -> &Net {
        self.net.get_or_init(|| {
            Net::new(self.options.clone()).expect("only a file of one's own can be bad")
        })
    }
}

impl Network for Reach {
    fn courier(
        &self,
        address: &Address,
        rng: &mut dyn Random,
    ) -> Result<Box<dyn Courier>, net::Error> {
        self.net().courier(address, rng)
    }

    fn document(
        &self,
        address: &Address,
        limit: u64,
        rng: &mut dyn Random,
    ) -> Result<Answer<Vec<u8>>, net::Error> {
        self.net().document(address, limit, rng)
    }

    fn put(
        &self,
        address: &Address,
        document: &[u8],
        rng: &mut dyn Random,
    ) -> Result<Heard, net::Error> {
        self.net().put(address, document, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_fills_and_differs() {
        let mut draws = [[0; 32]; 2];
        draws.iter_mut().for_each(|draw| SystemRandom.fill(draw));
        assert_ne!(draws[0], draws[1]);
        assert_ne!(draws[0], [0; 32]);
    }

    #[test]
    fn a_bad_ca_file_is_known_before_the_first_use() {
        let config = Config { ca_file: Some("/nowhere/ca.pem".into()), ..Config::default() };
        let error = Reach::new(&config).expect_err("there is no such file");
        assert_eq!(error.kind, Kind::Config);
        assert!(error.what.contains("/nowhere/ca.pem"), "{error}");
    }
}
