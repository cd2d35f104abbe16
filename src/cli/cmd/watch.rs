//! `poste watch`: syncs on the schedule that a cron job would have, in the foreground and as quiet
//! as there, until a signal. Each sync reads the configuration anew. With --eager it also syncs when
//! a letter was queued, and says first what that shows.
//! Specified in poste(1), watch.

use crate::cli::ui::{Done, Stop, Ui};
use crate::client::error::{Error, Kind};
use crate::client::system::{SystemRandom, clock};
use crate::core::keys::LetterId;
use crate::core::schedule;
use crate::store::home::{Home, Places};
use crate::store::outbox;
use crate::store::watch::Watch;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

/// How long is waited at most before the clock is looked at again: it may be set, and a machine that
/// slept has not waited.
const LOOK: Duration = Duration::from_secs(5);
/// For so long nothing changes in the outbox before what is queued is posted.
const SETTLE: Duration = Duration::from_secs(2);
/// And so long, if it never stops to change.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is waited for.
enum Wake {
    /// A signal came.
    Ended,
    /// Something changed in the outbox.
    Outbox,
}

pub fn run(ui: &Ui, eager: bool, home: &Home, mut sync: impl FnMut() -> Done) -> Done {
    let (send, wakes) = channel();
    signals(send.clone())?;
    let places = home.places();
    let _watch = if eager {
        ui.warn("each letter leaves when it is written, so the network shows when that is");
        let changed = move || drop(send.send(Wake::Outbox));
        Some(Watch::new(&[&places.outbox_dir()], changed)?)
    } else {
        None
    };
    let mut known = queued(places);
    let mut moment = schedule::next(clock(), &mut SystemRandom);
    loop {
        let left = schedule::until(moment, clock());
        let is_due = match left {
            Some(left) if left > 0 => match wakes.recv_timeout(Duration::from_secs(left).min(LOOK))
            {
                Ok(Wake::Ended) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Wake::Outbox) if !settled(&wakes) => return Ok(()),
                // A sync changes the outbox too, and brings no mail into it.
                Ok(Wake::Outbox) => !queued(places).is_subset(&known),
                Err(RecvTimeoutError::Timeout) => continue,
            },
            Some(_) => true,
            None => false,
        };
        if is_due {
            // What is queued while it runs goes with another.
            known = queued(places);
            match sync() {
                Err(Stop::BrokenPipe) => return Ok(()),
                Err(Stop::Failed(error)) => ui.error(&error.what, &error.hints),
                _ => ui.flush()?,
            }
        }
        if left.is_none_or(|left| left == 0) {
            moment = schedule::next(clock(), &mut SystemRandom);
        }
    }
}

/// The mail in the outbox; what cannot be read is the business of a sync.
fn queued(places: &Places) -> BTreeSet<LetterId> {
    let (items, _) = outbox::load(places).unwrap_or_default();
    items.into_iter().filter(|item| item.errand.is_none()).map(|item| item.id).collect()
}

/// Waits until nothing more changes; not if a signal comes first.
fn settled(wakes: &Receiver<Wake>) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match wakes.recv_timeout(SETTLE) {
            Ok(Wake::Ended) => return false,
            Ok(Wake::Outbox) => {}
            Err(_) => break,
        }
    }
    true
}

/// The first signal ends the waiting, or is heeded after the sync that runs; the second ends that.
fn signals(send: Sender<Wake>) -> Result<(), Error> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| Error::new(Kind::Io, format!("cannot watch for signals: {error}")))?;
    spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 || send.send(Wake::Ended).is_err() {
                let _ = emulate_default_handler(signal);
            }
        }
    });
    Ok(())
}
