//! The log: short lines on stderr, for whoever keeps the node. A line is about the node itself
//! (start, stop, buckets, errors); nothing about a client is written at any level, and there is
//! no level that would. Without time stamps: the journal adds them.
//! Specified in posted(8), LOG.

use std::fmt::Display;
use std::io::Write;

/// How much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Errors only.
    Errors,
    /// Errors, and what the node does: start, stop, buckets closed and wiped.
    #[default]
    All,
}

impl Log {
    /// Something is wrong and wants the operator.
    pub fn error(self, line: impl Display) {
        write("error", line);
    }

    /// Something went as it should.
    pub fn info(self, line: impl Display) {
        if self == Log::All {
            write("info", line);
        }
    }
}

fn write(level: &str, line: impl Display) {
    // In one piece, so that lines of two threads do not mix. A log that cannot be written is no
    // reason to stop serving.
    let _ = std::io::stderr().write_all(format!("posted: {level}: {line}\n").as_bytes());
}
