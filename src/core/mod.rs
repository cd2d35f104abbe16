//! Bytes in, values out: the whole protocol without a file, a socket, a clock or a terminal.
//! Time and randomness are arguments. What is here is specified in poste-protocol(7).

pub mod age_header;
pub mod archive;
pub mod bucket;
pub mod encode;
pub mod hybrid;
pub mod random;
pub mod seal;
pub mod time;
