//! The daemon `posted`: the relay, its bucket store and its HTTP server.
//!
//! Shares `core` with the client and nothing else. It knows no person: no address, account or
//! size of a client is kept, logged or counted. What it answers is specified in
//! poste-protocol(7), Relay; how it is run, in posted(8).

pub mod admin;
pub mod answer;
pub mod args;
pub mod buckets;
pub mod clock;
pub mod config;
pub mod key;
pub mod log;
pub mod metrics;
pub mod paced;
pub mod range;
pub mod relay;
pub mod run;
pub mod selection;
pub mod server;
pub mod shelf;
pub mod status;
pub mod tls;
pub mod tmpfs;
pub mod upload;
