//! The roles of a node: checking what each needs without changing anything, and opening it, so that
//! only connections are missing.
//! Specified in posted(8).

use super::error::RunError;
use crate::node::admin::Admin;
use crate::node::buckets::Buckets;
use crate::node::clock::System;
use crate::node::cluster::Cluster;
use crate::node::config::{Config, Front, IdentityConfig, RelayConfig, StoreConfig, TrackerConfig};
use crate::node::identity::Host;
use crate::node::identity::allowance::Allowance;
use crate::node::identity::cards::Cards;
use crate::node::key::{self, KeyError, NodeKey};
use crate::node::log::Log;
use crate::node::meter::{self, Meter};
use crate::node::metrics::Metrics;
use crate::node::relay::{Relay, UPLOAD_CELLS};
use crate::node::server::Service;
use crate::node::status::About;
use crate::node::store::Store;
use crate::node::tls::Identity;
use crate::node::tmpfs;
use crate::node::tracker::Tracker;
use crate::node::tracker::look::Look;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// A role that is ready for connections.
pub struct Role {
    /// As its command is called.
    pub name: &'static str,
    /// How it is reached.
    pub front: Front,
    /// `None` for plain HTTP.
    pub tls: Option<Arc<Identity>>,
    /// What answers.
    pub service: Service,
}

/// What a node is when everything that it needs is open.
pub struct Open {
    /// In the order of their commands.
    pub roles: Vec<Role>,
    /// Where what is for the operator is served: of all roles at each address.
    pub admins: Vec<(SocketAddr, Service)>,
    /// The relay, if there is one, and its key.
    pub relay: Option<(Arc<Relay>, NodeKey)>,
}

/// Checks what the configured roles need.
pub fn check(config: &Config) -> Result<(), RunError> {
    if let (Some(relay), Some(file)) = (&config.relay, &config.key_file) {
        match key::read(file) {
            Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RunError::Key(file.clone(), error)),
            Ok(_) => {}
        }
        identity_of(&relay.front())?;
        match &relay.store {
            StoreConfig::Dir(dir) => in_memory(dir, relay.allow_disk)?,
            StoreConfig::Cluster(addresses) => Cluster::check(addresses)?,
        }
    }
    if let Some(tracker) = &config.tracker {
        identity_of(&tracker.front())?;
    }
    if let Some(identity) = &config.identity {
        identity_of(&identity.front())?;
    }
    Ok(())
}

/// Opens the configured roles.
pub fn open(config: &Config) -> Result<Open, RunError> {
    let (mut roles, mut relay) = (Vec::new(), None);
    if let Some(table) = &config.relay {
        let file = config.key_file.clone().unwrap_or_default();
        let key = key::read_or_make(&file).map_err(|error| RunError::Key(file, error))?;
        let (role, opened) = open_relay(table, &config.name, &key, config.log)?;
        roles.push(role);
        relay = Some((opened, key));
    }
    if let Some(tracker) = &config.tracker {
        roles.push(open_tracker(tracker, &config.name)?);
    }
    if let Some(identity) = &config.identity {
        roles.push(open_identity(identity, config.log)?);
    }
    let admins = admins(&roles);
    Ok(Open { roles, admins, relay })
}

/// The addresses for the operator, each once.
fn admins(roles: &[Role]) -> Vec<(SocketAddr, Service)> {
    let mut all = Admin::default();
    for role in roles {
        match &role.service {
            Service::Relay(relay) => all.relay = Some(relay.clone()),
            Service::Tracker(tracker) => all.tracker = Some(tracker.clone()),
            Service::Identity(host) => all.identity = Some(host.clone()),
            Service::Admin(_) => {}
        }
    }
    let all = Arc::new(all);
    let addresses: BTreeSet<_> = roles.iter().filter_map(|role| role.front.admin).collect();
    addresses.into_iter().map(|address| (address, Service::Admin(all.clone()))).collect()
}

fn open_relay(
    config: &RelayConfig,
    name: &str,
    key: &NodeKey,
    log: Log,
) -> Result<(Role, Arc<Relay>), RunError> {
    let front = config.front();
    let tls = identity_of(&front)?;
    let (buckets, meter) = open_store(config, log)?;
    let about = About {
        name: name.to_owned(),
        url: config.url.clone(),
        key: key.public(),
        upload_cells: UPLOAD_CELLS,
        connections: config.connections,
        bandwidth: config.bandwidth,
    };
    let metrics = Arc::new(Metrics::default());
    let relay = Arc::new(Relay::new(Arc::new(buckets), meter, front.callers(), metrics, about));
    let service = Service::Relay(relay.clone());
    Ok((Role { name: "relay", front, tls, service }, relay))
}

fn open_store(config: &RelayConfig, log: Log) -> Result<(Store, Meter), RunError> {
    let (capacity, clock) = (config.capacity, Arc::new(System));
    match &config.store {
        StoreConfig::Dir(dir) => {
            in_memory(dir, config.allow_disk)?;
            if config.allow_disk {
                log.error("the store may lie on a disk, where what is wiped can be read back");
            }
            let buckets = Buckets::open(dir, capacity, clock, log)?;
            let bans = dir.join(meter::FILE);
            let meter = Meter::open(&bans, config.rules(), buckets.keeper().now(), log)
                .map_err(|error| RunError::Bans(bans, error))?;
            Ok((Store::Dir(buckets), meter))
        }
        StoreConfig::Cluster(addresses) => {
            let cluster = Cluster::open(addresses, capacity, clock, log)?;
            let meter = Meter::shared(cluster.pool(), config.rules(), log);
            meter.compare(cluster.stock(), cluster.keeper().now());
            Ok((Store::Cluster(cluster), meter))
        }
    }
}

fn open_tracker(config: &TrackerConfig, name: &str) -> Result<Role, RunError> {
    let front = config.front();
    let tls = identity_of(&front)?;
    let (look, counts) = (Look::new(config.allow_private), front.tells_apart());
    let tracker = Tracker::new(name.to_owned(), Arc::new(System), look, front.callers(), counts);
    let service = Service::Tracker(Arc::new(tracker));
    Ok(Role { name: "tracker", front, tls, service })
}

fn open_identity(config: &IdentityConfig, log: Log) -> Result<Role, RunError> {
    let front = config.front();
    let tls = identity_of(&front)?;
    let cards = Cards::open(&config.dir, config.most(), Arc::new(System), log)?;
    let host = Host::new(cards, Allowance::new(config.allowance()), front.callers());
    let service = Service::Identity(Arc::new(host));
    Ok(Role { name: "identity", front, tls, service })
}

fn identity_of(front: &Front) -> Result<Option<Arc<Identity>>, RunError> {
    Ok(match &front.tls {
        Some((certificate, key)) => Some(Arc::new(Identity::open(certificate, key)?)),
        None => None,
    })
}

/// A store that is still to be made will lie where its parent does.
fn in_memory(store: &Path, allow_disk: bool) -> Result<(), RunError> {
    if allow_disk {
        return Ok(());
    }
    let parent = store.parent().unwrap_or(Path::new("/"));
    let dir = if store.exists() { store } else { parent };
    tmpfs::check(dir).map_err(|error| RunError::Memory(dir.to_owned(), error))
}
