//! What a relay tells trackers: every five minutes a signed report of how full it is, to each one
//! that its operator has named. A tracker that does not answer costs a line in the log, once until
//! it answers again; the relay serves whether anybody lists it or not.
//! Specified in poste-protocol(7), Tracker, and posted(8), REPORTS.

use crate::core::report::Report;
use crate::net::{Address, BadAddress, Origin, Patience};
use crate::node::key::NodeKey;
use crate::node::log::Log;
use crate::node::random::System;
use crate::node::relay::Relay;
use crate::node::tracker::look::network;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time between two reports.
pub const EVERY: Duration = Duration::from_secs(300);

/// Reports for one relay.
pub struct Reporter {
    relay: Arc<Relay>,
    key: NodeKey,
    url: String,
    trackers: Vec<Address>,
    log: Log,
    /// Trackers that did not take the last report.
    silent: Mutex<HashSet<String>>,
}

impl Reporter {
    /// Reports of `relay`, which the world reaches at `url`, to `trackers`.
    pub fn new(
        relay: Arc<Relay>,
        key: NodeKey,
        url: &str,
        trackers: &[String],
        log: Log,
    ) -> Result<Reporter, BadAddress> {
        let url = url.trim_end_matches('/').to_owned();
        let trackers = trackers.iter().map(|tracker| address(tracker)).collect::<Result<_, _>>()?;
        Ok(Reporter { relay, key, url, trackers, log, silent: Mutex::default() })
    }

    /// Reports to every tracker, one after the other. Blocks.
    pub fn report(&self) {
        let time = self.relay.buckets().keeper().wall();
        let saturation = self.relay.saturation();
        let report = Report { url: self.url.clone(), key: self.key.public(), saturation, time };
        let text = report.write(|message| self.key.sign(message));
        let net = network(Patience { whole: Duration::from_secs(20), ..Patience::default() });
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        for tracker in &self.trackers {
            let name = tracker.to_string();
            match net.post(tracker, text.as_bytes(), &mut System) {
                Ok(_) => {
                    if silent.remove(&name) {
                        self.log.info(format_args!("{name}: takes reports again"));
                    }
                }
                Err(error) => {
                    if silent.insert(name) {
                        self.log.error(format_args!("reporting: {error}"));
                    }
                }
            }
        }
    }
}

/// Where the tracker at `url` takes reports.
pub fn address(url: &str) -> Result<Address, BadAddress> {
    let address = Address::parse(&format!("{}/v1/report", url.trim_end_matches('/')), Origin::Own)?;
    if address.directory().is_some() { Err(BadAddress::Scheme) } else { Ok(address) }
}
