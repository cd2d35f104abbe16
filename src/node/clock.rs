//! Time for a node: the clock as a value, the machine's one, and the keeper that decides which
//! time the buckets go by. Time never steps back, not even over a restart, and a jump ahead is
//! not followed unless the monotonic clock agrees.
//! Specified in poste-protocol(7), Relay (wiping), and posted(8), TIME.

use crate::core::bucket::MARGIN;
use crate::core::time::{HOUR, Time};
use crate::node::log::Log;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A jump ahead by more than this many seconds is not believed.
pub const JUMP: u64 = 2 * HOUR;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Time;
    /// A clock that nobody sets, from any beginning; goes on while the machine is suspended.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Time::from_unix(since.map_or(0, |d| d.as_secs()))
    }

    fn monotonic(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// The time a store goes by: the highest seen, kept in the store's file `time`, or told to the
/// other nodes of a cluster.
pub struct Keeper {
    clock: Arc<dyn Clock>,
    log: Log,
    file: Option<File>,
    state: Mutex<State>,
}

struct State {
    /// The highest time believed, and the monotonic clock when it was reached.
    highest: Time,
    reached: Duration,
    /// The highest time on file, in units of [`MARGIN`].
    written: u64,
    /// Whether it could not be written the last time.
    stuck: bool,
    ahead: bool,
    behind: bool,
}

/// The keeper cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The clock stands too far behind the time in the file.
    #[error(
        "the clock is {0} s behind the time recorded in the store: set the clock, or, if it was \
         the record that was wrong, empty the store directory"
    )]
    Behind(u64),
    /// The file does not hold a time.
    #[error("it does not hold a time: empty the store directory")]
    Malformed,
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Keeper {
    /// Begins with the later of the clock and the time in `path`, which is made if missing.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, log: Log) -> Result<Keeper, KeeperError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let recorded = read(&file)?;
        Keeper::begin(Some(file), recorded, clock, log)
    }

    /// Begins with the later of the clock and the time that other nodes have told. Where it is told
    /// is not the keeper's business.
    pub fn shared(told: Time, clock: Arc<dyn Clock>, log: Log) -> Result<Keeper, KeeperError> {
        Keeper::begin(None, told, clock, log)
    }

    fn begin(
        file: Option<File>,
        recorded: Time,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Keeper, KeeperError> {
        let (now, reached) = (clock.now(), clock.monotonic());
        if recorded > now + JUMP {
            return Err(KeeperError::Behind(recorded.since(now)));
        }
        let highest = now.max(recorded);
        let (written, stuck, ahead, behind) = (0, false, false, false);
        let state = State { highest, reached, written, stuck, ahead, behind };
        let keeper = Keeper { clock, log, file, state: Mutex::new(state) };
        keeper.record(&mut keeper.state())?;
        Ok(keeper)
    }

    /// The time to go by. Never lower than any earlier answer.
    pub fn now(&self) -> Time {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut state = self.state();
        let passed = monotonic.saturating_sub(state.reached).as_secs();
        let ahead = now > state.highest + passed + JUMP;
        let behind = now + MARGIN < state.highest;
        if ahead {
            // The monotonic clock alone counts on; whole seconds, so that no fraction is lost.
            state.highest = state.highest + passed;
            state.reached += Duration::from_secs(passed);
        } else if now > state.highest {
            state.highest = now;
            state.reached = monotonic;
        }
        self.tell(&mut state, ahead, behind);
        let recorded = self.record(&mut state);
        // Once: it is tried again at every request, of which the log is not to tell.
        if let Err(error) = &recorded
            && !state.stuck
        {
            self.log.error(format_args!("writing the store's file time: {error}"));
        }
        state.stuck = recorded.is_err();
        state.highest
    }

    /// Another node goes by `time`: this one does too, unless that is a jump ahead.
    pub fn follow(&self, time: Time) {
        let monotonic = self.clock.monotonic();
        let mut state = self.state();
        let passed = monotonic.saturating_sub(state.reached).as_secs();
        if time > state.highest && time <= state.highest + passed + JUMP {
            state.highest = time;
            state.reached = monotonic;
        }
    }

    /// The clock as it is, for the `Date` of an answer.
    pub fn wall(&self) -> Time {
        self.clock.now()
    }

    /// The clock that nobody sets.
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Whether the clock is at odds with what the node goes by.
    pub fn disagrees(&self) -> bool {
        let state = self.state();
        state.ahead || state.behind
    }

    /// Every moment that matters to a bucket is a multiple of [`MARGIN`], so it is enough, and
    /// also needed, to have each multiple on file before anything is done by it.
    fn record(&self, state: &mut State) -> io::Result<()> {
        let mark = state.highest.unix() / MARGIN;
        if mark != state.written {
            // In place and of one length: needs no room on a full tmpfs, and is never torn.
            if let Some(file) = &self.file {
                file.write_all_at(format!("{:020}\n", state.highest.unix()).as_bytes(), 0)?;
            }
            state.written = mark;
        }
        Ok(())
    }

    fn tell(&self, state: &mut State, ahead: bool, behind: bool) {
        if ahead && !state.ahead {
            self.log.error(
                "the clock jumped ahead by more than 2 hours: not followed until it agrees with \
                 the monotonic clock or the node is restarted",
            );
        }
        if behind && !state.behind {
            self.log.error("the clock stepped back: the node's time stands until it has caught up");
        }
        if (state.ahead || state.behind) && !ahead && !behind {
            self.log.info("the clock agrees again");
        }
        (state.ahead, state.behind) = (ahead, behind);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time on file; 1970 from an empty one.
fn read(file: &File) -> Result<Time, KeeperError> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(Time::default());
    }
    let mut text = [0; 21];
    if length != text.len() as u64 {
        return Err(KeeperError::Malformed);
    }
    file.read_exact_at(&mut text, 0)?;
    let digits = text.strip_suffix(b"\n").and_then(|d| std::str::from_utf8(d).ok());
    let seconds = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    seconds.and_then(|s| s.parse().ok()).map(Time::from_unix).ok_or(KeeperError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Hands(Mutex<(u64, u64)>);

    impl Clock for Hands {
        fn now(&self) -> Time {
            Time::from_unix(self.0.lock().unwrap().0)
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().1)
        }
    }

    fn keeper(seconds: u64) -> (tempfile::TempDir, Arc<Hands>, Keeper) {
        let dir = tempfile::tempdir().unwrap();
        let hands = Arc::new(Hands(Mutex::new((seconds, 0))));
        let keeper = Keeper::open(&dir.path().join("time"), hands.clone(), Log::Errors).unwrap();
        (dir, hands, keeper)
    }

    #[test]
    fn a_step_back_stands_still() {
        let (_dir, hands, keeper) = keeper(1_000_000);
        *hands.0.lock().unwrap() = (990_000, 1000);
        assert_eq!(keeper.now().unix(), 1_000_000);
        assert!(keeper.disagrees());
        *hands.0.lock().unwrap() = (1_000_001, 2000);
        assert_eq!(keeper.now().unix(), 1_000_001);
        assert!(!keeper.disagrees());
    }

    #[test]
    fn a_jump_ahead_is_not_followed_and_not_a_second_is_lost() {
        let (_dir, hands, keeper) = keeper(1_000_000);
        for quarter in 1..=4 * 3600 {
            *hands.0.lock().unwrap() = (1_020_000, quarter * 250);
            keeper.now();
        }
        assert_eq!(keeper.now().unix(), 1_003_600);
        assert!(keeper.disagrees());
        *hands.0.lock().unwrap() = (1_003_605, 3_602_000);
        assert_eq!(keeper.now().unix(), 1_003_605);
    }

    #[test]
    fn a_long_sleep_is_followed() {
        let (_dir, hands, keeper) = keeper(1_000_000);
        *hands.0.lock().unwrap() = (1_100_000, 100_000_000);
        assert_eq!(keeper.now().unix(), 1_100_000);
    }

    #[test]
    fn two_hours_are_followed_and_a_second_more_is_not() {
        let (_dir, hands, keeper) = keeper(1_000_000);
        *hands.0.lock().unwrap() = (1_000_000 + JUMP + 1, 0);
        assert_eq!(keeper.now().unix(), 1_000_000);
        *hands.0.lock().unwrap() = (1_000_000 + JUMP, 0);
        assert_eq!(keeper.now().unix(), 1_000_000 + JUMP);
    }

    #[test]
    fn nodes_of_a_cluster_follow_each_other_but_no_jump() {
        let hands = Arc::new(Hands(Mutex::new((1_000_000, 0))));
        let keeper = Keeper::shared(Time::from_unix(1_000_030), hands.clone(), Log::Errors);
        let keeper = keeper.unwrap();
        assert_eq!(keeper.now().unix(), 1_000_030);
        keeper.follow(Time::from_unix(1_000_040));
        keeper.follow(Time::from_unix(1_000_020));
        assert_eq!(keeper.now().unix(), 1_000_040);
        keeper.follow(Time::from_unix(1_000_041 + JUMP));
        assert_eq!(keeper.now().unix(), 1_000_040);
        let behind = Keeper::shared(Time::from_unix(1_000_001 + JUMP), hands, Log::Errors).err();
        assert!(matches!(behind, Some(KeeperError::Behind(_))));
    }

    #[test]
    fn a_time_that_cannot_be_written_is_said_once_and_tried_again() {
        let (dir, hands, mut keeper) = keeper(1_000_000);
        let path = dir.path().join("time");
        let writable = keeper.file.replace(File::open(&path).unwrap());
        *hands.0.lock().unwrap() = (1_000_500, 500_000);
        assert_eq!(keeper.now().unix(), 1_000_500);
        assert!(keeper.state().stuck);
        keeper.file = writable;
        assert_eq!(keeper.now().unix(), 1_000_500);
        assert!(!keeper.state().stuck);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "00000000000001000500\n");
    }

    #[test]
    fn restarts_go_on_from_the_record() {
        let (dir, hands, keeper) = keeper(1_000_000);
        let path = dir.path().join("time");
        *hands.0.lock().unwrap() = (1_000_500, 500_000);
        keeper.now();
        *hands.0.lock().unwrap() = (999_000, 0);
        let again = Keeper::open(&path, hands.clone(), Log::Errors).unwrap();
        assert_eq!(again.now().unix(), 1_000_500);
        *hands.0.lock().unwrap() = (990_000, 0);
        let error = Keeper::open(&path, hands.clone(), Log::Errors).err().unwrap();
        assert!(matches!(error, KeeperError::Behind(10_500)), "{error}");
        std::fs::write(&path, "soon").unwrap();
        let error = Keeper::open(&path, hands, Log::Errors).err().unwrap();
        assert!(matches!(error, KeeperError::Malformed), "{error}");
    }
}
