//! The real node with another clock, which is moved under it with libfaketime.
//! Holds no test itself.

use super::{Node, faketime};
use poste::core::time::{HOUR, MINUTE, Time};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock for a child process, moved by hand.
pub struct Faked {
    library: PathBuf,
    file: PathBuf,
}

impl Faked {
    /// Shows `time` first; its file lies in `dir`.
    pub fn at(dir: &Path, time: Time) -> Faked {
        let faked = Faked { library: faketime(), file: dir.join("faketime") };
        faked.set(time);
        faked
    }

    /// Somebody sets it to `time`.
    pub fn set(&self, time: Time) {
        let offset = time.unix() as i64 - real().unix() as i64;
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{offset:+}\n")).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }

    /// Runs the relay in `dir` by it.
    pub fn start(&self, dir: &Path) -> Node {
        self.start_by(dir, &[])
    }

    /// The same by way of `wrapper`, whose last argument the program is.
    pub fn start_by(&self, dir: &Path, wrapper: &[&str]) -> Node {
        let env = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Node::start(dir, wrapper, &env)
    }
}

/// Half past two in the afternoon of a day to come.
pub fn afternoon() -> Time {
    real().day().plus(7).start() + 14 * HOUR + 30 * MINUTE
}

fn real() -> Time {
    Time::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}
