//! No forgery without the seed is accepted, and every one with it is: attackers drawn at random, who
//! have the cards, all seeds that are public at the time, a stolen series that was given up, the
//! keys of other pairs, and genuine messages to change (poste-protocol(7), Day keys and
//! Authentication). What arrives is never authentic; what lies in a tree verifies if, and only if,
//! whoever made it had the seed of its day or of a later one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "no_seed/cast.rs"]
mod cast;
mod world;

use cast::{Attack, Cast, Keys, Source, attack, public_at};
use poste::client::arrive::{self, Outcome};
use poste::client::desk::Desk;
use poste::client::parties::Parties;
use poste::client::verify::{Answer, Makers, verify_by_cards};
use poste::core::filed::Filed;
use poste::core::judge::{Arrival, Author, Reader, Verdict, judge};
use poste::core::letter::Letter;
use poste::core::party::Party;
use poste::core::time::{DAY, Day, HOUR};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use world::{World, acquainted};

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn only_who_has_the_seed_makes_what_verifies() {
    let renewed: Day = "2026-11-12".parse().unwrap();
    let (sign, alice) = Keys::new(1, &[renewed, renewed.minus(60)]);
    let (bobs, bob) = Keys::new(2, &[renewed.minus(50)]);
    let (_, carol) = Keys::new(3, &[renewed.minus(50)]);
    let cast = Cast { alice, bob, carol };
    let (accepted, refused) = (RefCell::new(0), RefCell::new(0));
    runner(2200)
        .run(&attack(), |attack| {
            let now = renewed.start() + 12 * HOUR + attack.at;
            let day = match attack.day {
                ago @ ..0 => now.day().minus(ago.unsigned_abs() as u32),
                later => now.day().plus(later as u32),
            };
            let (key, has_seed) = cast.key(&attack, now, day);
            let [letter, filed] = cast.forged(&attack, day, &key);
            let reader = Reader { sign: cast.bob.sign, dh: cast.bob.dh() };
            if let Some(Ok(letter)) = letter.as_deref().map(Letter::read) {
                let listed = cast.alice.series[0].1.day_key(letter.control.day);
                let day_key = listed.map(|secret| secret.public());
                // Whatever of the disclosures bob has heard.
                for held in [None, Some(public_at(now).minus(1)), Some(public_at(now))] {
                    let author = Author { sign: cast.alice.sign, day_key, held };
                    let arrival = Arrival { stored: now, clock_is_good: true };
                    let verdict = judge(&letter, &author, &reader, arrival);
                    prop_assert_ne!(verdict, Verdict::Authentic);
                }
            }
            let Some(filed) = filed else { return Ok(()) };
            let cards = (cast.alice.card(&sign, now), cast.bob.card(&bobs, now));
            let truth = cast.is_genuine(&filed);
            prop_assert!(!truth || has_seed, "made without the seed");
            if attack.changes.is_empty() {
                prop_assert_eq!(truth, has_seed);
            }
            let public = verify_by_cards(&cards.0, &cards.1, &filed);
            let public = public.map(|verdict| (verdict.holds, verdict.makers));
            if truth && public_seed(&attack) {
                prop_assert_eq!(public.unwrap(), (Answer::Yes, Makers::Anyone));
                *accepted.borrow_mut() += 1;
            } else if !truth {
                prop_assert!(!matches!(public, Ok((Answer::Yes, _))));
                *refused.borrow_mut() += 1;
            }
            let (begun, chain, dh) = &cast.bob.series[0];
            let (party, number) = (Party::of_card(&cards.1.card, None), begun.start() + 12 * HOUR);
            let own = party.and_secrets(number, dh, chain.last(), chain.last_seed());
            let known = Party::of_card(&cards.0.card, cards.0.disclosed.as_ref());
            let bob = Parties::of([known, own]);
            let holds = Filed::read(&filed).ok().and_then(|filed| bob.holds(&filed));
            prop_assert!(holds != Some(true) || truth, "bob is deceived");
            Ok(())
        })
        .unwrap();
    let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
    assert!(accepted > 150 && refused > 1000, "{accepted} accepted, {refused} refused");
}

fn public_seed(attack: &Attack) -> bool {
    matches!(attack.source, Source::Public(_))
}

#[test]
fn nothing_that_arrives_so_is_filed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = world::Person::new(&world, "carol", 3, &[]);
    bob.add("carol", &carol);
    for _ in 0..4 {
        world.pass(DAY);
        [&alice, &bob].into_iter().for_each(|who| drop(who.sync()));
    }
    assert!(bob.contact("alice").held_day().is_some(), "something is disclosed");
    let keys = |person: &world::Person<'_>| {
        let (card, transit) = (person.card().card, person.transit());
        let chain = transit.chain().until(world.now().day().plus(10)).unwrap();
        Keys { sign: card.sign, series: vec![(card.series.day(), chain, transit.series.dh)] }
    };
    let cast = Cast { alice: keys(&alice), bob: keys(&bob), carol: keys(&carol) };
    let now = world.now();
    let before = bob.list(None).len();
    let tried = RefCell::new(0);
    runner(300)
        .run(&attack(), |attack| {
            let day = match attack.day {
                ago @ ..0 => now.day().minus(ago.unsigned_abs() as u32),
                later => now.day().plus(later as u32),
            };
            let (key, _) = cast.key(&attack, now, day);
            let [Some(letter), _] = cast.forged(&attack, day, &key) else { return Ok(()) };
            let arrival = Arrival { stored: now, clock_is_good: true };
            let outcome = bob.with(|env| {
                let mut desk = Desk::open(env).unwrap();
                arrive::take(env, &mut desk, &letter, arrival).unwrap()
            });
            let kept = matches!(
                outcome,
                Outcome::Dropped(_) | Outcome::Quarantined { .. } | Outcome::Waiting
            );
            prop_assert!(kept, "{outcome:?}");
            *tried.borrow_mut() += usize::from(matches!(outcome, Outcome::Quarantined { .. }));
            Ok(())
        })
        .unwrap();
    assert_eq!(bob.list(None).len(), before, "but for the quarantine");
    assert!(tried.into_inner() > 150);
    // And the measure itself: what alice does write arrives.
    let genuine = alice.letter(&bob, now.day(), "Subject: y\n\nyes\n", |_| {});
    let outcome = bob.with(|env| {
        let mut desk = Desk::open(env).unwrap();
        arrive::take(env, &mut desk, &genuine, Arrival { stored: now, clock_is_good: true })
    });
    assert!(matches!(outcome.unwrap(), Outcome::Filed { .. }));
}
