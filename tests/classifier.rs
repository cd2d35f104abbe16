//! Whoever has no key cannot tell mail from cover: a logistic regression over bytes and pairs of
//! bytes, which learns from one half of 20,000 cells and is asked about the other, is right as often
//! as a coin, for all kinds together and for each alone; and so are the six simple classifiers of
//! the blind trial. `alike.rs` counts what can be counted; this learns what nobody thought of.
//!
//! The first 12 bits of a cell show its addressee's listen digits, by design. So cells go to people
//! all over a town, and never two to one: whom somebody writes to shows over many linked cells, as
//! poste-protocol(7) says, and not in what a cell looks like.
//!
//! Everything is drawn from fixed seeds but what the `age` crate draws inside of what is sealed. By
//! chance a measure leaves its bounds once in a million times.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the keys of authors are all that is used of it")]
#[path = "no_seed/cast.rs"]
mod cast;
#[path = "classifier/cells.rs"]
mod cells;
#[path = "trial/classify.rs"]
mod classify;
#[path = "classifier/regression.rs"]
mod regression;
#[path = "trial/texts.rs"]
mod texts;
mod world;

use cells::{Post, REAL, Sort};
use classify::{Sample, accuracies};
use poste::core::cell::Cell;
use poste::core::random::shuffle;
use rayon::prelude::*;
use regression::{Judge, auc};
use world::Dice;

/// Cells of either side.
const CELLS: usize = 10_000;
/// How far from a coin's 0.5 the area under the curve may be: nearly five standard deviations.
const FAR: f64 = 0.02;
/// The same for the share of 10,000 right answers: five standard deviations.
const FAR_RIGHT: f64 = 0.025;

fn as_made(_: usize, _: &mut Cell) {}

/// The area under the curve, each half held out in turn.
fn told_apart(real: &[Cell], cover: &[Cell]) -> f64 {
    let (a, b) = (real.split_at(real.len() / 2), cover.split_at(cover.len() / 2));
    let halves = [(a.0, b.0, a.1, b.1), (a.1, b.1, a.0, b.0)];
    let held_out = |(real, cover, new_real, new_cover): &(&[Cell], &[Cell], &[Cell], &[Cell])| {
        let judge = Judge::train(real, cover);
        auc(&judge.scores(new_real), &judge.scores(new_cover))
    };
    halves.par_iter().map(held_out).sum::<f64>() / 2.0
}

#[test]
fn no_kind_is_told_from_cover_by_what_can_be_learnt() {
    let post = Post::new();
    let cover = post.cells(&[Sort::Cover], CELLS, as_made);
    let mut wrong = Vec::new();
    for sorts in [&REAL[..], &REAL[..1], &REAL[1..2], &REAL[2..3], &REAL[3..]] {
        let real = post.cells(sorts, CELLS, as_made);
        let area = told_apart(&real, &cover);
        println!("{sorts:?}: {area:.3}");
        if (area - 0.5).abs() > FAR {
            wrong.push(format!("{sorts:?}: {area:.3}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is done to each cell in what is planted.
mod plant {
    use super::Cell;

    pub fn zero(_: usize, cell: &mut Cell) {
        cell[4000] = 0;
    }

    /// A bit of the destination, in three cells of four.
    pub fn bit(number: usize, cell: &mut Cell) {
        if !number.is_multiple_of(4) {
            cell[9] |= 1 << 3;
        }
    }

    /// The top bit of the point, as random bytes have it.
    pub fn point(number: usize, cell: &mut Cell) {
        cell[47] |= (number as u8 & 1) << 7;
    }

    /// A zero in 500 bytes, anywhere.
    pub fn zeros(number: usize, cell: &mut Cell) {
        let places = (number % 500..cell.len()).step_by(500);
        places.filter(|at| *at >= 48).for_each(|at| cell[at] = 0);
    }

    /// Ends of lines, anywhere.
    pub fn lines(number: usize, cell: &mut Cell) {
        let places = (50 + number % 900..4095).step_by(900);
        places.for_each(|at| cell[at..at + 2].copy_from_slice(b"\r\n"));
    }
}

#[test]
fn what_is_planted_is_learnt() {
    /// What it is, how it is done, and the area that must be reached.
    type Planted = (&'static str, fn(usize, &mut Cell), f64);
    let planted: [Planted; 5] = [
        ("a byte is always 0", plant::zero, 0.95),
        ("a bit of the destination is mostly set", plant::bit, 0.64),
        ("the points are random bytes", plant::point, 0.7),
        ("a byte of 500 is 0", plant::zeros, 0.88),
        ("some lines end", plant::lines, 0.95),
    ];
    let post = Post::new();
    let count = CELLS / 2;
    let cover = post.cells(&[Sort::Cover], count, as_made);
    let mut wrong = Vec::new();
    for (what, plant, least) in planted {
        let area = told_apart(&post.cells(&REAL, count, plant), &cover);
        println!("{what}: {area:.3}");
        if area < least {
            wrong.push(format!("{what}: {area:.3}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_simple_classifiers_are_no_better_than_a_coin() {
    let post = Post::new();
    let sample = |cell: &Cell, genuine| {
        let numbers = cell[..48].iter().map(|byte| f64::from(*byte));
        let body = cell[48..].iter();
        let ones: u32 = body.clone().map(|byte| byte.count_ones()).sum();
        let zeros = body.filter(|byte| **byte == 0).count() as f64;
        let numbers = numbers.chain([f64::from(ones), zeros]).collect();
        Sample { bytes: cell.to_vec(), numbers, genuine }
    };
    let play = |count: usize, plant: fn(usize, &mut Cell)| {
        let real = post.cells(&REAL, count, plant);
        let cover = post.cells(&[Sort::Cover], count, as_made);
        let real = real.iter().map(|cell| sample(cell, true));
        let mut samples: Vec<Sample> =
            real.chain(cover.iter().map(|cell| sample(cell, false))).collect();
        shuffle(&mut Dice(3), &mut samples);
        let test = samples.split_off(count);
        accuracies(&samples, &test)
    };
    let played = play(CELLS, as_made);
    assert_eq!(played.len(), 6);
    assert!(played.iter().all(|(_, right)| (right - 0.5).abs() <= FAR_RIGHT), "{played:?}");
    let found = play(CELLS / 5, |_, cell| cell[3] |= 128);
    assert!(found[3..].iter().all(|(_, right)| *right > 0.62), "{found:?}");
}

#[test]
fn the_area_is_counted_right() {
    assert_eq!(auc(&[2.0, 3.0], &[0.0, 1.0]), 1.0);
    assert_eq!(auc(&[0.0, 1.0], &[2.0, 3.0]), 0.0);
    assert_eq!(auc(&[1.0; 3], &[1.0; 5]), 0.5);
    assert_eq!(auc(&[1.0, 3.0], &[0.0, 2.0]), 0.75);
}
