//! Exit statuses, those of sysexits(3): what sort of failure it was is all that a script learns
//! from the number; the text is on standard error. Listed in poste(1), EXIT STATUS.

use crate::client::error::Kind;

/// The command line itself is wrong.
pub const USAGE: u8 = 64;
/// A bug of ours.
pub const BUG: u8 = 70;
/// In sendmail mode no home and a bad configuration are this instead of 78, for which neomutt has
/// no words.
pub const SENDMAIL_CONFIG: u8 = 72;

/// The exit status of a failure.
pub fn status(kind: Kind) -> u8 {
    match kind {
        Kind::Bug => BUG,
        Kind::CannotCreate => 73,
        Kind::Config => 78,
        Kind::Data => 65,
        Kind::Io => 74,
        Kind::NoContact => 67,
        Kind::NoMessage => 66,
        Kind::Offline => 75,
        Kind::Permission => 77,
        Kind::Protocol => 76,
        Kind::Refused => 69,
        Kind::Usage => USAGE,
    }
}

/// The same, to a mail program.
pub fn sendmail_status(kind: Kind) -> u8 {
    match kind {
        Kind::Config => SENDMAIL_CONFIG,
        other => status(other),
    }
}
