//! What the measurements share: pairs of runs in turns, their medians, and one line for each
//! result. A ratio is speed against the peer's: 1.00 is as fast, 0.50 takes twice as long.
//! Measures nothing itself.
#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(clippy::print_stdout, reason = "a measurement prints")]
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

pub mod http;
pub mod nginx;

use poste::core::random::Random;
use poste::core::time::Time;
use std::time::{Instant, SystemTime};

/// Whether to measure: `cargo test --all-targets` runs these programs too, and is not the place.
pub fn wanted() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// The head of a table.
pub fn head(title: &str) {
    println!("\n{title}");
    println!(
        "  {:<44} {:>10} {:<10} {:<40} {:>10} {:>6}",
        "what", "value", "unit", "against", "value", "ratio"
    );
}

/// Seconds of two ways to do the same, run in turns.
#[derive(Default)]
pub struct Pairs {
    /// This program's.
    pub ours: Vec<f64>,
    /// The peer's.
    pub peer: Vec<f64>,
}

impl Pairs {
    /// Runs both `count` times; which goes first changes from turn to turn.
    pub fn run(count: usize, mut ours: impl FnMut(), mut peer: impl FnMut()) -> Pairs {
        let mut pairs = Pairs::default();
        for turn in 0..count {
            if turn % 2 == 1 {
                pairs.peer.push(seconds(&mut peer));
            }
            pairs.ours.push(seconds(&mut ours));
            if turn % 2 == 0 {
                pairs.peer.push(seconds(&mut peer));
            }
        }
        pairs
    }

    /// The median of the turns' ratios of speed.
    pub fn ratio(&self) -> f64 {
        median(self.peer.iter().zip(&self.ours).map(|(peer, ours)| peer / ours))
    }

    /// A line of what is done per second: each run did `work` of `unit`.
    pub fn rate(&self, what: &str, work: f64, unit: &str, peer: &str) {
        let of = |times: &[f64]| work / median(times.iter().copied());
        line(what, of(&self.ours), unit, Some((peer, of(&self.peer), self.ratio())));
    }

    /// A line of the time that one takes: each run did `times`.
    pub fn time(&self, what: &str, times: usize, peer: &str) {
        let of = |all: &[f64]| median(all.iter().copied()) / times as f64 * 1e6;
        line(what, of(&self.ours), "us", Some((peer, of(&self.peer), self.ratio())));
    }
}

/// One line: name, value, unit, and the peer with its value and the ratio.
pub fn line(what: &str, value: f64, unit: &str, peer: Option<(&str, f64, f64)>) {
    match peer {
        Some((peer, theirs, ratio)) => println!(
            "  {what:<44} {:>10} {unit:<10} {peer:<40} {:>10} {ratio:>6.2}",
            digits(value),
            digits(theirs)
        ),
        None => println!("  {what:<44} {:>10} {unit}", digits(value)),
    }
}

/// The middle one of the values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds that `work` takes.
pub fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let began = Instant::now();
    std::hint::black_box(work());
    began.elapsed().as_secs_f64()
}

/// The time.
pub fn now() -> Time {
    Time::from_unix(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs())
}

/// Bytes that nothing makes smaller, always the same.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    words.take(length / 8).flatten().collect()
}

/// Three digits that matter, no exponent.
fn digits(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The system's random numbers.
pub struct System;

impl Random for System {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has random numbers");
    }
}
