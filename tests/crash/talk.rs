//! A long exchange by way of a relay on loopback, in which bob's client, alice's client or the relay
//! is killed again and again, each time with a new letter on its way. No home is ever put back: one
//! that is older than what it sent to a living relay is the subject of other tests.

use crate::check::sound;
use crate::kill::Tally;
use crate::programs::Node;
use crate::scenario::ledger;
use crate::trace::{self, Call, End, OPENING, OTHERS, TALKING, Trap, WRITING};
use crate::world::{Step, World};
use poste::store::home::Places;
use poste::store::loops::Loops;
use std::path::PathBuf;

/// Letters between two looks at everything.
const OFTEN: usize = 8;

/// An exchange and what was written in it.
struct Exchange {
    world: World,
    subjects: Vec<String>,
    tally: Tally,
}

impl Exchange {
    fn new(node: &str) -> Exchange {
        let world = World::empty();
        world.acquaint(node);
        Exchange { world, subjects: Vec::new(), tally: Tally::default() }
    }

    /// A letter of bob's.
    fn write(&mut self) {
        let subject = format!("letter {}", self.subjects.len());
        let bob = self.world.home("bob");
        bob.ok_with(&["send", "alice", "-s", &subject], crate::check::TEXT);
        self.subjects.push(subject);
    }

    /// The calls of a sync that posts a loop cell.
    fn calls(&self, who: &'static str, names: &str) -> Vec<Call> {
        self.forget_loop(who);
        trace::calls(&self.world, &sync(who), names)
    }

    /// Runs such a sync, killed at a call.
    fn kill(&mut self, who: &'static str, call: &Call) {
        self.forget_loop(who);
        let step = &sync(who);
        let end = trace::killed(&self.world, step, call);
        self.tally.points += 1;
        self.tally.hits += usize::from(end == End::Killed);
    }

    /// Makes a new day of it as far as loop cells go, of which a relay gets one a day.
    fn forget_loop(&self, who: &str) {
        // Whoever died before it was written has none.
        let _ = std::fs::remove_file(self.loops(who));
    }

    fn loops(&self, who: &str) -> PathBuf {
        Places::under(&self.world.home(who).dir).state().join("loops.toml")
    }

    /// Both sync; now and then everything is looked at.
    fn go_on(&mut self, place: &str) {
        let mut wrong = self.world.settle(&["bob", "alice"]);
        if self.subjects.len().is_multiple_of(OFTEN) {
            wrong.extend(self.look());
        }
        self.tally.add(place, wrong);
    }

    fn look(&self) -> Vec<String> {
        let mut wrong = self.world.settle(&["bob"]);
        for who in ["alice", "bob"] {
            let loops = Loops::load(&Places::under(&self.world.home(who).dir)).unwrap();
            if loops.sent.len() != 1 || !loops.losing.is_empty() {
                wrong.push(format!("{who}: not one loop cell at a good relay: {loops:?}"));
            }
        }
        let subjects: Vec<&str> = self.subjects.iter().map(String::as_str).collect();
        wrong.extend(sound(&self.world, &["alice", "bob"], &ledger(&subjects)));
        wrong
    }

    fn end(mut self, name: &str) {
        let wrong = self.look();
        self.tally.add("at the end", wrong);
        self.tally.end(name);
    }
}

fn sync(who: &'static str) -> Step {
    Step { who, args: vec!["sync".into()], stdin: b"" }
}

/// Kills both clients at every `stride`th call of a sync.
fn clients(name: &str, names: &str, stride: usize) {
    let node = Node::start();
    let mut exchange = Exchange::new(&node.url);
    exchange.write();
    let (going, coming) = (exchange.calls("bob", names), exchange.calls("alice", names));
    exchange.go_on("the first");
    let most = going.len().max(coming.len());
    for at in (0..most).step_by(stride) {
        exchange.write();
        let mut place = String::new();
        for (who, calls) in [("bob", &going), ("alice", &coming)] {
            let Some(call) = calls.get(at) else { continue };
            exchange.kill(who, call);
            place += &format!("{who} at {} {}; ", call.name, call.at);
            if who == "bob" {
                exchange.world.settle(&["bob"]);
            }
        }
        exchange.go_on(&place);
    }
    exchange.end(name);
}

/// Kills the relay at its calls while both sync, and starts it again on what it had stored.
fn relay(name: &str, rounds: usize) {
    const CALLS: [&str; 8] =
        ["pwrite64", "recvfrom", "writev", "accept4", "pread64", "openat", "write", "epoll_wait"];
    let store = World::empty();
    let mut node = Node::start_in(0, &store.dir());
    let port = node.port();
    let mut exchange = Exchange::new(&node.url);
    for round in 0..rounds {
        exchange.write();
        let (call, at) = (CALLS[round % CALLS.len()], 1 + round / CALLS.len() % 6);
        let trap = Trap::set(node.id(), call, at);
        // What fails now is tried again.
        exchange.world.settle(&["bob", "alice"]);
        exchange.tally.points += 1;
        exchange.tally.hits += usize::from(node.has_ended());
        drop(trap);
        node.kill();
        node = Node::start_in(port, &store.dir());
        exchange.go_on(&format!("the relay at {call} {at}"));
    }
    exchange.end(name);
}

#[test]
fn clients_killed_while_talking() {
    clients("clients killed while talking", TALKING, 1);
}

#[test]
fn clients_killed_while_writing() {
    clients("clients killed while writing", WRITING, 4);
}

#[test]
fn relay_killed() {
    relay("relay killed while it is used", 24);
}

#[test]
#[ignore = "make soak"]
fn soak_clients() {
    for names in [TALKING, WRITING, OPENING, OTHERS] {
        clients("soak: clients killed while talking", names, 1);
    }
}

#[test]
#[ignore = "make soak"]
fn soak_relay() {
    relay("soak: relay killed while it is used", 480);
}
