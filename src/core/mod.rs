//! Bytes in, values out: the whole protocol without a file, a socket, a clock or a terminal.
//! Time and randomness are arguments. What is here is specified in poste-protocol(7).

pub mod auth;
pub mod age_header;
pub mod archive;
pub mod bucket;
pub mod cell;
pub mod chain;
pub mod encode;
pub mod keys;
pub mod parts;
pub mod prim;
pub mod random;
pub mod scan;
pub mod stamp;
pub mod hybrid;
pub mod random;
pub mod seal;
pub mod time;
