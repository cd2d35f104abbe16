//! What a node does whether anybody asks or not: closing and wiping, dropping, looking at others.
//! Each role has a thread of its own for it, which waits for no other role and for no request, so
//! that neither a slow disk nor a queue of requests delays wiping.
//! Specified in posted(8), STORE.

use crate::node::log::Log;
use crate::node::server::Service;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often what is kept is looked at for what is to be closed, wiped or dropped.
const EVERY: Duration = Duration::from_secs(1);

/// The threads that look after roles.
pub struct Chores {
    /// Nothing is ever sent: that they are dropped is the stop.
    _stop: Vec<UnixStream>,
    /// Nor here: the last thread to end closes it.
    ended: Receiver<Infallible>,
}

impl Chores {
    /// Begins.
    pub fn start(services: Vec<Service>, log: Log) -> io::Result<Chores> {
        let (end, ended) = channel();
        let mut stop = Vec::new();
        for service in services {
            let (ours, theirs) = UnixStream::pair()?;
            let end = end.clone();
            let look_after = move || {
                look_after(&service, theirs, log);
                drop((service, end));
            };
            thread::Builder::new().name("chores".to_owned()).spawn(look_after)?;
            stop.push(ours);
        }
        Ok(Chores { _stop: stop, ended })
    }

    /// Begins nothing more, and waits for what is under way, but no longer than `most`.
    pub fn stop(self, most: Duration) {
        let Chores { _stop: stop, ended } = self;
        drop(stop);
        // That the time is over is no error: whatever is cut off is done by the next start.
        let _ = ended.recv_timeout(most);
    }
}

/// Does the chores of one role, again and again.
fn look_after(service: &Service, mut stopped: UnixStream, log: Log) {
    loop {
        let began = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| service.chores())).is_err() {
            log.error("looking after what is kept has failed, and is tried again");
        }
        if is_stopped(&mut stopped, EVERY.saturating_sub(began.elapsed())) {
            return;
        }
    }
}

/// Waits so long, or until the stop. A span and no moment by a clock: one that is set, or that is
/// another for this process than for the kernel, shall never keep a bucket from being wiped.
fn is_stopped(stopped: &mut UnixStream, most: Duration) -> bool {
    if stopped.set_read_timeout(Some(most.max(Duration::from_millis(1)))).is_err() {
        thread::sleep(most);
        return false;
    }
    // Nothing is ever written: it ends.
    let ended = stopped.read_exact(&mut [0]);
    ended.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof)
}
