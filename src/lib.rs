//! poste: a file-and-mailbox, offline-first, end-to-end encrypted and deniable messenger.
//!
//! Floors, each using only those above it: [`core`] (bytes in, values out), `store` (the tree on
//! disk), `net` (talking to nodes), `client` (the verbs), `cli` (arguments and text), and `node`
//! (the daemon, which shares `core` with the client and nothing else).

pub mod cli;
pub mod client;
pub mod core;
pub mod net;
#[cfg(feature = "node")]
pub mod node;
pub mod store;
