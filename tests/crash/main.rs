//! What is left of a home when the real programs are killed, refused by the system or cut off from
//! power at any call: nothing is lost, nothing shown twice, nothing torn, and the next run mends
//! what is left half done. `kill` and `errors` go through the calls of the commands in `scenario`,
//! which are those that change a home but `card end`, `cover`, `group add`, `group keeper`, `unlock`
//! and `lock`; `watch` syncs, and `show` marks. `compose`, `reply` and `drafts` are killed in
//! tests/cli_write.rs, `view` in tests/view_crash.rs. `node` goes through the calls of `posted`,
//! `full` fills small filesystems, `power` cuts loop-mounted ones off.
//! The tests that are ignored are the long ones of `make soak`. Figures go to standard output.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that meets an error failed")]

mod check;
mod errors;
mod full;
mod kill;
mod mount;
mod node;
mod power;
mod scenario;
mod talk;
mod trace;
mod world;

#[path = "../common/programs.rs"]
mod programs;
#[path = "../node/mod.rs"]
mod relay;
