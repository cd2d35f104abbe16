//! A real Redis Cluster for tests: three masters of Debian's redis-server on loopback, in memory,
//! ended when dropped; and relays over it, in this process with a clock set by hand.
//! Holds no test itself.

use super::world::{Got, PEER, ask, relay};
use super::{Hands, Process, memory, soon, within};
use poste::core::bucket::Bucket;
use poste::core::time::Time;
use poste::node::cluster::addresses::Addresses;
use poste::node::cluster::{Cluster, OpenError};
use poste::node::log::Log;
use poste::node::meter::{Meter, Rules};
use poste::node::relay::Relay;
use poste::node::store::Store;
use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Three masters, and perhaps a replica of each.
pub struct Servers {
    pub dir: tempfile::TempDir,
    pub ports: Vec<u16>,
    running: Vec<Option<Process>>,
    password: Option<&'static str>,
}

impl Servers {
    /// Starts them, and joins them to a cluster.
    pub fn start() -> Servers {
        Servers::of(3, None)
    }

    /// The same with a replica of each.
    pub fn with_replicas() -> Servers {
        Servers::of(6, None)
    }

    /// The same as [`Servers::start`], over TLS and with a password. Who is to believe them trusts
    /// `cert.pem` in their directory.
    pub fn secure(password: &'static str) -> Servers {
        Servers::of(3, Some(password))
    }

    fn of(count: usize, password: Option<&'static str>) -> Servers {
        let (ports, running) = (Vec::new(), Vec::new());
        let mut servers = Servers { dir: memory(), ports, running, password };
        if password.is_some() {
            let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
            let write = |file, text| std::fs::write(servers.dir.path().join(file), text).unwrap();
            write("key.pem", made.signing_key.serialize_pem());
            write("cert.pem", made.cert.pem());
        }
        for _ in 0..count {
            let port = servers.free_port();
            servers.ports.push(port);
            servers.running.push(None);
            servers.run(servers.ports.len() - 1);
        }
        let addresses: Vec<_> = servers.ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
        let mut create = servers.client();
        create.args(["--cluster", "create"]).args(addresses).arg("--cluster-yes");
        create.args(["--cluster-replicas", if count > 3 { "1" } else { "0" }]);
        let created = create.output().expect("redis-cli is installed (make deps)");
        assert!(created.status.success(), "{created:?}");
        soon("the cluster is whole", || {
            let all = 0..servers.ports.len();
            all.into_iter().all(|n| servers.cli(n, &["CLUSTER", "INFO"]).contains("state:ok"))
        });
        servers
    }

    /// Starts one again that was killed: empty, but with its place in the cluster.
    pub fn run(&mut self, n: usize) {
        let port = self.ports[n].to_string();
        let dir = self.dir.path().join(&port);
        std::fs::create_dir_all(&dir).unwrap();
        let mut server = Command::new("redis-server");
        match self.password {
            None => server.args(["--port", &port]),
            Some(password) => {
                let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.dir.path().join(name));
                server.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
                server.args(["--tls-cluster", "yes", "--tls-replication", "yes"]);
                server.arg("--tls-cert-file").arg(&cert).arg("--tls-ca-cert-file").arg(&cert);
                server.arg("--tls-key-file").arg(key);
                server.args(["--requirepass", password, "--masterauth", password])
            }
        };
        let server = server
            .args(["--bind", "127.0.0.1", "--dir"])
            .arg(&dir)
            .args(["--repl-diskless-sync", "yes", "--repl-diskless-load", "swapdb"])
            .args(["--repl-diskless-sync-delay", "0"])
            .args(["--save", "", "--appendonly", "no", "--cluster-enabled", "yes"])
            .args(["--cluster-require-full-coverage", "no", "--cluster-node-timeout", "2000"])
            .args(["--slowlog-max-len", "0", "--daemonize", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (make deps)");
        self.running[n] = Some(Process(server));
        soon("the server answers", || self.cli(n, &["PING"]).contains("PONG"));
    }

    /// Kills one on the spot.
    pub fn kill(&mut self, n: usize) {
        self.running[n] = None;
    }

    /// Sends one a signal.
    pub fn signal(&self, n: usize, signal: &str) {
        let id = self.running[n].as_ref().expect("it runs").0.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// What `redis-cli` prints.
    pub fn cli(&self, n: usize, command: &[&str]) -> String {
        let port = self.ports[n].to_string();
        let mut cli = self.client();
        let output = cli.args(["-p", &port]).args(command).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A number that a command gives of each of these keys. One `redis-cli` asks for all: one for
    /// each takes longer together than some keys live.
    pub fn numbers(&self, command: &str, keys: &[String]) -> Vec<i64> {
        let lines = self.dir.path().join("commands");
        let text: String = keys.iter().map(|key| format!("{command} {key}\n")).collect();
        std::fs::write(&lines, text).unwrap();
        let port = self.ports[0].to_string();
        let mut client = self.client();
        let client = client.args(["-c", "-p", &port]).stdin(File::open(lines).unwrap());
        let output = String::from_utf8(client.output().unwrap().stdout).unwrap();
        // Between them it says to which master it goes.
        let numbers: Vec<i64> = output.lines().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(numbers.len(), keys.len(), "{output}");
        numbers
    }

    /// `redis-cli`, as it reaches the servers.
    pub fn client(&self) -> Command {
        let mut client = Command::new("redis-cli");
        if let Some(password) = self.password {
            client.args(["--no-auth-warning", "-a", password, "--tls", "--cacert"]);
            client.arg(self.dir.path().join("cert.pem"));
        }
        client
    }

    /// All keys of all masters that run.
    pub fn keys(&self) -> Vec<String> {
        let running = (0..self.ports.len()).filter(|n| self.running[*n].is_some());
        let lists: Vec<_> = running.map(|n| self.cli(n, &["--scan"])).collect();
        let mut keys: Vec<_> =
            lists.iter().flat_map(|list| list.lines().map(str::to_owned)).collect();
        keys.sort();
        keys
    }

    /// The master that has a key.
    pub fn master_of(&self, key: &str) -> usize {
        let slot = self.cli(0, &["CLUSTER", "KEYSLOT", key]).trim().parse::<usize>().unwrap();
        // `--cluster create` deals the slots out evenly, in the order of the masters.
        [5461, 10923, 16384].iter().position(|end| slot < *end).unwrap()
    }

    /// As a configuration names them.
    pub fn store(&self) -> String {
        let hosts: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let before = match self.password {
            Some(password) => format!("rediss://default:{password}@"),
            None => "redis://".to_owned(),
        };
        before + &hosts.join(",")
    }

    /// A node in this process.
    pub fn node(&self, clock: &Arc<Hands>, capacity: u64) -> Result<Shared, OpenError> {
        self.ruled(clock, capacity, Rules::default())
    }

    /// The same with rules for networks.
    pub fn ruled(
        &self,
        clock: &Arc<Hands>,
        capacity: u64,
        rules: Rules,
    ) -> Result<Shared, OpenError> {
        let addresses: Addresses = self.store().parse().unwrap();
        let cluster = Cluster::open(&addresses, capacity, clock.clone(), Log::Errors)?;
        let meter = Meter::shared(cluster.pool(), rules, Log::Errors);
        let relay = relay(Arc::new(Store::Cluster(cluster)), meter);
        Ok(Shared { clock: clock.clone(), relay })
    }

    fn free_port(&self) -> u16 {
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // The servers talk to each other ten thousand above.
            let above = port.checked_add(10_000).map(|port| TcpListener::bind(("127.0.0.1", port)));
            if above.is_some_and(|bound| bound.is_ok()) && !self.ports.contains(&port) {
                return port;
            }
        }
    }
}

/// Waits up to 40 s for what needs a master that was away: after some seconds only do the others
/// believe in it again.
pub fn believed(what: &str, check: impl Fn() -> bool) {
    within(40, what, check);
}

/// A relay over the cluster.
pub struct Shared {
    pub clock: Arc<Hands>,
    pub relay: Arc<Relay>,
}

impl Shared {
    /// Downloads below `/v1/`.
    pub fn get(&self, path: &str) -> Got {
        self.ranged(path, &[])
    }

    /// Downloads below `/v1/` with headers.
    pub fn ranged(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        let got = ask(&self.relay, PEER, "GET", &format!("/v1/{path}"), headers, Vec::new());
        got.expect("the body is as long as announced")
    }

    /// Uploads; the status.
    pub fn post(&self, bucket: Bucket, body: Vec<u8>) -> u16 {
        let got = ask(&self.relay, PEER, "POST", &format!("/v1/{bucket}"), &[], body);
        got.expect("an answer").status.as_u16()
    }

    /// What is done every second, time or not.
    pub fn chores(&self) {
        let (store, meter) = (self.relay.buckets(), self.relay.meter());
        store.chores();
        let now = store.keeper().now();
        meter.compare(store.stock(), now);
        meter.chores(now);
    }

    /// Time passes, and the chores are done.
    pub fn pass(&self, time: Time) {
        self.clock.pass(time);
        self.relay.buckets().chores();
    }
}
