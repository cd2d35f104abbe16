//! Calls that fail: once or from then on, with the errors of a disk that dies, is full, over its
//! quota or read-only, and of a system that is out of descriptors. The command says so with an exit
//! status of sysexits(3) and the place, never by a panic; then it is run again, and everything must
//! be as if nothing had happened.

use crate::check::{sound, still};
use crate::kill::{Tally, again, homes};
use crate::scenario::{self, Make, Scenario, queued};
use crate::trace::{self, Call, End, OPENING, WRITING};
use std::process::Output;

/// What may fail how.
const ERRORS: [(&str, &[&str]); 6] = [
    ("write", &["EIO", "ENOSPC", "EDQUOT"]),
    ("sync", &["EIO", "ENOSPC", "EDQUOT"]),
    ("rename", &["EIO", "ENOSPC", "EDQUOT", "EROFS"]),
    ("link", &["EIO", "EROFS", "EACCES"]),
    ("dir", &["EIO", "ENOSPC", "EDQUOT", "EROFS"]),
    ("open", &["EIO", "EMFILE", "ENOSPC", "EROFS", "EACCES"]),
];

/// Every `stride`th call of the scenarios, each with one error in turn, once or lasting.
fn series(name: &str, makes: &[Make], names: &str, stride: usize) {
    turns(name, makes, names, stride, 0);
}

fn turns(name: &str, makes: &[Make], names: &str, stride: usize, mut turn: usize) {
    let mut tally = Tally::default();
    for make in makes {
        let scenario = make();
        let calls = trace::calls(&scenario.world, &scenario.step, names);
        for (count, call) in calls.iter().step_by(stride).enumerate() {
            let errors = ERRORS.iter().find(|(part, _)| call.name.contains(part));
            let Some((_, errors)) = errors else { continue };
            turn += 1;
            let (errno, lasting) = (errors[turn % errors.len()], turn / errors.len() % 2 == 1);
            point(&scenario, call, errno, lasting, count % 8 == 0, &mut tally);
        }
    }
    tally.end(name);
}

fn point(
    scenario: &Scenario,
    call: &Call,
    errno: &str,
    lasting: bool,
    further: bool,
    tally: &mut Tally,
) {
    let Scenario { world, step, people, .. } = scenario;
    world.restore();
    let before = queued(world, step.who);
    let output = trace::failed(world, step, call, errno, lasting);
    tally.points += 1;
    tally.hits += usize::from(!output.status.success());
    // Where nothing can be written, nothing can be said either.
    let mute = lasting && call.name == "write";
    let place = if mute { String::new() } else { world.dir().display().to_string() };
    let mut wrong = told(&output, &place);
    let end = End::Ended(output.status.code().unwrap_or(-1));
    wrong.extend(again(scenario, &end, before));
    wrong.extend(world.settle(people));
    wrong.extend(sound(world, &homes(people), &scenario.ledger));
    wrong.extend(scenario.ungrouped());
    if further {
        wrong.extend(still(world, &homes(people)));
    }
    let Call { name, at, line } = call;
    let plus = if lasting { "+" } else { "" };
    tally.add(&format!("{} at {name} {at}{plus} {errno}: {line}", scenario.name), wrong);
}

/// What is wrong with how a command ended whose call had failed. Success is none: an error that
/// cost nothing need not be one.
pub fn told(output: &Output, place: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let said = || format!("ended {}: {}", output.status, text.trim());
    match output.status.code() {
        Some(0) => Vec::new(),
        Some(73..=75 | 77) if text.contains(place) => Vec::new(),
        // The user's own file, which is not there or not readable: EX_NOINPUT.
        Some(66) if text.contains(&format!("cannot open {place}")) => Vec::new(),
        // Whose contact cannot be read, as was warned, is nobody known: EX_NOUSER.
        Some(67) if text.contains(&format!("warning: cannot read {place}")) => Vec::new(),
        _ => vec![said()],
    }
}

#[test]
fn while_writing() {
    series("errors while writing", &scenario::WRITING, WRITING, 1);
}

#[test]
fn while_exchanging() {
    let makes = [&scenario::GOING[..], &scenario::COMING, &scenario::ANSWERED].concat();
    series("errors while exchanging", &makes, WRITING, 2);
}

#[test]
fn while_exchanging_late() {
    let makes = [&scenario::LARGE[..], &scenario::EXPIRED].concat();
    series("errors while exchanging late", &makes, WRITING, 5);
}

#[test]
fn by_hand() {
    let makes = [&scenario::KEYS[..], &scenario::MOVING, &scenario::PEOPLE].concat();
    series("errors by hand", &makes, WRITING, 2);
}

#[test]
fn of_single_messages() {
    let makes = [&scenario::HANDS[..], &scenario::TEXTS].concat();
    series("errors of single messages", &makes, WRITING, 2);
}

#[test]
fn in_a_group() {
    let makes = [&scenario::FOUNDED[..], &scenario::JOINED, &scenario::CHANGED].concat();
    series("errors in a group", &makes, WRITING, 5);
}

#[test]
fn while_opening_files() {
    series("errors while opening files", &scenario::all(), OPENING, 11);
}

/// All calls, each with every error, once and lasting.
#[test]
#[ignore = "make soak"]
fn soak_all() {
    for turn in 0..10 {
        let name = format!("soak: errors, turn {turn}");
        turns(&name, &scenario::all(), &[WRITING, OPENING].join(","), 1, turn);
    }
}
