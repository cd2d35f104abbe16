//! The daemon `posted`: the relay and its bucket store, the tracker and its table, the identity host
//! and its cards, and the HTTP server of all.
//!
//! Shares `core` with the client, and `net` for what a node asks of another: a tracker looks at nodes
//! by the rules that a client has for addresses learnt from others. It knows no person. What a client's network
//! takes and brings is counted in memory for the hour or day, and whom it bans is kept until the
//! ban ends; nothing about a client is logged. What it answers is specified in poste-protocol(7),
//! Node; how it is run, in posted(8).

pub mod admin;
pub mod answer;
pub mod args;
pub mod arrival;
pub mod bans;
pub mod buckets;
pub mod callers;
pub mod clock;
pub mod cluster;
pub mod config;
mod digests;
pub mod direct;
pub mod durable;
pub mod effective;
pub mod frame;
pub mod hands;
pub mod identity;
pub mod key;
pub mod lent;
pub mod log;
pub mod meter;
pub mod metrics;
pub mod network;
mod order;
pub mod paced;
pub mod preface;
mod private;
pub mod random;
pub mod range;
pub mod rate;
pub mod refusal;
pub mod relay;
pub mod reporter;
pub mod run;
pub mod selection;
pub mod server;
pub mod shelf;
pub mod slots;
pub mod status;
pub mod stock;
pub mod store;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod tmpfs;
pub mod tracker;
pub mod upload;
