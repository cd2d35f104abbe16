//! The verbs: what a person can do, each one function that joins `core`, `store` and `net`. All
//! effects come in one [`env::Env`]; nothing is printed, nothing is parsed from a command line.
//! Specified in poste(1).

pub mod env;
pub mod error;
pub mod init;
pub mod own;
pub mod publish;
