//! A small filesystem that is full at some moment of a command: one page more of room each time, or
//! one inode. Then room is made, the command is run again, and everything must be as if nothing
//! had happened.

use crate::check::{sound, still};
use crate::errors::told;
use crate::kill::{Tally, again, homes};
use crate::mount::{Mounted, run};
use crate::scenario::{self, Make, Scenario, queued};
use crate::trace::End;

/// Bytes of a page of tmpfs.
const PAGE: u64 = 4096;
/// More than anybody here needs.
const AMPLE: &str = "size=64m,nr_inodes=100000";

/// Runs the scenarios with room for so many more pages, and so many more inodes.
fn series(name: &str, makes: &[Make], pages: u64, inodes: u64) {
    let mut tally = Tally::default();
    for make in makes {
        let scenario = make();
        let at = scenario.world.dir();
        let Some(_small) = Mounted::new(&at, &["-t", "tmpfs", "-o", AMPLE, "tmpfs"]) else {
            return;
        };
        for room in 0..pages {
            point(&scenario, (room, 100_000), &mut tally);
        }
        for room in 0..inodes {
            point(&scenario, (16_384, room), &mut tally);
        }
    }
    assert!(tally.hits > tally.points / 4, "the room was hardly ever too small: {tally}");
    tally.end(name);
}

fn point(scenario: &Scenario, (pages, inodes): (u64, u64), tally: &mut Tally) {
    let Scenario { world, step, people, .. } = scenario;
    let at = world.dir();
    let remount = |options: &str| {
        run("mount", &["-o", &format!("remount,{options}"), at.to_str().unwrap()]);
    };
    remount(AMPLE);
    world.restore();
    let used = rustix::fs::statvfs(&at).unwrap();
    // A size of 0 would be no limit at all.
    let size = (used.f_blocks - used.f_bfree + pages).max(1) * PAGE;
    let nodes = used.f_files - used.f_ffree + inodes;
    remount(&format!("size={size},nr_inodes={nodes}"));
    let before = queued(world, step.who);
    let output = world.run(step);
    tally.points += 1;
    tally.hits += usize::from(!output.status.success());
    let mut wrong = told(&output, &at.display().to_string());
    remount(AMPLE);
    let end = End::Ended(output.status.code().unwrap_or(-1));
    wrong.extend(again(scenario, &end, before));
    wrong.extend(world.settle(people));
    wrong.extend(sound(world, &homes(people), &scenario.ledger));
    wrong.extend(scenario.ungrouped());
    wrong.extend(still(world, &homes(people)));
    tally.add(&format!("{} with {pages} pages and {inodes} inodes", scenario.name), wrong);
}

const SENDING: [Make; 2] = [scenario::WRITING[0], scenario::GOING[0]];

#[test]
fn while_sending() {
    series("full while sending", &SENDING, 8, 4);
}

#[test]
fn while_receiving() {
    series("full while receiving", &scenario::COMING, 9, 4);
}

#[test]
#[ignore = "make soak"]
fn soak_all() {
    series("soak: full", &scenario::all(), 16, 10);
}
