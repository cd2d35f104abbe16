//! Who watches the clock: somebody who sees when a person posts, but neither whose which cell is nor
//! what is in the requests (the wire, and the buckets that anybody can fetch). It compares, for each
//! of the person's nodes and digits, the cells that came in the hours in which the person posted
//! with those of the other hours, and names the digits that gain most.
//!
//! A machine is on in half of the hours, at random. Without pace, one posts when there is mail.

use super::dice::Dice;
use super::linked::shares;
use super::town::{Rhythm, Town};

/// After how many weeks the observer is asked.
pub const WEEKS: [u64; 5] = [1, 4, 13, 26, 52];
const DIGITS: usize = 16;
const WEEK: f64 = 168.0;

/// What is simulated: everybody has one listen digit.
#[derive(Clone, Copy)]
pub struct Habit {
    pub paced: bool,
    /// Real cells that a person has to post in a day, on average.
    pub cells: f64,
}

/// Cells at a node and digit in hours of one kind.
type Seen = Vec<f64>;

/// In what share of cases the digits named are those of the contact that is written to most.
pub fn simulate(town: &Town, rhythm: &Rhythm, habit: Habit, people: u64) -> [f64; WEEKS.len()] {
    let mut right = [0.0; WEEKS.len()];
    let mut ring = Vec::new();
    for person in 0..people {
        let mut dice = Dice::new(town.seed, person << 1 | u64::from(habit.paced));
        town.ring(person, &mut ring);
        let on = hours_on(habit);
        let (mut with, mut without): (Seen, Seen) =
            (vec![0.0; ring.len() * DIGITS], vec![0.0; ring.len() * DIGITS]);
        let background = background(town, rhythm, habit) / DIGITS as f64;
        let cover = if habit.paced { cover(rhythm, habit, ring.len()) } else { 0.0 };
        for week in 1..=WEEKS[WEEKS.len() - 1] {
            for (with, without) in with.iter_mut().zip(&mut without) {
                *with += dice.poisson((background * on) * WEEK + cover / DIGITS as f64 * WEEK);
                *without += dice.poisson(background * (1.0 - on) * WEEK);
            }
            for (contact, share) in town.contacts(person).zip(shares()) {
                let digit = town.prefix(contact) >> 8;
                for node in town.listens(contact) {
                    let place = ring.binary_search(&node).unwrap_or_default();
                    with[place * DIGITS + digit] += dice.poisson(habit.cells * 7.0 * share / 2.0);
                }
            }
            if let Some(at) = WEEKS.iter().position(|asked| *asked == week) {
                let favourite = town.contacts(person).next().unwrap_or_default();
                let guess = guess(&with, &without, on);
                right[at] += f64::from(u8::from(guess == town.prefix(favourite) >> 8));
            }
        }
    }
    right.map(|right| right / people as f64)
}

/// The share of hours in which a person posts.
fn hours_on(habit: Habit) -> f64 {
    if habit.paced { 0.5 } else { 1.0 - (-habit.cells / 24.0).exp() }
}

/// Cells that come to a node in an hour from all others.
fn background(town: &Town, rhythm: &Rhythm, habit: Habit) -> f64 {
    let each = match habit.paced {
        true => hours_on(habit) * (rhythm.pace * rhythm.visits * rhythm.syncs) as f64,
        false => habit.cells / 24.0,
    };
    (town.people - 1) as f64 * each / town.nodes as f64
}

/// Cells of cover that a person posts to a node of its ring in an hour, on average.
fn cover(rhythm: &Rhythm, habit: Habit, ring: usize) -> f64 {
    let posted = hours_on(habit) * (rhythm.pace * rhythm.visits * rhythm.syncs) as f64;
    (posted - habit.cells / 24.0).max(0.0) / ring as f64
}

/// The digits that gain most, against the others of their node, which the time of day, the crowd
/// and the person's own cover raise alike.
fn guess(with: &[f64], without: &[f64], on: f64) -> usize {
    let mut best = (f64::MIN, 0);
    for (with, without) in with.chunks(DIGITS).zip(without.chunks(DIGITS)) {
        let mean = |seen: &[f64]| seen.iter().sum::<f64>() / DIGITS as f64;
        let ratio = on / (1.0 - on);
        let deviation = (mean(with) + ratio * ratio * mean(without)).sqrt().max(1e-9);
        let (base_with, base_without) = (mean(with), mean(without));
        for digit in 0..DIGITS {
            let gain = with[digit] - base_with - ratio * (without[digit] - base_without);
            if gain / deviation > best.0 {
                best = (gain / deviation, digit);
            }
        }
    }
    best.1
}

/// Weeks until the favourite's digits stand out by three standard deviations.
pub fn weeks_to_stand_out(town: &Town, rhythm: &Rhythm, habit: Habit) -> f64 {
    let on = hours_on(habit);
    let real = habit.cells * 7.0 * shares()[0] / 2.0;
    let noise = background(town, rhythm, habit) / DIGITS as f64 * WEEK;
    // What comes in the other hours is scaled up to the hours that count.
    9.0 * (noise * on + noise * on * on / (1.0 - on) + real) / (real * real)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Rhythm = Rhythm { pace: 4, visits: 3, syncs: 2 };
    const TOWN: Town = Town { people: 100, nodes: 3, seed: 6 };

    #[test]
    fn a_gain_is_found_and_nothing_else_is() {
        let mut with = vec![100.0; 32];
        let without = vec![100.0; 32];
        with[16..].fill(180.0);
        with[7] += 40.0;
        assert_eq!(guess(&with, &without, 0.5), 7, "a node that is fuller in these hours is none");
        let none = simulate(&TOWN, &RHYTHM, Habit { paced: true, cells: 0.0 }, 300);
        assert!(none.iter().all(|share| *share < 0.12), "{none:?}");
    }

    #[test]
    fn the_time_it_takes_is_as_computed() {
        let bare = Habit { paced: false, cells: 12.0 };
        let weeks = weeks_to_stand_out(&TOWN, &RHYTHM, bare);
        assert!((1.0..13.0).contains(&weeks), "{weeks}");
        let found = simulate(&TOWN, &RHYTHM, bare, 300);
        assert!(found[0] < 0.7 && found[4] > 0.7, "{weeks} {found:?}");
        // Four times the town, with as many nodes, takes about four times as long.
        let larger = weeks_to_stand_out(&Town { people: 40_000, ..TOWN }, &RHYTHM, bare);
        assert!(
            (larger / weeks_to_stand_out(&Town { people: 10_000, ..TOWN }, &RHYTHM, bare) - 4.0)
                .abs()
                < 0.1
        );
        let paced = Habit { paced: true, ..bare };
        assert!(weeks_to_stand_out(&TOWN, &RHYTHM, paced) > 10.0 * weeks);
        let found = simulate(&TOWN, &RHYTHM, paced, 300);
        assert!(found[2] < 0.4, "{found:?}");
    }
}
