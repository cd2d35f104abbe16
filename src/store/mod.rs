//! The tree on disk: where everything lies, how it is written so that neither a kill nor a power
//! cut loses what was reported as kept, and the formats of what is kept.
//!
//! This floor uses `core` alone. It opens no socket, prints nothing, and reads neither the clock
//! nor the environment: both are arguments. Places and files: poste-files(5).

pub mod arrival;
pub mod aside;
pub mod atomic;
pub mod chosen;
pub mod config;
pub mod contacts;
pub mod cover;
pub mod drafts;
pub mod enclosures;
pub mod error;
pub mod expiring;
pub mod groups;
pub mod home;
pub mod kernel;
pub mod keyring;
pub mod lock;
pub mod locked;
pub mod loops;
pub mod maildir;
pub mod memory;
pub mod nameless;
pub mod outbox;
pub mod owed;
pub mod pack;
pub mod peers;
pub mod petname;
pub mod progress;
pub mod published;
pub mod quarantine;
pub mod requests;
pub mod seen;
pub mod spool;
pub mod traffic;
pub mod travel;
pub mod unpack;
pub mod view;
pub mod watch;

pub use error::{Cause, Error, Kind, quoted};
