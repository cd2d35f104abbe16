//! SIGKILL at the calls of each scenario's command. Then whoever saw it die types it again, which
//! dies as well, types it once more, people sync, and everything must be as if nothing had happened.

use crate::check::{sound, still};
use crate::scenario::{self, Again, Make, Scenario, queued};
use crate::trace::{self, Call, End, OPENING, OTHERS, WRITING};
use crate::world::said;
use std::fmt;

/// The figures of a series.
#[derive(Debug, Default)]
pub struct Tally {
    pub points: usize,
    /// Of those, the ones where something befell the command.
    pub hits: usize,
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
        let Tally { points, hits, lost, twice, torn, repairs, .. } = self;
        write!(f, "{points} points, {hits} hit, {lost} lost, {twice} twice, {torn} torn, ")?;
        write!(f, "{repairs} repairs")
    }
}

/// Every `stride`th call of the scenarios, from the first on. What is run again is killed at
/// another call of all; which one, `turn` decides.
fn series(name: &str, makes: &[Make], names: &str, (stride, turn): (usize, usize)) {
    let mut tally = Tally::default();
    for make in makes {
        let scenario = make();
        let calls = trace::calls(&scenario.world, &scenario.step, names);
        for (at, call) in calls.iter().enumerate().step_by(stride) {
            let second = &calls[(at * 7 + turn * 13 + calls.len() / 2) % calls.len()];
            point(&scenario, [call, second], at / stride % 8 == 0, &mut tally);
        }
    }
    tally.end(name);
}

/// Kills the command at a call, and once more at another; with `further` looks whether one more
/// sync changes anything.
fn point(scenario: &Scenario, calls: [&Call; 2], further: bool, tally: &mut Tally) {
    let Scenario { world, step, people, .. } = scenario;
    world.restore();
    let before = queued(world, step.who);
    let mut end = End::Ended(0);
    for call in calls {
        end = trace::killed(world, step, call);
        tally.points += 1;
        tally.hits += usize::from(end == End::Killed);
        if end != End::Killed || is_queued(scenario, before) {
            break;
        }
    }
    let mut wrong = again(scenario, &end, before);
    wrong.extend(world.settle(people));
    wrong.extend(sound(world, &homes(people), &scenario.ledger));
    wrong.extend(scenario.ungrouped());
    if further {
        wrong.extend(still(world, &homes(people)));
    }
    let place = calls.map(|call| format!("{} {} {}", call.name, call.at, call.line)).join(", ");
    tally.add(&format!("{} at {place}", scenario.name), wrong);
}

/// Whether `poste outbox` shows the letter that the command was to write.
fn is_queued(scenario: &Scenario, before: usize) -> bool {
    let Scenario { world, step, again, .. } = scenario;
    matches!(again, Again::IfNotQueued) && queued(world, step.who) > before
}

/// What somebody does who saw the command end so; what is wrong then.
pub fn again(scenario: &Scenario, end: &End, before: usize) -> Vec<String> {
    let Scenario { world, step, again, .. } = scenario;
    if *end == End::Ended(0) || is_queued(scenario, before) {
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
    series("killed while writing", &scenario::WRITING, WRITING, (1, 0));
}

#[test]
fn while_posting() {
    series("killed while posting", &scenario::GOING, WRITING, (2, 0));
}

#[test]
fn while_receiving() {
    series("killed while receiving", &scenario::COMING, WRITING, (2, 0));
}

#[test]
fn while_being_acknowledged() {
    series("killed while acknowledged", &scenario::ANSWERED, WRITING, (2, 0));
}

#[test]
fn while_exchanging_cells() {
    series("killed while exchanging cells", &scenario::LARGE, WRITING, (4, 0));
}

#[test]
fn while_giving_up() {
    series("killed while giving up", &scenario::EXPIRED, WRITING, (2, 0));
}

#[test]
fn while_signing() {
    series("killed while signing", &scenario::KEYS, WRITING, (1, 0));
}

#[test]
fn while_moving() {
    series("killed while moving", &scenario::MOVING, WRITING, (2, 0));
}

#[test]
fn while_accepting() {
    series("killed while accepting", &scenario::PEOPLE, WRITING, (1, 0));
}

#[test]
fn while_handling() {
    series("killed while handling", &scenario::HANDS, WRITING, (1, 0));
}

#[test]
fn while_filing_what_nobody_sent() {
    series("killed while filing what nobody sent", &scenario::TEXTS, WRITING, (1, 0));
}

#[test]
fn while_founding_a_group() {
    series("killed while founding a group", &scenario::FOUNDED, WRITING, (2, 0));
}

#[test]
fn while_in_a_group() {
    series("killed while in a group", &scenario::JOINED, WRITING, (2, 0));
}

#[test]
fn while_changing_a_group() {
    series("killed while changing a group", &scenario::CHANGED, WRITING, (2, 0));
}

#[test]
fn while_opening_files() {
    series("killed while opening files", &scenario::all(), OPENING, (24, 0));
}

/// All calls of all commands, in turns that differ in where the second kill falls.
fn soak(name: &str, makes: &[Make]) {
    for turn in 0..SOAK_TURNS {
        let name = format!("soak: killed while {name}, turn {turn}");
        series(&name, makes, &[WRITING, OPENING, OTHERS].join(","), (1, turn));
    }
}

/// Turns of the long test.
const SOAK_TURNS: usize = 3;

#[test]
#[ignore = "make soak"]
fn soak_while_writing() {
    soak("writing", &scenario::WRITING);
}

#[test]
#[ignore = "make soak"]
fn soak_while_posting() {
    soak("posting", &scenario::GOING);
}

#[test]
#[ignore = "make soak"]
fn soak_while_receiving() {
    soak("receiving", &scenario::COMING);
}

#[test]
#[ignore = "make soak"]
fn soak_while_being_acknowledged() {
    soak("acknowledged", &scenario::ANSWERED);
}

#[test]
#[ignore = "make soak"]
fn soak_while_exchanging_cells() {
    soak("exchanging cells", &scenario::LARGE);
}

#[test]
#[ignore = "make soak"]
fn soak_while_giving_up() {
    soak("giving up", &scenario::EXPIRED);
}

#[test]
#[ignore = "make soak"]
fn soak_while_signing() {
    soak("signing", &scenario::KEYS);
}

#[test]
#[ignore = "make soak"]
fn soak_while_moving() {
    soak("moving", &scenario::MOVING);
}

#[test]
#[ignore = "make soak"]
fn soak_while_accepting() {
    soak("accepting", &scenario::PEOPLE);
}

#[test]
#[ignore = "make soak"]
fn soak_while_founding_a_group() {
    soak("founding a group", &scenario::FOUNDED);
}

#[test]
#[ignore = "make soak"]
fn soak_while_in_a_group() {
    soak("in a group", &scenario::JOINED);
}

#[test]
#[ignore = "make soak"]
fn soak_while_changing_a_group() {
    soak("changing a group", &scenario::CHANGED);
}

#[test]
#[ignore = "make soak"]
fn soak_while_handling() {
    soak("handling", &scenario::HANDS);
}

#[test]
#[ignore = "make soak"]
fn soak_while_filing_what_nobody_sent() {
    soak("filing what nobody sent", &scenario::TEXTS);
}
