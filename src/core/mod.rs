//! Bytes in, values out: the whole protocol without a file, a socket, a clock or a terminal.
//! Time and randomness are arguments. What is here is specified in poste-protocol(7).

pub mod age_header;
pub mod archive;
pub mod attempt;
pub mod auth;
pub mod bigram;
pub mod bucket;
pub mod card;
pub mod cell;
pub mod chain;
pub mod clock;
pub mod disclosure;
pub mod enclosure;
pub mod encode;
pub mod filed;
pub mod group;
pub mod hybrid;
pub mod judge;
pub mod keys;
pub mod letter;
pub mod listen;
pub mod mail;
pub mod nodes;
pub mod parts;
pub mod party;
pub mod plan;
pub mod prim;
pub mod printable;
pub mod random;
pub mod report;
pub mod scan;
pub mod seal;
pub mod stamp;
pub mod talk;
pub mod time;
pub mod when;
