//! Scenarios of a home that moves: into an archive, and up again out of one.

use super::{Again, Make, QUIET, Scenario, World, ledger, ready};
use std::fs;

/// Out and in.
pub const MOVING: [Make; 2] = [export, import];

fn export() -> Scenario {
    let world = World::acquainted();
    let args = ["export", "--keys", "-o", &world.path("bob.tar")];
    ready("export --keys", world, "bob", &args, b"", Again::Or(73), QUIET, ledger(&[]))
}

fn import() -> Scenario {
    let world = World::acquainted();
    let archive = world.path("bob.tar");
    let bob = world.home("bob");
    bob.ok(&["export", "--keys", "-o", &archive]);
    fs::remove_dir_all(bob.dir).unwrap();
    let args = ["init", "--import", &archive];
    ready("init --import", world, "bob", &args, b"", Again::Or(73), QUIET, ledger(&[]))
}
