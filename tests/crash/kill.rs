//! SIGKILL at each call of each command. Then whoever saw it die types it again, people sync, and
//! everything must be as if nothing had happened.

use crate::check::{sound, still};
use crate::scenario::{self, Again, Make, Scenario, queued};
use crate::trace::{self, Call, End, OPENING, WRITING};
use crate::world::said;
use std::fmt;

/// The figures of a series.
#[derive(Debug, Default)]
pub struct Tally {
    pub points: usize,
    pub kills: usize,
    /// Messages that were promised and are not there.
    pub lost: usize,
    /// Messages that are there more often than they were written.
    pub twice: usize,
    /// Messages that do not open, or are not whole.
    pub torn: usize,
    /// Runs after which something had to be mended by hand.
    pub repairs: usize,
    /// What was wrong, and after which call.
    pub wrong: Vec<String>,
}

impl Tally {
    /// Adds what was wrong after one call.
    pub fn add(&mut self, place: &str, wrong: Vec<String>) {
        let count = |what: &str| wrong.iter().filter(|line| line.starts_with(what)).count();
        let (lost, twice, torn) = (count("lost"), count("twice"), count("torn"));
        self.lost += lost;
        self.twice += twice;
        self.torn += torn;
        self.repairs += usize::from(wrong.len() > lost + twice + torn);
        self.wrong.extend(wrong.into_iter().map(|line| format!("{place}: {line}")));
    }

    /// Prints the figures; fails if anything was wrong.
    pub fn end(self, name: &str) {
        println!("crash: {name}: {self}");
        let some: Vec<&String> = self.wrong.iter().take(40).collect();
        assert!(self.wrong.is_empty(), "{} wrong, the first: {some:#?}", self.wrong.len());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { points, kills, lost, twice, torn, repairs, .. } = self;
        write!(f, "{points} points, {kills} kills, {lost} lost, {twice} twice, {torn} torn, ")?;
        write!(f, "{repairs} repairs")
    }
}

/// Every `stride`th call of the scenarios, from the first on.
fn series(name: &str, makes: &[Make], names: &str, stride: usize) {
    let mut tally = Tally::default();
    for make in makes {
        let scenario = make();
        let calls = trace::calls(&scenario.world, &scenario.step, names);
        for (count, call) in calls.iter().step_by(stride).enumerate() {
            point(&scenario, call, count % 8 == 0, &mut tally);
        }
    }
    tally.end(name);
}

/// Kills the command at a call; `further`: also looks whether one more sync changes anything.
fn point(scenario: &Scenario, call: &Call, further: bool, tally: &mut Tally) {
    let Scenario { world, step, people, .. } = scenario;
    world.restore();
    let before = queued(world, step.who);
    let end = trace::killed(world, step, call);
    tally.points += 1;
    tally.kills += usize::from(end == End::Killed);
    let mut wrong = again(scenario, &end, before);
    wrong.extend(world.settle(people));
    wrong.extend(sound(world, &homes(people), &scenario.ledger));
    if further {
        wrong.extend(still(world, &homes(people)));
    }
    tally.add(&format!("{} at {} {}: {}", scenario.name, call.name, call.at, call.line), wrong);
}

/// What somebody does who saw the command end so; what is wrong then.
pub fn again(scenario: &Scenario, end: &End, before: usize) -> Vec<String> {
    let Scenario { world, step, again, .. } = scenario;
    let done = *end == End::Ended(0);
    if done || matches!(again, Again::IfNotQueued) && queued(world, step.who) > before {
        return Vec::new();
    }
    let output = world.run(step);
    let status = output.status.code();
    match again {
        Again::Or(other) if status == Some(*other) => Vec::new(),
        _ if status == Some(0) => Vec::new(),
        _ => vec![format!("{step:?} again: {}", said(&output))],
    }
}

/// Each of these people once.
pub fn homes(people: &[&'static str]) -> Vec<&'static str> {
    let mut homes = people.to_vec();
    homes.sort_unstable();
    homes.dedup();
    homes
}

#[test]
fn while_writing() {
    series("killed while writing", &scenario::WRITING, WRITING, 1);
}

#[test]
fn while_posting() {
    series("killed while posting", &scenario::GOING, WRITING, 1);
}

#[test]
fn while_receiving() {
    series("killed while receiving", &scenario::COMING, WRITING, 1);
}

#[test]
fn while_being_acknowledged() {
    series("killed while acknowledged", &scenario::ANSWERED, WRITING, 1);
}

#[test]
fn while_signing() {
    series("killed while signing", &scenario::KEYS, WRITING, 1);
}

#[test]
fn while_accepting() {
    series("killed while accepting", &scenario::PEOPLE, WRITING, 1);
}

#[test]
fn while_handling() {
    series("killed while handling", &scenario::HANDS, WRITING, 1);
}

#[test]
fn while_opening_files() {
    series("killed while opening files", &scenario::all(), OPENING, 7);
}
