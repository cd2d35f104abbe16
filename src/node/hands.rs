//! How much of what blocks is under way at a time, for one role. A turn belongs to the work itself
//! and ends with it: who has asked may be gone long before, and were the turn over with him, clients
//! that ask and leave would fill the threads for such work, and all that wait for one after them.
//! Used by the roles whose requests go to a disk or to servers elsewhere.

use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// Turns at what blocks.
pub struct Hands(Arc<Semaphore>);

impl Hands {
    /// So many at a time.
    pub fn new(count: usize) -> Hands {
        Hands(Arc::new(Semaphore::new(count)))
    }

    /// Does what may block, on another thread, when it is its turn. Who stops waiting before that
    /// has given up the turn, and what he brought.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // It is never closed; without it nothing would be lost but the turn.
        let hand = self.0.clone().acquire_owned().await;
        let work = move || {
            let _hand = hand;
            work()
        };
        spawn_blocking(work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn work_keeps_its_turn_when_nobody_waits_for_it() {
        let hands = Hands::new(1);
        let (let_go, held) = mpsc::channel::<()>();
        let moment = Duration::from_millis(100);
        let first = hands.work(move || held.recv().is_ok());
        assert!(timeout(moment, first).await.is_err(), "it is at work, and given up");
        let brought = Arc::new(());
        let with = brought.clone();
        let second = hands.work(move || drop(with));
        assert!(timeout(moment, second).await.is_err(), "it is not its turn");
        assert_eq!(Arc::strong_count(&brought), 1, "nothing of it waits any more");
        let_go.send(()).unwrap();
        assert_eq!(hands.work(|| 3).await.unwrap(), 3);
    }
}
