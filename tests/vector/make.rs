//! Making every vector. Each broken one starts from a good one and breaks one rule, and whatever
//! is above that rule (MAC, seal or signature) is made right over it, so that a reader that does
//! not know the rule takes it.

mod card;
mod cell;
mod filed;
pub mod group;
mod letter;
mod report;
mod small;

use super::Vector;

/// All vectors.
pub fn all() -> Vec<Vector> {
    let mut all = Vec::new();
    all.extend(small::chain());
    all.extend(small::auth());
    all.extend(small::stamp());
    all.extend(small::bucket());
    all.extend(small::words());
    all.extend(small::point());
    all.extend(card::good());
    all.extend(card::text_and_trailer());
    all.extend(card::fields());
    all.extend(card::readers());
    all.extend(letter::good());
    all.extend(letter::first_lines());
    all.extend(letter::controls());
    all.extend(group::bad());
    all.extend(letter::macs());
    all.extend(filed::all());
    all.extend(group::states());
    all.extend(cell::good());
    all.extend(cell::not_ours());
    all.extend(cell::broken());
    all.extend(report::all());
    all
}
