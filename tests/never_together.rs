//! Two machines that are never on in the same hour: with the usual pace, what they write reaches
//! the other by the daily exchange alone, long letters and files too, once, and is acknowledged.
//! Specified in poste-protocol(7), Enclosures and A sync from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::sync::Options;
use poste::core::keys::LetterId;
use poste::core::time::{DAY, HOUR};
use poste::store::outbox::State;
use poste::store::progress::Progress;
use world::film::{NOW, arrived, came, coming, item, left, send, state};
use world::{Person, RELAY, World, acquainted};

/// Alice is awake from 8 to 12, bob from 18 to 22, each syncing once an hour.
fn a_day(world: &World, alice: &Person<'_>, bob: &Person<'_>) {
    for hour in 0..24 {
        match hour {
            8..12 => drop(alice.sync()),
            18..22 => drop(bob.sync()),
            _ => {}
        }
        world.pass(HOUR);
    }
}

/// Days until a letter of alice's is acknowledged, at most so many.
fn days(world: &World, people: (&Person<'_>, &Person<'_>), id: LetterId, most: u32) -> u32 {
    let (alice, bob) = people;
    for day in 1..=most {
        a_day(world, alice, bob);
        if state(alice, id) == State::Acknowledged {
            return day;
        }
    }
    panic!("not acknowledged after {most} days: {:#?}", item(alice, id));
}

/// Two people who were awake together once, weeks ago.
fn apart(world: &World) -> (Person<'_>, Person<'_>) {
    let (alice, bob) = acquainted(world);
    world.pass(4 * DAY - 2 * 60);
    (alice, bob)
}

#[test]
fn a_letter_longer_than_the_hourly_slots_goes_whole_in_the_daily_exchange() {
    let world = World::at("2026-11-22T00");
    let (alice, bob) = apart(&world);
    let id = send(&alice, "bob", "long", 20_000);
    let took = days(&world, (&alice, &bob), id, 5);
    assert!(took <= 3, "{took} days");
    arrived(&bob, &alice, "long", 20_000);
    assert_eq!((coming(&bob).len(), left(&bob)), (0, 0), "the enclosure is forgotten");
}

/// Somebody's daily exchange is the first sync after this moment of the day.
fn set_moment(person: &Person<'_>, hour: u64, minute: u64) {
    let mut progress = Progress::load(&person.places()).unwrap();
    progress.daily_moment = Some(hour * HOUR + minute * 60);
    progress.save(&person.places()).unwrap();
}

/// Bob's daily exchange is his first sync of a day, or a later one.
#[test]
fn a_file_is_asked_for_and_comes_in_daily_exchanges() {
    for (hour, minute) in [(12, 0), (18, 42), (19, 30), (20, 59)] {
        a_file_comes(hour, minute);
    }
}

fn a_file_comes(hour: u64, minute: u64) {
    let world = World::at("2026-11-22T00");
    let (alice, bob) = apart(&world);
    set_moment(&bob, hour, minute);
    let id = send(&alice, "bob", "film", 150_000);
    assert_eq!(item(&alice, id).enclosure.unwrap().cells, 52);
    let took = days(&world, (&alice, &bob), id, 12);
    // 16 cells a day at the one relay, after a day each for the head and the want.
    assert!(took >= 6, "{took} days with {hour}:{minute}");
    came(&bob, "film", 150_000);
    assert_eq!(left(&bob), 0);
}

/// The head of an enclosure came by the hour, and then the letter itself.
#[test]
fn a_letter_that_comes_whole_ends_its_enclosure() {
    let world = World::at("2026-11-22T08");
    let (alice, bob) = acquainted(&world);
    let id = send(&alice, "bob", "both", 20_000);
    alice.sync();
    assert!(item(&alice, id).enclosure.is_some(), "it does not fit into four cells");
    bob.sync();
    assert_eq!(coming(&bob).len(), 1);

    // All that goes by the hour from now on is lost.
    world.relay(RELAY).lock().unwrap().faults.lost = 100;
    alice.sync();
    world.relay(RELAY).lock().unwrap().faults.lost = 0;
    alice.sync_with(&Options { daily: true, ..Options::default() });
    world.pass(DAY);
    bob.sync_with(&Options { daily: true, ..Options::default() });
    arrived(&bob, &alice, "both", 20_000);
    assert_eq!((coming(&bob).len(), left(&bob)), (0, 0));
    bob.sync_with(&NOW);
    alice.sync();
    assert_eq!(state(&alice, id), State::Acknowledged);
    assert_eq!(coming(&bob).len(), 0, "a repeated head does not begin it anew");
}

/// The hourly visits of a rhythm that is not that of an hour may never come to some of the relays;
/// the daily exchange comes to all of six.
#[test]
fn a_first_attempt_goes_by_the_day_where_the_turns_by_the_hour_never_come() {
    let relays: Vec<String> = (0..6).map(|at| format!("https://relay{at}.example")).collect();
    for at in 0..relays.len() {
        let world = World::at("2026-11-22T09");
        let own: Vec<&str> = relays.iter().map(String::as_str).collect();
        let alice = Person::new(&world, "alice", 1, &own);
        let bob = Person::new(&world, "bob", 2, &[&relays[at]]);
        alice.add("bob", &bob);
        set_moment(&alice, 0, 10);
        let id = send(&alice, "bob", "waiting", 100);
        for _ in 0..2 {
            alice.sync();
            world.pass(2 * DAY);
        }
        assert_eq!(state(&alice, id), State::Posted, "at relay {at}");
    }
}
