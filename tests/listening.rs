//! Listen digits by budget (poste-files(5), listen_budget): a busy town lengthens the prefix and a
//! quiet one shortens it, by what the home itself has fetched, and no letter is lost on the way.

#![allow(clippy::unwrap_used)]

mod world;

use poste::client::{listen, own, status};
use poste::core::bucket::{Bucket, CELL, Class};
use poste::core::random::Random;
use poste::core::time::{DAY, HOUR};
use world::{Dice, Person, RELAY, World, acquainted};

/// Puts cells of others at the digits of `person` into the open hourly bucket.
fn crowd(world: &World, person: &Person, cells: usize, dice: &mut Dice) {
    let digits = card(person).listen;
    let relay = world.relay(RELAY);
    let mut relay = relay.lock().unwrap();
    let bucket = relay.buckets.entry(Bucket::at(Class::Hourly, world.now())).or_default();
    for _ in 0..cells {
        let mut cell = [0; CELL];
        dice.fill(&mut cell);
        let mut destination: [u8; 16] = cell[..16].try_into().unwrap();
        digits.write_to(&mut destination);
        cell[..16].copy_from_slice(&destination);
        bucket.push(cell);
    }
}

fn card(person: &Person) -> poste::core::card::Card {
    person.with(|env| own::load(env)).unwrap().card
}

/// How many digits are asked for.
fn fetched(person: &Person) -> usize {
    person.with(|env| listen::prefix(env, &own::load(env)?.card)).unwrap().len()
}

#[test]
fn a_busy_town_lengthens_the_prefix_and_no_letter_is_lost() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    (alice.config.listen_budget, alice.config.listen_max) = (1, 2);
    bob.config.pace = 0;
    let dice = &mut Dice(7);
    for day in 0..4 {
        assert_eq!((card(&alice).listen.len(), fetched(&alice)), (1, 1), "day {day}");
        crowd(&world, &alice, 150, dice);
        for _ in 0..2 {
            alice.sync();
            world.pass(HOUR);
        }
        world.pass(DAY - 2 * HOUR);
    }
    alice.sync();
    assert_eq!(card(&alice).listen.len(), 2, "three days over the budget");
    assert_eq!(fetched(&alice), 1, "bob does not know");

    // By the old card the second digit is random.
    for n in 0..20 {
        bob.send("alice", &format!("to the shorter prefix {n}"));
    }
    let known = bob.contact("alice").card.card.listen;
    assert_eq!(known.len(), 1);
    bob.sync();
    alice.sync();
    assert_eq!(alice.bodies("bob").iter().filter(|s| s.contains("shorter prefix")).count(), 20);
    for _ in 0..3 {
        world.pass(HOUR);
        bob.sync();
        alice.sync();
    }
    assert_eq!(bob.contact("alice").card.card.listen.len(), 2);
    assert_eq!(fetched(&alice), 2, "everybody knows");
    bob.send("alice", "to the longer prefix");
    bob.sync();
    alice.sync();
    assert!(alice.bodies("bob").concat().contains("to the longer prefix"));
}

#[test]
fn who_never_hears_of_it_may_write_for_31_days() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    (alice.config.listen_budget, alice.config.listen_max) = (1, 2);
    let dice = &mut Dice(7);
    for _ in 0..4 {
        crowd(&world, &alice, 300, dice);
        alice.sync();
        world.pass(DAY);
    }
    alice.sync();
    assert_eq!((card(&alice).listen.len(), fetched(&alice)), (2, 1));
    world.pass(29 * DAY);
    bob.send("alice", "after a long sleep");
    bob.sync();
    assert_eq!(fetched(&alice), 1);
    world.pass(2 * DAY);
    assert_eq!(fetched(&alice), 2);
}

#[test]
fn a_quiet_town_gives_digits_back_with_the_next_card() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.listen_max = 1;
    for _ in 0..9 {
        alice.sync();
        world.pass(DAY);
    }
    assert_eq!(card(&alice).listen.len(), 0, "the card was a week old");
    assert_eq!(bob.contact("alice").card.card.listen.len(), 1);
    bob.send("alice", "to the old digit");
    bob.sync();
    alice.sync();
    assert!(alice.bodies("bob").concat().contains("to the old digit"));
    let shown = alice.with(|env| status::status(env)).unwrap();
    assert_eq!(shown.listen, "");
}

#[test]
fn status_shows_cost_and_crowd() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let shown = || alice.with(|env| status::status(env)).unwrap();
    assert_eq!((shown().listen_bytes, shown().listen_crowd), (None, None));
    // What 50 homes receive in a day, in one hour; the bucket is fetched open, then closed.
    crowd(&world, &alice, 50 * 312, &mut Dice(3));
    alice.sync();
    world.pass(HOUR);
    alice.sync();
    world.pass(DAY);
    alice.sync();
    assert_eq!(shown().listen_crowd, Some(50));
    let bytes = shown().listen_bytes.unwrap();
    assert!((2 * 50 * 312 * 4096..2 * 51 * 312 * 4096).contains(&bytes), "{bytes}");
}
