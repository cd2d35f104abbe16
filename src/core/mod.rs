//! Bytes in, values out: the whole protocol without a file, a socket, a clock or a terminal.
//! Time and randomness are arguments. What is here is specified in poste-protocol(7).

pub mod bucket;
pub mod encode;
pub mod mail;
pub mod printable;
pub mod random;
pub mod time;
