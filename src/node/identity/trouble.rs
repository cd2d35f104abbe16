//! When it is said that a disk refuses something: once until it works again, so that a full disk does
//! not fill the log, and no line tells when somebody put a card or fetched one. Pure: time comes in
//! as a value, and the line is the caller's.
//! Used by `cards`. Specified in posted(8), CARDS.

use crate::core::time::{MINUTE, Time};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds without a failure after which something that works is believed to do so. One card in a
/// bad place of the disk, between others that can be read, would else be said again and again.
pub const CALM: u64 = 10 * MINUTE;

/// One thing that can fail.
#[derive(Debug, Default)]
pub struct Trouble {
    /// When it last failed, unless it works again.
    last: Mutex<Option<Time>>,
}

impl Trouble {
    /// It has failed; whether that is news.
    pub fn failed(&self, now: Time) -> bool {
        self.last().replace(now).is_none()
    }

    /// It has worked; whether that is news.
    pub fn worked(&self, now: Time) -> bool {
        self.last().take_if(|last| now.since(*last) >= CALM).is_some()
    }

    fn last(&self) -> MutexGuard<'_, Option<Time>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_said_once_until_it_has_been_calm() {
        let (trouble, start) = (Trouble::default(), Time::from_unix(1_795_356_000));
        assert!(!trouble.worked(start), "it always did");
        assert!(trouble.failed(start));
        assert!(!trouble.worked(start + 1) && !trouble.failed(start + 2));
        assert!(!trouble.worked(start + 1 + CALM), "the last failure counts");
        assert!(trouble.worked(start + 2 + CALM) && !trouble.worked(start + 3 + CALM));
        assert!(trouble.failed(start + 4 + CALM));
    }
}
