//! The verbs: what a person can do, each one function that joins `core`, `store` and `net`. All
//! effects come in one [`env::Env`]; nothing is printed, nothing is parsed from a command line.
//! Specified in poste(1).

pub mod arrive;
pub mod cover;
pub mod desk;
pub mod disappear;
pub mod disclose;
pub mod dispatch;
pub mod doctor;
pub mod draft;
pub mod edit;
pub mod enclosure;
pub mod env;
pub mod error;
pub mod expiry;
pub mod export;
pub mod filing;
pub mod forge;
pub mod groups;
pub mod hand;
pub mod hook;
pub mod import;
pub mod init;
pub mod listen;
pub mod loops;
pub mod nodes;
pub mod outbox;
pub mod own;
pub mod parties;
pub mod people;
pub mod publish;
pub mod quarantine;
pub mod queue;
pub mod read;
pub mod renew;
pub mod reply;
pub mod restored;
pub mod search;
pub mod series;
pub mod stamps;
pub mod status;
pub mod sync;
pub mod system;
pub mod tend;
pub mod unlocked;
pub mod verify;
