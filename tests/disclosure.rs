//! Disclosure: an unattended sync publishes the seeds of expired days, late rather than early, and
//! correspondents learn of it (poste-protocol(7), Day keys).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::disclose::{Outcome, Word, disclose};
use poste::client::parties::Parties;
use poste::client::verify::{self, Makers};
use poste::core::card::{Disclosed, SignedCard};
use poste::core::disclosure::disclosed_from;
use poste::core::time::{DAY, HOUR};
use world::{Person, RELAY, World, acquainted};

const HOST: &str = "https://host.example/alice.toml";

/// What the published card of alice's discloses.
fn published(world: &World) -> Option<Disclosed> {
    let documents = world.documents.lock().unwrap();
    SignedCard::parse(&documents[HOST]).unwrap().disclosed
}

fn makers(person: &Person<'_>, text: &str) -> Makers {
    let message = person.messages("alice").into_iter().find(|m| m.ends_with(text)).unwrap();
    let judge = |env: &mut poste::client::env::Env<'_>| {
        let parties = Parties::load(env)?;
        verify::verify(env, &parties, message.as_bytes())
    };
    person.with(judge).unwrap().makers
}

#[test]
fn a_sync_discloses_by_itself_from_two_oclock_on_the_day_after_the_next() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let today = world.now().day();
    assert_eq!(makers(&bob, "welcome\n"), Makers::Either);
    while world.now() < disclosed_from(today) {
        alice.sync();
        assert!(published(&world).is_none(), "early, at {}", world.now().iso());
        world.pass(HOUR);
    }
    alice.sync();
    let disclosed = published(&world).expect("a seed");
    assert_eq!(disclosed.date, today);
    assert!(disclosed.seed.day_key(today).public() == alice.card().card.day_key(today).unwrap());
    // A letter brings it to bob, and it costs no cell.
    alice.send("bob", "news");
    alice.sync();
    bob.sync();
    assert_eq!(bob.contact("alice").held_day(), Some(today));
    assert_eq!(makers(&bob, "welcome\n"), Makers::Anyone);
    assert_eq!(makers(&bob, "news\n"), Makers::Either);
    world.pass(DAY);
    alice.sync();
    assert_eq!(published(&world).unwrap().date, today.plus(1), "and so each day");
}

#[test]
fn one_lying_server_delays_disclosure_by_three_days_at_most() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let today = world.now().day();
    // Bob says that he listens on a relay whose clock is wrong, and alice posts there.
    let wrong = "https://wrong.example";
    let carol = Person::new(&world, "carol", 3, &[wrong]);
    alice.add("carol", &carol);
    world.relay(wrong).lock().unwrap().skew = 5 * HOUR as i64;
    world.relay("https://third.example").lock().unwrap().skew = 0;
    world.pass(2 * DAY);
    let begun = world.now();
    let mut held = Vec::new();
    for hour in 0..5 * 24 {
        if hour % 12 == 0 {
            alice.send("carol", "hello");
        }
        let report = alice.sync();
        held.extend(report.warning);
        if published(&world).is_some() {
            break;
        }
        world.pass(HOUR);
    }
    let disclosed = published(&world).expect("a seed, in the end");
    assert!(disclosed.date > today);
    let late = world.now().since(begun);
    assert!((2 * DAY..=3 * DAY + 2 * HOUR).contains(&late), "{late} seconds late");
    drop(bob);
}

#[test]
fn no_wrong_clock_discloses_early() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    let today = world.now().day();
    // The clock jumps ahead: the relay contradicts it.
    alice.skew.set(10 * DAY as i64);
    alice.sync();
    assert!(published(&world).is_none());
    // Nobody is heard who could.
    world.relay(RELAY).lock().unwrap().silent = true;
    alice.sync();
    assert!(published(&world).is_none());
    let trusting = alice.with(|env| {
        env.config.trust_clock = true;
        disclose(env, Word::default())
    });
    assert!(!matches!(trusting.unwrap(), Outcome::Disclosed(_)), "the configuration is not enough");
    alice.skew.set(0);
    world.relay(RELAY).lock().unwrap().silent = false;
    world.pass(DAY);
    alice.sync();
    assert!(published(&world).is_none());
    world.pass(DAY);
    alice.sync();
    assert_eq!(published(&world).map(|d| d.date), Some(today), "and then it goes on");
}

#[test]
fn after_a_long_gap_the_users_word_is_needed() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    world.pass(50 * DAY);
    alice.publish();
    let report = alice.sync();
    assert!(published(&world).is_none());
    assert!(report.warning.is_some_and(|text| text.contains("--force")));
    let word = Word { force: true, ..Word::default() };
    let outcome = alice.with(|env| disclose(env, word)).unwrap();
    assert!(matches!(outcome, Outcome::Disclosed(_)), "{outcome:?}");
    alice.sync();
    assert!(published(&world).is_some());
}

#[test]
fn what_is_not_posted_is_not_disclosed() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    world.pass(3 * DAY);
    alice.with(|env| {
        let mut progress = poste::store::progress::Progress::load(env.home.places()).unwrap();
        progress.published = Default::default();
        progress.save(env.home.places()).unwrap();
        assert_eq!(disclose(env, Word::default()).unwrap(), Outcome::Nothing);
    });
}
