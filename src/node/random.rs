//! The system's random numbers, for what the node draws: which volunteers it names.

use crate::core::random::Random;

/// The system's generator. Ends the program if there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Random for System {
    fn fill(&mut self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}
