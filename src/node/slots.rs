//! Places for connections, as many as the configuration allows. When all are taken, the connection
//! on which nothing has moved for longest gives way to the one that waits, so that idle and slow
//! clients keep nobody out, however many they are. While places are short, busy connections take
//! turns: one that was served for a while is closed after its answer.
//! Specified in posted(8), LIMITS.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Whoever has moved something within this time keeps his place; while places are short, whoever
/// had one for longer gets no further answer.
pub const GRACE: Duration = Duration::from_millis(500);
/// Bytes that must pass until something has moved, to or fro; a request and an answer always count.
pub const STEP: u64 = 16 << 10;

/// The places of one listener.
pub struct Slots(Arc<Inner>);

struct Inner {
    most: usize,
    began: Instant,
    /// Wakes the one that waits for a place.
    freed: Notify,
    short: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Those that hold a place, by number, each with the mark under which it stands in `order`.
    open: HashMap<u64, (u64, Arc<Pulse>)>,
    /// Marks, of which some are older than those of their connections by now, and numbers.
    order: BTreeSet<(u64, u64)>,
}

/// What a connection has moved.
pub struct Pulse {
    began: Instant,
    /// When something moved last, in milliseconds since `began`.
    mark: AtomicU64,
    /// Bytes since then.
    bytes: AtomicU64,
    /// Whether the node is at it.
    works: AtomicBool,
    leave: Notify,
}

/// A place that is taken, until it is dropped.
pub struct Place {
    inner: Arc<Inner>,
    number: u64,
    since: Instant,
    pulse: Arc<Pulse>,
}

impl Slots {
    /// So many, all free.
    pub fn new(most: usize) -> Slots {
        Slots(Arc::new(Inner {
            most,
            began: Instant::now(),
            freed: Notify::new(),
            short: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// Takes a place; waits until one is free, or until whoever holds one must give way. For one
    /// that waits at a time.
    pub async fn take(&self) -> Place {
        loop {
            let freed = self.0.freed.notified();
            match self.0.take() {
                Ok((number, pulse)) => {
                    return Place { inner: self.0.clone(), number, since: Instant::now(), pulse };
                }
                // Whichever comes first.
                Err(wait) => drop(timeout(wait, freed).await),
            }
        }
    }
}

impl Inner {
    /// A place, or the time after which somebody may have to give way.
    fn take(&self) -> Result<(u64, Arc<Pulse>), Duration> {
        let mut state = self.state();
        let full = state.open.len() >= self.most;
        self.short.store(full, Ordering::Relaxed);
        if full {
            state.oldest_leaves(Pulse::millis(self.began))?;
        }
        let pulse = Arc::new(Pulse {
            began: self.began,
            mark: AtomicU64::new(Pulse::millis(self.began)),
            bytes: AtomicU64::new(0),
            works: AtomicBool::new(false),
            leave: Notify::new(),
        });
        let number = state.next;
        state.next += 1;
        let mark = pulse.mark.load(Ordering::Relaxed);
        state.open.insert(number, (mark, pulse.clone()));
        state.order.insert((mark, number));
        Ok((number, pulse))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has the connection leave on which nothing has moved for longest; or how long to wait until
    /// it must, if nothing changes.
    fn oldest_leaves(&mut self, now: u64) -> Result<(), Duration> {
        while let Some(first) = self.order.first().copied() {
            let (mark, number) = first;
            let Some((known, pulse)) = self.open.get_mut(&number) else {
                self.order.remove(&first);
                continue;
            };
            // A mark moves on without anybody looking; here it is looked at.
            let works = pulse.works.load(Ordering::Relaxed);
            let latest = if works { now } else { pulse.mark.load(Ordering::Relaxed) };
            if latest > mark {
                *known = latest;
                self.order.remove(&first);
                self.order.insert((latest, number));
                continue;
            }
            let age = Duration::from_millis(now.saturating_sub(mark));
            if age < GRACE {
                return Err(GRACE - age);
            }
            pulse.leave.notify_one();
            self.order.remove(&first);
            self.open.remove(&number);
            return Ok(());
        }
        Ok(())
    }
}

impl Pulse {
    /// A request has come, or an answer begins.
    pub fn beat(&self) {
        self.mark.store(Pulse::millis(self.began), Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// So many bytes have passed.
    pub fn moved(&self, bytes: u64) {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes >= STEP {
            self.beat();
        }
    }

    /// Whether it is the node that is waited for, or the far end.
    pub fn works(&self, works: bool) {
        self.works.store(works, Ordering::Relaxed);
    }

    /// Waits until the connection must give way.
    pub async fn leave(&self) {
        self.leave.notified().await;
    }

    fn millis(began: Instant) -> u64 {
        began.elapsed().as_millis() as u64
    }
}

impl Place {
    /// Of the connection that has it.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Whether it is somebody else's turn: all places were taken when one was last asked for, and
    /// still are, and this one was had for longer than [`GRACE`].
    pub fn is_over(&self) -> bool {
        let inner = &self.inner;
        inner.short.load(Ordering::Relaxed)
            && self.since.elapsed() >= GRACE
            && inner.state().open.len() >= inner.most
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        if let Some((mark, _)) = state.open.remove(&self.number) {
            state.order.remove(&(mark, self.number));
        }
        drop(state);
        self.inner.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, sleep};

    async fn has_left(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.pulse.leave()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_moved_nothing_for_longest_gives_way() {
        let slots = Slots::new(3);
        let (idle, slow, busy) = (slots.take().await, slots.take().await, slots.take().await);
        assert!(!idle.is_over());
        advance(Duration::from_secs(1)).await;
        slow.pulse.moved(STEP - 1);
        busy.pulse.moved(STEP);
        advance(Duration::from_secs(1)).await;
        slow.pulse.works(true);
        let fourth = slots.take().await;
        assert!(has_left(&idle).await && busy.is_over() && !fourth.is_over());
        advance(Duration::from_secs(1)).await;
        fourth.pulse.beat();
        let fifth = slots.take().await;
        assert!(has_left(&busy).await && !has_left(&slow).await && !has_left(&fourth).await);
        drop((idle, busy));
        assert_eq!(slots.0.state().open.len(), 3);
        drop((slow, fourth, fifth));
        let state = slots.0.state();
        assert!(state.open.is_empty() && state.order.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_are_busy_keep_their_places_until_one_ends() {
        let slots = Arc::new(Slots::new(2));
        let held = [slots.take().await, slots.take().await];
        let asking = {
            let slots = slots.clone();
            tokio::spawn(async move { slots.take().await })
        };
        for _ in 0..20 {
            sleep(GRACE / 2).await;
            held.iter().for_each(|place| place.pulse.beat());
        }
        assert!(!asking.is_finished());
        let [first, second] = held;
        drop(first);
        let place = asking.await.unwrap();
        assert!(!has_left(&second).await);
        drop(place);
        assert!(!second.is_over(), "there is room");
    }
}
